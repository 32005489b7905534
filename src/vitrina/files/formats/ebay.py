"""eBay's files of listings: child rows with a relationship, settings in the header's first cell."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from vitrina.files.formats.base import Format, Own, Reader, Setup
from vitrina.files.rows import Row, RowFile

_ACTION = re.compile(r"\*?action\s*\((.*)\)", re.IGNORECASE)
_DROPPED = (
    "action", "categoryid", "category2", "conditionid", "shipping", "return", "dispatch", "payment",
    "bestoffer", "duration", "format", "location", "paypal", "store", "relationship", "quantity",
    "immediate", "international", "domestic", "schedule", "postal", "gallery", "immediatepay",
)  # fmt: skip


class EbayReader(Reader):
    """Reads listings; item specifics (`C:Brand`) are attributes by their own name."""

    groups = True
    whole = False
    own: ClassVar[Own] = {
        "title": ("Title",),
        "external_id": ("Custom label", "CustomLabel", "Item number", "ItemID"),
        "group": (),
        "text": ("Description", "Item description"),
        "image": ("Item photo URL", "PicURL"),
        "url": ("View item URL",),
        "price": ("Buy It Now price", "BuyItNowPrice", "Start price", "StartPrice", "Price"),
        "sale_price": (),
        "category": ("Category name", "Category"),
        "sku": ("Custom label", "CustomLabel"),
        "ean": ("P:UPC", "P:EAN", "P:ISBN", "Product:UPC", "Product:EAN", "UPC", "EAN"),
        "stock": ("Quantity", "Available quantity"),
    }

    def __init__(self, setup: Setup) -> None:
        head = setup.file.columns[0] if setup.file.columns else ""
        match = re.search(r"Currency=(\w{3})", head, re.IGNORECASE)
        setup.currency = match[1].upper() if match else setup.currency
        self._names = {column: _name(column) for column in setup.file.columns}
        super().__init__(setup)

    def restart(self) -> None:
        self._number = 0

    def prepare(self, row: Row) -> Row:
        return Row(
            row.line,
            {self._names.get(name, name): value for name, value in row.values.items()},
        )

    def is_structure(self, column: str) -> bool:
        return column.lower().replace(" ", "").startswith(_DROPPED)

    def skip(self, values: dict[str, Any]) -> str | None:
        first = str(next(iter(values.values()), "")).strip().lower()
        return "comment" if first.startswith(("#", "info")) else None

    def _is_child(self, values: dict[str, Any]) -> bool:
        return self.said(values, "Relationship").lower() == "variation"

    def key(self, row: Row) -> str | None:
        if not self._is_child(row.values):
            self._number += 1
        return str(self._number)

    def group_id(self, key: str | None, head: Row) -> str:
        return self.external_id(head)

    def left_out(self, values: dict[str, Any]) -> str | None:
        action = self.said(values, "Action").lower()
        return "ended" if action in ("end", "delete", "enditem") else None

    def role(self, values: dict[str, Any]) -> str:
        return "variant" if self._is_child(values) else "both"

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        if not self._is_child(values):
            return {}
        pieces = self.said(values, "Relationship details")
        pairs = (piece.partition("=") for piece in pieces.split("|"))
        return {name.strip(): value.strip() for name, equals, value in pairs if equals}

    def pictures(self, values: dict[str, Any]) -> list[str]:
        # `Red=https://…` is the picture of one value
        return [re.sub(r"^[^=/]+=(?=https?:)", "", address) for address in super().pictures(values)]


def _name(column: str) -> str:
    """`*C:Brand` is Brand, `*Action(…)` is Action."""
    bare = column.lstrip("* ")
    if _ACTION.match(bare):
        return "Action"
    return bare[2:] if bare[:2].upper() == "C:" else bare


def _matches(file: RowFile, columns: frozenset[str]) -> bool:
    return any(_ACTION.match(column) and "=" in column for column in file.columns[:2])


FORMAT = Format(
    "ebay",
    "a first column Action(SiteID=…)",
    "Action(SiteID=US|Currency=USD),Title,Custom label (SKU),Relationship,Relationship details,"
    "Start price\n"
    "Add,Tee,TEE,,Color=Red;Blue,\n,,TEE-R,Variation,Color=Red,9.00\n",
    _matches,
    EbayReader,
)
