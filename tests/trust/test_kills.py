"""Processes that are killed at any moment: nothing is lost or doubled, and nothing is paid twice.

Each kill waits for an event that the seed chose: the n-th call of the endpoint, the n-th stored row.
"""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import requests

from trust.nursery import PRICED, Child
from trust.report import Trust
from trust.shop import CONCURRENCY, DUE, LEFT, STORED, TOKEN, Shop, reached, running
from waiting import HANG

PRODUCTS = 40
ROWS = 1_500  # three batches of a file


def kill(shop: Shop, process: Child, there: Callable[[], bool]) -> bool:
    """Kill a process a little after a moment; whether it had not ended by itself."""
    if not reached(process, there):
        return False
    shop.stub.wait(shop.draw.uniform(0, 0.04))
    process.kill()
    return process.wait() == -signal.SIGKILL


def moment(shop: Shop, conn: psycopg.Connection) -> Callable[[], bool]:
    """When to kill: some calls, or some stored answers, from now on."""
    kind = shop.draw.choice(("chat", "chat", "embeddings", "stored"))
    if kind == "stored":
        wanted = count(conn, STORED) + shop.draw.randint(1, 16)
        return lambda: count(conn, STORED) >= wanted
    wanted = shop.stub.calls[kind] + shop.draw.randint(1, 24 if kind == "chat" else 3)
    return lambda: shop.stub.calls[kind] >= wanted


def count(conn: psycopg.Connection, query: str) -> int:
    row = conn.execute(query).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return int(row[0])


def finish(trust: Trust, shop: Shop, what: str, kills: int, broken: int, at_most: int) -> None:
    """The row of what was killed while it asked a model; `at_most` answers may be lost in flight."""
    found = shop.products()
    stored, twice = shop.answers()
    again = shop.asked - stored
    found["doubled"] += twice + max(0, again - at_most)
    found["stale"] += broken + shop.unsound(whole=trust.full)
    trust.row(
        what, kills, **found, leaked=shop.leaks(), crashed=shop.crashed,
        besides=f"{stored:,} answers, {again} in flight asked again",
    )  # fmt: skip


def test_kills_of_workers(trust: Trust, shop: Shop, tmp_path: Path) -> None:
    wanted, workers = trust.times(140, 3), 2
    kills = broken = 0
    with psycopg.connect(shop.url, autocommit=True) as conn:
        shop.put(*range(PRODUCTS))
        with running(*(shop.work() for _ in range(workers))) as at_work:
            while kills < wanted:
                if count(conn, DUE) < PRODUCTS // 4:
                    shop.change(PRODUCTS // 2)
                victim, there = shop.draw.randrange(workers), moment(shop, conn)
                # without a job it would wait for ever
                kills += kill(shop, at_work[victim], lambda t=there: t() or not count(conn, DUE))
                at_work[victim] = shop.work()
                shop.change()
                broken += shop.unsound()
            shop.settle()
            for process in at_work:
                shop.end(process)
        finish(
            trust, shop, f"kills of `work`, {workers} at once", kills, broken, kills * CONCURRENCY
        )


SPENT = "select coalesce(sum(g.cost), 0) from vitrina.generations as g"


def test_kills_within_a_budget(trust: Trust, shop: Shop) -> None:
    """Whatever ends workers, a budget is exceeded by what they were asking about at most."""
    rounds, workers, all_of_it = trust.times(20, 1), 2, 0.006  # USD that a round takes
    shop.environment[PRICED] = "yes"
    kills = beyond = reached_it = 0
    with psycopg.connect(shop.url, autocommit=True) as conn:
        for _ in range(rounds):
            shop.put(*range(PRODUCTS))
            budget = float(shop.ask(SPENT)) + shop.draw.uniform(0.1, 0.6) * all_of_it
            shop.ask("select vitrina.set_budget(%s::numeric)", budget)
            with running(*(shop.work("--drain") for _ in range(workers))) as at_work:
                kills += kill(shop, at_work[0], moment(shop, conn))
                at_work.append(shop.work("--drain"))
                codes = {process.wait(HANG) for process in at_work}
            over = float(shop.ask(SPENT)) - budget
            call = float(shop.ask("select max(g.cost) from vitrina.generations as g"))
            reached_it += 3 in codes
            shop.crashed += not codes <= {0, 3, -signal.SIGKILL}
            # two calls a product at once, of as many workers as ran at once
            beyond += over > 2 * CONCURRENCY * workers * call
            beyond += over < 0 and bool(shop.ask(DUE))  # it was not spent, and work is left
        shop.ask("select vitrina.set_budget(null)")
        shop.retry("work", "--drain")
        found, (stored, twice) = shop.products(), shop.answers()
    found["doubled"] += twice + beyond + max(0, shop.asked - stored - kills * 2 * CONCURRENCY)
    trust.row(
        "budgets, a worker killed on the way", rounds, **found, leaked=shop.leaks(),
        crashed=shop.crashed, besides=f"{reached_it} were spent, {kills} kills, {stored:,} answers",
    )  # fmt: skip


def write(file: Path, rows: dict[str, str]) -> None:
    file.write_text("".join(json.dumps({"id": n, "title": t}) + "\n" for n, t in rows.items()))


def test_kills_of_ingest(trust: Trust, shop: Shop, tmp_path: Path) -> None:
    """A file comes in, and models are asked about it."""
    wanted, file = trust.times(50, 2), tmp_path / "shop.jsonl"
    kills = broken = 0
    ingest = ("ingest", str(file), "--source", "work", "--concurrency", str(CONCURRENCY))
    with psycopg.connect(shop.url, autocommit=True) as conn:
        while kills < wanted:
            shop.titles |= {str(n): shop.title() for n in range(PRODUCTS // 2)}
            write(file, shop.titles)
            kills += kill(shop, shop.start(*ingest), moment(shop, conn))
            broken += shop.unsound()
        shop.run(*ingest)
        shop.retry(*ingest)
        finish(trust, shop, "kills of `ingest`", kills, broken, kills * CONCURRENCY)


def test_kills_of_loading(trust: Trust, shop: Shop, tmp_path: Path) -> None:
    """A longer file comes in, to be worked on later."""
    wanted, file = trust.times(30, 1), tmp_path / "shop.jsonl"
    kills = broken = 0
    load = ("ingest", str(file), "--source", "work", "--no-enrich")
    with psycopg.connect(shop.url, autocommit=True) as conn:
        edition = 0
        while kills < wanted:
            edition += 1
            rows = {str(n): f"Oak table {n}, edition {edition}" for n in range(ROWS)}
            write(file, rows)
            query = f"select count(*) from vitrina.products where title like '%edition {edition}'"
            most = shop.draw.randrange(ROWS)
            kills += kill(shop, shop.start(*load), lambda q=query, m=most: count(conn, q) > m)
            broken += shop.unsound()
        shop.run(*load)
        found = conn.execute("select p.external_id, p.title from vitrina.products as p").fetchall()
        trust.row(
            "kills of `ingest --no-enrich`", kills, lost=len(set(rows.items()) - set(found)),
            doubled=len(found) - len(set(found)), stale=len(set(found) - set(rows.items())) + broken,
            leaked=shop.leaks(), crashed=shop.crashed, besides=f"{ROWS:,} rows a file",
        )  # fmt: skip


GRADES = "select count(*) from vitrina.judgements where query = %s"


def test_kills_of_serve(trust: Trust, shop: Shop, tmp_path: Path) -> None:
    """People judge products on the page, and others search: what it said is kept is kept."""
    wanted, people = trust.times(25, 1), 3
    kills = broken = 0
    kept: list[str] = []
    asked = 0
    with psycopg.connect(shop.url, autocommit=True) as conn:
        shop.put(*range(PRODUCTS // 4))
        shop.run("work", "--drain")
        product = str(count(conn, "select min(id) from vitrina.products"))
        while kills < wanted:
            process = shop.serve("--edit")
            with running(process):
                base = shop.address(process)
                most = len(kept) + shop.draw.randint(1, 40)

                def judge(person: int, base: str = base, round: int = kills) -> None:
                    nonlocal asked
                    with suppress(requests.RequestException), requests.Session() as session:
                        session.trust_env = False
                        session.headers["Authorization"] = f"Bearer {TOKEN}"
                        while True:
                            asked += 1
                            query = f"sofa {round} {person} {asked}"
                            given = {"query": query, "product": product, "grade": "2"}
                            answer = session.post(
                                f"{base}/evaluate/grade", data=given, timeout=HANG,
                                allow_redirects=False,
                            )  # fmt: skip
                            found = session.get(f"{base}/api/search?q=sofa", timeout=HANG)
                            if answer.status_code >= 400 or found.status_code != 200:
                                print(f"refused: {answer.text[:200]} {found.text[:200]}")
                                shop.crashed += 1
                                return
                            kept.append(query)

                threads = [threading.Thread(target=judge, args=(n,)) for n in range(people)]
                for thread in threads:
                    thread.start()
                kills += kill(shop, process, lambda m=most: len(kept) >= m)
                for thread in threads:
                    thread.join()
            broken += shop.unsound()
        lost = sum(count_of(conn, query) == 0 for query in kept)
        shop.settle()
        found = shop.products()
        found["lost"] += lost
        found["stale"] += broken + shop.unsound(whole=trust.full)
        trust.row(
            "kills of `serve`", kills, **found, leaked=shop.leaks(), crashed=shop.crashed,
            besides=f"{len(kept):,} judgements that it said are kept",
        )  # fmt: skip


def count_of(conn: psycopg.Connection, query: str) -> int:
    row = conn.execute(GRADES, [query]).fetchone()
    assert row is not None
    return int(row[0])


def test_kills_of_batches(trust: Trust, shop: Shop, tmp_path: Path) -> None:
    """Batches are submitted and collected; each request is in one batch only."""
    wanted = trust.times(55, 2)
    kills = broken = 0
    submit, collect = ("work", "--batch"), ("batch", "collect")
    with psycopg.connect(shop.url, autocommit=True) as conn:
        shop.put(*range(6))
        while kills < wanted:
            if not count(conn, DUE):
                shop.change(4)
            process = shop.start(*shop.draw.choice((submit, collect)))
            calls = sum(shop.stub.calls.values()) + shop.draw.randint(1, 6)
            kills += kill(shop, process, lambda c=calls: sum(shop.stub.calls.values()) >= c)
            broken += shop.unsound()
        while count(conn, LEFT):
            shop.run(*submit)
            shop.run(*collect)
        found = shop.products()
        asked = Counter(
            json.loads(line)["custom_id"].rpartition(":")[0]
            for batch in shop.stub._batches.values()
            for line in shop.stub.files[batch.input_file_id].splitlines()
        )
        stored, twice = shop.answers()
        found["doubled"] += twice + sum(asked.values()) - len(asked)
        found["lost"] += len(asked) - stored
        found["stale"] += broken + shop.unsound(whole=trust.full)
        trust.row(
            "kills of `work --batch` and `batch collect`", kills, **found,
            leaked=shop.leaks(), crashed=shop.crashed + shop.asked,
            besides=f"{stored:,} answers in {len(shop.stub._batches):,} batches",
        )  # fmt: skip
