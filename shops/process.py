"""A shop in a process of its own, told what to do in lines of JSON."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ANSWER = "-> "  # what a shop's answer begins with; the rest of its output is its log


class ShopError(Exception):
    """The shop could not do what it was told."""


class Shop:
    """A running shop. `shop("rename", id="7", title="…")` has it do something, and answers."""

    def __init__(self, process: subprocess.Popen[str], seconds: float) -> None:
        self._process = process
        self._seconds = seconds
        self._log: list[str] = []

    def __call__(self, verb: str, **arguments: Any) -> Any:
        """What the shop answers. Raises ShopError with the end of its log where it fails."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"do": verb, **arguments}) + "\n")
            self._process.stdin.flush()
        answer = self.answer(verb)
        if "error" in answer:
            raise ShopError(f"{verb}: {answer['error']}\n{self.log}")
        return answer["done"]

    @property
    def log(self) -> str:
        """The end of what it has printed."""
        return "".join(self._log[-40:])

    def answer(self, verb: str) -> dict[str, Any]:
        """The next answer."""
        assert self._process.stdout is not None
        late = threading.Timer(self._seconds, self._process.kill)
        late.start()
        try:
            for line in self._process.stdout:
                if line.startswith(ANSWER):
                    found: dict[str, Any] = json.loads(line[len(ANSWER) :])
                    return found
                self._log.append(line)
        finally:
            late.cancel()
        raise ShopError(f"{verb}: the shop ended or was too slow\n{self.log}")


@contextlib.contextmanager
def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    seconds: float = 600,
) -> Iterator[Shop]:
    """Start a shop, wait until it is ready, and end it in the end."""
    process = subprocess.Popen(
        command, cwd=cwd, env=dict(environment), text=True, encoding="utf-8",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        shop = Shop(process, seconds)
        shop.answer("start")
        yield shop
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()  # it ends at the end of its input
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
