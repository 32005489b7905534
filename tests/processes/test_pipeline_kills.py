"""Workers that are killed at any moment: nothing is lost, nothing doubled, nothing paid again."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psycopg
from psycopg.types.json import Jsonb

from openai_stub import OpenAIStub, caption_of
from soundness import assert_sound_at
from waiting import HANG, eventually

KILLS = int(os.environ.get("VITRINA_KILLS", "8"))
PRODUCTS = 5 * KILLS
CONCURRENCY = 8
LATENCY = {"chat": 0.02, "embeddings": 0.06}
WORDS = (
    ("Red", "Blue", "Green", "Black", "White", "Brown"),
    ("sofa", "desk", "lamp", "bench", "stool", "shelf", "mirror", "basket"),
    ("oak", "metal", "steel", "glass", "leather", "cotton", "rattan", "felt"),
    ("modern", "industrial", "rustic", "scandinavian", "vintage", "minimalist"),
)


def titles() -> list[str]:
    every = [" ".join(words) for words in itertools.product(*WORDS)]
    return random.Random(1).sample(every, PRODUCTS)  # noqa: S311 - the same in every run


def start(url: str, stub: OpenAIStub) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vitrina", "--database-url", url, "work", "--drain",
         "--concurrency", str(CONCURRENCY)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OPENAI_BASE_URL": stub.url, "VITRINA_DIMENSIONS": "64"},
    )  # fmt: skip


def wait_for(process: subprocess.Popen[str], reached: Callable[[], bool]) -> bool:
    """Whether the worker lived until then."""
    while process.poll() is None:
        if reached():
            return True
        time.sleep(0.001)
    return False


def whole(stub: OpenAIStub) -> int:
    """Chat requests that arrived whole: a kill may cut one off."""
    return sum(request.body is not None for request in stub.requests("chat"))


def stored(url: str) -> int:
    """Answers in the ledger."""
    with psycopg.connect(url) as conn:
        row = conn.execute("select count(*) from vitrina.generations where stage <> 'embed'")
        return int((row.fetchone() or (0,))[0])


def settle(url: str, stub: OpenAIStub) -> None:
    """Wait until all that a killed worker sent has arrived, at the stub and in the database."""
    stub.settle()
    with psycopg.connect(url, autocommit=True) as conn:
        others = (
            "select from pg_stat_activity where datname = current_database() and pid <> %s limit 1"
        )
        eventually(lambda: conn.execute(others, [conn.info.backend_pid]).fetchone() is None)


def moment(stub: OpenAIStub, number: int, draw: random.Random) -> Callable[[], bool]:
    """When to kill: while it asks, or, towards the end, while it stores and embeds."""
    route, most = ("chat", 16) if number < 0.7 * KILLS else ("embeddings", 2)
    wanted = stub.calls[route] + draw.randint(1, most)
    return lambda: stub.calls[route] >= wanted


def test_kills_at_any_moment_lose_nothing_and_pay_nothing_twice(database_url: str) -> None:
    draw = random.Random(7)  # noqa: S311 - the same in every run
    rows = [{"external_id": str(i), "title": title} for i, title in enumerate(titles())]
    with psycopg.connect(database_url) as conn:
        conn.execute("select vitrina.put_source('shop')")
        conn.execute("select vitrina.put_products('shop', %s)", (Jsonb(rows),))
    kills = 0
    lost: list[int] = []
    with OpenAIStub(dimensions=64, latency=LATENCY) as stub:
        for number in range(KILLS):
            process = start(database_url, stub)
            if wait_for(process, moment(stub, number, draw)):
                time.sleep(draw.uniform(0, 0.08))
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.communicate()
            settle(database_url, stub)
            lost.append(whole(stub) - stored(database_url) - sum(lost))
        for _ in range(2):
            last = start(database_url, stub)
            _, told = last.communicate(timeout=HANG)
            assert last.returncode == 0, told
            with psycopg.connect(database_url) as conn:
                # whoever kills so often looks like a product that does
                conn.execute("select vitrina.retry_jobs()")
        calls = whole(stub)
    print(f"{kills} kills, {calls} chat calls for {3 * PRODUCTS} answers; lost at each: {lost}")
    assert kills >= 0.8 * KILLS, "too few were killed at work"
    assert calls == 3 * PRODUCTS + sum(lost), "a call was neither stored nor lost by a kill"
    assert max(lost) <= CONCURRENCY
    with psycopg.connect(database_url) as conn:
        conn.execute("set search_path = vitrina, public")

        def rows_of(query: str) -> list[tuple[object, ...]]:
            return conn.execute(query).fetchall()

        assert rows_of(
            "select stage, count(*), count(distinct input_hash) from generations"
            " where stage <> 'embed' group by stage order by stage"
        ) == [(name, PRODUCTS, PRODUCTS) for name in ("caption", "describe", "tag")]
        found = rows_of("select external_id, title, caption from products")
        wanted = [(row["external_id"], row["title"], caption_of(row["title"])) for row in rows]
        assert sorted(found) == sorted(wanted)
        assert rows_of(
            "select count(*), count(distinct e.product_id) from product_embeddings as e"
            " join spaces as s on s.id = e.space_id and s.state = 'active' and s.modality = 'text'"
        ) == [(PRODUCTS, PRODUCTS)]
        assert rows_of("select * from jobs") == []
        assert rows_of(
            "select name from keywords as w where not exists"
            " (select from product_keywords as pk where pk.keyword_id = w.id)"
        ) == []  # fmt: skip
        assert rows_of(
            "select p.id from products as p where p.keywords = '{}' or p.keywords is null or"
            " (select array_agg(k order by k) from unnest(p.keywords) as k) is distinct from"
            " (select array_agg(w.name order by w.name) from product_keywords as pk"
            "  join keywords as w on w.id = pk.keyword_id where pk.product_id = p.id)"
        ) == []  # fmt: skip
        assert rows_of(
            "select w.name from keywords as w where not exists (select from keyword_embeddings as e"
            " join spaces as s on s.id = e.space_id and s.state = 'active'"
            " where e.keyword_id = w.id)"
        ) == []  # fmt: skip
    assert_sound_at(database_url)
