"""Claims jobs, takes them through a pipeline and finishes them, until none is left."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence

from vitrina.database import Database
from vitrina.errors import AccessError, UnreachableError
from vitrina.pipeline import Job, Pipeline, Totals

LEASE = "2 minutes"
EXTEND_SECONDS = 30.0  # how often leases are extended; they outlive three missed times
HOST = socket.gethostname()


def drain(
    database: Database,
    pipeline: Pipeline,
    *,
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
        if progress is not None:
            progress(pipeline.totals)

    def claimed(k: int) -> list[Job]:
        return claim(database, worker, k, sources=sources, paid=paid)

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


def watch(
    database: Database,
    pipeline: Pipeline,
    *,
    stop: threading.Event | None = None,
    sources: Sequence[str] | None = None,
    paid: bool = False,
    progress: Callable[[Totals], None] | None = None,
    seconds: float = 2.0,
) -> Totals:
    """Drain, then look for more every few seconds, until `stop` is set; see drain.

    A database that goes away for a while is waited for.
    """
    stop = stop or threading.Event()
    while not stop.is_set():
        with contextlib.suppress(UnreachableError):
            index_spaces(database)
            drain(database, pipeline, sources=sources, paid=paid, progress=progress, stop=stop)
        stop.wait(seconds)
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


def release_dead(database: Database) -> None:
    """Give back the leases of workers that ran on this machine and are gone.

    Leases of other machines expire; here a killed worker's are free at once.
    """
    for row in database.rows("select vitrina.leasing_workers() as worker"):
        host, _, rest = str(row["worker"]).rpartition(":")[0].rpartition(":")
        if host == HOST and rest.isdecimal() and not _alive(int(rest)):
            database.value("select vitrina.release_jobs(%s)", (row["worker"],))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
