"""What a search returns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hit:
    """One product a search found.

    `score` orders the hits; `similarity` is the cosine, None where no vector took part; `matched`
    names the channels that found it (code, text, vector, image); `query_vector` says where the
    query's vector came from: given, cache, local or vocabulary, None where there was none.
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
