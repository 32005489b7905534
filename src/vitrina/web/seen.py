"""Pictures that visitors searched by, and parts of pictures: with their vectors, for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from vitrina.catalog import Catalog
from vitrina.db.database import HalfVector
from vitrina.errors import BusyError, NotFoundError
from vitrina.pictures.decode import Picture
from vitrina.pictures.part import Box, part_of

MOST = 256
MOST_BYTES = 32_000_000  # of them together
FETCHING = 4  # pictures at once: a slow server shall not hold all places of this one
NAME = 16  # signs of a hash in an address


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture that was searched by; `vector` is of `space`, `thumbnail` is a WebP."""

    sha256: str
    vector: HalfVector
    thumbnail: bytes
    picture: Picture
    space: str | None


class SeenPictures:
    """The latest `MOST` of them, in memory only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_name: OrderedDict[str, Seen] = OrderedDict()
        self._by_address: OrderedDict[str, str] = OrderedDict()
        self._fetching = threading.BoundedSemaphore(FETCHING)

    def part(self, catalog: Catalog, name: str, box: Box, whole: Callable[[], Picture]) -> Seen:
        """A part of a picture that is known by `name`; `whole` gives it where that is needed."""
        address = f"{name} {box}"
        with self._lock:
            found = self._by_name.get(self._by_address.get(address, ""))
        if found is not None and found.space == catalog.pictures.space():
            return found
        return self.add(catalog, part_of(whole(), box), address)

    def add(self, catalog: Catalog, picture: Picture, address: str | None = None) -> Seen:
        """Remember a picture. Raises NotFoundError if no image space is in use."""
        space = catalog.pictures.space()
        vector = catalog.image_vector(picture)
        if vector is None:
            raise NotFoundError("no image space is in use: `vitrina spaces list` shows them")
        seen = Seen(picture.sha256, vector, picture.thumbnail, picture, space)
        with self._lock:
            self._by_name[seen.sha256[:NAME]] = seen
            self._by_name.move_to_end(seen.sha256[:NAME])
            if address is not None:
                self._by_address[address] = seen.sha256[:NAME]
            for kept in (self._by_name, self._by_address):
                while len(kept) > MOST:
                    kept.popitem(last=False)
            size = sum(len(each.picture.jpeg) for each in self._by_name.values())
            while size > MOST_BYTES and len(self._by_name) > 1:
                size -= len(self._by_name.popitem(last=False)[1].picture.jpeg)
        return seen

    def dropped(self, catalog: Catalog, name: str) -> Seen:
        """The picture whose hash begins so. Raises NotFoundError once it is forgotten."""
        with self._lock:
            found = self._by_name.get(name[:NAME])
            if found is not None and found.sha256.startswith(name):
                self._by_name.move_to_end(name[:NAME])
            else:
                found = None
        if found is None or found.space != catalog.pictures.space():
            raise NotFoundError(
                "that picture is forgotten: this server keeps the latest few; drop it again"
            )
        return found

    def at(self, catalog: Catalog, address: str) -> Seen:
        """The picture at an address, fetched within the limits.

        Raises PictureError, and BusyError if too many are being fetched.
        """
        with self._lock:
            found = self._by_name.get(self._by_address.get(address, ""))
        if found is not None and found.space == catalog.pictures.space():
            return found
        if not self._fetching.acquire(blocking=False):
            raise BusyError("other pictures are being fetched: try again", transient=True)
        try:
            picture = catalog.picture(address)
        finally:
            self._fetching.release()
        return self.add(catalog, picture, address)
