"""Sends an evaluation to Weave, where runs are compared side by side."""

from __future__ import annotations

from typing import Any

from vitrina.evaluation.api import DEPTH, Evaluated, Evaluation
from vitrina.weave.datasets import client_of
from vitrina.weave.server import quiet


def publish(project: str, evaluated: Evaluated, *, model: dict[str, Any]) -> int:
    """Log one Weave Evaluation a mode to "entity/project"; returns how many.

    Args:
        project: where to.
        evaluated: what was measured.
        model: what searched (version, spaces …); the mode is added.

    Raises ConfigError, TraceServerError: see trace_server.connect.
    """
    with client_of(project) as client, quiet():
        for evaluation in evaluated.evaluations:
            _log(evaluation, model)
        client.flush()
    return len(evaluated.evaluations)


def _log(evaluation: Evaluation, model: dict[str, Any]) -> None:
    import weave

    recall = f"recall_at_{evaluation.k}"
    ndcg = f"ndcg_at_{DEPTH}"
    logger = weave.EvaluationLogger(
        name=f"vitrina eval {evaluation.mode}",
        model={"name": f"vitrina_{evaluation.mode}", **model},
        dataset=[{"query": score.query} for score in evaluation.scores],
        scorers=[ndcg, "reciprocal_rank", recall],
    )
    for score in evaluation.scores:
        prediction = logger.log_prediction({"query": score.query}, {"found": score.found})
        prediction.log_score(ndcg, score.ndcg)
        prediction.log_score("reciprocal_rank", score.reciprocal_rank)
        prediction.log_score(recall, score.recall)
        prediction.finish()
    logger.log_summary(
        {ndcg: evaluation.ndcg, "mrr": evaluation.mrr, recall: evaluation.recall},
        auto_summarize=False,
    )
