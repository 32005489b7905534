"""The half-price way: batches of requests that an endpoint answers within a day."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from vitrina.batch.means import Means

if TYPE_CHECKING:
    from vitrina.batch.run import Batched

Rows: TypeAlias = list[dict[str, Any]]


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

    def list(self, *, open_only: bool = False) -> Rows:
        """The batches so far, newest first, with what they were asked, answered and cost."""
        states = ["preparing", "creating", "submitted", "answered"] if open_only else None
        return self._means.context.database.rows(
            "select b.id, b.remote_id, b.model, b.stages, b.state, b.status, b.requests,"
            " b.answered, b.unanswered, b.tokens, b.estimate, b.cost, b.created_at,"
            " b.submitted_at, b.collected_at, b.error from vitrina.list_batches(%s) as b",
            (states,),
        )
