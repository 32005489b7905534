"""The folder that the pictures of a zip are unpacked into, one for each source."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from vitrina.db.database import Database
from vitrina.embedded.server import home
from vitrina.errors import InputError


def unpacking_folder(database: Database, source: str) -> Path:
    """The folder below VITRINA_HOME that this source's pictures go into: the same each time."""
    base = home().absolute() / "pictures"
    known = database.rows(
        # others may have made an operator of that name for the types of a bare one
        "select s.config operator(pg_catalog.->>) 'image_root' as folder"
        " from vitrina.sources as s where s.name = %s",
        (source,),
    )
    folder = Path(known[0]["folder"]) if known and known[0]["folder"] else None
    if folder is None or folder.parent != base:
        # sources of several databases may have the same name
        name = re.sub(r"[^\w-]+", "-", source)[:60].strip("-")
        folder = base / f"{name}-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise InputError(
            f"cannot make {folder} for the pictures of the zip: {exc.strerror or exc};"
            " set VITRINA_HOME, or unpack them and give --image-root"
        ) from None
    return folder
