"""Answers: whole pages, parts of them, JSON, and errors as each of these."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from vitrina.errors import (
    AccessError,
    BusyError,
    ConfigError,
    InputError,
    NotFoundError,
    PictureError,
    ReadOnlyError,
    SlowError,
    UnreachableError,
    VitrinaError,
)
from vitrina.web import filters
from vitrina.web.security import local_path
from vitrina.web.services import MCP_PATH, STATEMENT_SECONDS, services
from vitrina.web.state import decimal

THEMES = ("light", "dark")
PRIVATE = "private, no-cache"
BUG = "This is a bug in vitrina; the terminal of `vitrina serve` shows where."
PACKED_FROM = 2000  # bytes
PACKING = 4  # a level that takes about a millisecond for a page
STATUS: tuple[tuple[type[VitrinaError], int], ...] = (
    (InputError, 400),
    (BusyError, 503),
    (PictureError, 422),
    (NotFoundError, 404),
    (SlowError, 503),
    (UnreachableError, 503),
    (AccessError, 403),
    (ReadOnlyError, 403),
    (ConfigError, 400),
    (VitrinaError, 500),
)

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters.update({**filters.ALL, "decimal": decimal})
TITLES = {
    400: "This cannot be read as it is",
    403: "Refused",
    404: "Not found",
    413: "Too large",
    500: "Something broke here",
    503: "Unavailable just now",
}


def page(
    request: Request, template: str, context: Mapping[str, Any] | None = None, status: int = 200
) -> Response:
    """A page, or part of one, from a template; 304 if the browser has it already.

    Every template knows `edit`, `csrf`, `static(name)`, `theme`, `nav`, `path` and `here` (the
    whole address), besides `context`.
    """
    found = services(request)
    theme = request.cookies.get("theme", "")
    body = _templates.get_template(template).render(
        {
            "edit": found.editor is not None,
            "csrf": request.scope.get("csrf", ""),
            "static": found.static.url,
            "theme": theme if theme in THEMES else "",
            "nav": request.app.state.nav,
            "path": request.url.path,
            "here": here(request),
            "logged_in": request.scope.get("logged_in", False),
            **(context or {}),
        }
    )
    return tagged(request, body.encode("utf-8", "replace"), "text/html", status)


def data(request: Request, value: object, status: int = 200) -> Response:
    """A value as JSON; 304 if the client has it already."""
    body = as_json(value)
    return tagged(request, body.encode("utf-8", "replace"), "application/json", status)


def as_json(value: object) -> str:
    """A value as JSON, dates and decimals included."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def tagged(request: Request, body: bytes, kind: str, status: int = 200) -> Response:
    """A body with its tag, or 304 without it; an error without a tag."""
    headers = {"Cache-Control": PRIVATE, "Vary": "Accept-Encoding"}
    if status == 200:
        # a weak tag: the same for the body as it is and packed
        headers["ETag"] = f'W/"{hashlib.sha256(body).hexdigest()[:24]}"'
        known = request.headers.get("if-none-match", "").split(",")
        if headers["ETag"] in [given.strip() for given in known]:
            return Response(status_code=304, headers=headers)
    if len(body) > PACKED_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, PACKING, mtime=0)
    return Response(body, status, headers, f"{kind}; charset=utf-8")


async def in_thread(work: Callable[..., Response], *given: Any) -> Response:
    """The answer of a function that waits for the database, without holding others up."""
    return await run_in_threadpool(work, *given)


def here(request: Request) -> str:
    """The address of a request, without the server."""
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def status_of(error: VitrinaError) -> int:
    """The HTTP status of an error."""
    return next(status for kind, status in STATUS if isinstance(error, kind))


def wants_json(request: Request) -> bool:
    """Whether a program asks, or a script of a page: a browser names other kinds."""
    return "application/json" in request.headers.get("accept", "")


def failure(request: Request, status: int, reason: str) -> Response:
    """An error in the form of what was asked for: JSON, a part of /part, or a page."""
    reason = reason[:2000]
    if request.url.path.startswith(("/api/", MCP_PATH)) or wants_json(request):
        answer = data(request, {"error": reason, "status": status}, status)
    else:
        template = "part_error.html" if request.url.path.startswith("/part/") else "error.html"
        title = TITLES.get(status) or HTTPStatus(status).phrase
        answer = page(
            request,
            template,
            {"reason": reason, "status": status, "title": title, "back": _before(request)},
            status,
        )
    answer.headers["Cache-Control"] = "no-store"
    if status == 503:
        answer.headers["Retry-After"] = "1"
    return answer


def _before(request: Request) -> str:
    """The page of this server that a form was on; "" for none."""
    given = urlsplit(request.headers.get("referer", ""))
    if request.method == "GET" or given.netloc.lower() != request.headers.get("host", "").lower():
        return ""
    return local_path(given.path + (f"?{given.query}" if given.query else ""))


def refusal(scope: Scope, status: int, reason: str) -> Response:
    """`failure` for a request that no route has met."""
    return failure(Request(scope), status, reason)


def explained(request: Request, error: VitrinaError) -> Response:
    """The answer to a request that failed for a known reason."""
    return failure(request, status_of(error), reason_of(error))


def reason_of(error: VitrinaError) -> str:
    """Why there is no answer, in words for those who asked."""
    if isinstance(error, SlowError):
        took = f"This took longer than {STATEMENT_SECONDS:.0f} seconds"
        return f"{took} and was stopped: narrow it down."
    return str(error)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
