"""Bounds on what is answered at once; an answer that nobody waits for any more is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitrina.db.cancelling import Cancellation
from vitrina.web.meter import Meter
from vitrina.web.receiving import PATIENCE, impatient
from vitrina.web.services import MCP_PATH, METRICS_PATH

AT_ONCE = 8
WAITING = 64  # so that more than fifty people who wait for one answer each find room
COMPLETING = "/api/suggest"  # a twentieth of a search's work, and asked at every key
COMPLETED_AT_ONCE = 2
COUNTING = ("/part/facets", "/api/facets", "/api/count")  # dearer than searches, and less urgent
EMPTY: Message = {"type": "http.request", "body": b"", "more_body": False}
UNBOUNDED = (
    "/static/",
    "/pic/",
    "/events/",
    "/login",
    "/theme",
    METRICS_PATH,
)  # cheap, or long by nature


class Limits:
    """Answers at most `at_once` requests at a time; `waiting` more wait, and others are told 503.

    What only counts has half of the places, so that no search waits for counts. Completions have
    places of their own, so that they wait for no search.

    Args:
        app: the application behind it.
        busy: makes the answer to a request that finds no room, from its scope.
        meter: counts what is answered; None: a new one.
        patience: how many seconds a body may stand still, or in all be slower than it must.
    """

    def __init__(
        self,
        app: ASGIApp,
        busy: Callable[[Scope], Response],
        meter: Meter | None = None,
        *,
        at_once: int = AT_ONCE,
        waiting: int = WAITING,
        patience: float = PATIENCE,
    ) -> None:
        self._app = app
        self._busy = busy
        self._meter = meter or Meter()
        self._places = asyncio.Semaphore(at_once)
        self._counting = asyncio.Semaphore(max(at_once // 2, 1))
        self._completing = asyncio.Semaphore(COMPLETED_AT_ONCE)
        self._room = at_once + waiting
        self._inside = 0
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNBOUNDED):
            await self._app(scope, receive, send)
            return
        send, timing = self._meter.timed(scope, send)
        if self._inside >= self._room:
            self._meter.refused += 1
            await self._busy(scope)(scope, receive, send)
            timing.end(refused=True)
            return
        self._inside += 1
        try:
            if scope["method"] in ("GET", "HEAD"):
                await self._watched(scope, receive, send, EMPTY)
            elif scope["path"] == MCP_PATH:  # it only asks, and the gate has read it whole
                await self._watched(scope, receive, send, await receive())
            else:
                async with self._place(scope):
                    await self._app(scope, impatient(receive, self._patience), send)
        finally:
            self._inside -= 1
            timing.end()

    @contextlib.asynccontextmanager
    async def _place(self, scope: Scope) -> AsyncIterator[None]:
        """One of the places, once there is one."""
        async with contextlib.AsyncExitStack() as taken:
            self._meter.waiting += 1
            try:
                if scope["path"].startswith(COUNTING):
                    await taken.enter_async_context(self._counting)
                is_quick = scope["path"] == COMPLETING
                await taken.enter_async_context(self._completing if is_quick else self._places)
            finally:
                self._meter.waiting -= 1
            self._meter.running += 1
            try:
                yield
            finally:
                self._meter.running -= 1

    async def _watched(self, scope: Scope, receive: Receive, send: Send, body: Message) -> None:
        """Answer a request whose whole body is known, until the client goes."""
        cancellation = Cancellation()
        gone = asyncio.Event()
        placed = False

        async def left() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.set()
            await asyncio.to_thread(cancellation.cancel)

        async def answer() -> None:
            nonlocal placed
            async with self._place(scope):
                placed = True
                with cancellation.covering():
                    await self._app(scope, _first(body, left), send)

        watching = asyncio.create_task(watch())
        leaving = asyncio.create_task(gone.wait())
        answering = asyncio.create_task(answer())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if placed or answering.done():
                await answering
        finally:
            for task in (watching, leaving, answering):
                task.cancel()


def _first(body: Message, then: Receive) -> Receive:
    """A receiver of this, and then of what `then` gives."""
    given = False

    async def receive() -> Message:
        nonlocal given
        if given:
            return await then()
        given = True
        return body

    return receive
