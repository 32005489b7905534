"""Keeps in step with attached tables; claims jobs, has them enriched and finishes them."""

from __future__ import annotations

import contextlib
import math
import random
import threading
import time
from collections.abc import Callable, Collection, Sequence

from vitrina.db.connection import Listener
from vitrina.db.database import Database
from vitrina.enrich.leases import Job, Leases
from vitrina.enrich.pipeline import Pipeline
from vitrina.enrich.totals import Totals
from vitrina.errors import AccessError, UnreachableError
from vitrina.products.api import Sources, Synced
from vitrina.settings import LEASE_SECONDS

INDEX_SECONDS = 30.0  # how often it is looked for spaces to index
POLL_SECONDS = 1.0  # how often a worker looks for changes, hints or none
CHANNEL = "vitrina_jobs"


def drain(
    database: Database,
    pipeline: Pipeline,
    *,
    follow: Follow | None = None,
    sources: Sequence[str] | None = None,
    paid: bool = False,
    progress: Callable[[Totals], None] | None = None,
    stop: threading.Event | None = None,
    lease: float = LEASE_SECONDS,
) -> Totals:
    """Work until no job is due, and return what was done, all told.

    A product that changes while it is at work is worked on again. Stopped or failing, it stores
    what is finished and gives its leases back.

    Args:
        database: where the jobs are.
        pipeline: what enriches them.
        follow: brings attached sources in step, before and meanwhile.
        sources: work on these only.
        paid: the work costs money, so standing budgets hold.
        progress: called now and then with the totals so far.
        stop: once it is set, no further product is begun.
        lease: seconds that a lease lasts which is not extended.
    """
    with database.stopped_by(stop), Leases(database, seconds=lease) as leases:
        _drain(database, pipeline, leases, follow, sources, paid, progress, stop)
    return pipeline.totals


def _drain(
    database: Database,
    pipeline: Pipeline,
    leases: Leases,
    follow: Follow | None,
    sources: Sequence[str] | None,
    paid: bool,
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
            jobs = leases.claim(k, in_hand, sources=sources, paid=paid)
            if jobs or (stop is not None and stop.is_set()):
                return jobs
            if not (follow is not None and follow.sync()) and not leases.free_dead():
                return jobs

    try:
        pipeline.run(leases, claim, stop=stop, tick=tick)
        # a claim whose answer was lost with its connection is leased, and not known here
        while leases.release() and not (stop is not None and stop.is_set()):
            pipeline.run(leases, claim, stop=stop, tick=tick)
    except BaseException:
        with contextlib.suppress(UnreachableError), database.waiting(0):
            leases.release()
        raise


def index_spaces(database: Database) -> str | None:
    """Index the spaces that have no index yet, where one pays.

    Returns what the owner of the schema has to run, where one does and this role may not.
    """
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
    """Brings attached sources in step, and says once what is wrong with which.

    Args:
        attached: the sources of the catalog.
        sources: these only.
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
        """Whether it is time to look again."""
        return time.monotonic() - self._synced > POLL_SECONDS

    def sync(self) -> int:
        """Take in one batch of changes of each source; returns how many there were."""
        self._synced = time.monotonic()
        taken = self._attached.sync_once(self._done, sources=self._sources)
        for source in {*self._said, *self._done.problems}:
            problem = self._done.problems.get(source)
            if problem != self._said.get(source):
                self._say(f"the source {source}: {problem or 'it is in order again'}")
        self._said = dict(self._done.problems)
        return taken


def watch(
    database: Database,
    pipeline: Pipeline,
    *,
    follow: Follow | None = None,
    stop: threading.Event | None = None,
    sources: Sequence[str] | None = None,
    paid: bool = False,
    progress: Callable[[Totals], None] | None = None,
    lease: float = LEASE_SECONDS,
) -> Totals:
    """Drain, then look for more every second or when told, until `stop` is set; see drain.

    A database that goes away is waited for, however long that takes.
    """
    stop = stop or threading.Event()
    listener = Listener(database.dsn, CHANNEL)
    done = -1
    with (
        contextlib.closing(listener),
        database.waiting(math.inf),
        database.stopped_by(stop),
        Leases(database, seconds=lease) as leases,
    ):
        while not stop.is_set():
            if pipeline.totals.products != done:
                index_spaces(database)
                done = pipeline.totals.products
            leases.beat(())
            _drain(database, pipeline, leases, follow, sources, paid, progress, stop)
            if not stop.is_set():
                # not all workers at the same moment
                listener.wait(POLL_SECONDS * random.uniform(0.75, 1.25), stop)  # noqa: S311
    return pipeline.totals
