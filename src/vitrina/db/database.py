"""The only module that knows psycopg: connections, vector types, errors."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, LiteralString, Self, TypeVar

import psycopg
from pgvector import HalfVector
from pgvector.psycopg.halfvec import register_halfvec_info
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types import TypeInfo
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from vitrina import errors

__all__ = [
    "Database",
    "HalfVector",
    "Jsonb",
    "Listener",
    "Session",
    "connect",
    "fetch_value",
    "identifier",
    "literal",
    "mapped",
    "retried",
]

CONNECT_SECONDS = 5
POOL_SECONDS = 30.0  # for a connection to become free
LOOK_SECONDS = 2.0  # how often it is looked meanwhile whether the database is away
RETRY_SECONDS = 0.5  # between two looks whether it is back
STOP_SECONDS = 10.0  # it is waited for no longer by a run that is told to stop
DEADLOCK = "40P01"
UNDEFINED = "42704"  # a type, but also a text-search configuration, a setting or a role
# it goes away, comes up, or has no room for now; not that it was dropped, or a time limit ran out
AWAY = ("08", "57P01", "57P02", "57P03", "57P05", "53300")
# what libpq says beside the fact
GUESSES = ("Is the server running", "This probably means", "before or while processing")
POOLER_AWAY = ("cannot connect to server", "server_login_retry", "server login has been failing")
T = TypeVar("T")
# what it logs of lost connections is raised as well, or mended
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())
logging.getLogger("psycopg.pool").propagate = False
Params = Sequence[Any] | Mapping[str, Any] | None

# sqlstate, or its first two characters, to the error it becomes.
BY_STATE: dict[str, type[errors.VitrinaError]] = {
    "VT001": errors.ExtensionError,
    "VT002": errors.AccessError,
    "VT003": errors.NotFoundError,
    "VT004": errors.InputError,
    "VT005": errors.BudgetError,
    "25006": errors.ReadOnlyError,
    "28": errors.AccessError,
    "3D": errors.UnreachableError,
    "3F": errors.SchemaError,
    "42501": errors.AccessError,
    "42883": errors.SchemaError,
    "42P01": errors.SchemaError,
    "57P": errors.UnreachableError,
    "08": errors.UnreachableError,
}

ADVICE: dict[type[errors.VitrinaError], str] = {
    errors.SchemaError: "run `vitrina db upgrade`",
    errors.AccessError: "ask for membership in vitrina_writer, or in vitrina_reader to search",
    errors.ReadOnlyError: "point VITRINA_DATABASE_URL at the primary",
}


def literal(value: str) -> str:
    """A text as SQL writes it, quoted."""
    return sql.Literal(value).as_string()


def identifier(name: str) -> str:
    """A name as SQL writes it, quoted."""
    return sql.Identifier(name).as_string()


def _class_of(state: str) -> type[errors.VitrinaError]:
    for length in (5, 3, 2):
        if found := BY_STATE.get(state[:length]):
            return found
    return errors.DatabaseError


def _translate(exc: psycopg.Error) -> errors.VitrinaError:
    state = exc.sqlstate
    if state is None:
        return _translate_connect(exc)
    kind = _class_of(state)
    if state == UNDEFINED and exc.diag.source_function == "typenameType":
        kind = errors.SchemaError  # a type of the extension, which was moved
    message = exc.diag.message_primary or str(exc)
    if not state.startswith("VT"):
        advice = ADVICE.get(kind)
        return kind(f"{message}: {advice}" if advice else message)
    hint = exc.diag.message_hint
    return kind(f"{message}; {hint}" if hint else message)


def _translate_connect(exc: psycopg.Error) -> errors.VitrinaError:
    lines = [line.strip() for line in str(exc).splitlines()]
    lines = [line for line in lines if line and not line.startswith(GUESSES)]
    text = lines[-1] if lines else type(exc).__name__
    text = text.removeprefix("connection failed: ").removeprefix("connection is bad: ")
    if isinstance(exc, PoolTimeout):
        return errors.UnreachableError("no database connection became free in time: try again")
    if "authentication failed" in text or "pg_hba.conf" in text or "no password" in text:
        return errors.AccessError(
            f"the database refused the login: {text}; check VITRINA_DATABASE_URL"
        )
    if isinstance(exc, psycopg.OperationalError):
        return errors.UnreachableError(
            f"cannot reach the database: {text}; check VITRINA_DATABASE_URL and that it runs"
        )
    return errors.DatabaseError(text)


@contextlib.contextmanager
def mapped() -> Iterator[None]:
    """Turn a driver's error into the one of vitrina's that says what to do next."""
    try:
        yield
    except psycopg.Error as exc:
        raise _translate(exc) from exc


def connect(
    dsn: str, *, autocommit: bool = False, seconds: float = CONNECT_SECONDS
) -> psycopg.Connection:
    """Connect once. Raises UnreachableError, AccessError or ConfigError, never naming a secret."""
    try:
        psycopg.conninfo.conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:  # its text may hold the password
        raise errors.ConfigError(
            "the database URL is not one: write postgresql://user@host:5432/name"
        ) from None
    try:
        return psycopg.connect(
            dsn,
            autocommit=autocommit,
            connect_timeout=max(2, math.ceil(seconds)),  # libpq knows no less
            application_name="vitrina",
            prepare_threshold=None,  # a transaction pooler swaps the server under us
        )
    except psycopg.Error as exc:
        raise _translate(exc) from exc


def pin_path(conn: psycopg.Connection) -> None:
    """Look nothing up where others may create, until this transaction ends.

    Not for longer: a transaction pooler would hand the setting to another client.
    """
    conn.execute("set local search_path = pg_catalog, pg_temp")


def fetch_value(conn: psycopg.Connection, query: LiteralString, params: Params = None) -> Any:
    """The first column of the first row, or None."""
    row = conn.execute(query, params).fetchone()
    return row[0] if row else None


def retried(work: Callable[[], T], *, tries: int = 4) -> T:
    """What `work` returns; done again where Postgres chose it to end a deadlock.

    `work` is a whole transaction, so nothing of the failed try is left.
    """
    for left in reversed(range(tries)):
        try:
            return work()
        except errors.DatabaseError as exc:
            if not left or not _is_deadlock(exc):
                raise
    raise AssertionError("unreachable")


def _is_deadlock(exc: errors.DatabaseError) -> bool:
    return getattr(exc.__cause__, "sqlstate", None) == DEADLOCK


def _is_away(exc: errors.DatabaseError, dsn: str) -> bool:
    """Whether the database is away for now, rather than refusing for good."""
    cause = exc.__cause__
    if isinstance(exc, errors.AccessError) or isinstance(cause, PoolClosed):
        return False
    if not isinstance(cause, psycopg.OperationalError):
        return False
    if cause.sqlstate is not None:
        return cause.sqlstate.startswith(AWAY)
    if isinstance(cause, PoolTimeout):
        return not _answers(dsn)
    return any(text in str(cause) for text in POOLER_AWAY) or _comes_and_goes(dsn)


def _comes_and_goes(dsn: str) -> bool:
    """Whether it does not answer, or answers again; a server may refuse for a reason as well."""
    for _ in range(3):
        if not _answers(dsn):
            return True
        with contextlib.suppress(errors.VitrinaError):
            connect(dsn).close()
            return True
        time.sleep(0.1)
    return False


def _answers(dsn: str) -> bool:
    """Whether a server takes connections there; who may enter and where to is not asked."""
    given = psycopg.conninfo.make_conninfo(dsn, connect_timeout=CONNECT_SECONDS)
    return psycopg.pq.PGconn.ping(given.encode()) == psycopg.pq.Ping.OK


class Session:
    """One connection in autocommit, for what a transaction or a pool cannot do; close it."""

    def __init__(self, dsn: str) -> None:
        self._conn = connect(dsn, autocommit=True)
        self.pid = self._conn.info.backend_pid

    def value(self, query: LiteralString, params: Params = None) -> Any:
        """The first column of the first row, or None."""
        with mapped():
            return fetch_value(self._conn, query, params)

    def run(self, statement: str) -> None:
        """Run a statement that SQL has made, as it stands."""
        with mapped():
            self._conn.execute(statement.encode())

    def cancel(self) -> None:
        """End the statement that runs, if one does."""
        self._conn.cancel()

    def close(self) -> None:
        """Close the connection, and with it what it holds."""
        self._conn.close()


class Database:
    """A pool of connections to a database that has vitrina.

    Every statement names its schema, so nothing depends on the search_path of a session; functions
    and operators of Postgres itself are called with exactly the types they are declared with, as
    others may have planted better matches in a schema of that path. A process that was forked has
    connections of its own.

    Args:
        dsn: a libpq URL or key=value string.
        size: connections, at most.
        wait: seconds that a statement waits for a database that is away: down, starting up, cut
            off. A wrong password, or a database that does not exist, fails at once.
        notice: told once when it is waited for, and when it is back.
    """

    def __init__(
        self,
        dsn: str,
        *,
        size: int = 4,
        wait: float = 0.0,
        notice: Callable[[str], None] | None = None,
    ) -> None:
        self.dsn = dsn
        self._size = size
        self._wait = wait
        self._notice = notice or (lambda _: None)
        self._stop: threading.Event | None = None
        self._telling = threading.Lock()
        self._away = False
        self._halfvec: TypeInfo | None = None
        self.persist(lambda: connect(dsn).close())  # a pool only logs why it cannot connect
        self._inherited: list[ConnectionPool[psycopg.Connection]] = []
        self._pid = os.getpid()
        self._opened = self._open()

    def _open(self) -> ConnectionPool[psycopg.Connection]:
        return ConnectionPool(
            self.dsn,
            min_size=1,
            max_size=self._size,
            open=True,
            configure=self._configure,
            check=ConnectionPool.check_connection,
            timeout=POOL_SECONDS,
            reconnect_timeout=LOOK_SECONDS,  # then whoever asks makes it try again, at once
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
            # those of the parent stay the parent's: neither used here nor closed
            self._inherited.append(self._opened)
            self._telling = threading.Lock()
            self._opened, self._pid = self._open(), os.getpid()
        return self._opened

    @contextlib.contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        """A connection of the pool, which is given back."""
        pool = self._pool
        deadline = time.monotonic() + POOL_SECONDS
        while True:
            try:
                conn = pool.getconn(timeout=LOOK_SECONDS)
                break
            except PoolTimeout:
                if time.monotonic() > deadline or not _answers(self.dsn):
                    raise
        try:
            with conn:
                yield conn
        finally:
            pool.putconn(conn)

    @contextlib.contextmanager
    def waiting(self, seconds: float) -> Iterator[None]:
        """Wait so long for a database that is away, instead of what was said at first."""
        before, self._wait = self._wait, seconds
        try:
            yield
        finally:
            self._wait = before

    @contextlib.contextmanager
    def stopped_by(self, stop: threading.Event | None) -> Iterator[None]:
        """Wait only for a little while once this is set."""
        before, self._stop = self._stop, stop
        try:
            yield
        finally:
            self._stop = before

    def persist(self, work: Callable[[], T], *, tries: int = 4) -> T:
        """What `work` returns; done again where Postgres chose it to end a deadlock, or went away.

        `work` is a whole transaction, and done twice is as good as once: nothing of a failed try is
        left, except that one whose connection broke may have been committed.
        """
        deadline: float | None = None
        stopping = False
        while True:
            try:
                done = work()
            except errors.DatabaseError as exc:
                if _is_deadlock(exc) and tries > 1:
                    tries -= 1
                    continue
                if not self._wait or not _is_away(exc, self.dsn):
                    raise
                now = time.monotonic()
                deadline = now + self._wait if deadline is None else deadline
                if self._stop is not None and self._stop.is_set() and not stopping:
                    stopping, deadline = True, min(deadline, now + STOP_SECONDS)
                if now >= deadline:
                    raise errors.UnreachableError(
                        f"{exc}; it has been away for {self._wait:,.0f} s: run this again later,"
                        " nothing that is stored is lost"
                    ) from exc
                self._tell(exc)
                time.sleep(RETRY_SECONDS)
            else:
                if self._away:
                    self._tell(None)
                return done

    def _tell(self, exc: errors.DatabaseError | None) -> None:
        """Say once that the database is away, and once that it is back."""
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
        if self._halfvec is None:
            # not by TypeInfo.fetch: its operators are looked up in the session's path
            found = conn.execute(
                "select t.oid, t.typarray from pg_catalog.pg_type as t"
                " join pg_catalog.pg_extension as e on e.extnamespace = t.typnamespace"
                " where e.extname = 'vector' and t.typname = 'halfvec'"
            ).fetchone()
            if found is not None:
                self._halfvec = TypeInfo("halfvec", *found)
        if self._halfvec is not None:
            register_halfvec_info(conn, self._halfvec)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[psycopg.Connection]:
        """A connection whose work is committed at the end, or not at all."""
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

    def stream(
        self, query: LiteralString, params: Params = None, *, batch: int = 500
    ) -> Iterator[dict[str, Any]]:
        """The rows of one statement through a server-side cursor: constant memory."""
        with self.transaction() as conn, conn.cursor("vitrina", row_factory=dict_row) as cur:
            cur.itersize = batch
            yield from cur.execute(query, params)

    def value(self, query: LiteralString, params: Params = None) -> Any:
        """The first column of the first row, or None, in a transaction of its own."""

        def run() -> Any:
            with mapped(), self._connection() as conn:
                return fetch_value(conn, query, params)

        return self.persist(run)

    @contextlib.contextmanager
    def aside(self, seconds: float) -> Iterator[psycopg.Connection]:
        """A transaction on a new connection; to connect and each statement take so long at most."""
        with mapped(), connect(self.dsn, seconds=seconds) as conn:
            milliseconds = f"{seconds * 1000:.0f}"
            conn.execute("select set_config('statement_timeout', %s, true)", (milliseconds,))
            yield conn

    def session(self) -> Session:
        """A connection of its own, outside of the pool."""
        return Session(self.dsn)

    def close(self) -> None:
        """Close every connection."""
        if self._pid == os.getpid():
            self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Listener:
    """Waits for notifications of one channel, on a connection of its own.

    They are hints: what is waited for must be looked for as well. Through a transaction pooler,
    where listening means nothing, and while the database is away, it only waits.
    """

    def __init__(self, dsn: str, channel: LiteralString) -> None:
        self._dsn = dsn
        self._channel = channel
        self._conn: psycopg.Connection | None = None
        self._pooled = False
        self._next_try = 0.0

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Wait so long, or until told or stopped; returns whether it was told."""
        if self._conn is None and not self._pooled and time.monotonic() >= self._next_try:
            self._open()
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not stop.is_set():
            if self._conn is None:
                stop.wait(left)
                continue
            try:
                # in slices, as a signal does not end the wait for the socket
                if list(self._conn.notifies(timeout=min(left, 0.25), stop_after=1)):
                    return True
            except psycopg.Error:
                self.close()
        return False

    def _open(self) -> None:
        try:
            conn = connect(self._dsn, autocommit=True)
        except errors.VitrinaError:
            self._next_try = time.monotonic() + 30
            return
        try:
            # a pooler makes up the number that a client is told of its server
            pid = fetch_value(conn, "select pg_backend_pid()")
            self._pooled = pid != conn.info.backend_pid
            if not self._pooled:
                conn.execute(sql.SQL("listen {}").format(sql.Identifier(self._channel)))
                self._conn = conn
                return
        except psycopg.Error:
            self._next_try = time.monotonic() + 30
        conn.close()

    def close(self) -> None:
        """Let go of the connection."""
        if self._conn is not None:
            self._conn.close()
        self._conn = None
