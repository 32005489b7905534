"""WooCommerce's export of products: variable products, and their variations by `Parent`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, ClassVar

from vitrina.files.formats.base import Format, Own, Reader
from vitrina.files.items import LeftOut, Product, Reject
from vitrina.files.names import plain, words
from vitrina.files.rows import Row, RowFile

_TYPES = words(
    "simple variable variation grouped external downloadable virtual subscription bundle"
    " variable-subscription subscription_variation composite"
)
_COMMA = re.compile(r"(?<!\\),\s*")
_PARENT = {
    "parent", "ubergeordnetesprodukt", "superior", "genitore", "hoofd", "elementnadrzedny",
    "pai", "ascendente", "produtopai", "親",
}  # fmt: skip
_PUBLISHED = {
    "published", "veroffentlicht", "publie", "publicado", "pubblicato", "gepubliceerd",
    "opublikowano", "opublikowany", "公開", "公開済み",
}  # fmt: skip
_HIDDEN = re.compile(r"visib|sichtbar|zichtbaar|widoczno|カタログ|可視", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"attribut|atribut|attribut|eigenschap|atrybut|属性", re.IGNORECASE)
_NAME = re.compile(r"\bname\b|\bnombre\b|\bnome\b|\bnom\b|\bnaam\b|\bnazwa\b|名", re.IGNORECASE)
_VALUE = re.compile(r"\bvalue|\bwert|\bvaleur|\bvalor|\bwaarde|\bwarto|値", re.IGNORECASE)
_NOISE = frozenset({"taxable", "visible", "notify", "parent", "shipping", "catalog", "search"})
_UNPUBLISHED = {"0": "private", "-1": "draft", "2": "pending"}


class WooCommerceReader(Reader):
    """Reads the export in any language: it is known by the words in its column of types."""

    groups = True
    whole = False
    own: ClassVar[Own] = {"external_id": ("ID", "SKU"), "group": (), "mpn": ()}
    structure = (
        "Type", "Parent", "Published", "Is featured?", "Visibility in catalog", "Tax status",
        "Tax class", "Backorders allowed?", "Sold individually?", "Allow customer reviews?",
        "Purchase note", "Shipping class", "Download limit", "Download expiry days",
        "Grouped products", "Upsells",
        "Cross-sells", "Position", "Button text", "Low stock amount", "Stock",
        "Swatches Attributes",
    )  # fmt: skip

    def restart(self) -> None:
        columns = self.setup.file.columns
        self._type = _type_column(self.setup.file)
        self._parent = next((c for c in columns if plain(c) in _PARENT), "")
        self._published = next((c for c in columns if plain(c) in _PUBLISHED), "")
        self._visibility = next((c for c in columns if _HIDDEN.search(c)), "")
        self._names: dict[str, str] = {}
        self._values: dict[str, str] = {}
        for column in columns:
            number = re.search(r"\d+", column)
            if number is None or not _ATTRIBUTE.search(column):
                continue
            if _VALUE.search(column):
                self._values[number[0]] = column
            elif _NAME.search(column):
                self._names[number[0]] = column
        self._lists = {
            column
            for name in ("category", "brand")
            for column in self.setup.names.columns(name, columns)
        } | {
            column for column in columns if plain(column) in ("tags", "schlagworter", "etiquettes")
        }

    def is_structure(self, column: str) -> bool:
        if column in (self._type, self._parent, self._published, self._visibility):
            return True
        meta = column.lower().startswith("meta:") and column[5:].strip().startswith("_")
        return meta or (re.search(r"\d", column) is not None and bool(_ATTRIBUTE.search(column)))

    def _types(self, values: dict[str, Any]) -> set[str]:
        return {word.strip().lower() for word in str(values.get(self._type) or "").split(",")}

    def _is_variation(self, values: dict[str, Any]) -> bool:
        return any("variation" in word for word in self._types(values))

    def _own_key(self, values: dict[str, Any]) -> str:
        own = self.said(values, "ID")
        return f"id:{own}" if own else self.first(values, self.columns(values, "sku"))

    def key(self, row: Row) -> str | None:
        if self._is_variation(row.values):
            return str(row.values.get(self._parent) or "").strip() or None
        if any(word.startswith("variable") for word in self._types(row.values)):
            return self._own_key(row.values) or None
        return None

    def claims(self, row: Row) -> Iterable[tuple[str, str]]:
        if any(word.startswith("variable") for word in self._types(row.values)):
            sku = self.first(row.values, self.columns(row.values, "sku"))
            own = self._own_key(row.values)
            if sku and own:
                yield sku, own

    def role(self, values: dict[str, Any]) -> str:
        if self._is_variation(values):
            return "variant"
        is_variable = any(word.startswith("variable") for word in self._types(values))
        return "product" if is_variable else "both"

    def left_out(self, values: dict[str, Any]) -> str | None:
        published = str(values.get(self._published, "") or "").strip().removesuffix(".0")
        if published in _UNPUBLISHED:
            return _UNPUBLISHED[published]
        if str(values.get(self._visibility) or "").strip().lower() == "hidden":
            return "hidden"
        return None

    def products(self, key: str | None, rows: list[Row]) -> Iterator[Product | Reject | LeftOut]:
        if len(rows) == 1 and key is None and self._is_variation(rows[0].values):
            self.setup.said["variants without their product"] += 1
        yield from super().products(key, rows)

    def group_id(self, key: str | None, head: Row) -> str:
        if self._is_variation(head.values):  # its product is not in the file
            return (key or "").removeprefix("id:") or self.external_id(head)
        return self.external_id(head)

    def _named(self, values: dict[str, Any]) -> dict[str, object]:
        found: dict[str, object] = {}
        for number, column in self._names.items():
            name = str(values.get(column) or "").strip()
            said = str(values.get(self._values.get(number, "")) or "").strip()
            if name and said:
                items = _split(said)
                found[name] = items[0] if len(items) == 1 else items
        return found

    def options(self, values: dict[str, Any]) -> dict[str, object]:
        return self._named(values) if self._is_variation(values) else {}

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        found = {} if self._is_variation(values) else self._named(values)
        for column in self._lists:
            items = _split(str(values.get(column) or ""))
            if len(items) > 1:
                found[column] = items
        return found

    def attributes(self, row: Row) -> Any:
        found, prices, long = super().attributes(row)
        kept = {
            name: value
            for name, value in found.items()
            if not (isinstance(value, str) and value.lower() in _NOISE)
        }
        return kept, prices, long

    def text(self, values: dict[str, Any]) -> str:
        columns = self.columns(values, "text")
        return super().text(
            {
                name: value.replace("\\n", "\n")
                if name in columns and isinstance(value, str)
                else value
                for name, value in values.items()
            }
        )

    def variant_title(self, values: dict[str, Any], options: dict[str, object]) -> str:
        return self.title(values) or super().variant_title(values, options)


def _split(text: str) -> list[str]:
    """A list of WooCommerce: a comma inside an item has a backslash before it."""
    return [piece.replace("\\,", ",").strip() for piece in _COMMA.split(text) if piece.strip()]


def _type_column(file: RowFile) -> str:
    """The column that holds nothing but WooCommerce's kinds of product."""
    seen: dict[str, bool] = {}
    with closing(file.read()) as rows:
        for row in itertools.islice(rows, 60):
            if not isinstance(row, Row):
                continue
            for column, value in row.values.items():
                words = [word.strip().lower() for word in str(value or "").split(",")]
                if words == [""]:
                    continue
                seen[column] = seen.get(column, True) and all(word in _TYPES for word in words)
    return next((column for column, holds in seen.items() if holds), "")


def _matches(file: RowFile, columns: frozenset[str]) -> bool:
    if file.kind not in ("csv", "sheet"):
        return False
    return {"type", "name", "visibilityincatalog"} <= columns or (
        bool(_type_column(file)) and ("sku" in columns or "id" in columns)
    )


FORMAT = Format(
    "woocommerce",
    "columns Type, Name and Visibility in catalog, or a column of simple, variable, variation",
    "ID,Type,SKU,Name,Regular price,Images,Parent,Attribute 1 name,Attribute 1 value(s)\n"
    '7,variable,,Mug,,"https://shop.example/a.jpg",,Colour,"Red, Blue"\n'
    '8,variation,MUG-R,Mug - Red,"12,50",,id:7,Colour,Red\n',
    _matches,
    WooCommerceReader,
)
