"""The transport of the openai client: under the thread's deadline, to one server, within a size.

Every read and write of the thread gets what is left of its deadline. Only looking up a host name
is not bounded: the operating system does that. A redirect is followed on the same server only:
nothing, least of all the key, goes anywhere else. Imported late: it needs the HTTP library.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

from vitrina.errors import FetchError, TooLateError
from vitrina.http.body import CHUNK, bounded
from vitrina.http.deadline import Deadline

__all__ = ["ANSWER_BYTES", "REDIRECTS", "DeadlineTransport", "ElsewhereError", "at_most"]

ANSWER_BYTES = 16_000_000  # of one answer, unpacked: a thousand times what is usual
REDIRECTS = 3
_KEPT = 64
_local = threading.local()


class ElsewhereError(httpx2.TransportError):
    """The server sends us to another one, which is not followed."""


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Bound the answers to what this thread asks inside the block, in bytes."""
    before, _local.most = _most(), size
    try:
        yield
    finally:
        _local.most = before


def _most() -> int:
    return getattr(_local, "most", ANSWER_BYTES)


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    """The smaller of `timeout` and what is left of the deadline. Raises `error` for nothing."""
    deadline = Deadline.current()
    if deadline is None:
        return timeout
    try:
        left = deadline.left()
    except TooLateError as exc:
        raise error(str(exc)) from exc
    return left if timeout is None else min(left, timeout)


class _Stream(httpcore2.NetworkStream):
    """A network stream that keeps to the deadline of the thread that uses it."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # cut up, so that a slow receiver meets the deadline too
        for at in range(0, len(buffer), CHUNK):
            left = _left(timeout, httpcore2.WriteTimeout)
            self._stream.write(buffer[at : at + CHUNK], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore2.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(super().connect_tcp(host, port, left, local_address, socket_options))


class DeadlineTransport(httpx2.BaseTransport):
    """The transport to one server, through the environment's proxy where there is one."""

    def __init__(self, base_url: str, connections: int) -> None:
        self._server = httpx2.URL(base_url)
        options: dict[str, Any] = {
            "max_connections": connections,
            "max_keepalive_connections": min(connections, _KEPT),
            "keepalive_expiry": 15.0,
            "network_backend": _Backend(),
        }
        proxy = _proxy_for(base_url)
        if proxy or base_url.startswith("https:"):  # takes 50 ms, so not for a server next door
            options["ssl_context"] = httpx2.create_ssl_context()
        self._pool: httpcore2.ConnectionPool
        if proxy is None:
            self._pool = httpcore2.ConnectionPool(**options)
            return
        parts = urlsplit(proxy)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        url = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
        if parts.username is not None:
            options["proxy_auth"] = (unquote(parts.username), unquote(parts.password or ""))
        kind = httpcore2.SOCKSProxy if parts.scheme.startswith("socks") else httpcore2.HTTPProxy
        self._pool = kind(proxy_url=url, **options)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; the errors of the layer below become those the client knows.

        Raises ElsewhereError for another server. Reading the answer raises TransportError, from
        TooMuchError, where it is too long.
        """
        if not _same_server(self._server, request.url):
            where = str(request.url.copy_with(userinfo=b"", query=None, fragment=None))
            raise ElsewhereError(f"sends us to {where[:120]}")
        request.headers["Accept-Encoding"] = "gzip"
        assert isinstance(request.stream, httpx2.SyncByteStream)  # noqa: S101 - for the types
        with _translated():
            answer = self._pool.handle_request(
                httpcore2.Request(
                    method=request.method,
                    url=httpcore2.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        headers = httpx2.Headers(answer.headers)
        packed = headers.pop("Content-Encoding", "identity").strip().lower()
        return httpx2.Response(
            status_code=answer.status,
            headers=headers,
            stream=_Body(answer, packed, _most()),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    """The body of an answer, unpacked, no more than `most` bytes of it."""

    def __init__(self, answer: httpcore2.Response, packed: str, most: int) -> None:
        self._answer = answer
        self._packed = packed
        self._most = most

    def __iter__(self) -> Iterator[bytes]:
        with _translated():
            yield from bounded(self._answer.iter_stream(), self._packed, self._most)

    def close(self) -> None:
        self._answer.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FetchError as exc:
        raise httpx2.TransportError(str(exc)) from exc
    except (
        httpcore2.TimeoutException,
        httpcore2.NetworkError,
        httpcore2.ProtocolError,
        httpcore2.ProxyError,
        httpcore2.UnsupportedProtocol,
    ) as exc:
        known = next(
            (
                found
                for kind in type(exc).__mro__
                if isinstance(found := getattr(httpx2, kind.__name__, None), type)
                and issubclass(found, httpx2.TransportError)
            ),
            httpx2.TransportError,
        )
        raise known(str(exc)) from exc


def _same_server(base: httpx2.URL, url: httpx2.URL) -> bool:
    """Whether `url` is on the server at `base`, or on it by TLS now."""
    ports = {"http": 80, "https": 443}
    port, base_port = url.port or ports.get(url.scheme), base.port or ports.get(base.scheme)
    secured = (base.scheme, url.scheme, base_port, port) == ("http", "https", 80, 443)
    same = url.scheme == base.scheme and port == base_port
    return url.host == base.host and (same or secured)


def _proxy_for(base_url: str) -> str | None:
    """The proxy the environment names for this address; never one for this very machine."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if host in {"localhost", "::1"} or host.startswith("127."):
        return None
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return (proxy if "://" in proxy else f"http://{proxy}") if proxy else None
