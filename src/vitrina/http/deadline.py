"""One time limit for a whole exchange, however slowly its bytes come.

The time-outs of HTTP clients start again with every byte, so a server that sends a byte a second
keeps a thread for ever. A client that asks before each read takes what is `left`; any other has its
connection watched, and cut when the time is up: that ends a read wherever it blocks, under TLS too.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Self, TypeVar

from vitrina.errors import TooLateError

T = TypeVar("T")


class Deadline:
    """So many seconds for what this thread does on the network inside the block."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds
        self._cut_off = False
        self._before: Deadline | None = None
        self._lock = threading.Lock()
        self._twin: socket.socket | None = None
        self._timer: threading.Timer | None = None

    @staticmethod
    def current() -> Deadline | None:
        """The deadline this thread is under."""
        return _here.deadline

    def __enter__(self) -> Self:
        self._before, _here.deadline = _here.deadline, self
        return self

    def __exit__(self, *_: object) -> None:
        _here.deadline = self._before
        if self._timer is not None:
            self._timer.cancel()
        self._release()

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self._cut_off or time.monotonic() >= self._ends

    def left(self) -> float:
        """The seconds left. Raises TooLateError when there are none."""
        seconds = self._ends - time.monotonic()
        if self._cut_off or seconds <= 0:
            raise self.too_late()
        return seconds

    def too_late(self) -> TooLateError:
        """The error to raise when time is up."""
        return TooLateError(f"no answer within {self.seconds:g} seconds")

    def watch(self, line: socket.socket) -> None:
        """Cut this connection when time is up, and no other any more."""
        self._release()
        with self._lock:  # a duplicate, as TLS takes the original over
            self._twin = socket.fromfd(line.fileno(), line.family, line.type)
        left = self.left()
        if self._timer is None:
            self._timer = threading.Timer(left, self._cut)
            self._timer.daemon = True
            self._timer.start()

    def _release(self) -> None:
        with self._lock:
            twin, self._twin = self._twin, None
        if twin is not None:
            twin.close()

    def _cut(self) -> None:
        with self._lock:
            self._cut_off = True
            if self._twin is not None:
                with suppress(OSError):
                    self._twin.shutdown(socket.SHUT_RDWR)


class _Here(threading.local):
    deadline: Deadline | None = None


_here = _Here()


def within(seconds: float, function: Callable[[], T]) -> T:
    """What `function` returns or raises; TimeoutError, leaving it to itself, if it takes longer."""
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(function())
        except BaseException as exc:
            done.set_exception(exc)

    try:
        threading.Thread(target=run, daemon=True).start()
    except RuntimeError:  # the interpreter is ending: there are no more threads
        return function()
    try:
        return done.result(seconds)
    except TimeoutError as exc:
        raise (exc if done.done() else TimeoutError(f"no answer within {seconds:g} s")) from None
