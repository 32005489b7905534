"""Claims jobs, runs the pipeline on them and finishes them, until none is left."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
from collections.abc import Callable, Sequence

from vitrina.database import Database
from vitrina.errors import UnreachableError
from vitrina.pipeline import Job, Pipeline, Totals

BATCH = 64
LEASE = "10 minutes"


def drain(
    database: Database,
    pipeline: Pipeline,
    *,
    sources: Sequence[str] | None = None,
    progress: Callable[[Totals], None] | None = None,
    stop: threading.Event | None = None,
) -> Totals:
    """Work on every job that is due, a batch at a time, and return what was done.

    Interrupted, it stores the batch it is at first and gives unstarted leases back.

    Args:
        database: where the jobs are.
        pipeline: what enriches them.
        sources: work on these only.
        progress: called after each batch with the totals so far.
        stop: once it is set, the batch at work is the last.
    """
    worker = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    totals = Totals()
    try:
        while not (stop and stop.is_set()):
            jobs = claim(database, worker, sources=sources)
            if not jobs:
                break
            totals.add(pipeline.process(worker, jobs))
            if progress is not None:
                progress(totals)
    finally:
        database.value("select vitrina.release_jobs(%s)", (worker,))
    return totals


def watch(
    database: Database,
    pipeline: Pipeline,
    stop: threading.Event,
    *,
    sources: Sequence[str] | None = None,
    progress: Callable[[Totals], None] | None = None,
    seconds: float = 2.0,
) -> Totals:
    """Drain, then look for more every few seconds, until `stop` is set; see drain.

    A database that goes away for a while is waited for.
    """
    totals = Totals()
    while not stop.is_set():
        with contextlib.suppress(UnreachableError):
            totals.add(drain(database, pipeline, sources=sources, progress=progress, stop=stop))
        stop.wait(seconds)
    return totals


def claim(
    database: Database, worker: str, *, k: int = BATCH, sources: Sequence[str] | None = None
) -> list[Job]:
    """Lease up to k jobs to this worker."""
    rows = database.rows(
        "select * from vitrina.claim_jobs(%s, %s, %s::interval, %s::text[])",
        (worker, k, LEASE, list(sources) if sources is not None else None),
    )
    return [
        Job(
            **{
                **row,
                "image_sha256": bytes(row["image_sha256"]) if row["image_sha256"] else None,
            }
        )
        for row in rows
    ]
