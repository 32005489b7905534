"""Saleor's export: a row a variant, attributes and channels named in the header's brackets."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from vitrina.files.cells import is_yes
from vitrina.files.formats.base import Format, Own, Reader
from vitrina.files.rows import Row, RowFile

_ATTRIBUTE = re.compile(r"(.+) \((product|variant) attribute\)", re.IGNORECASE)
_CHANNEL = re.compile(r"(.+) \(channel ([\w ]+)\)", re.IGNORECASE)


class SaleorReader(Reader):
    """Reads products; the first channel with a price gives it."""

    groups = True
    whole = False
    own: ClassVar[Own] = {
        "title": ("name",),
        "external_id": ("id",),
        "group": ("id",),
        "text": ("description", "description as str"),
        "image": ("product media",),
        "url": (),
        "sale_price": (),
        "sku": ("variant sku",),
        "category": ("category",),
        "ean": (),
        "mpn": (),
        "stock": (),
    }
    structure = (
        "variant id", "variant media", "product media", "charge taxes", "tax class", "rating",
        "product currency code", "variant currency code",
    )  # fmt: skip

    def restart(self) -> None:
        columns = self.setup.file.columns
        self._attributes = [
            (column, match[1], match[2].lower())
            for column in columns
            if (match := _ATTRIBUTE.fullmatch(column))
        ]
        self._channels: dict[str, list[str]] = {}
        for column in columns:
            if match := _CHANNEL.fullmatch(column):
                self._channels.setdefault(match[2].strip().lower(), []).append(column)

    def found(self, columns: list[str]) -> dict[str, list[str]]:
        fields = super().found(columns)
        if "price" not in self.setup.columns:
            fields["price"] = self._channels.get("price amount", [])
            fields["currency"] = self._channels.get("variant currency code", [])
        fields["brand"] = [
            column for column, name, _ in self._attributes if name.lower() == "brand"
        ]
        return fields

    def is_structure(self, column: str) -> bool:
        if column in self._channels.get("price amount", ()):
            return False
        quantity = column.lower().endswith("(warehouse quantity)")
        return quantity or bool(_ATTRIBUTE.fullmatch(column) or _CHANNEL.fullmatch(column))

    def key(self, row: Row) -> str | None:
        return self.said(row.values, "id") or None

    def left_out(self, values: dict[str, Any]) -> str | None:
        shown = [is_yes(values.get(column)) for column in self._channels.get("published", ())]
        return "not published" if shown and not any(shown) else None

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        return self._said(values, "variant")

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        return self._said(values, "product")

    def _said(self, values: dict[str, Any], of: str) -> dict[str, object]:
        return {
            name: str(values[column]).strip()
            for column, name, kind in self._attributes
            if kind == of and str(values.get(column) or "").strip()
        }

    def stock(self, values: dict[str, Any]) -> bool | None:
        pieces = [
            str(value).strip()
            for column, value in values.items()
            if column.lower().endswith("(warehouse quantity)") and str(value or "").strip()
        ]
        return any(piece not in ("0", "0.0") for piece in pieces) if pieces else None

    def variant_pictures(self, values: dict[str, Any]) -> list[str]:
        pieces = self.said(values, "variant media").split(",")
        return [bare for piece in pieces if (bare := piece.strip())]


def _matches(file: RowFile, columns: frozenset[str]) -> bool:
    return "id" in columns and any(
        _ATTRIBUTE.fullmatch(column) or _CHANNEL.fullmatch(column) for column in file.columns
    )


FORMAT = Format(
    "saleor",
    "a column id and one ending in (product attribute), (variant attribute) or (channel …)",
    "id,name,product media,variant sku,colour (variant attribute),web (channel price amount)\n"
    "UHJvZHVjdDo3,Mug,https://shop.example/1.jpg,MUG-B,Blue,7\n",
    _matches,
    SaleorReader,
)
