"""Reads the fields of a row: title, text, pictures, prices, attributes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from vitrina.files.addresses import addresses
from vitrina.files.cells import NOTHING, in_stock, line_of, unwrapped, value_at
from vitrina.files.dates import is_on
from vitrina.files.formats.columns import Columns
from vitrina.files.html_text import MAX_TEXT, to_plain, to_text, unescaped
from vitrina.files.nested import LONG, named_values, price_of, sort_named
from vitrina.files.numbers import DOLLARS, Price, currency_of, parse_number, parse_price
from vitrina.files.rows import Row
from vitrina.files.values import parse_list

_CODE = 60  # characters
_MISSING = frozenset({"nan", "NaN", "NULL", "null", "#N/A"})  # as programs write no value
_WRITTEN = frozenset({str, list, dict})  # what may hold entities
_DIGIT = re.compile(r"\d")
_TEXTS = frozenset({"text", "code"})
_TEMPLATE = re.compile(r"\{([^{}]+)\}")


@dataclass(slots=True)
class Money:
    """The price of a row: now, at most and before; and its currency."""

    now: float | None = None
    high: float | None = None
    was: float | None = None
    currency: str | None = None


class Fields(Columns):
    """The fields of a row; the formats change the parts in which they differ."""

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
                found.update(dict.fromkeys(map(unescaped, addresses(value))))
        return [address for address in found if address.lower() not in NOTHING]

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
                if value or value == 0:
                    self._take_json(column, kind, decimal, value, (found, prices, named))
                continue
            text = value.strip()
            if not text:
                continue
            if kind in _TEXTS and text[0] != "[" and len(text) <= LONG:
                if kind == "code":
                    found[column] = self.code_in(column, text)
                elif text not in _MISSING:
                    found[column] = text
            else:
                self._take(row.line, column, kind, decimal, text, (found, prices, long))
        if named:
            sort_named(named, self.setup.names, found, long)
        if more := self.more(values):
            found.update(more)
        for column, value in found.items():
            if value.__class__ in _WRITTEN:
                found[column] = to_plain(value)
        return found, prices, long

    def _take_json(
        self,
        column: str,
        kind: str,
        decimal: str,
        value: Any,
        into: tuple[dict[str, object], dict[str, Price], dict[str, object]],
    ) -> None:
        """Put a value that is no text among the attributes."""
        found, prices, named = into
        if kind == "price" and (price := price_of(value, decimal)) is not None:
            prices[column] = price
            found[column] = value if isinstance(value, int | float) else price.low
        elif (pairs := named_values(value)) is not None:
            named.update(pairs)
        else:
            found[column] = unwrapped(value, self.setup.language)

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

    def is_sale_on(self, values: dict[str, Any]) -> bool:
        """Whether the lower price holds today: it has begun and not ended."""
        starts, ends = self.columns(values, "sale_starts"), self.columns(values, "sale_ends")
        if not starts and not ends:
            return True
        return is_on(self.first(values, starts), self.first(values, ends))

    def money(self, values: dict[str, Any], prices: dict[str, Price]) -> Money:
        """The price that a buyer pays now, and the former price."""
        if not prices and self._fixed:
            return Money()
        regular = self.price_in(values, prices, "price")
        sale = self.price_in(values, prices, "sale_price")
        if sale is not None and not self.is_sale_on(values):
            sale = None
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
            text = self.first(values, (column,))
            # "Does not apply" is no code
            if text and len(text) <= _CODE and _DIGIT.search(text):
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
            if text is None or (text and text.lower() not in NOTHING):
                return text
        return ""
