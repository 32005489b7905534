"""The verbs of a shop: what the API answers, and the tools of assistants, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vitrina.search.hits import Hit
from vitrina.search.product import Key
from vitrina.web.asking import arguments, filters, picture_of
from vitrina.web.results import find
from vitrina.web.services import Services
from vitrina.web.state import State

Value = dict[str, Any]


def search(shared: Services, state: State, *, typing: bool = False) -> Value:
    """The products that match best, by words, by picture, by liked products, or by all.

    typing: the query may not be whole: it is not logged, and its meaning is asked of no model.
    """
    found = find(shared, state, typing=typing)
    corrected = (
        dict(zip(found.reading.said, found.reading.corrected, strict=False))
        if found.reading
        else {}
    )
    products = [{**asdict(card.hit), "picture": picture(card.picture)} for card in found.cards]
    return {"products": products, "more": found.more, "corrected": corrected}


def count(shared: Services, state: State) -> Value:
    """How many products the same search finds on all its pages."""
    vector, _ = picture_of(shared, state)
    return {"count": shared.catalog.count_matches(**arguments(state, vector))}


def facets(shared: Services, state: State, k: int, attributes: Sequence[str] | None) -> Value:
    """The values of the products that the same search finds: each facet without its own choice."""
    vector, _ = picture_of(shared, state)
    given = arguments(state, vector)
    rows = shared.catalog.facets(k=k, attributes=list(attributes) if attributes else None, **given)
    return {"facets": [asdict(row) for row in rows]}


def suggest(shared: Services, query: str, k: int) -> Value:
    """Completions of a query that is being typed."""
    return {"suggestions": [asdict(row) for row in shared.catalog.suggest(query, k=k)]}


def similar(shared: Services, product_id: int, k: int, sources: Sequence[str]) -> Value:
    """The products most similar to a product, by meaning and by looks."""
    hits = shared.catalog.similar(product_id, k=k, sources=list(sources) or None)
    return {"products": _products(shared, hits), "more": False}


def recommend(shared: Services, state: State) -> Value:
    """The products nearest to the liked ones together, and away from the disliked."""
    hits = shared.catalog.recommend(state.liked, state.disliked, k=state.n, **filters(state))
    return {"products": _products(shared, hits), "more": False}


def product(shared: Services, key: Key) -> Value:
    """Everything known of a product."""
    found = shared.catalog.get(key)
    known = shared.catalog.pictures.of({found.product_id: found.image})
    return {**asdict(found), "picture": picture(known.get(found.product_id))}


def explain(shared: Services, state: State, key: Key) -> Value:
    """Why a product is where it is in the same search, or is not there."""
    vector, _ = picture_of(shared, state)
    given = arguments(state, vector)
    query = given.pop("query", None)
    return asdict(shared.catalog.explain(query, key, k=state.n, offset=state.first, **given))


def picture(sha256: str | None) -> str | None:
    """The address of a thumbnail."""
    return f"/pic/320/{sha256}.webp" if sha256 else None


def _products(shared: Services, hits: list[Hit]) -> list[Value]:
    pictures = shared.catalog.pictures.of({hit.product_id: hit.image for hit in hits})
    return [{**asdict(hit), "picture": picture(pictures.get(hit.product_id))} for hit in hits]
