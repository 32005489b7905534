"""The gate before every route: names of the host, login, forged posts; headers on every answer."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from urllib.parse import parse_qs, quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitrina.web.receiving import read, replay
from vitrina.web.services import MCP_PATH, METRICS_PATH, Options

SESSION = "vitrina_session"
FOREIGN = "this request comes from another site"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types vitrina"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    # no-referrer would make the Origin of a form "null"
    "Referrer-Policy": "same-origin",
}
OPEN = ("/login", "/static/", "/theme")  # without a login
Refuse = Callable[[Scope, int, str], Response]


class Gate:
    """Lets through what this server may answer, and puts its headers on every answer.

    Args:
        app: the application behind it.
        options: how it is served.
        refuse: makes the answer to a refused request, from its scope, a status and a reason.
    """

    def __init__(self, app: ASGIApp, options: Options, refuse: Refuse) -> None:
        self._app = app
        self._options = options
        self._refuse = refuse
        self._key = secrets.token_bytes(32)
        self._hosts = hosts(options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope["csrf"] = self.csrf(headers)
        scope["logged_in"] = self._options.token is not None and self._knows(headers)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._finish(scope, MutableHeaders(scope=message))
            await send(message)

        refusal = self._check(scope, headers)
        if refusal is None and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            check = self._check_tools if scope["path"] == MCP_PATH else self._check_post
            refusal, receive = await check(scope, headers, receive)
        await (refusal or self._app)(scope, receive, answer)

    def _check(self, scope: Scope, headers: Headers) -> Response | None:
        if headers.get("host", "").lower() not in self._hosts:
            return PlainTextResponse(
                "This server does not answer to that name: see vitrina serve --allow-host", 400
            )
        path = scope["path"]
        if self._is_embedded(scope, headers):
            return self._refuse(scope, 403, FOREIGN)
        known = self._bears(headers) if path == MCP_PATH else self._knows(headers)
        if self._options.token is None or known or path.startswith(OPEN):
            return None
        told = path.startswith("/api/") or path in (MCP_PATH, METRICS_PATH)
        if told or scope["method"] not in ("GET", "HEAD"):
            refusal = self._refuse(scope, 401, "log in first, or send Authorization: Bearer TOKEN")
            refusal.headers["WWW-Authenticate"] = "Bearer"
            return refusal
        query = scope["query_string"].decode("latin-1")
        wanted = path + (f"?{query}" if query else "")
        return RedirectResponse(f"/login?next={quote(wanted, safe='')}", 303)

    def _is_embedded(self, scope: Scope, headers: Headers) -> bool:
        """Whether a page of another site loads this, as a picture or a script, without being seen.

        A reading request may cost too: the vector of a query, a picture that is fetched.
        """
        if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            return False
        followed = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == (
            "navigate",
            "document",
        )
        allowed = scope["path"].startswith("/api/") and headers.get("origin") in self._options.cors
        reads = scope["method"] in ("GET", "HEAD")  # of others, see _check_post
        return reads and not (followed or allowed or scope["path"].startswith("/static/"))

    async def _check_post(
        self, scope: Scope, headers: Headers, receive: Receive
    ) -> tuple[Response | None, Receive]:
        """A refusal of a post from elsewhere; what it says, to be received again."""
        cookie = headers.get("cookie", "")
        if self._bears(headers) and SESSION not in cookie:
            return None, receive  # no browser sends that on behalf of a stranger
        if not _is_own(headers, unknown=False):
            return self._refuse(scope, 403, FOREIGN), receive
        token = headers.get("x-csrf-token")
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            try:
                body = await read(receive)
            except HTTPException as error:
                return self._refuse(scope, error.status_code, error.detail), receive
            receive = replay(body, receive)
            token = token or parse_qs(body.decode("utf-8", "replace")).get("csrf", [""])[0]
        if token is None or not hmac.compare_digest(token.encode(), self.csrf(headers).encode()):
            return self._refuse(scope, 403, "the form is too old: load the page again"), receive
        return None, receive

    async def _check_tools(
        self, scope: Scope, headers: Headers, receive: Receive
    ) -> tuple[Response | None, Receive]:
        """The same for an assistant's post, which comes from no form: no cookie lets it in either.

        A browser names the site in every post; what names none is not a browser.
        """
        if not _is_own(headers, unknown=True):
            return self._refuse(scope, 403, FOREIGN), receive
        try:
            body = await read(receive)
        except HTTPException as error:
            return self._refuse(scope, error.status_code, error.detail), receive
        return None, replay(body, receive)

    def csrf(self, headers: Headers) -> str:
        """What a form of this visitor carries."""
        session = cookie_parser(headers.get("cookie", "")).get(SESSION, "")
        return hmac.new(self._key, f"form {session}".encode(), hashlib.sha256).hexdigest()[:32]

    def _knows(self, headers: Headers) -> bool:
        if self._bears(headers):
            return True
        given = cookie_parser(headers.get("cookie", "")).get(SESSION, "")
        return hmac.compare_digest(given.encode(), session_of(self._options.token or "").encode())

    def _bears(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        return (
            self._options.token is not None
            and kind.lower() == "bearer"
            and hmac.compare_digest(given.strip().encode(), self._options.token.encode())
        )

    def _finish(self, scope: Scope, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers[name] = value
        if "cache-control" not in headers:
            headers["Cache-Control"] = "private, no-cache"
        if not scope["path"].startswith("/static/"):
            headers.add_vary_header("Cookie")
        origin = Headers(scope=scope).get("origin")
        if scope["path"].startswith("/api/") and self._options.cors:
            headers.add_vary_header("Origin")
            if origin in self._options.cors:
                headers["Access-Control-Allow-Origin"] = origin
                headers["Cross-Origin-Resource-Policy"] = "cross-origin"


def _is_own(headers: Headers, *, unknown: bool) -> bool:
    """Whether a page of this server posts; `unknown`: what is said of a request without a site."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return unknown
    return urlsplit(origin).netloc.lower() == headers["host"].lower()


def hosts(options: Options) -> frozenset[str]:
    """The values of the Host header that are answered."""
    names = {"localhost", "127.0.0.1", "[::1]"}
    if options.host not in ("0.0.0.0", "::"):  # noqa: S104 - that is no name
        names.add(f"[{options.host}]" if ":" in options.host else options.host)
    allowed = {f"{name}:{options.port}".lower() for name in names}
    if options.port == 80:
        allowed |= names
    for name in options.allow_hosts:
        allowed |= {name.lower(), f"{name}:{options.port}".lower()}
    return frozenset(allowed)


def session_of(token: str) -> str:
    """The value of the cookie of those who know the token."""
    return hmac.new(token.encode(), b"vitrina session", hashlib.sha256).hexdigest()


def is_token(given: str, options: Options) -> bool:
    """Whether this is the token."""
    return options.token is not None and hmac.compare_digest(given.encode(), options.token.encode())


def local_path(wanted: str) -> str:
    """An address of this server to go on to: never another server's."""
    parts = urlsplit(wanted)
    is_local = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    clean = not any(ord(sign) < 33 or sign == "\\" for sign in wanted)
    return wanted if is_local and clean and not parts.netloc and not parts.scheme else "/"
