"""Settings: from flags, then the environment, and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass

DATABASE_URL = "VITRINA_DATABASE_URL"
HOME = "VITRINA_HOME"


@dataclass(frozen=True, slots=True)
class Settings:
    """What every command shares.

    Args:
        database_url: a libpq URL or key=value string; None for the embedded Postgres.
        allow_private_images: also fetch pictures from private, loopback and link-local addresses.
        concurrency: pictures and models at work at once.
    """

    database_url: str | None = None
    allow_private_images: bool = False
    concurrency: int = 8

    @classmethod
    def from_environment(cls, database_url: str | None = None) -> Settings:
        """Flags first, the environment second; an empty variable is no setting."""
        return cls(database_url=database_url or os.environ.get(DATABASE_URL, "").strip() or None)
