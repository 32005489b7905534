"""The queue of work: what waits, what failed and why, once more or never."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from vitrina.db.database import Database

State = Literal["queued", "leased", "failed"]


class Jobs:
    """The part of a catalog that is about its queue.

    The filters: `sources` by name; `matching`, a pattern of SQL's `like` for the error;
    `product_ids`.
    """

    database: Database

    def jobs(
        self,
        *,
        states: Sequence[State] | None = None,
        sources: Sequence[str] | None = None,
        matching: str | None = None,
        product_ids: Sequence[int] | None = None,
        k: int = 1000,
    ) -> list[dict[str, Any]]:
        """Jobs with product, state, attempts, error and the model's reply; failed ones first."""
        return self.database.rows(
            "select * from vitrina.list_jobs(%s::text[], %s::text[], %s, %s::bigint[], %s)",
            (_listed(states), _listed(sources), matching, _listed(product_ids), k),
        )

    def retry_jobs(
        self,
        *,
        sources: Sequence[str] | None = None,
        matching: str | None = None,
        product_ids: Sequence[int] | None = None,
    ) -> int:
        """Make jobs that failed, for good or for now, due again; returns how many."""
        return int(
            self.database.value(
                "select vitrina.retry_jobs(%s::text[], %s, %s::bigint[])",
                (_listed(sources), matching, _listed(product_ids)),
            )
        )

    def drop_jobs(
        self,
        *,
        states: Sequence[State] = ("failed",),
        sources: Sequence[str] | None = None,
        matching: str | None = None,
        product_ids: Sequence[int] | None = None,
    ) -> int:
        """Take jobs out of the queue that nobody works on; returns how many. Products stay."""
        return int(
            self.database.value(
                "select vitrina.drop_jobs(%s::text[], %s::text[], %s, %s::bigint[])",
                (list(states), _listed(sources), matching, _listed(product_ids)),
            )
        )


def _listed(values: Sequence[Any] | None) -> list[Any] | None:
    return list(values) if values is not None else None
