"""Loads the pictures of products, and gives up on a host that keeps failing."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from vitrina.errors import FolderError, PictureError
from vitrina.pictures import decode
from vitrina.pictures.decode import Picture
from vitrina.pictures.find import shown
from vitrina.pictures.limits import Limits

HOST_FAILURES = 5  # after this many failures in a row a host is not asked again in this run
NO_FOLDER = "this process may not read the folder of its source"
NOT_AGAIN = "; it failed before, so it was not asked again in this run"


class Folders:
    """The folders that pictures of products may be read from; no other folder is read.

    Args:
        given: the folders given to this process.
        trusted: gives the folders that the schema's owner named; others are not trusted.
    """

    def __init__(
        self,
        given: Iterable[str | Path] = (),
        trusted: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        self._trusted = trusted
        self._known = [os.path.realpath(folder) for folder in given]

    def allow(self, folder: str | Path) -> None:
        """Allow this folder from now on."""
        self._known.append(os.path.realpath(folder))

    def real(self, root: str) -> Path:
        """The real folder of `root`, following symbolic links.

        Raises FolderError if it is not allowed, in the same words whether it exists or not.
        """
        try:
            real = os.path.realpath(root)
        except (OSError, ValueError):
            real = ""
        if not self._allows(real) and self._trusted is not None:
            # check again: a source may have been attached since
            for folder in self._trusted():
                self.allow(folder)
        if not self._allows(real):
            raise FolderError(
                f"{NO_FOLDER}; allow it with vitrina work --image-root DIR, or VITRINA_IMAGE_ROOT"
            )
        return Path(real)

    def _allows(self, real: str) -> bool:
        return bool(real) and any(Path(real).is_relative_to(folder) for folder in self._known)


class PictureLoader:
    """Loads pictures of URLs and these folders, within limits, for any number of threads."""

    def __init__(self, limits: Limits, folders: Folders | None = None) -> None:
        self._limits = limits
        self._folders = folders or Folders()
        from vitrina.pictures.fetch import Fetcher  # on use: it has the network

        self._fetcher = Fetcher(limits)
        self._failures: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def stop(self) -> None:
        """Stop waiting for memory: waiting threads give up."""
        self._stop.set()

    def load(self, reference: str, root: str | None) -> Picture:
        """The picture behind a URL, or behind a path below `root`.

        Raises PictureError with the reason; FolderError if this process may not
        read the folder, BusyError if there is no memory just now.
        """
        if "://" not in reference[:10]:
            return _from_folder(reference, root, self._folders, self._limits, self._stop)
        host = _host(reference)
        if self._failures[host] >= HOST_FAILURES:
            raise PictureError(f"{self._reasons[host]}{NOT_AGAIN}", transient=True)
        try:
            picture = decode.load(
                reference, limits=self._limits, fetcher=self._fetcher, stop=self._stop
            )
        except PictureError as exc:
            if exc.transient:
                with self._lock:
                    self._failures[host] += 1
                    self._reasons[host] = str(exc).rpartition(": ")[2]
            raise
        with self._lock:
            self._failures[host] = 0
        return picture

    def close(self) -> None:
        """Close the connections."""
        self._fetcher.close()


def load_product_picture(
    reference: str, root: str | None, folders: Folders, limits: Limits
) -> Picture:
    """One picture of a product, behind a URL or behind a path below `root`.

    Raises as PictureLoader.load does.
    """
    if "://" not in reference[:10]:
        return _from_folder(reference, root, folders, limits, None)
    return decode.load(reference, limits=limits)


def _from_folder(
    reference: str,
    root: str | None,
    folders: Folders,
    limits: Limits,
    stop: threading.Event | None,
) -> Picture:
    if root is None:
        raise PictureError(f"{shown(reference)} is not a URL: give its folder with --image-root")
    try:
        real = folders.real(root)
    except FolderError as exc:
        raise FolderError(f"{shown(reference)}: {exc}") from None
    return decode.load(reference, root=real, named=Path(root), limits=limits, stop=stop)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
