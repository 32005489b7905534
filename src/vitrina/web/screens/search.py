"""The search: one box, filters at its side, products with the reason why each is there."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vitrina.search.reading import literal
from vitrina.web import pages
from vitrina.web.nothing import nothing
from vitrina.web.results import Found, find
from vitrina.web.services import Services, services
from vitrina.web.sidebar import chips, sidebar
from vitrina.web.state import State

router = APIRouter(include_in_schema=False)
NAV = ("Search", "/")
SORTS = [
    ("relevance", "best first"),
    ("price", "price, low first"),
    ("-price", "price, high first"),
    ("newest", "newest"),
    ("oldest", "oldest"),
]


@router.get("/")
def search(request: Request) -> Response:
    """The page of a search, or of the whole catalogue; a form's address becomes the short one."""
    shared = services(request)
    state = State.of(request.url.query)
    if "price." in request.url.query or "=&" in f"{request.url.query}&":
        return RedirectResponse(state.address(page=state.page), 303)
    found = find(shared, state)
    side = sidebar(shared, found)
    total = side.total if found.total is None else found.total
    return pages.page(
        request, "search.html", {**_context(shared, found), "side": side, "total": total}
    )


@router.get("/part/search")
def products(request: Request) -> Response:
    """What changes with the state: the products, without what takes longer to count."""
    shared = services(request)
    state = State.of(request.url.query)
    found = find(shared, state, typing=request.headers.get("X-Typing") == "1")
    context = {**_context(shared, found), "total": found.total}
    return pages.page(request, "search_parts.html", context)


@router.get("/part/facets")
def facets(request: Request) -> Response:
    """The facets of a state, and how many products it finds."""
    shared = services(request)
    state = State.of(request.url.query)
    found = Found(shared, state, [], False, None, rough=request.headers.get("X-Typing") == "1")
    side = sidebar(shared, found)
    return pages.page(
        request,
        "search_facets.html",
        {"found": found, "state": state, "side": side, "chips": chips(state)},
    )


def _context(shared: Services, found: Found) -> dict[str, Any]:
    state = found.state
    shown = [int(state.picture[2:])] if state.picture.startswith("p:") else []
    given = shared.catalog.pictures.of(dict.fromkeys([*shown, *state.liked, *state.disliked], None))
    known = [name for name, _ in SORTS]
    names = shared.attributes.names(shared.catalog)
    return {
        "found": found,
        "state": state,
        "how": found.how,
        "chips": chips(state),
        "nothing": None if found.cards else nothing(shared, state),
        "exact": literal(state.query),
        "sorts": SORTS if state.sort in known else [*SORTS, (state.sort, state.sort)],
        "groups": names if not state.group or state.group in names else [*names, state.group],
        "given_pictures": {str(product): sha for product, sha in given.items()},
    }
