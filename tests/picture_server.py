"""A web server on the loopback that hands out pictures, and misbehaves on request.

    with PictureServer({"/chair.jpg": jpeg, "/old.jpg": redirect("/chair.jpg")}) as server:
        load(server.url("/chair.jpg"), limits=Limits(allow_private=True))

A page is bytes (answered as a picture) or a behaviour: a function of the request's handler.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[["Handler"], None]
Page = bytes | Behaviour


class Handler(BaseHTTPRequestHandler):
    """Answers one connection; keeps it open as HTTP/1.1 does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.requests.append((self.path, dict(self.headers)))
        page = self.server.pages.get(self.path.partition("?")[0])
        if page is None:
            page = reply(b"not here", status=404, kind="text/plain")
        elif isinstance(page, bytes):
            page = reply(page)
        page(self)

    def answer(self, status: int, headers: Mapping[str, str | int]) -> None:
        """The status line and the headers."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def pause(self, seconds: float) -> None:
        """Wait, though not for longer than the server runs."""
        if self.server.stopping.wait(seconds):
            raise ConnectionAbortedError

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, pages: dict[str, Page], host: str) -> None:
        super().__init__((host, 0), Handler)
        self.pages = pages
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.connections = 0
        self.lock = threading.Lock()
        self.stopping = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what several tests are about."""


class PictureServer:
    """Serves `pages` (path to page) from a thread, at `host`; a page may be added at any time."""

    def __init__(self, pages: Mapping[str, Page] | None = None, host: str = "127.0.0.1") -> None:
        self.host = host
        self._server = _Server(dict(pages or {}), host)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )

    def __enter__(self) -> PictureServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def pages(self) -> dict[str, Page]:
        """Path to page."""
        return self._server.pages

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._server.server_address[1]

    @property
    def requests(self) -> list[tuple[str, dict[str, str]]]:
        """Path and headers of each request so far."""
        return self._server.requests

    @property
    def connections(self) -> int:
        """How many connections were made so far."""
        return self._server.connections

    def url(self, path: str) -> str:
        """The address of a page."""
        return f"http://{self.host}:{self.port}{path}"


def reply(
    body: bytes,
    status: int = 200,
    kind: str = "image/jpeg",
    headers: Mapping[str, str | int] | None = None,
) -> Behaviour:
    """The body with its length; `headers` add to the usual ones or replace them."""

    def behave(handler: Handler) -> None:
        usual: dict[str, str | int] = {"Content-Type": kind, "Content-Length": len(body)}
        handler.answer(status, usual | dict(headers or {}))
        handler.wfile.write(body)

    return behave


def redirect(target: str, status: int = 302) -> Behaviour:
    """A redirect to `target`."""
    return reply(b"", status, headers={"Location": target})


def cut_short(body: bytes, claimed: int) -> Behaviour:
    """The body under a greater Content-Length, then the end of the connection."""

    def behave(handler: Handler) -> None:
        reply(body, headers={"Content-Length": claimed})(handler)
        handler.close_connection = True

    return behave


def without_length(body: bytes) -> Behaviour:
    """The body and no length: it ends where the connection does."""

    def behave(handler: Handler) -> None:
        handler.answer(200, {"Content-Type": "image/jpeg", "Connection": "close"})
        handler.wfile.write(body)
        handler.close_connection = True

    return behave


def chunked(body: bytes, size: int = 1000) -> Behaviour:
    """The body in chunks of `size` bytes."""

    def behave(handler: Handler) -> None:
        handler.answer(200, {"Content-Type": "image/jpeg", "Transfer-Encoding": "chunked"})
        for start in range(0, len(body), size):
            part = body[start : start + size]
            handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    return behave


def endless(
    headers: Mapping[str, str | int] | None = None, part: bytes = b"x" * 65_536
) -> Behaviour:
    """The same part again and again, for as long as somebody listens; if it is empty, nothing."""

    def behave(handler: Handler) -> None:
        handler.answer(200, {"Content-Type": "image/jpeg", **(headers or {"Connection": "close"})})
        handler.close_connection = True
        if not part:
            handler.server.stopping.wait()
        while not handler.server.stopping.is_set():
            handler.wfile.write(part)

    return behave


def drip_body(pause: float = 0.05, length: int | None = 100_000) -> Behaviour:
    """Headers at once, then a byte of the body every `pause` seconds."""

    def behave(handler: Handler) -> None:
        said = {"Connection": "close"} if length is None else {"Content-Length": str(length)}
        handler.answer(200, {"Content-Type": "image/jpeg", **said})
        handler.close_connection = True
        while True:
            handler.wfile.write(b"x")
            handler.pause(pause)

    return behave


def drip_headers(pause: float = 0.05) -> Behaviour:
    """A byte of a header every `pause` seconds, for ever."""

    def behave(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while True:
            handler.wfile.write(b"x")
            handler.pause(pause)

    return behave


def silent(handler: Handler) -> None:
    """No answer at all."""
    handler.pause(60)


def reset(handler: Handler) -> None:
    """The connection is torn down at once."""
    with suppress(OSError):
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def garbage(handler: Handler) -> None:
    """Bytes that are no HTTP."""
    handler.wfile.write(b"\x00\x01\x02 hello\r\n\r\n")
    handler.close_connection = True
