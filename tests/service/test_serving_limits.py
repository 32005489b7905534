"""What is answered at once is bounded, and what nobody waits for is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import requests
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse

import waiting
from serving import serving
from vitrina.db.cancelling import Cancellation
from vitrina.db.database import Database
from vitrina.errors import DatabaseError, ReadOnlyError, SlowError
from vitrina.web.limits import Limits
from vitrina.web.receiving import SMALL_BYTES, form, impatient, read
from vitrina.web.server import Dripping

RUNNING = "select count(*) from pg_stat_activity where query like %s and state = 'active' and pid <> pg_backend_pid()"


def apart(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Its result, in a thread without a loop: a browser of other tests may have one in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def scope(method: str = "GET") -> dict[str, Any]:
    return {"type": "http", "method": method, "path": "/", "headers": []}


def test_a_few_are_answered_some_wait_and_the_rest_are_told() -> None:
    async def run() -> list[int]:
        free, inside, most = asyncio.Event(), 0, 0

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            await free.wait()
            inside -= 1
            await PlainTextResponse("done")(scope, receive, send)

        limits = Limits(slow, lambda scope: PlainTextResponse("busy", 503), at_once=2, waiting=3)
        statuses: list[int] = []

        async def ask() -> None:
            async def receive() -> Any:
                await asyncio.Event().wait()

            async def send(message: Any) -> None:
                if message["type"] == "http.response.start":
                    statuses.append(message["status"])

            await limits(scope(), receive, send)

        asked = [asyncio.create_task(ask()) for _ in range(7)]
        while len(statuses) < 2 or inside < 2:  # two have no room, two are being answered
            await asyncio.sleep(0)
        free.set()
        await asyncio.gather(*asked)
        assert most == 2
        return sorted(statuses)

    assert apart(run()) == [200] * 5 + [503] * 2


def test_a_search_does_not_wait_for_counts() -> None:
    async def run() -> list[str]:
        free = asyncio.Event()
        answered: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/part/facets":
                await free.wait()
            answered.append(scope["path"])

        limits = Limits(app, lambda scope: PlainTextResponse("busy", 503), at_once=2, waiting=5)

        async def receive() -> Any:
            await asyncio.Event().wait()

        async def send(message: Any) -> None: ...

        counts = [
            asyncio.create_task(limits(scope() | {"path": "/part/facets"}, receive, send))
            for _ in range(3)
        ]
        await limits(scope() | {"path": "/part/search"}, receive, send)
        free.set()
        await asyncio.gather(*counts)
        return answered

    assert apart(run()) == ["/part/search"] + ["/part/facets"] * 3


def test_a_completion_does_not_wait_for_searches() -> None:
    async def run() -> list[str]:
        free = asyncio.Event()
        answered: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/api/search":
                await free.wait()
            answered.append(scope["path"])

        limits = Limits(app, lambda scope: PlainTextResponse("busy", 503), at_once=1, waiting=5)

        async def receive() -> Any:
            await asyncio.Event().wait()

        async def send(message: Any) -> None: ...

        searches = [
            asyncio.create_task(limits(scope() | {"path": "/api/search"}, receive, send))
            for _ in range(3)
        ]
        await asyncio.wait_for(
            limits(scope() | {"path": "/api/suggest"}, receive, send), waiting.HANG
        )
        free.set()
        await asyncio.gather(*searches)
        return answered

    assert apart(run()) == ["/api/suggest"] + ["/api/search"] * 3


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/mcp")])
def test_a_client_that_goes_gives_its_place_back(method: str, path: str) -> None:
    async def run() -> None:
        entered, gone = asyncio.Event(), asyncio.Event()
        bodies = [{"type": "http.request", "body": b"{}", "more_body": False}] * (method == "POST")

        async def until_gone(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            entered.set()
            while (await receive())["type"] != "http.disconnect":
                pass

        limits = Limits(
            until_gone, lambda scope: PlainTextResponse("busy", 503), at_once=1, waiting=0
        )

        async def receive() -> Any:
            if bodies:
                return bodies.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            raise AssertionError("nobody listens")

        first = asyncio.create_task(limits(scope(method) | {"path": path}, receive, send))
        await entered.wait()
        gone.set()
        await first
        assert limits._inside == 0

    apart(run())


def test_a_body_that_does_not_come_gives_its_place_back() -> None:
    async def run() -> None:
        parts = [{"type": "http.request", "body": b"a", "more_body": True}]

        async def takes(scope: Any, receive: Any, send: Any) -> None:
            await Request(scope, receive).body()

        async def receive() -> Any:
            return parts.pop() if parts else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            raise AssertionError("nothing is sent here")

        limits = Limits(takes, lambda scope: PlainTextResponse("busy", 503), patience=0.01)
        with pytest.raises(HTTPException, match="408"):
            await limits(scope("POST") | {"path": "/picture"}, receive, send)
        assert limits._inside == 0

    apart(run())


def test_a_drip_of_bytes_ends_though_each_comes_in_time() -> None:
    async def drip() -> Any:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def run() -> None:
        with pytest.raises(HTTPException, match="408"):
            await Request(scope("POST"), impatient(drip, 0.2, 1_000)).body()

    apart(run())


def test_a_body_that_keeps_up_comes_whole() -> None:
    parts = 30

    async def steady() -> Any:
        nonlocal parts
        parts -= 1
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x" * 1_000, "more_body": parts > 0}

    assert len(apart(read(impatient(steady, 60, 1)))) == 30_000


def test_a_body_that_breaks_off_is_not_read() -> None:
    parts = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": b"p=1", "more_body": True},
    ]

    async def half() -> Any:
        return parts.pop()

    with pytest.raises(HTTPException, match="broke off"):
        apart(read(half))


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_form_is_short_whatever_its_type_says(kind: str) -> None:
    taken = 0

    async def endless() -> Any:
        nonlocal taken
        taken += 65_536
        assert taken < 10 * SMALL_BYTES
        return {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

    request = Request(scope("POST") | {"headers": [(b"content-type", kind.encode())]}, endless)
    with pytest.raises(HTTPException, match="413"):
        apart(form(request))


def test_a_statement_ends_when_nobody_waits_for_it(database_url: str) -> None:
    with (
        Database(database_url, size=2) as database,
        psycopg.connect(database_url, autocommit=True) as watch,
    ):
        cancellation, failed = Cancellation(), []

        def sleep() -> None:
            with cancellation.covering():
                try:
                    database.value("select pg_sleep(3600)")
                except SlowError as error:
                    failed.append(error)

        thread = threading.Thread(target=sleep)
        thread.start()
        waiting.eventually(lambda: watch.execute(RUNNING, ("select pg_sleep%",)).fetchone() == (1,))
        cancellation.cancel()
        thread.join()
        assert failed
        assert database.value("select 1") == 1  # its connection serves others


def test_a_reader_reads_only_and_not_for_long(database_url: str) -> None:
    with Database(database_url, size=1, read_only=True, statement_seconds=0.2) as database:
        with pytest.raises(ReadOnlyError):
            database.value("select vitrina.put_source('new')")
        with pytest.raises(DatabaseError), database.transaction() as conn:
            conn.execute("set transaction read write")
        with pytest.raises(SlowError):
            database.value("select pg_sleep(3600)")
        assert database.value("show default_transaction_read_only") == "off"  # nothing stays


def test_a_slow_answer_is_a_page_with_the_reason(database_url: str) -> None:
    with serving(database_url) as served, psycopg.connect(database_url) as conn:
        conn.execute("lock table vitrina.products in access exclusive mode")
        answer = requests.get(served.base + "/?q=sofa", timeout=60)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert "took longer than 5 seconds" in answer.text
        conn.rollback()
        assert requests.get(served.base + "/?q=sofa", timeout=60).status_code == 200


def test_a_request_that_does_not_come_holds_no_connection() -> None:
    """Late is a connection that has said nothing, or a part; not one at work, or kept open."""

    class Connection:
        def __init__(self, answered: bool | None, kept: bool = False) -> None:
            self.cycle = None if answered is None else self
            self.response_complete = answered
            self.timeout_keep_alive_task = object() if kept else None
            self.transport = self
            self.ended = 0

        def close(self) -> None:
            self.ended += 1

    silent, again = Connection(None), Connection(answered=True)
    at_work, kept = Connection(answered=False), Connection(answered=True, kept=True)
    dripping = Dripping(20)
    for now in (0, 10, 19.9):
        dripping.end([silent, again, at_work, kept], now)
    again.timeout_keep_alive_task = object()  # it was answered, and asks once more
    dripping.end([silent, again, at_work, kept], 19.95)
    again.timeout_keep_alive_task = None
    dripping.end([silent, again, at_work, kept], 20)
    assert [each.ended for each in (silent, again, at_work, kept)] == [1, 0, 0, 0]
    dripping.end([again, at_work, kept], 40)
    assert [each.ended for each in (silent, again, at_work, kept)] == [1, 1, 0, 0]
