"""Squarespace's export of products: the further variants of a product stand below its first."""

from __future__ import annotations

from typing import Any, ClassVar

from vitrina.files.cells import is_yes
from vitrina.files.formats.base import Format, Money, Own, Reader
from vitrina.files.names import numbered, plain
from vitrina.files.numbers import Price
from vitrina.files.rows import Row


class SquarespaceReader(Reader):
    """Reads products; a row without a title is one more variant of the product above it."""

    groups = True
    whole = False
    own: ClassVar[Own] = {
        "title": ("Title",),
        "external_id": ("Product ID", "SKU"),
        "group": (),
        "text": ("Description",),
        "image": ("Hosted Image URLs",),
        "url": (),
        "price": ("Price",),
        "sale_price": ("Sale Price",),
        "was_price": (),
        "sku": ("SKU",),
        "ean": (),
        "mpn": (),
        "stock": ("Stock",),
    }
    structure = (
        "Product ID", "Variant ID", "Product Type", "Product Page", "Product URL", "On Sale",
        "Visible",
    )  # fmt: skip

    def restart(self) -> None:
        self._number = 0
        self._pairs = [
            (column, self.spelt(f"Option Value {numbered(column)[1]}"))
            for column in self.setup.file.columns
            if plain(column).startswith("optionname")
        ]

    def is_structure(self, column: str) -> bool:
        return plain(column).startswith(("optionname", "optionvalue"))

    def key(self, row: Row) -> str | None:
        if self.title(row.values) or self.said(row.values, self.spelt("Product ID")):
            self._number += 1
        return str(self._number)

    def group_id(self, key: str | None, head: Row) -> str:
        return self.external_id(head)

    def role(self, values: dict[str, Any]) -> str:
        return "both" if self.title(values) else "variant"

    def left_out(self, values: dict[str, Any]) -> str | None:
        return "hidden" if is_yes(self.said(values, "Visible")) is False else None

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        pairs = ((values.get(name), values.get(value)) for name, value in self._pairs)
        return {str(name).strip(): str(value).strip() for name, value in pairs if name and value}

    def money(self, values: dict[str, Any], prices: dict[str, Price]) -> Money:
        if is_yes(self.said(values, "On Sale"), empty=False) is not True:
            # the sale price of a product that is not on sale is only kept for later
            sale = self.columns(values, "sale_price")
            prices = {name: price for name, price in prices.items() if name not in sale}
        return super().money(values, prices)

    def stock(self, values: dict[str, Any]) -> bool | None:
        if self.said(values, "Stock").lower() == "unlimited":
            return True
        return super().stock(values)


FORMAT = Format(
    "squarespace",
    "columns Product ID, Variant ID, On Sale and Hosted Image URLs",
    "Product ID [Non Editable],Variant ID [Non Editable],Title,SKU,Option Name 1,Option Value 1,"
    "Price,Sale Price,On Sale,Stock,Visible,Hosted Image URLs\n"
    "p1,v1,Mug,MUG-S,Size,S,7.00,0.00,No,3,Yes,https://shop.example/1.jpg\n"
    ",v2,,MUG-L,Size,L,9.00,0.00,No,0,,\n",
    lambda file, columns: {"productid", "variantid", "onsale", "hostedimageurls"} <= columns,
    SquarespaceReader,
)
