"""Any other table: columns are found by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from vitrina.files.formats.base import Format, Reader
from vitrina.files.items import LeftOut, Product, Reject
from vitrina.files.names import is_called, plain
from vitrina.files.rows import Row

_NUMBER = re.compile(r"sku|ugs|num|code|codi|kod|referen|番号|コード")  # in the name of a parent
_VARIANTS = re.compile(
    r"^(?:product_?)?(?:varia|child|sku|combination|model|simple)", re.IGNORECASE
)
_NAME = re.compile(
    r"(.*(?:option|varia|attribut|merkmal|eigenschaft|caracteristi|caratteristi|kenmerk|cech)\D*?)"
    r"(\d*)(?:name|title|titel|nome?|nombre|naam|nazwa)(\d*)"
)
_VALUE = ("value", "values", "wert", "werte", "valeur", "valor", "valore", "waarde", "wartosc")
_PRICES = ("price", "sale_price", "was_price")


class PlainReader(Reader):
    """Reads a table that no known system exported.

    Rows may belong together in two ways: each names their group and is a full item; or a child
    names its parent, which is a row of its own and names nothing.
    """

    _head: Row | None = None  # the parent of the rows that are being read

    def restart(self) -> None:
        self._pairs = _pairs(self.setup.file.columns)
        self._paired = frozenset(column for pair in self._pairs for column in pair)

    def is_structure(self, column: str) -> bool:
        return column in self._paired

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        if not self._pairs:
            return {}
        said = (
            (self.first(values, (name,)), self.first(values, (value,)))
            for name, value in self._pairs
        )
        return {name: value for name, value in said if name and value}

    def key(self, row: Row) -> str | None:
        columns = self.columns(row.values, "group")
        if not columns or not self._parents(row.values):
            return super().key(row)
        return self._parent(row.values) or self._number(row) or None

    def products(self, key: str | None, rows: list[Row]) -> Iterator[Product | Reject | LeftOut]:
        if len(rows) == 1 and self.setup.file.kind.startswith("json"):
            head, inside = _opened(rows[0])
            if inside:
                yield from self._family(key, head, inside)
                return
        if key is None:
            yield from super().products(key, rows)
            return
        own = [row for row in rows if self._number(row) == key]
        heads = [row for row in own if not self._parent(row.values)] or own[:1]
        if not heads:
            yield from super().products(key, rows)
            return
        head, *repeated = heads
        others = {id(row) for row in heads}
        children = [row for row in rows if id(row) not in others]
        if children:
            yield from self._family(key, head, children)
        else:
            yield from super().products(None, [head])
        for row in repeated:
            yield from super().products(None, [row])

    def _family(
        self, key: str | None, head: Row, children: list[Row]
    ) -> Iterator[Product | Reject | LeftOut]:
        """The product of a parent and its children."""
        self._head = head
        inherited = [self._inheriting(row, head) for row in children]
        yield from super().products(key, [head, *inherited])
        self._head = None

    def role(self, values: dict[str, Any]) -> str:
        if self._head is None:
            return super().role(values)
        return "product" if values is self._head.values else "variant"

    def group_id(self, key: str | None, head: Row) -> str:
        if self._head is None:
            return super().group_id(key, head)
        return self.external_id(head) or key or ""

    def _joined(
        self,
        key: str | None,
        rows: list[Row],
        head: Row,
        sold: list[Row],
        *,
        whole: bool | None = None,
    ) -> Product | Reject:
        # the title of a parent is the product's, however its children are called
        return super()._joined(key, rows, head, sold, whole=whole if self._head is None else False)

    def _parents(self, values: dict[str, Any]) -> list[str]:
        """The columns in which a row names its parent."""
        columns = self.columns(values, "group")
        return [column for column in columns if self.setup.names.is_called("parent", column)]

    def _parent(self, values: dict[str, Any]) -> str:
        """What a row names as its parent; some systems write 0 for no parent."""
        said = self.first(values, self.columns(values, "group"))
        return "" if said == "0" else said

    def _number(self, row: Row) -> str:
        """The number by which children name the row: its id, or its SKU where they name SKUs."""
        parents = self._parents(row.values)
        if not parents:
            return ""
        skus = self.columns(row.values, "sku") if _NUMBER.search(plain(parents[0])) else []
        return self.first(row.values, skus) or self.external_id(row)

    def _inheriting(self, row: Row, head: Row) -> Row:
        """A child with the price of its parent where it has none of its own."""
        values = row.values
        if any(str(values[c]).strip() for c in self._prices(values) if values.get(c) is not None):
            return row
        return Row(row.line, {**values, **{c: head.values[c] for c in self._prices(head.values)}})

    def _prices(self, values: dict[str, Any]) -> list[str]:
        """The columns of prices that a row has."""
        columns = (column for name in _PRICES for column in self.columns(values, name))
        return [column for column in columns if column in values]


def _pairs(columns: list[str]) -> list[tuple[str, str]]:
    """The columns of names of options, each with that of its values: Option 1 name, value."""
    known = {plain(column): column for column in columns}
    pairs = []
    for name, column in known.items():
        if match := _NAME.fullmatch(name):
            words = (f"{match[1]}{match[2]}{word}{match[3]}" for word in _VALUE)
            pairs += [(column, known[word]) for word in words if word in known][:1]
    return pairs


def _opened(row: Row) -> tuple[Row, list[Row]]:
    """A row of JSON without the variants in it, and these as rows."""
    for column, value in row.values.items():
        if value.__class__ is not list or not value or not _VARIANTS.search(column):
            continue
        if all(isinstance(one, dict) and _is_sold(one) for one in value):
            own = {name: said for name, said in row.values.items() if name != column}
            return Row(row.line, own), [Row(row.line, one) for one in value]
    return row, []


def _is_sold(values: dict[str, Any]) -> bool:
    """Whether an object has a number or a price of its own."""
    return any(is_called(name, column) for column in values for name in ("sku", "ean", "price"))


FORMAT = Format(
    "plain",
    "anything else with a column of titles, in nine languages",
    "id,title,price,image\n7,Oak bench,129.00,https://shop.example/7.jpg\n",
    lambda file, columns: False,
    PlainReader,
)
