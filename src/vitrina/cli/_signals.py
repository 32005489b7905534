"""How a run is told to stop: once to finish what is begun, twice to end at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

from vitrina.cli._common import notice

EXIT_SECONDS = 4.0  # after which a second signal ends the process, whatever its threads are at
GIVE_BACK_SECONDS = 2.0
NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


@contextlib.contextmanager
def stoppable() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets.

    A second of either gives back what is leased and ends the process with 130 or 143, within
    EXIT_SECONDS. A thread of its own sees to that: the main one, too, may be in a call that no
    signal ends, and what decodes a picture or waits for a server cannot be ended otherwise.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    wakes = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    before = {number: signal.signal(number, lambda *_: None) for number in NAMES}
    watcher = threading.Thread(target=_watch, args=(told, stop), daemon=True)
    watcher.start()
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakes)
        os.close(tell)
        watcher.join()
        os.close(told)


def _watch(told: int, stop: threading.Event) -> None:
    """Read the numbers of signals until there is nobody left to write one."""
    while number := os.read(told, 1):
        if number[0] not in NAMES:
            continue
        if stop.is_set():
            _end(number[0])
        stop.set()
        name = NAMES[signal.Signals(number[0])]
        with contextlib.suppress(Exception):
            notice(
                f"\n{name}: what is begun is finished and stored;"
                " Ctrl-C or SIGTERM again to stop at once"
            )


def _end(number: int) -> None:
    """End this process, what it leases given back where the database answers."""
    code = 128 + number
    timer = threading.Timer(EXIT_SECONDS, os._exit, (code,))
    timer.daemon = True
    timer.start()
    if sys.stderr.isatty():
        os.write(2, b"\x1b[?25h")  # the cursor, which a progress bar hides
    with contextlib.suppress(Exception):
        from vitrina.enrich import leases

        leases.abandon(GIVE_BACK_SECONDS)
        notice("stopped at once; what was begun is done again, run the command again to go on")
    os._exit(code)
