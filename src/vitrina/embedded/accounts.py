"""The account of the embedded Postgres, and its access to the files.

Postgres refuses to run as root. When vitrina is root, the server gets an account that owns nothing
else on the machine; when vitrina is an ordinary user, everything runs as that user (`None`).
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

_FREE_UIDS = range(60578, 60706)  # above users' ids, and unused by distributions

# A session takes megabytes to plan its first search: large pages, where the machine has them, save
# a fifth of that time. See "Memory Allocation Tunables" in glibc's manual; others ignore it.
_HEAP = "glibc.malloc.hugetlb=1:glibc.malloc.top_pad=8388608"

_WAY_OUT = "create a system account named vitrina, or run vitrina as an ordinary user"


@dataclass(frozen=True)
class Account:
    """A user and a group by number; they may have no name."""

    uid: int
    gid: int


def choose(clusters: list[Path]) -> Account | None:
    """The account that the server of this home runs as.

    Under root that is the owner of existing clusters; else the system account `vitrina`, if an
    administrator created it; else an unused number. Never `postgres` or `nobody`: other programs
    run as these, and could read the files.
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
    """The account for initdb, which needs a user name; a bare number has none.

    The stand-in works in a directory that only the account's group can enter, so no other process
    of the stand-in reaches the files; they change owner when it is done.
    """
    if account is None or _has_name(account.uid):
        return account
    for name in ("nobody", "daemon"):
        stand_in = _by_name(name)
        if stand_in is not None:
            return Account(stand_in.uid, account.gid)
    raise EmbeddedError(f"The embedded Postgres cannot run as root: {_WAY_OUT}.")


def arguments(account: Account | None) -> dict[str, Any]:
    """The arguments that make subprocess run a program as the account, in its own session and
    environment: without our PG* settings, keys and Ctrl-C.
    """
    kept = {name: os.environ[name] for name in ("TZ", "LD_LIBRARY_PATH") if name in os.environ}
    result: dict[str, Any] = {
        "cwd": "/",
        "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "GLIBC_TUNABLES": _HEAP, **kept},
        "start_new_session": True,
        "umask": 0o077,
    }
    if account is not None:
        result |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    return result


def make_private(folder: Path, account: Account | None) -> None:
    """Create a directory for the account only, if missing."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700)
        if account is not None:
            os.chown(folder, account.uid, account.gid)


def give(tree: Path, account: Account) -> None:
    """Make the account the owner of a whole tree, without following links."""
    for _, folders, files, handle in os.fwalk(tree):
        for name in (*folders, *files):
            os.chown(name, account.uid, account.gid, dir_fd=handle, follow_symlinks=False)
    os.chown(tree, account.uid, account.gid)
    tree.chmod(0o700)


def make_home(base: Path) -> None:
    """Create the home and missing folders above it; existing folders keep their modes."""
    missing = [each for each in (base, *base.parents) if not each.exists()]
    for folder in reversed(missing):
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue  # another vitrina process was faster
        if os.geteuid() == 0 and folder != base:
            folder.chmod(0o755)


def open_home(base: Path, account: Account | None, ours: set[str]) -> None:
    """Let the account into the home, if root owns it and it contains only our files.

    Folders above it are never changed: a closed one is an error that says so.
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
                f"cannot enter {folder}: set VITRINA_HOME to a directory below one that every user "
                "may enter (such as /var/lib/vitrina), run vitrina as an ordinary user, or set "
                "VITRINA_DATABASE_URL."
            )


def may(path: Path, account: Account, right: int) -> bool:
    """Whether the modes of the path give the account this right (one of the bits for others)."""
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
