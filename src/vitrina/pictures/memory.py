"""Memory shared by all threads of a process."""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from collections import deque
from collections.abc import Iterator

from vitrina.errors import BusyError, PictureError

LOOK_SECONDS = 0.25  # between two looks whether it is told to stop

try:
    _trim = ctypes.CDLL(None).malloc_trim
except (AttributeError, OSError, TypeError):  # another C library than GNU's
    _trim = None  # type: ignore[assignment]


def give_back() -> None:
    """Give freed memory back to the system: GNU's C library keeps up to 64 MB for each thread."""
    if _trim is not None:
        _trim(0)


class MemoryBudget:
    """So many bytes that the threads of a process may hold at once, first come, first served.

    Args:
        size: in bytes.
        patience: seconds without any giving back after which whoever waits gives up.
    """

    def __init__(self, size: int, patience: float = 120.0) -> None:
        self.size = size
        self.patience = patience
        self._free = size
        self._given_back = 0  # times
        self._queue: deque[object] = deque()  # a large one is not overtaken for ever
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    @contextlib.contextmanager
    def hold(self, amount: int, stop: threading.Event | None = None) -> Iterator[None]:
        """Hold `amount` bytes, once they are free.

        Raises PictureError where they never will be, BusyError where those who hold them give
        nothing back, or once `stop` is set.
        """
        if amount > self.size:
            raise PictureError(
                f"decoding it takes {amount / 1e6:,.0f} MB of memory, over the limit of"
                f" {self.size / 1e6:,.0f} MB; use a smaller version"
            )
        with self._changed:
            self._take(amount, stop)
        try:
            yield
        finally:
            with self._changed:
                self._free += amount
                self._given_back += 1
                self._changed.notify_all()

    def _take(self, amount: int, stop: threading.Event | None) -> None:
        me, seen, since = object(), self._given_back, time.monotonic()
        self._queue.append(me)
        try:
            while self._queue[0] is not me or self._free < amount:
                self._changed.wait(LOOK_SECONDS)
                if stop is not None and stop.is_set():
                    raise BusyError("it was told to stop before there was memory to decode it")
                if self._given_back != seen:
                    seen, since = self._given_back, time.monotonic()
                elif time.monotonic() - since > self.patience:
                    raise BusyError(
                        f"no memory to decode it became free within {self.patience:,.0f} s:"
                        " other pictures are stuck in a decoder; start again"
                    )
            self._free -= amount
        finally:
            self._queue.remove(me)
            self._changed.notify_all()
