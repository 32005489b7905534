"""Evaluates searches against judgements: nDCG@10, MRR and recall@k, mode by mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from vitrina.context import Context
from vitrina.errors import InputError
from vitrina.evaluation import grades as judgements
from vitrina.evaluation import metrics
from vitrina.search.hits import Hit

Mode = Literal["hybrid", "vector", "text"]
MODES: tuple[Mode, ...] = ("hybrid", "vector", "text")
DEPTH = 10  # of nDCG


@dataclass(frozen=True, slots=True)
class Score:
    """How one query fared; `found` are the external ids it found, best first."""

    query: str
    ndcg: float
    reciprocal_rank: float
    recall: float
    found: list[str]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How all queries fared in one mode; `scores` in the order of the file."""

    mode: Mode
    k: int
    scores: list[Score]

    @property
    def ndcg(self) -> float:
        """Mean nDCG@10."""
        return _mean([score.ndcg for score in self.scores])

    @property
    def mrr(self) -> float:
        """Mean reciprocal rank of the first relevant product."""
        return _mean([score.reciprocal_rank for score in self.scores])

    @property
    def recall(self) -> float:
        """Mean recall@k."""
        return _mean([score.recall for score in self.scores])

    def worst(self, count: int) -> list[Score]:
        """The queries with the lowest nDCG@10, lowest first."""
        return sorted(self.scores, key=lambda score: (score.ndcg, score.recall))[:count]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Evaluations by mode, and what of the file could not take part.

    `unknown` names products that the catalogue has not; `skipped` are queries without a relevant
    product in it.
    """

    evaluations: list[Evaluation]
    judgements: int
    unknown: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


class Search(Protocol):
    """Finds products for a query, best first."""

    def __call__(self, query: str | None, *, k: int, mode: Mode) -> list[Hit]: ...


class Evaluator:
    """Measures how good the searches of a catalog are."""

    def __init__(self, context: Context, search: Search) -> None:
        self._database = context.database
        self._search = search

    def evaluate(
        self,
        path: str | Path,
        *,
        modes: Sequence[Mode] = MODES,
        k: int = 10,
        progress: Callable[[int, int], None] | None = None,
    ) -> Evaluated:
        """Search for every query of a file of judgements, and compare; see metrics.

        Args:
            path: CSV or JSON Lines with query, external_id, grade, and source where ids repeat;
                `-` is standard input.
            modes: of search, each by itself.
            k: of recall, 1 to 1000.
            progress: called with how many searches are done, and of how many.

        Raises InputError, with the line, where the file cannot be used.
        """
        if not 1 <= k <= 1000:
            raise InputError(f"k of recall is 1 to 1000, not {k}")
        read = judgements.read(self._database, str(path))
        queries = read.queries
        if not queries:
            raise InputError(
                f"no query of {path} has a relevant product in this catalogue"
                + (f"; it has not {', '.join(read.unknown[:5])}" if read.unknown else "")
            )
        done = 0
        evaluations = []
        for mode in modes:
            scores = []
            for query, grades in queries.items():
                hits = self._search(query, k=max(k, DEPTH), mode=mode)
                scores.append(_score(query, hits, grades, k))
                done += 1
                if progress is not None:
                    progress(done, len(modes) * len(queries))
            evaluations.append(Evaluation(mode, k, scores))
        skipped = [query for query in read.grades if query not in queries]
        return Evaluated(evaluations, read.rows, read.unknown, skipped)


def _score(query: str, hits: Sequence[Hit], grades: dict[int, float], k: int) -> Score:
    ranked = [grades.get(hit.product_id, 0.0) for hit in hits]
    judged = list(grades.values())
    return Score(
        query,
        metrics.ndcg(ranked, judged, DEPTH),
        metrics.reciprocal_rank(ranked),
        metrics.recall(ranked, judged, k),
        [hit.external_id for hit in hits],
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def rows(evaluated: Evaluated) -> list[dict[str, Any]]:
    """One row a mode, for a table."""
    return [
        {
            "mode": one.mode,
            "queries": len(one.scores),
            f"nDCG@{DEPTH}": one.ndcg,
            "MRR": one.mrr,
            f"recall@{one.k}": one.recall,
        }
        for one in evaluated.evaluations
    ]
