"""Real shops, installed once: kept in pytest's cache as clusters are, with a dump for the database."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import servers
import shops
from shops.rehearsal import make_database, make_roles
from shops.runs import SHOPS, Scene
from vitrina import embedded

CODE = Path(shops.__file__).parent
PINNED = CODE.parent / "requirements" / "shops.txt"


def installed(server: embedded.Server, name: str, cache: Path) -> tuple[str, Path]:
    """A database to copy in which a shop is installed, and its files; made by the first who asks."""
    home = server.data.parents[1]
    database, folder, done = f"{name}_installed", home / f"{name}-shop", home / f".{name}-done"
    with servers.locked(home / f".{name}"):
        if not done.exists():
            make_roles(server)
            servers.drop(server, database)  # of one who failed
            shutil.rmtree(folder, ignore_errors=True)
            make_database(server, database)
            kept = cache / f"{name}-{_digest(name, server.version)}"
            cache.mkdir(parents=True, exist_ok=True)
            with servers.locked(cache / f".{name}"):
                if kept.is_dir():
                    servers.copy(kept, folder)
                    _call(
                        server,
                        "pg_restore",
                        "--exit-on-error",
                        "-d",
                        server.url(database),
                        folder / "dump",
                    )
                else:
                    (folder / "files").mkdir(parents=True)
                    with SHOPS[name](Scene(server, database, folder / "files", [], Path())):
                        pass
                    _call(server, "pg_dump", "-Fc", "-f", folder / "dump", server.url(database))
                    servers.copy(folder, kept)
            done.touch()
    return database, folder / "files"


def _call(server: embedded.Server, program: str, *arguments: str | Path) -> None:
    subprocess.run([embedded.bin_dir(server.version) / program, *arguments], check=True)


def _digest(name: str, version: int) -> str:
    """Of all that an installed shop is made of."""
    digest = hashlib.sha256(str(version).encode())
    files = [path for path in (*CODE.glob("*.py"), *(CODE / name).glob("*.*")) if path.is_file()]
    for path in sorted([*files, PINNED, Path(__file__)]):
        digest.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
