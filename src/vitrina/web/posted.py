"""What a form posts, and the answer to it: JSON for a script, another page for a browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vitrina.catalog import Catalog
from vitrina.errors import InputError, ReadOnlyError
from vitrina.web import pages
from vitrina.web.receiving import form
from vitrina.web.security import local_path
from vitrina.web.services import services


async def _fields(request: Request) -> dict[str, str]:
    return await form(request)


Fields = Annotated[dict[str, str], Depends(_fields)]


def editor(request: Request) -> Catalog:
    """The catalogue to write with."""
    found = services(request).editor
    if found is None:  # its routes are not there then
        raise ReadOnlyError("this server was started without --edit")
    return found


def needed(given: Mapping[str, str], name: str) -> str:
    """A field of a form. Raises InputError where it is missing or empty."""
    value = given.get(name, "").strip()
    if not value:
        raise InputError(f"the form has no {name}")
    return value


def done(request: Request, given: Mapping[str, str], value: Mapping[str, Any]) -> Response:
    """The answer to a form: `value` as JSON, or in the address of the page to go on to."""
    if pages.wants_json(request):
        answer = pages.data(request, dict(value))
    else:
        wanted = local_path(given.get("next", "/"))
        said = urlencode({name: each for name, each in value.items() if each not in (None, "")})
        join = "&" if "?" in wanted else "?"
        answer = RedirectResponse(f"{wanted}{join}{said}" if said else wanted, 303)
    answer.headers["Cache-Control"] = "no-store"
    return answer
