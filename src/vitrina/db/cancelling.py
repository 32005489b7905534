"""Statements that another thread may cancel, as when the reader of an answer has gone."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar

import psycopg

CANCEL_SECONDS = 2.0  # to reach the server


class Cancellation:
    """Cancels the statements that run under it: those of now, and those that begin later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: list[psycopg.Connection] = []
        self._cancelled = False

    @contextlib.contextmanager
    def _over(self, conn: psycopg.Connection) -> Iterator[None]:
        with self._lock:
            if self._cancelled:
                raise psycopg.errors.QueryCanceled("nobody waits for the answer")
            self._running.append(conn)
        try:
            yield
        finally:
            # waits for a cancel under way: it must not meet the next user of the connection
            with self._lock:
                self._running.remove(conn)

    def cancel(self) -> None:
        """Cancel what runs; a statement that is to begin fails at once."""
        with self._lock:
            self._cancelled = True
            for conn in self._running:
                with contextlib.suppress(psycopg.Error):
                    conn.cancel_safe(timeout=CANCEL_SECONDS)

    @contextlib.contextmanager
    def covering(self) -> Iterator[None]:
        """The statements of this block, and of threads that get its context, can be cancelled."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)


_CURRENT: ContextVar[Cancellation | None] = ContextVar("cancellation", default=None)


@contextlib.contextmanager
def cancellable(conn: psycopg.Connection) -> Iterator[None]:
    """Statements of this connection can be cancelled by the Cancellation in force, if any."""
    current = _CURRENT.get()
    if current is None:
        yield
        return
    with current._over(conn):
        yield
