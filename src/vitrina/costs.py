"""The cost of models: spent, allowed and estimated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from vitrina.context import Context

if TYPE_CHECKING:
    from vitrina.models.pricing import Estimate

Period = Literal["day", "month", "total"]

By = Literal["day", "stage", "model"]


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls of models, their tokens, and USD.

    `day`, `stage` and `model` are None where the calls of several are summed; `usd` is None where
    no price is known, and `unpriced` counts such calls.
    """

    day: date | None
    stage: str | None
    model: str | None
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    usd: Decimal | None
    unpriced: int


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a `period` may cost: `usd`, what is `spent` of it, and what is left."""

    period: Period
    usd: Decimal
    spent: Decimal
    usd_left: Decimal

    def sentence(self) -> str:
        """Like "budget of 5 USD a month: 1.2500 USD spent, 3.7500 USD left"."""
        period = "in total" if self.period == "total" else f"a {self.period}"
        return (
            f"budget of {self.usd.normalize():f} USD {period}: {self.spent:.4f} USD spent,"
            f" {self.usd_left:.4f} USD left"
        )


@dataclass(frozen=True, slots=True)
class DroppedAnswers:
    """Stored answers that were dropped, or would be: how many, and what they cost in USD.

    `unpriced` counts those at an unknown price.
    """

    answers: int
    usd: Decimal
    unpriced: int


class Costs:
    """The cost and the budgets of models."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._settings = context.settings

    def spent(self, *, by: By | None = None) -> list[Cost]:
        """Calls, tokens and USD by day, stage and model, or summed by one of them."""
        return self._database.records(Cost, "select * from vitrina.cost(%s)", (by,))

    def estimate(self, products: int, *, batch: bool = False) -> Estimate | None:
        """The estimated calls and cost of enriching this many products; asks no model.

        None if no model is asked. Costs are None if the endpoint's prices are unknown.
        """
        if self._settings.chosen == "local":
            return None
        from vitrina.models import pricing  # on use: a search does without
        from vitrina.models.openai.settings import OpenAISettings

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
    ) -> DroppedAnswers:
        """Drop stored answers of models; products keep their tags, captions and vectors.

        Asking again costs again. Budgets keep the spend.

        Args:
            stage: of this stage only.
            model: of this model only.
            before: stored before this.
            dry_run: only count them.

        Raises AccessError for a role that does not own vitrina.
        """
        (dropped,) = self._database.records(
            DroppedAnswers,
            "select * from vitrina.drop_answers(%s, %s, %s, %s)",
            (stage, model, before, dry_run),
        )
        return dropped

    def budgets(self) -> list[Budget]:
        """The standing budgets, each with what is left of it in the present period."""
        return self._database.records(Budget, "select * from vitrina.standing_budgets()")

    def set_budget(self, usd: Decimal | None, period: Period = "total") -> None:
        """Set what paid work may cost a day, a month or in total; None removes the budget."""
        self._database.rows("select vitrina.set_budget(%s, %s)", (usd, period))
