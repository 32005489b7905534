"""Stopping a run: one signal finishes the work begun, a second ends it at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from vitrina.cli._common import notice
from vitrina.errors import VitrinaError
from vitrina.printing import counted

if TYPE_CHECKING:
    from vitrina.catalog import Catalog

EXIT_SECONDS = 4.5  # a second signal ends the process within this, whatever its threads do
GRACE_SECONDS = 2.0  # of these for calls under way, which are paid for,
GIVE_BACK_SECONDS = 2.0  # and these to give the leases back to the database
NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stoppable() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets.

    A second one interrupts the run, and its leases are given back. The process ends with 130 or
    143, within EXIT_SECONDS: a thread of its own sees to that, as decoding a picture or waiting
    for a server cannot be ended otherwise, and the main thread may wait for either.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def interrupt(*_: object) -> None:
        if watcher.interrupts and not watcher.over.is_set():
            watcher.interrupts = False
            raise KeyboardInterrupt

    told, tell = os.pipe()
    os.set_blocking(tell, False)
    wakes = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    before = {number: signal.signal(number, interrupt) for number in NUMBERS}
    watcher = _Watcher(told, stop, threading.get_ident())
    watcher.start()
    try:
        try:
            yield stop
        finally:
            watcher.over.set()  # no signal interrupts what follows
    except KeyboardInterrupt:
        notice("\nstopped; finished work is stored; run the command again to continue")
        raise SystemExit(watcher.code) from None
    finally:
        watcher.over.set()
        signal.set_wakeup_fd(wakes)
        os.close(tell)
        watcher.join()  # it may yet send a signal
        os.close(told)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def telling_left(catalog: Catalog) -> Iterator[None]:
    """On Ctrl-C, say what is stored, what is left, and how to go on; the process ends with 130."""
    try:
        yield
    except KeyboardInterrupt:
        text = "\nstopped; what was read is stored"
        with contextlib.suppress(VitrinaError):
            left = counted(catalog.status().queued, "product is", "products are")
            text += f", and {left} queued; to go on: vitrina work --drain"
        notice(f"{text}; to read the rest of a file, ingest it again")
        raise SystemExit(128 + signal.SIGINT) from None


class _Watcher(threading.Thread):
    """Reads the numbers of signals until the pipe is closed."""

    def __init__(self, told: int, stop: threading.Event, main: int) -> None:
        super().__init__(name="vitrina-signals", daemon=True)
        self._told, self._stop_event, self._main = told, stop, main
        self.over = threading.Event()  # the run has ended
        self.interrupts = False  # the next signal to the main thread interrupts it
        self.code = 128 + signal.SIGINT

    def run(self) -> None:
        """Set the event at the first signal, end the process after the second."""
        while number := os.read(self._told, 1):
            if number[0] not in NUMBERS:
                continue
            if self._stop_event.is_set():
                self.code = 128 + number[0]
                # Python calls a handler once for two signals that come close together: one more
                self.interrupts = True
                signal.pthread_kill(self._main, number[0])
                self._end()
                return
            self._stop_event.set()
            with contextlib.suppress(Exception):
                notice(
                    "\nstopping: work begun is finished and stored;"
                    " Ctrl-C or SIGTERM again to stop at once"
                )

    def _end(self) -> None:
        """End this process; give its leases back if the database answers."""
        timer = threading.Timer(EXIT_SECONDS, os._exit, (self.code,))
        timer.daemon = True
        timer.start()
        if self.over.wait(GRACE_SECONDS):
            timer.cancel()
            threading.Thread(target=self._leave, name="vitrina-leaves", daemon=True).start()
            return
        if sys.stderr.isatty():
            os.write(2, b"\x1b[?25h")  # the cursor, which a progress bar hides
        with contextlib.suppress(Exception):
            from vitrina.enrich import leases

            leases.abandon(GIVE_BACK_SECONDS)
            notice("\nstopped at once; run the command again to continue")
        os._exit(self.code)

    def _leave(self) -> None:
        """End this process if one of its threads goes on when the main thread is done."""
        main = threading.main_thread()
        main.join(EXIT_SECONDS)
        if not main.is_alive():  # a program that called the command goes on instead
            time.sleep(GRACE_SECONDS)  # for what is to be done at exit
            os._exit(self.code)
