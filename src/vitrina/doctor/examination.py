"""The doctor's round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vitrina.db import schema
from vitrina.db.connection import connect, pin_path
from vitrina.db.faults import mapped
from vitrina.doctor import contents, installation, server
from vitrina.doctor.finding import Finding
from vitrina.errors import VitrinaError
from vitrina.settings import Settings


def examine(
    dsn: str, settings: Settings, *, reading: bool = False, deep: bool = False
) -> Iterator[Finding]:
    """Check the installation, the provider, the database at `dsn`, and the replica that is read.

    A check that fails is a finding, not an error.

    Args:
        dsn: the database.
        settings: of the provider, and of the replica.
        reading: only searches are asked of it, so that a standby will do.
        deep: also every invariant of the data, as `vitrina.check()` does; reads every product.
    """
    yield from installation.packages()
    yield from installation.provider(settings)
    try:
        conn = connect(dsn)
    except VitrinaError as exc:
        yield Finding("database", "wrong", str(exc), "correct VITRINA_DATABASE_URL")
        return

    def rows(query: Any, *params: object) -> list[tuple[Any, ...]]:
        pin_path(conn)
        found = conn.execute(query, params or None).fetchall()
        conn.rollback()
        return found

    with conn, mapped():
        yield from server.postgres(rows, reading)
        try:
            state = schema.state(conn)
        except VitrinaError as exc:
            yield Finding("schema", "wrong", str(exc), "vitrina db upgrade")
            return
        if not state.installed:
            yield Finding("schema", "wrong", "vitrina is not installed", "vitrina db upgrade")
            return
        if state.current:
            yield Finding("schema", "ok", f"revision {state.revision}, as in this vitrina")
        else:
            yield Finding("schema", "wrong", state.lacks, "vitrina db upgrade")
        yield from server.privileges(rows)
        yield from server.creators(rows)
        yield from contents.spaces(rows)
        yield from contents.attached(rows)
        yield from contents.work(rows)
        if deep and state.current:
            yield from contents.invariants(rows)
    if settings.read_url is not None and settings.read_url != dsn:
        yield from server.replica(dsn, settings.read_url)
