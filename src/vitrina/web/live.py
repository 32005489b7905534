"""The progress of the work, told to all who watch: one reader of the database for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool

from vitrina.catalog import Catalog
from vitrina.enrich.jobs import Failure, Progress
from vitrina.errors import VitrinaError

LISTENERS = 20
EVERY_SECONDS = 1.0
PING_SECONDS = 15.0
RATE_SECONDS = 30.0


@dataclass
class Watch:
    """Reads the progress once a second while anybody listens, and tells all what changed."""

    catalog: Catalog
    reads: int = 0
    _listeners: set[asyncio.Queue[bytes]] = field(default_factory=set)
    _reader: asyncio.Task[None] | None = None
    _number: int = 0
    _latest: bytes | None = None
    _said: dict[str, Any] = field(default_factory=dict)
    _failures: dict[str, int] = field(default_factory=dict)
    _rates: deque[tuple[float, int]] = field(default_factory=deque)
    _leaving: bool = False

    @property
    def full(self) -> bool:
        """Whether no further listener finds room."""
        return len(self._listeners) >= LISTENERS

    async def listen(self) -> AsyncIterator[bytes]:
        """The events for one listener, until it goes."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(maxsize=100)
        self._listeners.add(queue)
        try:
            yield b"retry: 3000\n\n"
            if self._latest is not None:
                yield self._latest
            if self._reader is None or self._reader.done():
                self._reader = asyncio.create_task(self._read())
            while not self._leaving:
                try:
                    yield await asyncio.wait_for(queue.get(), PING_SECONDS)
                except TimeoutError:
                    yield b": ping\n\n"
            yield b'event: bye\ndata: {"v":1}\n\n'
        finally:
            self._listeners.discard(queue)
            if not self._listeners and self._reader is not None:
                self._reader.cancel()
                # the next to come is told how things are, even if nothing has changed
                self._reader, self._latest, self._said = None, None, {}

    def leave(self) -> None:
        """Say bye to all listeners, now and later: the server stops."""
        self._leaving = True
        for queue in self._listeners:
            with contextlib.suppress(asyncio.QueueFull):  # it wakes by itself
                queue.put_nowait(b": the server stops\n\n")

    async def _read(self) -> None:
        while self._listeners:
            try:
                progress, failures = await run_in_threadpool(self._look)
            except VitrinaError as error:
                self._tell("lost", {"v": 1, "reason": str(error)[:300]})
            else:
                said = self._snapshot(progress)
                if said != self._said:
                    self._said = said
                    self._latest = self._tell("work", said | {"at": f"{datetime.now(UTC):%FT%TZ}"})
                self._note(failures)
            await asyncio.sleep(EVERY_SECONDS)

    def _look(self) -> tuple[Progress, list[Failure]]:
        self.reads += 1
        progress = self.catalog.jobs.progress()
        return progress, self.catalog.jobs.failures(k=10) if progress.failed else []

    def _snapshot(self, progress: Progress) -> dict[str, Any]:
        now = time.monotonic()
        finished = progress.done + progress.failed
        self._rates.append((now, finished))
        while now - self._rates[0][0] > RATE_SECONDS:
            self._rates.popleft()
        then, before = self._rates[0]
        rate = max(finished - before, 0) / (now - then) if now - then >= 1 else 0.0
        left = progress.queued + progress.running
        return {
            "v": 1,
            "queued": progress.queued,
            "running": progress.running,
            "done": progress.done,
            "failed": progress.failed,
            "per_s": round(rate, 1),
            "eta_s": round(left / rate) if rate and left else None,
            "spent": None if progress.spent is None else f"{progress.spent:.2f}",
            "budget": None if progress.budget is None else f"{progress.budget:.2f}",
        }

    def _note(self, failures: list[Failure]) -> None:
        for failure in failures:
            if failure.jobs > self._failures.get(failure.matching, 0):
                self._tell("failure", {"v": 1, "reason": failure.error[:300], "n": failure.jobs})
        self._failures = {failure.matching: failure.jobs for failure in failures}

    def _tell(self, event: str, value: dict[str, Any]) -> bytes:
        self._number += 1
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        message = f"id: {self._number}\nevent: {event}\ndata: {data}\n\n".encode()
        for queue in self._listeners:
            with contextlib.suppress(asyncio.QueueFull):  # it has stopped reading
                queue.put_nowait(message)
        return message
