"""What benches share: a catalog on a scratch server, the real data, medians."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
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


class _Both(io.StringIO):
    """Keeps what is printed, and prints it."""

    def write(self, said: str) -> int:
        sys.__stdout__.write(said)  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]
        return super().write(said)


@contextlib.contextmanager
def told(page: str | None, name: str) -> Iterator[None]:
    """Put what is printed into a page of docs/ too: between its marks of this bench.

    page: the page's name; None: it is only printed.
    """
    with contextlib.redirect_stdout(_Both()) as said:
        yield
    if page is not None:
        path = Path(__file__).parents[1] / "docs" / page
        first, last = f"<!-- python -m bench {name} -->\n", f"<!-- end of {name} -->\n"
        before, _, rest = path.read_text(encoding="utf-8").partition(first)
        _, _, after = rest.partition(last)
        assert after or rest.endswith(last), f"{path} has no marks of {name}"
        path.write_text(before + first + said.getvalue() + last + after, encoding="utf-8")
