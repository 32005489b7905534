"""The counts of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from vitrina.keywords.judge import Judged


@dataclass(slots=True)
class Totals:
    """The counts of a run. `products` includes `without_picture`; `cost` is in USD; `pictures`
    were fetched again; `further` pictures of products have a vector now, beside their first.

    `judged` is the result of a judge, if asked for. `without_vector` counts products
    that are stored and found by their words, and whose vector is due; `no_vector` says why.
    """

    products: int = 0
    pictures: int = 0
    further: int = 0
    failed: int = 0
    retried: int = 0
    without_picture: int = 0
    without_vector: int = 0
    no_vector: str = ""
    generations: int = 0
    reused: int = 0
    embeddings: int = 0
    cost: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    judged: Judged = field(default_factory=Judged)

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.products + other.products,
            self.pictures + other.pictures,
            self.further + other.further,
            self.failed + other.failed,
            self.retried + other.retried,
            self.without_picture + other.without_picture,
            self.without_vector + other.without_vector,
            self.no_vector + other.no_vector,
            self.generations + other.generations,
            self.reused + other.reused,
            self.embeddings + other.embeddings,
            self.cost + other.cost,
            self.reasons + other.reasons,
            self.errors + other.errors,
            self.judged + other.judged,
        )
