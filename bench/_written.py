"""What writing costs in a catalogue of a size: products added, prices changed, the vacuum after."""

from __future__ import annotations

import contextlib
import csv
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
from psycopg.types.json import Jsonb

from bench._million import SOURCES
from vitrina.catalog import Catalog
from vitrina.settings import Settings

ADDED, EVERY = 1000, 10  # products added; of so many, one has a new price
CHANGED = """
select jsonb_build_object('external_id', p.external_id, 'title', p.title, 'attributes',
           p.attributes || jsonb_build_object('price', (p.attributes ->> 'price')::numeric + 1))
from vitrina.products as p
join vitrina.sources as s on s.id = p.source_id
where s.name = %s and hashint8(p.id) %% %s = 0
"""
REMOVED = """
delete from vitrina.products as p using vitrina.sources as s
where s.id = p.source_id and s.name = 'added'
"""


def processor(conn: psycopg.Connection) -> float:
    """Seconds of processor of this process, of the server and of all its sessions so far."""
    postmaster = psutil.Process(psutil.Process(conn.info.backend_pid).ppid())
    own = postmaster.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system + time.process_time()
    for child in postmaster.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total += times.user + times.system
    return total


def added(conn: psycopg.Connection, url: str) -> tuple[float, float]:
    """A thousand products more, offline, as `vitrina ingest` takes them; then they go again.

    How many a second, and the milliseconds of processor that each takes.
    """
    titles = [
        row[0]
        for row in conn.execute(
            "select p.title from vitrina.products as p order by p.id desc limit %s", (ADDED,)
        ).fetchall()
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        Catalog(settings=Settings(database_url=url)) as shop,
    ):
        path = Path(folder) / "added.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "title"])
            writer.writerows((f"added-{place}", title) for place, title in enumerate(titles))
        before, began = processor(conn), time.perf_counter()
        shop.ingest(path, source="added")
        took, spent = time.perf_counter() - began, processor(conn) - before
    conn.execute(REMOVED)
    return len(titles) / took, 1000 * spent / len(titles)


def repriced(conn: psycopg.Connection) -> tuple[float, float, float]:
    """One price in ten changes, through put_products, a thousand rows a call; then a vacuum.

    The milliseconds of processor a price, the growth of the table as a share, seconds of vacuum.
    """
    first, before, count = size_of_products(conn), processor(conn), 0
    for number in range(SOURCES):
        rows = [row[0] for row in conn.execute(CHANGED, (f"many-{number}", EVERY)).fetchall()]
        for start in range(0, len(rows), 1000):
            batch = rows[start : start + 1000]
            conn.execute(
                "select * from vitrina.put_products(%s, %s)", (f"many-{number}", Jsonb(batch))
            )
            count += len(batch)
    spent, grown = processor(conn) - before, size_of_products(conn) / first - 1
    began = time.perf_counter()
    conn.execute("vacuum vitrina.products")
    return 1000 * spent / max(count, 1), grown, time.perf_counter() - began


def size_of_products(conn: psycopg.Connection) -> int:
    row = conn.execute("select pg_total_relation_size('vitrina.products')").fetchone()
    assert row
    return int(row[0])
