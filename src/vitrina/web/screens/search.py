"""The search: one box, filters at its side, products with the reason why each is there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vitrina.errors import InputError, NotFoundError
from vitrina.search.reading import corrected, literal
from vitrina.web import pages
from vitrina.web.nothing import nothing
from vitrina.web.receiving import form
from vitrina.web.results import Found, find
from vitrina.web.security import local_path
from vitrina.web.services import Services, services
from vitrina.web.sidebar import chips, sidebar
from vitrina.web.state import State

router = APIRouter(include_in_schema=False)
edit_router = APIRouter(include_in_schema=False)
NAV = ("Search", "/")
NAMED = 6  # liked products
SORTS = [
    ("relevance", "Best match"),
    ("price", "Price, low to high"),
    ("-price", "Price, high to low"),
    ("newest", "Newest"),
    ("oldest", "Oldest"),
]


@router.get("/")
def search(request: Request) -> Response:
    """The page of a search, or of the whole catalogue; a form's address becomes the short one."""
    shared = services(request)
    state = State.of(request.url.query)
    if (
        "price." in request.url.query
        or "box." in request.url.query
        or "=&" in f"{request.url.query}&"
    ):
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


@edit_router.post("/rules/{product_id}")
async def rule(request: Request, product_id: int) -> Response:
    """Pin or hide a product for a query; `remove`, ids of rules, takes them back."""
    given = await form(request)
    return await pages.in_thread(_rule, request, product_id, given)


def _rule(request: Request, product_id: int, given: dict[str, str]) -> Response:
    shared = services(request)
    if shared.editor is None:
        raise NotFoundError("this server was started without --edit")
    rules = shared.editor.rules
    query = given.get("query", "").strip() or None
    if given.get("remove"):
        ids = given["remove"].split(",")
        if not all(re.fullmatch("[0-9]{1,15}", each) for each in ids):
            raise InputError(f"remove has the numbers of rules, not {given['remove'][:60]!r}")
        rules.remove([int(each) for each in ids])
        return pages.data(request, {"removed": given["remove"]})
    if given.get("action") not in ("pin", "hide"):
        raise InputError("action is pin or hide")
    if given["action"] == "pin":
        put = rules.add(query, pin=[product_id])
    else:
        put = rules.add(query, hide=[product_id])
    if pages.wants_json(request):
        return pages.data(request, {"rules": [each.id for each in put]})
    return RedirectResponse(local_path(given.get("next", "/")), 303)


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
        "corrected": corrected(state.query, found.reading),
        "titles": _titles(shared, (*state.liked, *state.disliked)),
        "sorts": SORTS if state.sort in known else [*SORTS, (state.sort, state.sort)],
        "groups": names if not state.group or state.group in names else [*names, state.group],
        "given_pictures": {str(product): sha for product, sha in given.items()},
    }


def _titles(shared: Services, products: Sequence[int]) -> dict[int, str]:
    """The titles of the first of these products."""
    return {each: shared.catalog.get(each).title for each in products[:NAMED]}
