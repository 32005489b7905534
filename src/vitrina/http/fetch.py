"""What is at an address that somebody else wrote: pictures, feeds.

One deadline covers the whole exchange, redirects included. No cookies, and no proxy and no `.netrc`
unless they are asked for.

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
from urllib.parse import urljoin

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
_IN_MEMORY = 1_000_000  # bytes of a feed; a longer one goes to a file


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an exchange may cost: bytes of the answer, unpacked, seconds for all of it, redirects.

    Without any redirects, a redirect is an answer. `allow_private` lets addresses of the own
    network through.
    """

    bytes: int = 10_000_000
    seconds: float = 20.0
    redirects: int = 3
    allow_private: bool = False


FEED = Bounds(bytes=2_000_000_000, seconds=900.0)


class Session(Closing):
    """Gets what is at addresses within bounds, keeping connections open; threads may share one.

    A redirect from https to http is followed: plain http is good enough for an address in the
    catalogue, and nothing secret is ever sent.

    Args:
        bounds: of each exchange.
        purpose: what for, in words for who runs the server.
        accept: the kinds that are asked for.
        environment: use the proxies, `.netrc` and certificates that the environment names.
        verify: whether certificates have to be good.
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
        """Close the connections that are kept."""
        self._session.close()

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Answer]:
        """The answer at the end of the redirects, whatever its status, while it may be read.

        Raises FetchError; `transient` where another try later may go better.
        """
        with Deadline(self.bounds.seconds) as deadline:
            for _ in range(self.bounds.redirects + 1):
                with _explained(deadline):
                    check_address(url)
                    response = self._session.get(
                        url,
                        headers=headers,
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
                    raise FetchError("the server redirects without saying where to")
            many = self.bounds.redirects
            raise FetchError(f"more than {many} redirects; give the last address")


class Answer:
    """An answer whose body has yet to be read."""

    def __init__(self, response: requests.Response, most: int, deadline: Deadline) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response, self._most, self._deadline = response, most, deadline

    def check(self) -> None:
        """Raises StatusError unless the server says here it is."""
        if self.status in {200, 203}:
            return
        try:
            said = f"{self.status} {http.HTTPStatus(self.status).phrase}"
        except ValueError:
            said = str(self.status)
        transient = self.status in _TRANSIENT or self.status >= 500
        raise StatusError(self.status, said, transient=transient)

    def pieces(self, *, unpack: bool = False) -> Iterator[bytes]:
        """The body as it comes in, or unpacked. Raises FetchError, TooMuchError beyond bounds."""
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
        self._deadline.left()  # a body without a length ends where its connection is cut


@dataclass(frozen=True, slots=True)
class Fetched(Closing):
    """What is at an address; close it.

    `etag` and `modified` are to be given back next time, to be told where nothing has changed.
    """

    file: IO[bytes] | None  # from its beginning
    etag: str | None
    modified: str | None

    @property
    def unchanged(self) -> bool:
        """Whether it is what it was; then there is no file."""
        return self.file is None

    def close(self) -> None:
        """Let go of the file."""
        if self.file is not None:
            self.file.close()


def fetch(
    url: str, *, etag: str | None = None, modified: str | None = None, bounds: Bounds = FEED
) -> Fetched:
    """What is at `url`, unpacked, unless it is what it was when it had this `etag` and `modified`.

    Raises FetchError, whose words leave the address out: there may be a secret in it.
    """
    known = {"If-None-Match": etag, "If-Modified-Since": modified}
    headers = {"Accept-Encoding": "gzip"} | {name: said for name, said in known.items() if said}
    with (
        Session(bounds, purpose="reads the feed of a shop") as session,
        session.get(url, headers) as answer,
    ):
        now = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
        if answer.status == http.HTTPStatus.NOT_MODIFIED and (etag or modified):
            return Fetched(None, now[0] or etag, now[1] or modified)
        answer.check()
        file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - goes to the caller
        try:
            file.writelines(answer.pieces(unpack=True))
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return Fetched(file, *now)


@contextmanager
def _explained(deadline: Deadline) -> Iterator[None]:
    """The errors of the HTTP client as ours."""
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
    """What an error of the HTTP client means."""
    cause: BaseException | None = error
    while cause is not None:  # the certificate's error lies at the bottom of several others
        if isinstance(cause, ssl.SSLCertVerificationError):
            return FetchError(f"its certificate is not accepted ({cause.verify_message})")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, requests.exceptions.SSLError):
        return FetchError("no secure connection could be made", transient=True)
    if isinstance(error, requests.exceptions.InvalidURL | UnicodeError | ValueError):
        return FetchError("the address cannot be understood")
    return FetchError("the server broke off or its answer makes no sense", transient=True)
