"""Reads CSV and JSON Lines as a stream of rows; what cannot be read is a bad row, not the end."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import json
import math
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO

from vitrina.errors import InputError
from vitrina.printing import restored

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


@contextlib.contextmanager
def open_rows(
    path: str,
    *,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    openers: Openers = NO_OPENERS,
) -> Iterator[Iterator[Row | BadRow]]:
    """Open a file of products; `-` is standard input.

    Files named *.jsonl, *.ndjson or *.json are JSON Lines, others CSV; standard input is JSON Lines
    when it starts with `{`. A path that starts as one of `openers` says is read by that opener.
    Raises InputError where the file cannot be read at all.
    """
    for start, opener in openers.items():
        if path.startswith(start):
            with contextlib.closing(opener(path)) as rows:
                yield rows
            return
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise InputError(f"unknown encoding {encoding!r}: try utf-8, latin-1 or utf-16") from None
    with contextlib.ExitStack() as stack:
        binary = _open(path, stack)
        head = binary.peek(4096)
        if not head:
            raise InputError(f"{_name(path)} is empty")
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and encoding == "utf-8":
            raise InputError(f"{_name(path)} is in UTF-16: give --encoding utf-16")
        text = io.TextIOWrapper(
            binary,
            encoding="utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding,
            errors="surrogateescape" if "16" not in encoding and "32" not in encoding else "strict",
            newline="",
        )
        stack.callback(text.detach)
        first = head.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
        if Path(path).suffix.lower() in (".jsonl", ".ndjson", ".json") or first in (b"{", b"["):
            if first == b"[":
                raise InputError(
                    f"{_name(path)} is one JSON array: write one object a line (jq -c '.[]')"
                )
            yield _read_json(text, encoding)
        else:
            yield _read_csv(text, path, encoding, delimiter)


def _name(path: str) -> str:
    return "standard input" if path == "-" else path


def _open(path: str, stack: contextlib.ExitStack) -> io.BufferedReader:
    if path == "-":
        return io.BufferedReader(_Unclosed(sys.stdin.buffer))
    try:
        return stack.enter_context(Path(path).open("rb"))
    except FileNotFoundError:
        raise InputError(f"no such file: {path}") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder: name a CSV or JSON Lines file") from None
    except OSError as exc:
        raise InputError(f"cannot read {path}: {exc.strerror or exc}") from None


class _Unclosed(io.RawIOBase):
    """Standard input as a raw stream that closing leaves open."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._inner.read1(len(buffer)) if hasattr(self._inner, "read1") else b""
        buffer[: len(data)] = data
        return len(data)


def _flaw(value: str, column: str, encoding: str) -> str | None:
    """Why a text cannot be stored, or None."""
    if "\0" in value:
        return f"a NUL byte in {column}"
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        return f"{column} is not valid {encoding.upper()}: give --encoding, e.g. latin-1"
    return None


def _read_csv(
    text: io.TextIOWrapper, path: str, encoding: str, delimiter: str | None
) -> Iterator[Row | BadRow]:
    csv.field_size_limit(MAX_LINE)
    lines = iter(text)
    try:
        first = next(lines)
    except (UnicodeDecodeError, StopIteration):
        raise InputError(f"{_name(path)} is not text in {encoding}: give --encoding") from None
    if delimiter is None:
        delimiter = max(",;\t|", key=first.count)
    header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    if not any(header):
        raise InputError(f"{_name(path)}: line 1 has no column names")
    if flaw := _flaw(first, "the header", encoding):
        raise InputError(f"{_name(path)}: {flaw}")
    if twice := {name for name in header if name and header.count(name) > 1}:
        raise InputError(f"{_name(path)}: the column {min(twice)!r} stands twice in the header")
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 2
        try:
            values = next(reader)
        except StopIteration:
            return
        except UnicodeDecodeError as exc:
            yield BadRow(line, f"not valid {encoding}: {exc.reason}; the rest was not read")
            return
        except csv.Error as exc:
            yield BadRow(line, f"not CSV: {exc} (a quote left open?)")
            continue
        if not values:
            continue
        yield _csv_row(line, header, values, encoding)


def _csv_row(line: int, header: list[str], values: list[str], encoding: str) -> Row | BadRow:
    if len(values) != len(header):
        few = "only " if len(values) < len(header) else ""
        hint = " (a quote left open?)" if any("\n" in value for value in values) else ""
        return BadRow(line, f"{few}{len(values)} fields where the header has {len(header)}{hint}")
    for column, value in zip(header, values, strict=True):
        if flaw := _flaw(value, column or "a column without name", encoding):
            return BadRow(line, flaw)
    named = zip(header, values, strict=True)
    return Row(line, {column: restored(value) for column, value in named if column})


def _read_json(text: io.TextIOWrapper, encoding: str) -> Iterator[Row | BadRow]:
    number = 0
    while line := text.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            while line and not line.endswith("\n"):
                line = text.readline(MAX_LINE)
            yield BadRow(number, f"a line of more than {MAX_LINE:,} characters")
        elif flaw := _flaw(line, "the line", encoding):
            yield BadRow(number, flaw)
        elif line.strip():
            yield json_row(number, line)


def json_row(number: int, line: str) -> Row | BadRow:
    try:
        values = json.loads(line, parse_constant=_no_constant, parse_float=_number)
    except json.JSONDecodeError as exc:
        return BadRow(number, f"broken JSON: {exc.msg} at character {exc.pos + 1}")
    except (ValueError, RecursionError) as exc:
        return BadRow(number, f"broken JSON: {exc}")
    if not isinstance(values, dict):
        return BadRow(number, f"a JSON {type(values).__name__} where an object was expected")
    if "\\u" in line:
        texts = "".join(_texts(values))
        if "\0" in texts:
            return BadRow(number, "a NUL character in a text")
        if any("\ud800" <= char <= "\udfff" for char in texts):
            return BadRow(number, "half of a surrogate pair in a text")
    return Row(number, values)


def _texts(value: object) -> Iterator[str]:
    """Every text in a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
