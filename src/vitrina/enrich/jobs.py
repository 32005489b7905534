"""The queue of work: what waits, what failed and why, once more or never."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

from vitrina.context import Context

Rows: TypeAlias = list[dict[str, Any]]
Values: TypeAlias = list[Any]
State = Literal["queued", "leased", "failed"]


class Jobs:
    """The queue of a catalog.

    The filters: `sources` by name; `matching`, a pattern of SQL's `like` for the error;
    `product_ids`.
    """

    def __init__(self, context: Context) -> None:
        self._database = context.database

    def list(
        self,
        *,
        states: Sequence[State] | None = None,
        sources: Sequence[str] | None = None,
        matching: str | None = None,
        product_ids: Sequence[int] | None = None,
        k: int = 1000,
    ) -> Rows:
        """Jobs with product, state, attempts, error and the model's reply; failed ones first."""
        return self._database.rows(
            "select * from vitrina.list_jobs(%s::text[], %s::text[], %s, %s::bigint[], %s)",
            (_listed(states), _listed(sources), matching, _listed(product_ids), k),
        )

    def retry(
        self,
        *,
        sources: Sequence[str] | None = None,
        matching: str | None = None,
        product_ids: Sequence[int] | None = None,
    ) -> int:
        """Make jobs that failed, for good or for now, due again; returns how many."""
        return int(
            self._database.value(
                "select vitrina.retry_jobs(%s::text[], %s, %s::bigint[])",
                (_listed(sources), matching, _listed(product_ids)),
            )
        )

    def drop(
        self,
        *,
        states: Sequence[State] = ("failed",),
        sources: Sequence[str] | None = None,
        matching: str | None = None,
        product_ids: Sequence[int] | None = None,
    ) -> int:
        """Take jobs out of the queue that nobody works on; returns how many. Products stay."""
        return int(
            self._database.value(
                "select vitrina.drop_jobs(%s::text[], %s::text[], %s, %s::bigint[])",
                ([*states], _listed(sources), matching, _listed(product_ids)),
            )
        )

    def retry_images(self, *, sources: Sequence[str] | None = None) -> int:
        """Queue products whose picture could not be had; returns how many."""
        return int(
            self._database.value("select vitrina.retry_images(%s::text[])", (_listed(sources),))
        )


def _listed(values: Iterable[Any] | None) -> Values | None:
    return [*values] if values is not None else None
