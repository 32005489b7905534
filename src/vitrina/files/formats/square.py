"""Square's export of a catalogue: a row a variation, with the name of its item."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from vitrina.files.cells import is_yes
from vitrina.files.formats.base import Format, Own, Reader
from vitrina.files.items import LeftOut, Product, Reject
from vitrina.files.names import numbered, plain
from vitrina.files.rows import Row

_STRUCTURE = (
    "optionname", "optionvalue", "enabled", "currentquantity", "newquantity", "stockalert", "tax",
    "price",
)  # fmt: skip


class SquareReader(Reader):
    """Reads items; `Regular` is mostly the only variation of an item."""

    groups = True
    whole = False
    own: ClassVar[Own] = {
        "title": ("Item Name",),
        "external_id": ("Token", "Reference Handle", "SKU"),
        "group": (),
        "text": ("Description",),
        "price": ("Price", "Online Sale Price"),
        "sale_price": (),
        "category": ("Category", "Categories", "Reporting Category"),
        "sku": ("SKU",),
        "ean": ("GTIN",),
        "mpn": (),
        "url": ("Permalink",),
        "stock": (),
    }
    structure = (
        "Token", "Reference Handle", "Variation Name", "Square Online Item Visibility", "Archived",
        "Item Type", "Customer-facing Name", "Sellable", "Contains Alcohol", "Stockable",
        "Skip Detail Screen in POS", "Delivery Enabled", "Shipping Enabled",
        "Self-serve Ordering Enabled",
        "Pickup Enabled", "Default Unit Cost", "Default Vendor Name", "Default Vendor Code",
        "Location",
    )  # fmt: skip

    def restart(self) -> None:
        self._last = ""
        self._several = False
        self._pairs = [
            (column, self.spelt(f"Option Value {numbered(column)[1]}"))
            for column in self.setup.file.columns
            if plain(column).startswith("optionname")
        ]

    def is_structure(self, column: str) -> bool:
        name = plain(column)
        return name != "price" and name.startswith(_STRUCTURE)

    def key(self, row: Row) -> str | None:
        self._last = (
            self.said(row.values, "Reference Handle")
            or self.first(row.values, self.columns(row.values, "title"))
            or self._last
        )
        return self._last or None

    def group_id(self, key: str | None, head: Row) -> str:
        return self.external_id(head)

    def products(self, key: str | None, rows: list[Row]) -> Iterator[Product | Reject | LeftOut]:
        self._several = len(rows) > 1
        yield from super().products(key, rows)

    def left_out(self, values: dict[str, Any]) -> str | None:
        if is_yes(self.said(values, "Archived"), empty=False):
            return "archived"
        seen = self.said(values, "Square Online Item Visibility").lower()
        return seen if seen in ("hidden", "unavailable") else None

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        found = {
            str(values.get(name)).strip(): str(values.get(value)).strip()
            for name, value in self._pairs
            if values.get(name) and values.get(value)
        }
        name = self.said(values, "Variation Name")
        if not found and name and (name != "Regular" or self._several):
            found = {"Variation": name}
        return dict(found)

    def variant_title(self, values: dict[str, Any], options: dict[str, object]) -> str:
        name = self.said(values, "Variation Name")
        return (
            name if name != "Regular" or self._several else super().variant_title(values, options)
        )


FORMAT = Format(
    "square",
    "columns Token, Item Name and Variation Name",
    "Token,Item Name,Variation Name,SKU,Price\nA1,Mug,Small,MUG-S,7.00\nA2,Mug,Large,MUG-L,9.00\n",
    lambda file, columns: {"token", "itemname", "variationname"} <= columns,
    SquareReader,
)
