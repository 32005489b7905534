"""From one major version of the embedded Postgres to another: pg_upgrade, beside the old cluster.

The new cluster is made of a copy of the old one, in a folder of its own, and takes its place by
one rename when it has everything. The old one is only read, and kept under another name. So a run
that is killed leaves the old cluster as it was, or the new one complete; the next run does what is
left.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from vitrina.embedded import accounts, clusters, postmaster, server
from vitrina.embedded.accounts import Account
from vitrina.errors import EmbeddedError

_MARK = "migrated-from"  # in a new cluster: the version of the old one
_AUTO = "postgresql.auto.conf"
_ROOM = 200_000_000  # bytes beside the copy: the catalogs of the new cluster, and its log
_OTHERS = (
    "select count(*) from pg_stat_activity"
    " where backend_type = 'client backend' and pid <> pg_backend_pid()"
)


@dataclass(frozen=True)
class Migrated:
    """What was done: the versions, and where the files of the old one are kept."""

    version_from: int
    version_to: int
    kept: Path


def migrate(home: Path | None = None, *, to: int = 18) -> Migrated | None:
    """Bring the cluster of an older version to version `to`; None if there is none.

    The server is stopped, and started again by the next command. Needs room for a second copy of
    the data. Raises EmbeddedError, with nothing changed, where somebody is connected, where there
    is not enough room, where a cluster of version `to` has data of its own, or where pg_upgrade
    refuses.
    """
    base = server.base_of(home)
    target = clusters.directory(base, to)
    with server.explained(base):
        older = [each for each in clusters.VERSIONS
                 if each < to and clusters.directory(base, each).is_dir()]  # fmt: skip
        if not older:
            return None
        version = max(older)
        source = clusters.directory(base, version)
        with server.lock(base):
            if not target.is_dir():
                _upgrade(base, source, version, target, to)
            elif not (target / _MARK).is_file():
                raise EmbeddedError(
                    f"{target} is there already, beside {source}: if it has nothing that you need,"
                    f" stop it with `vitrina db stop`, rename it, and try again"
                )
            kept = _free_name(base / f"pg{version}-kept")
            source.rename(kept)
    return Migrated(version, to, kept)


def _free_name(path: Path) -> Path:
    """This path, or with a number that makes it new."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def _upgrade(base: Path, source: Path, version: int, target: Path, to: int) -> None:
    """Make the new cluster from a copy of the old one, so that this is only read."""
    account = accounts.choose([source])
    old, new = (clusters.binaries(each, base, account) for each in (version, to))
    _shut_down(source, old, account)
    _check_room(source)
    maker = accounts.maker(account)
    with clusters.being_made(target, to, new, account, durable=True) as fresh:
        copy = fresh / "old"
        shutil.copytree(source / "data", copy, symlinks=True)
        if maker is not None:
            accounts.give(copy, maker)
        _run_pg_upgrade(old, new, copy, fresh / "data", maker)
        # what `alter system` has set
        shutil.copyfile(copy / _AUTO, fresh / "data" / _AUTO)
        shutil.rmtree(copy)
        (fresh / _MARK).write_text(f"{version}\n", encoding="utf-8")


def _shut_down(source: Path, bins: Path, account: Account | None) -> None:
    """Leave the old cluster cleanly shut down; refuse where somebody else is connected."""
    running = postmaster.find(source / "data")
    if running is None or not running.usable:
        # after a crash it recovers first
        running = postmaster.launch(bins, source, account, {}, server.TIMEOUT)
    asked = clusters.run(
        [str(bins / "psql"), "-XAt", "-h", str(running.socket), "-p", str(postmaster.PORT),
         "-U", "postgres", "-d", "postgres", "-c", _OTHERS],
        account,
    )  # fmt: skip
    said = os.fsdecode(asked.stdout).strip()
    if asked.returncode != 0:
        raise EmbeddedError(
            f"The server in {source} cannot be asked who is connected:"
            f" {clusters.told(os.fsdecode(asked.stderr))}"
        )
    if said != "0":
        raise EmbeddedError(
            f"{said} sessions are connected to the server in {source}: end what uses it"
            " (`vitrina work`, `vitrina serve`, psql), and try again"
        )
    postmaster.end(running, time.monotonic() + server.TIMEOUT)


def _check_room(source: Path) -> None:
    needed = _ROOM + sum(
        path.stat().st_size
        for path in source.rglob("*")
        if path.is_file() and not path.is_symlink()
    )
    free = shutil.disk_usage(source).free
    if free < needed:
        raise EmbeddedError(
            f"A copy of {source} needs {needed // 10**6:,} MB, and {free // 10**6:,} MB are free"
        )


def _run_pg_upgrade(
    old: Path, new: Path, old_data: Path, new_data: Path, account: Account | None
) -> None:
    # it writes where it stands, and a socket wants a short path
    work = Path(tempfile.mkdtemp(prefix="vitrina-", dir="/tmp"))
    try:
        if account is not None:
            os.chown(work, account.uid, account.gid)
        command = [
            str(new / "pg_upgrade"), "--link", "--username=postgres", f"--socketdir={work}",
            f"--old-bindir={old}", f"--new-bindir={new}",
            f"--old-datadir={old_data}", f"--new-datadir={new_data}",
        ]  # fmt: skip
        done = clusters.run(command, account, folder=work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if done.returncode != 0:
        said = os.fsdecode(done.stdout + done.stderr)
        raise EmbeddedError(f"pg_upgrade refuses: {clusters.told(said)}")
