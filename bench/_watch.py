"""What a machine does under load: memory of processes over time, processor, sizes of tables."""

from __future__ import annotations

import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

EVERY = 5.0  # seconds between two looks at memory
WARM = 1 / 3  # of the time, in which caches and pools fill


def own_memory(pid: int) -> float | None:
    """Megabytes of memory that a process has for itself; None once it is gone."""
    try:
        said = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    kilobytes = [line.split()[1] for line in said.splitlines() if line.startswith("RssAnon")]
    return int(kilobytes[0]) / 1000 if kilobytes else None


@dataclass
class Memory:
    """Megabytes of processes over time, by what they are."""

    samples: dict[str, list[tuple[float, float, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def lines(self) -> Iterator[str]:
        for name, samples in sorted(self.samples.items()):
            warm = samples[int(len(samples) * WARM) :]
            if len(warm) < 3:
                continue
            times, sizes = [each[0] / 3600 for each in warm], [each[1] for each in warm]
            slope = statistics.linear_regression(times, sizes).slope
            count = max(each[2] for each in warm)
            yield (
                f"    {name:<28} {count:>3} of {sizes[0]:6.1f} to {sizes[-1]:6.1f} MB each,"
                f" most {max(sizes):6.1f}, {slope:+7.1f} MB an hour"
            )


@contextmanager
def watched(url: str, processes: dict[str, list[int]]) -> Iterator[Memory]:
    """Look at these processes, and at sessions by their application, until the end of the block."""
    memory, stop = Memory(), threading.Event()

    def look(conn: psycopg.Connection, now: float) -> None:
        groups = dict(processes)
        for application, pid in conn.execute(
            "select a.application_name, a.pid from pg_stat_activity as a"
            " where a.datname = current_database() and a.backend_type = 'client backend'"
            " and a.pid <> pg_backend_pid() and a.application_name <> ''"
        ):
            groups.setdefault(f"sessions of {application}", []).append(pid)
        for name, pids in groups.items():
            sizes = [size for pid in pids if (size := own_memory(pid)) is not None]
            if sizes:
                memory.samples[name].append((now, statistics.mean(sizes), len(sizes)))

    def away() -> None:
        began = time.monotonic()
        with psycopg.connect(url, autocommit=True) as conn:
            while not stop.wait(EVERY):
                look(conn, time.monotonic() - began)

    thread = threading.Thread(target=away)
    thread.start()
    try:
        yield memory
    finally:
        stop.set()
        thread.join()


class Processor:
    """Seconds of processor since it was made, by what they went to."""

    def __init__(self, server: int, processes: dict[str, list[int]]) -> None:
        self._server, self._processes = server, processes
        self._began, self._before = time.monotonic(), self._now()

    def _now(self) -> dict[str, float]:
        used = {
            name: sum(sum(psutil.Process(pid).cpu_times()[:4]) for pid in pids)
            for name, pids in self._processes.items()
        }
        server = psutil.Process(self._server)
        used["Postgres"] = sum(server.cpu_times()[:4])  # those that ended count as its children's
        for child in server.children():
            try:
                used["Postgres"] += sum(child.cpu_times()[:2])
            except psutil.NoSuchProcess:
                continue  # counted by its parent from now on, so the sum is a little late
        machine = psutil.cpu_times()
        used["the whole machine"] = sum(machine) - machine.idle - machine.iowait
        return used

    def cores(self, clients: float) -> str:
        """How many cores each kept busy, given the seconds that clients used."""
        seconds = time.monotonic() - self._began
        used = {name: now - self._before[name] for name, now in self._now().items()}
        shares = {"clients": clients, **used}
        return ", ".join(f"{name} {spent / seconds:.2f}" for name, spent in shares.items())


@dataclass(frozen=True)
class Table:
    rows: int
    dead: int
    bytes: int
    vacuums: int


SIZES = """
select t.relname, t.n_live_tup::int, t.n_dead_tup::int,
       pg_total_relation_size(t.relid), t.vacuum_count + t.autovacuum_count
from pg_stat_user_tables as t where t.schemaname = 'vitrina'
"""


def tables(url: str) -> dict[str, Table]:
    """The tables of vitrina by name, as large as they are now."""
    with psycopg.connect(url, autocommit=True) as conn:
        found = {row[0]: Table(*row[1:]) for row in conn.execute(SIZES)}
        for name, table in found.items():
            statement = psycopg.sql.SQL("select count(*) from vitrina.{}").format(
                psycopg.sql.Identifier(name)
            )
            row = conn.execute(statement).fetchone()
            assert row
            found[name] = Table(row[0], table.dead, table.bytes, table.vacuums)
    return found


def bloat(before: dict[str, Table], after: dict[str, Table], most: int = 12) -> Iterator[str]:
    """The largest tables: rows, dead rows, sizes, and how much larger a row's share has become."""
    names = f"{'rows':>9} {'after':>9} {'dead':>7} {'vacuums':>7} {'MB':>7} {'after':>7}"
    yield f"    {'table':<24} {names}  bytes a row"
    for name in sorted(after, key=lambda each: -after[each].bytes)[:most]:
        was, now = before.get(name, Table(0, 0, 0, 0)), after[name]
        grown = (
            f"{(now.bytes / now.rows) / (was.bytes / was.rows) - 1:+.0%}"
            if was.rows >= 1000 and now.rows
            else "-"
        )
        yield (
            f"    {name:<24} {was.rows:>9,} {now.rows:>9,} {now.dead:>7,} {now.vacuums:>7}"
            f" {was.bytes / 1e6:>7.1f} {now.bytes / 1e6:>7.1f}  {grown}"
        )
