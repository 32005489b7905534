"""Kills, pauses and restarts at random moments: what is lost, doubled, stale, or paid for twice.

Products come in and change while `ingest` and `work` are killed, workers are paused past their
leases, two of one host name work in two pid namespaces, and Postgres is restarted. Then every
product must have what its present title says, once.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench.setup import catalog
from vitrina import embedded

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from openai_stub import OpenAIStub, caption_of

KILLS = int(os.environ.get("VITRINA_BENCH_KILLS", "60"))
RESTARTS = max(KILLS // 3, 1)
ROWS, WORKED, CONCURRENCY, LEASE = 1_500, 300, 4, 1
COLORS = ("Red", "Blue", "Green", "Black", "White", "Brown")
THINGS = ("sofa", "desk", "lamp", "bench", "stool", "shelf", "mirror", "basket")
STUFFS = ("oak", "metal", "steel", "glass", "leather", "cotton", "rattan", "felt")
NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc"]
EDITION = "select count(*) from vitrina.products where title like %s"
LEFT = (
    "select count(*) from vitrina.jobs as j join vitrina.products as p on p.id = j.product_id"
    " join vitrina.sources as s on s.id = p.source_id where s.name = 'work'"
)
OPTIONS = {"fsync": "off"}  # a killed process is not a killed machine


@dataclass
class Shop:
    """A database, an endpoint, and the titles that products have by now."""

    url: str
    stub: OpenAIStub
    draw: random.Random
    titles: dict[str, str] = field(default_factory=dict)

    def ask(self, query: str, *params: Any) -> Any:
        """The first value, however often the database goes away meanwhile."""
        while True:
            try:
                with psycopg.connect(self.url, autocommit=True) as conn:
                    row = conn.execute(query, params or None).fetchone()
                return row[0] if row else None
            except psycopg.OperationalError:
                time.sleep(0.1)

    def put(self, names: list[str]) -> None:
        """Give these products new titles."""
        for name in names:
            words = (self.draw.choice(each) for each in (COLORS, STUFFS, THINGS))
            self.titles[name] = f"{' '.join(words)} {self.draw.randrange(10**6)}"
        rows = [{"external_id": name, "title": self.titles[name]} for name in names]
        self.ask("select inserted from vitrina.put_products('work', %s)", json.dumps(rows))

    def change(self) -> None:
        """Give a few products new titles."""
        self.put(self.draw.sample(sorted(self.titles), 3))

    @property
    def asked(self) -> int:
        """Chat requests that arrived whole."""
        return sum(request.body is not None for request in self.stub.requests("chat"))

    def due(self) -> int:
        """Jobs of the products that are worked on here, less those that were set aside."""
        return int(self.ask(f"{LEFT} and j.state <> 'failed'"))


def start(shop: Shop, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*before, sys.executable, "-m", "vitrina", "--database-url", shop.url, *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "OPENAI_BASE_URL": shop.stub.url, "VITRINA_DIMENSIONS": "64",
             "VITRINA_LEASE": str(LEASE)},
    )  # fmt: skip


def work(shop: Shop, before: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    return start(shop, "work", "--source", "work", "--concurrency", str(CONCURRENCY), before=before)


def reached(process: subprocess.Popen[bytes], there: Callable[[], bool]) -> bool:
    while process.poll() is None:
        if there():
            return True
        time.sleep(0.002)
    return False


def kill_ingest(shop: Shop, file: Path) -> tuple[int, int]:
    """Kill `ingest` while it loads; returns how often, and how many rows are not as in the file."""
    kills = 0
    rows: list[tuple[str, str]] = []
    for number in range(KILLS):
        rows = [(str(i), f"Oak table {i}, edition {number}") for i in range(ROWS)]
        file.write_text("".join(json.dumps({"id": n, "title": t}) + "\n" for n, t in rows))
        process = start(shop, "ingest", str(file), "--source", "file", "--no-enrich")
        wanted = shop.draw.randrange(0, len(rows))
        if reached(process, lambda w=wanted, n=number: shop.ask(EDITION, f"%edition {n}") > w):
            process.kill()
            kills += 1
        process.wait()
    assert start(shop, "ingest", str(file), "--source", "file", "--no-enrich").wait() == 0
    with psycopg.connect(shop.url) as conn:
        found = conn.execute(
            "select p.external_id, p.title from vitrina.products as p"
            " join vitrina.sources as s on s.id = p.source_id where s.name = 'file'"
        ).fetchall()
    return kills, len(set(rows) ^ set(found)) + len(found) - len(set(found))


def kill_workers(shop: Shop) -> tuple[int, int]:
    """Kill or pause a worker again and again; returns how often each."""
    kills = pauses = 0
    with ExitStack() as stack:
        running = [stack.enter_context(ended(work(shop))) for _ in range(2)]
        for number in range(KILLS):
            if shop.due() < WORKED // 4:
                shop.put([str(n) for n in shop.draw.sample(range(WORKED), WORKED // 2)])
            shop.change()
            victim = shop.draw.randrange(2)
            wanted = shop.asked + shop.draw.randrange(5, 50)
            reached(running[victim], lambda w=wanted: shop.asked >= w or not shop.due())
            if number % 3 == 2:
                running[victim].send_signal(signal.SIGSTOP)
                time.sleep(1.5 * LEASE)
                shop.change()
                running[victim].send_signal(signal.SIGCONT)
                pauses += 1
            else:
                running[victim].kill()
                running[victim].wait()
                running[victim] = stack.enter_context(ended(work(shop)))
                kills += 1
        settle(shop)
    return kills, pauses


def two_namespaces(shop: Shop) -> bool:
    """Two workers of one host name; whether this machine allows that."""
    allowed = (
        shutil.which("unshare") is not None
        and not subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode
    )
    before = tuple(NAMESPACE) if allowed else ()
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(ended(work(shop, before)))
        for _ in range(10):
            shop.change()
            time.sleep(0.3)
        settle(shop)
    return allowed


def restart(shop: Shop, data: Path) -> int:
    """Restart Postgres under two workers, fast or at once; returns how often."""
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(ended(work(shop)))
        for _ in range(RESTARTS):
            shop.put([str(n) for n in shop.draw.sample(range(WORKED), WORKED // 8)])
            time.sleep(shop.draw.uniform(0.3, 1.5))
            pid = int((data / "postmaster.pid").read_text().splitlines()[0])
            server = psutil.Process(pid)
            server.send_signal(shop.draw.choice((signal.SIGINT, signal.SIGQUIT)))
            while server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.02)
            embedded.start(data.parents[1], options=OPTIONS)
        settle(shop)
    return RESTARTS


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Stop it in the end, with what it started."""
    try:
        yield process
    finally:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.terminate()
            process.terminate()
        process.wait()


def settle(shop: Shop) -> None:
    """Wait until no job is left; what was set aside for dying too often is tried again."""
    deadline = time.monotonic() + 120
    while shop.ask(LEFT):
        shop.ask("select vitrina.retry_jobs('{work}')")
        assert time.monotonic() < deadline, "jobs are left"
        time.sleep(0.3)


def counts(shop: Shop) -> dict[str, int]:
    """What is wrong by now."""
    with psycopg.connect(shop.url) as conn:
        rows = conn.execute(
            "select p.external_id, p.title, p.caption, p.keywords, e.input_hash is not distinct"
            " from sha256(convert_to(vitrina.embedding_input(p.keywords, p.caption), 'utf8'))"
            " from vitrina.products as p join vitrina.sources as s on s.id = p.source_id"
            " left join (vitrina.product_embeddings as e join vitrina.spaces as x on x.id ="
            " e.space_id and x.modality = 'text' and x.state = 'active') on e.product_id = p.id"
            " where s.name = 'work'"
        ).fetchall()
        answers = conn.execute(
            "select count(*), count(distinct (g.stage, g.input_hash)) from vitrina.generations as g"
            " where g.stage <> 'embed'"
        ).fetchone()
    assert answers is not None
    names = [row[0] for row in rows]
    return {
        "lost": sum(name not in names for name in shop.titles) + sum(not row[2] for row in rows),
        "doubled": len(names) - len(set(names)) + answers[0] - answers[1],
        "stale": sum(
            row[1] != shop.titles[row[0]] or row[2] != caption_of(row[1]) or not row[4]
            for row in rows
        ),
        "repeated": shop.asked - answers[0],
    }


def main() -> None:
    with catalog(OPTIONS) as made, OpenAIStub(dimensions=64, latency={"chat": 0.02}) as stub:
        shop = Shop(made.database.dsn, stub, random.Random(10))  # noqa: S311
        row = made.database.rows("select current_setting('data_directory') as data")
        data = Path(row[0]["data"])
        made.close()
        shop.ask("select vitrina.put_source('work')")
        print(
            f"  {'':<34} {'lost':>6} {'doubled':>8} {'stale':>6} {'asked again':>12} {'seconds':>8}"
        )

        def show(name: str, began: float, wrong: dict[str, int]) -> None:
            print(
                f"  {name:<34} {wrong['lost']:>6} {wrong['doubled']:>8} {wrong['stale']:>6}"
                f" {wrong['repeated']:>12} {time.monotonic() - began:>8.0f}",
                flush=True,
            )

        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            kills, wrong = kill_ingest(shop, Path(folder) / "shop.jsonl")
        show(
            f"{kills} kills of ingest",
            began,
            {"lost": wrong, "doubled": 0, "stale": 0, "repeated": 0},
        )
        shop.put([str(n) for n in range(WORKED)])
        began = time.monotonic()
        kills, pauses = kill_workers(shop)
        found = counts(shop)
        at_most = (kills + pauses) * CONCURRENCY
        show(f"{kills} kills, {pauses} pauses of work", began, found)
        print(f"  in flight at those moments: at most {at_most}")
        before = found["repeated"]
        shop.put([str(n) for n in range(WORKED)])
        began = time.monotonic()
        allowed = two_namespaces(shop)
        found = counts(shop)
        again, before = found["repeated"] - before, found["repeated"]
        name = "2 pid namespaces" if allowed else "2 workers (unshare is not allowed)"
        show(name, began, found | {"repeated": again})
        began = time.monotonic()
        restarts = restart(shop, data)
        found = counts(shop)
        show(
            f"{restarts} restarts of Postgres",
            began,
            found | {"repeated": found["repeated"] - before},
        )


if __name__ == "__main__":
    main()
