"""How fast to ask: a limit that adapts, shared pauses, and a breaker for a failing server.

All threads of a run share one Pacer. Nobody polls: a waiting thread sleeps on a condition until it
is first in line and may go, or until the run is stopped.
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
    """The run was stopped before this was asked."""


def backoff(attempt: int, base: float, cap: float = 30.0, draw: Clock = random.random) -> float:
    """Seconds to wait after failure number `attempt` (from 1): anywhere up to a doubling bound."""
    return draw() * min(cap, base * math.pow(2.0, min(attempt - 1, 30)))


class Limit:
    """An adaptive number: halved when the server says it is too much, grown by one in good times.

    Answers to calls that began before the last halving do not halve it again: they are news of
    the same burst. Not thread-safe by itself.
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError("a limit is at least 1")
        self.most = most
        self.value = most
        self._successes = 0
        self._halved_at = -math.inf

    def succeeded(self) -> None:
        """Count a success; after as many as the limit is high it grows by one."""
        self._successes += 1
        if self._successes >= self.value:
            self._successes = 0
            self.value = min(self.most, self.value + 1)

    def throttled(self, began: float, now: float) -> None:
        """The server refused a call that began then for there being too many."""
        self._successes = 0
        if began >= self._halved_at:
            self._halved_at = now
            self.value = max(1, self.value // 2)


class Slot:
    """The permission to make one call, and where its outcome is reported."""

    def __init__(self, pacer: Pacer, began: float) -> None:
        self._pacer = pacer
        self._began = began

    def succeeded(self) -> None:
        """The call was answered."""
        self._pacer._succeeded()

    def throttled(self, wait: float | None = None) -> None:
        """The call was refused for there being too many; nobody asks again for `wait` seconds."""
        self._pacer._throttled(self._began, wait)


class Pacer:
    """Lets at most `limit` calls run at once, in the order they came, and fewer when told to.

    `stop()` wakes every sleeper with StoppedError; calls under way are left to finish.
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
        """How many calls may run at once just now."""
        return self._limit.value

    @property
    def running(self) -> int:
        """How many calls are running."""
        return self._running

    @property
    def stopped(self) -> bool:
        """Whether the run was stopped."""
        return self._stop.is_set()

    @contextmanager
    def slot(self) -> Iterator[Slot]:
        """Wait for a turn, hold it for the block. Raises StoppedError when the run is stopped."""
        self._enter()
        try:
            yield Slot(self, self._clock())
        finally:
            with self._lock:
                self._running -= 1
                self._call_next()

    def hold(self, seconds: float) -> None:
        """Let no new call begin for so long, whoever wants to."""
        with self._lock:
            self._hold(seconds)

    def sleep(self, seconds: float) -> None:
        """Sleep, unless the run is stopped: then StoppedError is raised at once."""
        if self._stop.wait(max(0.0, seconds)):
            raise StoppedError

    def stop(self) -> None:
        """Wake every sleeper; nothing new is asked from here on."""
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
    """Notices when call after call, for different items, fails for one and the same reason.

    That is no longer the items' fault: `failed` then answers True, and for `rest` seconds `open`
    gives the reason, so that nothing more is asked in vain.
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
        """Something was answered: the count begins anew."""
        with self._lock:
            self._items.clear()
            self._until = -math.inf

    def failed(self, item: str, reason: str) -> bool:
        """Count the failure of an item; True where it is one too many."""
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
        """Why nothing should be asked at the moment; None where there is no reason not to."""
        with self._lock:
            return self._reason if self._clock() < self._until else None
