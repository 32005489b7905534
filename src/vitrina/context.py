"""The context that all parts of a catalog share; the databases that it reads and writes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from vitrina.closing import Closing
from vitrina.db.database import Database
from vitrina.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """A database, its settings, and the receiver of lines for the user."""

    database: Database
    settings: Settings
    notice: Callable[[str], None]


class Writer(Closing):
    """The one way to write for a context that only reads: opened when something is to be written.

    Args:
        reading: the context whose database is read-only.
        dsn: the database to write to.
        database: the same, if it is there already; it is not closed here.
    """

    def __init__(self, reading: Context, dsn: str, database: Database | None = None) -> None:
        self._reading = reading
        self._dsn = dsn
        self._lock = threading.Lock()
        self._given = database
        self._opened: Database | None = None
        self.elsewhere = dsn != reading.database.dsn  # what is written is read a moment later

    def context(self) -> Context:
        """The context with a database that may be written to, unless it is a standby.

        It is connected to when it is used.
        """
        with self._lock:
            if self._given is not None:
                return replace(self._reading, database=self._given)
            if self._opened is None:
                self._opened = Database(self._dsn, size=2, later=True)
            return replace(self._reading, database=self._opened)

    def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            self._opened.close()


@dataclass(frozen=True, slots=True)
class Sides:
    """The contexts of what reads and of what writes, the same unless a replica is read.

    `writer` writes what is remembered of searches where `reading` cannot; None: `reading` does, or
    nothing is remembered.
    """

    reading: Context
    writing: Context
    writer: Writer | None

    @classmethod
    def opened(
        cls,
        url: str,
        settings: Settings,
        notice: Callable[[str], None],
        *,
        read_only: bool,
        remembers: bool,
        statement_seconds: float | None,
    ) -> Sides:
        """Those of a catalog; where a replica is read, the primary is opened on use."""

        def database(dsn: str, *, read_only: bool, later: bool = False) -> Database:
            return Database(
                dsn,
                size=settings.concurrency,
                wait=settings.wait,
                notice=notice,
                read_only=read_only,
                statement_seconds=statement_seconds,
                later=later,
            )

        if read_only:
            reading = Context(database(settings.read_url or url, read_only=True), settings, notice)
            return cls(reading, reading, Writer(reading, url) if remembers else None)
        if settings.read_url is None:
            both = Context(database(url, read_only=False), settings, notice)
            return cls(both, both, None)
        reading = Context(database(settings.read_url, read_only=True), settings, notice)
        primary = database(url, read_only=False, later=True)
        writing = Context(primary, settings, notice)
        return cls(reading, writing, Writer(reading, url, primary))

    def close(self) -> None:
        """Close the connections."""
        if self.writer is not None:
            self.writer.close()
        self.reading.database.close()
        if self.writing is not self.reading:
            self.writing.database.close()
