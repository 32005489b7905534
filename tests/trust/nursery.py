"""Processes of `vitrina` that start at once: a process that has imported all of it forks them.

Each is what `python -m vitrina …` is, less the second of imports, which hundreds of kills cannot spend.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import random
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self

BESIDES = ("openai.resources.chat.completions", "openai.resources.embeddings",
           "openai.resources.batches", "openai.resources.files", "uvicorn.protocols.http.auto",
           "uvicorn.loops.auto", "uvicorn.lifespan.on", "encodings.idna")  # fmt: skip


# in the environment: the endpoint has the list prices, as only OpenAI's own has
PRICED = "TRUST_PRICED"


class Child:
    """A forked process, to be used like a subprocess.Popen."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.ended = threading.Event()

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if not self.ended.wait(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The process that forks."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._children: dict[int, Child] = {}
        self._born: list[Child] = []
        self._birth = threading.Semaphore(0)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            pid, code = json.loads(line)
            if code is None:
                self._children[pid] = Child(pid)
                self._born.append(self._children[pid])
                self._birth.release()
            else:
                child = self._children.pop(pid)
                child.returncode = code
                child.ended.set()

    def start(self, arguments: list[str], environment: Mapping[str, str], said: Path) -> Child:
        """Start `vitrina` with these arguments, and nothing but this environment."""
        assert self._process.stdin is not None
        told = {"arguments": arguments, "environment": dict(environment), "said": str(said)}
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        self._birth.acquire()
        return self._born.pop()

    def __exit__(self, *_: object) -> None:
        for child in list(self._children.values()):
            child.kill()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


def main() -> None:
    """Fork what each line of stdin describes, and tell of births and deaths."""
    import vitrina

    for module in pkgutil.walk_packages(vitrina.__path__, "vitrina."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in BESIDES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page
    told, tell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(tell)
    lines = sys.stdin.buffer
    buffered = b""
    while True:
        select.select([lines, told], [], [])
        with contextlib.suppress(BlockingIOError):
            os.read(told, 4096)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                print(json.dumps([ended[0], os.waitstatus_to_exitcode(ended[1])]), flush=True)
        if not select.select([lines], [], [], 0)[0]:
            continue
        read = os.read(lines.fileno(), 65_536)
        if not read:
            return
        *whole, buffered = (buffered + read).split(b"\n")
        for line in whole:
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                become(**json.loads(line))
            print(json.dumps([pid, None]), flush=True)


def become(arguments: list[str], environment: dict[str, str], said: str) -> None:
    """Be `vitrina` with these arguments."""
    from vitrina.cli import main as vitrina
    from vitrina.models.openai.settings import OpenAISettings

    os.environ.clear()
    os.environ.update(environment)
    out = os.open(said, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for old, new in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(old, new)
    random.seed()
    if PRICED in environment:
        OpenAISettings.official = property(lambda self: True)  # type: ignore[assignment, method-assign]
    sys.argv = ["vitrina", *arguments]
    vitrina()
    sys.exit()


if __name__ == "__main__":
    main()
