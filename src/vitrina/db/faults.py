"""The driver's errors as vitrina errors that say what to do next."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from vitrina import errors

# text that JSON and Python can write and the database cannot
UNTRANSLATABLE = "22P05"
UNSTORABLE = "a text has a sign that the database cannot hold (NUL, or half of a surrogate pair)"
UNDEFINED = "42704"  # a type, but also a text-search configuration, a setting or a role
# libpq's guesses, after the fact
GUESSES = ("Is the server running", "This probably means", "before or while processing")

# sqlstate, or its first two characters, to the error it becomes.
BY_STATE: dict[str, type[errors.VitrinaError]] = {
    "VT001": errors.ExtensionError,
    "VT002": errors.AccessError,
    "VT003": errors.NotFoundError,
    "VT004": errors.InputError,
    "VT005": errors.BudgetError,
    "22P05": errors.InputError,
    "25006": errors.ReadOnlyError,
    "28": errors.AccessError,
    "3D": errors.UnreachableError,
    "3F": errors.SchemaError,
    "42501": errors.AccessError,
    "42883": errors.SchemaError,
    "42P01": errors.SchemaError,
    "57014": errors.SlowError,
    "57P": errors.UnreachableError,
    "08": errors.UnreachableError,
}

ADVICE: dict[type[errors.VitrinaError], str] = {
    errors.SchemaError: "run `vitrina db upgrade`",
    errors.AccessError: "ask for membership in vitrina_writer, or in vitrina_reader to search",
    errors.ReadOnlyError: "point VITRINA_DATABASE_URL at the primary",
}


class PoolAway(PoolTimeout):
    """No connection came free, and the database did not answer; it may be back by now."""


# why a pool gives no connection; the more special first
POOL = {
    PoolAway: "cannot reach the database: it does not answer; check that its server runs",
    PoolTimeout: "no database connection became free in time: try again later",
    PoolClosed: "the catalog is closed, and so are its connections to the database: open another",
}


def _class_of(state: str) -> type[errors.VitrinaError]:
    for length in (5, 3, 2):
        if found := BY_STATE.get(state[:length]):
            return found
    return errors.DatabaseError


def translate(exc: psycopg.Error) -> errors.VitrinaError:
    """The vitrina error for a driver's error."""
    state = exc.sqlstate
    if state is None:
        return _translate_connect(exc)
    kind = _class_of(state)
    if state == UNDEFINED and exc.diag.source_function == "typenameType":
        kind = errors.SchemaError  # a type of the extension, which has moved
    message = exc.diag.message_primary or str(exc)
    if state == UNTRANSLATABLE:
        message = UNSTORABLE
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
    for kind, said in POOL.items():
        if isinstance(exc, kind):
            return errors.UnreachableError(said)
    if "authentication failed" in text or "pg_hba.conf" in text or "no password" in text:
        return errors.AccessError(
            f"the database refused the login: {text}; check VITRINA_DATABASE_URL"
        )
    if isinstance(exc, psycopg.OperationalError):
        return errors.UnreachableError(
            f"cannot reach the database: {text}; check VITRINA_DATABASE_URL and that the server"
            " runs"
        )
    if isinstance(exc, psycopg.DataError) and "NUL" in text:
        return errors.InputError(UNSTORABLE)
    return errors.DatabaseError(text)


@contextlib.contextmanager
def mapped() -> Iterator[None]:
    """Turn a driver's error into the vitrina error that says what to do next."""
    try:
        yield
    except psycopg.Error as exc:
        raise translate(exc) from exc
    except UnicodeEncodeError as exc:
        raise errors.InputError(UNSTORABLE) from exc
