"""Those who watch the work: one reader for all, nothing for nobody, bye when the server stops."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import requests
from psycopg import sql

import waiting
from serving import Served, serving
from vitrina.web.live import LISTENERS

CALLS = (
    "select coalesce(sum(calls), 0) from pg_stat_user_functions"
    " where schemaname = 'vitrina' and funcname = 'work_progress'"
)


@pytest.fixture
def counted(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a database that counts the calls of functions."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        name = sql.Identifier(conn.info.dbname)
        conn.execute(sql.SQL("alter database {} set track_functions = 'pl'").format(name))
        yield conn


def events(answer: requests.Response) -> Iterator[tuple[str, str]]:
    """The events of a stream until it ends: their names and data."""
    name = ""
    lines = answer.iter_lines(decode_unicode=True)
    assert next(lines) == "retry: 3000"
    for line in lines:
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, line[6:]


def listen(served: Served) -> requests.Response:
    return requests.get(f"{served.base}/events/work", stream=True, timeout=(30, 60))


def test_twenty_cost_one_query_a_second_and_hear_bye(
    database_url: str, counted: psycopg.Connection
) -> None:
    def calls() -> int:
        row = counted.execute(CALLS).fetchone()
        assert row is not None
        return int(row[0])

    with ThreadPoolExecutor(LISTENERS) as pool, serving(database_url) as served:
        assert calls() == 0
        streams = [listen(served) for _ in range(LISTENERS)]
        assert {answer.status_code for answer in streams} == {200}
        heard = [pool.submit(lambda each: list(events(each)), answer) for answer in streams]
        waiting.eventually(lambda: calls() > 0)
        before, began = calls(), time.monotonic()
        assert listen(served).status_code == 503
        waiting.eventually(lambda: calls() >= before + 4)
        # the first may be counted late
        assert calls() - before <= time.monotonic() - began + 2
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute("select vitrina.put_source('shop')")
            conn.execute("select vitrina.put_products('shop', '[{\"external_id\": \"1\","
                         " \"title\": \"Oak desk\"}]')")  # fmt: skip
        waiting.eventually(lambda: calls() > before + 5)
        served.process.terminate()
        for each in heard:
            found = each.result(60)
            assert found[-1] == ("bye", '{"v":1}')
            assert [name for name, _ in found].count("bye") == 1
            assert json.loads(found[-2][1])["queued"] == 1
        assert served.process.wait(60) == -signal.SIGTERM  # as whoever stopped it expects


def test_nobody_costs_nothing_and_the_next_is_told(
    database_url: str, counted: psycopg.Connection
) -> None:
    with serving(database_url) as served:
        for _ in range(3):
            with listen(served) as answer:
                name, data = next(events(answer))
                assert name == "work"
                assert json.loads(data)["queued"] == 0
        idle = (
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and query like '%work_progress%' and pid <> pg_backend_pid()"
            " and state_change > now() - interval '3 seconds'"
        )
        waiting.eventually(lambda: counted.execute(idle).fetchone() == (0,))
