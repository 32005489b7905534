"""The queue: claims a second beside procrastinate, and 8 workers that are killed until all is done.

Each claims and finishes jobs that do nothing, in 8 processes on the same server. Then 8 workers
enrich products offline while one of them is killed (SIGKILL) every second and replaced.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psycopg

from bench.setup import catalog
from vitrina.catalog import Catalog

WORKERS, CLAIMS, PEER_CLAIMS = 8, 20_000, 4_000
PRODUCTS = int(os.environ.get("VITRINA_BENCH_JOBS", "20000"))
CLAIM = """
import sys, psycopg
url, worker, k = sys.argv[1:]
done = 0
with psycopg.connect(url, autocommit=True) as conn:
    while rows := conn.execute("select product_id, version from vitrina.claim_jobs(%s, %s)",
                               (worker, int(k))).fetchall():
        ids, versions = zip(*rows)
        done += conn.execute("select vitrina.finish_jobs(%s, %s, %s)",
                             (worker, list(ids), list(versions))).fetchone()[0]
print(done)
"""
PEER = """
import asyncio, logging, sys
import procrastinate
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=sys.argv[1]))
@app.task(name="nothing")
async def nothing(): pass
async def main():
    async with app.open_async():
        if sys.argv[2] == "defer":
            await app.schema_manager.apply_schema_async()
            await nothing.batch_defer_async(*({} for _ in range(int(sys.argv[3]))))
        else:
            await app.run_worker_async(wait=False, concurrency=int(sys.argv[3]),
                                       install_signal_handlers=False, listen_notify=False,
                                       delete_jobs="successful")
logging.disable()
asyncio.run(main())
"""


def together(script: str, *arguments: Callable[[int], str]) -> float:
    """Seconds of 8 processes that run this at once."""
    started = time.perf_counter()
    running = [
        subprocess.Popen([sys.executable, "-c", script, *(make(i) for make in arguments)],
                         stdout=subprocess.PIPE, text=True)
        for i in range(WORKERS)
    ]  # fmt: skip
    for process in running:
        process.communicate()
        assert process.returncode == 0
    return time.perf_counter() - started


def claims(shop: Catalog) -> None:
    url = shop.database.dsn
    rates = {}
    with psycopg.connect(url, autocommit=True) as conn:
        for k in (1, 10, 100):
            count = min(PRODUCTS, CLAIMS if k > 1 else PEER_CLAIMS)
            conn.execute("delete from vitrina.jobs")
            conn.execute(
                "select vitrina.queue_products(array(select p.id from vitrina.products as p"
                " order by p.id limit %s))",
                (count,),
            )
            seconds = together(CLAIM, lambda i: url, lambda i: f"w{i}", lambda i, k=k: str(k))
            assert conn.execute("select count(*) from vitrina.jobs").fetchone() == (0,)
            rates[k] = count / seconds
    subprocess.run([sys.executable, "-c", PEER, url, "defer", str(PEER_CLAIMS)], check=True)
    seconds = together(PEER, lambda i: url, lambda i: "work", lambda i: "10")
    with psycopg.connect(url) as conn:
        assert conn.execute("select count(*) from procrastinate_jobs").fetchone() == (0,)
    peer = PEER_CLAIMS / seconds
    print(f"  {WORKERS} procrastinate workers, 10 at once: {peer:8,.0f} jobs/s")
    for k, rate in rates.items():
        shown = f"{WORKERS} processes, {k} jobs a claim:"
        print(f"  {shown:<38} {rate:8,.0f} jobs/s, {rate / peer:5.1f}x")


def worker(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "vitrina", "--database-url", url, "work", "--drain",
         "--concurrency", "2"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={key: value for key, value in os.environ.items() if not key.startswith("OPENAI_")},
    )  # fmt: skip


def killed(shop: Catalog) -> None:
    draw = random.Random(1)  # noqa: S311 - the same in every run
    url = shop.database.dsn
    started = time.perf_counter()
    running = [worker(url) for _ in range(WORKERS)]
    kills = 0
    while shop.status().queued:
        time.sleep(1)
        victim = draw.choice([process for process in running if process.poll() is None] or running)
        if victim.poll() is None:
            victim.send_signal(signal.SIGKILL)
            kills += 1
        victim.wait()
        running.remove(victim)
        running.append(worker(url))
    for process in running:
        process.wait()
    seconds = time.perf_counter() - started
    with psycopg.connect(url) as conn:
        found = conn.execute(
            "select count(*), count(p.enriched_at), (select count(*) from vitrina.jobs),"
            " (select count(*) from vitrina.generations),"
            " (select count(distinct (g.stage, g.input_hash)) from vitrina.generations as g),"
            " (select count(*) from vitrina.product_embeddings),"
            " (select count(distinct e.product_id) from vitrina.product_embeddings as e),"
            " (select count(*) from vitrina.product_text)"
            " from vitrina.products as p"
        ).fetchone()
    assert found is not None
    every = found[:2] + found[5:]
    assert every == (PRODUCTS,) * 5, found
    assert found[2] == 0
    assert found[3] == found[4], "an answer was stored twice"
    print(
        f"  {PRODUCTS:,} products, {WORKERS} workers, {kills} killed: all enriched and stored once,"
        f" {PRODUCTS / seconds:,.0f} products/s"
    )


def main() -> None:
    with catalog() as shop:
        shop.database.value("select vitrina.put_source('queue')")
        rows = [{"external_id": str(i), "title": f"Oak table number {i}"} for i in range(PRODUCTS)]
        shop.database.rows("select * from vitrina.put_products('queue', %s)", (json.dumps(rows),))
        claims(shop)
        shop.database.rows(
            "select vitrina.queue_products(array(select p.id from vitrina.products as p))"
        )
        killed(shop)


if __name__ == "__main__":
    main()
