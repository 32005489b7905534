"""The further pictures of products: fetched and embedded once nothing else is due."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from vitrina.db.database import Database, HalfVector, Jsonb
from vitrina.enrich.outcomes import image_row
from vitrina.errors import PictureError
from vitrina.pictures.decode import Picture, decode
from vitrina.pictures.loader import PictureLoader
from vitrina.spaces.pictures import ImageSpaces

BATCH = 50  # taken together, and stored in one transaction
SECONDS = 120.0  # for a batch; then another worker may take its pictures


@dataclass(slots=True)
class _Looked:
    """A further picture, or why it cannot be had; `known`: it is stored already."""

    row: dict[str, Any]
    picture: Picture | None = None
    known: str | None = None
    error: str | None = None
    vectors: dict[str, HalfVector] = field(default_factory=dict)

    @property
    def sha256(self) -> str | None:
        if self.known is not None:
            return self.known
        return self.picture.sha256 if self.picture else None


class FurtherPictures:
    """Gives every picture of a product a vector in each local image space.

    A batch is taken for two minutes and stored at once, so a run that ends in the middle loses a
    batch at most. A picture that cannot be had is tried again after a day.

    Args:
        database: of the products.
        spaces: embed pictures.
        loader: loads them; not closed here.
        threads: pictures at once.
        sources: those of products of these sources only.
        stored: called once further pictures are stored.
    """

    def __init__(
        self,
        database: Database,
        spaces: ImageSpaces,
        loader: PictureLoader,
        *,
        threads: int,
        sources: Sequence[str] | None = None,
        stored: Callable[[], None] | None = None,
    ) -> None:
        self._stored = stored
        self._database = database
        self._spaces = spaces
        self._loader = loader
        self._threads = threads
        self._after = 0
        self._sources = list(sources) if sources is not None else None

    def run(
        self, stop: threading.Event | None = None, progress: Callable[[int], None] | None = None
    ) -> int:
        """Look at all that are due, until `stop` is set; returns how many have vectors now."""
        done = 0
        while not (stop is not None and stop.is_set()):
            taken, embedded = self.batch()
            done += embedded
            if progress is not None and embedded:
                progress(done)
            if not taken:
                break
        return done

    def batch(self) -> tuple[int, int]:
        """Look at some; returns how many were due, and how many of them have vectors now."""
        rows = self._claimed()
        if not rows and self._after:
            self._after = 0  # those that came, or came free, behind it
            rows = self._claimed()
        if not rows:
            return 0, 0
        self._after = rows[-1]["product_id"]
        with ThreadPoolExecutor(min(self._threads, len(rows)), "vitrina-further") as pool:
            looked = list(pool.map(self._look, rows))
        return len(rows), self._database.persist(lambda: self._store(looked))

    def _claimed(self) -> list[dict[str, Any]]:
        return self._database.rows(
            "select * from vitrina.claim_pictures(%s, %s, %s::text[], %s)",
            (BATCH, SECONDS, self._sources, self._after),
        )

    def _look(self, row: dict[str, Any]) -> _Looked:
        try:
            if row["thumbnail"] is not None:  # stored: only a space is new
                found = _Looked(row, decode(bytes(row["thumbnail"])), known=row["sha256"])
            else:
                found = _Looked(row, self._loader.load(row["image"], row["image_root"]))
        except PictureError as exc:
            return _Looked(row, error=str(exc))
        if found.picture is not None:
            found.vectors = self._spaces.embed(found.picture)
        return found

    def _store(self, looked: list[_Looked]) -> int:
        new = {
            each.picture.sha256: each.picture
            for each in looked
            if each.picture is not None and each.known is None
        }
        pictures = [
            {
                "product_id": each.row["product_id"],
                "position": each.row["position"],
                "image": each.row["image"],
                "image_sha256": each.sha256,
                "error": each.error,
            }
            for each in looked
        ]
        with self._database.transaction() as conn:
            conn.execute(
                "select vitrina.store_further_pictures(%s, %s)",
                (Jsonb(pictures), Jsonb([image_row(picture) for picture in new.values()])),
            )
            for space in sorted({space for each in looked for space in each.vectors}):
                made = [each for each in looked if space in each.vectors]
                conn.execute(
                    # none if the space has been dropped meanwhile
                    "select vitrina.put_picture_embeddings(s.name, %s, %s::int[], %s, %b)"
                    " from vitrina.spaces as s where s.name = %s",
                    (
                        [each.row["product_id"] for each in made],
                        [each.row["position"] for each in made],
                        [bytes.fromhex(each.sha256 or "") for each in made],
                        [each.vectors[space] for each in made],
                        space,
                    ),
                )
        if new and self._stored is not None:
            self._stored()
        return sum(bool(each.vectors) for each in looked)
