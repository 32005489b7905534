"""The API: every verb that a shop needs, as JSON, with the names of a search's address."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from vitrina.errors import InputError
from vitrina.search.hits import Hit
from vitrina.web import pages
from vitrina.web.asking import arguments, filters, picture_of
from vitrina.web.parameters import NARROWING, SEARCHING, Answer, parameter, query_of
from vitrina.web.results import find
from vitrina.web.services import Services, services
from vitrina.web.state import State

router = APIRouter(prefix="/api", tags=["search"])
NAV = None


class FoundProduct(BaseModel):
    """A product that was found; see the page on search for what its numbers mean.

    `picture` is the address of its thumbnail on this server.
    """

    product_id: int
    source: str
    external_id: str
    title: str
    caption: str | None = None
    keywords: list[str]
    url: str | None = None
    image: str | None = None
    picture: str | None = None
    score: float
    similarity: float | None = None
    text_rank: float | None = None
    matched: list[str]
    relevance: float | None = None
    missing: list[str]
    attributes: dict[str, Any]
    sku: str | None = None


class FoundProducts(BaseModel):
    """A page of products; `more` says whether another page follows."""

    products: list[FoundProduct]
    more: bool
    corrected: dict[str, str] = {}


class Count(BaseModel):
    """How many products a search finds on all its pages."""

    count: int


class FacetValue(BaseModel):
    """A value that products share, and how many a search finds once it is chosen."""

    kind: str
    facet: str
    value: str
    products: int
    low: float | None = None
    high: float | None = None
    chosen: bool


class Facets(BaseModel):
    """The values of a search's products, by facet and attribute."""

    facets: list[FacetValue]


class Suggested(BaseModel):
    """A completion of a query."""

    suggestion: str
    keyword: str
    facet: str
    products: int


class Suggestions(BaseModel):
    """Completions, the most used first."""

    suggestions: list[Suggested]


class Keyword(BaseModel):
    """A keyword of a product, what was said, and how that became the keyword."""

    keyword: str
    facet: str
    said: str
    method: str | None = None
    similarity: float | None = None
    decided_at: datetime | None = None


class Whole(BaseModel):
    """Everything known of a product."""

    product_id: int
    source: str
    external_id: str
    sku: str | None = None
    codes: list[str]
    title: str
    text: str | None = None
    description: str | None = None
    caption: str | None = None
    keywords: list[Keyword]
    by_hand: bool
    attributes: dict[str, Any]
    url: str | None = None
    image: str | None = None
    picture: str | None = None
    image_error: str | None = None
    images: list[dict[str, Any]]
    variants: list[dict[str, Any]]
    state: str
    error: str | None = None
    enriched_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


class Explained(BaseModel, extra="allow"):
    """Why a product is where it is: its place or gate, its score by channel, its words."""


@router.get("/search", **Answer(FoundProducts, SEARCHING).options)
def search(request: Request) -> Response:
    """The products that match best, by words, by picture, by liked products, or by all."""
    shared = services(request)
    found = find(shared, State.of(request.url.query))
    corrected = (
        dict(zip(found.reading.said, found.reading.corrected, strict=False))
        if found.reading
        else {}
    )
    products = [{**asdict(card.hit), "picture": picture(card.picture)} for card in found.cards]
    return pages.data(request, {"products": products, "more": found.more, "corrected": corrected})


@router.get("/count", **Answer(Count, SEARCHING).options)
def count(request: Request) -> Response:
    """How many products the same search finds on all its pages."""
    shared = services(request)
    state = State.of(request.url.query)
    vector, _ = picture_of(shared, state)
    return pages.data(request, {"count": shared.catalog.count_matches(**arguments(state, vector))})


@router.get(
    "/facets",
    **Answer(
        Facets,
        [
            *SEARCHING,
            parameter("k", "Values of each facet, 1 to 1000.", "integer"),
            parameter(
                "attribute",
                "Count this attribute; repeatable. Without: all that repeat.",
                many=True,
            ),
        ],
    ).options,
)
def facets(request: Request) -> Response:
    """The values of the products that the same search finds: each facet without its own choice."""
    shared = services(request)
    own, state = query_of(request, "k", "attribute")
    vector, _ = picture_of(shared, state)
    rows = shared.catalog.facets(
        k=_number("k", own.get("k"), 10),
        attributes=own.get("attribute"),
        **arguments(state, vector),
    )
    return pages.data(request, {"facets": [asdict(row) for row in rows]})


@router.get(
    "/suggest",
    **Answer(
        Suggestions,
        [
            parameter("q", "What was typed so far."),
            parameter("k", "How many, 1 to 1000.", "integer"),
        ],
    ).options,
)
def suggest(request: Request) -> Response:
    """Completions of a query that is being typed."""
    own, state = query_of(request, "k")
    _only(state, State(query=state.query))
    rows = services(request).catalog.suggest(state.query, k=_number("k", own.get("k"), 10))
    return pages.data(request, {"suggestions": [asdict(row) for row in rows]})


@router.get(
    "/similar/{product_id}",
    **Answer(
        FoundProducts,
        [
            parameter("source", "Only of this source; repeatable.", many=True),
            parameter("n", "How many.", "integer"),
        ],
    ).options,
)
def similar(request: Request, product_id: int) -> Response:
    """The products most similar to a product, by meaning and by looks."""
    state = State.of(request.url.query)
    _only(state, State(sources=state.sources, n=state.n))
    shared = services(request)
    hits = shared.catalog.similar(product_id, k=state.n, sources=state.sources or None)
    return pages.data(request, {"products": _products(shared, hits), "more": False})


@router.get(
    "/recommend",
    **Answer(
        FoundProducts,
        [
            parameter("like", "The id of a liked product; repeatable.", "integer", many=True),
            parameter("unlike", "Of a disliked one; repeatable.", "integer", many=True),
            *NARROWING,
            parameter("n", "How many.", "integer"),
        ],
    ).options,
)
def recommend(request: Request) -> Response:
    """The products nearest to the liked ones together, and away from the disliked."""
    state = State.of(request.url.query)
    shared = services(request)
    hits = shared.catalog.recommend(state.liked, state.disliked, k=state.n, **filters(state))
    return pages.data(request, {"products": _products(shared, hits), "more": False})


@router.get("/product/{product_id}", **Answer(Whole).options)
def product(request: Request, product_id: int) -> Response:
    """Everything known of a product, by its id."""
    return pages.data(request, _whole(services(request), product_id))


@router.get(
    "/product",
    **Answer(
        Whole,
        [
            parameter("id", "The shop's own id."),
            parameter("of", "Its source, if several have that id."),
        ],
    ).options,
)
def product_by_name(request: Request) -> Response:
    """Everything known of a product, by the shop's own id."""
    own, state = query_of(request, "id", "of")
    _only(state, State())
    if not own.get("id"):
        raise InputError("name a product: /api/product?id=…")
    named, source = own["id"][-1], own.get("of", [None])[-1]
    return pages.data(
        request, _whole(services(request), named if source is None else (source, named))
    )


@router.get(
    "/explain",
    **Answer(
        Explained,
        [parameter("product", "The id of a product, a number.", "integer"), *SEARCHING],
    ).options,
)
def explain(request: Request) -> Response:
    """Why a product is where it is in the same search, or is not there."""
    shared = services(request)
    own, state = query_of(request, "product")
    if "product" not in own:
        raise InputError("name a product: /api/explain?product=17&q=…")
    vector, _ = picture_of(shared, state)
    given = arguments(state, vector)
    found = shared.catalog.explain(
        given.pop("query", None),
        _number("product", own["product"], 0),
        k=state.n,
        offset=state.first,
        **given,
    )
    return pages.data(request, asdict(found))


def picture(sha256: str | None) -> str | None:
    """The address of a thumbnail."""
    return f"/pic/320/{sha256}.webp" if sha256 else None


def _products(shared: Services, hits: list[Hit]) -> list[dict[str, Any]]:
    pictures = shared.catalog.pictures.of({hit.product_id: hit.image for hit in hits})
    return [{**asdict(hit), "picture": picture(pictures.get(hit.product_id))} for hit in hits]


def _whole(shared: Services, key: int | str | tuple[str, str]) -> dict[str, Any]:
    found = shared.catalog.get(key)
    known = shared.catalog.pictures.of({found.product_id: found.image})
    return {**asdict(found), "picture": picture(known.get(found.product_id))}


def _number(name: str, given: list[str] | None, default: int) -> int:
    value = given[-1] if given else str(default)
    if not (value.isascii() and value.isdecimal() and len(value) < 9):
        raise InputError(f"{name} is a number, not {value[:60]!r}")
    return int(value)


def _only(state: State, allowed: State) -> None:
    """Refuse names that a search knows and this verb does not."""
    extra = [name for name, value in state.pairs() if (name, value) not in allowed.pairs()]
    if extra:
        raise InputError(f"{extra[0]} has no meaning here")
