"""Rows of a file: a row that cannot be read is a bad row, not the end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

from vitrina.files.zip_pictures import ZipPictures

TABLES = ("csv", "sheet")  # kinds of file in which each row has all columns
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
        name: the file's name, as people know it.
        kind: csv, json lines, json, xml, html, sheet or dataset.
        read: gives the rows from the start.
        columns: of the header; without a header, of the first rows.
        above: rows above the header of a table.
        encoding, delimiter: of its text, if it is text.
        said: notices about the file.
        cells: gives the cells of a table's rows without their columns, which is quicker.
        folder: where the file is, unless it is a copy of a stream or a feed.
        pictures: those that stand beside the table in a zip.
        sheet: the name of the sheet, of a workbook with several.
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
    folder: Path | None = None
    pictures: ZipPictures | None = None
    sheet: str | None = None


def flaw_of(value: str, column: str, encoding: str) -> str | None:
    """Why a text cannot be stored, or None."""
    if "\0" in value:
        return f"a NUL byte in {column}"
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        shown = encoding.removesuffix("-sig").upper()
        return f"{column} is not valid {shown}: give --encoding, e.g. cp1252"
    return None
