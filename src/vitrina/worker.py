"""Keeps in step with attached tables; claims jobs, has them enriched and finishes them."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from vitrina.attachments import Synced
from vitrina.database import Database, Listener
from vitrina.errors import AccessError, UnreachableError
from vitrina.pipeline import Job, Pipeline, Totals

if TYPE_CHECKING:
    from vitrina.attachments import Attachments

LEASE = "2 minutes"
EXTEND_SECONDS = 30.0  # how often leases are extended; they outlive three missed times
POLL_SECONDS = 1.0  # how often a worker looks for changes, hints or none
CHANNEL = "vitrina_jobs"
HOST = socket.gethostname()


def drain(
    database: Database,
    pipeline: Pipeline,
    *,
    follow: Follow | None = None,
    sources: Sequence[str] | None = None,
    paid: bool = False,
    progress: Callable[[Totals], None] | None = None,
    stop: threading.Event | None = None,
) -> Totals:
    """Work on every job that is due and return what was done, all told.

    Stopped or failing, it stores what is finished and gives its leases back.

    Args:
        database: where the jobs are.
        pipeline: what enriches them.
        follow: brings attached sources in step, before and meanwhile.
        sources: work on these only.
        paid: the work costs money, so standing budgets hold.
        progress: called now and then with the totals so far.
        stop: once it is set, no further product is begun.
    """
    worker = f"{HOST}:{os.getpid()}:{secrets.token_hex(4)}"
    release_dead(database)
    extended = time.monotonic()

    def tick() -> None:
        nonlocal extended
        if time.monotonic() - extended > EXTEND_SECONDS:
            extended = time.monotonic()
            database.value("select vitrina.extend_jobs(%s, %s::interval)", (worker, LEASE))
            index_spaces(database)
        if follow is not None and follow.due:
            follow.sync()
        if progress is not None:
            progress(pipeline.totals)

    def claimed(k: int) -> list[Job]:
        while True:
            jobs = claim(database, worker, k, sources=sources, paid=paid)
            if jobs or (stop is not None and stop.is_set()):
                return jobs
            if not (follow is not None and follow.sync()) and not release_dead(database):
                return jobs

    try:
        pipeline.run(worker, claimed, stop=stop, tick=tick)
    finally:
        with contextlib.suppress(UnreachableError):
            database.value("select vitrina.release_jobs(%s)", (worker,))
    return pipeline.totals


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
        catalog: where they are.
        sources: these only.
        say: called with a line for each source that cannot be read, and when it can be again.
    """

    def __init__(
        self, catalog: Attachments, sources: Sequence[str] | None, say: Callable[[str], None]
    ) -> None:
        self._catalog = catalog
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
        taken = self._catalog.sync_once(self._done, sources=self._sources)
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
) -> Totals:
    """Drain, then look for more every second or when told, until `stop` is set; see drain.

    A database that goes away for a while is waited for.
    """
    stop = stop or threading.Event()
    listener = Listener(database.dsn, CHANNEL)
    done = -1
    try:
        while not stop.is_set():
            with contextlib.suppress(UnreachableError):
                if pipeline.totals.products != done:
                    index_spaces(database)
                    done = pipeline.totals.products
                drain(
                    database, pipeline, follow=follow, sources=sources, paid=paid,
                    progress=progress, stop=stop,
                )  # fmt: skip
            if not stop.is_set():
                # not all workers at the same moment
                listener.wait(POLL_SECONDS * random.uniform(0.75, 1.25), stop)  # noqa: S311
    finally:
        listener.close()
    return pipeline.totals


def claim(
    database: Database,
    worker: str,
    k: int,
    *,
    sources: Sequence[str] | None = None,
    paid: bool = False,
) -> list[Job]:
    """Lease up to k jobs to this worker. Raises BudgetError where paid work is out of budget."""
    rows = database.rows(
        "select * from vitrina.claim_jobs(%s, %s, %s::interval, %s::text[], %s)",
        (worker, k, LEASE, list(sources) if sources is not None else None, paid),
    )
    return [Job(**row) for row in rows]


def release_dead(database: Database) -> int:
    """Give back the leases of workers that ran on this machine and are gone; returns how many.

    Leases of other machines expire; here a killed worker's are free at once.
    """
    released = 0
    for row in database.rows("select vitrina.leasing_workers() as worker"):
        host, _, rest = str(row["worker"]).rpartition(":")[0].rpartition(":")
        if host == HOST and rest.isdecimal() and not _alive(int(rest)):
            released += database.value("select vitrina.release_jobs(%s)", (row["worker"],))
    return released


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
