"""An application that is made once the server answers, as its packages take a second to import."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from starlette.types import Receive, Scope, Send


class Running(Protocol):
    """An application that answers within `running`."""

    def running(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Answers within this block, once."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        ...


class Later:
    """Requests that come before it is made wait for it.

    Args:
        make: makes it, in a thread.
    """

    def __init__(self, make: Callable[[], Running]) -> None:
        self._make = make
        self._made: asyncio.Future[Running] | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Makes it, and answers within this block, once."""
        self._made = made = asyncio.get_running_loop().create_future()
        over = asyncio.Event()

        async def live() -> None:
            # begun and ended by one task, as its own tasks ask for
            try:
                app = await asyncio.to_thread(self._make)
            except Exception as exc:
                made.set_exception(exc)
                return
            async with app.running():
                made.set_result(app)
                await over.wait()

        living = asyncio.create_task(live())
        try:
            yield
        finally:
            over.set()
            await living

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._made is not None  # noqa: S101 - no request comes before the server runs
        app = await asyncio.shield(self._made)
        await app(scope, receive, send)
