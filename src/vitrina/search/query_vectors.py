"""Turns queries, words or a picture, into vectors of the spaces in use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from vitrina.context import Context, Writer
from vitrina.db.database import HalfVector
from vitrina.errors import AccessError
from vitrina.models.base import Term
from vitrina.pictures.decode import Picture


class Reader(Protocol):
    """Asks a model about a query."""

    @property
    def space(self) -> str | None:
        """The name of the space of its vectors."""
        ...

    def query_vector(self, words: str) -> Sequence[float] | None:
        """The vector of a query's words; None if the database makes it."""
        ...

    def picture_words(self, picture: Picture, title: str) -> str | None:
        """A picture in one sentence; None if the provider cannot see."""
        ...

    def learn(self, terms: Sequence[Term]) -> None:
        """Make keywords of new terms."""
        ...

    def close(self) -> None:
        """Close the provider."""
        ...


class Queries:
    """Makes vectors of queries and remembers them in the database, so that each is made once.

    Args:
        context: the catalog's context.
        reader: makes what asks a model; None: no model is asked.
        writer: remembers the vectors, where the context only reads; None: the context does.
    """

    def __init__(
        self,
        context: Context,
        reader: Callable[[], Reader] | None,
        writer: Writer | None = None,
    ) -> None:
        self._database = context.database
        self._writer = writer
        self._local = context.settings.chosen == "local"
        self._notice = context.notice
        self._reader = reader
        self._engine: Reader | None = None
        self._opening = threading.Lock()
        self._told = False

    def image_vector(self, picture: Picture) -> HalfVector | None:
        """The picture's vector in the image space in use; None if there is none.

        Raises NotFoundError if its model is not one of this vitrina's.
        """
        from vitrina.pictures.learned import embedder_of

        for row in self._database.rows(
            "select s.model from vitrina.spaces as s"
            " where s.modality = 'image' and s.state = 'active'"
        ):
            return HalfVector(embedder_of(row["model"]).embed(picture))
        return None

    def picture_words(self, picture: Picture, title: str) -> str | None:
        """A vision model's caption of the picture, asked once per picture; None without a model."""
        if self._local or self._reader is None:
            return None
        words = self._opened().picture_words(picture, title)
        self.embed(words)
        return words

    def embed(self, query: str | None) -> HalfVector | None:
        """Make and remember a query's vector, if the database cannot make it.

        Returns the vector only if this role may not remember it.
        """
        if not query or self._reader is None:
            return None
        for row in self._database.rows("select * from vitrina.query_to_embed(%s)", (query,)):
            if self._local:
                if not self._told:
                    self._notice(
                        "searching by words and their keywords: vectors of"
                        f" {row['space']} need OPENAI_API_KEY or OPENAI_BASE_URL"
                    )
                self._told = True
                return None
            engine = self._opened(row["space"])
            vector = engine.query_vector(row["words"]) if engine.space == row["space"] else None
            if vector is None:  # the space has just been switched
                return None
            embedding = HalfVector(list(vector))
            remembers = self._writer.context().database if self._writer else self._database
            try:
                remembers.rows(
                    "select vitrina.put_query_embedding(%s, %s, %b)",
                    (row["space"], row["words"], embedding),
                )
            except AccessError:  # a reader can search all the same
                return embedding
        return None

    def knows(self, query: str) -> bool:
        """Whether the database has the vector of a query, or makes it: without asking a model."""
        found = self._database.value(
            "select not exists (select from vitrina.query_to_embed(%s))", (query,)
        )
        return bool(found)

    def learn(self, terms: Sequence[Term]) -> None:
        """Make keywords of new terms, if the database cannot embed them."""
        if not self._local:
            self._opened().learn(terms)

    def _opened(self, space: str | None = None) -> Reader:
        """The engine for the model of this space, as the space in use may have changed."""
        with self._opening:
            if self._engine is not None and space not in (None, self._engine.space):
                self._engine.close()
                self._engine = None
            if self._engine is None:
                assert self._reader is not None  # noqa: S101 - the callers ask before
                self._engine = self._reader()
            return self._engine

    def close(self) -> None:
        """Close the provider."""
        if self._engine is not None:
            self._engine.close()
