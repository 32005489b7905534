"""Repeating work: after a deadlock, or when the database is back."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from vitrina import errors
from vitrina.db.connection import CONNECT_SECONDS, connect
from vitrina.db.faults import PoolAway

DEADLOCK = "40P01"
# of two that ended each other, one is a moment later the next time; half a minute in all at most
TRIES, FIRST_PAUSE, LAST_PAUSE = 12, 0.02, 5.0
# it shuts down, starts up, or has no room now, for a client or on its disk; not: it was dropped, or
# a time limit ran out
AWAY = ("08", "57P01", "57P02", "57P03", "57P05", "53100", "53300")
POOLER_AWAY = ("cannot connect to server", "server_login_retry", "server login has been failing")
T = TypeVar("T")


def retried(work: Callable[[], T]) -> T:
    """The result of `work`, repeated if Postgres ended it for a deadlock.

    `work` is a whole transaction, so a failed try leaves nothing behind.
    """
    failures = 0
    while True:
        try:
            return work()
        except errors.DatabaseError as exc:
            failures += 1
            if not tries_again(exc, failures):
                raise


def tries_again(exc: errors.DatabaseError, failures: int) -> bool:
    """Whether this was a deadlock and not one too many; if so, after a pause drawn by chance."""
    if not is_deadlock(exc) or failures >= TRIES:
        return False
    time.sleep(random.uniform(0, min(LAST_PAUSE, FIRST_PAUSE * 2**failures)))  # noqa: S311
    return True


def is_deadlock(exc: errors.DatabaseError) -> bool:
    """Whether Postgres ended the transaction because of a deadlock."""
    return getattr(exc.__cause__, "sqlstate", None) == DEADLOCK


def is_away(exc: errors.DatabaseError, dsn: str) -> bool:
    """Whether the database is unavailable for now, rather than refusing permanently."""
    cause = exc.__cause__
    if isinstance(exc, errors.AccessError) or isinstance(cause, PoolClosed):
        return False
    if not isinstance(cause, psycopg.OperationalError):
        return False
    if cause.sqlstate is not None:
        return cause.sqlstate.startswith(AWAY)
    if isinstance(cause, PoolTimeout):
        return isinstance(cause, PoolAway) or not answers(dsn)
    return any(text in str(cause) for text in POOLER_AWAY) or _comes_and_goes(dsn)


def _comes_and_goes(dsn: str) -> bool:
    """Whether it does not answer, or answers again; a server may also refuse for a reason."""
    for _ in range(3):
        if not answers(dsn):
            return True
        with contextlib.suppress(errors.VitrinaError):
            connect(dsn).close()
            return True
        time.sleep(0.1)
    return False


def answers(dsn: str) -> bool:
    """Whether a server accepts connections there; checks neither role nor database."""
    given = psycopg.conninfo.make_conninfo(dsn, connect_timeout=CONNECT_SECONDS)
    return psycopg.pq.PGconn.ping(given.encode()) == psycopg.pq.Ping.OK
