"""Enriching through a vision model: products and calls a second, against the notebook's flow.

A stub answers every chat call after 200 ms and every embedding call after 100 ms, from a process of
its own. The peer is the published notebook's flow as it is described: one product after the other,
three chat calls each, one embedding call for each keyword and one for the product.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.setup import catalog, shared
from vitrina.catalog import Catalog
from vitrina.enrich.totals import Totals
from vitrina.files import FileOptions, Mapping
from vitrina.models.base import Subject
from vitrina.pictures.decode import load
from vitrina.pictures.learned import LearnedEmbedder
from vitrina.settings import Settings

CHAT, EMBED = 0.2, 0.1
PRODUCTS, PEER_PRODUCTS, CONCURRENCY = 200, 12, 16
TESTS = Path(__file__).parents[1] / "tests"
STUB = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from openai_stub import OpenAIStub
with OpenAIStub(latency={{"chat": {CHAT}, "embeddings": {EMBED}}}) as stub:
    print(stub.url, flush=True)
    for _ in sys.stdin:
        print(stub.calls["chat"], stub.calls["embeddings"], stub.max_in_flight, flush=True)
"""


@contextmanager
def stub() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", STUB], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    os.environ["OPENAI_BASE_URL"] = process.stdout.readline().strip()
    try:
        yield process
    finally:
        del os.environ["OPENAI_BASE_URL"]
        process.stdin.close()
        process.stdout.close()
        process.wait()


def counted(process: subprocess.Popen[str]) -> tuple[int, int, int]:
    """Chat calls, embedding calls and the most requests at once, so far."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    chat, embeddings, most = process.stdout.readline().split()
    return int(chat), int(embeddings), int(most)


def notebook(rows: list[dict[str, str]], folder: Path) -> float:
    """Seconds for these products, one call after the other."""
    from vitrina.models.openai.provider import OpenAIProvider, OpenAISettings

    started = time.perf_counter()
    with OpenAIProvider(OpenAISettings.from_environment()) as provider:
        for row in rows:
            picture = load(f"{row['id']}.jpg", root=folder / "images")
            subject = Subject(row["productDisplayName"], {}, picture)
            terms = provider.tag(subject).value
            caption = provider.caption(subject.title, provider.describe(subject).value).value
            for term in terms:
                provider.embed([term.term])
            provider.embed([",".join(term.term for term in terms) + "\n" + caption])
    return time.perf_counter() - started


def vitrina(titles: Path, folder: Path, *, one_call: bool) -> tuple[float, float]:
    """Seconds of wall and of this process for all products, from first claim to last finished.

    The index of a new space is built after that, once, and is not in it.
    """
    with catalog() as prepared:
        settings = Settings(
            database_url=prepared.database.dsn, concurrency=CONCURRENCY, one_call=one_call
        )
        with Catalog(settings=settings) as shop:
            images = Mapping(image="{id}.jpg", image_root=folder / "images")
            shop.sources.load(titles, options=FileOptions(images))
            started, processor = time.perf_counter(), time.process_time()
            seconds: list[tuple[float, float]] = []

            def progress(totals: Totals) -> None:
                if totals.products == PRODUCTS and not seconds:
                    wall = time.perf_counter() - started
                    seconds.append((wall, time.process_time() - processor))

            shop.work(progress=progress)
    return seconds[0]


def main() -> None:
    folder = shared("fashion")
    with (folder / "styles.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:PRODUCTS]
    with tempfile.TemporaryDirectory() as temporary, stub() as server:
        titles = Path(temporary) / "titles.csv"
        with titles.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(["id", "title"])
            writer.writerows([row["id"], row["productDisplayName"]] for row in rows)
        notebook(rows[:1], folder)  # imports and connections, for either flow
        LearnedEmbedder().embed(load(f"{rows[0]['id']}.jpg", root=folder / "images"))
        before = counted(server)
        peer = PEER_PRODUCTS / notebook(rows[:PEER_PRODUCTS], folder)
        after = counted(server)
        peer_calls = (sum(after[:2]) - sum(before[:2])) / PEER_PRODUCTS
        print(f"  notebook   {peer:6.2f} products/s, {peer_calls:.1f} calls a product")
        for name, one_call, stages in (("stepwise", False, 3), ("one-call", True, 1)):
            ideal = CONCURRENCY / (stages * CHAT)
            before = counted(server)
            wall, processor = vitrina(titles, folder, one_call=one_call)
            after = counted(server)
            rate = PRODUCTS / wall
            calls = (sum(after[:2]) - sum(before[:2])) / PRODUCTS
            print(
                f"  {name:<10} {rate:6.2f} products/s ({rate / peer:.1f}x the notebook's,"
                f" {rate / ideal:.2f} of the ideal {ideal:.1f}), {calls:.2f} calls a product"
                f" ({peer_calls / calls:.1f}x fewer), {processor / PRODUCTS * 1000:.1f} ms"
                f" of processor a product, {after[2]} requests at once"
            )


if __name__ == "__main__":
    main()
