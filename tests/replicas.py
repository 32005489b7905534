"""A primary with a streaming replica, both of the embedded binaries; waiting for replay by LSN."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

import servers
from vitrina import embedded
from waiting import eventually

STREAMING = {**servers.SAFE, "wal_level": "replica", "max_wal_senders": "4"}


@dataclass(frozen=True)
class Pair:
    """A primary, and a hot standby that follows it."""

    primary: embedded.Server
    standby: embedded.Server

    @property
    def url(self) -> str:
        """The database vitrina of the primary."""
        return self.primary.url()

    @property
    def read_url(self) -> str:
        """The same database on the standby."""
        return self.standby.url()

    def caught_up(self) -> None:
        """Wait until the standby has replayed all that the primary has written."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            row = conn.execute("select pg_current_wal_insert_lsn()").fetchone()
        assert row is not None
        with psycopg.connect(self.read_url, autocommit=True) as standby:
            there = "select pg_last_wal_replay_lsn() >= %s::pg_lsn"
            eventually(lambda: standby.execute(there, row).fetchone() == (True,))


@contextlib.contextmanager
def pair(primary: embedded.Server, home: Path) -> Iterator[Pair]:
    """A standby of this primary, which was started with STREAMING; `home` is a short new folder."""
    cluster = primary.data.parent
    with (primary.data / "pg_hba.conf").open("a") as file:
        file.write("local replication all trust\n")
    with psycopg.connect(primary.url("postgres"), autocommit=True) as conn:
        conn.execute("select pg_reload_conf()")
    copy = home / cluster.name
    copy.mkdir(parents=True)
    owned = ["--reference", str(cluster)]
    command = [str(embedded.bin_dir(primary.version) / "pg_basebackup"), "--write-recovery-conf"]
    command += ["--checkpoint=fast", "--no-sync", "-D", str(copy / "data")]
    subprocess.run([*command, "-d", primary.url("postgres")], check=True)
    for name in ("run", "log"):
        (copy / name).mkdir()
    subprocess.run(["chown", "-R", *owned, str(copy)], check=True)
    for folder in (home, copy, *copy.iterdir()):
        like = primary.data.parents[1] / folder.relative_to(home)
        subprocess.run(["chown", "--reference", str(like), str(folder)], check=True)
        folder.chmod(like.stat().st_mode & 0o7777)
    if (cluster.parent / "binaries").is_dir():
        subprocess.run(["cp", "-al", cluster.parent / "binaries", home / "binaries"], check=True)
    try:
        standby = embedded.start(home, version=primary.version, options=STREAMING)
        yield Pair(primary, standby)
    finally:
        embedded.stop(home)
        shutil.rmtree(home)
