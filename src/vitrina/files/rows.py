"""Rows of a file: what cannot be read is a bad row, not the end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

MAX_LINE = 8_000_000  # characters; a longer line is refused, so that memory stays bounded


@dataclass(slots=True)
class Row:
    """One row: the line it starts on (from 1), and its values by column."""

    line: int
    values: dict[str, object]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read, and why."""

    line: int
    reason: str


@dataclass(slots=True)
class RowFile:
    """A file as rows that can be read again and again.

    Attributes:
        name: what people call it.
        kind: csv, json lines, json, xml, html, sheet or dataset.
        read: gives the rows from the start.
        columns: of the header, where there is one; else of the first rows.
        above: rows above the header of a table.
        encoding, delimiter: what it is read with, where that says something.
        said: what was found out about it that is worth a word.
        cells: gives the cells of a table's rows without their columns, which is quicker.
    """

    name: str
    kind: str
    read: Callable[[], Generator[Row | BadRow, None, None]]
    columns: list[str] = field(default_factory=list)
    above: list[list[str]] = field(default_factory=list)
    encoding: str | None = None
    delimiter: str | None = None
    said: list[str] = field(default_factory=list)
    cells: Callable[[], Generator[list[str], None, None]] | None = None


def flaw_of(value: str, column: str, encoding: str) -> str | None:
    """Why a text cannot be stored, or None."""
    if "\0" in value:
        return f"a NUL byte in {column}"
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        shown = encoding.removesuffix("-sig").upper()
        return f"{column} is not valid {shown}: give --encoding, e.g. cp1252"
    return None
