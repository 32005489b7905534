"""The half-price way: batches of requests that an endpoint answers within a day."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from vitrina.batch.means import Means

if TYPE_CHECKING:
    from vitrina.batch.run import Batched


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of requests: what it asked, what was answered, and the cost in USD.

    `state` is preparing, creating, submitted, answered, collected, failed or abandoned; `status` is
    the endpoint's own word for it, and `remote_id` its name there.
    """

    id: int
    remote_id: str | None
    model: str
    stages: list[str]
    state: str
    status: str | None
    requests: int
    answered: int
    unanswered: int
    tokens: int
    estimate: Decimal | None
    cost: Decimal | None
    created_at: datetime
    submitted_at: datetime | None
    collected_at: datetime | None
    error: str | None


BatchList: TypeAlias = list[Batch]


class Batches:
    """The batches of a catalog."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def submit(
        self,
        *,
        sources: Sequence[str] | None = None,
        tokens: int | None = None,
        progress: Callable[[Batched], None] | None = None,
    ) -> Batched:
        """Submit the missing requests of queued products, at half the price, and return.

        The products stay queued, not due for workers for three days. Complete products
        are finished at once. Collect stores the answers.

        Args:
            sources: products of these sources only; later rounds keep to them.
            tokens: of input that the account may queue per model; default: 2,000,000.
            progress: called with the counts so far.

        Raises ConfigError without an endpoint, ProviderError if it is unavailable.
        """
        from vitrina.batch import collect  # on use: it takes time to import
        from vitrina.models.openai.batch import Limits

        limits = Limits(tokens=tokens) if tokens is not None else Limits()
        return collect.submit(
            self._means,
            sources=sources,
            limits=limits,
            progress=progress,
        )

    def collect(
        self,
        *,
        wait: bool = False,
        seconds: float = 60.0,
        stop: threading.Event | None = None,
        progress: Callable[[Batched], None] | None = None,
    ) -> Batched:
        """Store the answers of batches, submit the next round, finish complete products.

        Any process may do so, on any machine, also after another was killed. What was submitted
        says how it was asked; the key and the address of the endpoint are taken from here, and so
        are the bounds: max_cost is the lower of both and, unless the owner of the schema submitted
        the batches, private addresses of pictures are asked only where both allow them.

        Args:
            wait: continue until no batch is open.
            seconds: between two checks.
            stop: ends the waiting.
            progress: called with the counts so far.

        Raises ProviderError if the endpoint is unavailable.
        """
        from vitrina.batch import collect

        if wait:
            return collect.wait(
                self._means,
                seconds=seconds,
                stop=stop,
                progress=progress,
            )
        return collect.collect(
            self._means,
            progress=progress,
        )

    def list(self, *, open_only: bool = False) -> BatchList:
        """The batches so far, newest first."""
        states = ["preparing", "creating", "submitted", "answered"] if open_only else None
        return self._means.context.database.records(
            Batch, "select b.* from vitrina.list_batches(%s) as b", (states,)
        )
