"""Bounds on what is answered at once; an answer that nobody waits for any more is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitrina.db.cancelling import Cancellation
from vitrina.web.services import MCP_PATH

AT_ONCE = 8
WAITING = 32
EMPTY: Message = {"type": "http.request", "body": b"", "more_body": False}
UNBOUNDED = ("/static/", "/pic/", "/events/", "/login", "/theme")  # cheap, or long by nature


class Limits:
    """Answers at most `at_once` requests at a time; `waiting` more wait, and others are told 503.

    Args:
        app: the application behind it.
        busy: makes the answer to a request that finds no room, from its scope.
    """

    def __init__(
        self,
        app: ASGIApp,
        busy: Callable[[Scope], Response],
        *,
        at_once: int = AT_ONCE,
        waiting: int = WAITING,
    ) -> None:
        self._app = app
        self._busy = busy
        self._places = asyncio.Semaphore(at_once)
        self._room = at_once + waiting
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNBOUNDED):
            await self._app(scope, receive, send)
            return
        if self._inside >= self._room:
            await self._busy(scope)(scope, receive, send)
            return
        self._inside += 1
        try:
            if scope["method"] in ("GET", "HEAD"):
                await self._watched(scope, receive, send, EMPTY)
            elif scope["path"] == MCP_PATH:  # it only asks, and the gate has read it whole
                await self._watched(scope, receive, send, await receive())
            else:
                async with self._places:
                    await self._app(scope, receive, send)
        finally:
            self._inside -= 1

    async def _watched(self, scope: Scope, receive: Receive, send: Send, body: Message) -> None:
        """Answer a request whose whole body is known, until the client goes."""
        cancellation = Cancellation()
        gone = asyncio.Event()

        async def left() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.set()
            await asyncio.to_thread(cancellation.cancel)

        watching = asyncio.create_task(watch())
        try:
            waiting = asyncio.ensure_future(self._places.acquire())
            leaving = asyncio.ensure_future(gone.wait())
            await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
            if not waiting.done():
                waiting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await waiting
                return
            try:
                with cancellation.covering():
                    await self._app(scope, _first(body, left), send)
            finally:
                self._places.release()
        finally:
            watching.cancel()


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
