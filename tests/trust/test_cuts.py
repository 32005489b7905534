"""Connections that are cut off, an endpoint that flaps, and rivals who lock what a worker needs."""

from __future__ import annotations

import random
import threading
from collections import Counter

import psycopg
from psycopg import sql

from openai_stub import OpenAIStub, Request
from trust.proxy import Proxy
from trust.report import Trust
from trust.shop import CONCURRENCY, LEFT, Shop, running
from waiting import HANG, eventually

PRODUCTS = 30


def test_cut_connections(trust: Trust, shop: Shop) -> None:
    """Postgres is behind a proxy that cuts connections off, also between a commit and its answer."""
    wanted, broken = trust.times(120, 4), 0
    shop.put(*range(PRODUCTS))
    with Proxy(shop.url, trust.draw) as proxy:
        shop.through = proxy.url(shop.url)
        with running(*(shop.work() for _ in range(2))) as at_work:
            while proxy.total < wanted:
                proxy.begin(min(4, wanted - proxy.total))

                def cut() -> bool:
                    if not shop.ask(LEFT):
                        shop.change(PRODUCTS // 2)
                    return proxy.ended

                eventually(cut, shop.tail)
                broken += shop.unsound()
            shop.settle()
            for process in at_work:
                shop.end(process)
        cuts = dict(proxy.cuts)
    found = shop.products()
    stored, twice = shop.answers()
    found["doubled"] += twice + (shop.asked - stored)
    found["stale"] += broken + shop.unsound(whole=trust.full)
    trust.row(
        "connections to Postgres that were cut", sum(cuts.values()), **found, leaked=shop.leaks(),
        crashed=shop.crashed,
        besides=f"{cuts['commit']} after a commit; {stored:,} answers, each asked once",
    )  # fmt: skip


PASSING = ("429-after", "500", "503", "html-502", "reset", "reset-mid-body", "hang", "empty-body")


class Plan:
    """What becomes of each request of an endpoint that flaps: a fault, or none, as a seed draws."""

    def __init__(self, stub: OpenAIStub, draw: random.Random) -> None:
        self.failed: Counter[str] = Counter()
        self._draw, self._drawn = draw, (None, "")
        for route in ("chat", "embeddings"):
            for kind in PASSING:
                stub.fault(
                    route, kind, times=None, match=lambda request, k=kind: self._fails(request, k),
                    seconds=2.0 if kind == "hang" else 0.05,
                )  # fmt: skip

    def _fails(self, request: Request, kind: str) -> bool:
        if self._drawn[0] is not request:  # the first fault that is asked about draws for all
            fails = self._draw.random() < 0.25
            self._drawn = (request, self._draw.choice(PASSING) if fails else "")
        if self._drawn[1] != kind:
            return False
        self.failed[request.route] += 1
        return True


def test_a_flapping_endpoint(trust: Trust, shop: Shop) -> None:
    """A quarter of all requests fails in one of eight ways that pass."""
    wanted, broken = trust.times(400, 12), 0
    shop.stub.latency = 0.0
    plan = Plan(shop.stub, trust.draw)
    shop.put(*range(PRODUCTS))
    while sum(plan.failed.values()) < wanted:
        if not shop.ask(LEFT):
            shop.change(PRODUCTS // 2)
        # a run may end where several in a row failed for the same reason
        shop.run("work", "--drain", "--concurrency", str(CONCURRENCY), codes=(0, 1),
                 VITRINA_TIMEOUT="4")  # fmt: skip
        shop.ask("select vitrina.make_due(array_agg(j.product_id)) from vitrina.jobs as j")
        broken += shop.unsound()
    shop.stub.clear_faults()
    shop.retry("work", "--drain")
    found = shop.products()
    stored, twice = shop.answers()
    answered = shop.asked - plan.failed["chat"]
    found["doubled"] += twice + max(0, answered - stored)
    found["lost"] += max(0, stored - answered)
    found["stale"] += broken + shop.unsound(whole=trust.full)
    trust.row(
        "faults of an endpoint that flaps", sum(plan.failed.values()), **found,
        leaked=shop.leaks(), crashed=shop.crashed,
        besides=f"{stored:,} answers for {answered:,} calls that were answered",
    )  # fmt: skip


class Rival:
    """A session that locks products and jobs in an order of its own, again and again."""

    def __init__(self, url: str, draw: random.Random) -> None:
        self.url, self.draw = url, draw
        self.transactions = self.ended = 0  # ended: by Postgres, for a deadlock
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as conn:
            while not self.over.is_set():
                rows = conn.execute("select p.id from vitrina.products as p").fetchall()
                ids = self.draw.sample([row[0] for row in rows], 6)
                try:
                    with conn.transaction():
                        for number in ids:
                            table = self.draw.choice(("products", "jobs"))
                            key = "id" if table == "products" else "product_id"
                            query = sql.SQL("select from vitrina.{} where {} = %s for update")
                            where = (sql.Identifier(table), sql.Identifier(key))
                            conn.execute(query.format(*where), [number])
                            self.over.wait(0.01)
                    self.transactions += 1
                except psycopg.errors.DeadlockDetected:
                    self.ended += 1


def test_deadlocks(trust: Trust, shop: Shop) -> None:
    """A rival locks rows in any order; Postgres ends it, or the worker, which begins anew."""
    wanted, broken = trust.times(60, 2), 0
    shop.stub.latency = 0.0
    name = psycopg.conninfo.conninfo_to_dict(shop.url)["dbname"]
    with psycopg.connect(shop.url, autocommit=True) as conn:
        quick = sql.SQL("alter database {} set deadlock_timeout = '10ms'")
        conn.execute(quick.format(sql.Identifier(str(name))))
    shop.put(*range(PRODUCTS))
    rivals = [Rival(shop.url, random.Random(trust.draw.random())) for _ in range(2)]  # noqa: S311
    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    with running(*(shop.work() for _ in range(2))) as at_work:
        for rival in rivals:
            rival.thread.start()

        def theirs() -> int:
            """Deadlocks that ended the work of others than the rivals."""
            if not shop.ask(LEFT):
                shop.change(PRODUCTS // 2)
            return int(shop.ask(deadlocks)) - sum(rival.ended for rival in rivals)

        try:
            eventually(lambda: theirs() >= wanted, shop.tail)
        finally:
            for rival in rivals:
                rival.over.set()
                rival.thread.join()
        broken += shop.unsound()
        many = theirs()
        shop.settle()
        for process in at_work:
            shop.end(process)
    found = shop.products()
    stored, twice = shop.answers()
    found["doubled"] += twice + (shop.asked - stored)
    found["stale"] += broken + shop.unsound(whole=trust.full)
    trust.row(
        "deadlocks that ended a worker's transaction", many, **found, leaked=shop.leaks(),
        crashed=shop.crashed,
        besides=f"{sum(rival.ended for rival in rivals)} ended a rival; {stored:,} answers",
    )  # fmt: skip


def test_serialization_failures(trust: Trust, shop: Shop) -> None:
    """The database's own default is a stricter isolation, and a rival changes what workers read."""
    rounds, failed = trust.times(10, 1), 0
    shop.stub.latency = 0.0
    name = str(psycopg.conninfo.conninfo_to_dict(shop.url)["dbname"])
    with psycopg.connect(shop.url, autocommit=True) as conn:
        strict = sql.SQL("alter database {} set default_transaction_isolation = serializable")
        conn.execute(strict.format(sql.Identifier(name)))
    shop.put(*range(PRODUCTS))
    over = threading.Event()

    def rival() -> None:
        nonlocal failed
        with psycopg.connect(shop.url, autocommit=True) as conn:
            while not over.is_set():
                try:
                    conn.execute("update vitrina.products set url = 'https://shop.example/'"
                                 " || (random() * 1000)::int where id % 3 = (random() * 3)::int")  # fmt: skip
                except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected):
                    failed += 1
                over.wait(0.01)

    thread = threading.Thread(target=rival)
    thread.start()
    try:
        for _ in range(rounds):
            shop.change(PRODUCTS // 2)
            with running(*(shop.work("--drain") for _ in range(2))) as at_work:
                for process in at_work:
                    code = process.wait(HANG)
                    if code:
                        print(f"a worker ended with {code}: {shop.tail()}")
                        shop.crashed += 1
    finally:
        over.set()
        thread.join()
    shop.retry("work", "--drain")
    found = shop.products()
    stored, twice = shop.answers()
    found["doubled"] += twice + (shop.asked - stored)
    found["stale"] += shop.unsound(whole=trust.full)
    trust.row(
        "runs of 2 workers where serializable is the default", rounds, **found, leaked=shop.leaks(),
        crashed=shop.crashed, besides=f"{failed} transactions of a rival failed; {stored:,} answers",
    )  # fmt: skip
