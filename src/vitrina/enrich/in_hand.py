"""The products that one run has in hand: waiting, at work, finished, being stored."""

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
STORE_SECONDS = 2.0  # a product waits no longer for others to be stored with
CLAIM_SECONDS = 1.0  # how often it is looked for more, while the last products are at work
ALONE = 2  # a product with which so many workers died is worked on alone


@dataclass(slots=True)
class Work:
    """A job with what its stages made of it so far; `refused`: this process may not do it."""

    job: Job
    picture: Picture | None = None
    image_error: str | None = None
    image_embedding: HalfVector | None = None
    enrichment: Enrichment | None = None
    error: str | None = None
    reply: str | None = None
    refused: bool = False


Claim = Callable[[int, Collection[int]], list[Job]]


@dataclass(slots=True)
class InHand:
    """Where one run stands: products that wait, are at work, finished, and being stored.

    `suspects` wait to be worked on alone, as `alone` is; `in_hand` are all products that are not
    stored yet, by id.
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
    alone: int | None = None
    fatal: BaseException | None = None
    dry: bool = False
    next_claim: float = 0.0
    oldest: float = 0.0

    @property
    def halted(self) -> bool:
        """Whether nothing new may begin."""
        return self.fatal is not None or (self.stop is not None and self.stop.is_set())

    @property
    def over(self) -> bool:
        """Whether nothing is left to do, or nothing that may be done."""
        at_work = self.active or self.finished or self.stores
        return not at_work and (self.halted or self.dry)

    @property
    def may_begin(self) -> bool:
        """Whether a product may be begun beside those that are in hand."""
        return not self.halted and self.alone not in self.in_hand

    @property
    def to_store(self) -> bool:
        """Whether it is time to store what is finished."""
        waited = time.monotonic() - self.oldest
        full = len(self.finished) >= STORE or waited > STORE_SECONDS
        return bool(self.finished) and (full or not self.active)

    def take(self, jobs: list[Job]) -> None:
        """Line up what was claimed; where that is nothing, look again in a moment."""
        if not jobs:
            self.next_claim = time.monotonic() + CLAIM_SECONDS
            self.dry = not self.in_hand
        for job in jobs:
            (self.suspects if job.deaths >= ALONE else self.waiting).append(job)
            self.in_hand.add(job.product_id)

    def next(self, room: int) -> list[Job]:
        """The jobs to begin now, `room` at most; they wait no more."""
        if not self.suspects:
            return [self.waiting.popleft() for _ in range(min(room, len(self.waiting)))]
        if self.active or self.finished or self.stores:
            return []
        return [self.suspects.popleft()]

    def collect(self) -> None:
        """Take what is finished; what stops the run is kept until the rest is stored."""
        for future in [future for future in self.active if future.done()]:
            self.active.discard(future)
            error = future.exception()
            if error is not None:
                self.fatal = self.fatal or error
            else:
                self.oldest = self.oldest if self.finished else time.monotonic()
                self.finished.append(future.result())

    def check_stores(self) -> None:
        """Let go of what is stored; a store that failed stops the run."""
        for store in [store for store in self.stores if store.done()]:
            works = self.stores.pop(store)
            self.in_hand.difference_update(work.job.product_id for work in works)
            self.fatal = self.fatal or store.exception()
