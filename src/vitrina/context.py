"""The context that all parts of a catalog share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vitrina.db.database import Database
from vitrina.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """A database, its settings, and the receiver of lines for the user."""

    database: Database
    settings: Settings
    notice: Callable[[str], None]
