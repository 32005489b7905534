"""Opens a file of any kind as a stream of rows: its content decides of which kind it is."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from vitrina.errors import InputError
from vitrina.files import combinations, documents, encodings, feeds, raw, sheets, tables
from vitrina.files.rows import BadRow, Row, RowFile
from vitrina.files.zip_pictures import ZipPictures

Openers = Mapping[str, Callable[[str], Generator[Row | BadRow, None, None]]]
NO_OPENERS: Openers = MappingProxyType({})


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
    name: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    openers: Openers = NO_OPENERS,
) -> Iterator[RowFile]:
    """Open a file of rows; `-` is standard input.

    Its content decides of which kind it is: text with delimiters, JSON (lines, or a document), XML,
    HTML with JSON-LD, a sheet; each may be packed by gzip, or be the only table of a zip.

    Args:
        path: the file.
        name: how people call it, if not by its path.
        encoding: of the text; decided by evidence without it.
        delimiter: of a table; decided by evidence without it.
        sheet: of a workbook; the first with titles without it.
        openers: functions that read paths with these beginnings.

    Raises:
        InputError: the file cannot be read at all.
    """
    for start, opener in openers.items():
        if path.startswith(start):
            with _kept(path, opener) as kept:
                yield kept
            return
    with raw.open_raw(path, name) as file:
        opened = _of_two(file, encoding, delimiter) or _opened(file, encoding, delimiter, sheet)
        if name is None and file.path == Path(path):
            opened.folder = file.path.absolute().parent
        if file.member is None:
            yield opened
            return
        with ZipPictures(file.path, file.member) as pictures:
            opened.pictures = pictures if len(pictures) else None
            yield opened


def _of_two(file: raw.RawFile, encoding: str | None, delimiter: str | None) -> RowFile | None:
    """The two tables of a zip, joined. Raises InputError if they do not belong together."""
    if len(file.tables) != 2:
        return None
    first, second = (_opened(raw.of_zip(file, table), encoding, delimiter) for table in file.tables)
    found = combinations.joined(first, second)
    if found is None:
        raise raw.several(file, file.tables)
    return found


def _opened(
    file: raw.RawFile, encoding: str | None, delimiter: str | None, sheet: str | None = None
) -> RowFile:
    """The rows of a file, which may be read while it is open."""
    head = file.head()
    if sheets.is_sheet(head):
        return sheets.open_sheet(file, sheet)
    chosen = encodings.decide(file, encoding)
    start = _start(head, chosen.codec)
    if not start and len(head) < raw.HEAD:
        raise InputError(f"{file.name} is empty: it has only blank lines")
    if start.startswith("<"):
        opened = feeds.open_feed(file, start, chosen.codec if encoding else None)
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
    return opened


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
    """The first characters, without leading blanks."""
    return head.decode(codec, "ignore").lstrip("\ufeff \t\r\n")[:400]
