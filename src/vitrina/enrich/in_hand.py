"""The products in hand of one run: waiting, in work, finished, being stored."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass, field

from vitrina.db.database import HalfVector
from vitrina.enrich.leases import Job, Leases
from vitrina.models.base import Enrichment
from vitrina.pictures.decode import Picture

STORE = 32  # products stored and embedded together
STORE_SECONDS = 2.0  # a product waits no longer to be stored with others
CLAIM_SECONDS = 1.0  # between checks for more work, while the last products are in work
TRIES = 3  # of a product, before its error is permanent
ALONE = 2  # a product with this many deaths of workers is worked on alone


@dataclass(slots=True)
class Work:
    """A job with the results of its stages so far.

    `image_embeddings` by the name of their space; `tries`: after so many the error is permanent.
    """

    job: Job
    picture: Picture | None = None
    image_error: str | None = None
    image_embeddings: dict[str, HalfVector] = field(default_factory=dict)
    enrichment: Enrichment | None = None
    error: str | None = None
    reply: str | None = None
    tries: int = TRIES


Claim = Callable[[int, Collection[int]], list[Job]]


@dataclass(slots=True)
class InHand:
    """The state of one run: products waiting, in work, finished, and being stored.

    `suspects` wait to be worked on alone; `alone`: what was begun last is; `in_hand` are all
    products not yet stored, by id.
    """

    leases: Leases
    claim: Claim
    stop: threading.Event | None
    waiting: deque[Job] = field(default_factory=deque)
    suspects: deque[Job] = field(default_factory=deque)
    active: set[Future[Work]] = field(default_factory=set)
    finished: list[Work] = field(default_factory=list)
    stores: dict[Future[None], list[Work]] = field(default_factory=dict)
    in_hand: set[int] = field(default_factory=set)
    alone: bool = False
    fatal: BaseException | None = None
    dry: bool = False
    next_claim: float = 0.0
    oldest: float = 0.0

    @property
    def halted(self) -> bool:
        """Whether no new work may begin."""
        return self.fatal is not None or (self.stop is not None and self.stop.is_set())

    @property
    def at_work(self) -> bool:
        """Whether a product was begun and is not yet stored."""
        return bool(self.active or self.finished or self.stores)

    @property
    def over(self) -> bool:
        """Whether no work is left, or no work that may be done."""
        return not self.at_work and (self.halted or self.dry)

    @property
    def may_begin(self) -> bool:
        """Whether a product may begin beside those in hand."""
        return not self.halted and not (self.alone and self.at_work)

    @property
    def to_store(self) -> bool:
        """Whether it is time to store finished products."""
        waited = time.monotonic() - self.oldest
        full = len(self.finished) >= STORE or waited > STORE_SECONDS
        return bool(self.finished) and (full or not self.active)

    def take(self, jobs: list[Job]) -> None:
        """Queue the claimed jobs; if there are none, check again in a moment."""
        if not jobs:
            self.next_claim = time.monotonic() + CLAIM_SECONDS
            self.dry = not self.in_hand
        for job in jobs:
            (self.suspects if job.deaths >= ALONE else self.waiting).append(job)
            self.in_hand.add(job.product_id)

    def next(self, room: int) -> list[Job]:
        """The jobs to begin now, at most `room`; removes them from the waiting ones."""
        if not self.suspects:
            return [self.waiting.popleft() for _ in range(min(room, len(self.waiting)))]
        if self.at_work:
            return []
        return [self.suspects.popleft()]

    def collect(self) -> None:
        """Take finished products; an error that stops the run waits until they are stored."""
        for future in [future for future in self.active if future.done()]:
            self.active.discard(future)
            error = future.exception()
            if error is not None:
                self.fatal = self.fatal or error
            else:
                self.oldest = self.oldest if self.finished else time.monotonic()
                self.finished.append(future.result())

    def check_stores(self) -> None:
        """Remove stored products; a failed store stops the run."""
        for store in [store for store in self.stores if store.done()]:
            works = self.stores.pop(store)
            self.in_hand.difference_update(work.job.product_id for work in works)
            self.fatal = self.fatal or store.exception()
