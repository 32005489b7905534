"""What all parts of a catalog share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vitrina.db.database import Database
from vitrina.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """A database, the settings to use it with, and where a line for the user goes."""

    database: Database
    settings: Settings
    notice: Callable[[str], None]
