"""Whom the embedded Postgres runs as, and whether that account can get to its files.

Postgres refuses to run as root. When vitrina is root, the server gets an account that owns nothing
else on the machine; when vitrina is an ordinary user, everything here is that user (`None`).
"""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitrina.errors import EmbeddedError

if sys.platform != "win32":
    import pwd

_FREE_UIDS = range(60578, 60706)  # above the people, and no distribution gives these to anybody

_WAY_OUT = "make a system account named vitrina, or run vitrina as an ordinary user"


@dataclass(frozen=True)
class Account:
    """A user and a group by number; there need not be a name for them."""

    uid: int
    gid: int


def choose(clusters: list[Path]) -> Account | None:
    """Whom the server of this home runs as.

    Under root that is the owner of the clusters that are there; else the system account `vitrina`,
    where an administrator made one; else a number nobody has. Neither `postgres` nor `nobody`:
    strangers run as those, and would read the files.
    """
    if os.geteuid() != 0:
        return None
    for cluster in clusters:
        if cluster.is_dir():
            owner = cluster.stat()
            return Account(owner.st_uid, owner.st_gid)
    made = _by_name("vitrina")
    if made is not None:
        return made
    for uid in _FREE_UIDS:
        if not _has_name(uid):
            return Account(uid, uid)
    raise EmbeddedError(f"No user id is free for the embedded Postgres: {_WAY_OUT}.")


def maker(account: Account | None) -> Account | None:
    """Whom initdb runs as: it looks up its own name, and a bare number has none.

    The stand-in works in a directory that only the account's group can enter, so nobody else who
    runs as the stand-in gets near the files; they change hands when it is done.
    """
    if account is None or _has_name(account.uid):
        return account
    for name in ("nobody", "daemon"):
        stand_in = _by_name(name)
        if stand_in is not None:
            return Account(stand_in.uid, account.gid)
    raise EmbeddedError(f"The embedded Postgres cannot run as root: {_WAY_OUT}.")


def arguments(account: Account | None) -> dict[str, Any]:
    """What makes subprocess run a program as the account, in a session and with an environment
    of its own: no PG* setting, no key and no Ctrl-C of ours gets there.
    """
    kept = {name: os.environ[name] for name in ("TZ", "LD_LIBRARY_PATH") if name in os.environ}
    result: dict[str, Any] = {
        "cwd": "/",
        "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C", **kept},
        "start_new_session": True,
        "umask": 0o077,
    }
    if account is not None:
        result |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    return result


def make_private(folder: Path, account: Account | None) -> None:
    """Make a directory for the account alone, unless it is there."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700)
        if account is not None:
            os.chown(folder, account.uid, account.gid)


def give(tree: Path, account: Account) -> None:
    """Make the account the owner of a whole tree, following no link."""
    for _, folders, files, handle in os.fwalk(tree):
        for name in (*folders, *files):
            os.chown(name, account.uid, account.gid, dir_fd=handle, follow_symlinks=False)
    os.chown(tree, account.uid, account.gid)
    tree.chmod(0o700)


def make_home(base: Path) -> None:
    """Make the home and what lacks above it; what was there keeps its modes."""
    missing = [each for each in (base, *base.parents) if not each.exists()]
    for folder in reversed(missing):
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue  # another process of ours was quicker
        if os.geteuid() == 0 and folder != base:
            folder.chmod(0o755)


def open_home(base: Path, account: Account | None, ours: set[str]) -> None:
    """Let the account into the home, if the home is root's own and holds only our names.

    Nothing above it is ever changed: a closed directory there is an error that says so.
    """
    if account is None:
        return
    found = base.stat()
    closed = found.st_uid == 0 and found.st_mode & 0o077 == 0
    if closed and all(each.name in ours or each.name.startswith(".") for each in base.iterdir()):
        os.chown(base, 0, account.gid)
        base.chmod(0o710)
    for folder in (*reversed(base.parents), base):
        if not may(folder, account, stat.S_IXOTH):
            raise EmbeddedError(
                f"The embedded Postgres cannot run as root, and the account it runs as instead "
                f"cannot enter {folder}: set VITRINA_HOME to a directory below one that everybody "
                "may enter (such as /var/lib/vitrina), run vitrina as an ordinary user, or set "
                "VITRINA_DATABASE_URL."
            )


def may(path: Path, account: Account, right: int) -> bool:
    """Whether the account has this right (one of the bits for others) by the modes of the path."""
    found = path.stat()
    if found.st_uid == account.uid:
        right <<= 6
    elif found.st_gid == account.gid:
        right <<= 3
    return bool(found.st_mode & right)


def _by_name(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
