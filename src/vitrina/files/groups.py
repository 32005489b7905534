"""Brings together the rows of a product, wherever in the file they stand.

A first look at the file says which products have rows apart from each other; only these wait on
disk, the others go by as they come. So memory does not grow with the file.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator

from vitrina.files.formats.base import Reader
from vitrina.files.rows import BadRow, Row

MAX_GROUP = 5_000  # rows of one product


class Groups:
    """Which rows belong together: filled by `note`, then used by `gather`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._db = sqlite3.connect("")
        self._db.executescript(
            """
            create table keys (key text primary key) without rowid;
            create table apart (key text primary key) without rowid;
            create table claims (name text primary key, key text) without rowid;
            create table waiting (key text, line int, row text);
            """
        )
        self._last: str | None = None
        self._claimed = False
        self._apart = False

    def close(self) -> None:
        """Give back the disk."""
        self._db.close()

    def note(self, row: Row) -> None:
        """Take a row into account."""
        for claim in self._reader.claims(row):
            self._claimed = True
            self._db.execute("insert or ignore into claims values (?, ?)", claim)
        key = self._reader.key(row)
        if key is None or key == self._last:
            self._last = key
            return
        self._last = key
        added = self._db.execute("insert or ignore into keys values (?)", (key,)).rowcount
        if not added:
            self._apart = True
            self._db.execute("insert or ignore into apart values (?)", (key,))

    def gather(
        self, rows: Iterator[Row | BadRow]
    ) -> Iterator[tuple[str | None, list[Row]] | BadRow]:
        """The rows by product: those that stand together as they come, the others at the end."""
        key: str | None = None
        group: list[Row] = []
        for row in rows:
            if isinstance(row, BadRow):
                yield row
                continue
            this = self._key(row)
            if this is not None and this == key and len(group) < MAX_GROUP:
                group.append(row)
                continue
            if this is not None and this == key:
                yield BadRow(row.line, f"more than {MAX_GROUP:,} rows of one product")
                continue
            if group:
                yield key, group
            key, group = None, []
            if this is None:
                yield None, [row]
            elif self._waits(this):
                self._db.execute(
                    "insert into waiting values (?, ?, ?)",
                    (this, row.line, json.dumps(row.values, ensure_ascii=False, default=str)),
                )
            else:
                key, group = this, [row]
        if group:
            yield key, group
        yield from self._waiting()

    def _key(self, row: Row) -> str | None:
        key = self._reader.key(row)
        if key is not None and self._claimed:
            found = self._db.execute("select key from claims where name = ?", (key,)).fetchone()
            if found is not None:
                return str(found[0])
        return key

    def _waits(self, key: str) -> bool:
        if self._claimed:
            return True
        if not self._apart:
            return False
        return self._db.execute("select 1 from apart where key = ?", (key,)).fetchone() is not None

    def _waiting(self) -> Iterator[tuple[str | None, list[Row]] | BadRow]:
        self._db.execute("create index waiting_key on waiting (key, line)")
        keys = self._db.execute(
            "select key, min(line) as first from waiting group by key order by first"
        )
        for key, _ in keys:
            found = self._db.execute(
                "select line, row from waiting where key = ? order by line limit ?",
                (key, MAX_GROUP + 1),
            ).fetchall()
            rows = [Row(line, json.loads(values)) for line, values in found]
            yield key, rows[:MAX_GROUP]
            if len(rows) > MAX_GROUP:
                yield BadRow(rows[-1].line, f"more than {MAX_GROUP:,} rows of one product")


@contextlib.contextmanager
def grouping(reader: Reader) -> Iterator[Groups]:
    """Groups for one file."""
    groups = Groups(reader)
    try:
        yield groups
    finally:
        groups.close()
