"""Reads a shop's own vocabulary: a keyword a row, with its facet and its aliases."""

from __future__ import annotations

import re
from typing import Any

from vitrina.errors import InputError
from vitrina.files.opening import NO_OPENERS, Openers, open_rows
from vitrina.files.rows import BadRow

_COLUMNS: dict[str, tuple[str, ...]] = {
    "keyword": ("keyword", "name", "term"),
    "facet": ("facet",),
    "aliases": ("aliases", "alias", "synonyms"),
}
_APART = re.compile(r"[;|]")


def read_seed(path: str, *, openers: Openers = NO_OPENERS) -> list[dict[str, Any]]:
    """The rows of a CSV or JSON Lines file, as seed_keywords takes them, each with its line.

    Aliases are a list, or a text with `;` or `|` between them. Raises InputError where the file
    cannot be read, or names no keywords.
    """
    rows: list[dict[str, Any]] = []
    problems: list[str] = []
    columns: list[str] = []
    with open_rows(path, openers=openers) as given:
        for row in given:
            if isinstance(row, BadRow):
                problems.append(f"line {row.line}: {row.reason}")
                continue
            columns = columns or list(row.values)
            rows.append({"line": row.line, **_row(row.values)})
    if problems:
        shown = "\n  ".join(problems[:50])
        raise InputError(f"{len(problems)} lines of {path} cannot be read:\n  {shown}")
    if not any("keyword" in row for row in rows):
        found = f"its columns are {', '.join(columns)}" if columns else "it is empty"
        raise InputError(f"{path} has no keywords in a column `keyword`: {found}")
    return rows


def _row(values: dict[str, object]) -> dict[str, object]:
    named = {name.strip().lower(): value for name, value in values.items()}
    found: dict[str, object] = {}
    for column, names in _COLUMNS.items():
        value = next((named[name] for name in names if name in named), None)
        if column == "aliases" and isinstance(value, str):
            value = _APART.split(value)
        if value not in (None, ""):
            found[column] = value
    return found
