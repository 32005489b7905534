"""Opens a file of any kind as a stream of rows: what it is is decided by what is in it."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from types import MappingProxyType

from vitrina.files import documents, encodings, feeds, raw, sheets, tables
from vitrina.files.rows import BadRow, Row, RowFile

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
    openers: Openers = NO_OPENERS,
) -> Iterator[RowFile]:
    """Open a file of rows; `-` is standard input.

    What it is is decided by what is in it: text with delimiters, JSON (lines, or one document),
    XML, HTML with JSON-LD, a sheet; each may be packed by gzip, or be the one table of a zip.

    Args:
        path: the file.
        name: how people call it, if not by its path.
        encoding: of the text; decided by evidence without it.
        delimiter: of a table; decided by evidence without it.
        openers: what reads a path that starts so.

    Raises:
        InputError: the file cannot be read at all.
    """
    for start, opener in openers.items():
        if path.startswith(start):
            with _kept(path, opener) as kept:
                yield kept
            return
    with raw.open_raw(path, name) as file:
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
