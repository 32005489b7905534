"""Turns what people search with, words or a picture, into vectors of the spaces in use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from vitrina.context import Context
from vitrina.db.database import HalfVector
from vitrina.errors import AccessError
from vitrina.models.base import Term
from vitrina.pictures.decode import Picture


class Reader(Protocol):
    """Asks a model about what is searched for."""

    @property
    def space(self) -> str | None:
        """The name of the space that its vectors are for."""
        ...

    def query_vector(self, words: str) -> Sequence[float] | None:
        """The vector of a query's words; None where the database makes it itself."""
        ...

    def picture_words(self, picture: Picture, title: str) -> str | None:
        """What a picture shows, in one sentence; None where the provider cannot see."""
        ...

    def learn(self, terms: Sequence[Term]) -> None:
        """Make keywords of new terms."""
        ...

    def close(self) -> None:
        """Let go of the provider."""
        ...


class Queries:
    """Makes vectors of queries and remembers them in the database, so that each is made once."""

    def __init__(self, context: Context, reader: Callable[[], Reader]) -> None:
        self._database = context.database
        self._local = context.settings.chosen == "local"
        self._notice = context.notice
        self._reader = reader
        self._engine: Reader | None = None
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
        if self._local:
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
            if self._local:
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
        if not self._local:
            self._opened().learn(terms)

    def _opened(self, space: str | None = None) -> Reader:
        """The engine, of the model of this space: the one in use may be another than before."""
        if self._engine is not None and space not in (None, self._engine.space):
            self._engine.close()
            self._engine = None
        if self._engine is None:
            self._engine = self._reader()
        return self._engine

    def close(self) -> None:
        """Let go of the provider."""
        if self._engine is not None:
            self._engine.close()
