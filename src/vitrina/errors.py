"""Every error vitrina raises on purpose; each message says what happened and the way out."""

from __future__ import annotations

import inspect
from typing import Any


class VitrinaError(Exception):
    """vitrina could not do what was asked."""

    exit_code = 1
    paid: Any = None  # the usage of tries that came before it

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or "").replace("\n", " "))


class ConfigError(VitrinaError):
    """A setting is missing or cannot be used; see `vitrina --help` for the settings."""


class EmbeddedError(VitrinaError):
    """The embedded Postgres could not be used; set VITRINA_DATABASE_URL to use another server."""


class DatabaseError(VitrinaError):
    """The database refused a statement; `vitrina doctor` shows its state."""


class UnreachableError(DatabaseError):
    """No Postgres answers at the given address; check VITRINA_DATABASE_URL and that it runs."""


class AccessError(DatabaseError):
    """The database refuses this role; ask for membership in vitrina_writer or vitrina_reader."""


class ReadOnlyError(DatabaseError):
    """The database is read-only (a standby?); point VITRINA_DATABASE_URL at the primary."""


class SchemaError(DatabaseError):
    """vitrina is not installed in this database: run `vitrina db upgrade`."""


class ExtensionError(DatabaseError):
    """The extension `vector` 0.8 or newer is needed: as a DBA, run `create extension vector;`."""


class InputError(VitrinaError):
    """The input cannot be read."""


class NotFoundError(VitrinaError):
    """There is no such product, source or keyword."""


class PictureError(VitrinaError):
    """A picture could not be used.

    `transient` is true where the same address may well give a picture later (a time-out, a server
    error, a refused connection), false where it will not until somebody changes it.
    """

    def __init__(self, message: str | None = None, *, transient: bool = False) -> None:
        super().__init__(message or "the picture could not be used")
        self.transient = transient


class BusyError(PictureError):
    """A picture that could not be looked at just now; there may be nothing wrong with it."""


class DamagedError(PictureError):
    """The bytes of a picture break the rules of their format."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"the {kind} picture is cut short or damaged")


class FolderError(PictureError):
    """This process may not read the folder that a source has its pictures in."""


class ProviderError(VitrinaError):
    """The provider cannot be used at all (key, quota, model, address): the run stops."""


class ItemError(VitrinaError):
    """The provider cannot answer for this one product; the run goes on without it.

    `reply` is what the provider said, as it came, where that is the reason.
    """

    reply: str | None = None


class BudgetError(VitrinaError):
    """The budget is spent; raise --max-cost or the standing budget to go on."""

    exit_code = 3
