"""Judgements: the right products for a query, from a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vitrina.db.database import Database
from vitrina.errors import InputError
from vitrina.weave.datasets import OPENERS

if TYPE_CHECKING:
    from vitrina.files.rows import BadRow, Row

COLUMNS = ("query", "external_id", "grade")
HIGHEST = 10.0  # beyond it 2 ** grade drowns everything else


@dataclass(slots=True)
class Judgements:
    """Grades by query and product id; and the file's products that are missing in the catalogue."""

    grades: dict[str, dict[int, float]] = field(default_factory=dict)
    rows: int = 0
    unknown: list[str] = field(default_factory=list)

    @property
    def queries(self) -> dict[str, dict[int, float]]:
        """Queries that have a relevant product, with their grades; others cannot be scored."""
        return {
            query: grades
            for query, grades in self.grades.items()
            if any(grade > 0 for grade in grades.values())
        }


def read(database: Database, path: str) -> Judgements:
    """Read a CSV or JSON Lines file with the columns query, external_id, grade and maybe source.

    Raises InputError, with the line, if it cannot be used: a missing column, a grade that is not a
    number from 0 to 10, two grades for the same product and query, or an id in several sources.
    """
    found: dict[tuple[str, str, str | None], tuple[float, int]] = {}
    from vitrina.files.opening import open_rows  # on use: a search does without

    with open_rows(path, openers=OPENERS) as rows:
        for row in rows:
            query, key, source, grade = _judgement(row)
            before = found.setdefault((query, key, source), (grade, row.line))
            if before[0] != grade:
                raise InputError(
                    f"line {row.line}: {key!r} has another grade for {query!r} on line {before[1]}"
                )
    if not found:
        raise InputError(f"no judgement found in {path}")
    ids = _ids(database, {(source, key) for _, key, source in found})
    judgements = Judgements(rows=len(found))
    unknown: dict[str, None] = {}
    for (query, key, source), (grade, _) in found.items():
        grades = judgements.grades.setdefault(query, {})
        product = ids.get((source, key))
        if product is None:
            unknown[key if source is None else f"{source}/{key}"] = None
        else:
            grades[product] = grade
    judgements.unknown = list(unknown)
    return judgements


def _judgement(row: Row | BadRow) -> tuple[str, str, str | None, float]:
    """Query, external id, source and grade of a row."""
    from vitrina.files.rows import BadRow

    if isinstance(row, BadRow):
        raise InputError(f"line {row.line}: {row.reason}")
    missing = [name for name in COLUMNS if name not in row.values]
    if missing:
        raise InputError(
            f"column {' and column '.join(missing)} not found: judgements need the columns query,"
            " external_id, grade, and source if ids are not unique"
        )
    query, key = (_text(row.values, name, row.line) for name in ("query", "external_id"))
    source = str(row.values.get("source") or "").strip() or None
    value = row.values["grade"]
    try:
        grade = float(str(value).strip())
    except ValueError:
        grade = math.nan
    if isinstance(value, bool) or not 0 <= grade <= HIGHEST:
        raise InputError(f"line {row.line}: grade {str(value)[:40]!r} is not a number from 0 to 10")
    return query, key, source, grade


def _text(values: Mapping[str, object], name: str, line: int) -> str:
    text = "" if values[name] is None else str(values[name]).strip()
    if not text:
        raise InputError(f"line {line}: {name} is empty")
    return text


def _ids(
    database: Database, keys: set[tuple[str | None, str]]
) -> dict[tuple[str | None, str], int]:
    """The product of each known (source or None, external id)."""
    wanted = sorted(keys, key=lambda key: (key[0] or "", key[1]))
    rows = database.rows(
        "select u.source, u.external_id, p.id, s.name as of_source"
        " from unnest(%s::text[], %s::text[]) as u (source, external_id)"
        " join vitrina.sources as s on u.source is null or s.name = u.source"
        " join vitrina.products as p on p.source_id = s.id and p.external_id = u.external_id"
        " order by p.id",
        ([source for source, _ in wanted], [key for _, key in wanted]),
    )
    ids: dict[tuple[str | None, str], int] = {}
    for row in rows:
        key = (row["source"], row["external_id"])
        if key in ids:
            raise InputError(
                f"{row['external_id']!r} is in several sources: add a column source to the file"
            )
        ids[key] = row["id"]
    return ids
