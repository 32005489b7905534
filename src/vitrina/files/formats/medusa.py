"""Medusa's export of products: a row a variant, the product's data repeated in each."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from vitrina.files.formats.base import Format, Money, Own, Reader
from vitrina.files.names import plain
from vitrina.files.numbers import Price
from vitrina.files.rows import Row

_IMAGE = re.compile(r"product image (\d+)(?: url)?", re.IGNORECASE)
_PRICE = re.compile(r"(?:variant )?price (?:.* )?([a-z]{3})", re.IGNORECASE)
_OPTION = re.compile(r"variant option (\d+) (name|value)", re.IGNORECASE)
_KEPT = ("productsubtitle", "productmaterial", "producttype", "productweight", "productlength",
         "productwidth", "productheight", "productorigincountry", "productcollection")  # fmt: skip


class MedusaReader(Reader):
    """Reads products; prices stand in a column for each currency, of which the first counts."""

    groups = True
    whole = False
    own: ClassVar[Own] = {
        "title": ("Product Title",),
        "external_id": ("Product Id", "Product Handle", "Variant SKU"),
        "group": ("Product Id", "Product Handle"),
        "text": ("Product Description",),
        "image": ("Product Thumbnail",),
        "url": (),
        "sale_price": (),
        "was_price": (),
        "currency": (),
        "sku": ("Variant SKU",),
        "ean": ("Variant EAN", "Variant Barcode", "Variant UPC"),
        "mpn": (),
        "stock": ("Variant Inventory Quantity",),
    }

    def restart(self) -> None:
        self._pairs: dict[str, dict[str, str]] = {}
        for column in self.setup.file.columns:
            if match := _OPTION.fullmatch(column.strip()):
                self._pairs.setdefault(match[1], {})[match[2].lower()] = column

    def found(self, columns: list[str]) -> dict[str, list[str]]:
        fields = super().found(columns)
        numbered = [(int(match[1]), c) for c in columns if (match := _IMAGE.fullmatch(c.strip()))]
        if "image" not in self.setup.columns:
            fields["image"] += [column for _, column in sorted(numbered)]
        if "price" not in self.setup.columns:
            fields["price"] = [c for c in columns if _PRICE.fullmatch(c.strip())]
        return fields

    def is_structure(self, column: str) -> bool:
        name = plain(column)
        return name.startswith(("variant", "product", "price")) and not (
            name.startswith(_KEPT) or _PRICE.fullmatch(column.strip()) or name == "variantsku"
        )

    def key(self, row: Row) -> str | None:
        return self.first(row.values, self.columns(row.values, "group")) or None

    def group_id(self, key: str | None, head: Row) -> str:
        return self.external_id(head)

    def left_out(self, values: dict[str, Any]) -> str | None:
        if self.said(values, "Product Deleted At"):
            return "deleted"
        status = (self.said(values, "Product Status") or "published").lower()
        return None if status == "published" else status

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        found: dict[str, object] = {}
        for pair in self._pairs.values():
            name, value = (
                str(values.get(pair.get(key, "")) or "").strip() for key in ("name", "value")
            )
            if name and value and value != "Default option value":
                found[name] = value
        return found

    def money(self, values: dict[str, Any], prices: dict[str, Price]) -> Money:
        money = super().money(values, prices)
        column = next((c for c in self.columns(values, "price") if c in prices), "")
        return Money(
            money.now, money.high, money.was, column.split()[-1].upper() if column else None
        )


FORMAT = Format(
    "medusa",
    "columns Product Handle, Product Title and Variant …",
    "Product Handle,Product Title,Variant SKU,Variant Price EUR,Variant Option 1 Name,"
    "Variant Option 1 Value\n"
    "mug,Mug,MUG-S,7,Size,S\nmug,Mug,MUG-L,9,Size,L\n",
    lambda file, columns: (
        {"producthandle", "producttitle"} <= columns
        and any(name.startswith("variant") for name in columns)
    ),
    MedusaReader,
)
