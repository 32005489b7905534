"""PrestaShop's export of products: headers with `(x,y,z...)`, features in one cell."""

from __future__ import annotations

from typing import Any, ClassVar

from vitrina.errors import InputError
from vitrina.files.cells import is_yes
from vitrina.files.formats.base import Format, Money, Own, Reader
from vitrina.files.names import plain
from vitrina.files.numbers import Price, parse_number
from vitrina.files.rows import RowFile

_LISTS = ("(x,y,z", "(x, y, z")
_AMOUNT = ("discountamount", "montantdelaremise", "montantreduction")
_PERCENT = ("discountpercent", "pourcentagedelaremise", "pourcentagedereduction")


class PrestaShopReader(Reader):
    """Reads products; a file of combinations alone has no titles, and that is said."""

    own: ClassVar[Own] = {
        "external_id": ("Product ID", "ID", "Reference", "Référence"),
        "group": (),
        "url": (),
        "image": ("Image URLs", "URL des images", "Image"),
        "price": (
            "Price tax included",
            "Prix TTC",
            "Price tax excluded",
            "Prix hors taxe",
            "Price",
        ),
        "sale_price": (),
        "sku": ("Reference", "Référence"),
    }
    structure = (
        "Active", "Actif", "Tax rules ID", "Wholesale price", "Prix d'achat", "On sale",
        "Discount amount", "Discount percent", "Discount from", "Discount to", "URL rewritten",
        "Meta title", "Meta keywords", "Meta description", "Feature", "Caractéristique",
        "Delete existing images", "Image alt texts", "Available for order", "Show price",
        "Product available date", "Product creation date", "Minimal quantity", "Low stock level",
        "Visibility", "Additional shipping cost", "Unity", "Unit price", "Supplier reference",
        "Text when in stock", "Text when backorder allowed", "ID / Name of shop",
        "Advanced stock management", "Depends On Stock", "Warehouse", "Out of stock",
        "Customizable", "Uploadable files", "Text fields", "File URL", "Ecotax",
    )  # fmt: skip

    def restart(self) -> None:
        columns = self.setup.file.columns
        self._active = next((c for c in columns if plain(c) in ("active", "actif")), "")
        self._features = [c for c in columns if plain(c).startswith(("feature", "caracteristique"))]
        self._amount = next((c for c in columns if plain(c) in _AMOUNT), "")
        self._percent = next((c for c in columns if plain(c) in _PERCENT), "")
        self._lists = [
            c
            for c in columns
            if c.lower().find("(x") >= 0 and plain(c) in ("categories", "tags", "motscles")
        ]
        names = {plain(c) for c in columns}
        if {"attribute", "value"} <= names or {"attribut", "valeur"} <= names:
            raise InputError(
                f"{self.setup.file.name} holds PrestaShop's combinations, which have no titles: "
                "ingest the file of products"
            )

    def left_out(self, values: dict[str, Any]) -> str | None:
        return "not active" if self._active and is_yes(values.get(self._active)) is False else None

    def money(self, values: dict[str, Any], prices: dict[str, Price]) -> Money:
        money = super().money(values, prices)
        if money.now is None:
            return money
        amount = parse_number(str(values.get(self._amount) or "")) or 0
        percent = parse_number(str(values.get(self._percent) or "")) or 0
        now = round((money.now - amount) * (1 - percent / 100), 4)
        return Money(now, None, money.now, money.currency) if 0 < now < money.now else money

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        found: dict[str, object] = {}
        for column in self._features:
            for piece in str(values.get(column) or "").split(","):
                parts = piece.split(":")
                if len(parts) >= 2 and parts[0].strip() and parts[1].strip():
                    found[parts[0].strip()] = parts[1].strip()
        for column in self._lists:
            items = [
                item.strip() for item in str(values.get(column) or "").split(",") if item.strip()
            ]
            if items:
                found[column] = items[0] if len(items) == 1 else items
        return found


def _matches(file: RowFile, columns: frozenset[str]) -> bool:
    if file.kind not in ("csv", "sheet"):
        return False
    listed = any(mark in column.lower() for column in file.columns for mark in _LISTS)
    switch = any(
        plain(column) in ("active", "actif") and "0/1" in column for column in file.columns
    )
    combinations = any("name:type:position" in column.lower() for column in file.columns)
    return (listed and switch) or combinations


FORMAT = Format(
    "prestashop",
    "a column Active (0/1) and one with (x,y,z...), in English or French",
    "Product ID;Active (0/1);Name *;Categories (x,y,z...);Price tax excluded;"
    "Image URLs (x,y,z...)\n"
    "1;1;Oak stool;Home,Stools;49.00;https://shop.example/1.jpg\n",
    _matches,
    PrestaShopReader,
)
