"""Fetches from foreign addresses: pictures, feeds.

One deadline covers the whole exchange, redirects included. No cookies; proxies and `.netrc` only on
request.

    with fetch("https://shop.example/feed.xml", etag=known) as feed:
        if not feed.unchanged:
            read(feed.file)
"""

from __future__ import annotations

import http
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import IO
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import requests
from urllib3.exceptions import ReadTimeoutError

from vitrina import __version__
from vitrina.closing import Closing
from vitrina.errors import FetchError, StatusError
from vitrina.http.body import CHUNK, bounded, too_much
from vitrina.http.deadline import Deadline
from vitrina.http.guard import GuardedAdapter, check_address

_REDIRECTS = {301, 302, 303, 307, 308}
_TRANSIENT = {408, 425, 429}


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of an exchange: bytes of the unpacked answer, seconds in total, redirects.

    With 0 redirects, a redirect is an answer. `allow_private` allows addresses of the
    private network.
    """

    bytes: int = 10_000_000
    seconds: float = 20.0
    redirects: int = 3
    allow_private: bool = False


FEED = Bounds(bytes=2_000_000_000, seconds=900.0)


class Session(Closing):
    """Fetches addresses within bounds, keeping connections open; threads may share one.

    A redirect from https to http is followed: plain http is good enough for an address in the
    catalogue, and nothing secret is sent along.

    Args:
        bounds: the bounds of each exchange.
        purpose: the purpose, told to the operator of the server.
        accept: the requested kinds of content.
        environment: use the proxies, `.netrc` and certificates of the environment.
        verify: whether to check certificates.
    """

    def __init__(
        self,
        bounds: Bounds,
        *,
        purpose: str,
        accept: str = "*/*",
        environment: bool = False,
        verify: bool = True,
    ) -> None:
        self.bounds = bounds
        self._verify = None if verify else False
        self._session = requests.Session()
        self._session.trust_env = environment
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update(
            {
                "User-Agent": f"vitrina/{__version__} ({purpose})",
                "Accept": accept,
                "Accept-Encoding": "identity",
            }
        )
        for prefix in ("http://", "https://"):
            self._session.mount(prefix, GuardedAdapter(allow_private=bounds.allow_private))

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    @contextmanager
    def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        login: tuple[str, str] | None = None,
    ) -> Iterator[Answer]:
        """The answer at the end of the redirects, of any status, readable inside the block.

        Only the server of `url` is told the `login`, a user name and a password. Raises FetchError;
        `transient` if a later try may succeed.
        """
        first = url
        with Deadline(self.bounds.seconds) as deadline:
            for _ in range(self.bounds.redirects + 1):
                with _explained(deadline):
                    check_address(url)
                    response = self._session.get(
                        url,
                        headers=headers,
                        auth=login if _origin(url) == _origin(first) else None,
                        stream=True,
                        allow_redirects=False,
                        timeout=deadline.left(),
                        verify=self._verify,
                    )
                with response:
                    if response.status_code not in _REDIRECTS or not self.bounds.redirects:
                        yield Answer(response, self.bounds.bytes, deadline)
                        return
                    with _explained(deadline):
                        target = self._session.get_redirect_target(response)
                        url = urljoin(url, target) if target else ""
                if not url:
                    raise FetchError("the server redirects without an address")
            many = self.bounds.redirects
            raise FetchError(f"more than {many} redirects; give the last address")


class Answer:
    """An answer with an unread body."""

    def __init__(self, response: requests.Response, most: int, deadline: Deadline) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response, self._most, self._deadline = response, most, deadline

    def check(self) -> None:
        """Raises StatusError unless the status is a success."""
        if self.status in {200, 203}:
            return
        try:
            said = f"{self.status} {http.HTTPStatus(self.status).phrase}"
        except ValueError:
            said = str(self.status)
        transient = self.status in _TRANSIENT or self.status >= 500
        raise StatusError(self.status, said, transient=transient)

    def pieces(self, *, unpack: bool = False) -> Iterator[bytes]:
        """The body as it arrives, or unpacked. Raises FetchError, TooMuchError beyond bounds."""
        length = self.headers.get("Content-Length", "")
        if length.isascii() and length.isdigit() and int(length[:18]) > self._most:
            raise too_much(int(length[:18]), self._most)
        packed = self.headers.get("Content-Encoding", "").strip().lower() if unpack else ""
        yield from bounded(self._chunks(), packed, self._most)

    def _chunks(self) -> Iterator[bytes]:
        while True:
            with _explained(self._deadline):
                # read(), not stream(): that one takes a chunk's head of any length
                chunk = self._response.raw.read(CHUNK, decode_content=False)
            if not chunk:
                break
            yield chunk
        self._deadline.left()  # a body without a length ends when its connection is cut


@dataclass(frozen=True, slots=True)
class Fetched(Closing):
    """The file at an address; close it, and it is deleted.

    `etag` and `modified` are for the next request, which then reports an unchanged file.
    """

    file: IO[bytes] | None  # a named temporary file, from its beginning
    etag: str | None
    modified: str | None

    @property
    def unchanged(self) -> bool:
        """Whether it is unchanged; then there is no file."""
        return self.file is None

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()


def fetch(
    url: str,
    *,
    etag: str | None = None,
    modified: str | None = None,
    login: tuple[str, str] | None = None,
    bounds: Bounds = FEED,
) -> Fetched:
    """The file at `url`, unpacked, unless it is unchanged since this `etag` and `modified`.

    Raises FetchError, without the address: it may contain a secret.
    """
    known = {"If-None-Match": etag, "If-Modified-Since": modified}
    headers = {"Accept-Encoding": "gzip"} | {name: said for name, said in known.items() if said}
    with (
        Session(bounds, purpose="reads the feed of a shop") as session,
        session.get(url, headers, login) as answer,
    ):
        now = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
        if answer.status == http.HTTPStatus.NOT_MODIFIED and (etag or modified):
            return Fetched(None, now[0] or etag, now[1] or modified)
        answer.check()
        file = tempfile.NamedTemporaryFile(prefix="vitrina-")  # noqa: SIM115 - the caller closes it
        try:
            file.writelines(answer.pieces(unpack=True))
            file.flush()
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return Fetched(file, *now)


def login_of(url: str) -> tuple[str, tuple[str, str] | None]:
    """The address without its user name and password, and these; else those of `.netrc`."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url, requests.utils.get_netrc_auth(url)
    given, _, place = parts.netloc.rpartition("@")
    user, _, password = given.partition(":")
    bare = urlunsplit(parts._replace(netloc=place))
    return bare, (unquote(user), unquote(password))


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


@contextmanager
def _explained(deadline: Deadline) -> Iterator[None]:
    """Turns the errors of the HTTP client into ours."""
    try:
        yield
    except FetchError:
        if deadline.over:
            raise deadline.too_late() from None
        raise
    except (requests.Timeout, TimeoutError, ReadTimeoutError) as error:
        raise deadline.too_late() from error
    except Exception as error:
        raise (deadline.too_late() if deadline.over else _meaning(error)) from error


def _meaning(error: Exception) -> FetchError:
    """Our error for an error of the HTTP client."""
    cause: BaseException | None = error
    while cause is not None:  # the certificate's error is the cause of several others
        if isinstance(cause, ssl.SSLCertVerificationError):
            return FetchError(f"its certificate is not accepted ({cause.verify_message})")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, requests.exceptions.SSLError):
        return FetchError("no secure connection is possible", transient=True)
    if isinstance(error, requests.exceptions.InvalidURL | UnicodeError | ValueError):
        return FetchError("the address cannot be understood")
    return FetchError(
        "the server broke the connection, or its answer makes no sense", transient=True
    )
