"""Strangers' text, made safe for a terminal and for a spreadsheet."""

from __future__ import annotations

import re

# C0 without tab and newline, DEL, C1, and marks that change the direction of text
_CONTROL = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|"
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[+-]?\d+)?%?", re.IGNORECASE)


def printable(text: str) -> str:
    """The text without control characters that a terminal would obey; tabs and newlines stay."""
    return _CONTROL.sub("", text)


def defused(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula: an apostrophe before = + - @, tab and CR.

    A cell that already looks so gets another apostrophe, so that `restored` is exact.
    """
    bare = cell.lstrip("'")
    if _FORMULA.match(bare) and (bare != cell or not _NUMBER.fullmatch(cell)):
        return f"'{cell}"
    return cell


def restored(cell: str) -> str:
    """The text before `defused`."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell.lstrip("'")) else cell


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun: "1 product", "2 products", "3 queries", "4 searches".

    `plural` where it is made otherwise.
    """
    if count == 1:
        return f"1 {noun}"
    if plural is None:
        ending = "es" if re.search("(s|x|z|ch|sh)$", noun) else "s"
        plural = f"{noun[:-1]}ies" if re.search("[^aeiou]y$", noun) else noun + ending
    return f"{count:,} {plural}"
