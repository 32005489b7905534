"""PrestaShop's export of products: headers with `(x,y,z...)`, features in one cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from vitrina.errors import InputError
from vitrina.files import combinations
from vitrina.files.cells import is_yes
from vitrina.files.formats.base import Format, Money, Own, Reader
from vitrina.files.items import LeftOut, Product, Reject
from vitrina.files.names import plain, words
from vitrina.files.numbers import Price, parse_number
from vitrina.files.rows import Row, RowFile
from vitrina.files.survey import Kind

_LISTS = ("(x,y,z", "(x, y, z")
_NAME = frozenset({"name", "nom"})
_IMPACT = frozenset({"impactonprice", "impactsurleprix"})
_REFERENCE = "reference "  # before a reference that stands for the id of a product
_POSITION = re.compile(r":\s*\d+\s*$")
# Headers are labels in the language of the shop's staff; these are their words, as plain names.
_ACTIVE = words("active actif activo activado attivo attivato aktiv aktiviert actief aktywny ativo")
_DISCOUNT = re.compile(r"discount|remise|reduction|descuento|rabat|sconto|korting|desconto|znizk")
_AMOUNT = re.compile(r"amount|montant|importe|betrag|importo|bedrag|kwota|valor")
_PERCENT = re.compile(r"percent|pourcent|porcent|procent|prozent")
_PRICE = re.compile(r"pri[cx]e?|precio|preis|prezzo|prijs|cena|preco")
_OTHER_PRICE = re.compile(
    r"cost|wholesale|achat|unit|impact|coste|mayor|einkauf|grosshandel|acquisto|ingrosso|inkoop"
    r"|zakup|hurt|custo|grund|eenheid|jednost|anzeig|show|mostra|affich|toon|pokaz"
)
_WITH_TAX = re.compile(r"inclu|ttc|coniva|ivainclu|inkl|mitmwst|brutto|zpodatk|comiva|comimpost")
_FEATURE = re.compile(r"feature|carac?teristi|caratteristic|eigenschaft|merkmal|kenmerk|cech")
_RULE = re.compile(
    r"^(?:meta|seo)(?!l)|regla|regola|regra|regledetaxe|steuerregel|steuersatz|belastingregel"
    r"|podatkow|rewritten|ree?scrit|reecrit|amigable|umgeschrieb|freundlich|riscritt|herschrev"
    r"|przyjazn|alt(?:text|ernat)"
)


class PrestaShopReader(Reader):
    """Reads products, with their combinations where these are in the same zip."""

    whole = False

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
        "Discount amount", "Discount percent", "URL rewritten",
        "Meta title", "Meta keywords", "Meta description", "Feature", "Caractéristique",
        "Delete existing images", "Image alt texts", "Available for order", "Show price",
        "Product available date", "Product creation date", "Minimal quantity", "Low stock level",
        "Visibility", "Additional shipping cost", "Unity", "Unit price", "Supplier reference",
        "Text when in stock", "Text when backorder allowed", "ID / Name of shop",
        "Advanced stock management", "Depends On Stock", "Warehouse", "Out of stock",
        "Attribute", "Attribut", "Value", "Valeur", "Product reference", "Référence produit",
        "Impact on price", "Impact sur le prix", "Impact on weight", "Impact sur le poids",
        "Default", "Par défaut", "Combination available date", "Image position",
        "Customizable", "Uploadable files", "Text fields", "File URL", "Ecotax",
    )  # fmt: skip

    def restart(self) -> None:
        columns = self.setup.file.columns
        self._active = self._called(_ACTIVE)
        self._features = [c for c in columns if _FEATURE.match(plain(c)) and ":" in c]
        discounts = [c for c in columns if _DISCOUNT.search(plain(c))]
        self._amount = next((c for c in discounts if _AMOUNT.search(plain(c))), "")
        self._percent = next((c for c in discounts if _PERCENT.search(plain(c))), "")
        self._lists = [c for c in columns if _is_list(c) and not _is_of_pictures(c)]
        self._attribute = self._called(combinations.ATTRIBUTE)
        self._value = self._called(combinations.VALUE)
        self._product_reference = self._called(combinations.PRODUCT_REFERENCE)
        self._impact = self._called(_IMPACT)
        self._head: dict[str, Any] = {}
        self._head_price = Money()
        self.groups = combinations.is_combinations(columns)
        if self.groups and not self._called(_NAME):
            raise InputError(
                f"{self.setup.file.name} holds PrestaShop's combinations, which have no titles: put"
                " it and the file of products into one zip, and ingest the zip"
            )

    def found(self, columns: list[str]) -> dict[str, list[str]]:
        fields = super().found(columns)
        prices = [
            c for c in columns if _PRICE.match(plain(c)) and not _OTHER_PRICE.search(plain(c))
        ]
        prices.sort(key=lambda column: _WITH_TAX.search(plain(column)) is None)
        for name, columns_of in (
            ("image", [c for c in columns if _is_list(c) and "url" in plain(c)]),
            ("price", prices),
            ("sku", self.setup.names.columns("sku", columns)),
        ):
            if name not in self.setup.columns and not (name == "image" and self.setup.image):
                fields[name] = fields[name] or columns_of
        return fields

    def is_structure(self, column: str) -> bool:
        read = (self._active, self._amount, self._percent, *self._features)
        return column in read or _RULE.search(plain(column)) is not None

    def _called(self, names: frozenset[str]) -> str:
        """The column with one of these names; empty where the file has no such column."""
        return next((c for c in self.setup.file.columns if plain(c) in names), "")

    def key(self, row: Row) -> str | None:
        if not self.groups:
            return None
        own = self.first(row.values, self.columns(row.values, "external_id")[:1])
        if own or not self.is_combination(row.values):
            return own or self.external_id(row) or None
        return f"{_REFERENCE}{self.first(row.values, (self._product_reference,))}"

    def claims(self, row: Row) -> Iterable[tuple[str, str]]:
        if not self.groups or self.is_combination(row.values):
            return ()
        reference, key = self.first(row.values, self.columns(row.values, "sku")), self.key(row)
        return [(f"{_REFERENCE}{reference}", key)] if reference and key else ()

    def is_combination(self, values: dict[str, Any]) -> bool:
        """Whether a row is a combination, that is a variant."""
        return bool(self._attribute and values.get(self._attribute))

    def role(self, values: dict[str, Any]) -> str:
        return "variant" if self.is_combination(values) else "product"

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        if not self.is_combination(values):
            return {}
        names = [piece.split(":")[0].strip() for piece in str(values[self._attribute]).split(",")]
        said = [
            _POSITION.sub("", piece).strip()
            for piece in str(values.get(self._value) or "").split(",")
        ]
        return {name: value for name, value in zip(names, said, strict=False) if name and value}

    def _orphans(
        self, key: str | None, rows: list[Row], sold: list[Row]
    ) -> Iterator[Product | Reject | LeftOut]:
        for row in rows:
            if self.is_combination(row.values):
                shown = (key or "").removeprefix(_REFERENCE) or "without an id"
                reason = f"a combination of product {shown}, which is not in the file"
                yield Reject(row.line, key, reason)
            else:
                yield Reject(row.line, key, "no title")

    def left_out(self, values: dict[str, Any]) -> str | None:
        return "not active" if self._active and is_yes(values.get(self._active)) is False else None

    def money(self, values: dict[str, Any], prices: dict[str, Price]) -> Money:
        if self.is_combination(values):
            # it costs as much more, or less, than its product
            money, values = self._impacted(values), self._head
        else:
            money = super().money(values, prices)
            self._head, self._head_price = values, money
        if money.now is None or not self.is_sale_on(values):
            return money
        amount = parse_number(str(values.get(self._amount) or "")) or 0
        percent = parse_number(str(values.get(self._percent) or "")) or 0
        now = round((money.now - amount) * (1 - percent / 100), 4)
        return Money(now, None, money.now, money.currency) if 0 < now < money.now else money

    def _impacted(self, values: dict[str, Any]) -> Money:
        """The price of the product, changed by the impact of a combination."""
        before = self._head_price
        decimal = self.setup.kinds.get(self._impact, Kind()).decimal
        impact = parse_number(str(values.get(self._impact) or ""), decimal) or 0
        now = None if before.now is None else round(before.now + impact, 4)
        return Money(now, None, None, before.currency)

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


def _is_list(column: str) -> bool:
    """Whether a header says that its cells are lists: `Tags (x,y,z...)`."""
    return any(mark in column.lower() for mark in _LISTS)


def _is_of_pictures(column: str) -> bool:
    return _RULE.search(plain(column)) is not None or "url" in plain(column)


def _matches(file: RowFile, columns: frozenset[str]) -> bool:
    if file.kind not in ("csv", "sheet"):
        return False
    listed = any(_is_list(column) for column in file.columns)
    switch = any(plain(column) in _ACTIVE and "0/1" in column for column in file.columns)
    combinations = any("name:type:position" in column.lower() for column in file.columns)
    return (listed and switch) or combinations


FORMAT = Format(
    "prestashop",
    "a column Active (0/1) and one with (x,y,z...), in eight languages",
    "Product ID;Active (0/1);Name *;Categories (x,y,z...);Price tax excluded;"
    "Image URLs (x,y,z...)\n"
    "1;1;Oak stool;Home,Stools;49.00;https://shop.example/1.jpg\n",
    _matches,
    PrestaShopReader,
)
