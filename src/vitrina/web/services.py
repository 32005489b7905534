"""What every screen has at hand: the catalogue to read, the one to write with, the options."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from ipaddress import ip_address

from starlette.requests import HTTPConnection

from vitrina.catalog import Catalog
from vitrina.errors import ConfigError, VitrinaError
from vitrina.settings import Settings
from vitrina.web.attributes import Attributes
from vitrina.web.live import Watch
from vitrina.web.meter import Meter
from vitrina.web.seen import SeenPictures
from vitrina.web.static import Static

PORT = 8765
TOKEN_LENGTH = 16  # characters, at least
STATEMENT_SECONDS = 5.0
MCP_PATH = "/mcp"
METRICS_PATH = "/metrics"
CONNECTIONS = 12  # eight answers at once, two completions, and the pictures of a page


@dataclass(frozen=True, slots=True)
class Options:
    """How the page is served.

    `edit` adds the routes that write. `token` is asked of everybody; without one only the loopback
    interface is served. `allow_hosts` are further names (name or name:port) that it answers to.
    `cors` are the origins whose scripts may read /api. `mcp` adds the tools of assistants. Facets
    not counted within `counting_milliseconds` are left out, and named; None: all are counted.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    edit: bool = False
    token: str | None = None
    allow_hosts: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    mcp: bool = False
    counting_milliseconds: int | None = None

    def check(self) -> None:
        """Raises ConfigError for options that are not safe."""
        if self.token is None and not is_loopback(self.host):
            raise ConfigError(
                f"without a token only this machine is served, not {self.host}:"
                " set VITRINA_TOKEN, or --host 127.0.0.1"
            )
        if self.token is not None and len(self.token) < TOKEN_LENGTH:
            raise ConfigError(
                f"the token has {len(self.token)} characters: give at least {TOKEN_LENGTH},"
                " like those of `openssl rand -hex 16`"
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches this address."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass
class Services:
    """What the screens share.

    `catalog` reads only; `editor` writes, and is None without --edit.
    """

    catalog: Catalog
    options: Options = field(default_factory=Options)
    editor: Catalog | None = None
    seen: SeenPictures = field(default_factory=SeenPictures)
    attributes: Attributes = field(default_factory=Attributes)
    meter: Meter = field(default_factory=Meter)

    @classmethod
    @contextlib.contextmanager
    def opened(
        cls,
        settings: Settings,
        options: Options,
        notice: Callable[[str], None],
        *,
        remembers: bool = True,
    ) -> Iterator[Services]:
        """The services of one process; closed at the end."""
        settings = replace(settings, concurrency=CONNECTIONS)
        if options.edit:  # who changes something looks at it next: a replica does not have it yet
            settings = replace(settings, read_url=None)
        with contextlib.ExitStack() as stack:
            catalog = stack.enter_context(
                Catalog(
                    settings=settings,
                    notice=notice,
                    read_only=True,
                    remembers=remembers,
                    statement_seconds=STATEMENT_SECONDS,
                )
            )
            editor = stack.enter_context(Catalog(settings=settings)) if options.edit else None
            yield cls(catalog, options, editor)

    @cached_property
    def watch(self) -> Watch:
        """What tells pages of the work."""
        return Watch(self.catalog)

    def warm(self) -> None:
        """Look up in the background what the first page would wait for."""

        def look() -> None:
            with contextlib.suppress(VitrinaError):  # the page tells it to those who ask
                self.attributes.names(self.catalog)

        threading.Thread(target=look, daemon=True).start()

    @cached_property
    def static(self) -> Static:
        """The files of the page."""
        return Static()


def services(connection: HTTPConnection) -> Services:
    """The services behind a request."""
    found = connection.app.state.services
    assert isinstance(found, Services)  # noqa: S101 - create_app sets it
    return found
