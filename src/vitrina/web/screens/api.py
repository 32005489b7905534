"""The API: every verb that a shop needs, as JSON, with the names of a search's address."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from vitrina.errors import InputError
from vitrina.web import pages, verbs
from vitrina.web.answers import (
    Count,
    Explained,
    Facets,
    FoundProducts,
    Pairs,
    Suggestions,
    Whole,
)
from vitrina.web.parameters import NARROWING, SEARCHING, Answer, number, parameter, query_of, share
from vitrina.web.services import services
from vitrina.web.state import State

router = APIRouter(prefix="/api", tags=["search"])
NAV = None
FACETS = [
    *SEARCHING,
    parameter("k", "Values of each facet, 1 to 1000.", "integer"),
    parameter(
        "attribute", "Count this attribute; repeatable. Without: all that repeat.", many=True
    ),
]
SUGGEST = [
    parameter("q", "What was typed so far."),
    parameter("k", "How many, 1 to 1000.", "integer"),
]
SIMILAR = [
    parameter("source", "Only of this source; repeatable.", many=True),
    parameter("n", "How many.", "integer"),
]
RECOMMEND = [
    parameter("like", "The id of a liked product; repeatable.", "integer", many=True),
    parameter("unlike", "Of a disliked one; repeatable.", "integer", many=True),
    *NARROWING,
    parameter("n", "How many.", "integer"),
]
NAMED = [
    parameter("id", "The shop's own id."),
    parameter("of", "Its source, if several have that id."),
]
DUPLICATES = [
    parameter("source", "Only of this source; repeatable.", many=True),
    parameter("k", "How many, 1 to 1000.", "integer"),
    parameter("min_picture", "Least cosine of two layouts, 0.8 to 1.", "number"),
    parameter("min_looks", "Pictures that look alike too, from this cosine on.", "number"),
]
EXPLAIN = [parameter("product", "The id of a product, a number.", "integer"), *SEARCHING]


@router.get("/search", **Answer(FoundProducts, SEARCHING).options)
def search(request: Request) -> Response:
    """The products that match best, by words, by picture, by liked products, or by all."""
    state, typing = State.of(request.url.query), request.headers.get("X-Typing") == "1"
    return pages.data(request, verbs.search(services(request), state, typing=typing))


@router.get("/count", **Answer(Count, SEARCHING).options)
def count(request: Request) -> Response:
    """How many products the same search finds on all its pages."""
    return pages.data(request, verbs.count(services(request), State.of(request.url.query)))


@router.get("/facets", **Answer(Facets, FACETS).options)
def facets(request: Request) -> Response:
    """The values of the products that the same search finds: each facet without its own choice."""
    own, state = query_of(request, "k", "attribute")
    k = number("k", own.get("k"), 10)
    return pages.data(request, verbs.facets(services(request), state, k, own.get("attribute")))


@router.get("/suggest", **Answer(Suggestions, SUGGEST).options)
def suggest(request: Request) -> Response:
    """Completions of a query that is being typed."""
    own, state = query_of(request, "k")
    _only(state, State(query=state.query))
    k = number("k", own.get("k"), 10)
    return pages.data(request, verbs.suggest(services(request), state.query, k))


@router.get("/similar/{product_id}", **Answer(FoundProducts, SIMILAR).options)
def similar(request: Request, product_id: int) -> Response:
    """The products most similar to a product, by meaning and by looks."""
    state = State.of(request.url.query)
    _only(state, State(sources=state.sources, n=state.n))
    return pages.data(request, verbs.similar(services(request), product_id, state.n, state.sources))


@router.get("/recommend", **Answer(FoundProducts, RECOMMEND).options)
def recommend(request: Request) -> Response:
    """The products nearest to the liked ones together, and away from the disliked."""
    return pages.data(request, verbs.recommend(services(request), State.of(request.url.query)))


@router.get("/duplicates", **Answer(Pairs, DUPLICATES).options)
def duplicates(request: Request) -> Response:
    """The products that are nearly the same as an earlier one, by picture and by text."""
    own, state = query_of(request, "k", "min_picture", "min_looks")
    _only(state, State(sources=state.sources))
    rows = services(request).catalog.duplicates(
        k=number("k", own.get("k"), 100),
        sources=state.sources or None,
        min_picture=share("min_picture", own.get("min_picture", ["0.99"])),
        min_looks=share("min_looks", own["min_looks"]) if "min_looks" in own else None,
    )
    return pages.data(request, {"duplicates": [asdict(row) for row in rows]})


@router.get("/product/{product_id}", **Answer(Whole).options)
def product(request: Request, product_id: int) -> Response:
    """Everything known of a product, by its id."""
    return pages.data(request, verbs.product(services(request), product_id))


@router.get("/product", **Answer(Whole, NAMED).options)
def product_by_name(request: Request) -> Response:
    """Everything known of a product, by the shop's own id."""
    own, state = query_of(request, "id", "of")
    _only(state, State())
    if not own.get("id"):
        raise InputError("name a product: /api/product?id=…")
    named, source = own["id"][-1], own.get("of", [None])[-1]
    key = named if source is None else (source, named)
    return pages.data(request, verbs.product(services(request), key))


@router.get("/explain", **Answer(Explained, EXPLAIN).options)
def explain(request: Request) -> Response:
    """Why a product is where it is in the same search, or is not there."""
    own, state = query_of(request, "product")
    if "product" not in own:
        raise InputError("name a product: /api/explain?product=17&q=…")
    product_id = number("product", own["product"], 0)
    return pages.data(request, verbs.explain(services(request), state, product_id))


def _only(state: State, allowed: State) -> None:
    """Refuse names that a search knows and this verb does not."""
    extra = [name for name, value in state.pairs() if (name, value) not in allowed.pairs()]
    if extra:
        raise InputError(f"{extra[0]} has no meaning here")
