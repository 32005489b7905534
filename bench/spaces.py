"""A new space, built and activated while searches run: searches a second, latency against before.

Synthetic products around cluster centres; the new space's vectors come from an endpoint in another
process that answers after 50 ms. Every result must be full, and no search may fail; that each is of
one space is a test (tests/service/test_spaces.py).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psycopg

from bench.setup import catalog
from vitrina.catalog import Catalog

PRODUCTS, CONNECTIONS, LATENCY, DIMENSIONS = 20_000, 3, 0.05, 512
TESTS = Path(__file__).parents[1] / "tests"
STUB = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from openai_stub import OpenAIStub
with OpenAIStub(latency={LATENCY}, dimensions={DIMENSIONS}) as stub:
    print(stub.url, flush=True)
    sys.stdin.read()
"""
WORDS = ("red", "black", "oak", "metal", "round", "small", "sofa", "desk", "lamp", "shelf", "rug")


@contextmanager
def endpoint() -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-c", STUB], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    os.environ["OPENAI_BASE_URL"] = process.stdout.readline().strip()
    try:
        yield
    finally:
        del os.environ["OPENAI_BASE_URL"]
        process.stdin.close()
        process.stdout.close()
        process.wait()


def fill(url: str) -> None:
    """Enriched products of three words each, with local vectors around a few hundred centres."""
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((300, 256))
    with psycopg.connect(url) as conn:
        conn.execute("set search_path = vitrina, public")
        conn.execute("select put_source('bench')")
        with conn.cursor().copy(
            "copy products (source_id, external_id, title, caption, keywords, input_hash,"
            " enriched_at) from stdin"
        ) as copy:
            for number in range(PRODUCTS):
                said = " ".join(rng.choice(WORDS, 3, replace=False))
                title = f"{said} {number}"
                copy.write_row((1, str(number), title, f"{title}.", "{}", "\\x00", "2026-01-01"))
        vectors = centres[rng.integers(300, size=PRODUCTS)]
        vectors += 0.5 * rng.standard_normal((PRODUCTS, 256))
        with conn.cursor().copy("copy product_embeddings from stdin") as copy:
            for number, vector in enumerate(vectors, 1):
                numbers = ",".join(f"{value:.4f}" for value in vector)
                copy.write_row((1, number, f"\\x{number:08x}", f"[{numbers}]"))
        conn.execute("select vitrina_internal.refresh_text(array(select id from products))")
        conn.commit()
        conn.autocommit = True
        conn.execute("vacuum analyze")


class Load:
    """Connections that search without a pause: when, how long, and what came back."""

    def __init__(self, url: str) -> None:
        self.times: list[tuple[float, float]] = []
        self.bad: list[str] = []
        self._url = url
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(CONNECTIONS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        with psycopg.connect(self._url, autocommit=True) as conn:
            conn.execute("set role vitrina_reader")
            while not self._stop.is_set():
                number += 1
                started = time.perf_counter()
                try:
                    rows = conn.execute(
                        "select s.similarity from vitrina.similar_products(%s, 10) as s",
                        [1 + number * 7919 % PRODUCTS],
                    ).fetchall()
                except psycopg.Error as exc:
                    self.bad.append(str(exc))
                    continue
                self.times.append((started, time.perf_counter() - started))
                if len(rows) != 10:
                    self.bad.append(f"{len(rows)} of 10 products")

    def between(self, start: float, end: float) -> list[float]:
        return [1000 * took for begun, took in self.times if start <= begun < end]


def measured(shop: Catalog, load: Load) -> None:
    steps = {"before": time.perf_counter()}
    time.sleep(10)
    shop.spaces.add("new", model="m")
    steps["filling"] = time.perf_counter()
    phases: list[float] = []

    def progress(what: str, done: int, of: int) -> None:
        if what != "products" and not phases:
            phases.append(time.perf_counter())

    shop.spaces.build("new", progress=progress)
    built = time.perf_counter()
    steps["indexing"] = phases[0] if phases else built
    steps["built, not used"] = built
    time.sleep(5)
    shop.spaces.activate("new")
    steps["activated"] = time.perf_counter()
    time.sleep(10)
    shop.spaces.activate("local-text")
    steps["gone back"] = time.perf_counter()
    time.sleep(5)
    end = time.perf_counter()
    first = statistics.median(load.between(steps["before"], steps["filling"]))
    names = list(steps)
    for name, until in zip(names, [*list(steps.values())[1:], end], strict=True):
        took = load.between(steps[name], until)
        seconds = until - steps[name]
        if not took:
            continue
        p50, p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
        print(
            f"  {name:<16} {seconds:6.1f} s {len(took) / seconds:7.0f} searches/s"
            f"  p50 {p50:6.1f} ms {p50 / first:5.2f}x  p95 {p95:6.1f}  longest {max(took):6.1f}"
        )


def main() -> None:
    with catalog() as shop, endpoint():
        fill(shop.database.dsn)
        shop.database.value("select vitrina.index_spaces()")
        with Load(shop.database.dsn) as load:
            measured(shop, load)
        print(
            f"  {PRODUCTS:,} products, {CONNECTIONS} connections, {len(load.times):,} searches,"
            f" {len(load.bad)} failed or not full"
        )
        if load.bad:
            raise SystemExit(f"failed: {load.bad[0]}")


if __name__ == "__main__":
    main()
