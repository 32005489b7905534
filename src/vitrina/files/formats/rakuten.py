"""Rakuten's export: a product's row, then a row for each of its SKUs."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from vitrina.files.formats.base import Format, Own, Reader
from vitrina.files.names import plain
from vitrina.files.rows import Row

_SKU = "SKU管理番号"
_OPTION = re.compile(r"バリエーション項目キー(\d+)")


class RakutenReader(Reader):
    """Reads products by their number in the shop, 商品管理番号."""

    groups = True
    whole = False
    own: ClassVar[Own] = {
        "title": ("商品名",),
        "external_id": ("商品管理番号", "商品番号"),
        "group": ("商品管理番号",),
        "text": ("PC用商品説明文", "スマートフォン用商品説明文", "PC用販売説明文", "商品説明文"),
        "image": ("商品画像パス",),
        "url": (),
        "price": ("通常購入販売価格", "販売価格"),
        "sale_price": (),
        "was_price": ("表示価格",),
        "sku": ("システム連携用SKU番号", "SKU管理番号"),
        "ean": ("カタログID",),
        "stock": ("在庫数",),
    }

    def restart(self) -> None:
        columns = self.setup.file.columns
        self._pairs = [
            (column, value)
            for column in columns
            if (match := _OPTION.fullmatch(column))
            for value in (f"バリエーション項目選択肢{match[1]}",)
            if value in columns
        ]
        self.setup.currency = "JPY"

    def is_structure(self, column: str) -> bool:
        return column.startswith((
            "バリエーション", "SKU", "商品画像", "倉庫", "注文", "ポイント", "サーチ", "消費税",
            "送料", "配送",
            "カート", "コントロール", "商品属性", "販売期間", "予約", "表示先", "再入荷", "在庫",
        ))  # fmt: skip

    def key(self, row: Row) -> str | None:
        return self.first(row.values, self.columns(row.values, "group")) or None

    def left_out(self, values: dict[str, Any]) -> str | None:
        return "in the warehouse" if self.said(values, "倉庫指定") == "1" else None

    def role(self, values: dict[str, Any]) -> str:
        has_sku = bool(self.said(values, _SKU))
        if self.first(values, self.columns(values, "title")):
            return "both" if has_sku else "product"
        return "variant"

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        return {
            str(values[name]).strip(): str(values[value]).strip()
            for name, value in self._pairs
            if values.get(name) and values.get(value)
        }


FORMAT = Format(
    "rakuten",
    "columns 商品管理番号（商品URL） and SKU管理番号",
    "商品管理番号（商品URL）,商品名,SKU管理番号,販売価格\nmug,マグ,,\nmug,,mug-s,1980\n",
    lambda file, columns: {plain("商品管理番号"), plain(_SKU)} <= columns,
    RakutenReader,
)
