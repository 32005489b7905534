"""Memory shared by all threads of a process."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Iterator

from vitrina.errors import PictureError

try:
    _trim = ctypes.CDLL(None).malloc_trim
except (AttributeError, OSError, TypeError):  # another C library than GNU's
    _trim = None  # type: ignore[assignment]


def give_back() -> None:
    """Give freed memory back to the system: GNU's C library keeps up to 64 MB for each thread."""
    if _trim is not None:
        _trim(0)


class MemoryBudget:
    """So many bytes that the threads of a process may hold at once, first come, first served."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._turn = threading.Lock()  # held while waiting: a large one is not overtaken for ever
        self._given_back = threading.Condition()

    @contextlib.contextmanager
    def hold(self, amount: int) -> Iterator[None]:
        """Hold `amount` bytes, once they are free.

        Raises PictureError where they never will be.
        """
        if amount > self.size:
            raise PictureError(
                f"decoding it takes {amount / 1e6:,.0f} MB of memory, over the limit of"
                f" {self.size / 1e6:,.0f} MB; use a smaller version"
            )
        with self._turn, self._given_back:
            self._given_back.wait_for(lambda: self._free >= amount)
            self._free -= amount
        try:
            yield
        finally:
            with self._given_back:
                self._free += amount
                self._given_back.notify()
