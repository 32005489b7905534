"""Upgrades that race, are killed, or run under load; builds of an index that fail."""

from __future__ import annotations

import signal
import threading
from typing import Any

import psycopg
import requests
from psycopg import sql

from trust.report import Trust
from trust.shop import TOKEN, Shop, reached, running
from vitrina.db import schema
from waiting import HANG, eventually

PRODUCTS = 30
OLDER = "update vitrina.installed set sha256 = 'older' where name = 'sql' returning 1"
# whether a process upgrades: it holds the lock of upgrades
UPGRADES = "select from pg_locks where locktype = 'advisory' and granted and (classid, objid) = (%s, %s) limit 1"


def test_upgrades_at_once(trust: Trust, shop: Shop) -> None:
    """Two at once, of which one may be killed: the other does it, or the next."""
    wanted, kills, broken = trust.times(16, 1), 0, 0
    shop.put(*range(PRODUCTS))
    shop.run("work", "--drain")
    with psycopg.connect(shop.url, autocommit=True) as conn:
        for _ in range(wanted):
            shop.ask(OLDER)
            one, other = (shop.start("db", "upgrade") for _ in range(2))
            if shop.draw.random() < 0.5:
                begun = reached(
                    one, lambda: conn.execute(UPGRADES, schema.LOCK_KEY).fetchone() is not None
                )
                shop.stub.wait(shop.draw.uniform(0, 0.5))
                one.kill()
                kills += begun and one.wait() == -signal.SIGKILL
            else:
                shop.crashed += one.wait(HANG) != 0
            shop.crashed += other.wait(HANG) != 0
            broken += not schema.check(shop.url).current
            broken += shop.unsound()
    found = shop.products()
    found["stale"] += broken + shop.unsound(whole=trust.full)
    trust.row(
        "pairs of upgrades at once", wanted, **found, leaked=shop.leaks(), crashed=shop.crashed,
        besides=f"one of them killed: {kills}",
    )  # fmt: skip


def test_upgrade_under_load(trust: Trust, shop: Shop) -> None:
    """People search, a worker works, a shop changes products; functions are replaced meanwhile."""
    wanted, broken = trust.times(15, 1), 0
    shop.put(*range(PRODUCTS))
    shop.run("work", "--drain")
    over, said = threading.Event(), []
    searched = 0

    def search(ask: Any) -> None:
        nonlocal searched
        while not over.is_set():
            try:
                found = ask()
            except Exception as exc:  # any failure of a search is one
                said.append(repr(exc))
            else:
                searched += 1
                if not found:
                    said.append("nothing was found")

    def by_sql() -> Any:
        with psycopg.connect(shop.url, autocommit=True) as conn:
            for query in ("oak desk", "red lamp"):
                conn.execute("select * from vitrina.count_matches(%s)", [query]).fetchall()
            return conn.execute("select * from vitrina.search('sofa desk lamp', 20)").fetchall()

    with running(worker := shop.work(), page := shop.serve()), requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {TOKEN}"
        base = shop.address(page)

        def by_page() -> Any:
            answer = session.get(f"{base}/api/search?q=sofa+desk+lamp", timeout=HANG)
            answer.raise_for_status()
            return answer.json()["products"]

        threads = [
            threading.Thread(target=search, args=(ask,)) for ask in (by_sql, by_sql, by_page)
        ]
        for thread in threads:
            thread.start()
        try:
            for _ in range(wanted):
                before = searched
                eventually(lambda b=before: searched > b or said)
                shop.ask(OLDER)
                upgrade = shop.start("db", "upgrade")
                while upgrade.poll() is None:
                    shop.change(2)
                    shop.stub.wait(0.05)
                shop.crashed += upgrade.wait() != 0
                broken += not schema.check(shop.url).current
                broken += shop.unsound()
        finally:
            over.set()
            for thread in threads:
                thread.join()
        shop.settle()
        shop.end(worker)
        shop.end(page, (-signal.SIGTERM,))
    for each in dict.fromkeys(said):
        print(f"search: {each}")
    found = shop.products()
    stored, twice = shop.answers()
    found["doubled"] += twice + (shop.asked - stored)
    found["stale"] += broken + shop.unsound(whole=trust.full)
    trust.row(
        "upgrades under load", wanted, **found, leaked=shop.leaks(),
        crashed=shop.crashed + len(said),
        besides=f"{searched:,} searches, {stored:,} answers meanwhile",
    )  # fmt: skip


PAYS = """
create or replace function vitrina_internal.index_pays(rows float8, dimensions int)
returns boolean language sql immutable return rows > 0
"""
BUILDS = "select p.pid from pg_stat_progress_create_index as p where p.datname = current_database()"
INDEXES = """
select c.relname::text, i.indisvalid from pg_index as i join pg_class as c on c.oid = i.indexrelid
where c.relname ~ '^product_embeddings_\\d+_hnsw' and i.indrelid = %s::regclass
"""


def test_builds_of_an_index_that_fail(trust: Trust, shop: Shop) -> None:
    """An index that is left invalid is dropped, and built again by the next build.

    A build is cancelled, or its connection ended by Postgres, or its process killed.
    """
    wanted, left = trust.times(24, 2), 0
    shop.put(*range(PRODUCTS))
    shop.run("work", "--drain")
    shop.run("spaces", "add", "new", "--model", "other", "--dimensions", "32")
    with psycopg.connect(shop.url, autocommit=True) as conn:
        conn.execute(PAYS)
        row = conn.execute("select 'vitrina.product_embeddings_' || s.id from vitrina.spaces as s"
                           " where s.name = 'new'").fetchone()  # fmt: skip
        assert row is not None
        for _ in range(wanted):
            how = shop.draw.choice(("cancelled", "ended", "killed"))
            with psycopg.connect(shop.url) as rival:
                # a build waits for whoever may still see the table without its index
                rival.execute("set transaction isolation level repeatable read")
                rival.execute("select count(*) from vitrina.products")
                process = shop.start("spaces", "build", "new")
                (pid,) = eventually(lambda: conn.execute(BUILDS).fetchone())
                eventually(lambda: conn.execute(INDEXES, row).fetchall())
                if how == "killed":
                    process.kill()
                stop = "pg_cancel_backend" if how == "cancelled" else "pg_terminate_backend"
                conn.execute(sql.SQL("select {}(%s)").format(sql.Identifier(stop)), [pid])
                code = process.wait(HANG)
                shop.crashed += code != (-signal.SIGKILL if how == "killed" else 1)
                eventually(lambda: not conn.execute(BUILDS).fetchall())
            left += [valid for _, valid in conn.execute(INDEXES, row).fetchall()] == [False]
            shop.run("spaces", "build", "new")
            built = conn.execute(INDEXES, row).fetchall()
            shop.crashed += [valid for _, valid in built] != [True]
            for name, _ in built:
                conn.execute(sql.SQL("drop index vitrina.{}").format(sql.Identifier(name)))
        shop.ask(OLDER)
        shop.run("db", "upgrade")
    found = shop.products()
    found["stale"] += shop.unsound(whole=trust.full)
    assert left > 0, "no index was left invalid"
    trust.row(
        "builds of an index that failed", wanted, **found, leaked=shop.leaks(),
        crashed=shop.crashed, besides=f"{left} left it invalid; the next build mended it",
    )  # fmt: skip
