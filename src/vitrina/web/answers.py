"""What the verbs of the API answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel


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


class SuggestedKeyword(BaseModel):
    """A keyword that a product may have: `agree` of `compared`, the nearest by picture, have it."""

    product_id: int
    source: str
    external_id: str
    title: str
    keyword: str
    facet: str
    confidence: float
    by: str
    agree: int
    compared: int
    like_products: list[int]


class SuggestedKeywords(BaseModel):
    """Suggestions, the surest first."""

    suggestions: list[SuggestedKeyword]


class Pair(BaseModel):
    """A product that is nearly the same as an earlier one; `reasons` says by what."""

    product_id: int
    source: str
    external_id: str
    title: str
    of_product: int
    of_source: str
    of_external_id: str
    of_title: str
    reasons: list[str]
    distance: int | None = None
    similarity: float | None = None
    picture_similarity: float | None = None
    looks: float | None = None
    confidence: float


class Pairs(BaseModel):
    """Duplicates, the surest first."""

    duplicates: list[Pair]


class Explained(BaseModel, extra="allow"):
    """Why a product is where it is: its place or gate, its score by channel, its words."""
