"""Embeds texts of products, keywords and queries in the text space in use."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from vitrina.database import Database, HalfVector
from vitrina.errors import AccessError, ItemError
from vitrina.ledger import Ledger, Question
from vitrina.providers.base import Term

if TYPE_CHECKING:
    from vitrina.providers.openai import OpenAIProvider


@dataclass(frozen=True, slots=True)
class Embedded:
    """How many vectors are new, and the products whose text has none, with the reason."""

    count: int
    refused: Mapping[int, str] = field(default_factory=dict)


class TextEmbedder(Protocol):
    """Embeds what is new, in batches across products."""

    def learn(self, said: Sequence[Term]) -> None:
        """Make keywords of terms that are none yet, where that takes vectors from outside."""
        ...

    def embed_products(self, product_ids: Sequence[int]) -> Embedded:
        """Embed the texts of these products that changed."""
        ...

    def stop(self) -> None:
        """End every wait for another try."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class LocalTextEmbedder:
    """Leaves everything to SQL: the vectors are made in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def learn(self, said: Sequence[Term]) -> None:
        """Nothing to do: put_enrichments learns by itself."""

    def embed_products(self, product_ids: Sequence[int]) -> Embedded:
        """See TextEmbedder."""
        ids = list(product_ids)
        return Embedded(self._database.value("select vitrina.embed_products(%s)", (ids,)))

    def stop(self) -> None:
        """See TextEmbedder."""

    def close(self) -> None:
        """See TextEmbedder."""


class OpenAITextEmbedder:
    """Embeds through an endpoint, into its own space; and into the local one while that is in use.

    Args:
        database: where to.
        provider: whom to ask.
        ledger: counts what it costs.
        space: the name of the provider's space.
    """

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
        self._space = space

    @property
    def _active(self) -> bool:
        """Whether its space is the one in use; that may change at any time."""
        return bool(
            self._database.value(
                "select s.state = 'active' from vitrina.spaces as s where s.name = %s",
                (self._space,),
            )
        )

    def learn(self, said: Sequence[Term]) -> None:
        """See TextEmbedder."""
        if not self._active:
            return
        facets = {term.term: term.facet for term in reversed(said)}
        rows = self._database.rows("select vitrina.unknown_terms(%s) as term", (list(facets),))
        terms = [row["term"] for row in rows]
        if terms:
            # a term that has no vector becomes a keyword without one
            vectors = [vector for vector, _ in self._embed_each(terms)]
            self._database.rows(
                "select vitrina.resolve_keywords(%s, %b, %s)",
                (terms, vectors, [facets[term] for term in terms]),
            )

    def embed_products(self, product_ids: Sequence[int]) -> Embedded:
        """See TextEmbedder."""
        ids = list(product_ids)
        count = 0
        if not self._active:
            count = LocalTextEmbedder(self._database).embed_products(ids).count
        missing = self._database.rows(
            "select * from vitrina.missing_embeddings(%s, %s)", (ids, self._space)
        )
        if not missing:
            return Embedded(count)
        made = self._embed_each([row["input"] for row in missing])
        good = [(row, vector) for row, (vector, _) in zip(missing, made, strict=True) if vector]
        count += self._database.value(
            "select vitrina.put_embeddings(%s, %s, %s, %b)",
            (
                self._space,
                [row["product_id"] for row, _ in good],
                [bytes(row["input_hash"]) for row, _ in good],
                [vector for _, vector in good],
            ),
        )
        refused = {
            row["product_id"]: f"its text has no embedding: {reason}"
            for row, (_, reason) in zip(missing, made, strict=True)
            if reason is not None
        }
        return Embedded(count, refused)

    def _embed_each(self, texts: Sequence[str]) -> list[tuple[HalfVector | None, str | None]]:
        """A vector for each text, or why it has none."""
        from vitrina.providers.openai import TextError

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
        self._provider.close()

    def backfill(self, batch: int = 500) -> int:
        """Embed keywords and products that have no vector in the space yet; how many that were."""
        count = 0
        self._ledger.check_budget()
        while rows := self._database.rows(
            "select w.id, w.name from vitrina.missing_keyword_embeddings(%s, %s) as w",
            (self._space, batch),
        ):
            made = self._embed_each([row["name"] for row in rows])
            good = [(row["id"], v) for row, (v, _) in zip(rows, made, strict=True) if v]
            count += self._database.value(
                "select vitrina.put_keyword_embeddings(%s, %s, %b)",
                (self._space, [place for place, _ in good], [vector for _, vector in good]),
            )
            if len(good) < len(rows):
                break  # the rest has no vector, however often it is asked for
        last = 0
        while rows := self._database.rows(
            "select p.id from vitrina.products as p where p.id > %s and p.enriched_at is not null"
            " order by p.id limit %s",
            (last, batch),
        ):
            self._ledger.check_budget()
            last = rows[-1]["id"]
            count += self.embed_products([row["id"] for row in rows]).count
        return count

    def embed(self, texts: Sequence[str]) -> list[HalfVector]:
        """A vector for each text; its cost is in the ledger. Raises ItemError, ProviderError."""
        answer = self._provider.embed(texts)
        if len(answer.value) != len(texts):
            raise ItemError("the provider gave another number of vectors than texts")
        digest = hashlib.sha256("\0".join(texts).encode()).digest()
        question = Question(
            "embed",
            digest,
            self._provider.provider,
            self._provider.settings.embedding_model,
            str(self._provider.settings.dimensions),
        )
        with contextlib.suppress(AccessError):  # a reader searches, and keeps no ledger
            self._ledger.record(question, answer, {"texts": len(texts)})
        return [HalfVector(vector.tolist()) for vector in answer.value]
