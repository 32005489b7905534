"""Etsy's export of listings: ten pictures, and variations in the row without prices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from vitrina.files.formats.base import Format, Money, Own, Reader
from vitrina.files.items import LeftOut, Product, Reject, Variant
from vitrina.files.names import plain
from vitrina.files.rows import Row, RowFile

_VARIATION = re.compile(r"variation|variante|variant|wariant|バリエーション", re.IGNORECASE)
_NAME = re.compile(r"\bname|nome|nombre|\bnom\b|naam|nazwa", re.IGNORECASE)
_VALUES = re.compile(r"value|valor|valeur|wert|waarde|warto", re.IGNORECASE)
_LISTS = {"tags", "tag", "materials", "materiali", "materialien", "materiaux", "materiales"}


class EtsyReader(Reader):
    """Reads listings; an empty SKU is usual, and the id is then made."""

    own: ClassVar[Own] = {"external_id": ("listing id", "SKU"), "group": (), "url": ()}
    structure = ("CURRENCY_CODE",)

    def restart(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, str] = {}
        for column in self.setup.file.columns:
            number = re.search(r"\d+", column)
            if number and _VARIATION.search(column):
                if _VALUES.search(column):
                    self._values[number[0]] = column
                elif _NAME.search(column):
                    self._names[number[0]] = column

    def is_structure(self, column: str) -> bool:
        return _VARIATION.search(column) is not None

    def _options(self, values: dict[str, Any]) -> dict[str, list[str]]:
        found = {}
        for number, column in self._names.items():
            said = str(values.get(self._values.get(number, "")) or "")
            items = [item.strip() for item in said.split(",") if item.strip()]
            if items and values.get(column):
                found[str(values[column]).strip()] = items
        return found

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        found: dict[str, object] = {
            name: items[0] if len(items) == 1 else items
            for name, items in self._options(values).items()
        }
        for column, value in values.items():
            if plain(column) in _LISTS and value:
                found[column] = [
                    item.strip().replace("_", " ") for item in str(value).split(",") if item.strip()
                ]
        return found

    def external_id(self, row: Row) -> str:
        # of several SKUs, one a variation, the first stands for the listing
        return super().external_id(row).split(",")[0].strip()

    def products(self, key: str | None, rows: list[Row]) -> Iterator[Product | Reject | LeftOut]:
        for item in super().products(key, rows):
            if isinstance(item, Product) and "," in (item.sku or ""):
                item.sku = None  # those of its variations, and no number of its own
            yield item

    def variants_in(self, row: Row, money: Money) -> list[Variant]:
        skus = [sku.strip() for sku in self.said(row.values, "SKU").split(",") if sku.strip()]
        options = self._options(row.values)
        if len(skus) < 2:
            return []
        if len(options) == 1 and len(*options.values()) == len(skus):
            ((name, items),) = options.items()
            return [
                Variant(row.line, sku, item, (), {name: item}, None, money.now)
                for sku, item in zip(skus, items, strict=True)
            ]
        return [Variant(row.line, sku, price=money.now) for sku in skus]


def _matches(file: RowFile, columns: frozenset[str]) -> bool:
    if not {"currencycode", "sku"} <= columns:
        return False
    return file.kind in ("csv", "sheet") and any(
        re.fullmatch(r"\D+1", name) and not _VARIATION.search(name) for name in columns
    )


FORMAT = Format(
    "etsy",
    "columns CURRENCY_CODE, SKU and IMAGE1",
    "TITLE,PRICE,CURRENCY_CODE,IMAGE1,VARIATION 1 NAME,VARIATION 1 VALUES,SKU\n"
    'Mug,7,EUR,https://shop.example/1.jpg,Glaze,"Blue,Grey",\n',
    _matches,
    EtsyReader,
)
