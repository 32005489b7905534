"""Reads the columns of a row: title, text, pictures, prices, attributes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from vitrina.files.addresses import addresses
from vitrina.files.cells import in_stock, line_of, unwrapped, value_at
from vitrina.files.html_text import MAX_TEXT, to_text
from vitrina.files.names import Names, built_in, numbered, plain
from vitrina.files.nested import LONG, named_values, price_of, sort_named
from vitrina.files.numbers import DOLLARS, Price, currency_of, parse_number, parse_price
from vitrina.files.rows import Row, RowFile
from vitrina.files.survey import NOTHING, Kind
from vitrina.files.values import parse_list

Own = dict[str, tuple[str, ...]]  # names of columns by field
_CODE = 60  # characters
_TEXTS = frozenset({"text", "code"})
_TEMPLATE = re.compile(r"\{([^{}]+)\}")
# Fields whose columns are taken up whole by the product, and stay no attributes.
_TAKEN = ("title", "image", "url", "text", "group")
_MONEY = ("price", "sale_price", "was_price")  # whose columns hold prices, also without any text


@dataclass(slots=True)
class Setup:
    """The file and the choices that a reader starts with.

    Attributes:
        columns: field to column as given with --map; the rest is found by name.
        image: a template such as "{id}.jpg" over the columns, instead of an image column.
        language: of texts that a file has in several.
        kinds: how each column is read, once the file has been looked at.
        currency: of the prices, where the file says it outside its rows.
        path_of: gives the path of a picture that is named by an id, where the file has such ids.
    """

    file: RowFile
    names: Names = field(default_factory=built_in)
    columns: dict[str, str] = field(default_factory=dict)
    image: str | None = None
    language: str = "en"
    kinds: dict[str, Kind] = field(default_factory=dict)
    currency: str | None = None
    path_of: Callable[[str], str | None] | None = None
    stored: dict[str, list[str]] | None = None
    said: Counter[str] = field(default_factory=Counter)
    bad_prices: list[tuple[int, str, str]] = field(default_factory=list)
    bad_price_count: int = 0


@dataclass(slots=True)
class Plan:
    """Which columns each field is read from, and how the rest is."""

    fields: dict[str, list[str]]
    attributes: list[tuple[str, str, str]]  # column, kind, decimal mark
    codes: list[str]  # columns of codes


@dataclass(slots=True)
class Money:
    """The price of a row: now, at most and before; and its currency."""

    now: float | None = None
    high: float | None = None
    was: float | None = None
    currency: str | None = None


class Fields:
    """The fields of a row; the formats change the parts in which they differ.

    Class attributes:
        own: names of the format for a field, best first; `()` if it has no column for the field.
        structure: names of columns that are how the format works, no attributes.
    """

    own: ClassVar[Own] = {}
    structure: ClassVar[tuple[str, ...]] = ()

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._structure = frozenset(plain(name) for name in self.structure)
        self._fixed = setup.file.kind in ("csv", "sheet")
        self._plan: Plan | None = None
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._said_line = 0
        self._spelt: dict[str, str] = {}
        self.restart()

    def prepare(self, row: Row) -> Row:
        """The row as the rest expects it."""
        return row

    def more(self, values: dict[str, Any]) -> dict[str, object]:
        """Attributes beside those in columns."""
        return {}

    def pictures(self, values: dict[str, Any]) -> list[str]:
        """The addresses of the row's pictures, the main one first."""
        if self.setup.image:
            filled = _TEMPLATE.sub(
                lambda match: line_of(values.get(match[1])) or "", self.setup.image
            )
            return [filled] if filled else []
        found: dict[str, None] = {}
        for column in self.columns(values, "image"):
            value = value_at(values, column)
            if value:
                found.update(dict.fromkeys(addresses(value)))
        return list(found)

    def plan(self, values: dict[str, Any]) -> Plan:
        """The columns of each field in a row with these keys."""
        if self._fixed:
            if self._plan is None:
                self._plan = self._planned(list(values))
            return self._plan
        keys = tuple(values)
        found = self._plans.get(keys)
        if found is None:
            if len(self._plans) > 1000:
                self._plans.clear()
            found = self._plans[keys] = self._planned(list(keys))
        return found

    def forget(self) -> None:
        """Forget the plans: the columns have been judged since."""
        self._plan = None
        self._plans.clear()

    def columns(self, values: dict[str, Any], name: str) -> list[str]:
        """The columns of a field."""
        return (self._plan or self.plan(values)).fields[name]

    def found(self, columns: list[str]) -> dict[str, list[str]]:
        """The columns of each field, best first."""
        fields: dict[str, list[str]] = {}
        for name in ["external_id", *self.setup.names.by_field]:
            if name in fields:
                continue
            if name in self.own:
                fields[name] = self._own(name, columns)
            elif name == "image":
                fields[name] = self.setup.names.numbered_columns(name, columns)
            else:
                fields[name] = self.setup.names.columns(name, columns)
        parents = fields.pop("parent")
        if "group" not in self.own:
            fields["group"] += parents
        for name, column in self.setup.columns.items():
            fields[name] = [column]
        mapped = set(self.setup.columns.values())
        for name in ("external_id", "title", "image", "url", "text"):
            if name not in self.setup.columns:
                fields[name] = [column for column in fields[name] if column not in mapped]
        if self.setup.image:
            fields["image"] = []
        taken = set(fields["title"][:1]) | set(fields["external_id"][:1])
        fields["url"] = [column for column in fields["url"] if column not in taken]
        fields["image"] = [column for column in fields["image"] if column not in fields["url"]]
        return fields

    def _own(self, name: str, columns: list[str]) -> list[str]:
        """The columns with the names that the format has for a field; those of pictures count."""
        by_name: dict[str, list[tuple[int, int, str]]] = {}
        for place, column in enumerate(columns):
            by_name.setdefault(plain(column), []).append((-1, place, column))
            word, number = numbered(column)
            if name == "image" and word != plain(column):
                by_name.setdefault(word, []).append((number, place, column))
        words = dict.fromkeys(plain(word) for word in self.own[name])
        return [column for word in words for *_, column in sorted(by_name.get(word, ()))]

    def _planned(self, columns: list[str]) -> Plan:
        fields = self.setup.stored or self.found(columns)
        taken = {column for name in _TAKEN for column in self._taken(name, fields)}
        taken.update(fields["external_id"][:1])
        attributes = []
        priced = {column for name in _MONEY for column in fields[name]}
        for column in columns:
            if column in taken or plain(column) in self._structure or self.is_structure(column):
                continue
            kind = self.setup.kinds.get(column, Kind("price") if column in priced else Kind())
            is_code = column in fields["ean"] or column in fields["sku"] or column in fields["mpn"]
            name = "code" if is_code and kind.kind == "number" else kind.kind
            attributes.append((column, name, kind.decimal))
        others = (column for column, kind, _ in attributes if kind == "code")
        codes = [*fields["ean"], *fields["mpn"], *others]
        return Plan(fields, attributes, list(dict.fromkeys(codes)))

    def _taken(self, name: str, fields: dict[str, list[str]]) -> list[str]:
        """Of titles and addresses the first is taken up, of pictures and texts each."""
        return fields[name][:1] if name in ("title", "url") else fields[name]

    def is_structure(self, column: str) -> bool:
        """Whether a column is how the format works, by a pattern."""
        return False

    def first(self, values: dict[str, Any], columns: Sequence[str]) -> str:
        """The value of the first filled column, as a line of text."""
        for column in columns:
            value = values.get(column)
            if value is None and "." in column:
                value = value_at(values, column)
            if value and (text := line_of(value, self.setup.language)):
                return text
            if value == 0 and value.__class__ is int:
                return "0"
        return ""

    def said(self, values: dict[str, Any], name: str) -> str:
        """The value of the format's own column of this name, in any case."""
        value = values.get(name)
        if value is None and name not in values:
            value = values.get(self.spelt(name))
        return str(value or "").strip()

    def spelt(self, name: str) -> str:
        """The column of this name as the file writes it."""
        if name not in self._spelt:
            columns = self.setup.file.columns
            self._spelt[name] = next((one for one in columns if plain(one) == plain(name)), name)
        return self._spelt[name]

    def text(self, values: dict[str, Any]) -> str:
        """The shop's own text about the product."""
        parts: list[str] = []
        columns = self.columns(values, "text")
        for column in columns:
            value = value_at(values, column)
            if not value:
                continue
            if value.__class__ is str and value[0] == "[":
                value = parse_list(value.strip()) or value
            text = to_text(unwrapped(value, self.setup.language))
            if text and not any(text in part for part in parts):
                parts.append(text)
        return "\n".join(parts)[:MAX_TEXT]

    def attributes(self, row: Row) -> tuple[dict[str, object], dict[str, Price], list[str]]:
        """A row's attributes, its prices by column, and texts too long for an attribute."""
        found: dict[str, object] = {}
        prices: dict[str, Price] = {}
        long: list[str] = []
        named: dict[str, object] = {}
        values = row.values
        for column, kind, decimal in self.plan(values).attributes:
            value = values.get(column)
            if value.__class__ is not str:
                if not value and value != 0:
                    continue
                if kind == "price" and (price := price_of(value, decimal)) is not None:
                    prices[column] = price
                    found[column] = value if isinstance(value, int | float) else price.low
                elif (pairs := named_values(value)) is not None:
                    named.update(pairs)
                else:
                    found[column] = unwrapped(value, self.setup.language)
                continue
            text = value.strip()
            if not text:
                continue
            if kind in _TEXTS and text[0] != "[" and len(text) <= LONG:
                found[column] = text
            else:
                self._take(row.line, column, kind, decimal, text, (found, prices, long))
        if named:
            sort_named(named, self.setup.names, found, long)
        if more := self.more(values):
            found.update(more)
        return found, prices, long

    def _take(
        self,
        line: int,
        column: str,
        kind: str,
        decimal: str,
        text: str,
        into: tuple[dict[str, object], dict[str, Price], list[str]],
    ) -> None:
        """Put a text among the attributes, read as the kind of its column."""
        found, prices, long = into
        items = parse_list(text) if text[0] == "[" else None
        if items is not None:
            found[column] = items
        elif len(text) > LONG:
            long.append(to_text(text))
        elif kind in _TEXTS:
            found[column] = text
        elif kind == "price":
            price = parse_price(text, decimal)
            if price is None:
                self._bad_price(line, column, text)
            else:
                prices[column] = price
                found[column] = price.low
        elif text.lower() not in NOTHING:
            number = parse_number(text, decimal)
            found[column] = text if number is None else number

    def _bad_price(self, line: int, column: str, text: str) -> None:
        if text.lower() in NOTHING:
            return
        self.setup.bad_price_count += 1
        if len(self.setup.bad_prices) < 5:
            self.setup.bad_prices.append((line, column, text[:40]))

    def price_in(self, values: dict[str, Any], prices: dict[str, Price], name: str) -> Price | None:
        """The price in the columns of a field."""
        for column in self.columns(values, name):
            if (price := prices.get(column)) is not None:
                return price
            if self._fixed or column in values or "." not in column:
                continue
            if price := price_of(value_at(values, column)):
                return price
        return None

    def money(self, values: dict[str, Any], prices: dict[str, Price]) -> Money:
        """The price that a buyer pays now, and the former price."""
        if not prices and self._fixed:
            return Money()
        regular = self.price_in(values, prices, "price")
        sale = self.price_in(values, prices, "sale_price")
        was = self.price_in(values, prices, "was_price")
        price = regular
        before = was.low if was is not None else None
        if sale is not None and sale.low > 0 and (regular is None or sale.low < regular.low):
            price = sale
            before = before or (regular.low if regular is not None else None)
        if price is None:
            return Money()
        own = price.currency
        currency = (
            (own if own != DOLLARS else None)
            or self._currency(self.first(values, self.columns(values, "currency")))
            or self.setup.currency
            or own
        )
        return Money(
            price.low, price.high, before if before and before > price.low else None, currency
        )

    @staticmethod
    def _currency(text: str) -> str | None:
        return (
            (currency_of(text) or (text.upper() if len(text) == 3 and text.isalpha() else None))
            if text
            else None
        )

    def stock(self, values: dict[str, Any]) -> bool | None:
        """Whether it can be had now."""
        for column in self.columns(values, "stock"):
            if (said := in_stock(value_at(values, column))) is not None:
                return said
        return None

    def codes(self, values: dict[str, Any]) -> tuple[str, ...]:
        """EAN, part number and other codes of the product."""
        plan = self.plan(values)
        if not plan.codes:
            return ()
        found: dict[str, None] = {}
        for column in plan.codes:
            if (text := self.first(values, (column,))) and len(text) <= _CODE:
                found[text] = None
        if skus := plan.fields["sku"]:
            found.pop(self.first(values, skus), None)
        return tuple(found)

    def external_id(self, row: Row) -> str:
        """The id, from the first filled column of ids."""
        columns = self.columns(row.values, "external_id")
        found = self.first(row.values, columns[:1])
        if not found and len(columns) > 1:
            found = self.first(row.values, columns[1:])
            if found and row.line != self._said_line:
                self._said_line = row.line
                self.setup.said[f"{columns[0]} is empty"] += 1
        return found

    def title(self, values: dict[str, Any]) -> str | None:
        """The title, from the first filled column of titles; None if it is not a text."""
        for column in self.columns(values, "title"):
            text = line_of(value_at(values, column), self.setup.language)
            if text is None or text:
                return text
        return ""

    def restart(self) -> None:
        """Called before the rows are read from the start."""
