"""The queue of work: list, retry and drop jobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from vitrina.context import Context
from vitrina.db.unknown import check_names
from vitrina.search.product import Key, named

State = Literal["queued", "leased", "failed"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is: jobs `queued`, `running` and `failed`, products `done`.

    `spent` is in USD; `budget` is the one nearest to its end, of which `budget_spent` is gone in
    its period. None for a role that may not see it.
    """

    queued: int
    running: int
    failed: int
    done: int
    spent: Decimal | None
    budget: Decimal | None
    budget_period: str | None
    budget_spent: Decimal | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A reason for which `jobs` failed, of which `retrying` are tried again by themselves.

    `error` and the product are an example; `matching` is the pattern by which list, retry and drop
    find them all.
    """

    matching: str
    jobs: int
    retrying: int
    stage: str | None
    error: str
    source: str
    external_id: str
    title: str
    run_after: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many products have `what`, of those that should."""

    what: str
    products: int
    of: int


@dataclass(frozen=True, slots=True)
class Job:
    """Queued work for one product.

    `state` is queued, leased (a worker has it, until `lease_until`) or failed; `error` says why it
    failed last, at which `stage`, and `reply` what the model answered then; `deaths` counts workers
    that died with it.
    """

    product_id: int
    source: str
    external_id: str
    title: str
    state: State
    stage: str | None
    attempts: int
    run_after: datetime
    lease_until: datetime | None
    worker: str | None
    error: str | None
    reply: str | None
    deaths: int


JobList: TypeAlias = list[Job]
FailureList: TypeAlias = list[Failure]
CoverageList: TypeAlias = list[Coverage]
Values: TypeAlias = list[Any]


class Jobs:
    """The queue of a catalog.

    The filters: `sources` by name; `matching`, a pattern of SQL's `like` for the error;
    `product_ids`. An unknown source raises NotFoundError.
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
    ) -> JobList:
        """The jobs, failed ones first."""
        check_names(self._database, sources=sources)
        return self._database.records(
            Job,
            "select * from vitrina.list_jobs(%s::text[], %s::text[], %s, %s::bigint[], %s)",
            (_listed(states), _listed(sources), matching, _listed(product_ids), k),
        )

    def progress(self) -> Progress:
        """How far the work is, now."""
        return self._database.records(Progress, "select * from vitrina.work_progress()")[0]

    def failures(self, *, k: int = 50) -> FailureList:
        """The k commonest reasons for which jobs failed, most jobs first."""
        return self._database.records(Failure, "select * from vitrina.job_failures(%s)", (k,))

    def coverage(self) -> CoverageList:
        """What products have: pictures, keywords, captions, vectors by space."""
        return self._database.records(Coverage, "select * from vitrina.coverage()")

    def retry(
        self,
        *,
        sources: Sequence[str] | None = None,
        matching: str | None = None,
        product_ids: Sequence[int] | None = None,
    ) -> int:
        """Make failed jobs, permanent or not, due again; returns how many."""
        check_names(self._database, sources=sources)
        return int(
            self._database.value(
                "select vitrina.retry_jobs(%s::text[], %s, %s::bigint[])",
                (_listed(sources), matching, _listed(product_ids)),
            )
        )

    def ask_again(self, products: Sequence[Key]) -> int:
        """Queue products about which models are asked anew, at a price, although their input is
        the same; returns how many. Keywords that a person set stay. See Costs.estimate.

        Raises NotFoundError and InputError as Catalog.get does; then none is queued.
        """
        ids = [named(self._database, product).product_id for product in products]
        return int(self._database.value("select vitrina.ask_again(%s::bigint[])", (ids,)))

    def drop(
        self,
        *,
        states: Sequence[State] = ("failed",),
        sources: Sequence[str] | None = None,
        matching: str | None = None,
        product_ids: Sequence[int] | None = None,
    ) -> int:
        """Drop jobs that no worker holds; returns how many. Products stay."""
        check_names(self._database, sources=sources)
        return int(
            self._database.value(
                "select vitrina.drop_jobs(%s::text[], %s::text[], %s, %s::bigint[])",
                ([*states], _listed(sources), matching, _listed(product_ids)),
            )
        )

    def retry_images(self, *, sources: Sequence[str] | None = None) -> int:
        """Queue products whose picture was unavailable; returns how many."""
        check_names(self._database, sources=sources)
        return int(
            self._database.value("select vitrina.retry_images(%s::text[])", (_listed(sources),))
        )


def _listed(values: Iterable[Any] | None) -> Values | None:
    return [*values] if values is not None else None
