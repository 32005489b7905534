"""The log of searches: what shoppers look for, and what finds nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import LiteralString

from vitrina.context import Context, Writer
from vitrina.db.database import Database, Jsonb
from vitrina.errors import VitrinaError

ASK_AGAIN = 60.0  # seconds, where searches are not logged, or cannot be


@dataclass(frozen=True, slots=True)
class LoggedSearch:
    """What was searched for, in all its wordings: how often, and how many rows it last returned.

    `corrected` is what it was last read as, empty as it is.
    """

    query: str
    searches: int
    results: int
    corrected: str
    last_day: date


@dataclass(frozen=True, slots=True)
class SearchPolicy:
    """Whether searches are logged, for how many days, and what is no answer."""

    log: bool
    keep_days: int
    min_relevance: float


class Searches:
    """Keeps and shows the log of searches.

    Args:
        context: the catalog's context.
        writer: writes, where the context only reads.
        writes: whether this catalog may write at all.
    """

    def __init__(self, context: Context, writer: Writer | None, *, writes: bool) -> None:
        self._database = context.database
        self._writer = writer
        self._writes = writes
        self._off_until = 0.0
        self._notice = context.notice
        self._told = False
        self.problem: str | None = None  # why the last search could not be logged

    def log(self, rows: Sequence[Mapping[str, object]]) -> int:
        """Keep these searches, each with its `query` and `results`; returns how many were kept.

        Keeps none where the policy is off.
        """
        statement = "select vitrina.log_searches(%s)"
        database = self._target()
        kept = database.value(statement, (Jsonb([dict(row) for row in rows]),))
        if kept is None:
            self._off_until = time.monotonic() + ASK_AGAIN
        return int(kept or 0)

    def note(self, query: str, results: int) -> None:
        """Keep one search if that is possible: a failure never fails the search."""
        if not self._writes or time.monotonic() < self._off_until:
            return
        try:
            if self._target().is_standby():
                self._leave_out()
            else:
                self.log([{"query": query, "results": results}])
        except VitrinaError as problem:
            self.problem = str(problem)
            self._off_until = time.monotonic() + ASK_AGAIN

    def _target(self) -> Database:
        return self._writer.context().database if self._writer else self._database

    def _leave_out(self) -> None:
        """Keep nothing on a standby, and say so once if searches are to be kept."""
        self._off_until = time.monotonic() + ASK_AGAIN
        if not self._told and self.policy().log:
            self._told = True
            self._notice("searches are not logged: a standby is searched")

    def top(self, *, k: int = 20, days: int = 30) -> list[LoggedSearch]:
        """What was searched for most in the last days."""
        return self._listed("select * from vitrina.top_searches(%s, %s)", k, days)

    def empty(self, *, k: int = 20, days: int = 30) -> list[LoggedSearch]:
        """What was searched for most and last found nothing."""
        return self._listed("select * from vitrina.empty_searches(%s, %s)", k, days)

    def corrected(self, *, k: int = 20, days: int = 30) -> list[LoggedSearch]:
        """What was searched for most and is read as other words."""
        return self._listed("select * from vitrina.corrected_searches(%s, %s)", k, days)

    def policy(
        self,
        *,
        log: bool | None = None,
        keep_days: int | None = None,
        min_relevance: float | None = None,
    ) -> SearchPolicy:
        """Change what is given, and return the policy in force.

        log: whether searches are kept. keep_days: for how many days, 1 to 3650. min_relevance: what
        a search leaves out, 0 to 1. Raises InputError for a value out of range.
        """
        if (log, keep_days, min_relevance) != (None, None, None):
            self._database.value(
                "select vitrina.set_search_policy(%s::real, %s::boolean, %s::int)",
                (min_relevance, log, keep_days),
            )
            self._off_until = 0.0
        (policy,) = self._database.records(
            SearchPolicy,
            "select p.log_searches as log, p.keep_searches as keep_days, p.min_relevance"
            " from vitrina.search_policy as p",
        )
        return policy

    def _listed(self, query: LiteralString, k: int, days: int) -> list[LoggedSearch]:
        return self._database.records(LoggedSearch, query, (k, days))
