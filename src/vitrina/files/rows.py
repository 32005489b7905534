"""Reads a file of products as a stream of rows; what cannot be read is a bad row, not the end."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

MAX_LINE = 8_000_000  # characters; a longer line is refused, so that memory stays bounded


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line it starts on (from 1), and its values by column."""

    line: int
    values: dict[str, object]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read, and why."""

    line: int
    reason: str


Openers = Mapping[str, Callable[[str], Generator[Row | BadRow, None, None]]]
NO_OPENERS: Openers = MappingProxyType({})


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


@contextlib.contextmanager
def open_rows(
    path: str,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    openers: Openers = NO_OPENERS,
) -> Iterator[Iterator[Row | BadRow]]:
    """The rows of a file of any kind that open_file reads, once."""
    with (
        open_file(path, encoding=encoding, delimiter=delimiter, openers=openers) as file,
        contextlib.closing(file.read()) as rows,
    ):
        yield rows


@contextlib.contextmanager
def open_file(
    path: str,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    openers: Openers = NO_OPENERS,
) -> Iterator[RowFile]:
    """Open a file of rows; `-` is standard input.

    What it is is decided by what is in it: text with delimiters, JSON (lines, or one document),
    XML, HTML with JSON-LD, a sheet; each may be packed by gzip, or be the one table of a zip.

    Args:
        path: the file.
        encoding: of the text; decided by evidence without it.
        delimiter: of a table; decided by evidence without it.
        openers: what reads a path that starts so.

    Raises:
        InputError: the file cannot be read at all.
    """
    from vitrina.files import documents, encodings, feeds, raw, sheets, tables

    for start, opener in openers.items():
        if path.startswith(start):
            with _kept(path, opener) as kept:
                yield kept
            return
    with raw.open_raw(path) as file:
        head = file.head()
        if sheets.is_sheet(head):
            yield sheets.open_sheet(file)
            return
        chosen = encodings.decide(file, encoding)
        start = _start(head, chosen.codec)
        if start.startswith("<"):
            opened = feeds.open_feed(file, start)
        elif start[:1] in "{[" or file.suffix in (".jsonl", ".ndjson", ".json"):
            opened = documents.open_document(file, chosen)
        else:
            table = tables.open_table(file, chosen, delimiter)
            opened = RowFile(
                file.name,
                "csv",
                table.rows,
                columns=table.columns,
                above=table.above,
                delimiter=table.delimiter,
                cells=table.cells,
            )
        opened.encoding = chosen.codec
        opened.said = [*file.said, *opened.said]
        if chosen.said and opened.kind not in ("xml",):
            opened.said.append(chosen.said)
        yield opened


@contextlib.contextmanager
def _kept(
    path: str, opener: Callable[[str], Generator[Row | BadRow, None, None]]
) -> Iterator[RowFile]:
    """Rows that can be had only once, kept on disk to be read again."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", prefix="vitrina-") as file:
        keys: dict[str, None] = {}
        with contextlib.closing(opener(path)) as rows:
            for row in rows:
                said = row.reason if isinstance(row, BadRow) else row.values
                file.write(json.dumps([row.line, said], ensure_ascii=False) + "\n")
                if isinstance(row, Row) and len(keys) < 1000:
                    keys.update(dict.fromkeys(row.values))

        def read() -> Generator[Row | BadRow, None, None]:
            file.seek(0)
            for text in file:
                line, said = json.loads(text)
                yield BadRow(line, said) if isinstance(said, str) else Row(line, said)

        yield RowFile(path, "dataset", read, columns=list(keys))


def _start(head: bytes, codec: str) -> str:
    """The first characters that are no blanks."""
    return head.decode(codec, "ignore").lstrip("\ufeff \t\r\n")[:400]


def flaw_of(value: str, column: str, encoding: str) -> str | None:
    """Why a text cannot be stored, or None."""
    if "\0" in value:
        return f"a NUL byte in {column}"
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        shown = encoding.removesuffix("-sig").upper()
        return f"{column} is not valid {shown}: give --encoding, e.g. cp1252"
    return None
