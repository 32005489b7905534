"""Pictures over HTTP, from addresses that somebody else wrote.

Every address is looked up once, and the connection goes to what was looked up and checked: a name
cannot turn into another machine in between (DNS rebinding). One deadline covers the whole fetch,
redirects and a server that drips single bytes included. No cookies, no proxies, no `.netrc`.
"""

from __future__ import annotations

import http
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http.cookiejar import DefaultCookiePolicy
from importlib import metadata
from types import TracebackType
from typing import Any
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import parse_url

from vitrina.errors import PictureError
from vitrina.pictures.kinds import looks_like_picture
from vitrina.pictures.limits import Limits, check_size

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_EMBEDDING = (ipaddress.ip_network("::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_USER = re.compile(r"\s*\w+:/*[^/?#]*[@\\]")  # readers disagree on where a backslash belongs
_REDIRECTS = {301, 302, 303, 307, 308}
_TRANSIENT = {408, 425, 429}
_Address = tuple[socket.AddressFamily, Any]
_COMPRESSIONS = {"gzip", "x-gzip", "deflate", "br", "zstd", "compress"}
_CHUNK = 65_536  # bytes read at a time
_CONNECTIONS = 32  # kept open for each host, and hosts kept


class Fetcher:
    """Fetches pictures within `limits`, keeping connections open; many threads may share one.

    A redirect from https to http is followed: plain http is good enough for an address in the
    catalogue, and nothing secret is ever sent.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update(
            {
                "User-Agent": f"vitrina/{_version()} (fetches the product pictures of a catalogue)",
                "Accept": "image/jpeg,image/png,image/webp,image/*;q=0.8,*/*;q=0.1",
                "Accept-Encoding": "identity",
            }
        )
        for prefix in ("http://", "https://"):
            adapter = HTTPAdapter(pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS)
            adapter.poolmanager.pool_classes_by_scheme = {
                "http": _GuardedHTTPPool,
                "https": _GuardedHTTPSPool,
            }
            self._session.mount(prefix, adapter)

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept."""
        self._session.close()

    def fetch(self, url: str) -> bytes:
        """The bytes behind `url`, at most `limits.bytes`, within `limits.seconds` altogether.

        Raises PictureError; `transient` where another try later may go better.
        """
        with _Attempt(self.limits) as attempt:
            try:
                return self._follow(url, attempt)
            except PictureError:
                if attempt.over:
                    raise attempt.too_late() from None
                raise
            except (requests.Timeout, TimeoutError, ReadTimeoutError) as error:
                raise attempt.too_late() from error
            except Exception as error:
                raise (attempt.too_late() if attempt.over else _explained(error)) from error

    def _follow(self, url: str, attempt: _Attempt) -> bytes:
        """The answer at the end of the redirects."""
        for _ in range(self.limits.redirects + 1):
            _check_address(url)
            with self._session.get(
                url, stream=True, allow_redirects=False, timeout=attempt.left()
            ) as response:
                if response.status_code not in _REDIRECTS:
                    return self._answer(response, attempt)
                target = self._session.get_redirect_target(response)
            if not target:
                raise PictureError("the server redirects without saying where to")
            url = urljoin(url, target)
        raise PictureError(f"more than {self.limits.redirects} redirects; give the last address")

    def _answer(self, response: requests.Response, attempt: _Attempt) -> bytes:
        """The body of an answer that is no redirect, counted while it comes in."""
        _check_status(response.status_code)
        headers = response.headers
        length = headers.get("Content-Length", "")
        if length.isascii() and length.isdigit():
            check_size(int(length[:18]), self.limits)
        data = bytearray()
        # read(), not stream(): that one takes a chunk's head of any length
        while chunk := response.raw.read(_CHUNK, decode_content=False):
            data += chunk
            check_size(len(data), self.limits)
        if attempt.over:  # a body without a length ends where its connection is cut
            raise attempt.too_late()
        if data and not looks_like_picture(bytes(data[:16])):
            _check_headers(headers)
        return bytes(data)


class _Attempt:
    """One fetch: its deadline, and what it may connect to. When time is up it cuts the line.

    A time-out of the HTTP client is for each read, so it never ends a server that sends a byte a
    second. Shutting the socket down does, wherever the reader is blocked, under TLS too.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.over = False
        self._ends = time.monotonic() + limits.seconds
        self._lock = threading.Lock()
        self._twin: socket.socket | None = None
        self._timer = threading.Timer(limits.seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> _Attempt:
        self._timer.start()
        _current.attempt = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        self._release()
        _current.attempt = None

    def left(self) -> float:
        """The seconds left. Raises PictureError when there are none."""
        seconds = self._ends - time.monotonic()
        if self.over or seconds <= 0:
            self.over = True
            raise self.too_late()
        return seconds

    def too_late(self) -> PictureError:
        """The error to raise when time is up."""
        return PictureError(f"no picture within {self.limits.seconds:g} seconds", transient=True)

    def watch(self, line: socket.socket) -> None:
        """Cut this line, too, when time is up. A duplicate is kept, as TLS takes the original."""
        self._release()
        with self._lock:
            self._twin = socket.fromfd(line.fileno(), line.family, line.type)
        self.left()

    def _release(self) -> None:
        with self._lock:
            twin, self._twin = self._twin, None
        if twin is not None:
            twin.close()

    def _cut(self) -> None:
        with self._lock:
            self.over = True
            if self._twin is not None:
                with suppress(OSError):
                    self._twin.shutdown(socket.SHUT_RDWR)


class _Current(threading.local):
    attempt: _Attempt | None = None


_current = _Current()


def _attempt() -> _Attempt:
    """The fetch this thread is busy with."""
    if _current.attempt is None:
        raise RuntimeError("a guarded connection is used outside of Fetcher.fetch")
    return _current.attempt


class _GuardedHTTP(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(str(self.host).strip("[]"), int(self.port), _attempt())

    def getresponse(self) -> Any:
        if self.sock is not None:  # a kept connection belongs to another fetch now
            _attempt().watch(self.sock)
        return super().getresponse()


class _GuardedHTTPS(_GuardedHTTP, HTTPSConnection):
    pass


class _GuardedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _GuardedHTTP


class _GuardedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedHTTPS


def is_public(address: str) -> bool:
    """Whether an IP address is of the open internet: none of ours, of this machine, of nobody.

    An IPv4 address inside an IPv6 one counts as itself; tunnels (6to4, Teredo) are refused.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.sixtofour or ip.teredo or ip.is_site_local:
            return False
        if ip.ipv4_mapped:
            return is_public(str(ip.ipv4_mapped))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if any(ip in network for network in _EMBEDDING):
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _connected(host: str, port: int, attempt: _Attempt) -> socket.socket:
    """A connection to `host`, to an address that was checked."""
    addresses = _looked_up(host, port, attempt)
    if not attempt.limits.allow_private:
        for address in addresses:
            shown = address[1][0]
            if not is_public(shown):
                where = host if host == shown else f"{host} ({shown})"
                raise PictureError(
                    f"{where} is not an address of the public internet;"
                    " to allow your own network use --allow-private-images"
                )
    problem: OSError | None = None
    for index, (family, target) in enumerate(addresses):
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.settimeout(attempt.left() / (len(addresses) - index))
            line.connect(target)
            attempt.watch(line)
        except OSError as error:
            problem = error
            line.close()
        except PictureError:
            line.close()
            raise
        else:
            return line
    reason = (problem and problem.strerror) or "no answer in time"
    raise PictureError(f"{host} cannot be reached ({reason})", transient=True) from problem


def _looked_up(host: str, port: int, attempt: _Attempt) -> list[_Address]:
    """The addresses of `host`. In a thread of its own, as a look-up knows no time limit."""
    answers: queue.SimpleQueue[list[_Address] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([(family, target) for family, _, _, _, target in found])
        except Exception as error:
            answers.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        answer = answers.get(timeout=attempt.left())
    except queue.Empty:
        raise attempt.too_late() from None
    if isinstance(answer, UnicodeError):
        raise PictureError("the address has an impossible host name") from answer
    if isinstance(answer, Exception) or not answer:
        raise PictureError(f"the host {host} cannot be found", transient=True)
    return answer


def _check_address(url: str) -> None:
    """Raises PictureError where `url` is no plain http(s) address."""
    try:
        parts = parse_url(url)
    except HTTPError as error:
        raise PictureError("the address cannot be understood") from error
    if parts.scheme not in {"http", "https"}:
        raise PictureError(f"{parts.scheme or 'such'}: addresses are not read; use http or https")
    if parts.auth is not None or _USER.match(url):
        raise PictureError("the address has a user name or a backslash in it; give one without")
    if not parts.host:
        raise PictureError("the address has no host")


def _check_status(status: int) -> None:
    """Raises PictureError unless the server says here it is."""
    if status in {200, 203}:
        return
    try:
        said = f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        said = str(status)
    if status in {404, 410}:
        raise PictureError(f"the server has no such picture ({said})")
    if status in {401, 403}:
        raise PictureError(f"the server does not give it to us ({said})")
    transient = status in _TRANSIENT or status >= 500
    raise PictureError(f"the server answers {said}", transient=transient)


def _check_headers(headers: Mapping[str, str]) -> None:
    """Raises PictureError where the headers say why a body does not look like a picture."""
    if "html" in headers.get("Content-Type", "").lower():
        raise PictureError(
            "the server sends a web page (HTML), not a picture;"
            " give the address of the picture itself"
        )
    if headers.get("Content-Encoding", "").lower() in _COMPRESSIONS:
        raise PictureError("the server compresses its answer though asked not to")


def _explained(error: Exception) -> PictureError:
    """What an error of the HTTP client means."""
    cause: BaseException | None = error
    while cause is not None:  # the certificate's error lies at the bottom of several others
        if isinstance(cause, ssl.SSLCertVerificationError):
            return PictureError(f"its certificate is not accepted ({cause.verify_message})")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, requests.exceptions.SSLError):
        return PictureError("no secure connection could be made", transient=True)
    if isinstance(error, requests.exceptions.InvalidURL | UnicodeError | ValueError):
        return PictureError("the address cannot be understood")
    return PictureError("the server broke off or its answer makes no sense", transient=True)


def _version() -> str:
    try:
        return metadata.version("vitrina")
    except metadata.PackageNotFoundError:
        return "0"
