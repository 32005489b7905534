"""The context that all parts of a catalog share."""

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
    """

    def __init__(self, reading: Context) -> None:
        self._reading = reading
        self._lock = threading.Lock()
        self._opened: Database | None = None

    def context(self) -> Context:
        """The context with a database that may be written to."""
        with self._lock:
            if self._opened is None:
                self._opened = Database(self._reading.database.dsn, size=2)
            return replace(self._reading, database=self._opened)

    def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            self._opened.close()
