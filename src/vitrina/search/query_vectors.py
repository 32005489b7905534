"""Turns what people search with, words or a picture, into vectors of the spaces in use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from vitrina.db.database import Database, HalfVector
from vitrina.errors import AccessError
from vitrina.models.base import Term
from vitrina.pictures.decode import Picture
from vitrina.settings import Settings

if TYPE_CHECKING:
    from vitrina.assembly import Engine


class Queries:
    """Makes vectors of queries and remembers them in the database, so that each is made once."""

    def __init__(
        self, database: Database, settings: Settings, notice: Callable[[str], None]
    ) -> None:
        self._database = database
        self._settings = replace(settings, weave=None)  # runs are traced, searches are not
        self._notice = notice
        self._engine: Engine | None = None
        self._told = False

    def image_vector(self, picture: Picture) -> HalfVector | None:
        """The picture in the image space; None where there is no such space in use."""
        from vitrina.pictures.descriptor import LocalImageEmbedder

        if not self._database.value(
            "select exists (select from vitrina.spaces as s"
            " where s.modality = 'image' and s.state = 'active')"
        ):
            return None
        return HalfVector(list(LocalImageEmbedder().embed(picture)))

    def picture_words(self, picture: Picture, title: str) -> str | None:
        """What a vision model says the picture shows, asked once a picture; None without one."""
        if self._settings.chosen == "local":
            return None
        words = self._opened().picture_words(picture, title)
        self.embed(words)
        return words

    def embed(self, query: str | None) -> HalfVector | None:
        """Have a query's vector made and remembered, where the database cannot make it itself.

        Returns the vector only where this role may not remember it.
        """
        if not query:
            return None
        for row in self._database.rows("select * from vitrina.query_to_embed(%s)", (query,)):
            if self._settings.chosen == "local":
                if not self._told:
                    self._notice(
                        "searching by words and the keywords among them: vectors of"
                        f" {row['space']} take OPENAI_API_KEY or OPENAI_BASE_URL"
                    )
                self._told = True
                return None
            engine = self._opened(row["space"])
            vector = engine.query_vector(row["words"]) if engine.space == row["space"] else None
            if vector is None:  # the space was switched just now
                return None
            embedding = HalfVector(list(vector))
            try:
                self._database.rows(
                    "select vitrina.put_query_embedding(%s, %s, %b)",
                    (row["space"], row["words"], embedding),
                )
            except AccessError:  # a reader searches all the same
                return embedding
        return None

    def learn(self, terms: Sequence[Term]) -> None:
        """Make keywords of new terms, where the database cannot embed them itself."""
        if self._settings.chosen != "local":
            self._opened().embedder.learn(terms)

    def _opened(self, space: str | None = None) -> Engine:
        """The engine, of the model of this space: the one in use may be another than before."""
        if self._engine is not None and space not in (None, self._engine.space):
            self._engine.close()
            self._engine = None
        if self._engine is None:
            from vitrina.assembly import Engine

            self._engine = Engine.reading(self._database, self._settings)
        return self._engine

    def close(self) -> None:
        """Let go of the provider."""
        if self._engine is not None:
            self._engine.close()
