"""Embeds pictures in the local image spaces: the one in use, and those filled beside it."""

from __future__ import annotations

import time

from vitrina.db.database import Database, HalfVector
from vitrina.errors import NotFoundError
from vitrina.models.base import ImageEmbedder
from vitrina.pictures.decode import Picture
from vitrina.pictures.learned import embedder_of

FRESH_SECONDS = 5.0  # a space may be added, or switched to, at any time


class ImageSpaces:
    """Makes the vectors of pictures; any number of threads may share it.

    Args:
        database: of the spaces.
        also: a space to fill too, though it is retired: to go back to it.

    Raises ConfigError if a space's model needs the extra `local`, and it is not installed.
    """

    def __init__(self, database: Database, also: str | None = None) -> None:
        self._database = database
        self._also = also
        self._read()

    def embed(self, picture: Picture) -> dict[str, HalfVector]:
        """The picture's vector in each space, by the space's name."""
        if time.monotonic() - self._known > FRESH_SECONDS:
            self._read()
        return {
            space: HalfVector(list(embedder.embed(picture)))
            for space, embedder in self._spaces.items()
        }

    def _read(self) -> None:
        self._known = time.monotonic()
        found: dict[str, ImageEmbedder] = {}
        for row in self._database.rows(
            "select s.name, s.model from vitrina.spaces as s where s.modality = 'image'"
            " and s.provider = 'local' and (s.state in ('active', 'building') or s.name = %s)"
            " order by s.id",
            (self._also,),
        ):
            try:
                found[row["name"]] = embedder_of(row["model"])
            except NotFoundError:
                continue  # a newer vitrina fills that one
        self._spaces = found
