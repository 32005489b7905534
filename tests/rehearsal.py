"""A database for many tests: each works in one transaction that is rolled back at its end.

To a test it looks like autocommit: a statement that fails takes back itself alone. It is no
database of one's own where a test looks from a second connection, or counts on `now()` moving on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from servers import TEMPLATE, create, drop
from vitrina import embedded

SEQUENCES = """
select format('%I.%I', s.schemaname, s.sequencename), coalesce(s.last_value, s.start_value),
    s.last_value is not null
from pg_sequences as s where s.schemaname = 'vitrina'
"""
EMPTY = """
select c.oid::regclass::text from pg_class as c
where c.relnamespace = 'vitrina'::regnamespace and c.relkind in ('r', 'p') and pg_relation_size(c.oid) = 0
"""
# a session as it began; what it knows of functions and tables it keeps, which is what takes time
RENEWED = """
reset all; select pg_advisory_unlock_all(); unlisten *; discard sequences; deallocate all;
set search_path = vitrina, public
"""
# a table that was never vacuumed is planned for as one of ten pages at least: fewer change no plan
WRITTEN = """
select from pg_class as c
where c.oid = any (%s::regclass[]) and pg_relation_size(c.oid) >= 10 * 8192 limit 1
"""


class Cursor(psycopg.Cursor[Any]):
    """Puts a savepoint before each statement, and goes back to it on an error."""

    def execute(self, *args: Any, **kwargs: Any) -> Cursor:
        with self._alone():
            return super().execute(*args, **kwargs)

    def executemany(self, *args: Any, **kwargs: Any) -> None:
        with self._alone():
            super().executemany(*args, **kwargs)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        beside = psycopg.Cursor(self.connection)
        beside.execute("savepoint rehearsed")
        try:
            yield
        except psycopg.Error:
            beside.execute("rollback to savepoint rehearsed; release savepoint rehearsed")
            raise
        beside.execute("release savepoint rehearsed")


class Connection(psycopg.Connection[Any]):
    """One test's way into the session of a stage, which outlasts it unless the test closes it."""

    def __del__(self) -> None:
        pass  # nobody forgot to close it


class Stage:
    """The database of one worker on one server, which looks as new to each test."""

    def __init__(self, server: embedded.Server) -> None:
        self._server = server
        self._session: psycopg.Connection | None = None
        self._name = create(server, TEMPLATE)
        self._connect()
        self._sequences = "select " + ", ".join(
            f"setval('{name}', {value}, {called})" for name, value, called in self._rows(SEQUENCES)
        )
        self._empty = [name for (name,) in self._rows(EMPTY)]

    def _connect(self) -> None:
        self._own = psycopg.connect(self._server.url(self._name), autocommit=True)
        # what it truncates is nobody's change
        self._own.execute("set session_replication_role = replica")

    def _rows(self, query: str) -> list[Any]:
        return self._own.execute(query.encode()).fetchall()

    @contextlib.contextmanager
    def rehearsal(self) -> Iterator[psycopg.Connection]:
        """A connection in the transaction of one test, with vitrina on its path."""
        self._own.execute(self._sequences.encode())
        if self._session is None or self._session.closed:
            self._session = psycopg.connect(self._server.url(self._name), autocommit=True)
        conn = Connection(self._session.pgconn)
        conn.autocommit = True
        try:
            conn.execute(RENEWED)
            conn.execute("begin")
            conn.cursor_factory = Cursor
            yield conn
        finally:
            self._take_back(self._session)
        # rows that were rolled back still lie in tables and indexes
        if self._own.execute(WRITTEN, [self._empty]).fetchone() is not None:
            names = sql.SQL(", ").join(map(sql.SQL, self._empty))
            self._own.execute(sql.SQL("truncate {}").format(names))

    def _take_back(self, session: psycopg.Connection) -> None:
        if session.info.transaction_status in (
            TransactionStatus.INTRANS,
            TransactionStatus.INERROR,
        ):
            session.rollback()
        else:
            session.close()  # in the middle of something

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._own.close()
        drop(self._server, self._name)
