"""Wix's export of a catalogue: a row of a product, then rows of its variants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from vitrina.files.cells import is_yes
from vitrina.files.formats.base import Format, Money, Own, Reader
from vitrina.files.items import LeftOut, Product, Reject
from vitrina.files.names import numbered, plain
from vitrina.files.nested import LONG
from vitrina.files.numbers import Price, parse_number
from vitrina.files.rows import Row

_HOSTED = re.compile(r"[0-9a-z]{6}_[0-9a-f]{32}(?:~mv2)?\.\w{3,4}")
_HOST = "https://static.wixstatic.com/media/"
_SWATCH = re.compile(r"^#[0-9a-fA-F]{3,8}:")


class WixReader(Reader):
    """Reads products and their variants, whose prices are a surcharge on the product's."""

    groups = True
    whole = False
    own: ClassVar[Own] = {
        "title": ("name",),
        "external_id": ("handleId", "handle"),
        "group": (),
        "text": ("description", "plainDescription"),
        "image": ("productImageUrl", "media"),
        "url": (),
        "price": ("price",),
        "sale_price": (),
        "was_price": ("strikethroughPrice",),
        "sku": ("sku",),
        "ean": ("barcode",),
        "mpn": (),
        "stock": ("inventory",),
    }
    structure = (
        "fieldType", "surcharge", "discountMode", "discountValue", "visible", "cost",
        "mediaAltText",
    )  # fmt: skip

    def restart(self) -> None:
        columns = self.setup.file.columns
        self._options = [
            *self._pairs("productoptionname", "productOptionDescription"),
            *self._pairs("productoptionname", "productOptionChoices"),
        ]
        self._told = self._pairs("additionalinfotitle", "additionalInfoDescription")
        self._lists = [
            column for column in columns if plain(column) in ("collection", "categories")
        ]

    def _pairs(self, name: str, value: str) -> list[tuple[str, str]]:
        """The columns of names and values that have the same number."""
        known = {plain(column): column for column in self.setup.file.columns}
        found = ((numbered(column), column) for column in known.values())
        return [
            (column, known[other])
            for (word, number), column in found
            if word == name and (other := plain(f"{value}{number}")) in known
        ]

    def is_structure(self, column: str) -> bool:
        return plain(column).startswith(("productoption", "additionalinfo", "customtextfield"))

    def key(self, row: Row) -> str | None:
        return self.external_id(row) or None

    def group_id(self, key: str | None, head: Row) -> str:
        return self.external_id(head)

    def role(self, values: dict[str, Any]) -> str:
        kind = self.said(values, "fieldType").lower()
        return {"variant": "variant", "media": "picture"}.get(kind, "product")

    def left_out(self, values: dict[str, Any]) -> str | None:
        return "hidden" if is_yes(self.said(values, "visible")) is False else None

    def products(self, key: str | None, rows: list[Row]) -> Iterator[Product | Reject | LeftOut]:
        base = next((row for row in rows if self.role(row.values) == "product"), None)
        if base is not None:
            rows = [
                self._priced_as(row, base) if self.role(row.values) == "variant" else row
                for row in rows
            ]
        yield from super().products(key, rows)

    def _priced_as(self, row: Row, base: Row) -> Row:
        """A variant with the price and the discount of its product, and its own surcharge."""
        values = dict(row.values)
        for name in ("discountMode", "discountValue", "strikethroughPrice"):
            values[self.spelt(name)] = self.said(values, name) or self.said(base.values, name)
        if not self.said(values, "price"):
            price = parse_number(self.said(base.values, "price"))
            more = parse_number(self.said(values, "surcharge")) or 0
            values[self.spelt("price")] = "" if price is None else f"{price + more:.2f}"
        return Row(row.line, values)

    def money(self, values: dict[str, Any], prices: dict[str, Price]) -> Money:
        money = super().money(values, prices)
        off = parse_number(self.said(values, "discountValue")) or 0
        if money.now is None or off <= 0:
            return money
        percent = self.said(values, "discountMode").upper() == "PERCENT"
        now = round(money.now * (1 - off / 100) if percent else money.now - off, 4)
        return Money(now, None, money.now, money.currency) if now > 0 else money

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        if self.role(values) != "variant":
            return {}
        pairs = ((str(values.get(n) or "").strip(), values.get(v)) for n, v in self._options)
        return {
            name: _SWATCH.sub("", str(value).strip()) for name, value in pairs if name and value
        }

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, value in self._told:
            title, text = (str(values.get(column) or "").strip() for column in (name, value))
            if title and text and len(text) <= LONG and "<" not in text:
                found[title] = text
        for column in self._lists:
            items = [item.strip() for item in str(values.get(column) or "").split(";")]
            if items := [item for item in items if item]:
                found[column] = items[0] if len(items) == 1 else items
        return found

    def pictures(self, values: dict[str, Any]) -> list[str]:
        # a picture that Wix keeps is named without its host
        found = super().pictures(values)
        return [_HOST + one if _HOSTED.fullmatch(one) else one for one in found]


FORMAT = Format(
    "wix",
    "columns fieldType and handleId, or handle",
    "handleId,fieldType,name,price,surcharge,productOptionName1,productOptionDescription1,sku\n"
    "p1,Product,Mug,7.00,,Size,S;L,\np1,Variant,,,2.00,Size,L,MUG-L\n",
    lambda file, columns: (
        "fieldtype" in columns and "name" in columns and bool(columns & {"handleid", "handle"})
    ),
    WixReader,
)
