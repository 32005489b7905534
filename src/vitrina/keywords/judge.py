"""Has a model judge keywords that may be the same, if the chain could not decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from vitrina.db.database import Database
from vitrina.errors import ItemError
from vitrina.ledger import Ledger, Question, key
from vitrina.models.openai.verdicts import Pair
from vitrina.models.outcomes import Usage
from vitrina.models.prompts import judge_version

if TYPE_CHECKING:
    from vitrina.models.openai.provider import OpenAIProvider
    from vitrina.models.openai.settings import OpenAISettings

AT_ONCE = 40  # pairs per call
MOST = 10_000  # pairs per run
ANSWER_TOKENS = 15  # for one pair
JUDGE_ADVICE = "a judge needs a model: set OPENAI_API_KEY or OPENAI_BASE_URL"


@dataclass(slots=True)
class Judged:
    """The result of a judge: all pairs, the same, different, and unanswered ones.

    `cost` is in USD; `reasons` say why calls failed.
    """

    pairs: int = 0
    same: int = 0
    different: int = 0
    unanswered: int = 0
    calls: int = 0
    cost: Decimal = Decimal(0)
    reasons: tuple[str, ...] = ()

    def __add__(self, other: Judged) -> Judged:
        return Judged(
            self.pairs + other.pairs,
            self.same + other.same,
            self.different + other.different,
            self.unanswered + other.unanswered,
            self.calls + other.calls,
            self.cost + other.cost,
            self.reasons + other.reasons,
        )

    @property
    def done(self) -> int:
        """The pairs done."""
        return self.same + self.different + self.unanswered


class Judge:
    """Asks one provider, through a ledger: an answer is stored before it is applied.

    Args:
        database: the database of the keywords.
        provider: the provider to ask.
        ledger: stores answers, and bounds their cost.
    """

    def __init__(self, database: Database, provider: OpenAIProvider, ledger: Ledger) -> None:
        self._database = database
        self._provider = provider
        self._ledger = ledger

    def pairs(self, above: float | None = None) -> list[Pair]:
        """The pairs to judge, most products first; asks no model."""
        return judge_pairs(self._database, above)

    def run(
        self, *, above: float | None = None, progress: Callable[[Judged], None] | None = None
    ) -> Judged:
        """Have every open pair judged, and apply the answers batch by batch.

        Args:
            above: the least similarity; default: a little under the threshold.
            progress: called after each batch.

        Raises BudgetError if the budget is spent, ProviderError if the provider is
        unavailable; answers so far are applied.
        """
        done = Judged()
        gone = self._apply()  # answers that an earlier run did not apply
        pairs = self.pairs(above)
        done.pairs = len(pairs)
        for start in range(0, len(pairs), AT_ONCE):
            batch = [
                pair
                for pair in pairs[start : start + AT_ONCE]
                if pair.keyword not in gone and pair.other not in gone
            ]
            done.unanswered += len(pairs[start : start + AT_ONCE]) - len(batch)
            if batch:
                self._judge(batch, done)
                gone |= self._apply()
            done.calls, done.cost = self._ledger.made, self._ledger.spent
            if progress is not None:
                progress(replace(done))
        return done

    def _judge(self, batch: Sequence[Pair], done: Judged) -> None:
        self._database.value("select vitrina.check_budget()")
        shown = [pair.shown for pair in batch]
        question = Question(
            "judge",
            key(shown),
            self._provider.provider,
            self._provider.settings.vision_model,
            judge_version(self._provider.settings.options),
        )

        def dump(verdicts: Sequence[bool | None]) -> dict[str, Any]:
            said = [
                {"a": pair.keyword, "b": pair.other, "same": same}
                for pair, same in zip(batch, verdicts, strict=True)
                if same is not None
            ]
            return {"pairs": said}

        def load(stored: dict[str, Any]) -> tuple[bool | None, ...]:
            said = {(pair["a"], pair["b"]): pair["same"] for pair in stored["pairs"]}
            return tuple(said.get((pair.keyword, pair.other)) for pair in batch)

        try:
            verdicts = self._ledger.answer(
                question,
                lambda: self._provider.judge(batch),
                dump=dump,
                load=load,
                shown={"pairs": shown},
            )
        except ItemError as exc:  # these pairs wait for a later run
            done.unanswered += len(batch)
            done.reasons = tuple(dict.fromkeys((*done.reasons, str(exc))))
            return
        done.same += verdicts.count(True)
        done.different += verdicts.count(False)
        done.unanswered += verdicts.count(None)

    def _apply(self) -> set[str]:
        """Apply the answers; returns the keywords that were merged away."""
        rows = self._database.rows("select * from vitrina.apply_judgements()")
        return {row["before"] for row in rows if row["before"] != row["after"] and row["after"]}


def estimate(pairs: Sequence[Pair], endpoint: OpenAISettings) -> Decimal | None:
    """The estimated cost of judging these, in USD; None if the price is unknown."""
    from vitrina.models import pricing
    from vitrina.models.openai.batch import estimate_tokens
    from vitrina.models.openai.requests import judge_body

    if not endpoint.official:
        return None
    total = Decimal(0)
    for start in range(0, len(pairs), AT_ONCE):
        batch = pairs[start : start + AT_ONCE]
        tokens = estimate_tokens(judge_body(endpoint, [pair.shown for pair in batch]), "low", None)
        cost = pricing.price(endpoint.vision_model, Usage(tokens, 0, ANSWER_TOKENS * len(batch)))
        if cost is None:
            return None
        total += cost
    return total


def judge_pairs(database: Database, above: float | None = None) -> list[Pair]:
    """The pairs of keywords to judge, most products first."""
    rows = database.rows("select * from vitrina.judge_pairs(%s, %s::real)", (MOST, above))
    return [Pair(**row) for row in rows]
