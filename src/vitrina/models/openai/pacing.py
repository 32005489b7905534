"""The pace of calls: an adaptive limit, shared pauses, and a breaker for a failing server.

All threads of a run share one Pacer, without polling: a waiting thread sleeps on a condition until
it is first in line and may go, or until the run is stopped.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vitrina.errors import ProviderError

__all__ = ["Breaker", "Limit", "Pacer", "Slot", "StoppedError", "backoff"]

Clock = Callable[[], float]


class StoppedError(ProviderError):
    """The run was stopped before this call."""


def backoff(attempt: int, base: float, cap: float = 30.0, draw: Clock = random.random) -> float:
    """Seconds to wait after failure number `attempt` (from 1): random, up to a doubling bound."""
    return draw() * min(cap, base * math.pow(2.0, min(attempt - 1, 30)))


class Limit:
    """An adaptive number: halved if the server says it is too much, raised by one after successes.

    Answers to calls that began before the last halving do not halve it again: they belong to the
    same burst. Not thread-safe by itself.
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError("a limit must be at least 1")
        self.most = most
        self.value = most
        self._successes = 0
        self._halved_at = -math.inf

    def succeeded(self) -> None:
        """Count a success; after `limit` successes the limit grows by one."""
        self._successes += 1
        if self._successes >= self.value:
            self._successes = 0
            self.value = min(self.most, self.value + 1)

    def throttled(self, began: float, now: float) -> None:
        """The server refused a call that began then: too many calls."""
        self._successes = 0
        if began >= self._halved_at:
            self._halved_at = now
            self.value = max(1, self.value // 2)


class Slot:
    """The permission to make one call, and the receiver of its outcome."""

    def __init__(self, pacer: Pacer, began: float) -> None:
        self._pacer = pacer
        self._began = began

    def succeeded(self) -> None:
        """The call was answered."""
        self._pacer._succeeded()

    def throttled(self, wait: float | None = None) -> None:
        """The server refused the call: too many calls; no thread asks again for `wait` seconds."""
        self._pacer._throttled(self._began, wait)


class Pacer:
    """Lets at most `limit` calls run at once, in their order, and fewer if the server asks.

    `stop()` wakes every sleeper with StoppedError; calls under way may finish.
    """

    def __init__(
        self, limit: int = 8, *, clock: Clock = time.monotonic, longest_hold: float = 120.0
    ) -> None:
        self._limit = Limit(limit)
        self._clock = clock
        self._longest_hold = longest_hold
        self._lock = threading.Lock()
        self._line: deque[threading.Condition] = deque()
        self._running = 0
        self._not_before = -math.inf
        self._stop = threading.Event()

    @property
    def limit(self) -> int:
        """The present limit of parallel calls."""
        return self._limit.value

    @property
    def running(self) -> int:
        """The number of running calls."""
        return self._running

    @property
    def stopped(self) -> bool:
        """Whether the run was stopped."""
        return self._stop.is_set()

    @contextmanager
    def slot(self) -> Iterator[Slot]:
        """Wait for a turn and hold it for the block. Raises StoppedError if the run is stopped."""
        self._enter()
        try:
            yield Slot(self, self._clock())
        finally:
            with self._lock:
                self._running -= 1
                self._call_next()

    def hold(self, seconds: float) -> None:
        """Let no new call begin for this long, in any thread."""
        with self._lock:
            self._hold(seconds)

    def sleep(self, seconds: float) -> None:
        """Sleep, unless the run is stopped: then raise StoppedError at once."""
        if self._stop.wait(max(0.0, seconds)):
            raise StoppedError

    def stop(self) -> None:
        """Wake every sleeper; no new call begins from here on."""
        self._stop.set()
        with self._lock:
            for waiter in self._line:
                waiter.notify()

    def _enter(self) -> None:
        with self._lock:
            me = threading.Condition(self._lock)
            self._line.append(me)
            try:
                while True:
                    if self._stop.is_set():
                        raise StoppedError
                    wait: float | None = None
                    if self._line[0] is me and self._running < self._limit.value:
                        wait = self._not_before - self._clock()
                        if wait <= 0:
                            self._running += 1
                            return
                    me.wait(wait)
            finally:
                self._line.remove(me)
                self._call_next()

    def _succeeded(self) -> None:
        with self._lock:
            self._limit.succeeded()
            self._call_next()

    def _throttled(self, began: float, wait: float | None) -> None:
        with self._lock:
            self._limit.throttled(began, self._clock())
            if wait is not None:
                self._hold(wait)

    def _hold(self, seconds: float) -> None:
        until = self._clock() + min(max(0.0, seconds), self._longest_hold)
        self._not_before = max(self._not_before, until)

    def _call_next(self) -> None:
        """Wake the first in line, if it may go now or must time its pause."""
        if self._line and self._running < self._limit.value:
            self._line[0].notify()


class Breaker:
    """Notices if consecutive calls, for different items, fail for the same reason.

    That is no longer the items' fault: `failed` then returns True, and for `rest` seconds `open`
    gives the reason, so that no call is made in vain.
    """

    def __init__(self, after: int = 5, *, rest: float = 30.0, clock: Clock = time.monotonic):
        self._after = after
        self._rest = rest
        self._clock = clock
        self._lock = threading.Lock()
        self._reason = ""
        self._items: set[str] = set()
        self._until = -math.inf

    def succeeded(self) -> None:
        """A call was answered: restart the count."""
        with self._lock:
            self._items.clear()
            self._until = -math.inf

    def failed(self, item: str, reason: str) -> bool:
        """Count the failure of an item; True if that is one too many."""
        with self._lock:
            if reason != self._reason:
                self._reason = reason
                self._items.clear()
            self._items.add(item)
            if len(self._items) < self._after:
                return False
            self._until = self._clock() + self._rest
            return True

    @property
    def open(self) -> str | None:
        """The reason to make no call now; None if there is none."""
        with self._lock:
            return self._reason if self._clock() < self._until else None
