"""Embeds texts of products, keywords and queries in the text space in use."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from vitrina.db.database import Database, HalfVector
from vitrina.errors import AccessError, ItemError
from vitrina.ledger import Ledger, Question
from vitrina.models.base import Term

if TYPE_CHECKING:
    from vitrina.models.openai.provider import OpenAIProvider


@dataclass(frozen=True, slots=True)
class Embedded:
    """The count of new vectors, and the products whose text has none, with the reason."""

    count: int
    refused: Mapping[int, str] = field(default_factory=dict)


class TextEmbedder(Protocol):
    """Embeds new texts, in batches across products."""

    @property
    def space(self) -> str | None:
        """The name of its own space; None for the space in use."""
        ...

    @property
    def asks(self) -> bool:
        """Whether it asks an endpoint for vectors; else the database makes them."""
        ...

    def to_fill(self) -> Iterator[TextEmbedder]:
        """The embedders whose spaces may lack vectors once products are embedded."""
        ...

    def check_budget(self) -> None:
        """Raises BudgetError if the budget of this run, or a standing budget, is spent."""
        ...

    def query_vector(self, words: str) -> Sequence[float] | None:
        """The vector of a query's words; None if the database makes it."""
        ...

    def learn(self, said: Sequence[Term], *, vectors: bool = True) -> None:
        """Make keywords of new terms, if that needs vectors from outside.

        Without `vectors` it asks for none, and the keywords get theirs later.
        """
        ...

    def embed_products(self, product_ids: Sequence[int]) -> Embedded:
        """Embed the changed texts of these products."""
        ...

    def fill_products(self, product_ids: Sequence[int]) -> Embedded:
        """The same, only in the embedder's own space."""
        ...

    def fill_keywords(self) -> int:
        """Embed the keywords that have no vector in its space; returns how many."""
        ...

    def stop(self) -> None:
        """End every wait for another try."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


class LocalTextEmbedder:
    """Leaves everything to SQL: the database makes the vectors.

    Args:
        database: the database that makes them.
        space: the name of a space of the local model; None for the space in use.
    """

    asks = False

    def __init__(self, database: Database, space: str | None = None) -> None:
        self._database = database
        self.space = space

    def to_fill(self) -> Iterator[TextEmbedder]:
        """None: the database makes vectors as products come in."""
        return iter(())

    def check_budget(self) -> None:
        """Costs nothing."""

    def query_vector(self, words: str) -> Sequence[float] | None:
        """See TextEmbedder."""

    def learn(self, said: Sequence[Term], *, vectors: bool = True) -> None:
        """Nothing to do: put_enrichments learns the terms."""

    def embed_products(self, product_ids: Sequence[int]) -> Embedded:
        """See TextEmbedder."""
        params = (list(product_ids), self.space)
        return Embedded(self._database.value("select vitrina.embed_products(%s, %s)", params))

    fill_products = embed_products

    def fill_keywords(self) -> int:
        """See TextEmbedder."""
        return int(self._database.value("select vitrina.embed_keywords(%s)", (self.space,)))

    def stop(self) -> None:
        """See TextEmbedder."""

    def close(self) -> None:
        """See TextEmbedder."""


class OpenAITextEmbedder:
    """Embeds through an endpoint, into its own space; and into the space in use, if different.

    Args:
        database: of the space.
        provider: the provider to ask.
        ledger: counts the cost.
        space: the name of the provider's space.
    """

    asks = True

    def __init__(
        self,
        database: Database,
        provider: OpenAIProvider,
        ledger: Ledger,
        space: str,
    ) -> None:
        self._database = database
        self._provider = provider
        self._ledger = ledger
        self.space: str = space
        self._others: dict[str, OpenAITextEmbedder] = {}
        self._making = threading.Lock()

    def _in_use(self) -> TextEmbedder | None:
        """The embedder of the text space in use, which may change at any time.

        None if no model of this endpoint makes its vectors.
        """
        rows = self._database.rows(
            "select s.name, s.provider, s.model, s.dimensions from vitrina.spaces as s"
            " where s.modality = 'text' and s.state = 'active'"
        )
        for row in rows:
            if row["name"] == self.space:
                return self
            if row["provider"] == "local":
                return LocalTextEmbedder(self._database, row["name"])
            if row["provider"] == self._provider.provider:
                return self._other(row["name"], row["model"], row["dimensions"])
        return None

    def _other(self, space: str, model: str, dimensions: int) -> OpenAITextEmbedder:
        """The embedder of another space, through the same endpoint."""
        from vitrina.models.openai.provider import OpenAIProvider

        with self._making:
            if space not in self._others:
                settings = replace(
                    self._provider.settings, embedding_model=model, dimensions=dimensions
                )
                provider = OpenAIProvider(settings, pacer=self._provider.pacer)
                self._others[space] = OpenAITextEmbedder(
                    self._database, provider, self._ledger, space
                )
            return self._others[space]

    def learn(self, said: Sequence[Term], *, vectors: bool = True) -> None:
        """See TextEmbedder."""
        in_use = self._in_use()
        if in_use is not self:
            if in_use is not None:
                in_use.learn(said, vectors=vectors)
            return
        facets = {term.term: term.facet for term in reversed(said)}
        rows = self._database.rows("select vitrina.unknown_terms(%s) as term", (list(facets),))
        terms = [row["term"] for row in rows]
        if terms:
            # a term without a vector becomes a keyword without one
            made = (
                [vector for vector, _ in self._embed_each(terms)]
                if vectors
                else [None] * len(terms)
            )
            self._database.rows(
                "select vitrina.resolve_keywords(%s, %b, %s)",
                (terms, made, [facets[term] for term in terms]),
            )

    def embed_products(self, product_ids: Sequence[int]) -> Embedded:
        """See TextEmbedder."""
        made = self.fill_products(product_ids)
        in_use = self._in_use()
        if in_use is None or in_use is self:
            return made
        also = in_use.fill_products(product_ids)
        return Embedded(made.count + also.count, {**also.refused, **made.refused})

    def fill_products(self, product_ids: Sequence[int]) -> Embedded:
        """See TextEmbedder."""
        missing = self._database.rows(
            "select * from vitrina.missing_embeddings(%s, %s)", (list(product_ids), self.space)
        )
        if not missing:
            return Embedded(0)
        texts = list(dict.fromkeys(row["input"] for row in missing))
        made = dict(zip(texts, self._embed_each(texts), strict=True))
        good = [(row, made[row["input"]][0]) for row in missing if made[row["input"]][0]]
        count = self._database.value(
            "select vitrina.put_embeddings(%s, %s, %s, %b)",
            (
                self.space,
                [row["product_id"] for row, _ in good],
                [bytes(row["input_hash"]) for row, _ in good],
                [vector for _, vector in good],
            ),
        )
        refused = {
            row["product_id"]: f"its text has no embedding: {reason}"
            for row in missing
            if (reason := made[row["input"]][1]) is not None
        }
        return Embedded(count, refused)

    def fill_keywords(self, batch: int = 500) -> int:
        """See TextEmbedder."""
        count = last = 0
        while rows := self._database.rows(
            "select w.id, w.name from vitrina.missing_keyword_embeddings(%s, %s, %s) as w",
            (self.space, batch, last),
        ):
            self._ledger.check_budget()
            last = rows[-1]["id"]
            made = self._embed_each([row["name"] for row in rows])
            good = [(row["id"], v) for row, (v, _) in zip(rows, made, strict=True) if v]
            count += self._database.value(
                "select vitrina.put_keyword_embeddings(%s, %s, %b)",
                (self.space, [place for place, _ in good], [vector for _, vector in good]),
            )
        return count

    def _embed_each(self, texts: Sequence[str]) -> list[tuple[HalfVector | None, str | None]]:
        """A vector for each text, or the reason why it has none."""
        from vitrina.models.openai.provider import TextError

        made: list[tuple[HalfVector | None, str | None]] = [(None, None)] * len(texts)
        left = list(range(len(texts)))
        while left:
            try:
                vectors = self.embed([texts[place] for place in left])
            except TextError as exc:
                made[left.pop(exc.index)] = None, exc.reason
            else:
                for place, vector in zip(left, vectors, strict=True):
                    made[place] = vector, None
                break
        return made

    def stop(self) -> None:
        """See TextEmbedder."""
        self._provider.pacer.stop()

    def close(self) -> None:
        """See TextEmbedder."""
        for other in self._others.values():
            other.close()
        self._provider.close()

    def check_budget(self) -> None:
        """Raises BudgetError if the budget of this run, or a standing budget, is spent."""
        self._ledger.check_budget()

    def to_fill(self) -> Iterator[TextEmbedder]:
        """Itself; then the embedder of the space in use, if that also asks an endpoint."""
        yield self
        in_use = self._in_use()
        if in_use is not None and in_use is not self and in_use.asks:
            yield in_use

    def query_vector(self, words: str) -> Sequence[float] | None:
        """See TextEmbedder."""
        return self.embed([words])[0].to_list()

    def embed(self, texts: Sequence[str]) -> list[HalfVector]:
        """A vector for each text; its cost is in the ledger. Raises ItemError, ProviderError."""
        answer = self._provider.embed(texts)
        if len(answer.value) != len(texts):
            raise ItemError("the provider did not give one vector per text")
        digest = hashlib.sha256("\0".join(texts).encode()).digest()
        question = Question(
            "embed",
            digest,
            self._provider.provider,
            self._provider.settings.embedding_model,
            str(self._provider.settings.dimensions),
        )
        with contextlib.suppress(AccessError):  # a reader can search, but keeps no ledger
            self._ledger.record(question, answer, {"texts": len(texts)})
        return [HalfVector(vector.tolist()) for vector in answer.value]
