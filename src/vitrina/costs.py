"""What models have cost, what they may cost, and what work is likely to cost."""

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
    """What models have cost, and may cost."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._settings = context.settings

    def spent(self, *, by: By | None = None) -> list[dict[str, Any]]:
        """Calls, tokens and USD by day, stage and model, or added up by one of them."""
        rows = self._database.rows("select * from vitrina.cost(%s)", (by,))
        left_out = {"day", "stage", "model"} - {by} if by else set()
        return [{k: v for k, v in row.items() if k not in left_out} for row in rows]

    def estimate(self, products: int, *, batch: bool = False) -> pricing.Estimate | None:
        """What enriching so many products is likely to take and cost; asks nobody.

        None where no model is asked. Costs are None where the endpoint's prices are not known.
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
        """Drop stored answers of models; products keep what was made of them.

        What is asked again is paid for again. What was spent stays known, budgets as they are.

        Args:
            stage: of this stage alone.
            model: of this model alone.
            before: stored earlier than this.
            dry_run: count them, and drop none.

        Returns `answers`, how many; `usd`, what they cost; `unpriced`, how many lack a known price.

        Raises AccessError for a role that does not own vitrina.
        """
        (row,) = self._database.rows(
            "select * from vitrina.drop_answers(%s, %s, %s, %s)", (stage, model, before, dry_run)
        )
        return row

    def set_budget(self, usd: Decimal | None, period: Period = "total") -> None:
        """What paid work may cost a day, a month or in total; None takes the budget away."""
        self._database.rows("select vitrina.set_budget(%s, %s)", (usd, period))
