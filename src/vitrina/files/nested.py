"""Reads what JSON nests: prices with their currency, and lists of names and values."""

from __future__ import annotations

import math
from typing import Any

from vitrina.files.html_text import to_text
from vitrina.files.names import Names, words
from vitrina.files.numbers import Price, parse_price

_AMOUNTS = ("amount", "value", "gross", "price", "current", "regular")
_CENTS = "centAmount"  # with fractionDigits
_LEAST = ("min", "minimum", "low", "minVariantPrice")
_MOST = ("max", "maximum", "high", "maxVariantPrice")
_CURRENCIES = ("currency", "currencyCode", "currency_code", "priceCurrency", "currencyIsoCode")
_NAMES = ("name", "attribute_code", "attribute_name", "key", "label", "code")
_VALUES = ("value", "values", "options", "option", "attribute_value")
_NOT_NAMED = words("language language_tag @language")
_EMPTY: tuple[object, ...] = (None, "", [])
_DEEP = 3
LONG = 200  # characters: a longer value is text, no attribute
MAX_NAME = 100  # characters of the name of an attribute


def price_of(value: object, decimal: str = ".", deep: int = 0) -> Price | None:
    """A price as JSON writes it: a number, or an object of an amount and its currency."""
    if isinstance(value, int | float):
        usable = not isinstance(value, bool) and math.isfinite(value) and value >= 0
        return Price(float(value)) if usable else None
    if isinstance(value, str):
        return parse_price(value, decimal)
    if isinstance(value, list) and deep < _DEEP:
        return next((p for item in value if (p := price_of(item, decimal, deep + 1))), None)
    price = _amount(value, decimal, deep) if isinstance(value, dict) and deep < _DEEP else None
    if price is None or not isinstance(value, dict):
        return None
    said = next((value[key] for key in _CURRENCIES if isinstance(value.get(key), str)), "")
    currency = said.upper() if len(said) == 3 and said.isalpha() else None
    return Price(price.low, price.high, currency or price.currency)


def _amount(value: dict[str, Any], decimal: str, deep: int) -> Price | None:
    """The amount in an object; of a least and a highest amount both."""
    for keys, scale in (((_CENTS,), value.get("fractionDigits", 2)), (_AMOUNTS, _minor(value))):
        for key in keys:
            if (price := price_of(value.get(key), decimal, deep + 1)) is not None:
                low = price.low / 10 ** (scale if scale in range(5) else 0)
                return Price(low, price.high, price.currency)
    ends = [
        next((p for key in keys if (p := price_of(value.get(key), decimal, deep + 1))), None)
        for keys in (_LEAST, _MOST)
    ]
    low, high = ends
    if low is None:
        return high
    return Price(low.low, high.low if high and high.low > low.low else None, low.currency)


def _minor(value: dict[str, Any]) -> int:
    """How many digits of an amount are decimals, where it is written without a mark."""
    digits = value.get("currency_minor_unit", 0)
    return digits if isinstance(digits, int) else 0


def named_values(value: object) -> dict[str, object] | None:
    """`[{"name": "Colour", "value": "Red"}]` as Colour and Red; None for any other list.

    Names that begin with an underscore are a system's own.
    """
    if not isinstance(value, list) or not value:
        return None
    found: dict[str, object] = {}
    for item in value:
        if not isinstance(item, dict) or _NOT_NAMED & item.keys():
            return None
        name = next((item[key] for key in _NAMES if isinstance(item.get(key), str)), "").strip()
        held = next((key for key in _VALUES if key in item), None)
        if not name or held is None:
            return None
        said = _said(item[held])
        if name[0] == "_" or len(name) > MAX_NAME or said in _EMPTY:
            continue
        before = found.get(name)
        found[name] = said if before is None else [*_many(before), *_many(said)]
    return found


def sort_named(
    named: dict[str, object], names: Names, found: dict[str, object], long: list[str]
) -> None:
    """Put named values among the attributes, texts of the shop among the long ones."""
    for name, value in named.items():
        if isinstance(value, str) and (len(value) > LONG or names.is_called("text", name)):
            long.append(to_text(value))
        else:
            found.setdefault(name, value)


def _said(value: object) -> object:
    """A value of an attribute: a text or number, or a list of them; of objects their names."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        items = [said for item in value if (said := _said(item)) not in _EMPTY]
        return items[0] if len(items) == 1 else items
    if isinstance(value, dict):
        return next((value[key] for key in ("label", "name", "value") if value.get(key)), None)
    return value


def _many(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def without_edges(values: dict[str, Any]) -> dict[str, Any]:
    """A row without the layers of GraphQL: `{"edges": [{"node": …}]}` is a list."""
    for value in values.values():
        if value.__class__ is dict and ("edges" in value or "nodes" in value):
            return {name: _bare(inner) for name, inner in values.items()}
    return values


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(item) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("nodes"), list):
        return _bare(value["nodes"])
    if isinstance(value.get("edges"), list):
        return [
            _bare(edge["node"] if isinstance(edge, dict) and "node" in edge else edge)
            for edge in value["edges"]
        ]
    return {name: _bare(inner) for name, inner in value.items()}
