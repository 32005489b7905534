"""Names that a person gave and the catalogue does not know."""

from __future__ import annotations

from collections.abc import Sequence

from vitrina.db.database import Database
from vitrina.errors import NotFoundError


def unknown_names(
    database: Database,
    *,
    sources: Sequence[str] = (),
    keywords: Sequence[str] = (),
    attributes: Sequence[str] = (),
) -> str | None:
    """One sentence about the first of these names that is unknown, with the nearest; else None."""
    for row in database.rows(
        "select * from vitrina.unknown_names(%s::text[], %s::text[], %s::text[])",
        (list(sources), list(keywords), list(attributes)),
    ):
        near = f"; nearest: {', '.join(row['nearest'])}" if row["nearest"] else ""
        return f"{row['kind']} {row['name']!r} not found{near}"
    return None


def check_names(
    database: Database,
    *,
    sources: Sequence[str] | None = None,
    keywords: Sequence[str] = (),
    attributes: Sequence[str] = (),
) -> None:
    """Raise NotFoundError for the first of these names that is unknown, with the nearest."""
    if not (sources or keywords or attributes):
        return
    message = unknown_names(
        database, sources=sources or (), keywords=keywords, attributes=attributes
    )
    if message is not None:
        raise NotFoundError(message)
