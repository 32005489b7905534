"""Generations as cache and ledger: each input is answered once, and every answer has a price."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from vitrina.db.database import Database, Jsonb
from vitrina.errors import BudgetError, VitrinaError
from vitrina.models.outcomes import Answer, AnswerError, Usage

if TYPE_CHECKING:
    from vitrina.weave.tracing import Tracer

T = TypeVar("T")
Price = Callable[[str, Usage], Decimal | None]
PART = 8  # of what is left of a standing budget: a run spends this much before it asks again
LOOK_SECONDS = 10.0  # or this long, as others spend too


@dataclass(frozen=True, slots=True)
class Question:
    """The identity of an answer: the same question again gets the stored answer.

    `key` is the sha256 of the model's whole input, except the part that the prompt version covers.
    """

    stage: str
    key: bytes
    provider: str
    model: str
    prompt_version: str

    @property
    def row(self) -> dict[str, str]:
        """How the database finds its answer."""
        return {
            "stage": self.stage,
            "input_hash": self.key.hex(),
            "model": self.model,
            "prompt_version": self.prompt_version,
        }


def key(*shown: object) -> bytes:
    """The hash of a model's input."""
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).digest()


class Ledger:
    """Finds answers, or has them made and stores each at once, for any number of threads.

    Tokens are counted by the endpoint, but bounded by the most that the request can have used (see
    openai_requests.bounded) and by 10 million in an answer of a batch: a server that counts wrongly
    costs neither an answer nor the budget. A count that is not a whole number counts as 0.

    Args:
        database: the database of the generations.
        price: USD for a model and its usage; None if the price is unknown.
        max_cost: USD this run may spend; calls already under way may go beyond it.
        tracer: records calls; None: no tracing.
        at_once: calls under way or not stored yet: the most that a crash may lose, and that a
            run may spend beyond its budget.
        standing: standing budgets hold, too; not for what is free, nor for searches.
    """

    def __init__(
        self,
        database: Database,
        *,
        price: Price,
        max_cost: Decimal | None = None,
        tracer: Tracer | None = None,
        at_once: int = 8,
        standing: bool = False,
    ) -> None:
        self._database = database
        self._price = price
        self._max_cost = max_cost
        self.tracer = tracer
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(at_once)
        self._asked: dict[Question, tuple[threading.Lock, int]] = {}
        self.made = 0
        self.reused = 0
        self.spent = Decimal(0)
        self._standing = standing
        self._look_at, self._look_after = Decimal(0), 0.0

    def answer(
        self,
        question: Question,
        call: Callable[[], Answer[T]],
        *,
        dump: Callable[[T], Any],
        load: Callable[[Any], T],
        shown: Mapping[str, object] | None = None,
    ) -> T:
        """The stored answer, or that of `call`, stored before this returns.

        `dump` and `load` turn a value into JSON and back; `shown` is the trace's record of it.
        Raises BudgetError before a call that exceeds the budget, and the errors of `call`.
        """
        with self._asked_once(question):
            found = self._database.value(
                "select g.output from vitrina.find_generations(%s, %s, %s, %s) as g",
                (question.stage, question.model, question.prompt_version, [question.key]),
            )
            if found is not None:
                with self._lock:
                    self.reused += 1
                return load(found)
            with self._places:
                return self._made(question, call, dump, shown or {})

    @contextlib.contextmanager
    def _asked_once(self, question: Question) -> Iterator[None]:
        """While one thread asks a question, other threads with the same question wait for it."""
        with self._lock:
            lock, waiting = self._asked.get(question) or (threading.Lock(), 0)
            self._asked[question] = lock, waiting + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, waiting = self._asked.pop(question)
                if waiting > 1:
                    self._asked[question] = lock, waiting - 1

    def _made(
        self,
        question: Question,
        call: Callable[[], Answer[T]],
        dump: Callable[[T], Any],
        shown: Mapping[str, object],
    ) -> T:
        self.check_budget()
        started = time.monotonic()
        try:
            answer = self._traced(question, call, shown)
        except AnswerError as exc:
            if exc.usage != Usage():  # a useless answer is paid for all the same
                self._store_failure(question, exc, time.monotonic() - started)
            raise
        except VitrinaError as exc:
            if exc.paid is not None:
                tried = AnswerError("error", str(exc), exc.paid)
                self._store_failure(question, tried, time.monotonic() - started)
            raise
        self._store(question, answer, dump(answer.value), time.monotonic() - started)
        with self._lock:
            self.made += 1
        return answer.value

    def _store_failure(self, question: Question, exc: AnswerError, seconds: float) -> None:
        """Store the cost of a useless answer, under a key that no question has."""
        key = hashlib.sha256(question.key + secrets.token_bytes(16)).digest()
        answer = Answer(None, question.model, exc.usage, seconds)
        self._store(
            replace(question, key=key), answer, {"error": exc.kind, "reason": str(exc)}, seconds
        )

    def _traced(
        self, question: Question, call: Callable[[], Answer[T]], shown: Mapping[str, object]
    ) -> Answer[T]:
        if self.tracer is None:
            return call()
        inputs = {"model": question.model, **shown}
        return self.tracer.call(question.stage, inputs, call, cost=self._price)

    def check_budget(self) -> None:
        """Raises BudgetError if this run has spent its budget, or a standing budget is spent.

        What is left of a standing budget is asked for when this run has spent a part of it since,
        and now and then: so often that several runs do not spend it twice.
        """
        self._check(self.spent)
        now = time.monotonic()
        with self._lock:
            if not self._standing or (self.spent < self._look_at and now < self._look_after):
                return
            self._look_after = now + LOOK_SECONDS
        left = self._database.value("select vitrina.check_budget()")
        with self._lock:
            self._look_at = Decimal("Infinity") if left is None else self.spent + left / PART

    def afford(self, model: str, usage: Usage) -> None:
        """Raises BudgetError if the budget is spent, counting tries that are not stored yet.

        Checks the budget of this run and the standing budget.
        """
        cost = self._price(model, usage) or Decimal(0)
        self._check(self.spent + cost)
        self._database.value("select vitrina.check_budget(%s)", (cost,))

    def _check(self, spent: Decimal) -> None:
        if self._max_cost is not None and spent >= self._max_cost:
            raise BudgetError(
                f"stopped: {spent:.4f} USD spent, --max-cost is {self._max_cost} USD;"
                " paid answers are stored, other products stay queued"
            )

    def charge(self, answer: Answer[Any]) -> Decimal | None:
        """Add the cost of an answer to this run's spend; returns its price."""
        cost = self._price(answer.model, answer.usage)
        with self._lock:
            self.spent += cost or 0
        return cost

    def record(self, question: Question, answer: Answer[Any], output: Any) -> None:
        """Store the cost of an answer, under a key that no question has."""
        self._store(question, answer, output, answer.seconds)

    def _store(self, question: Question, answer: Answer[Any], output: Any, seconds: float) -> None:
        cost = self.charge(answer)
        if self._database.is_standby():
            return  # it is searched, and keeps no ledger
        row = {
            "stage": question.stage,
            "input_hash": question.key.hex(),
            "provider": question.provider,
            "model": question.model,
            "prompt_version": question.prompt_version,
            "output": output,
            "input_tokens": answer.usage.input_tokens,
            "cached_tokens": answer.usage.cached_tokens,
            "output_tokens": answer.usage.output_tokens,
            "cost": str(cost) if cost is not None else None,
            "seconds": answer.seconds or seconds,
        }
        self._database.value("select vitrina.put_generations(%s)", (Jsonb([row]),))
