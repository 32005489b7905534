"""Two settings of search beside each other: what each is worth, and what moves between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitrina.evaluation import metrics
from vitrina.search.hits import Hit

DEPTH = 10


@dataclass(frozen=True, slots=True)
class Placed:
    """A hit, its grade (None: not judged), and where it stands under the other setting.

    `before` is its place there, None if it is not among the first ones.
    """

    place: int
    hit: Hit
    grade: float | None
    before: int | None


@dataclass(frozen=True, slots=True)
class Side:
    """The hits of one setting, their nDCG@10, and how long the search took."""

    hits: list[Placed]
    ndcg: float
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A query under two settings; `gone` are hits that the second one lacks."""

    query: str
    first: Side
    second: Side
    gone: list[Placed]

    @property
    def change(self) -> float:
        """How much better the second setting is."""
        return self.second.ndcg - self.first.ndcg


Finds = Callable[..., list[Hit]]  # Catalog.search


def compare(
    search: Finds,
    judged: Mapping[str, Mapping[int, float]],
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    k: int = DEPTH,
) -> list[Compared]:
    """Each query under both settings, the one that loses most first.

    Args:
        search: Catalog.search.
        judged: the grades of products, by query.
        first, second: options of search.
        k: how many hits of each are compared.
    """
    found = [_compared(search, query, grades, first, second, k) for query, grades in judged.items()]
    return sorted(found, key=lambda each: (each.change, each.second.ndcg, each.query))


def _compared(
    search: Finds,
    query: str,
    grades: Mapping[int, float],
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    k: int,
) -> Compared:
    runs = []
    for options in (first, second):
        start = time.perf_counter()
        runs.append((search(query, k=k, **options), (time.perf_counter() - start) * 1000))
    (one, one_took), (two, two_took) = runs
    before, after = _places(one), _places(two)
    return Compared(
        query,
        Side(_placed(one, grades, after), _ndcg(one, grades), one_took),
        Side(_placed(two, grades, before), _ndcg(two, grades), two_took),
        [each for each in _placed(one, grades, after) if each.before is None],
    )


def _places(hits: Sequence[Hit]) -> dict[int, int]:
    return {hit.product_id: place for place, hit in enumerate(hits, start=1)}


def _placed(
    hits: Sequence[Hit], grades: Mapping[int, float], other: Mapping[int, int]
) -> list[Placed]:
    return [
        Placed(place, hit, grades.get(hit.product_id), other.get(hit.product_id))
        for place, hit in enumerate(hits, start=1)
    ]


def _ndcg(hits: Sequence[Hit], grades: Mapping[int, float]) -> float:
    ranked = [grades.get(hit.product_id, 0.0) for hit in hits]
    return metrics.ndcg(ranked, list(grades.values()), DEPTH)
