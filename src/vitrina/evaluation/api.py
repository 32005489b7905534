"""Evaluates searches against judgements: nDCG@10, MRR and recall@k, mode by mode."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vitrina.context import Context
from vitrina.errors import InputError
from vitrina.evaluation import grades as judgements
from vitrina.evaluation import metrics, stored
from vitrina.evaluation.compare import Compared, compare
from vitrina.search.hits import Hit

Mode = Literal["hybrid", "vector", "text"]
MODES: tuple[Mode, ...] = ("hybrid", "vector", "text")
DEPTH = 10  # of nDCG


@dataclass(frozen=True, slots=True)
class Score:
    """The result of one query; `found` are the external ids it found, best first."""

    query: str
    ndcg: float
    reciprocal_rank: float
    recall: float
    found: list[str]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of all queries in one mode; `scores` in the order of the file."""

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
    """Evaluations by mode, and the unused parts of the file.

    `unknown` names products missing in the catalogue; `skipped` are queries without a relevant
    product in it.
    """

    evaluations: list[Evaluation]
    judgements: int
    unknown: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


Search = Callable[..., list[Hit]]  # Catalog.search


class Evaluator:
    """Measures the quality of a catalog's searches."""

    def __init__(self, context: Context, search: Search) -> None:
        self._database = context.database
        self._search = search

    def evaluate(
        self,
        path: str | Path | None = None,
        *,
        modes: Sequence[Mode] = MODES,
        k: int = 10,
        in_spaces: Sequence[str] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Evaluated:
        """Search for every query of a file of judgements, and compare; see metrics.

        Args:
            path: CSV or JSON Lines with query, external_id, grade, and source if ids repeat;
                `-` is standard input; None: the judgements that the database has.
            modes: of search, each measured separately.
            k: of recall, 1 to 1000.
            in_spaces: the names of spaces to search in instead of those in use.
            progress: called with the count of searches done and their total.

        Raises InputError, with the line, if the file cannot be used.
        """
        if not 1 <= k <= 1000:
            raise InputError(f"k of recall must be 1 to 1000, not {k}")
        if path is None:
            read = stored.of_database(self._database)
            path = "the database"
        else:
            read = judgements.read(self._database, str(path))
        queries = read.queries
        if not queries:
            raise InputError(
                f"no query of {path} has a relevant product in this catalogue"
                + (f"; it lacks {', '.join(read.unknown[:5])}" if read.unknown else "")
            )
        done = 0
        evaluations = []
        for mode in modes:
            scores = []
            for query, grades in queries.items():
                hits = self._search(query, k=max(k, DEPTH), mode=mode, in_spaces=in_spaces)
                scores.append(_score(query, hits, grades, k))
                done += 1
                if progress is not None:
                    progress(done, len(modes) * len(queries))
            evaluations.append(Evaluation(mode, k, scores))
        skipped = [query for query in read.grades if query not in queries]
        return Evaluated(evaluations, read.rows, read.unknown, skipped)

    def compare(
        self,
        first: Mapping[str, Any],
        second: Mapping[str, Any],
        *,
        queries: Sequence[str] | None = None,
        k: int = DEPTH,
    ) -> list[Compared]:
        """Compare two settings of search on the queries with stored judgements; see compare.

        Args:
            first, second: options of search, like {"mode": "text"}.
            queries: these only; None: all that have a relevant product.
            k: how many hits of each.

        Raises InputError if no query has judgements, and what search raises.
        """
        judged = _judged(stored.of_database(self._database))
        if queries is not None:
            judged = {query: judged[query] for query in queries if query in judged}
        return compare(self._search, judged, first, second, k)


def _judged(read: judgements.Judgements) -> dict[str, dict[int, float]]:
    if not read.queries:
        raise InputError(
            "no query has a relevant product: grade some, as `vitrina serve --edit` does"
        )
    return read.queries


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
    """One row per mode, for a table."""
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
