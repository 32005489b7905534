"""Pictures that stand in a zip beside the table of products."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from vitrina.printing import counted

MAX_PICTURE = 10_000_000  # bytes, as for every other picture
MAX_TOTAL = 4_000_000_000  # bytes that one file may unpack
_ENDINGS = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".gif", ".webp", ".avif", ".bmp", ".tif", ".tiff"}
)
_CHUNK = 1 << 20


class ZipPictures:
    """The pictures of a zip, found by the paths that products name.

    Args:
        path: the zip.
        table: the member with the products; a product's path may start at its folder.
    """

    def __init__(self, path: Path, table: str) -> None:
        self._path = path
        self._folder = PurePosixPath(table).parent
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._by_name: dict[str, zipfile.ZipInfo | None] = {}
        self._archive: zipfile.ZipFile | None = None
        self._total = 0
        self._refused: dict[str, str] = {}
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if _is_picture(member):
                    name = PurePosixPath(member.filename)
                    self._members[str(name)] = member
                    # two pictures of one name in different folders: the name alone is not enough
                    known = name.name in self._by_name
                    self._by_name[name.name] = None if known else member

    def __len__(self) -> int:
        return len(self._members)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._archive is not None:
            self._archive.close()
            self._archive = None

    def stamp(self, reference: str) -> str | None:
        """Size and checksum of the picture of this path: the same as long as it is the same."""
        member = self._find(reference)
        return f"{member.file_size}-{member.CRC:08x}" if member is not None else None

    def unpack(self, references: Iterable[str], root: Path) -> None:
        """Write the pictures of these paths below `root`; those that are there stay untouched."""
        for reference in references:
            member = self._find(reference)
            if member is None:
                continue
            try:
                self._unpack(member, root / reference.strip())
            except (OSError, ValueError, RuntimeError, NotImplementedError) as exc:
                self._refused[member.filename] = str(exc)
            except (zipfile.BadZipFile, zlib.error, EOFError) as exc:
                self._refused[member.filename] = f"it is damaged: {exc}"

    def notices(self) -> list[str]:
        """A line about the pictures that could not be unpacked."""
        if not self._refused:
            return []
        name, reason = next(iter(self._refused.items()))
        count = counted(len(self._refused), "picture")
        return [f"{count} of the zip not unpacked; {name}: {reason}"]

    def _find(self, reference: str) -> zipfile.ZipInfo | None:
        """The member of a path; None for an address and for a path that leads out of the zip."""
        name = reference.strip()
        if not name or "\0" in name or "\\" in name or "://" in name[:10]:
            return None
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            return None
        found = self._members.get(str(self._folder / path)) or self._members.get(str(path))
        return found or self._by_name.get(path.name)

    def _unpack(self, member: zipfile.ZipInfo, target: Path) -> None:
        if member.file_size > MAX_PICTURE:
            raise ValueError(f"it is larger than {MAX_PICTURE // 1_000_000} MB")
        if _is_same(target, member):
            return
        if self._total + member.file_size > MAX_TOTAL:
            raise ValueError(f"the pictures are larger than {MAX_TOTAL // 10**9} GB together")
        self._total += member.file_size
        if self._archive is None:
            self._archive = zipfile.ZipFile(self._path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{os.getpid()}.part")
        try:
            # the header may lie about the size, so no more is read than it says
            with self._archive.open(member) as packed, part.open("xb") as file:
                left = member.file_size
                while left and (chunk := packed.read(min(left, _CHUNK))):
                    file.write(chunk)
                    left -= len(chunk)
                if left or packed.read(1):
                    raise ValueError("its size differs from the size that the zip states")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _is_picture(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a picture by its name, and a file: no folder and no link."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    path = PurePosixPath(member.filename)
    return (
        not member.is_dir()
        and kind in (0, stat.S_IFREG)
        and path.suffix.lower() in _ENDINGS
        and not path.name.startswith(".")
        and path.parts[0] != "__MACOSX"
    )


def _is_same(target: Path, member: zipfile.ZipInfo) -> bool:
    """Whether the picture has been unpacked before."""
    try:
        if target.stat().st_size != member.file_size:
            return False
        checksum = 0
        with target.open("rb") as file:
            while chunk := file.read(_CHUNK):
                checksum = zlib.crc32(chunk, checksum)
    except FileNotFoundError:
        return False
    return checksum == member.CRC
