"""Stopping a command: once to finish what is begun, twice to drop it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

from vitrina.cli._common import notice


@contextlib.contextmanager
def stoppable() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets; a second of either interrupts."""
    stop = threading.Event()

    def told(number: int, _: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        if not stop.is_set():
            notice("\nstopping: what is begun is finished and stored; Ctrl-C again to drop it")
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
