"""The process of `vitrina serve`."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from vitrina.errors import ConfigError
from vitrina.web.receiving import PATIENCE

GRACE_SECONDS = 3
# as long as common proxies keep theirs: one that ends sooner resets what is just being asked
KEPT_SECONDS = 75
TICKS = 10  # of the server's loop, a second


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. Raises ConfigError if it cannot."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError as exc:
        why = exc.strerror or str(exc)
        raise ConfigError(
            f"cannot listen on {host}, port {port}: {why}; try another --port"
        ) from None
    return sock


def address(host: str, port: int) -> str:
    """What to open in a browser."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - for names only
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def run(
    app: ASGIApp,
    sock: socket.socket,
    ready: Callable[[], None],
    leaving: Callable[[], None] = lambda: None,
) -> None:
    """Serve until a signal.

    Calls `ready` when the first request can be answered, and `leaving` when none is taken any more:
    what never ends by itself should end then.
    """
    config = uvicorn.Config(
        unheard(app),
        http="h11",  # the one whose headers are bounded, if another is installed too
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEPT_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    # a line for each request of a stranger that is none would fill the log, and says nothing
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    with contextlib.suppress(KeyboardInterrupt):
        _Server(config, ready, leaving).run(sockets=[sock])


def unheard(app: ASGIApp) -> ASGIApp:
    """The same, where an answer may come too late: behind the request came what is none.

    The connection is given up then, and no fault of the app's is told in the log.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(h11.LocalProtocolError):
            await app(scope, receive, send)

    return answer


class Dripping:
    """Ends connections whose request has not come: a line and headers that drip, or nothing.

    The framework's server waits for them for ever, and each holds one of the process's files.
    """

    def __init__(self, seconds: float = PATIENCE) -> None:
        self._seconds = seconds
        self._since: dict[Any, float] = {}

    def end(self, connections: Iterable[Any], now: float) -> None:
        """Look at all connections; those seen to be late end."""
        asking = [each for each in connections if _is_asking(each)]
        self._since = {each: self._since.get(each, now) for each in asking}
        for each, since in self._since.items():
            if now - since >= self._seconds:
                each.transport.close()


def _is_asking(connection: Any) -> bool:
    """Whether a connection is neither answered, nor idle between requests, which ends by itself."""
    answered = connection.cycle is None or connection.cycle.response_complete
    return answered and connection.timeout_keep_alive_task is None


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], leaving: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._leaving = leaving
        self._dripping = Dripping()

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS == 0:
            self._dripping.end(self.server_state.connections, time.monotonic())
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._leaving()
        await super().shutdown(sockets)
