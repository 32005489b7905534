"""Turns queries, words or a picture, into vectors of the spaces in use."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from vitrina.context import Context, Writer
from vitrina.db.database import Database, HalfVector
from vitrina.errors import AccessError, ConfigError, ItemError, SlowError, UnreachableError
from vitrina.models.base import Term
from vitrina.pictures.decode import Picture

if TYPE_CHECKING:
    from vitrina.spaces.joint import JointEmbedder, JointSpaces

T = TypeVar("T")
AWAY_SECONDS = 30.0  # until a primary that could not be reached is tried again
KEPT = 1000  # vectors and captions each, in memory where the database cannot be written to


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


class UnderWay:
    """What several threads ask at a time is asked once: those who come meanwhile wait for that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[object, Future[Any]] = {}

    def once(self, key: object, ask: Callable[[], T]) -> T:
        """What `ask` gives, or gives another thread with this key. Raises what it raises."""
        with self._lock:
            others = self._answers.get(key)
            if others is None:
                own = self._answers[key] = Future[Any]()
        if others is not None:
            with contextlib.suppress(SlowError):  # its client went: ours is still there
                answer: T = others.result()
                return answer
            return ask()
        try:
            answer = ask()
        except BaseException as exc:
            own.set_exception(exc)
            raise
        else:
            own.set_result(answer)
            return answer
        finally:
            with self._lock:
                del self._answers[key]


class Queries:
    """Makes vectors of queries and remembers them in the database, so that each is made once.

    Where the database is a standby, or is a replica that does not have them yet, those of texts are
    kept in memory.

    Args:
        context: the catalog's context.
        reader: makes what asks the model of the space with this name, or of the text space in
            use; None: no model is asked.
        writer: remembers the vectors, where the context only reads; None: the context does.
    """

    def __init__(
        self,
        context: Context,
        reader: Callable[[str | None], Reader] | None,
        writer: Writer | None = None,
    ) -> None:
        self._database = context.database
        self._context = context
        self._unremembered = False
        self._writer = writer
        self._local = context.settings.chosen == "local"
        self._notice = context.notice
        self._reader = reader
        self._engines: dict[str | None, Reader] = {}
        self._opening = threading.Lock()
        self._under_way = UnderWay()
        self._told: set[str] = set()
        self._away_until = 0.0
        self._vectors: OrderedDict[tuple[str, str], HalfVector] = OrderedDict()
        self._captions: OrderedDict[tuple[str, str], str] = OrderedDict()

    @cached_property
    def _joint(self) -> JointSpaces:
        from vitrina.spaces.joint import JointSpaces  # on use: most searches do without

        return JointSpaces(
            self._context, ledger=self._writer.context().database if self._writer else None
        )

    def _store(self) -> Database | None:
        """Where vectors are remembered; None on a standby. Raises UnreachableError."""
        database = self._writer.context().database if self._writer else self._database
        if not database.is_standby():
            return database
        self._tell("a standby is searched: vectors of queries are kept in this process only")
        return None

    def image_vector(self, picture: Picture) -> HalfVector | None:
        """The picture's vector in the image space in use; None if there is none.

        Raises NotFoundError if its model is not one of this vitrina's, ConfigError if it cannot be
        had here, ProviderError if its endpoint does not answer.
        """
        from vitrina.pictures.learned import embedder_of

        for row in self._database.rows(
            "select s.name, s.model, s.modality from vitrina.spaces as s"
            " where s.modality <> 'text' and s.state = 'active'"
        ):
            if row["modality"] == "joint":
                embedder = self._joint.named(row["name"])
                return None if embedder is None else embedder.picture_vector(picture.thumbnail)
            return HalfVector(embedder_of(row["model"]).embed(picture))
        return None

    def picture_words(self, picture: Picture, title: str) -> str | None:
        """A vision model's caption of the picture, asked once per picture.

        None without a model, or where a joint space sees what it shows.
        """
        if self._local or self._reader is None or self._sees():
            return None
        words = self._under_way.once(
            (picture.sha256, title, "caption"), lambda: self._caption(picture, title)
        )
        self.embed(words)
        return words

    def _caption(self, picture: Picture, title: str) -> str | None:
        known = (picture.sha256, title)
        words = self._captions.get(known)
        if words is None:
            words = self._opened().picture_words(picture, title)
            if words is not None and self._store() is None:  # elsewhere the ledger keeps it
                _keep(self._captions, known, words)
        return words

    def embed(self, query: str | None, in_spaces: Sequence[str] | None = None) -> HalfVector | None:
        """Make and remember a query's vectors, if the database cannot make them.

        In the spaces in use, or in those that are named instead.

        Returns that of the text space only if this role may not remember it, or if the database
        that is searched does not have it yet.
        """
        if not query or self._reader is None or time.monotonic() < self._away_until:
            return None
        named = None if in_spaces is None else tuple(in_spaces)
        return self._under_way.once((query, named), lambda: self._embed(query, named))

    def _embed(self, query: str, in_spaces: tuple[str, ...] | None) -> HalfVector | None:
        unremembered = None
        for row in self._database.rows(
            "select * from vitrina.query_to_embed(%s, %s::text[])",
            (query, None if in_spaces is None else list(in_spaces)),
        ):
            try:
                if row["modality"] == "joint":
                    self._embed_jointly(row["space"], row["words"])
                else:
                    unremembered = self._embed_text(row["space"], row["words"])
            except UnreachableError as exc:
                if self._writer is None or not self._writer.elsewhere:
                    raise
                # no model is asked without a ledger; the replica is searched all the same
                self._away_until = time.monotonic() + AWAY_SECONDS
                self._tell(f"searching by words and their keywords: {exc}")
        return unremembered

    def _embed_jointly(self, space: str, words: str) -> None:
        """Make and remember a query's vector among pictures.

        Where that is impossible, the vectors of its keywords stand in for it.
        """
        if self._unremembered:
            return
        if self._store() is None:
            self._tell("pictures are searched by the query's keywords only, on a standby")
            return
        try:
            embedder = self._joint.named(space)
        except ConfigError as exc:
            self._tell(f"pictures are searched by the query's keywords only: {exc}")
            return
        if embedder is None:
            return
        try:
            self._remember(space, words, self._jointly(embedder, words))
        except AccessError:  # a role that may not remember: it would ask again each time
            self._unremembered = True

    def _jointly(self, embedder: JointEmbedder, words: str) -> HalfVector | None:
        try:
            return embedder.query_vector(words)
        except ItemError:
            return None  # words that say nothing to the model
        except ConfigError as exc:
            self._tell(f"pictures are searched by the query's keywords only: {exc}")
            return None

    def _sees(self) -> bool:
        return bool(
            self._database.value(
                "select exists (select from vitrina.spaces as s"
                " where s.modality = 'joint' and s.state = 'active')"
            )
        )

    def _tell(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._notice(line)

    def _remember(self, space: str, words: str, vector: HalfVector | None) -> None:
        """Raises AccessError if this role may not."""
        remembers = self._store()
        if vector is None or remembers is None:
            return
        remembers.rows("select vitrina.put_query_embedding(%s, %s, %b)", (space, words, vector))

    def _embed_text(self, space: str, words: str) -> HalfVector | None:
        """Make and remember a vector in the text space; return it if it cannot be remembered."""
        if self._local:
            self._tell(
                f"searching by words and their keywords: vectors of {space} need OPENAI_API_KEY or"
                " OPENAI_BASE_URL"
            )
            return None
        if (kept := self._vectors.get((space, words))) is not None:
            return kept
        store = self._store()
        engine = self._opened(space)
        made = engine.query_vector(words) if engine.space == space else None
        if made is None:  # the space has just been switched
            return None
        vector = HalfVector(list(made))
        if store is None or (self._writer is not None and self._writer.elsewhere):
            _keep(self._vectors, (space, words), vector)
        try:
            self._remember(space, words, vector)
        except AccessError:  # a reader can search all the same
            return vector
        return self._vectors.get((space, words))

    def knows(self, query: str) -> bool:
        """Whether the database has the vector of a query, or makes it: without asking a model."""
        missing = self._database.rows("select * from vitrina.query_to_embed(%s)", (query,))
        return all((row["space"], row["words"]) in self._vectors for row in missing)

    def learn(self, terms: Sequence[Term]) -> None:
        """Make keywords of new terms, if the database cannot embed them."""
        if not self._local:
            self._opened().learn(terms)

    def _opened(self, space: str | None = None) -> Reader:
        """The engine for the model of this space; without a name, of the space then in use."""
        with self._opening:
            if space not in self._engines:
                assert self._reader is not None  # noqa: S101 - the callers ask before
                self._engines[space] = self._reader(space)
            return self._engines[space]

    def close(self) -> None:
        """Close the provider."""
        if "_joint" in self.__dict__:
            self._joint.close()
        for engine in self._engines.values():
            engine.close()


def _keep(kept: OrderedDict[tuple[str, str], T], key: tuple[str, str], value: T) -> None:
    """Keep a value, and no more than KEPT: the oldest goes."""
    kept[key] = value
    while len(kept) > KEPT:
        kept.popitem(last=False)
