"""Single connections: for one statement, for a session, for notifications."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from vitrina import errors
from vitrina.db.faults import mapped, translate

CONNECT_SECONDS = 5
Params = Sequence[Any] | Mapping[str, Any] | None


def literal(value: str) -> str:
    """A text as a quoted SQL literal."""
    return sql.Literal(value).as_string()


def identifier(name: str) -> str:
    """A name as a quoted SQL identifier."""
    return sql.Identifier(name).as_string()


def connect(
    dsn: str, *, autocommit: bool = False, seconds: float = CONNECT_SECONDS
) -> psycopg.Connection:
    """Connect once. Raises UnreachableError, AccessError or ConfigError, without secrets in it."""
    try:
        said = psycopg.conninfo.conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:  # its text may contain the password
        raise errors.ConfigError(
            "the database URL is not valid: write postgresql://user@host:5432/name"
        ) from None
    try:
        conn = psycopg.connect(
            dsn,
            autocommit=autocommit,
            connect_timeout=max(2, math.ceil(seconds)),  # libpq's minimum is 2
            application_name="vitrina",
            prepare_threshold=None,  # a transaction pooler may switch the server session
        )
        conn.isolation_level = psycopg.IsolationLevel.READ_COMMITTED  # whatever the default is
    except psycopg.Error as exc:
        error = translate(exc)
        if exc.sqlstate is None and isinstance(error, errors.UnreachableError):
            error = errors.UnreachableError(
                str(error).replace("the database:", f"the database at {_place(said)}:", 1)
            )
        raise error from exc
    return conn


def _place(said: Mapping[str, Any]) -> str:
    """Where a database is, as host and port."""
    host = said.get("host") or said.get("hostaddr") or os.environ.get("PGHOST") or "localhost"
    port = said.get("port") or os.environ.get("PGPORT") or "5432"
    return f"host {host}, port {port}"


def pin_path(conn: psycopg.Connection) -> None:
    """Look up no name where others may create objects, until this transaction ends.

    Not for longer: a transaction pooler would hand the setting to another client.
    """
    conn.execute("set local search_path = pg_catalog, pg_temp")


def fetch_value(conn: psycopg.Connection, query: LiteralString, params: Params = None) -> Any:
    """The first column of the first row, or None."""
    row = conn.execute(query, params).fetchone()
    return row[0] if row else None


class Session:
    """One connection in autocommit, for work that a transaction or a pool cannot do; close it."""

    def __init__(self, dsn: str) -> None:
        self._conn = connect(dsn, autocommit=True)
        self.pid = self._conn.info.backend_pid

    def value(self, query: LiteralString, params: Params = None) -> Any:
        """The first column of the first row, or None."""
        with mapped():
            return fetch_value(self._conn, query, params)

    def run(self, statement: str) -> None:
        """Run a statement made by SQL, unchanged."""
        with mapped():
            self._conn.execute(statement.encode())

    def cancel(self) -> None:
        """Cancel the running statement, if any."""
        self._conn.cancel()

    def close(self) -> None:
        """Close the connection and release its locks."""
        self._conn.close()


class Listener:
    """Waits for notifications of one channel, on its own connection.

    Notifications are only hints: the caller must also poll. Through a transaction pooler, where
    listening has no effect, and while the database is unavailable, it only waits.
    """

    def __init__(self, dsn: str, channel: LiteralString) -> None:
        self._dsn = dsn
        self._channel = channel
        self._conn: psycopg.Connection | None = None
        self._pooled = False
        self._next_try = 0.0

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Wait this long, or until notified or stopped; returns whether it was notified."""
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
            # a pooler invents the server's process number that it tells a client
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
        """Close the connection."""
        if self._conn is not None:
            self._conn.close()
        self._conn = None
