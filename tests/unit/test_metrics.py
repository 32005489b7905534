"""evaluation/metrics.py: against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from vitrina.evaluation.metrics import dcg, ndcg, recall, reciprocal_rank


@pytest.mark.parametrize(
    ("grades", "k", "value"),
    [
        ([], 10, 0),
        ([0, 0], 10, 0),
        ([1], 10, 1),  # (2 - 1) / log2(2)
        ([0, 1], 10, 1 / math.log2(3)),
        ([2, 1], 10, 3 + 1 / math.log2(3)),
        ([3, 2, 3, 0, 1, 2], 10,
         7 + 3 / math.log2(3) + 7 / 2 + 0 + 1 / math.log2(6) + 3 / math.log2(7)),
        ([1, 1, 1], 2, 1 + 1 / math.log2(3)),
        ([0.5], 10, math.sqrt(2) - 1),
    ],
)  # fmt: skip
def test_dcg(grades: list[float], k: int, value: float) -> None:
    assert dcg(grades, k) == pytest.approx(value)


def test_the_known_example_of_ndcg() -> None:
    """3, 2, 3, 0, 1, 2 with exponential gain: 13.8483 of 14.5954."""
    ranked = [3, 2, 3, 0, 1, 2]
    assert dcg(ranked, 6) == pytest.approx(13.8483, abs=1e-4)
    assert dcg(sorted(ranked, reverse=True), 6) == pytest.approx(14.5954, abs=1e-4)
    assert ndcg(ranked, ranked, 6) == pytest.approx(0.9488, abs=1e-4)


@pytest.mark.parametrize(
    ("ranked", "judged", "k", "value"),
    [
        ([2, 1, 0], [1, 2], 10, 1),
        ([1, 2], [1, 2], 10, (1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3))),
        ([0, 0], [1], 10, 0),
        ([], [1], 10, 0),
        ([1], [], 10, 0),
        ([1], [0], 10, 0),
        ([0] * 10 + [2], [2], 10, 0),
        ([2] * 10, [2] * 20, 10, 1),
        ([1, 0], [1, 1], 10, 1 / (1 + 1 / math.log2(3))),
    ],
)
def test_ndcg(ranked: list[float], judged: list[float], k: int, value: float) -> None:
    assert ndcg(ranked, judged, k) == pytest.approx(value)


@pytest.mark.parametrize(
    ("ranked", "value"), [([], 0), ([0, 0], 0), ([1], 1), ([0, 2], 0.5), ([0, 0, 0, 1], 0.25)]
)
def test_reciprocal_rank(ranked: list[float], value: float) -> None:
    assert reciprocal_rank(ranked) == value


@pytest.mark.parametrize(
    ("ranked", "judged", "k", "value"),
    [
        ([1, 0, 2], [1, 2, 1, 0], 10, 2 / 3),
        ([1, 0, 2], [1, 2, 1, 0], 2, 1 / 3),
        ([], [1], 10, 0),
        ([1], [], 10, 0),
        ([1] * 10, [1] * 20, 10, 0.5),
    ],
)
def test_recall(ranked: list[float], judged: list[float], k: int, value: float) -> None:
    assert recall(ranked, judged, k) == pytest.approx(value)
