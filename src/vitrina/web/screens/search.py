"""The search: one box, filters at its side, products with the reason why each is there."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from vitrina.web import pages
from vitrina.web.results import found
from vitrina.web.services import services
from vitrina.web.state import State

router = APIRouter(include_in_schema=False)
NAV = ("Search", "/")


@router.get("/")
def search(request: Request) -> Response:
    """The page of a search, or of the whole catalogue."""
    state = State.of(request.url.query)
    return pages.page(request, "search.html", found(services(request), state).context())


@router.get("/part/search")
def part(request: Request) -> Response:
    """What changes on the page with the state."""
    state = State.of(request.url.query)
    return pages.page(request, "search_parts.html", found(services(request), state).context())
