"""Shopify's export: a product, its variants and further pictures on lines of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from vitrina.files.cells import is_yes
from vitrina.files.formats.base import Format, Own, Reader
from vitrina.files.items import LeftOut, Product, Reject
from vitrina.files.names import plain
from vitrina.files.rows import Row, RowFile

_NUMBERS = (1, 2, 3)


class ShopifyReader(Reader):
    """Reads the older header (`Handle`, `Variant Price`) and the newer (`URL handle`, `Price`)."""

    groups = True
    whole = False
    own: ClassVar[Own] = {
        "title": ("Title",),
        "external_id": ("Handle", "URL handle", "Variant SKU", "SKU"),
        "group": ("Handle", "URL handle"),
        "text": ("Body (HTML)", "Description"),
        "image": ("Image Src", "Product image URL"),
        "url": (),
        "price": ("Variant Price", "Price"),
        "sale_price": (),
        "was_price": ("Variant Compare At Price", "Compare-at price"),
        "currency": (),
        "brand": ("Vendor",),
        "category": ("Product Category", "Type"),
        "sku": ("Variant SKU", "SKU"),
        "ean": ("Variant Barcode", "Barcode"),
        "mpn": (),
        "stock": (),
    }
    structure = (
        "Published", "Status", "Published on online store", "Image Position", "Image Alt Text",
        "Product image position", "Image position", "Variant Image", "Variant image URL",
        "Gift Card", "SEO Title", "SEO Description", "Variant Grams", "Variant Weight Unit",
        "Variant Inventory Tracker", "Variant Inventory Qty", "Variant Inventory Policy",
        "Variant Fulfillment Service", "Variant Requires Shipping", "Variant Taxable",
        "Variant Tax Code", "Cost per item", "Inventory tracker", "Inventory quantity",
        "Continue selling when out of stock", "Charge tax", "Tax code", "Requires shipping",
        "Fulfillment service", "Weight value (grams)", "Weight unit for display",
        "Unit Price Total Measure", "Unit Price Total Measure Unit", "Unit Price Base Measure",
        "Unit Price Base Measure Unit",
    )  # fmt: skip

    def restart(self) -> None:
        self._names: dict[int, str] = {}
        self._column: dict[str, str] = {plain(column): column for column in self.setup.file.columns}
        self._options = [
            (number, self._at(f"Option{number} name"), self._at(f"Option{number} value"))
            for number in _NUMBERS
        ]
        self._position = self._at("Image Position") or self._at("Product image position")
        self._variant_image = self._at("Variant Image") or self._at("Variant image URL")
        self._tracker = self._at("Variant Inventory Tracker") or self._at("Inventory tracker")
        self._quantity = self._at("Variant Inventory Qty") or self._at("Inventory quantity")
        self._policy = self._at("Variant Inventory Policy") or self._at(
            "Continue selling when out of stock"
        )
        self._status = self._at("Status")
        self._published = self._at("Published") or self._at("Published on online store")

    def _at(self, name: str) -> str:
        return self._column.get(plain(name), "")

    def is_structure(self, column: str) -> bool:
        name = plain(column)
        market = "/" in column and name.startswith(("included", "price", "compareatprice"))
        return market or name.startswith(("option1", "option2", "option3"))

    def key(self, row: Row) -> str | None:
        return self.first(row.values, self.columns(row.values, "group")) or None

    def products(self, key: str | None, rows: list[Row]) -> Iterator[Product | Reject | LeftOut]:
        self._names = {
            number: next((str(row.values[name]) for row in rows if row.values.get(name)), "")
            for number, name, _ in self._options
            if name
        }
        yield from super().products(key, rows)

    def left_out(self, values: dict[str, Any]) -> str | None:
        status = str(values.get(self._status) or "").strip().lower()
        if status in ("draft", "archived"):
            return status
        if self._published and is_yes(values.get(self._published)) is False:
            return "not published"
        return None

    def variant_left_out(self, values: dict[str, Any]) -> str | None:
        return None

    def role(self, values: dict[str, Any]) -> str:
        if self.first(values, self.columns(values, "title")):
            return "both"
        sold = [value for _, _, value in self._options] + [
            column for name in ("sku", "price") for column in self.columns(values, name)
        ]
        return "variant" if any(values.get(column) for column in sold) else "picture"

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        found: dict[str, object] = {}
        for number, _, column in self._options:
            value = str(values.get(column) or "").strip()
            if value and not (number == 1 and value == "Default Title"):
                found[self._names.get(number) or f"Option{number}"] = value
        return found

    def all_pictures(self, head: Row, rows: list[Row]) -> list[str]:
        placed = []
        for number, row in enumerate(rows):
            position = str(row.values.get(self._position) or "").strip()
            place = int(position) if position.isdigit() else len(rows) + number
            placed += [(place, number, address) for address in self.pictures(row.values)]
        return list(dict.fromkeys(address for *_, address in sorted(placed)))

    def variant_pictures(self, values: dict[str, Any]) -> list[str]:
        if self._variant_image:
            # the picture of the row is one of the product's, whichever variant stands beside it
            said = str(values.get(self._variant_image) or "").strip()
            return [said] if said else []
        return super().variant_pictures(values)

    def stock(self, values: dict[str, Any]) -> bool | None:
        quantity = str(values.get(self._quantity) or "").strip()
        if self._tracker and not str(values.get(self._tracker) or "").strip():
            # an item that is not counted is always in stock; but a row of a picture says nothing
            return True if self.first(values, self.columns(values, "price")) else None
        policy = str(values.get(self._policy) or "").strip().lower()
        if policy in ("continue", "true"):
            return True
        return float(quantity) > 0 if quantity.lstrip("-").isdigit() else None


def _matches(file: RowFile, columns: frozenset[str]) -> bool:
    old = "handle" in columns and bool(
        columns & {"variantprice", "body", "variantsku", "option1value"}
    )
    new = "urlhandle" in columns and bool(columns & {"option1value", "productimageurl"})
    return file.kind in ("csv", "sheet") and (old or new)


FORMAT = Format(
    "shopify",
    "columns Handle and Variant Price or Body (HTML); or URL handle and Option1 value",
    "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src\n"
    "stool,Oak stool,Finish,Raw,ST-R,49.00,https://shop.example/1.jpg\n"
    "stool,,,Oiled,ST-O,55.00,\n",
    _matches,
    ShopifyReader,
)
