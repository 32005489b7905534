"""How a query is understood."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Reading:
    """How search understands a query.

    `words` are searched for: misspelt ones corrected, without conditions. `corrected` is what the
    misspelt words `said` are read as. `keywords` are those of the words, with their `facets`;
    `audience` those that say for whom. `required` are phrases, `excluded` was said with -.
    `conditions` are the words that are conditions, each with its meaning in `meanings`: no product
    has one of `without_keywords`, nor `without_words` in its title or keywords, and prices are
    from `price_min` to `price_max`, None for no bound.
    """

    words: str
    said: list[str]
    corrected: list[str]
    keywords: list[str]
    facets: list[str]
    required: list[str]
    excluded: list[str]
    audience: list[str]
    conditions: list[str]
    meanings: list[str]
    without_keywords: list[str]
    without_words: list[str]
    price_min: Decimal | None
    price_max: Decimal | None


def literal(query: str) -> str:
    """The query with each of its words in quotes: required as it is, and never corrected."""
    parts = re.findall(r'-?"[^"]*"|[^\s"]+', query)
    return " ".join(part if part[0] in '-"' else f'"{part}"' for part in parts)


def corrected(query: str, reading: Reading | None) -> str:
    """The query with its misspelt words as they are read."""
    if reading is None:
        return query
    read = dict(zip(map(str.lower, reading.said), reading.corrected, strict=False))
    return re.sub(r"[\w'’-]+", lambda word: read.get(word[0].lower(), word[0]), query)
