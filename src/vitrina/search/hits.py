"""What the catalog's verbs return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitrina.enrich.pipeline import Totals
    from vitrina.products.load import Loaded


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


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a term is in the vocabulary, and how that was decided."""

    ordinal: int
    term: str
    keyword: str | None
    facet: str | None
    method: str | None
    similarity: float | None
    veto: str | None


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest did: rows read, and work done on what was new or changed."""

    loaded: Loaded
    totals: Totals
