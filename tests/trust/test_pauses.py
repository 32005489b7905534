"""Workers that stop past their leases and go on, and workers whose clocks step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from trust.report import Trust
from trust.shop import CONCURRENCY, DUE, Shop, reached, running
from waiting import HANG, eventually

PRODUCTS = 30
LEASE = "1"  # second, the shortest
HELD: LiteralString = """
select count(*) from vitrina.jobs as j join vitrina.workers as w on w.id = j.worker
where j.state = 'leased' and w.pid = %s
"""
ALIVE: LiteralString = f"{HELD} and j.lease_until > now()"
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)

STEP = """
import pathlib, sys, time
wall, steady = time.time(), time.monotonic()
pathlib.Path(sys.argv[1]).write_text("+86400")
print(round((time.time() - wall) / 100) * 100, round((time.monotonic() - steady) / 100))
"""


def held(conn: psycopg.Connection, pid: int, query: LiteralString = HELD) -> int:
    row = conn.execute(query, [pid]).fetchone()
    assert row is not None
    return int(row[0])


def test_pauses_past_the_lease(trust: Trust, shop: Shop) -> None:
    """A worker is stopped with products in hand, they change, another takes them, it goes on."""
    wanted, workers = trust.times(60, 2), 2
    pauses = broken = taken = 0
    shop.stub.latency = {"chat": 0.05}
    shop.put(*range(PRODUCTS))
    with (
        psycopg.connect(shop.url, autocommit=True) as conn,
        running(*(shop.work(VITRINA_LEASE=LEASE) for _ in range(workers))) as at_work,
    ):
        while pauses < wanted:
            if int(shop.ask(DUE)) < PRODUCTS // 2:
                shop.change(PRODUCTS // 2)
            victim = shop.draw.choice(at_work)
            calls = shop.asked + shop.draw.randint(1, 20)
            assert reached(victim, lambda c=calls: shop.asked >= c or not shop.ask(DUE)), (
                shop.tail()
            )
            victim.send_signal(signal.SIGSTOP)
            mine = held(conn, victim.pid)
            shop.change(PRODUCTS // 3)
            eventually(lambda v=victim: not held(conn, v.pid, ALIVE))
            if mine and shop.draw.random() < 0.7:  # until the other one has all that it held
                eventually(lambda v=victim: not held(conn, v.pid))
                taken += mine
            pauses += mine > 0
            broken += shop.unsound()
            victim.send_signal(signal.SIGCONT)
        shop.settle()
        for process in at_work:
            shop.end(process)
    found = shop.products()
    stored, twice = shop.answers()
    # what it was asking about when it stopped, in two calls a product, the other one may ask too,
    # and both may be at the third, which needs the second's answer, when it goes on
    again = shop.asked - stored
    found["doubled"] += twice + max(0, again - 3 * CONCURRENCY * pauses)
    found["stale"] += broken + shop.unsound(whole=trust.full)
    trust.row(
        "pauses of `work` past its lease", pauses, **found, leaked=shop.leaks(),
        crashed=shop.crashed, besides=f"{taken:,} products taken over, {again:,} calls twice",
    )  # fmt: skip


@pytest.mark.skipif(FAKETIME is None, reason="no libfaketime here: no clock steps")
def test_clock_steps(trust: Trust, shop: Shop, tmp_path: Path) -> None:
    """A worker's clock steps by hours, both ways: leases are judged by the database's clock."""
    wanted = trust.times(20, 2)
    clock, steps, broken = tmp_path / "clock", 0, 0
    clock.write_text("+0\n")
    shop.stub.latency = {"chat": 0.05}
    shop.put(*range(PRODUCTS))
    stepping = {
        "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    told = subprocess.run(
        [sys.executable, "-c", STEP, str(clock)], env={**os.environ, **stepping},
        capture_output=True, text=True,
    )  # fmt: skip
    assert told.stdout.split() == ["86400", "0"], "a clock does not step here"
    clock.write_text("+0\n")
    with shop.said.open("ab") as said:
        worker = subprocess.Popen(
            [sys.executable, "-m", "vitrina", "--database-url", shop.url, "work", "--concurrency",
             str(CONCURRENCY)],
            stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
            env={**os.environ, **shop.environment, **stepping},
        )  # fmt: skip
    with (
        psycopg.connect(shop.url, autocommit=True) as conn,
        running(worker, shop.work()) as (stepped, other),
    ):

        def at_work() -> bool:
            if int(shop.ask(DUE)) < PRODUCTS // 2:
                shop.change(PRODUCTS // 2)
            return held(conn, stepped.pid) > 0

        while steps < wanted:
            eventually(at_work)
            hours = shop.draw.choice((-48, -1, 1, 48, 24 * 400))
            clock.write_text(f"{hours * 3600:+d}\n")
            steps += 1
            calls = shop.asked + shop.draw.randint(5, 20)
            eventually(lambda c=calls: shop.asked >= c or not shop.ask(DUE))
            broken += shop.unsound()
        shop.settle()
        ahead = shop.ask("select count(*) from vitrina.products where enriched_at > now()")
        for process in (stepped, other):
            process.send_signal(signal.SIGTERM)
            shop.crashed += process.wait(HANG) != 0
    found = shop.products()
    stored, twice = shop.answers()
    found["doubled"] += twice + (shop.asked - stored)
    found["stale"] += broken + ahead + shop.unsound(whole=trust.full)
    trust.row(
        "steps of a worker's clock", steps, **found, leaked=shop.leaks(), crashed=shop.crashed,
        besides=f"{stored:,} answers, each asked once",
    )  # fmt: skip
