"""Every error vitrina raises on purpose; each message says what happened and what to do."""

from __future__ import annotations

import inspect
from typing import Any


class VitrinaError(Exception):
    """vitrina could not do what was asked."""

    exit_code = 1
    paid: Any = None  # the usage of earlier tries

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or "").replace("\n", " "))


class ConfigError(VitrinaError):
    """A setting is missing or cannot be used; see `vitrina --help` for the settings."""


class EmbeddedError(VitrinaError):
    """The embedded Postgres is unavailable; set VITRINA_DATABASE_URL to use another server."""


class DatabaseError(VitrinaError):
    """The database refused a statement; `vitrina doctor` shows its state."""


class UnreachableError(DatabaseError):
    """No Postgres answers at this address; check VITRINA_DATABASE_URL and that the server runs."""


class AccessError(DatabaseError):
    """The database refuses this role; ask for membership in vitrina_writer or vitrina_reader."""


class ReadOnlyError(DatabaseError):
    """The database is read-only (a standby?); point VITRINA_DATABASE_URL at the primary."""


class SlowError(DatabaseError):
    """A statement was cancelled: its time was up, or nobody waited for it; narrow it down."""


class SchemaError(DatabaseError):
    """vitrina is not installed in this database: run `vitrina db upgrade`."""


class ExtensionError(DatabaseError):
    """The extension `vector` 0.8 or newer is needed: as a DBA, run `create extension vector;`."""


class InputError(VitrinaError):
    """The input cannot be read."""


class NotFoundError(VitrinaError):
    """A product, source or keyword was not found."""


class FetchError(VitrinaError):
    """What is at an address could not be fetched.

    `transient` is true where another try later may go better.
    """

    def __init__(self, message: str | None = None, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


class TooLateError(FetchError):
    """The time for an exchange over the network was up."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, transient=True)


class TooMuchError(FetchError):
    """An answer is longer than any good one: `size` bytes, or more."""

    def __init__(self, message: str | None = None, size: int = 0) -> None:
        super().__init__(message)
        self.size = size


class PrivateAddressError(FetchError):
    """An address is not one of the public internet."""


class StatusError(FetchError):
    """A server answered with another `status` than that of success; `said` is it in words."""

    def __init__(self, status: int, said: str, *, transient: bool = False) -> None:
        super().__init__(f"the server answers {said}", transient=transient)
        self.status, self.said = status, said


class PictureError(VitrinaError):
    """A picture could not be used.

    `transient` is true if the same address may give a picture later (a time-out, a server error, a
    refused connection), false if it will not until somebody changes it.
    """

    def __init__(self, message: str | None = None, *, transient: bool = False) -> None:
        super().__init__(message or "the picture could not be used")
        self.transient = transient


class BusyError(PictureError):
    """A picture that could not be read just now; the picture itself may be sound."""


class DamagedError(PictureError):
    """The bytes of a picture break the rules of their format."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"the {kind} picture is cut short or damaged")


class FolderError(PictureError):
    """This process may not read the folder of a source's pictures."""


class ProviderError(VitrinaError):
    """The provider is unavailable (key, quota, model, address): the run stops."""


class ItemError(VitrinaError):
    """The provider cannot answer for this product; the run continues without it.

    `reply` is the provider's answer, unchanged, if that is the reason.
    """

    reply: str | None = None


class BudgetError(VitrinaError):
    """The budget is spent; raise --max-cost or the standing budget to go on."""

    exit_code = 3
