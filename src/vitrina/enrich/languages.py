"""The language in which a source is read and its keywords are shown."""

from __future__ import annotations

from vitrina.db.database import Database
from vitrina.models.local import named

SAMPLE = 500  # titles


def languages_of(database: Database, source: str) -> tuple[str, str]:
    """The language of a source's titles, and that of the keywords' names.

    Where its text-search configuration does not say the language, it is the one whose names its
    titles use most.
    """
    said = database.rows("select * from vitrina.source_languages(%s)", (source,))
    if not said:
        return "english", "english"
    if said[0]["language"] is not None:
        return said[0]["language"], said[0]["shown"]
    titles = database.rows(
        "select p.title from vitrina.products as p"
        " join vitrina.sources as s on s.id = p.source_id"
        " where s.name = %s order by p.id limit %s",
        (source, SAMPLE),
    )
    return named.language_of(row["title"] for row in titles), said[0]["shown"]
