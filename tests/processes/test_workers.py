"""Workers that follow a shop, and what they are told to stop by."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable

import psycopg
import pytest
from click.testing import Result

from openai_stub import OpenAIStub
from vitrina.catalog import Catalog
from vitrina.errors import NotFoundError
from vitrina.settings import Settings
from waiting import HANG, eventually
from workers import workers


def test_a_worker_follows_the_shop_until_it_is_told_to_stop(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("create table product (id int primary key, title text)")
        conn.execute("select vitrina.attach_table('product', 'title')")

        def until(query: str, wanted: object) -> None:
            eventually(lambda: conn.execute(query).fetchone() == (wanted,), query)

        with workers(database_url) as start:
            process = start()
            conn.execute("insert into product values (1, 'Oak table')")
            until("select count(*) from vitrina.products where enriched_at is not null", 1)
            conn.execute("update product set title = 'Brass lamp'")
            until("select title from vitrina.search('lamp') where caption ~* 'lamp'", "Brass lamp")
            process.send_signal(signal.SIGTERM)
            _, told = process.communicate(timeout=HANG)
        assert process.returncode == 0, told
        assert "2 products enriched" in told


def test_a_broken_source_is_named_once_and_the_others_are_worked_on(
    catalog: Catalog, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("create table product (id int primary key, title text)")
        conn.execute("create table good as select 1 as id, 'Oak table' as title")
        catalog.sources.attach("product", title="title")
        catalog.sources.attach("good", title="title", id=["id"])
        conn.execute("alter table product rename column title to name")
    said: list[str] = []
    with Catalog(settings=Settings(database_url=database_url), notice=said.append) as other:
        totals = other.work()
    assert totals.products == 1
    problems = [line for line in said if line.startswith("source")]
    assert len(problems) == 1
    assert 'source product: column "title" does not exist' in problems[0]


def test_sigterm_finishes_what_is_paid_for(database_url: str) -> None:
    rows = [{"external_id": str(i), "title": f"Sofa {i}"} for i in range(40)]
    with psycopg.connect(database_url, autocommit=True) as conn, OpenAIStub(
        dimensions=64, latency={"chat": 0.2}
    ) as stub:  # fmt: skip
        conn.execute("set search_path = vitrina, public")
        conn.execute("select put_source('shop')")
        conn.execute("select put_products('shop', %s)", (json.dumps(rows),))
        os.environ.update(OPENAI_BASE_URL=stub.url, VITRINA_DIMENSIONS="64")
        try:
            with workers(database_url, "--concurrency", "4") as start:
                process = start()
                eventually(lambda: stub.calls["chat"] >= 12 or process.poll() is not None)
                process.send_signal(signal.SIGTERM)
                _, told = process.communicate(timeout=HANG)
        finally:
            del os.environ["OPENAI_BASE_URL"], os.environ["VITRINA_DIMENSIONS"]
        assert process.returncode == 0, told
        stored = conn.execute("select count(*) from generations where stage <> 'embed'").fetchone()
        assert stored == (stub.calls["chat"],), "an answer that is paid for is not stored"
        assert conn.execute("select count(*) from jobs where state = 'leased'").fetchone() == (0,)
        left = conn.execute("select count(*), max(attempts) from jobs").fetchone()
        assert left is not None
        assert 0 < left[0] < 40
        assert left[1] == 0, "what was not begun is not charged"


def test_dead_letters_keep_reason_and_reply_and_can_be_retried_or_dropped(
    catalog: Catalog, database_url: str, vitrina: Callable[..., Result]
) -> None:
    catalog.database.value("select vitrina.put_source('shop')")
    rows = [{"external_id": str(i), "title": f"Sofa {i}"} for i in range(3)]
    catalog.database.rows("select * from vitrina.put_products('shop', %s)", (json.dumps(rows),))
    catalog.database.rows("select * from vitrina.claim_jobs('w', 3)")
    ids = [row.product_id for row in catalog.jobs.list(states=["leased"])]
    catalog.database.value(
        "select vitrina.fail_jobs('w', %s, %s, 1, %s)",
        (ids, ["it refused", "it timed out", "it refused"], ['{"say": "no"}', None, None]),
    )
    listed = vitrina("jobs", "list", "--state", "failed", "--json", url=database_url)
    found = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(row["product_id"], row["error"], row["reply"]) for row in found] == [
        (ids[0], "it refused", '{"say": "no"}'),
        (ids[1], "it timed out", None),
        (ids[2], "it refused", None),
    ]
    assert vitrina("jobs", "retry", "--matching", "%timed%", url=database_url).exit_code == 0
    (again,) = catalog.jobs.list(states=["queued"])
    assert (again.product_id, again.attempts, again.error) == (ids[1], 0, None)
    assert "1 job dropped" in vitrina("jobs", "drop", "0", url=database_url).stderr
    with pytest.raises(NotFoundError, match="source 'shpo' not found; nearest: shop"):
        catalog.jobs.drop(sources=["shpo"])
    assert catalog.jobs.retry(product_ids=[ids[2]]) == 1
    assert len(catalog.jobs.list()) == 2


def test_a_hint_wakes_a_waiting_worker(database_url: str) -> None:
    from vitrina.db.connection import Listener

    listener = Listener(database_url, "vitrina_jobs")
    stop = threading.Event()
    try:
        assert not listener.wait(0.01, stop)
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute("select vitrina.put_source('shop')")
            conn.execute(
                'select vitrina.put_products(\'shop\', \'[{"external_id": "1", "title": "Sofa"}]\')'
            )
        assert listener.wait(HANG, stop)
    finally:
        listener.close()
