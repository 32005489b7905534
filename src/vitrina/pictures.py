"""Loads the pictures of products, and gives up on a host that keeps failing."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from vitrina import images
from vitrina.errors import PictureError
from vitrina.fetching import Fetcher
from vitrina.images import Limits, Picture

HOST_FAILURES = 5  # a host that failed so often in a row is not asked again in this run
NOT_AGAIN = "; it failed before, so it was not asked again in this run"


class PictureLoader:
    """Loads pictures from any number of threads, within limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._fetcher = Fetcher(limits)
        self._failures: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}
        self._lock = threading.Lock()

    def load(self, reference: str, root: str | None) -> Picture:
        """The picture behind a URL, or behind a path below `root`.

        Raises PictureError with the reason there is none.
        """
        if "://" not in reference[:10]:
            if root is None:
                raise PictureError(
                    f"{reference[:120]} is no URL: name the folder it is under with --image-root"
                )
            return images.load(reference, root=Path(root), limits=self._limits)
        host = _host(reference)
        if self._failures[host] >= HOST_FAILURES:
            raise PictureError(f"{self._reasons[host]}{NOT_AGAIN}", transient=True)
        try:
            picture = images.load(reference, limits=self._limits, fetcher=self._fetcher)
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


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
