"""The tries of one call: what they cost, and what the next one asks for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vitrina.errors import VitrinaError
from vitrina.models.outcomes import CUT_OFF, AnswerError, Usage

__all__ = ["Afford", "Tries"]

GROWTH = 4  # of the limit of tokens, where an answer was cut off
Afford = Callable[[str, Usage], None]  # raises BudgetError where nothing is left after this usage


@dataclass(slots=True)
class Tries:
    """Counts the tries of one call to `model`; `most` is the highest limit of tokens to send.

    `least` is the limit that the next try sends at least, `again` that it asks for another answer.
    """

    model: str
    most: int
    afford: Afford | None
    least: int
    again: bool = False
    grown: bool = False
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    failed: AnswerError | None = None

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Give errors what was paid until then."""
        try:
            yield
        except VitrinaError as error:
            if self.usage != Usage():
                error.paid = self.usage
            raise

    def refused(self, error: VitrinaError) -> AnswerError | None:
        """What a later try that was refused means; None for the first one."""
        if self.grown:
            return AnswerError("truncated", f"{CUT_OFF}; a higher one: {error}")
        return self.failed

    def goes_on(self, error: AnswerError, limit: int | None, known: int) -> bool:
        """Whether to try once more after an answer of no use that was sent with `limit`.

        `known` is the limit that other calls were found to need. Raises BudgetError where there is
        no money for it.
        """
        self.failed = error
        if error.cut_off and limit is not None and limit < self.most:
            self.least, self.grown = max(limit * GROWTH, known), True
        elif error.cut_off:
            self.failed = _too_short(error, limit)
            return False
        elif self.again or not error.worth_another_try:
            return False
        else:
            self.again = True
        if self.afford is not None:
            self.afford(self.model, self.usage)
        return True


def _too_short(error: AnswerError, limit: int | None) -> AnswerError:
    """The error with the limit that was sent, and the setting that raises it."""
    sent = f"of {limit:,}" if limit is not None else "of the server itself: none was sent"
    way_out = "" if limit is None else "; VITRINA_MAX_TOKENS or --max-tokens raises it"
    return AnswerError(error.kind, f"{error} (a limit {sent}{way_out})", cut_off=True)
