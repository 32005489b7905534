"""A database for many tests: each works in one transaction that is rolled back at its end.

To a test it looks like autocommit: a statement that fails takes back itself alone. It is no
database of one's own where a test looks from a second connection, or counts on `now()` moving on.
What a test begins with is put in once for all that follow each other and begin with the same: `filled`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.pq import ExecStatus, TransactionStatus

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
RENEWED = "select pg_advisory_unlock_all(); unlisten *; discard sequences; deallocate all"
BEGUN = f"reset all; {RENEWED}; set search_path = vitrina, public; begin"
# a table that was never vacuumed is planned for as one of ten pages at least: fewer change no plan
WRITTEN = """
select from pg_class as c
where c.oid = any (%s::regclass[]) and pg_relation_size(c.oid) >= 10 * 8192 limit 1
"""


Fill = Callable[[psycopg.Connection[Any]], object]
_FILLS: dict[object, Fill] = {}


def filled(fill: Fill) -> Any:
    """A fixture: the connection of `db`, after fill(db). To be a name of the test's own module."""

    @pytest.fixture
    def fixture(db: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
        return db  # which has seen to it

    _FILLS[fixture] = fill
    return fixture


def fills(module: ModuleType, fixtures: Sequence[str]) -> tuple[Fill, ...]:
    """What fills the database of a test with these fixtures."""
    found = (_FILLS.get(getattr(module, name, None)) for name in fixtures)
    return tuple(fill for fill in found if fill is not None)


OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)


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

    def __init__(self, session: psycopg.Connection[Any]) -> None:
        super().__init__(session.pgconn)
        self._autocommit = True  # what sets it refuses to within a transaction

    def __del__(self) -> None:
        pass  # nobody forgot to close it


class Stage:
    """The database of one worker on one server, which looks as new to each test."""

    def __init__(self, server: embedded.Server) -> None:
        self._server = server
        self._session: psycopg.Connection | None = None
        self._name = create(server, TEMPLATE)
        self._connect()
        self._sequences = self._setting_sequences()
        self._empty = [name for (name,) in self._rows(EMPTY)]
        # what is kept for the next test: its fills, the sequences after them, whether they were large
        self._fills: tuple[Fill, ...] = ()
        self._filled = ""
        self._is_large = False

    def _connect(self) -> None:
        self._own = psycopg.connect(self._server.url(self._name), autocommit=True)
        # what it truncates is nobody's change
        self._own.execute("set session_replication_role = replica")

    def _rows(self, query: str) -> list[Any]:
        return self._own.execute(query.encode()).fetchall()

    def _setting_sequences(self) -> str:
        """What sets them as they are now."""
        return "select " + ", ".join(
            f"setval('{name}', {value}, {called})" for name, value, called in self._rows(SEQUENCES)
        )

    @contextlib.contextmanager
    def rehearsal(self, fills: tuple[Fill, ...] = ()) -> Iterator[psycopg.Connection]:
        """A connection in the transaction of one test, with vitrina on its path, after these fills."""
        if self._fills and self._fills == fills:
            self._own.execute(self._filled.encode())
        else:
            if self._fills:
                self._end()
            self._begin(fills)
        assert self._session is not None
        conn = Connection(self._session)
        if fills:
            conn.execute(RENEWED)
        conn.cursor_factory = Cursor
        try:
            yield conn
        finally:
            self._take_back()

    def _begin(self, fills: tuple[Fill, ...]) -> None:
        self._own.execute(self._sequences.encode())
        if self._session is None or self._session.closed:
            self._session = psycopg.connect(self._server.url(self._name), autocommit=True)
        conn = Connection(self._session)
        conn.execute(BEGUN)
        if not fills:
            return
        try:
            for fill in fills:
                fill(conn)
        except BaseException:
            self._end()
            raise
        conn.execute("savepoint filled")
        self._fills = fills
        self._filled = self._setting_sequences()
        self._is_large = self._is_written(conn)

    def _take_back(self) -> None:
        """To what the test began with, if that is kept."""
        assert self._session is not None
        if self._fills and self._session.info.transaction_status in OPEN:
            done = self._session.pgconn.exec_(b"rollback to savepoint filled")
            if done.status == ExecStatus.COMMAND_OK and (
                self._is_large or not self._is_written(self._session)
            ):
                return
        self._end()

    def _end(self) -> None:
        """To a database with nothing in it."""
        assert self._session is not None
        self._fills = ()
        if self._session.info.transaction_status in OPEN:
            self._session.rollback()
        else:
            self._session.close()  # in the middle of something
        # rows that were rolled back still lie in tables and indexes
        if self._is_written(self._own):
            names = sql.SQL(", ").join(map(sql.SQL, self._empty))
            self._own.execute(sql.SQL("truncate {}").format(names))

    def _is_written(self, conn: psycopg.Connection[Any]) -> bool:
        return conn.execute(WRITTEN, [self._empty], prepare=False).fetchone() is not None

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._own.close()
        drop(self._server, self._name)
