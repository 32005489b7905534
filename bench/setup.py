"""What benches share: a catalog on a scratch server, the real data, medians."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from vitrina import embedded
from vitrina.catalog import Catalog
from vitrina.db import schema
from vitrina.settings import Settings

SHARED = Path(
    os.environ.get("VITRINA_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
).resolve()


class SkippedError(Exception):
    """A measurement that lacks what it needs, and what that is."""


def shared(name: str) -> Path:
    """A file or folder of the shared data; without it the measurement is skipped."""
    path = SHARED / name
    if not path.exists():
        raise SkippedError(f"no {path}: set VITRINA_SHARED_DATA to where the catalogues are")
    return path


@contextlib.contextmanager
def catalog(options: Mapping[str, str] | None = None) -> Iterator[Catalog]:
    """An empty catalog on a server of its own, with a server's default durability, or `options`."""
    home = Path(tempfile.mkdtemp(prefix="vb-", dir="/tmp"))
    home.chmod(0o755)
    try:
        url = embedded.start(home, options=options or {}).url()
        schema.upgrade(url)
        with Catalog(settings=Settings(database_url=url)) as shop:
            yield shop
    finally:
        embedded.stop(home)
        shutil.rmtree(home)
