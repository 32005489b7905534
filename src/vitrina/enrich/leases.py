"""A worker's identity, its leases, and the leases of workers that are gone."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from vitrina.closing import Closing
from vitrina.db.database import Database
from vitrina.errors import UnreachableError, VitrinaError
from vitrina.settings import LEASE_SECONDS

BEATS = 4  # how often leases are extended within their time
PROC = Path("/proc")
_open: dict[str, Database] = {}  # by worker: those of this process


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed product, with the input of its enrichment; stage `embed`: only its vector,
    `picture`: only its picture.

    `deaths` is how many workers died with it in hand: from two on it is worked on alone;
    `asked` is how often a person had models asked again.
    """

    product_id: int
    version: int
    stage: str
    attempts: int
    source: str
    external_id: str
    title: str
    attributes: dict[str, object]
    image: str | None
    image_root: str | None
    image_embedded: str | None
    deaths: int = 0
    text: str | None = None
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Process:
    """The identity of a process, as far as its own machine can prove it.

    `boot_id`, `namespaces` and `process_start` (clock ticks) are None without /proc, or if it is
    that of another pid namespace.
    """

    host: str
    pid: int
    boot_id: str | None
    namespaces: str | None
    process_start: int | None

    @classmethod
    def this(cls) -> Process:
        """This process."""
        host, pid = socket.gethostname(), os.getpid()
        try:
            # /proc may show another namespace, where the number means another process
            own = int((PROC / "self/stat").read_text().partition(" ")[0]) == pid
            started = _start_of(pid) if own else None
            boot_id = (PROC / "sys/kernel/random/boot_id").read_text().strip()
            # start times count from the boot of the time namespace
            kinds = [kind for kind in ("pid", "time") if (PROC / "self/ns" / kind).exists()]
            namespaces = " ".join(str((PROC / "self/ns" / kind).readlink()) for kind in kinds)
        except (OSError, ValueError, IndexError):
            return cls(host, pid, None, None, None)
        if started is None or not boot_id or "pid" not in kinds:
            return cls(host, pid, None, None, None)
        return cls(host, pid, boot_id, namespaces, started)

    def proves_gone(self, other: Process) -> bool:
        """Whether this process can prove that the other one has ended."""
        if self.boot_id is None or self.process_start is None or other.process_start is None:
            return False
        if (self.boot_id, self.namespaces) != (other.boot_id, other.namespaces):
            return False
        try:
            os.kill(other.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass  # another user's process
        try:
            started = _start_of(other.pid)
        except FileNotFoundError:
            return False  # /proc may hide what runs
        except (OSError, ValueError, IndexError):
            return False
        return started != other.process_start


def _start_of(pid: int) -> int | None:
    """When a process started, in clock ticks after the boot; None if it has ended."""
    # the name, in parentheses, may contain any character
    fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    ended = fields[0] in "ZX" and len(list((PROC / str(pid) / "task").iterdir())) <= 1
    return None if ended else int(fields[19])


class Leases(Closing):
    """The leases of one worker, which has a row in the database under a random id.

    Close it, or use it as a context manager: the leases are given back, uncharged.

    Args:
        database: the database of the jobs.
        seconds: how long a lease lasts unless extended.
    """

    def __init__(self, database: Database, *, seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._seconds = seconds
        self._process = Process.this()
        self._beaten = time.monotonic()
        self.worker = str(uuid4())
        self._register()
        _open[self.worker] = database

    def _register(self) -> None:
        self._database.value(
            "select vitrina.register_worker(%(worker)s, %(host)s, %(pid)s, %(boot_id)s,"
            " %(namespaces)s, %(process_start)s)",
            {"worker": self.worker, **asdict(self._process)},
        )

    def claim(
        self,
        k: int,
        in_hand: Collection[int],
        *,
        sources: Sequence[str] | None = None,
        paid: bool = False,
        stages: Sequence[str] | None = None,
    ) -> list[Job]:
        """Lease up to k jobs, but no product in hand.

        Raises BudgetError if the budget for paid work is spent.
        """
        rows = self._database.rows(
            "select * from vitrina.claim_jobs(%s, %s, make_interval(secs => %s), %s::text[], %s,"
            " %s::bigint[], %s::text[])",
            (
                self.worker,
                k,
                self._seconds,
                list(sources) if sources is not None else None,
                paid,
                list(in_hand),
                list(stages) if stages is not None else None,
            ),
        )
        return [Job(**row) for row in rows]

    def claim_products(self, product_ids: Sequence[int], versions: Sequence[int]) -> list[Job]:
        """Lease these products, if queued in these versions."""
        rows = self._database.rows(
            "select * from vitrina.claim_products(%s, %s, %s, make_interval(secs => %s))",
            (self.worker, list(product_ids), list(versions), self._seconds),
        )
        return [Job(**row) for row in rows]

    def begin(self, jobs: Sequence[Job]) -> list[Job]:
        """The claimed jobs that may begin: still leased, and unchanged."""
        rows = self._database.rows(
            # the products in hand only matter while the server runs
            "with quick as (select set_config('synchronous_commit', 'off', true))"
            " select b.id from quick cross join vitrina.begin_jobs(%s, %s, %s) as b (id)",
            (self.worker, [job.product_id for job in jobs], [job.version for job in jobs]),
        )
        begun = {row["id"] for row in rows}
        return [job for job in jobs if job.product_id in begun]

    def held(self, jobs: Sequence[Job]) -> set[int]:
        """The products of these jobs that may be stored now."""
        rows = self._database.rows(
            "select h.id from vitrina.hold_jobs(%s, %s, %s) as h (id)",
            (self.worker, [job.product_id for job in jobs], [job.version for job in jobs]),
        )
        return {row["id"] for row in rows}

    def beat(self, in_hand: Collection[int]) -> None:
        """Send a heartbeat now and then, and extend the leases of the products in hand."""
        if time.monotonic() - self._beaten < self._seconds / BEATS:
            return
        self._beaten = time.monotonic()
        self._register()
        self._database.value(
            "select vitrina.beat_worker(%s, %s::bigint[], make_interval(secs => %s))",
            (self.worker, list(in_hand), self._seconds),
        )

    def free_dead(self) -> int:
        """Free the leases of workers that are proved gone; returns how many.

        Leases of other workers expire.
        """
        gone = [
            row["id"]
            for row in self._database.rows("select * from vitrina.leasing_workers()")
            if self._process.proves_gone(_process_of(row))
        ]
        if not gone:
            return 0
        return int(self._database.value("select vitrina.bury_workers(%s::text[])", (gone,)))

    def release(self) -> int:
        """Give the leases back, uncharged; returns how many."""
        return int(self._database.value("select vitrina.release_jobs(%s)", (self.worker,)))

    def close(self) -> None:
        """Give the leases back, and remove the worker."""
        _open.pop(self.worker, None)
        try:
            with self._database.waiting(0):
                self._database.value("select vitrina.retire_worker(%s)", (self.worker,))
        except UnreachableError:
            pass  # its leases expire, or are freed when the process is gone


def abandon(seconds: float) -> None:
    """Give back the leases of this process, outside of its threads and connections.

    Each access to the database takes at most `seconds`; if it does not answer, the leases expire,
    or are freed when the process is gone.
    """
    for worker, database in list(_open.items()):
        with contextlib.suppress(VitrinaError), database.aside(seconds) as conn:
            conn.execute("select vitrina.retire_worker(%s)", (worker,))


def _process_of(row: dict[str, Any]) -> Process:
    return Process(row["host"], row["pid"], row["boot_id"], row["namespaces"], row["process_start"])
