"""The language in which a source is read and its keywords are shown."""

from __future__ import annotations

from vitrina.db.database import Database
from vitrina.models.local import named

SAMPLE = 500  # titles


def languages_of(database: Database, source: str) -> tuple[str, str]:
    """The language of a source's titles, and that of the keywords' names.

    Where its text-search configuration does not say the language, it is the one whose names its
    titles use most; the source keeps it.
    """
    said = database.rows("select * from vitrina.source_languages(%s)", (source,))
    language, shown = said[0]["language"], said[0]["shown"]
    if language is None:
        titles = database.rows(
            "select p.title from vitrina.products as p"
            " join vitrina.sources as s on s.id = p.source_id"
            " where s.name = %s order by p.id limit %s",
            (source, SAMPLE),
        )
        found = named.language_of(row["title"] for row in titles)
        database.rows(
            "update vitrina.sources as s set language = %s where s.name = %s returning s.id",
            (found, source),
        )
        return languages_of(database, source)
    return language, shown
