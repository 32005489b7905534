"""The judgements that the database has: graded by clicking, or loaded from a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vitrina.context import Context
from vitrina.db.database import Database, Jsonb
from vitrina.evaluation import grades
from vitrina.search.product import Key, named

BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Judgement:
    """How well a product answers a query: 0 wrong, 1 related, 2 good, 3 perfect."""

    query: str
    product_id: int
    source: str
    external_id: str
    title: str
    grade: float
    graded_at: datetime


@dataclass(frozen=True, slots=True)
class Doubt:
    """A product of which people could not tell how well it answers a query, and why."""

    query: str
    product_id: int
    source: str
    external_id: str
    title: str
    reason: str
    doubted_at: datetime


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query with judgements: of how many products, and how many of these are relevant."""

    query: str
    judged: int
    relevant: int
    graded_at: datetime


class StoredJudgements:
    """The judgements of a catalog. Queries are the same in any case and spacing."""

    def __init__(self, context: Context) -> None:
        self._database = context.database

    def grade(self, query: str, product: Key, grade: float | None) -> None:
        """Judge a product for a query, 0 to 10; None removes the judgement.

        Raises InputError for another grade, NotFoundError for an unknown product.
        """
        of = named(self._database, product).product_id
        self.put([{"query": query, "product_id": of, "grade": grade}])

    def doubt(self, query: str, product: Key, reason: str) -> None:
        """Say that nobody can tell how well a product answers a query, and why.

        It counts as not judged; a grade settles it. Raises as grade does, InputError without a
        reason.
        """
        of = named(self._database, product).product_id
        self.put([{"query": query, "product_id": of, "doubt": reason}])

    def put(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Store judgements: query, product_id or source and external_id, and grade or doubt.

        Returns how many.

        Raises as grade does, and names the row; then none of its batch is stored.
        """
        given = [dict(row) for row in rows]
        return sum(
            int(
                self._database.value(
                    "select vitrina.put_judgements(%s)", (Jsonb(given[start : start + BATCH]),)
                )
            )
            for start in range(0, len(given), BATCH)
        )

    def load(self, path: str) -> int:
        """Store the judgements of a file, as `evaluate` reads it; returns how many.

        Products that are not in the catalogue are left out.
        """
        read = grades.read(self._database, path)
        return self.put(
            {"query": query, "product_id": product, "grade": grade}
            for query, of in read.grades.items()
            for product, grade in of.items()
        )

    def list(self, query: str | None = None) -> tuple[Judgement, ...]:
        """The judgements of a query, best first; of all queries without one."""
        return tuple(
            self._database.records(
                Judgement, "select * from vitrina.list_judgements(%s::text)", (query,)
            )
        )

    def doubts(self, query: str | None = None) -> tuple[Doubt, ...]:
        """The doubts about a query, the latest first; about all queries without one."""
        return tuple(
            self._database.records(Doubt, "select * from vitrina.list_doubts(%s::text)", (query,))
        )

    def queries(self, *, k: int = 1000) -> tuple[JudgedQuery, ...]:
        """The k queries that were judged last."""
        return tuple(
            self._database.records(JudgedQuery, "select * from vitrina.judged_queries(%s)", (k,))
        )


def of_database(database: Database) -> grades.Judgements:
    """All stored judgements, as those of a file."""
    found = grades.Judgements()
    for row in database.rows("select j.query, j.product_id, j.grade from vitrina.judgements as j"):
        found.grades.setdefault(row["query"], {})[row["product_id"]] = row["grade"]
        found.rows += 1
    return found
