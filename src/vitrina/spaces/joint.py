"""Embeds pictures and words in joint spaces: by models that run here, or behind endpoints."""

from __future__ import annotations

import contextlib
import hashlib
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from vitrina.context import Context
from vitrina.db.database import Database, HalfVector
from vitrina.errors import AccessError, BudgetError, ConfigError, InputError, ItemError
from vitrina.ledger import Ledger, Question
from vitrina.models.joint.base import InputRefusedError, JointModel, Vectors
from vitrina.models.outcomes import Answer, Usage
from vitrina.spaces.embed import Embedded

BATCH = 64  # products between two writes
PROVIDERS = ("fastembed", "jina", "cohere", "voyage", "vllm")
MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class JointSpace:
    """A joint space as its row has it; `settings` are those that `joint_settings` makes."""

    name: str
    provider: str
    model: str
    dimensions: int
    state: str
    settings: Mapping[str, Any]


def joint_spaces(database: Database) -> list[JointSpace]:
    """The joint spaces whose vectors vitrina makes."""
    return database.records(
        JointSpace,
        "select s.name, s.provider, s.model, s.dimensions, s.state, s.settings"
        " from vitrina.spaces as s where s.modality = 'joint' and s.provider = any (%s)"
        " order by s.id",
        (list(PROVIDERS),),
    )


def model_of(provider: str, model: str, dimensions: int, settings: Mapping[str, Any]) -> JointModel:
    """The model of a space; see JointSpace. Raises ConfigError if it cannot be had here."""
    if provider != "fastembed":
        from vitrina.models.joint.endpoint import endpoint_of

        return endpoint_of(provider, model, dimensions, shortened=bool(settings.get("shortened")))
    import os

    from vitrina.models.joint.towers import MODEL_PATH, towers_of

    folder = os.environ.get(MODEL_PATH, "").strip() or settings.get("model_path")
    return towers_of(model, str(settings["text_model"]), folder)


class JointEmbedder:
    """Fills one joint space, and embeds queries for it; see fill.

    Args:
        context: the catalog's context.
        space: the space.
        also_spent: USD that the run has spent elsewhere.
        ledger: the database that keeps the cost, where the context's only reads.

    Raises ConfigError if its model cannot be had here, InputError if --max-cost cannot be kept.
    """

    def __init__(
        self,
        context: Context,
        space: JointSpace,
        also_spent: Callable[[], Decimal] = Decimal,
        ledger: Database | None = None,
    ) -> None:
        self.space = space.name
        self._row = space
        self._database = context.database
        self._model = model_of(space.provider, space.model, space.dimensions, space.settings)
        self.asks = space.provider != "fastembed"
        price = space.settings.get("price")
        self._price = None if price is None else Decimal(str(price))
        if self.asks and self._price is None and context.settings.max_cost is not None:
            raise InputError(
                f"the price of {space.model} is unknown, so --max-cost cannot be kept: make the"
                " space with --price, USD for a million tokens, or leave it out"
            )
        self._ledger = Ledger(ledger or context.database, price=self._cost)
        self._checked = False
        self._most, self._also_spent = context.settings.max_cost, also_spent

    @property
    def spent(self) -> Decimal:
        """USD, at a known price."""
        return self._ledger.spent

    def _cost(self, model: str, usage: Usage) -> Decimal | None:
        if not self.asks:
            return Decimal(0)
        return None if self._price is None else usage.input_tokens * self._price / MILLION

    def check_budget(self) -> None:
        """Raises BudgetError if the budget of this run, or a standing budget, is spent."""
        if not self.asks:
            return
        if self._most is not None and self.spent + self._also_spent() >= self._most:
            raise BudgetError(f"stopped: --max-cost is {self._most} USD; stored vectors stay")
        self._database.rows("select vitrina.check_budget()")

    def fill_keywords(self, batch: int = 250) -> int:
        """Embed the keywords that have no vector in the space; returns how many."""
        count = last = 0
        while rows := self._database.rows(
            "select w.id, w.name from vitrina.missing_keyword_embeddings(%s, %s, %s) as w",
            (self.space, batch, last),
        ):
            self.check_budget()
            last = rows[-1]["id"]
            made = self._each([row["name"].encode() for row in rows], texts=True)
            good = [(row["id"], v) for row, (v, _) in zip(rows, made, strict=True) if v]
            count += self._database.value(
                "select vitrina.put_keyword_embeddings(%s, %s, %b)",
                (self.space, [place for place, _ in good], [vector for _, vector in good]),
            )
        return count

    def fill_products(self, product_ids: Sequence[int]) -> Embedded:
        """Embed the stored pictures of these products, where they are new to the space."""
        rows = self._database.rows(
            "select * from vitrina.missing_pictures(%s, %s)", (list(product_ids), self.space)
        )
        pictures = {bytes(row["image_sha256"]): bytes(row["thumbnail"]) for row in rows}
        made = dict(zip(pictures, self._each(list(pictures.values())), strict=True))
        hashes = [bytes(row["image_sha256"]) for row in rows]
        good = [
            (row["product_id"], row["position"], key, made[key][0])
            for row, key in zip(rows, hashes, strict=True)
            if made[key][0] is not None
        ]
        count = self._put([each for each in good if each[1] is None])
        count += self._put([each for each in good if each[1] is not None], further=True)
        refused = {
            row["product_id"]: f"its picture has no embedding: {made[key][1]}"
            for row, key in zip(rows, hashes, strict=True)
            if made[key][1] is not None
        }
        return Embedded(count, refused)

    def _put(self, made: Sequence[tuple[Any, ...]], *, further: bool = False) -> int:
        """Store vectors of products, or of their further pictures; returns how many are new."""
        if not made:
            return 0
        ids, positions, keys, vectors = (list(each) for each in zip(*made, strict=True))
        if further:
            put = self._database.value(
                # none if the space has been dropped meanwhile
                "select vitrina.put_picture_embeddings(s.name, %s, %s::int[], %s, %b)"
                " from vitrina.spaces as s where s.name = %s",
                (ids, positions, keys, vectors, self.space),
            )
        else:
            put = self._database.value(
                "select vitrina.put_embeddings(s.name, %s, %s, %b) from vitrina.spaces as s"
                " where s.name = %s",
                (ids, keys, vectors, self.space),
            )
        return int(put or 0)

    def query_vector(self, words: str) -> HalfVector:
        """The vector of a query's words, among pictures."""
        return self._embed([words.encode()], texts=True)[0]

    def picture_vector(self, thumbnail: bytes) -> HalfVector:
        """The vector of a query's picture, in the form in which pictures are stored."""
        return self._embed([thumbnail])[0]

    def stop(self) -> None:
        """End every wait for another try."""
        self._model.stop()

    def close(self) -> None:
        """Close connections."""
        self._model.close()

    def _each(
        self, inputs: Sequence[bytes], *, texts: bool = False
    ) -> list[tuple[HalfVector | None, str | None]]:
        """A vector for each input, or the reason why it has none."""
        made: list[tuple[HalfVector | None, str | None]] = []
        for part in _parts(inputs, len(inputs) if texts else self._model.batch):
            try:
                made += [(vector, None) for vector in self._embed(part, texts=texts)]
            except InputRefusedError as exc:
                if len(part) == 1:
                    made.append((None, str(exc)))
                    continue
                for one in part:
                    made += self._each([one], texts=texts)
        return made

    def _embed(self, inputs: Sequence[bytes], *, texts: bool = False) -> list[HalfVector]:
        """The vectors of all inputs, or an error; the cost is in the ledger."""
        self._check()
        if texts:
            answer = self._model.texts([text.decode() for text in inputs], asked=True)
        else:
            answer = self._model.pictures(inputs)
        if len(answer.value) != len(inputs):
            raise ItemError("the model did not give one vector per input")
        wrong = next((len(v) for v in answer.value if len(v) != self._row.dimensions), None)
        if wrong is not None:
            raise ConfigError(
                f"{self._row.model} answers with {wrong} numbers, the space {self.space} has"
                f" {self._row.dimensions}: make a space for that model"
            )
        self._record(inputs, answer)
        return [HalfVector(vector) for vector in answer.value]

    def _record(self, inputs: Sequence[bytes], answer: Answer[Vectors]) -> None:
        if not self.asks:
            return
        digest = hashlib.sha256(b"\0".join(inputs)).digest()
        row = self._row
        question = Question("embed", digest, row.provider, row.model, str(row.dimensions))
        with contextlib.suppress(AccessError):  # a reader can search, but keeps no ledger
            self._ledger.record(question, answer, {"inputs": len(inputs)})

    def _check(self) -> None:
        """Raises ConfigError if the model here is not that of the stored vectors."""
        wanted = self._row.settings.get("probe")
        if self._checked or wanted is None:
            return
        found = self._model.probe()  # type: ignore[attr-defined]
        length = math.hypot(*found) * math.hypot(*wanted)
        alike = sum(a * b for a, b in zip(found, wanted, strict=True)) / length if length else 0.0
        if alike < 0.98:
            raise ConfigError(
                f"the model that is called {self._row.model} here is not the one that made the"
                f" vectors of the space {self.space}: get its files, or make a new space"
            )
        self._checked = True


def _parts(inputs: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for at in range(0, len(inputs), max(size, 1)):
        yield inputs[at : at + size]


class JointSpaces:
    """The embedders of joint spaces, each made for its first use; many threads may share them.

    Args:
        context: the catalog's context.
        also_spent, ledger: as for JointEmbedder.
    """

    def __init__(
        self,
        context: Context,
        also_spent: Callable[[], Decimal] = Decimal,
        ledger: Database | None = None,
    ) -> None:
        self._context = context
        self._ledger = ledger
        self._also_spent = also_spent
        self._made: dict[str, tuple[JointSpace, JointEmbedder]] = {}
        self._making = threading.Lock()

    def embedder(self, space: JointSpace) -> JointEmbedder:
        """The embedder of a space, made anew if the space has been. Raises as JointEmbedder."""
        with self._making:
            known = self._made.get(space.name)
            # its state is no part of what embeds
            if known is None or _key(known[0]) != _key(space):
                known = space, JointEmbedder(self._context, space, self._also_spent, self._ledger)
                self._made[space.name] = known
            return known[1]

    def named(self, name: str) -> JointEmbedder | None:
        """The embedder of the space with this name; None if vitrina makes no vectors of it."""
        for space in joint_spaces(self._context.database):
            if space.name == name:
                return self.embedder(space)
        return None

    @property
    def spent(self) -> Decimal:
        """USD, at known prices."""
        with self._making:
            return sum((each.spent for _, each in self._made.values()), Decimal(0))

    def close(self) -> None:
        """Close connections."""
        for _, embedder in self._made.values():
            embedder.close()


def _key(space: JointSpace) -> tuple[object, ...]:
    return (space.provider, space.model, space.dimensions, repr(sorted(space.settings.items())))
