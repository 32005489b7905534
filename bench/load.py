"""A catalogue under load: people search, workers ingest, a shop writes, somebody curates.

`python -m bench load`, or `python -m bench.load --products 10000 --minutes 1` for a quick look.
First each kind of question is asked on the idle machine. Then so many clients ask one question
after the other, in SQL and of `vitrina serve`, while four workers enrich what a shop adds to its
attached table, through a model's server that is a stub, prices change and keywords are merged and
parted: so much can be answered. At last questions arrive by chance, half as many as that, and the
rest goes on.

Clients, servers and the stub share the machine; what each takes of it is said. Products are made
around real ones (bench/_catalogue.py). `--keep DIR` keeps the server with them, to be used again:
each run works in a copy of its database. `--docs` writes what is printed into docs/scale.md.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from psycopg import sql

from bench._catalogue import FASHION
from bench._clients import SHARES, Plan, Said, ask, slowest
from bench._traffic import Shop, Written, attach, curate
from bench._watch import Processor, bloat, tables, watched
from bench.ingest import stub
from bench.search import typed_queries
from bench.serve import prepare, started
from bench.setup import told
from vitrina import embedded
from vitrina.catalog import Catalog
from vitrina.db import schema
from vitrina.settings import Settings

SERVER = {
    "shared_buffers": "2GB", "max_wal_size": "8GB", "max_connections": "200",
    "autovacuum_naptime": "15s",
}  # fmt: skip
COPY = "load"
PROCESSES, WORKERS, CONCURRENCY = 8, 4, 2
GOODS, PRICES, NEWS = 500, 20.0, 2.0  # rows of the shop; prices and new rows a second
IDLE_SECONDS, IDLE_LEAST = 4.0, 12  # of each kind, and questions
SETTLE_SECONDS = 600  # for the workers to be done
MOST = 10.0  # p99 at half of the capacity, in idle medians


@dataclass(frozen=True)
class Running:
    """What a run works with."""

    url: str
    base: str
    server: int
    processes: dict[str, list[int]]
    titles: tuple[str, ...]
    queries: tuple[str, ...]
    products: int

    def plan(self, clients: int, seconds: float) -> Plan:
        return Plan(self.url, self.base, self.queries, self.products, clients, seconds, 1)


@contextlib.contextmanager
def filled(keep: Path | None, products: int) -> Iterator[tuple[str, int]]:
    """The address of a fresh copy of a database with so many products, and its server's process."""
    home = keep or Path(tempfile.mkdtemp(prefix="vb-", dir="/tmp"))
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)
    try:
        server = embedded.start(home, options=SERVER)
        url = server.url()
        schema.upgrade(url)
        with Catalog(settings=Settings(database_url=url)) as shop:
            if not shop.database.value("select count(*) from vitrina.products"):
                began = time.monotonic()
                prepare(shop, products)
                print(f"  {products:,} products made in {time.monotonic() - began:.0f} s")
            data = shop.database.value("select current_setting('data_directory')")
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            name = sql.Identifier(COPY)
            conn.execute(sql.SQL("drop database if exists {} with (force)").format(name))
            copy = sql.SQL("create database {} template vitrina strategy file_copy").format(name)
            conn.execute(copy)
        pid = int((Path(data) / "postmaster.pid").read_text().splitlines()[0])
        with psycopg.connect(server.url(COPY), autocommit=True) as conn:
            conn.execute("vacuum analyze")
        yield server.url(COPY), pid
    finally:
        embedded.stop(home)
        if keep is None:
            shutil.rmtree(home)


@contextlib.contextmanager
def running(url: str, server: int, errors: Counter[tuple[str, str]]) -> Iterator[Running]:
    """`vitrina serve` and the workers on this database, until the end of the block."""
    with Catalog(settings=Settings(database_url=url)) as shop:
        titles = tuple(row["title"] for row in shop.database.rows(
            "select p.title from vitrina.products as p order by p.id limit 900"))  # fmt: skip
        products = int(shop.database.value("select max(p.id) from vitrina.products as p"))
        attach(shop, list(titles), GOODS)
    vitrina = [sys.executable, "-m", "vitrina", "--database-url", url]
    work = [*vitrina, "work", "--concurrency", str(CONCURRENCY), "--dimensions", "256",
            "--image-root", str(FASHION / "images")]  # fmt: skip
    with contextlib.ExitStack() as stack:
        model = stack.enter_context(stub())
        served, line, _ = stack.enter_context(
            started([*vitrina, "serve", "--port", "0"], "vitrina serves")
        )
        pids = [stack.enter_context(worker(work, errors)).pid for _ in range(WORKERS)]
        yield Running(
            url, line.split()[2].rstrip(","), server,
            {"serve": [served.pid], "workers": pids, "model's stub": [model.pid]},
            titles, tuple(typed_queries()), products,
        )  # fmt: skip
        if served.poll() is not None:
            errors["serve", f"it ended with {served.returncode}"] += 1


@contextlib.contextmanager
def worker(command: list[str], errors: Counter[tuple[str, str]]) -> Iterator[subprocess.Popen[str]]:
    """A worker; that it ended early, or in another way than well, is an error."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, text=True)
        try:
            yield process
            process.terminate()
            if process.wait():
                said.seek(0)
                last = said.read().strip().splitlines()[-1:]
                errors["worker", f"it ended with {process.returncode}: {''.join(last)[:200]}"] += 1
        finally:
            process.kill()
            process.wait()


def asked(plan: Plan) -> Said:
    """What the clients of all processes saw."""
    each = max(1, plan.clients // PROCESSES)
    count = min(PROCESSES, plan.clients)
    plans = [
        replace(plan, clients=each, seed=plan.seed + number, rate=plan.rate and plan.rate / count)
        for number in range(count)
    ]
    context = multiprocessing.get_context("spawn")
    said = Said()
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        for one in pool.map(ask, plans):
            said.add(one)
    return said


@contextlib.contextmanager
def writing(run: Running, written: Written) -> Iterator[None]:
    """The shop and the curator, in processes of their own, until the end of the block."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(2, mp_context=context) as pool:
        stop = manager.Event()
        shop = Shop(run.url, run.titles, PRICES, NEWS)
        both = [pool.submit(shop.write, stop), pool.submit(curate, run.url, run.queries, stop)]  # type: ignore[arg-type]
        try:
            yield
        finally:
            stop.set()
            for one in both:
                written.add(one.result())


def table(said: Said, idle: dict[str, float]) -> Iterator[str]:
    """Answers and milliseconds by kind, and p99 in medians of the idle machine."""
    for kind, times in said.times.items():
        if times:
            p50, p95, p99 = (slowest(times, share) for share in (0.5, 0.95, 0.99))
            yield (
                f"    {kind:<18} {len(times):>7,}  p50 {p50:8.1f}  p95 {p95:8.1f}"
                f"  p99 {p99:8.1f} ms, {p99 / idle[kind]:6.1f} x idle p50"
            )


def alone(run: Running) -> dict[str, float]:
    """The median of each kind on the idle machine, in milliseconds."""
    medians = {}
    plan = replace(run.plan(1, IDLE_SECONDS), least=IDLE_LEAST)
    for kind in SHARES:
        said = asked(replace(plan, only=kind))
        medians[kind] = statistics.median(said.times[kind][2:])  # the first warm up
        print(
            f"    {kind:<18} {len(said.times[kind]):>7,}  p50 {medians[kind]:8.1f} ms", flush=True
        )
    return medians


def loaded(
    run: Running, plan: Plan, idle: dict[str, float], errors: Counter[tuple[str, str]]
) -> Said:
    """Searches by a plan while all else goes on; prints what was seen."""
    written = Written()
    done = _enriched(run.url)
    with watched(run.url, run.processes) as memory, writing(run, written):
        processor = Processor(run.server, run.processes)
        said = asked(plan)
        cores = processor.cores(said.processor)
    errors += said.errors + written.errors
    for line in table(said, idle):
        print(line)
    print(
        f"    {said.answers:,} answers, {said.rate:.1f} a second;"
        f" {_enriched(run.url) - done:,} products enriched meanwhile"
    )
    for kind, times in written.times.items():
        print(
            f"    {kind:<18} {len(times):>7,}  p50 {statistics.median(times):8.1f}"
            f"  p95 {slowest(times, 0.95):8.1f}  most {max(times):8.1f} ms"
        )
    print(f"    cores busy: {cores}")
    for line in memory.lines():
        print(line)
    sys.stdout.flush()
    return said


def _enriched(url: str) -> int:
    with psycopg.connect(url) as conn:
        row = conn.execute(
            "select count(*) from vitrina.products as p join vitrina.sources as s"
            " on s.id = p.source_id where s.name = 'goods' and p.enriched_at is not null"
        ).fetchone()
    assert row
    return int(row[0])


def settled(run: Running, errors: Counter[tuple[str, str]]) -> None:
    """Wait until the workers have nothing left to do, and see what they set aside."""
    began = time.monotonic()
    with psycopg.connect(run.url, autocommit=True) as conn:
        while (left := _left(conn))[0]:
            if time.monotonic() - began > SETTLE_SECONDS:
                errors["worker", f"{left[0]} jobs left after {SETTLE_SECONDS} s"] += 1
                break
            time.sleep(0.5)
    if left[1]:
        errors["worker", "jobs failed"] += left[1]
    print(f"  nothing is left to do after {time.monotonic() - began:.0f} s")


def _left(conn: psycopg.Connection) -> tuple[int, int]:
    """How many rows, changes and jobs wait, and how many jobs failed."""
    row = conn.execute(
        "select count(*) filter (where j.state <> 'failed')"
        " + (select count(*) from vitrina.changes)"
        " + (select count(*) from public.goods as g where not exists ("
        "    select from vitrina.products as p join vitrina.sources as s on s.id = p.source_id"
        "    where s.name = 'goods' and p.external_id = g.id::text and p.enriched_at is not null)),"
        " count(*) filter (where j.state = 'failed') from vitrina.jobs as j"
    ).fetchone()
    assert row
    return row[0], row[1]


def sound(url: str, errors: Counter[tuple[str, str]]) -> None:
    """Whether `vitrina.check()` finds anything wrong."""
    began = time.monotonic()
    with psycopg.connect(url, autocommit=True) as conn:
        rows = conn.execute(
            'select "check", looked, wrong, example from vitrina."check"()'
        ).fetchall()
    wrong = sum(row[2] for row in rows)
    print(
        f"  vitrina.check(): {len(rows)} checks of {sum(row[1] for row in rows):,} rows in"
        f" {time.monotonic() - began:.0f} s, {wrong} wrong"
    )
    for name, _, count, example in rows:
        if count:
            errors["check", f"{name}: {example}"] += count


def verdict(opened: Said, idle: dict[str, float], errors: Counter[tuple[str, str]]) -> None:
    """Whether the goals were met."""
    ratios = {
        kind: slowest(times, 0.99) / idle[kind] for kind, times in opened.times.items() if times
    }
    kind = max(ratios, key=lambda each: ratios[each])
    kept = sum(ratio <= MOST for ratio in ratios.values())
    print(
        f"  p99 at half of the capacity is at most {MOST:.0f} x the idle p50 in {kept} of"
        f" {len(ratios)} kinds; the worst is {kind}: {ratios[kind]:.1f} x"
    )
    print(f"  errors: {sum(errors.values())}")
    for (where, reason), count in errors.most_common():
        print(f"    {count:>6,}  {where}: {reason}")


def measure(url: str, server: int, clients: int, minutes: float, check: bool) -> None:
    """One run on this database."""
    errors: Counter[tuple[str, str]] = Counter()
    before = tables(url)
    with running(url, server, errors) as run:
        settled(run, errors)
        print("  one client, nothing else", flush=True)
        idle = alone(run)
        plan = run.plan(clients, minutes * 60)
        print(f"  {clients} clients, {minutes:g} minutes, each asks as soon as it is answered")
        closed = loaded(run, plan, idle, errors)
        rate = closed.rate / 2
        print(f"  {rate:.1f} questions a second by chance, {minutes / 2:g} minutes")
        half = replace(plan, clients=2 * clients, rate=rate, seconds=minutes * 30, seed=99)
        opened = loaded(run, half, idle, errors)
        settled(run, errors)
    for line in bloat(before, tables(url)):
        print(line)
    if check:
        sound(url, errors)
    verdict(opened, idle, errors)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--no-check", action="store_true", help="leave out vitrina.check()")
    parser.add_argument("--docs", action="store_true", help="write docs/scale.md too")
    given = parser.parse_known_args()[0]
    with (
        filled(given.keep, given.products) as (url, server),
        told("scale.md" if given.docs else None, "load"),
    ):
        print("```text" if given.docs else "")
        measure(url, server, given.clients, given.minutes, check=not given.no_check)
        print(f"  {os.cpu_count()} cores, load at the end {os.getloadavg()[0]:.1f}")
        print("```" if given.docs else "")


if __name__ == "__main__":
    main()
