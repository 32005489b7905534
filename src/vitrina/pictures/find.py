"""The bytes behind a reference that somebody else wrote: an address, or a path."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from vitrina.errors import PictureError
from vitrina.pictures.limits import Limits, check_size

if TYPE_CHECKING:
    from vitrina.pictures.fetch import Fetcher

_SCHEME = re.compile(r"(https?|data|file):|([a-z][a-z0-9+.-]+)://", re.IGNORECASE)


def read(
    reference: str,
    root: Path | None,
    named: Path | None,
    limits: Limits,
    fetcher: Fetcher | None,
) -> bytes:
    """The bytes behind a reference, at most `limits.bytes` of them."""
    reference = reference.strip()
    if not reference:
        raise PictureError("no picture is given")
    scheme = _SCHEME.match(reference)
    if scheme is None:
        return _read_file(_inside(reference, root, named), limits)
    name = (scheme[1] or scheme[2]).lower()
    if name == "data":
        raise PictureError("data: addresses are not read; save the picture as a file")
    if name not in {"http", "https"}:
        raise PictureError(f"{name}: addresses are not read; use http, https or a plain path")
    if fetcher is not None:
        return fetcher.fetch(reference)
    from vitrina.pictures.fetch import Fetcher

    with Fetcher(limits) as once:
        return once.fetch(reference)


def _inside(reference: str, root: Path | None, named: Path | None = None) -> Path:
    """The path meant, links resolved. Raises PictureError where it leaves `root`."""
    if "\0" in reference:
        raise PictureError("the path has a NUL character in it")
    try:
        if root is None:
            return Path(reference).resolve()
        if reference.startswith("//"):
            raise PictureError("an address without its scheme; write https: before it")
        home = root.resolve()
        # by its letters first: what lies outside is not looked at; the root may be a link
        names = [home, *(Path(os.path.normpath(n.absolute())) for n in (root, named) if n)]
        written = Path(os.path.normpath(home / reference))
        if not any(written.is_relative_to(name) for name in names):
            raise PictureError("the path leads out of the folder of the pictures")
        path = (home / reference).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise PictureError(_file_problem(error)) from error
    if not path.is_relative_to(home):
        raise PictureError("the path leads out of the folder of the pictures")
    return path


def _read_file(path: Path, limits: Limits) -> bytes:
    """The bytes of a regular file: a pipe or device is refused before it can block."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        _check_regular(path.stat())
        with os.fdopen(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            _check_regular(found)
            check_size(found.st_size, limits)
            return file.read(limits.bytes + 1)
    except (OSError, ValueError) as error:
        raise PictureError(_file_problem(error)) from error


def _check_regular(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise PictureError("this is a folder, not a picture")
    if not stat.S_ISREG(found.st_mode):
        raise PictureError("this is a pipe, socket or device, not a file")


def _file_problem(error: Exception) -> str:
    """One sentence on why a path could not be read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "there is no such file"
    if isinstance(error, PermissionError):
        return "the file may not be read; check its permissions"
    if isinstance(error, RuntimeError):
        return "the path is a loop of symbolic links"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"the file cannot be read ({reason})"


def shown(reference: str) -> str:
    """A reference fit for a message: short, printable, no password and no signature in it."""
    reference = reference.strip()
    if re.match(r"https?:", reference, re.IGNORECASE):
        reference = re.sub(r"[?#].*", "", reference, flags=re.DOTALL)
    if re.match(r"(?:https?:)?//", reference, re.IGNORECASE):
        reference = re.sub(r"//[^/]*@", "//", reference, count=1)
    text = "".join(c if c.isprintable() else "?" for c in reference) or "(empty)"
    return text if len(text) <= 120 else f"{text[:80]}…{text[-39:]}"
