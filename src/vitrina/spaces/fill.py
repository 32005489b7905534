"""Fills a text space with the vectors it lacks, beside whatever else goes on."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from vitrina.db.database import Database
from vitrina.spaces.embed import Embedded, TextEmbedder

BATCH = 500  # texts at once
AT_ONCE = 4  # batches at once


@dataclass(slots=True)
class Filled:
    """What was embedded: products and keywords; and the products whose text has no vector."""

    products: int = 0
    keywords: int = 0
    refused: dict[int, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Vectors that are new."""
        return self.products + self.keywords


def fill(
    database: Database,
    embedder: TextEmbedder,
    space: str,
    *,
    progress: Callable[[int, int], None] | None = None,
    stop: threading.Event | None = None,
) -> Filled:
    """Embed the keywords and products that have no vector in a space, or one of another text.

    Every batch is stored as it comes: run it again and it goes on where it was. Products of one
    text are in one batch, so that no text is embedded twice.

    Args:
        database: where they are.
        embedder: makes and stores the vectors of this space.
        space: its name.
        progress: called with how many products are done, and of how many.
        stop: once it is set, no further batch is begun.

    Raises BudgetError, ProviderError as the embedder does; what is finished is stored.
    """
    embedder.check_budget()
    done = Filled(keywords=embedder.fill_keywords())
    rows = database.rows("select * from vitrina.missing_in_space(%s)", (space,))
    seen = 0

    def one(ids: Sequence[int]) -> tuple[int, Embedded]:
        embedder.check_budget()
        return len(ids), embedder.fill_products(ids)

    for size, made in _bounded(one, _batches(rows), stop or threading.Event()):
        seen += size
        done.products += made.count
        done.refused.update(made.refused)
        if progress is not None:
            progress(seen, len(rows))
    return done


def fill_all(database: Database, embedder: TextEmbedder) -> int:
    """Fill the spaces that an embedder leaves behind; returns how many vectors are new."""
    return sum(
        fill(database, each, each.space).count
        for each in embedder.to_fill()
        if each.space is not None
    )


def _batches(rows: Sequence[dict[str, Any]]) -> Iterator[list[int]]:
    """Ids of products, about BATCH at once, those of one text never apart."""
    batch: list[int] = []
    for _, equal in itertools.groupby(rows, key=itemgetter("input_hash")):
        batch += [row["product_id"] for row in equal]
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _bounded(
    work: Callable[[list[int]], tuple[int, Embedded]],
    batches: Iterable[list[int]],
    stop: threading.Event,
) -> Iterator[tuple[int, Embedded]]:
    """What `work` gives for each batch, a few at once; the first error ends it."""
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
