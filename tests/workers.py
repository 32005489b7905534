"""Worker processes: `vitrina work`, started and ended by a test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def workers(url: str, *arguments: str) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """A function that starts a worker; none is left at the end."""
    running: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "vitrina", "--database-url", url, "work", *arguments],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
        )  # fmt: skip
        running.append(process)
        return process

    try:
        yield start
    finally:
        for process in running:
            process.kill()
            process.communicate()
