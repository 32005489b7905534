"""The cost of models: spent, allowed and estimated."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from vitrina.context import Context
from vitrina.models import pricing
from vitrina.models.openai.settings import OpenAISettings

Period = Literal["day", "month", "total"]

By = Literal["day", "stage", "model"]


class Costs:
    """The cost and the budgets of models."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._settings = context.settings

    def spent(self, *, by: By | None = None) -> list[dict[str, Any]]:
        """Calls, tokens and USD by day, stage and model, or summed by one of them."""
        rows = self._database.rows("select * from vitrina.cost(%s)", (by,))
        left_out = {"day", "stage", "model"} - {by} if by else set()
        return [{k: v for k, v in row.items() if k not in left_out} for row in rows]

    def estimate(self, products: int, *, batch: bool = False) -> pricing.Estimate | None:
        """The estimated calls and cost of enriching this many products; asks no model.

        None if no model is asked. Costs are None if the endpoint's prices are unknown.
        """
        if self._settings.chosen == "local":
            return None
        endpoint = OpenAISettings.of(self._settings)
        guess = pricing.estimate(
            products,
            vision_model=endpoint.vision_model,
            caption_model=endpoint.caption_model,
            embedding_model=endpoint.embedding_model,
            one_call=self._settings.one_call,
            batch=batch,
            detail=endpoint.detail,
            options=endpoint.options,
        )
        if endpoint.official:
            return guess
        return replace(guess, stages=tuple(replace(stage, cost=None) for stage in guess.stages))

    def drop_answers(
        self,
        *,
        stage: str | None = None,
        model: str | None = None,
        before: datetime | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Drop stored answers of models; products keep their tags, captions and vectors.

        Asking again costs again. Budgets keep the spend.

        Args:
            stage: of this stage only.
            model: of this model only.
            before: stored before this.
            dry_run: only count them.

        Returns `answers`, their number; `usd`, their cost; `unpriced`, how many have no known
        price.

        Raises AccessError for a role that does not own vitrina.
        """
        (row,) = self._database.rows(
            "select * from vitrina.drop_answers(%s, %s, %s, %s)", (stage, model, before, dry_run)
        )
        return row

    def set_budget(self, usd: Decimal | None, period: Period = "total") -> None:
        """Set what paid work may cost a day, a month or in total; None removes the budget."""
        self._database.rows("select vitrina.set_budget(%s, %s)", (usd, period))
