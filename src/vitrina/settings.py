"""Settings: from flags, then the environment, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from vitrina.errors import ConfigError

Choice = Literal["local", "openai"]
DATABASE_URL = "VITRINA_DATABASE_URL"
READ_URL = "VITRINA_READ_URL"
LEASE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that all commands share.

    Args:
        database_url: a libpq URL or key=value string; None for the embedded Postgres.
        allow_private_images: also fetch pictures from private, loopback and link-local addresses.
        concurrency: parallel requests, or pictures.
        provider: tags, describes, captions and embeds. None: `openai` if OPENAI_API_KEY or
            OPENAI_BASE_URL is set, else `local`.
        endpoint: changes to the endpoint's settings from the environment, by the names of
            OpenAISettings.
        pictures: how many pictures of a product a vision model sees in one call, 1 to 10.
        one_call: ask a vision model for everything in one call.
        max_cost: most USD a run may spend.
        weave: the Weave project to trace to; None: no tracing.
        image_roots: folders that pictures of products may be read from, besides those that the
            owner of the schema named (attach --media-root, ingest --image-root).
        wait: seconds to wait for an unavailable database before an error.
        read_url: a replica of that database: searches read it, all else goes to database_url.
        lease: seconds without a heartbeat after which other workers take a worker's leases over.
    """

    database_url: str | None = None
    allow_private_images: bool = False
    concurrency: int = 8
    provider: Choice | None = None
    endpoint: Mapping[str, object] = field(default_factory=dict)
    one_call: bool = False
    pictures: int = 1
    max_cost: Decimal | None = None
    weave: str | None = None
    image_roots: tuple[str, ...] = ()
    wait: float = 0.0
    lease: float = LEASE_SECONDS
    read_url: str | None = None

    @classmethod
    def from_environment(cls, database_url: str | None = None) -> Settings:
        """Flags first, the environment second; an empty variable counts as unset.

        VITRINA_READ_URL is a replica of VITRINA_DATABASE_URL: another database that is named is
        read itself. Raises ConfigError for a replica of nothing.
        """
        named = _variable(DATABASE_URL)
        read_url = _variable(READ_URL) if database_url in (None, named) else None
        if read_url is not None and named is None:
            raise ConfigError(
                f"{READ_URL} is a replica of {DATABASE_URL}, which is unset: set it to where"
                " writes go; where nothing is written, set it to the replica, and no other"
            )
        return cls(
            database_url=database_url or named,
            read_url=read_url,
            weave=_variable("VITRINA_WEAVE_PROJECT"),
            image_roots=folders_of(_variable("VITRINA_IMAGE_ROOT") or ""),
            wait=_seconds("VITRINA_WAIT", 0.0),
            lease=max(_seconds("VITRINA_LEASE", LEASE_SECONDS), 1.0),
        )

    @property
    def chosen(self) -> Choice:
        """The provider in use."""
        if self.provider is not None:
            return self.provider
        return "openai" if _variable("OPENAI_API_KEY") or _variable("OPENAI_BASE_URL") else "local"


def folders_of(value: str) -> tuple[str, ...]:
    """The folders of a list written like PATH."""
    return tuple(folder for folder in value.split(os.pathsep) if folder)


def _variable(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


def _seconds(name: str, default: float) -> float:
    """A variable as a number of seconds. Raises ConfigError if it is not one."""
    value = _variable(name)
    try:
        seconds = float(value) if value is not None else default
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise ConfigError(f"{name} must be a number of seconds, not {value!r}")
    return seconds
