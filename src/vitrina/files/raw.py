"""The bytes of a file of products: a path, standard input, gzip, or one table inside a zip.

A file is read more than once, since a column has to be judged whole before its first row is used.
What can be read only once is kept in a temporary file.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from vitrina.errors import InputError
from vitrina.redaction import shown_address

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0"  # the older Excel
_HEAD = 65_536
_SHEETS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
_TABLES = frozenset(
    {".csv", ".tsv", ".txt", ".tab", ".json", ".jsonl", ".ndjson", ".xml", ".html", ".htm"}
    | _SHEETS
)


@dataclass(slots=True)
class RawFile:
    """A file whose bytes can be had again and again; `name` is what people call it."""

    name: str
    path: Path
    member: str | None = None
    packed: bool = False
    said: list[str] = field(default_factory=list)

    @property
    def suffix(self) -> str:
        """The ending of the table's own name, in lower case: `.csv` of `products.csv.gz`."""
        name = PurePosixPath(self.member or self.name)
        return PurePosixPath(name.stem if self.packed else name).suffix.lower()

    @contextlib.contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The bytes from the start, unpacked."""
        with contextlib.ExitStack() as stack:
            inner: Any
            if self.member is not None:
                archive = stack.enter_context(zipfile.ZipFile(self.path))
                inner = stack.enter_context(archive.open(self.member))
            else:
                inner = stack.enter_context(self.path.open("rb"))
            if self.packed:
                inner = stack.enter_context(gzip.open(inner))
            try:
                yield stack.enter_context(io.BufferedReader(inner, _HEAD))
            except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as exc:
                raise InputError(f"{self.name} is packed and damaged: {exc}") from None

    def head(self) -> bytes:
        """The first bytes."""
        with self.open() as file:
            return file.read(_HEAD)

    def size(self) -> int:
        """How many bytes there are, unpacked; counted by reading where nothing says so."""
        if self.member is None and not self.packed:
            return self.path.stat().st_size
        total = 0
        with self.open() as file:
            while chunk := file.read(1 << 20):
                total += len(chunk)
        return total


@contextlib.contextmanager
def open_raw(path: str, name: str | None = None) -> Iterator[RawFile]:
    """Open a path, or standard input for `-`. Raises InputError if it cannot be read.

    `name` is how people call the file, if not by its path.
    """
    with contextlib.ExitStack() as stack:
        if path == "-":
            kept = stack.enter_context(_temporary())
            shutil.copyfileobj(sys.stdin.buffer, kept)
            kept.flush()
            file = RawFile("standard input", Path(kept.name))
        elif path.startswith(("http://", "https://")):
            raise InputError(
                f"{shown_address(path)} is an address: only `vitrina ingest` reads one"
            )
        else:
            file = RawFile(name or path, _readable(path, stack))
        yield _unpacked(file)


def _temporary() -> contextlib.AbstractContextManager[Any]:
    return tempfile.NamedTemporaryFile(prefix="vitrina-")


def _readable(path: str, stack: contextlib.ExitStack) -> Path:
    """The path, or a copy of what is behind it where it is a pipe."""
    try:
        with Path(path).open("rb") as file:
            if file.seekable():
                return Path(path)
            kept = stack.enter_context(_temporary())
            shutil.copyfileobj(file, kept)
            kept.flush()
            return Path(kept.name)
    except FileNotFoundError:
        raise InputError(f"no such file: {path}") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder: name a file of products") from None
    except OSError as exc:
        raise InputError(f"cannot read {path}: {exc.strerror or exc}") from None


def _unpacked(file: RawFile) -> RawFile:
    """The file with what it is packed in found out."""
    with file.path.open("rb") as raw:
        head = raw.read(4)
    if head.startswith(GZIP):
        file.packed = True
    elif head == ZIP and not _is_sheet(file.path):
        file.member = _member(file)
        file.packed = file.member.lower().endswith(".gz")
        file.said.append(f"{file.member} in the zip")
    if not file.head():
        raise InputError(f"{file.name} is empty")
    return file


def _is_sheet(path: Path) -> bool:
    """Whether a zip is a workbook of Excel or OpenDocument."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        return False
    return "[Content_Types].xml" in names or {"mimetype", "content.xml"} <= names


def _member(file: RawFile) -> str:
    """The one table inside a zip."""
    try:
        with zipfile.ZipFile(file.path) as archive:
            names = [
                info.filename
                for info in archive.infolist()
                if not info.is_dir() and not info.filename.startswith(("__MACOSX/", "."))
            ]
    except zipfile.BadZipFile as exc:
        raise InputError(f"{file.name} is no zip that can be read: {exc}") from None
    tables = [
        name
        for name in names
        if PurePosixPath(name.lower().removesuffix(".gz")).suffix in _TABLES
        and not PurePosixPath(name).name.startswith(".")
    ]
    if len(tables) == 1:
        return tables[0]
    if not tables:
        raise InputError(f"there is no table in {file.name}: {', '.join(names[:10]) or 'nothing'}")
    raise InputError(
        f"{file.name} holds {len(tables)} tables ({', '.join(tables[:10])}): unpack it and name one"
    )
