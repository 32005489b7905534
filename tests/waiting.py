"""Waiting for events. A limit in seconds is there only to end a test that hangs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import IO, TypeVar

import psycopg

HANG = 600  # seconds, far beyond what the slowest machine takes

Reached = TypeVar("Reached")


def eventually(
    condition: Callable[[], Reached], failed: str | Callable[[], object] = "it never came to this"
) -> Reached:
    """Wait until a condition is true, and return what it is then.

    What is said where it never is may be looked up at that moment.
    """
    deadline = time.monotonic() + HANG
    while not (reached := condition()):
        assert time.monotonic() < deadline, failed() if callable(failed) else failed
        time.sleep(0.01)
    return reached


def waits_for_a_lock(watcher: psycopg.Connection, waiting: psycopg.Connection) -> None:
    """Wait until a connection, in another thread, waits for a lock."""
    eventually(
        lambda: (
            watcher.execute(
                "select from pg_locks where pid = %s and not granted limit 1",
                [waiting.info.backend_pid],
            ).fetchone()
            is not None
        )
    )


def read_until(stream: IO[str] | None, said: str) -> str:
    """Read the lines of a process until one says this; all that was read."""
    assert stream is not None
    read = ""
    for line in stream:
        read += line
        if said in line:
            return read
    raise AssertionError(f"it ended without saying {said!r}: {read}")
