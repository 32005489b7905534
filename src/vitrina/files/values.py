"""Gives the texts of a CSV their types: numbers, prices, lists."""

from __future__ import annotations

import ast
import json
import re

MAX_LIST = 100_000  # characters of a list written out in one field

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?")
_PRICE_COLUMN = re.compile(
    r"(?:^|_|\b)(?:price|cost|msrp|rrp|amount)(?:$|_|\b)|price$", re.IGNORECASE
)
_CODE_COLUMN = re.compile(
    r"(?:^|_|\b)(?:id|sku|upc|ean|gtin|isbn|asin|mpn|code|zip|phone|model)(?:$|_|\b)|(?:id|sku|code)$",
    re.IGNORECASE,
)
_PRICE = re.compile(
    r"(?:[A-Za-z]{1,3}\.?|[^\w\s.,-]{1,2})?\s*"
    r"(?P<number>\d[\d.,' \u00a0\u202f]*)\s*(?:[A-Za-z]{1,3}\.?|[^\w\s.,-]{1,2})?"
)


def parse_price(text: str) -> float | None:
    """The number in a price as shops write it: "$1,299.00", "24,99 €", "CHF 1'200"; else None."""
    match = _PRICE.fullmatch(text.strip())
    if match is None:
        return None
    digits = re.sub(r"[' \u00a0\u202f]", "", match["number"]).rstrip(".,")
    point, comma = digits.rfind("."), digits.rfind(",")
    if point >= 0 and comma >= 0:
        # the later one is the decimal mark
        digits = digits.replace("," if point > comma else ".", "").replace(",", ".")
    elif comma >= 0:
        cents = len(digits) - comma - 1
        whole = digits.count(",") > 1 or cents == 3
        digits = digits.replace(",", "" if whole else ".")
    elif digits.count(".") > 1:
        digits = digits.replace(".", "")
    try:
        return float(digits)
    except ValueError:
        return None


def parse_list(text: str) -> list[object] | None:
    """The items of a list written as JSON or as a Python literal, texts trimmed; else None."""
    if not (text.startswith("[") and text.endswith("]")) or len(text) > MAX_LIST:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:  # a Python literal, as a data frame writes lists
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    if not isinstance(value, list):
        return None
    items = [item.strip() if isinstance(item, str) else item for item in value]
    try:
        json.dumps(items, allow_nan=False)
    except (TypeError, ValueError):
        return None
    return items


def typed(column: str, text: str) -> object:
    """A CSV field as the value it means: None when empty, a number, a list, or the text.

    Codes keep their zeros: columns named like an id, and digits with a leading zero, stay text.
    """
    text = text.strip()
    if not text:
        return None
    if _PRICE_COLUMN.search(column):
        price = parse_price(text)
        if price is not None:
            return price
    if (items := parse_list(text)) is not None:
        return items
    if _NUMBER.fullmatch(text) and not _CODE_COLUMN.search(column):
        number = float(text)
        return int(number) if number.is_integer() else number
    return text
