"""The page at 100,000 products: ready, first bytes, from a key to the paint, fifty people typing.

`python -m bench serve`, or `python -m bench.serve --rows 10000` for a quick look. Products are made
around real ones (bench/_catalogue.py). Peers: a bare server of the same framework for starting, the
search alone, in SQL on a connection of its own, for the paint.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import psycopg
import requests

from bench._catalogue import ingest, multiply
from bench.search import typed_queries
from bench.setup import SkippedError, catalog
from vitrina.catalog import Catalog

PEOPLE, EVERY, SECONDS = 50, 2.0, 60.0
WARM_SECONDS = 10.0  # of the same, for the threads and connections that so many people need
BARE = """
import socket, sys, uvicorn
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
app = FastAPI()
app.add_api_route("/", lambda: PlainTextResponse("ready"))
sock = socket.socket(); sock.bind(("127.0.0.1", 0))
class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets); print("ready", sock.getsockname()[1], flush=True)
Server(uvicorn.Config(app, log_config=None, lifespan="off")).run(sockets=[sock])
"""
WATCH = """
() => {
    window.paints = [];
    let pressed = 0;
    document.addEventListener('keydown', () => { pressed = performance.now(); }, true);
    const isResults = (node) => node.dataset?.part === 'results';
    const words = () => new URLSearchParams(location.search).get('q');
    new MutationObserver((changes) => {
        if (!changes.some((each) => [...each.addedNodes].some(isResults))) return;
        const key = pressed, swapped = performance.now();
        requestAnimationFrame(() => setTimeout(() => {
            const painted = performance.now();
            const asked = performance.getEntriesByType('resource')
                .filter((each) => each.name.includes('/part/search')).at(-1);
            paints.push([words(), painted - key, asked.responseEnd - asked.startTime,
                swapped - asked.responseEnd, painted - swapped]);
        }));
    }).observe(document.querySelector('.column'), { childList: true });
    performance.setResourceTimingBufferSize(100000);
}
"""


@contextmanager
def started(command: list[str], first: str) -> Iterator[tuple[subprocess.Popen[str], str, float]]:
    """A process, the line it says when it is ready, and the seconds until then."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(first), line
        yield process, line, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


def serve(url: str) -> list[str]:
    return [sys.executable, "-m", "vitrina", "--database-url", url, "serve", "--port", "0"]


def ready(url: str) -> None:
    """How long until the first request can be answered."""
    own, bare = [], []
    for _ in range(5):
        with started(serve(url), "vitrina serves") as (_, _, seconds):
            own.append(seconds)
        with started([sys.executable, "-c", BARE], "ready") as (_, _, seconds):
            bare.append(seconds)
    least, peer = statistics.median(own), statistics.median(bare)
    print(f"  ready in {least:.2f} s, {least / peer:.1f}x a bare server of the framework")


def weight(base: str) -> None:
    """The bytes of the first page, without pictures."""
    page = requests.get(base + "/", timeout=60)
    found = [part.partition('"')[0] for part in page.text.split('="/static/')[1:]]
    total = int(page.headers["Content-Length"])
    for path in dict.fromkeys(found):
        with requests.get(f"{base}/static/{path}", stream=True, timeout=60) as answer:
            total += len(answer.raw.read(decode_content=False))
    print(f"  first page {total / 1000:.0f} kB without pictures, {1 + len(set(found))} requests")


def key_to_paint(base: str, url: str) -> None:
    """From the last key of a query to its results on the screen, in Chromium, with the pause."""
    sys.path.append("tests")
    from playwright.sync_api import sync_playwright

    import chromium

    path = chromium.found()
    if path is None:
        raise SkippedError("no Chromium")
    queries = typed_queries()[:40]
    paints: list[float] = []
    parts: list[list[float]] = []  # of each: the answer, putting it in, layout and paint
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(base + "/", wait_until="networkidle")
        page.evaluate(WATCH)
        for query in queries:
            page.locator("#q").fill("")
            page.wait_for_load_state("networkidle")
            page.evaluate("paints.length = 0")
            page.locator("#q").press_sequentially(query, delay=60)
            page.wait_for_function(
                "(words) => paints.some((each) => each[0] === words)",
                arg=query.strip(),
            )
            _, paint, *rest = page.evaluate("paints.at(-1)")
            paints.append(paint)
            parts.append(rest)
        browser.close()
    alone = []
    with psycopg.connect(url, autocommit=True) as conn:
        for _ in range(2):  # the first time to warm up
            alone = []
            for query in queries:
                began = time.perf_counter()
                conn.execute("select * from vitrina.search(%s, k => 49)", (query,)).fetchall()
                alone.append((time.perf_counter() - began) * 1000)
    shares = [sql / paint for sql, paint in zip(alone, paints, strict=True)]
    print(
        f"  key to paint p50 {statistics.median(paints):.0f} ms,"
        f" p95 {statistics.quantiles(paints, n=20)[-1]:.0f} ms, 120 of it the pause;"
        f" the SQL alone p50 {statistics.median(alone):.0f} ms,"
        f" {statistics.median(shares):.0%} of it"
    )
    answer, swap, layout = (statistics.median(each) for each in zip(*parts, strict=True))
    print(
        f"    the answer {answer:.0f} ms, putting it into the page {swap:.0f}, layout and paint"
        f" {layout:.0f}"
    )


def people(base: str, process: subprocess.Popen[str]) -> None:
    """Fifty people, each typing a query every two seconds."""
    queries = typed_queries()
    times: list[float] = []
    failures: list[str] = []
    began_at = time.monotonic() + WARM_SECONDS
    until = began_at + SECONDS

    def type_away(seed: int) -> None:
        mine = random.Random(seed)  # noqa: S311
        session = requests.Session()
        time.sleep(mine.uniform(0, EVERY))
        while time.monotonic() < until:
            began = time.monotonic()
            query = mine.choice(queries)
            counts = began >= began_at
            try:
                answer = session.get(
                    f"{base}/part/search", params={"q": query},
                    headers={"X-Typing": "1"}, timeout=60,
                )  # fmt: skip
                if counts and answer.status_code != 200:
                    failures.append(f"{answer.status_code} for {query!r}")
            except requests.RequestException as error:
                failures.append(str(error))
            if counts:
                times.append((time.monotonic() - began) * 1000)
            time.sleep(max(0.0, EVERY - (time.monotonic() - began)))

    watched = psutil.Process(process.pid)
    threads = [threading.Thread(target=type_away, args=(seed,)) for seed in range(PEOPLE)]
    for thread in threads:
        thread.start()
    time.sleep(max(0.0, began_at - time.monotonic()))
    before = watched.memory_info().rss
    for thread in threads:
        thread.join()
    after = watched.memory_info().rss
    print(
        f"  {PEOPLE} people for {SECONDS:.0f} s: {len(times):,} answers, {len(failures)} failures"
        f" {failures[:2] or ''}, p50 {statistics.median(times):.0f} ms,"
        f" p95 {statistics.quantiles(times, n=20)[-1]:.0f} ms,"
        f" memory {before / 1e6:.0f} to {after / 1e6:.0f} MB ({after / before - 1:+.1%})"
    )


def prepare(shop: Catalog, rows: int) -> None:
    """So many products, with the index of their vectors."""
    ingest(shop)
    multiply(shop, rows)
    with psycopg.connect(shop.database.dsn, autocommit=True) as conn:
        (space,) = conn.execute(
            "select id from vitrina.spaces where name = 'local-text'"
        ).fetchone() or (0,)
        conn.execute("set maintenance_work_mem = '2GB'")
        conn.execute(
            f"create index if not exists product_embeddings_{space}_hnsw"  # type: ignore[arg-type]
            f" on vitrina.product_embeddings_{space} using hnsw"
            " ((embedding::halfvec(256)) halfvec_cosine_ops) with (ef_construction = 200)"
        )
        conn.execute("vacuum analyze")


def measure(url: str) -> None:
    ready(url)
    with started(serve(url), "vitrina serves") as (process, line, _):
        base = line.split()[2]
        weight(base)
        key_to_paint(base, url)
        people(base, process)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_known_args()[0].rows
    with catalog({"shared_buffers": "3GB", "max_wal_size": "8GB"}) as shop:
        prepare(shop, rows)
        measure(shop.database.dsn)


if __name__ == "__main__":
    main()
