"""Why a product is where it is in a search, or is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Found:
    """Where a product has a word: title, keyword, caption, description, attribute or text.

    `name` is that of the keyword or attribute; `text` is what is written there, or parts of it,
    with ⟦ and ⟧ around the word.
    """

    place: str
    text: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class QueryWord:
    """A part of a query: `said` as it was typed, `words` as it is searched for.

    `keyword` and `facet` are what the words mean in the vocabulary; `share`, 0 to 1, is how much of
    the query they are, by their rarity; `missing` says whether the product lacks them. A lamp "for
    a side table" has these words, and yet is no side table: then it lacks the type.
    """

    said: str
    words: str
    share: float
    missing: bool
    keyword: str | None = None
    facet: str | None = None
    found: list[Found] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ChannelScore:
    """What a channel says of a product.

    `channel` is code, text, vector or image, or "all words": what a product with all of the query
    is given besides. `value` is a share of the query or a cosine, `rank` the product's place in the
    channel, None if the channel did not find it; `contribution` is its part of the score. `by` says
    whether words or a picture were compared with its picture; `counts` what counts instead of the
    cosine of words and a picture, which is low in every model: how far it is above chance, 0 to 1,
    less where the text has the words.
    """

    channel: str
    value: float | None
    rank: int | None = None
    weight: float | None = None
    contribution: float | None = None
    by: str | None = None
    counts: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a product is where it is in a search, or is not there.

    `rank` is its place among all `results`, None if it is not one. `gate` is None for a product on
    the page, else the first gate it fell at (filter, excluded, no match, floor, group, page), and
    `reason` says why. The figures are those of the hit; of a product that is no result, what they
    would be.
    """

    product_id: int
    source: str
    external_id: str
    title: str
    rank: int | None
    results: int
    gate: str | None
    reason: str | None
    relevance: float | None
    floor: float | None
    score: float | None
    similarity: float | None
    text_rank: float | None
    matched: list[str]
    missing: list[str]
    channels: list[ChannelScore]
    words: list[QueryWord]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Explanation:
        """The row of vitrina.explain_search."""
        return cls(
            **{
                **row,
                "matched": row["matched"] or [],
                "channels": [ChannelScore(**channel) for channel in row["channels"]],
                "words": [
                    QueryWord(**{**word, "found": [Found(**place) for place in word["found"]]})
                    for word in row["words"]
                ],
            }
        )
