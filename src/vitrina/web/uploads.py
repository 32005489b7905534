"""Files of products that somebody dropped: kept for a while, looked at, then loaded."""

from __future__ import annotations

import re
import secrets
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from vitrina.catalog import Catalog
from vitrina.errors import InputError, NotFoundError, VitrinaError
from vitrina.printing import counted

MOST_BYTES = 200_000_000
KEPT = 3  # files
KEPT_SECONDS = 3600
NAME_SIGNS = 60  # of a file's name: each has up to four bytes, a name 255
_UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a folder of its own, under the name that it had."""

    id: str
    path: Path
    folder: tempfile.TemporaryDirectory[str]
    since: float


@dataclass
class Uploads:
    """The latest files, at most KEPT; and the one that is being loaded.

    A file of products is read more than once, so it is on disk, in a folder that only this process
    may read, until it is loaded, replaced or an hour old.
    """

    said: str = ""
    failed: bool = False
    _files: OrderedDict[str, Upload] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _loading: threading.Thread | None = None

    async def take(self, name: str, body: AsyncIterator[bytes]) -> Upload:
        """Keep a file as it comes in. Raises InputError if it is too large."""
        folder = tempfile.TemporaryDirectory(prefix="vitrina-")
        safe = _UNSAFE.sub("-", Path(name).name)[-NAME_SIGNS:].strip(".-") or "products"
        upload = Upload(secrets.token_hex(8), Path(folder.name) / safe, folder, time.monotonic())
        try:
            await _write(upload.path, body)
        except BaseException:
            folder.cleanup()
            raise
        with self._lock:
            self._files[upload.id] = upload
            self._prune()
        return upload

    def get(self, id: str) -> Upload:
        """A kept file. Raises NotFoundError once it is gone."""
        with self._lock:
            self._prune()
            if id not in self._files:
                raise NotFoundError("this file is no longer here: drop it again")
            return self._files[id]

    @property
    def loading(self) -> bool:
        """Whether a file is being loaded or its products enriched."""
        return self._loading is not None and self._loading.is_alive()

    def load(self, catalog: Catalog, id: str, source: str) -> None:
        """Load a file and enrich its products, in the background.

        Raises InputError while another file is being loaded.
        """
        with self._lock:
            if self.loading:
                raise InputError("another file is being loaded: wait for it")
            if id not in self._files:
                raise NotFoundError("this file is no longer here: drop it again")
            upload = self._files.pop(id)
            self.said, self.failed = f"{upload.path.name}: reading", False
            self._loading = threading.Thread(
                target=self._load, args=(catalog, upload, source), name="ingest", daemon=True
            )
            self._loading.start()

    def _load(self, catalog: Catalog, upload: Upload, source: str) -> None:
        name = upload.path.name
        try:
            done = catalog.ingest(
                upload.path,
                source=source,
                progress=lambda loaded: self._say(f"{name}: {loaded.read:,} rows read"),
                on_work=lambda totals: self._say(
                    f"{name}: {counted(totals.products, 'product')} enriched"
                ),
            )
            loaded = done.loaded
            self.said = (
                f"{name}: {loaded.inserted:,} new, {loaded.updated:,} changed,"
                f" {loaded.unchanged:,} unchanged, {counted(loaded.rejected, 'reject')};"
                f" {counted(done.totals.products, 'product')} enriched"
            )
        except VitrinaError as error:
            self.said, self.failed = f"{name}: {error}", True
        except Exception:
            self.said, self.failed = f"{name}: a bug in vitrina ended it", True
            raise
        finally:
            upload.folder.cleanup()

    def _say(self, text: str) -> None:
        self.said = text

    def _prune(self) -> None:
        old = time.monotonic() - KEPT_SECONDS
        for id, upload in list(self._files.items()):
            if upload.since < old or len(self._files) > KEPT:
                del self._files[id]
                upload.folder.cleanup()


async def _write(path: Path, body: AsyncIterator[bytes]) -> None:
    """Write a body as it comes in. Raises InputError if it is empty or too large."""
    size = 0
    with path.open("wb") as file:
        async for chunk in body:
            size += len(chunk)
            if size > MOST_BYTES:
                raise InputError(
                    f"the file is larger than {MOST_BYTES / 1e6:.0f} MB: use vitrina ingest"
                )
            await run_in_threadpool(file.write, chunk)
    if not size:
        raise InputError("the file is empty")
