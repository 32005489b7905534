"""Follows attached tables; claims jobs, has them enriched and finishes them."""

from __future__ import annotations

import contextlib
import math
import random
import threading
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial

from vitrina.db.connection import Listener
from vitrina.db.database import Database
from vitrina.enrich.filling import Filling
from vitrina.enrich.leases import Job, Leases
from vitrina.enrich.pipeline import Pipeline
from vitrina.enrich.totals import Totals
from vitrina.errors import AccessError, UnreachableError
from vitrina.products.api import Sources
from vitrina.products.entries import Synced
from vitrina.settings import LEASE_SECONDS

INDEX_SECONDS = 30.0  # between checks for spaces to index
POLL_SECONDS = 1.0  # between a worker's checks for changes, with or without hints
CHANNEL = "vitrina_jobs"


def drain(
    database: Database,
    pipeline: Pipeline,
    *,
    follow: Follow | None = None,
    filling: Filling | None = None,
    sources: Sequence[str] | None = None,
    stages: Sequence[str] | None = None,
    paid: bool = False,
    progress: Callable[[Totals], None] | None = None,
    stop: threading.Event | None = None,
    lease: float = LEASE_SECONDS,
) -> Totals:
    """Work until no job is due, and return the totals.

    A product that changes meanwhile is worked on again. If stopped or failing, it stores finished
    products and gives its leases back.

    Args:
        database: the database of the jobs.
        pipeline: enriches the jobs.
        follow: syncs attached sources, before and meanwhile.
        filling: queues pictures for the spaces that lack them, once nothing else is due.
        sources: work on these sources only.
        stages: work on jobs of these stages only.
        paid: the work costs money, so standing budgets hold.
        progress: called now and then with the totals so far.
        stop: once it is set, no further product begins.
        lease: seconds that a lease lasts unless extended.
    """
    with database.stopped_by(stop), Leases(database, seconds=lease) as leases:
        claim = partial(leases.claim, sources=sources, stages=stages, paid=paid)
        _drain(database, pipeline, leases, claim, follow, filling, progress, stop)
    return pipeline.totals


def _drain(
    database: Database,
    pipeline: Pipeline,
    leases: Leases,
    take: Callable[[int, Collection[int]], list[Job]],
    follow: Follow | None,
    filling: Filling | None,
    progress: Callable[[Totals], None] | None,
    stop: threading.Event | None,
) -> None:
    leases.free_dead()
    indexed = time.monotonic()

    def tick() -> None:
        nonlocal indexed
        if time.monotonic() - indexed > INDEX_SECONDS:
            indexed = time.monotonic()
            index_spaces(database)
        if follow is not None and follow.due:
            follow.sync()
        if progress is not None:
            progress(pipeline.totals)

    def claim(k: int, in_hand: Collection[int]) -> list[Job]:
        while True:
            jobs = take(k, in_hand)
            if jobs or (stop is not None and stop.is_set()):
                return jobs
            if (follow is not None and follow.sync()) or leases.free_dead():
                continue
            if filling is None or not filling.queue():
                return jobs

    try:
        pipeline.run(leases, claim, stop=stop, tick=tick)
        # jobs of a claim whose answer was lost with its connection are leased, but unknown here
        while leases.release() and not (stop is not None and stop.is_set()):
            pipeline.run(leases, claim, stop=stop, tick=tick)
    except BaseException:
        with contextlib.suppress(UnreachableError), database.waiting(0):
            leases.release()
        raise


def index_spaces(database: Database) -> str | None:
    """Measure the background of spaces that have grown; index those without an index, if it pays.

    Returns the statement for the owner of the schema, if this role may not index.
    """
    database.value("select vitrina.measure_backgrounds()")
    try:
        database.value("select vitrina.index_spaces()")
    except AccessError:
        if not database.value(
            "select exists (select from vitrina.space_status() as s"
            " where s.index in ('missing', 'invalid'))"
        ):
            return None
        return "as the owner of the schema vitrina, run: select vitrina.index_spaces();"
    return None


class Follow:
    """Syncs attached sources, and reports each problem once.

    Args:
        attached: the sources of the catalog.
        sources: these sources only.
        say: called with a line for each source that cannot be read, and when it can be again.
    """

    def __init__(
        self, attached: Sources, sources: Sequence[str] | None, say: Callable[[str], None]
    ) -> None:
        self._attached = attached
        self._sources = sources
        self._say = say
        self._done = Synced()
        self._said: dict[str, str] = {}
        self._synced = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time to check again."""
        return time.monotonic() - self._synced > POLL_SECONDS

    def sync(self) -> int:
        """Sync one batch of changes of each source; returns how many changes."""
        self._synced = time.monotonic()
        taken = self._attached.sync_once(self._done, sources=self._sources)
        for source in {*self._said, *self._done.problems}:
            problem = self._done.problems.get(source)
            if problem != self._said.get(source):
                self._say(f"source {source}: {problem or 'it is in order again'}")
        self._said = dict(self._done.problems)
        return taken


def watch(
    database: Database,
    pipeline: Pipeline,
    *,
    follow: Follow | None = None,
    filling: Filling | None = None,
    stop: threading.Event | None = None,
    sources: Sequence[str] | None = None,
    paid: bool = False,
    progress: Callable[[Totals], None] | None = None,
    lease: float = LEASE_SECONDS,
    idle: Callable[[], object] | None = None,
) -> Totals:
    """Drain, then check for more every second or when notified, until `stop` is set; see drain.

    It waits for an unavailable database without limit. `idle` is called whenever no job is due.
    """
    stop = stop or threading.Event()
    listener = Listener(database.dsn, CHANNEL)
    done = (-1, -1, -1)
    with (
        contextlib.closing(listener),
        database.waiting(math.inf),
        database.stopped_by(stop),
        Leases(database, seconds=lease) as leases,
    ):
        claim = partial(leases.claim, sources=sources, paid=paid)
        while not stop.is_set():
            totals = pipeline.totals
            if (totals.products, totals.pictures, totals.failed) != done:
                index_spaces(database)
                done = totals.products, totals.pictures, totals.failed
                if filling is not None:
                    filling.settle()
            leases.beat(())
            _drain(database, pipeline, leases, claim, follow, filling, progress, stop)
            if idle is not None and not stop.is_set():
                idle()
            if filling is not None and not stop.is_set() and filling.look_further():
                continue
            if not stop.is_set():
                # so that workers do not check at the same moment
                listener.wait(POLL_SECONDS * random.uniform(0.75, 1.25), stop)  # noqa: S311
    return pipeline.totals
