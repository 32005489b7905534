"""Opens the bytes of a file of products: a path, standard input, gzip, or a table inside a zip.

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
# of a damaged zip, an encrypted one, and one of a compression that is not known
ZIP_ERRORS = (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError)
HEAD = 65_536
_SHEETS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
_TABLES = frozenset(
    {".csv", ".tsv", ".txt", ".tab", ".json", ".jsonl", ".ndjson", ".xml", ".html", ".htm"}
    | _SHEETS
)


@dataclass(slots=True)
class RawFile:
    """A file whose bytes can be had again and again; people call it `name`.

    `member` is the table of a zip that is read; `tables` names the tables of a zip that has two.
    """

    name: str
    path: Path
    member: str | None = None
    packed: bool = False
    tables: list[str] = field(default_factory=list)
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
                inner = self._of_zip(self.member, stack)
            else:
                inner = stack.enter_context(self.path.open("rb"))
            if self.packed:
                inner = stack.enter_context(gzip.open(inner))
            try:
                yield stack.enter_context(io.BufferedReader(inner, HEAD))
            except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as exc:
                raise InputError(f"{self.name} is packed and damaged: {exc}") from None

    def _of_zip(self, member: str, stack: contextlib.ExitStack) -> Any:
        try:
            archive = stack.enter_context(zipfile.ZipFile(self.path))
            return stack.enter_context(archive.open(member))
        except ZIP_ERRORS as exc:
            raise InputError(f"{self.name} is a zip that cannot be read: {exc}") from None

    def head(self) -> bytes:
        """The first bytes."""
        with self.open() as file:
            return file.read(HEAD)

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
    """The path itself; for a pipe, the path of a copy of its bytes."""
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
    """The file, after a look at how it is packed."""
    with file.path.open("rb") as raw:
        head = raw.read(4)
    if head.startswith(GZIP):
        file.packed = True
    elif head == ZIP and not _is_sheet(file.path):
        file.tables = _tables(file)
        return of_zip(file, file.tables[0])
    if not file.head():
        raise InputError(f"{file.name} is empty")
    return file


def of_zip(file: RawFile, member: str) -> RawFile:
    """One table of a zip."""
    packed = member.lower().endswith(".gz")
    found = RawFile(file.name, file.path, member, packed, file.tables, [f"{member} in the zip"])
    if not found.head():
        raise InputError(f"{member} in {file.name} is empty")
    return found


def _is_sheet(path: Path) -> bool:
    """Whether a zip is a workbook of Excel or OpenDocument."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except ZIP_ERRORS:
        return False
    return "[Content_Types].xml" in names or {"mimetype", "content.xml"} <= names


def _tables(file: RawFile) -> list[str]:
    """The names of the tables inside a zip: one, or two that may belong together."""
    try:
        with zipfile.ZipFile(file.path) as archive:
            names = [
                info.filename
                for info in archive.infolist()
                if not info.is_dir() and not info.filename.startswith(("__MACOSX/", "."))
            ]
    except ZIP_ERRORS as exc:
        raise InputError(f"{file.name} is a zip that cannot be read: {exc}") from None
    tables = [
        name
        for name in names
        if PurePosixPath(name.lower().removesuffix(".gz")).suffix in _TABLES
        and not PurePosixPath(name).name.startswith(".")
    ]
    if len(tables) in (1, 2):
        return tables
    if not tables:
        raise InputError(f"{file.name} holds no table, only: {', '.join(names[:10]) or 'nothing'}")
    raise several(file, tables)


def several(file: RawFile, tables: list[str]) -> InputError:
    """The error of a zip with several tables."""
    return InputError(
        f"{file.name} holds {len(tables)} tables ({', '.join(tables[:10])}): unpack it and name one"
    )
