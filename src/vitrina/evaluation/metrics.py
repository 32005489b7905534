"""How good a ranking is, from graded judgements.

Grades are 0 or more; what is not judged counts 0. A product is relevant with a grade above 0.

nDCG@k   = DCG@k of the ranking / DCG@k of the best one, where
           DCG@k = sum over the places i = 1 … k of (2^grade - 1) / log2(i + 1):
           discounted cumulated gain of Järvelin and Kekäläinen (2002, ACM TOIS 20:4), with the
           exponential gain and the discount from the first place on that Burges et al. (2005) use.
MRR      = mean over the queries of 1 / place of the first relevant product; 0 where none is found.
recall@k = relevant products among the first k / all relevant ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["dcg", "ndcg", "recall", "reciprocal_rank"]


def dcg(grades: Sequence[float], k: int) -> float:
    """Discounted cumulated gain of the first k grades, in the order of the ranking."""
    return sum((2**grade - 1) / math.log2(place + 1) for place, grade in enumerate(grades[:k], 1))


def ndcg(ranked: Sequence[float], judged: Sequence[float], k: int) -> float:
    """DCG of a ranking's grades over that of all judged grades in their best order; 0 to 1."""
    best = dcg(sorted(judged, reverse=True), k)
    return dcg(ranked, k) / best if best else 0.0


def reciprocal_rank(ranked: Sequence[float]) -> float:
    """1 / place of the first relevant one; 0 without any."""
    return next((1 / place for place, grade in enumerate(ranked, 1) if grade > 0), 0.0)


def recall(ranked: Sequence[float], judged: Sequence[float], k: int) -> float:
    """The share of all relevant ones that are among the first k."""
    relevant = sum(grade > 0 for grade in judged)
    return sum(grade > 0 for grade in ranked[:k]) / relevant if relevant else 0.0
