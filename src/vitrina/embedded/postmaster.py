"""The server process of a data directory: find it, launch it, end it.

A process is believed to be ours only if it is a postgres of our data directory, whatever
`postmaster.pid` says: after a crash the number in there may belong to a stranger.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vitrina.embedded import accounts, clusters
from vitrina.embedded.accounts import Account
from vitrina.errors import EmbeddedError

if sys.platform != "win32":
    import fcntl
if TYPE_CHECKING:
    import psutil

PORT = 5432
_SOCKET = f".s.PGSQL.{PORT}"
_POLL = 0.01
_NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP)  # NFS cannot lock a directory
_CLAIM_WAIT = 15.0  # the last processes of a killed server need a moment


@dataclass(frozen=True)
class Running:
    """A verified postmaster and what its `postmaster.pid` says."""

    pid: int
    socket: Path
    state: str
    process: psutil.Process
    executable: Path

    @property
    def usable(self) -> bool:
        """Ready, its socket not swept away, its binaries not uninstalled under it."""
        return (
            self.state == "ready" and (self.socket / _SOCKET).exists() and self.executable.exists()
        )


def find(data: Path) -> Running | None:
    """The server of this data directory, in whatever state."""
    entry = _read(data)
    if entry is None or entry[0] <= 0:  # a negative number is a postgres without a postmaster
        return None
    pid, socket, state = entry
    found = _ours(pid, data)
    return Running(pid, socket, state, *found) if found else None


def launch(
    bins: Path,
    cluster: Path,
    account: Account | None,
    options: Mapping[str, str],
    timeout: float,
) -> Running:
    """Start the server of a cluster in which none runs, and wait until it answers."""
    data = cluster / "data"
    with _claimed(cluster, time.monotonic() + min(timeout, _CLAIM_WAIT)) as claim:
        socket = clusters.socket_dir(cluster, account)
        _drop_stale(data, socket)
        settings = {
            **options,
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": '"' + str(socket).replace('"', '""') + '"',
        }
        command = [str(bins / "postgres"), "-D", str(data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        pid = _spawn(command, cluster, account, claim)
        return wait_ready(data, pid, time.monotonic() + timeout)


def wait_ready(data: Path, pid: int, deadline: float) -> Running:
    """Wait until the process has started up; its log tells why it has not."""
    while True:
        alive = _alive(pid, reap=True)
        running = find(data)
        if running and running.pid == pid and running.state == "ready":
            return running
        if not alive:
            raise EmbeddedError(f"The embedded Postgres did not start: {_reason(data)}")
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"The embedded Postgres (process {pid}) is still starting; try again in a while. "
                f"Its log says: {_reason(data)}"
            )
        time.sleep(_POLL)


def end(running: Running, deadline: float) -> None:
    """Fast shutdown: sessions are cut off, what is committed is kept."""
    import psutil  # there, or `running` would not be

    try:
        if running.state != "stopping":
            running.process.send_signal(signal.SIGINT)
        while running.process.is_running() and _alive(running.pid, reap=True):
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"The embedded Postgres (process {running.pid}) was asked to stop and has not "
                    "ended yet; try again in a while."
                )
            time.sleep(_POLL)
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied as error:
        raise EmbeddedError(
            f"The embedded Postgres (process {running.pid}) can only be stopped by its own user."
        ) from error
    clusters.drop_socket_dir(running.socket)


def _read(data: Path) -> tuple[int, Path, str] | None:
    """What `postmaster.pid` says: process, socket directory, state."""
    try:
        lines = (data / "postmaster.pid").read_bytes().split(b"\n") + [b""] * 8
        return int(lines[0]), Path(os.fsdecode(lines[4])), lines[7].decode("ascii").strip()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _ours(pid: int, data: Path) -> tuple[psutil.Process, Path] | None:
    """The process and its binary, if it is the postmaster of this data directory.

    Its working directory cannot be read by a root without the right to trace (as in most
    containers), its command line and its user can.
    """
    try:
        import psutil  # part of the extra `local`
    except ImportError as error:
        raise clusters.missing_extra() from error
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            command = process.cmdline()
            if (
                process.status() != psutil.STATUS_ZOMBIE
                and process.name().startswith("postgres")
                and not command[0].startswith("postgres:")  # a backend
                and process.uids().effective == data.stat().st_uid
                and (str(data) in command or Path(process.cwd()).samefile(data))
            ):
                return process, Path(command[0])
    except (psutil.Error, OSError, IndexError):
        pass
    return None


def _alive(pid: int, *, reap: bool = False) -> bool:
    """Whether the process runs; a zombie does not. `reap` only what is known to be the server."""
    import psutil

    if reap:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # orphans become children of process 1: we may be that
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


@contextlib.contextmanager
def _claimed(cluster: Path, deadline: float) -> Iterator[int]:
    """A lock on the cluster that the server inherits: held while any process of it lives.

    So a server is never started beside the last processes of a killed one, nor beside one that
    another container runs on the same files and whose process cannot be seen from here.
    """
    handle = os.open(cluster, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"The data in {cluster} are in use by a Postgres that cannot be seen from "
                        "here (in another container?): stop it there, or set VITRINA_HOME."
                    ) from None
                time.sleep(_POLL)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                break  # Postgres' own precautions have to do
        yield handle
    finally:
        os.close(handle)


def _drop_stale(data: Path, socket: Path) -> None:
    """Unlink lock files that name a process which is not a server of ours any more.

    Postgres itself clears one whose number nobody has, but takes a stranger, or a zombie that
    waits for process 1, for a postmaster. The claim says that no process of the server lives.
    """
    import psutil

    entry = _read(data)
    if entry is None or (psutil.pid_exists(entry[0]) and _ours(entry[0], data) is None):
        (data / "postmaster.pid").unlink(missing_ok=True)
    (socket / f"{_SOCKET}.lock").unlink(missing_ok=True)


def _spawn(command: list[str], cluster: Path, account: Account | None, claim: int) -> int:
    """Run the server with no tie to this process, and return its process id.

    The shell starts it in a new session and leaves at once: it is nobody's child to wait for, no
    Ctrl-C reaches it, and it holds none of our pipes.
    """
    accounts.make_private(cluster / "log", account)
    done = subprocess.run(
        ["/bin/sh", "-c", '"$@" </dev/null >"$0" 2>&1 & echo $!', str(_log(cluster)), *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        pass_fds=[claim],
        **accounts.arguments(account),
    )
    if done.returncode != 0 or done.stderr:
        said = clusters.told(os.fsdecode(done.stderr))
        raise EmbeddedError(f"The embedded Postgres did not start: {said}")
    return int(done.stdout)


def _log(cluster: Path) -> Path:
    """What the server says until it has opened its own log, beginning anew with every start."""
    return cluster / "log" / "start.log"


def _reason(data: Path) -> str:
    """Why the server does not run, by what it said before it had a log and since, in this start."""
    first = _log(data.parent)
    texts = [first.read_bytes().decode("utf-8", "replace")] if first.exists() else []
    for log in sorted(first.parent.glob("postgres-*.log")):
        if not texts or log.stat().st_mtime >= first.stat().st_mtime:
            text = log.read_bytes()[-8000:].decode("utf-8", "replace")
            texts.append(text.rpartition("LOG:  starting PostgreSQL")[2])
    free = shutil.disk_usage(data).free // 2**20
    note = f" (the disk is full: {free} MB are left)" if free < 32 else ""
    return clusters.told("\n".join(texts)) + note
