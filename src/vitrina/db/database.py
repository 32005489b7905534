"""A database that has vitrina: its pool of connections, its types, and patience with it."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar

import psycopg
from pgvector import HalfVector
from pgvector.psycopg.halfvec import register_halfvec_info
from psycopg.rows import dict_row
from psycopg.types import TypeInfo
from psycopg_pool import ConnectionPool, PoolTimeout

from vitrina import errors
from vitrina.closing import Closing
from vitrina.db.cancelling import cancellable
from vitrina.db.connection import CONNECT_SECONDS, Params, Session, connect, fetch_value
from vitrina.db.faults import PoolAway, mapped
from vitrina.db.json_values import Jsonb
from vitrina.db.retries import answers, is_away, is_deadlock, tries_again

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["Database", "HalfVector", "Jsonb"]

POOL_SECONDS = 30.0  # to wait for a free connection
LOOK_SECONDS = 2.0  # between checks, meanwhile, whether the database is unavailable
RETRY_SECONDS = 0.5  # between two checks whether it is back
ROLE_SECONDS = 60.0  # until it is asked again whether it is a standby, which may be promoted
STOP_SECONDS = 10.0  # a run that is told to stop waits no longer for the database
T = TypeVar("T")
Record = TypeVar("Record", bound="DataclassInstance")
# lost connections that it logs are also raised, or replaced
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())
logging.getLogger("psycopg.pool").propagate = False


class Database(Closing):
    """A pool of connections to a database that has vitrina.

    Every statement names its schema, so nothing depends on the search_path of a session; functions
    and operators of Postgres itself are called with exactly their declared types, as
    others may have planted better matches in a schema of that path. A forked process has
    its own connections.

    Args:
        dsn: a libpq URL or key=value string.
        size: most connections.
        wait: seconds that a statement waits for an unavailable database: down, starting up, cut
            off. A wrong password, or a database that does not exist, fails at once.
        notice: called once when the wait begins, and when the database is back.
        read_only: every transaction is read-only: Postgres refuses what would write.
        statement_seconds: the time that a statement may take; SlowError after it. None: any.
        later: connect at the first statement, not now.
    """

    def __init__(
        self,
        dsn: str,
        *,
        size: int = 4,
        wait: float = 0.0,
        notice: Callable[[str], None] | None = None,
        read_only: bool = False,
        statement_seconds: float | None = None,
        later: bool = False,
    ) -> None:
        self.dsn = dsn
        self._size = size
        self._read_only = read_only
        self._statement_seconds = statement_seconds
        self._wait = wait
        self._notice = notice or (lambda _: None)
        self._stop: threading.Event | None = None
        self._telling = threading.Lock()
        self._away = False
        self._silent = False  # it did not answer the last time: ask first, do not wait again
        self._halfvec: TypeInfo | None = None
        self._strict = False  # whether another isolation than ours is the default
        self._standby = (-math.inf, False)  # until when it is known, and what is known
        self._inherited: list[ConnectionPool[psycopg.Connection]] = []
        self._own = threading.local()  # its connection, in a thread that is in `together`
        self._pid = os.getpid()
        self._opening = threading.Lock()
        self._opened: ConnectionPool[psycopg.Connection] | None = None
        if not later:
            self.persist(lambda: self._pool)

    def _open(self) -> ConnectionPool[psycopg.Connection]:
        return ConnectionPool(
            self.dsn,
            min_size=1,
            max_size=self._size,
            open=True,
            configure=self._configure,
            # a transaction that is begun at once is a check itself
            check=None if self._begins else ConnectionPool.check_connection,
            timeout=POOL_SECONDS,
            reconnect_timeout=LOOK_SECONDS,  # then the next caller makes it try again at once
            kwargs={
                "connect_timeout": CONNECT_SECONDS,
                "application_name": "vitrina",
                "prepare_threshold": None,
                "autocommit": True,
            },
        )

    @property
    def _pool(self) -> ConnectionPool[psycopg.Connection]:
        if self._pid != os.getpid():
            # the parent's connections stay the parent's: neither used nor closed here
            if self._opened is not None:
                self._inherited.append(self._opened)
            self._telling, self._opening = threading.Lock(), threading.Lock()
            self._opened, self._pid = None, os.getpid()
        if (opened := self._opened) is not None:
            return opened
        with self._opening:
            if self._opened is None:
                connect(self.dsn).close()  # a pool only logs why it cannot connect
                self._opened = self._open()
            return self._opened

    @property
    def _begins(self) -> bool:
        """Whether every statement is in a transaction that says what it may do."""
        return self._read_only or self._statement_seconds is not None or self._strict

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """The statements of this block, in this thread, use one connection, in one transaction.

        For a few reads one after the other: without it each has a transaction of its own. What
        fails rolls back, and the next statement begins anew. Not to wait in for anything else.
        """
        if not self._begins or getattr(self._own, "conn", None) is not None:
            yield
            return
        with mapped(), self._connection() as conn:
            self._own.conn = conn
            try:
                yield
            finally:
                self._own.conn = None

    @contextlib.contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        """A connection of the pool, returned to it afterwards; in `together` that one."""
        own: psycopg.Connection | None = getattr(self._own, "conn", None)
        if own is not None and not own.closed:
            try:
                yield own
            except BaseException:
                with contextlib.suppress(psycopg.Error):
                    own.rollback()
                    self._begin(own)
                raise
            return
        conn = self._taken()
        try:
            with conn, cancellable(conn):
                yield conn
        finally:
            self._pool.putconn(conn)

    def _taken(self) -> psycopg.Connection:
        """A connection taken out of the pool, in its transaction if that is bounded."""
        pool = self._pool
        deadline = time.monotonic() + POOL_SECONDS
        while True:
            if self._silent and not answers(self.dsn):
                raise PoolAway
            self._silent = False
            try:
                conn = pool.getconn(timeout=LOOK_SECONDS)
            except PoolTimeout:
                if time.monotonic() > deadline:
                    raise
                self._silent = True  # or so it seems: the next turn asks
                continue
            if not self._begins:
                return conn
            try:
                self._begin(conn)
            except BaseException as exc:
                pool.putconn(conn)
                # one that was cut off while it was idle gives way to another
                if isinstance(exc, psycopg.OperationalError) and conn.closed:
                    continue
                raise
            return conn

    def _begin(self, conn: psycopg.Connection) -> None:
        """Begin a transaction: READ COMMITTED; read-only and with a time limit, if asked for.

        Not settings of the session: a transaction pooler would hand them to another client.
        """
        begin = "begin isolation level read committed" + (", read only" if self._read_only else "")
        if self._statement_seconds is not None:
            begin += f"; set local statement_timeout = {self._statement_seconds * 1000:.0f}"
        conn.execute(begin.encode())  # in one message

    @contextlib.contextmanager
    def waiting(self, seconds: float) -> Iterator[None]:
        """Wait this long for an unavailable database, instead of the first setting."""
        before, self._wait = self._wait, seconds
        try:
            yield
        finally:
            self._wait = before

    @contextlib.contextmanager
    def stopped_by(self, stop: threading.Event | None) -> Iterator[None]:
        """Once this is set, wait only briefly."""
        before, self._stop = self._stop, stop
        try:
            yield
        finally:
            self._stop = before

    def persist(self, work: Callable[[], T]) -> T:
        """The result of `work`, repeated after a deadlock, or when Postgres is back.

        `work` is a whole transaction that may safely run twice: a failed try leaves nothing behind,
        but one whose connection broke may have been committed.
        """
        deadline: float | None = None
        stopping = False
        deadlocks = 0
        while True:
            try:
                done = work()
            except errors.DatabaseError as exc:
                deadlocks += is_deadlock(exc)
                if tries_again(exc, deadlocks):
                    continue
                if not self._wait or not is_away(exc, self.dsn):
                    raise
                now = time.monotonic()
                deadline = now + self._wait if deadline is None else deadline
                if self._stop is not None and self._stop.is_set() and not stopping:
                    stopping, deadline = True, min(deadline, now + STOP_SECONDS)
                if now >= deadline:
                    raise errors.UnreachableError(
                        f"{exc}; it has been unavailable for {self._wait:,.0f} s: run this"
                        " again later, stored work is not lost"
                    ) from exc
                self._tell(exc)
                time.sleep(RETRY_SECONDS)
            else:
                if self._away:
                    self._tell(None)
                return done

    def _tell(self, exc: errors.DatabaseError | None) -> None:
        """Say once that the database is unavailable, and once that it is back."""
        with self._telling:
            if (exc is not None) == self._away:
                return
            self._away = exc is not None
        if exc is None:
            self._notice("the database is back")
        elif self._wait == math.inf:
            self._notice(f"waiting for the database: {exc}")
        else:
            self._notice(f"waiting for the database, up to {self._wait:,.0f} s: {exc}")

    def _configure(self, conn: psycopg.Connection) -> None:
        conn.read_only = self._read_only or None
        conn.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        if self._halfvec is None:
            # the isolation of the role or the database is that of a statement alone; the type
            # not by TypeInfo.fetch: that looks up operators in the session's path
            ((isolation, *found),) = conn.execute(
                "select pg_catalog.current_setting('default_transaction_isolation'),"
                " t.oid, t.typarray from pg_catalog.pg_extension as e"
                " join pg_catalog.pg_type as t on t.typnamespace = e.extnamespace"
                " and e.extname = 'vector' and t.typname = 'halfvec'"
                " right join (values (true)) as one (row) on true"
            ).fetchall()
            self._strict = isolation != "read committed"
            if found[0] is not None:
                self._halfvec = TypeInfo("halfvec", *found)
        if self._halfvec is not None:
            register_halfvec_info(conn, self._halfvec)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[psycopg.Connection]:
        """A connection whose work is committed at the end, or rolled back."""
        with mapped(), self._connection() as conn, conn.transaction():
            yield conn

    def rows(self, query: LiteralString, params: Params = None) -> list[dict[str, Any]]:
        """All rows of one statement, as dicts, in a transaction of its own."""

        def run() -> list[dict[str, Any]]:
            with (
                mapped(),
                self._connection() as conn,
                conn.cursor(row_factory=dict_row) as cur,
            ):
                return cur.execute(query, params).fetchall()

        return self.persist(run)

    def records(
        self, kind: type[Record], query: LiteralString, params: Params = None
    ) -> list[Record]:
        """All rows of one statement as instances of a dataclass, by the names of its fields.

        Columns without a field are left out: a newer schema may have more.
        """
        return [_record(kind, row) for row in self.rows(query, params)]

    def stream(
        self, kind: type[Record], query: LiteralString, params: Params = None, *, batch: int = 500
    ) -> Iterator[Record]:
        """As `records`, through a server-side cursor: constant memory."""
        with self.transaction() as conn, conn.cursor("vitrina", row_factory=dict_row) as cur:
            cur.itersize = batch
            for row in cur.execute(query, params):
                yield _record(kind, row)

    def value(
        self,
        query: LiteralString,
        params: Params = None,
        *,
        said: Callable[[str], None] | None = None,
    ) -> Any:
        """The first column of the first row, or None, in a transaction of its own.

        `said` is told the notices that Postgres gives meanwhile, each with its hint.
        """

        def run() -> Any:
            with mapped(), self._connection() as conn, _heard(conn, said):
                return fetch_value(conn, query, params)

        return self.persist(run)

    def is_standby(self) -> bool:
        """Whether it is a hot standby, which nothing can be written to; asked once a minute."""
        until, standby = self._standby
        now = time.monotonic()
        if now > until:
            standby = bool(self.value("select pg_catalog.pg_is_in_recovery()"))
            self._standby = (now + ROLE_SECONDS, standby)
        return standby

    @contextlib.contextmanager
    def aside(self, seconds: float) -> Iterator[psycopg.Connection]:
        """A transaction on a new connection, with a time limit on connecting and statements."""
        with mapped(), connect(self.dsn, seconds=seconds) as conn:
            milliseconds = f"{seconds * 1000:.0f}"
            conn.execute("select set_config('statement_timeout', %s, true)", (milliseconds,))
            yield conn

    def session(self) -> Session:
        """A new connection, outside of the pool."""
        return Session(self.dsn)

    def close(self) -> None:
        """Close every connection."""
        if self._pid == os.getpid() and self._opened is not None:
            self._opened.close()


def _record(kind: type[Record], row: dict[str, Any]) -> Record:
    return kind(**{each.name: row[each.name] for each in fields(kind) if each.name in row})


@contextlib.contextmanager
def _heard(conn: psycopg.Connection, said: Callable[[str], None] | None) -> Iterator[None]:
    """Pass on the notices that Postgres gives on this connection."""
    if said is None:
        yield
        return

    def tell(diag: psycopg.errors.Diagnostic) -> None:
        said("; ".join(filter(None, (diag.message_primary, diag.message_hint))))

    conn.add_notice_handler(tell)
    try:
        yield
    finally:
        conn.remove_notice_handler(tell)
