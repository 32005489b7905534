"""A real `vitrina serve` for tests: its own process, on a free port."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import requests


class Served:
    """A running server: its address, its database, and requests to it."""

    def __init__(self, base: str, url: str, process: subprocess.Popen[str]) -> None:
        self.base = base
        self.process = process
        self.url = url  # of its database
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str, **options: object) -> requests.Response:
        return self.session.get(self.base + path, timeout=30, allow_redirects=False, **options)  # type: ignore[arg-type]

    def post(self, path: str, **options: object) -> requests.Response:
        return self.session.post(self.base + path, timeout=30, allow_redirects=False, **options)  # type: ignore[arg-type]

    def csrf(self, path: str = "/") -> str:
        """The token of the forms of this page."""
        return self.get(path).text.partition('name="csrf" content="')[2].partition('"')[0]


@contextlib.contextmanager
def serving(url: str, *options: str, env: dict[str, str] | None = None) -> Iterator[Served]:
    """Run `vitrina serve` on this database until the end of the block."""
    within = ["--count-within", "600000"]  # all facets on a slow machine too
    serve = ["-m", "vitrina", "--database-url", url, "serve", "--port", "0", *within, *options]
    process = subprocess.Popen(
        [sys.executable, *serve],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()  # it comes when the first request can be answered
        assert line.startswith("vitrina serves http"), f"it ended with {process.wait()}"
        yield Served(line.split()[2].rstrip(","), url, process)
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()
