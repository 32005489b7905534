"""pgbouncer in transaction mode before a server."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from vitrina import embedded

PORT = 6432
_CONFIG = """\
[databases]
* = host={socket} port=5432

[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
logfile = {folder}/log
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 4
server_idle_timeout = 5
"""


def program() -> str | None:
    """pgbouncer, if it is installed."""
    return shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")


@contextlib.contextmanager
def pooled(server: embedded.Server, roles: Sequence[str]) -> Iterator[str]:
    """The folder of a pooler's socket, through which these roles reach the server."""
    found = program()
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="vp-", dir="/tmp"))
    (folder / "users").write_text("".join(f'"{role}" ""\n' for role in roles))
    config = folder / "ini"
    config.write_text(_CONFIG.format(socket=server.socket, folder=folder, port=PORT))
    account = server.data.stat()  # who may enter the server's socket folder; never root
    for path in (folder, *folder.iterdir()):
        os.chown(path, account.st_uid, account.st_gid)
    as_account = os.geteuid() == 0
    process = subprocess.Popen(
        [found, "--quiet", config],
        user=account.st_uid if as_account else None,
        group=account.st_gid if as_account else None,
        extra_groups=[] if as_account else None,
        stderr=subprocess.PIPE,
    )
    try:
        _wait(process, folder)
        yield str(folder)
    finally:
        process.terminate()
        process.communicate(timeout=10)
        shutil.rmtree(folder)


def _wait(process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 10
    while not (folder / f".s.PGSQL.{PORT}").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            log = folder / "log"
            raise RuntimeError(f"pgbouncer: {log.read_text() if log.exists() else 'no log'}")
        time.sleep(0.02)


def url(folder: str, role: str, database: str) -> str:
    """The address of a database through the pooler."""
    return f"postgresql://{role}@/{database}?host={quote(folder, safe='')}&port={PORT}"
