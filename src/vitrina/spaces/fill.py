"""Fills a text or joint space with its missing vectors, while other work continues."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Protocol

from vitrina.db.database import Database
from vitrina.spaces.embed import Embedded, TextEmbedder

BATCH = 500  # texts per batch
AT_ONCE = 4  # parallel batches


class Filler(Protocol):
    """Makes and stores the vectors of one space; see TextEmbedder and JointEmbedder."""

    def check_budget(self) -> None:
        """Raises BudgetError if the budget of this run, or a standing budget, is spent."""
        ...

    def fill_keywords(self) -> int:
        """Embed the keywords that have no vector in the space; returns how many."""
        ...

    def fill_products(self, product_ids: Sequence[int]) -> Embedded:
        """Embed what is new or changed of these products."""
        ...


@dataclass(slots=True)
class Filled:
    """The counts of embedded products and keywords; and the products that can have no vector."""

    products: int = 0
    keywords: int = 0
    refused: dict[int, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The count of new vectors."""
        return self.products + self.keywords


def fill(
    database: Database,
    embedder: Filler,
    space: str,
    *,
    batch: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    stop: threading.Event | None = None,
) -> Filled:
    """Embed the keywords and products without a vector in a space, or with an outdated one.

    Every batch is stored when it is done: run it again to continue. Products with the same text are
    in one batch, so that no text is embedded twice; so with pictures.

    Args:
        database: the database of the catalogue.
        embedder: makes and stores the vectors of this space.
        space: its name.
        batch: products between two writes, about; None: BATCH.
        progress: called with the count of products done and their total.
        stop: once it is set, no further batch begins.

    Raises BudgetError, ProviderError as the embedder does; finished work is stored.
    """
    embedder.check_budget()
    done = Filled(keywords=embedder.fill_keywords())
    rows = database.rows("select * from vitrina.missing_in_space(%s)", (space,))
    seen = 0

    def one(ids: Sequence[int]) -> tuple[int, Embedded]:
        embedder.check_budget()
        return len(ids), embedder.fill_products(ids)

    for size, made in _bounded(one, _batches(rows, batch or BATCH), stop or threading.Event()):
        seen += size
        done.products += made.count
        done.refused.update(made.refused)
        if progress is not None:
            progress(seen, len(rows))
    return done


def fill_all(database: Database, embedder: TextEmbedder) -> int:
    """Fill the spaces that lag behind an embedder; returns how many vectors are new."""
    return sum(
        fill(database, each, each.space).count
        for each in embedder.to_fill()
        if each.space is not None
    )


def _batches(rows: Sequence[dict[str, Any]], size: int) -> Iterator[list[int]]:
    """Ids of products, in batches of about `size`; products with the same input stay together."""
    batch: list[int] = []
    for _, equal in itertools.groupby(rows, key=itemgetter("input_hash")):
        batch += [row["product_id"] for row in equal]
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


def _bounded(
    work: Callable[[list[int]], tuple[int, Embedded]],
    batches: Iterable[list[int]],
    stop: threading.Event,
) -> Iterator[tuple[int, Embedded]]:
    """The result of `work` for each batch, a few in parallel; the first error ends it."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="vitrina-fill") as pool:
        running: set[Future[tuple[int, Embedded]]] = set()
        for batch in batches:
            if stop.is_set():
                break
            running.add(pool.submit(work, batch))
            if len(running) >= AT_ONCE:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        for future in running:
            yield future.result()
