"""The hits of a search, and what can be printed of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches

from vitrina.db.database import Database
from vitrina.errors import NotFoundError


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


FIELDS = frozenset(each.name for each in fields(Hit)) | {"id"}  # id: short for external_id


def check_columns(database: Database, names: Sequence[str]) -> None:
    """Raise NotFoundError for a name that is neither a field of hits nor an attribute of a product.

    The message names the nearest fields and attributes.
    """
    others = [name for name in names if name not in FIELDS]
    if not others:
        return
    for row in database.rows(
        "select u.name, u.nearest from vitrina.unknown_names(attributes => %s::text[]) as u",
        (others,),
    ):
        near = [*get_close_matches(row["name"], sorted(FIELDS), 2), *row["nearest"]][:3]
        raise NotFoundError(
            f"column {row['name']!r} not found"
            + (f"; nearest: {', '.join(near)}" if near else f": use {', '.join(sorted(FIELDS))}")
        )
