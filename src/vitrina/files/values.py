"""Reads lists that stand in a cell, as JSON or as Python writes them."""

from __future__ import annotations

import ast
import json

MAX_LIST = 100_000  # characters of a list written out in one field


def parse_list(text: str) -> list[object] | None:
    """The items of a list written as JSON or as a Python literal, texts trimmed; else None."""
    if not (text.startswith("[") and text.endswith("]")) or len(text) > MAX_LIST:
        return None
    try:
        value = json.loads(_quoted(text), parse_constant=_refused)
    except (ValueError, RecursionError):
        try:  # a Python literal, as a data frame writes lists
            value = ast.literal_eval(text)
            json.dumps(value, allow_nan=False)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None
    if not isinstance(value, list):
        return None
    return [item.strip() if isinstance(item, str) else item for item in value]


def _quoted(text: str) -> str:
    """The list with the quotes of JSON, where Python's are the only ones in it."""
    if "'" in text and '"' not in text and "\\" not in text:
        return text.replace("'", '"')
    return text


def _refused(name: str) -> object:
    raise ValueError(f"{name} is not a number")
