"""The words of retail that come with vitrina: terms, their synonyms, and contrasts."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from typing import cast

from vitrina.db.facets import Facet
from vitrina.db.folders import DATA


@dataclass(frozen=True, slots=True)
class Entry:
    """A term of the lexicon. `canonical` is the keyword it stands for, often itself."""

    term: str
    facet: Facet
    canonical: str
    domain: str


@cache
def thesaurus() -> tuple[Entry, ...]:
    """The lexicon and the synonyms of data/synonyms.csv: all names of a shop's keywords.

    Titles are only matched against the lexicon, as many synonyms are ambiguous there.
    """
    return entries() + tuple(
        Entry(row["term"], cast("Facet", row["facet"]), row["canonical"] or row["term"], "general")
        for row in _read("synonyms.csv")
    )


@cache
def contrasts() -> tuple[tuple[str, str], ...]:
    """(term, group): two terms of one group are never the same keyword."""
    return tuple((row["term"], row["contrast_group"]) for row in _read("contrasts.csv"))


@dataclass(frozen=True, slots=True)
class Relation:
    """How a term and a related one stand to each other.

    `weight` is 1 where the related term is a kind of the term, below 1 where either stands in for
    the other, and 0 where its name only looks like a kind.
    """

    term: str
    related: str
    weight: float
    facet: Facet


_WEIGHTS = {"kinds": 1, "same": 0.95, "near": 0.9, "instead": 0.6, "others": 0}


@cache
def relations() -> tuple[Relation, ...]:
    """The rows of data/related.csv. Of two for the same terms, only the first counts."""
    return tuple(
        Relation(row["term"], related, weight, cast("Facet", row["facet"]))
        for row in _read("related.csv")
        for column, weight in _WEIGHTS.items()
        for related in row[column].split("|")
        if related
    )


@cache
def entries() -> tuple[Entry, ...]:
    """Every row of the lexicon, in the order of the file."""
    return tuple(
        Entry(
            row["term"], cast("Facet", row["facet"]), row["canonical"] or row["term"], row["domain"]
        )
        for row in _read("lexicon.csv")
    )


def word_bases(*kinds: str) -> dict[str, str]:
    """The words of these kinds in data/words.csv, each with its base word."""
    return {row["word"]: row["base"] for row in _read("words.csv") if row["kind"] in kinds}


def _read(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
