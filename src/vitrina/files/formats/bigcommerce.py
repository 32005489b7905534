"""BigCommerce's exports: SKU, Rule, Variant and Image rows right below their product."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from vitrina.files.cells import is_yes
from vitrina.files.formats.base import Format, Own, Reader
from vitrina.files.items import LeftOut, Product, Reject
from vitrina.files.nested import LONG
from vitrina.files.numbers import parse_price
from vitrina.files.rows import Row, RowFile

_LEGACY = re.compile(r"(?:^|,)\s*(?:\[\w+\])?([^=,]+)=([^,]*)")
_MODERN = re.compile(r"Name=(.*?)\|Value=(.*?)(?=\s*(?:\|\|\s*)?Type=|\s*\|\||$)", re.DOTALL)
_CHANGE = re.compile(r"\s*\[(\w+)\]\s*(.+)")
_PRICES = ("price", "sale_price", "was_price")
_SWATCH = re.compile(r"(?::#[0-9a-fA-F]{3,8}.*|\[[^\]]*\])$")


class _Below(Reader):
    """Rows that belong to the product above them."""

    groups = True
    whole = False
    kind_column = ""

    def restart(self) -> None:
        self._number = 0

    def kind(self, values: dict[str, Any]) -> str:
        return self.said(values, self.kind_column).lower()

    def key(self, row: Row) -> str | None:
        if self.kind(row.values) == "product":
            self._number += 1
        return str(self._number)

    def group_id(self, key: str | None, head: Row) -> str:
        return self.external_id(head)

    def _inherited(self, row: Row, base: Row) -> Row:
        """A variant with the prices of its product where its own are empty."""
        columns = (c for name in _PRICES for c in self.columns(base.values, name))
        empty = {c: base.values.get(c) for c in columns if not self.said(row.values, c)}
        return Row(row.line, {**row.values, **empty})


class LegacyReader(_Below):
    """Reads the older export, with rows of products, SKUs and rules."""

    kind_column = "Item Type"
    own: ClassVar[Own] = {
        "title": ("Product Name",),
        "external_id": ("Product ID", "Product Code/SKU"),
        "group": (),
        "text": ("Product Description",),
        "image": ("Product Image URL", "Product Image File"),
        "url": ("Product URL",),
        "price": ("Price", "Calculated Price"),
        "sale_price": ("Sale Price",),
        "was_price": ("Retail Price",),
        "sku": ("Product Code/SKU",),
        "ean": ("Product UPC/EAN", "Global Trade Item Number"),
        "mpn": ("Manufacturer Part Number",),
        "stock": ("Current Stock Level",),
    }
    structure = (
        "Item Type", "Product Type", "Product Visible?", "Allow Purchases?", "Track Inventory",
        "Product Tax Class", "Cost Price", "Fixed Shipping Price", "Free Shipping", "Sort Order",
        "Option Set", "Option Set Align", "Stop Processing Rules", "Show Product Condition?",
        "Product Availability", "Page Title", "Meta Keywords", "Meta Description", "Date Added",
        "Date Modified", "Event Date Required?", "Product Condition", "Product Inventoried",
        "Event Date Name", "MYOB Asset Acct", "Product Custom Fields",
    )  # fmt: skip

    def is_structure(self, column: str) -> bool:
        return column.lower().startswith(
            ("product image ", "event date", "myob", "low stock", "current stock")
        )

    def stock(self, values: dict[str, Any]) -> bool | None:
        tracked = (self.said(values, "Track Inventory") or "by product").lower()
        return super().stock(values) if tracked.startswith("by ") else None

    def left_out(self, values: dict[str, Any]) -> str | None:
        return "hidden" if is_yes(self.said(values, "Product Visible?")) is False else None

    def role(self, values: dict[str, Any]) -> str:
        return {"product": "both", "sku": "variant"}.get(self.kind(values), "rule")

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        if self.kind(values) != "sku":
            return {}
        return {
            name.strip(): _SWATCH.sub("", value.strip())
            for name, value in _LEGACY.findall(self.said(values, "Product Name"))
        }

    def products(self, key: str | None, rows: list[Row]) -> Iterator[Product | Reject | LeftOut]:
        rules = {
            self.said(row.values, "Product Code/SKU")
            or self.said(row.values, "Product Name"): self.said(row.values, "Price")
            for row in rows
            if self.kind(row.values) == "rule"
        }
        base = next((row for row in rows if self.kind(row.values) == "product"), None)
        if base is not None and len(rows) > 1:
            rows = [
                self._ruled(row, base, rules) for row in rows if self.kind(row.values) != "rule"
            ]
        yield from super().products(key, rows)

    def _ruled(self, row: Row, base: Row, rules: dict[str, str]) -> Row:
        """An SKU with the prices that its rule gives it, else those of its product."""
        if self.kind(row.values) != "sku":
            return row
        row = self._inherited(row, base)
        rule = rules.get(self.said(row.values, "Product Code/SKU"), "")
        match = _CHANGE.match(rule)
        change = parse_price(match[2].strip() if match else rule)
        if change is None:
            return row
        kind = match[1].upper() if match else "FIXED"
        changed = {
            column: self._changed(row.values.get(column), kind, change.low)
            for name in _PRICES[:2]
            for column in self.columns(row.values, name)
        }
        return Row(row.line, {**row.values, **changed})

    @staticmethod
    def _changed(value: object, kind: str, change: float) -> str:
        """A price, changed by a rule; a fixed price is no longer reduced."""
        before = parse_price(str(value or ""))
        if before is None:
            return ""
        now = {
            "ADD": before.low + change,
            "REMOVE": before.low - change,
            "PERCENT": before.low * (1 + change / 100),
        }.get(kind, change)
        return f"{now:.2f}" if now > 0 else ""

    def variant_title(self, values: dict[str, Any], options: dict[str, object]) -> str:
        return " / ".join(str(value) for value in options.values())

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        found = _pairs(self.said(values, "Product Custom Fields"))
        paths = [path.strip() for path in self.said(values, "Category").split(";") if path.strip()]
        if paths:
            found["Category"] = paths[0] if len(paths) == 1 else paths
        return found


class ModernReader(_Below):
    """Reads the newer export, with rows of products, variants, images and videos."""

    kind_column = "Item"
    own: ClassVar[Own] = {
        "title": ("Name",),
        "external_id": ("ID", "SKU"),
        "group": (),
        "text": ("Description",),
        "image": ("Image URL (Import)", "Internal Image URL (Export)"),
        "url": ("Product URL",),
        "price": ("Price",),
        "sale_price": ("Sale Price",),
        "was_price": ("Retail Price",),
        "sku": ("SKU",),
        "ean": ("UPC/EAN", "Global Trade Number"),
        "mpn": ("Manufacturer Part Number",),
        "stock": (),
    }
    structure = (
        "Item", "Type", "Options", "Is Visible", "Brand ID", "Categories", "Cost Price",
        "Tax Class",
        "Inventory Tracking", "Is Featured", "Image is Thumbnail", "Image Sort Order",
        "Variant Image URL", "Meta Keywords", "Meta Description", "Page Title", "Show Condition",
        "Free Shipping", "Fixed Shipping Cost", "Sort Order", "Image ID", "Image Description",
        "Minimum Purchase Quantity", "Maximum Purchase Quantity", "Current Stock", "Low Stock",
        "YouTube ID", "Video Title", "Video Description", "Video Sort Order", "Channels",
        "Custom Fields",
    )  # fmt: skip

    def products(self, key: str | None, rows: list[Row]) -> Iterator[Product | Reject | LeftOut]:
        base = next((row for row in rows if self.kind(row.values) == "product"), None)
        if base is not None:
            rows = [
                self._inherited(row, base) if self.kind(row.values) == "variant" else row
                for row in rows
            ]
        yield from super().products(key, rows)

    def left_out(self, values: dict[str, Any]) -> str | None:
        return "hidden" if is_yes(self.said(values, "Is Visible")) is False else None

    def variant_left_out(self, values: dict[str, Any]) -> str | None:
        return None

    def role(self, values: dict[str, Any]) -> str:
        return {"product": "both", "variant": "variant", "image": "picture"}.get(
            self.kind(values), "video"
        )

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        if self.kind(values) != "variant":
            return {}
        return {
            name.strip(): _SWATCH.sub("", value.strip()).strip()
            for name, value in _MODERN.findall(self.said(values, "Options"))
        }

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        return _pairs(self.said(values, "Custom Fields"))

    def variant_title(self, values: dict[str, Any], options: dict[str, object]) -> str:
        return " / ".join(str(value) for value in options.values())

    def variant_pictures(self, values: dict[str, Any]) -> list[str]:
        said = self.said(values, "Variant Image URL")
        return [said] if said else []

    def all_pictures(self, head: Row, rows: list[Row]) -> list[str]:
        shown = [row for row in rows if self.role(row.values) in ("picture", "both")]
        shown.sort(
            key=lambda row: is_yes(self.said(row.values, "Image is Thumbnail"), False) is not True
        )
        # an address that the shop serves comes before the path inside its tool
        return list(dict.fromkeys(a for row in shown for a in self.pictures(row.values)[:1]))


def _pairs(said: str) -> dict[str, object]:
    """The shop's own fields, `Material=Brass;Height=45 cm`; each name may come several times."""
    found: dict[str, list[str]] = {}
    for piece in said.split(";"):
        name, _, value = (part.strip() for part in piece.partition("="))
        if name and value and len(value) <= LONG:
            found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _is_modern(file: RowFile, columns: frozenset[str]) -> bool:
    return {"item", "sku", "options"} <= columns and "name" in columns


LEGACY = Format(
    "bigcommerce-legacy",
    "columns Item Type and Product Name",
    "Item Type,Product ID,Product Name,Product Code/SKU,Price\n"
    "Product,77,Brass lamp,LMP,49.99\n  SKU,78,[S]Finish=Black,LMP-B,\n",
    lambda file, columns: {"itemtype", "productname"} <= columns,
    LegacyReader,
)

FORMAT = Format(
    "bigcommerce",
    "columns Item, SKU and Options",
    "Item,ID,Name,SKU,Options,Price\nProduct,9,Lamp,L,,40\n"
    "Variant,,,L-B,Type=Swatch|Name=Finish|Value=Black[#000000],45\n",
    _is_modern,
    ModernReader,
)
