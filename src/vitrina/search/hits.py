"""The hits of a search."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Hit:
    """One product a search found.

    `score` orders the hits; `relevance`, 0 to 1, says how surely the product is an answer, and
    `missing` names the words of the query that it lacks; `similarity` is the cosine, None without
    vectors; `matched` names the channels that found it (code, text, vector, image); `query_vector`
    is the origin of the query's vector: given, cache, local or vocabulary, None without a vector.
    `sku` and `image` are those of the variant that was asked for, else of the product.
    """

    product_id: int
    source: str
    external_id: str
    title: str
    caption: str | None
    keywords: list[str]
    url: str | None
    image: str | None
    score: float
    similarity: float | None
    text_rank: float | None
    matched: list[str]
    query_vector: str | None = None
    relevance: float | None = None
    missing: list[str] = field(default_factory=list)
    attributes: dict[str, object] = field(default_factory=dict)
    sku: str | None = None
