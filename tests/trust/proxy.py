"""A small TCP proxy before Postgres, which cuts connections off at moments of its own."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

PART = 65_536
# how a connection ends: before a request is passed on, or after it was, without its answer; `commit`: the
# same of a commit, so that a client cannot tell whether it was done
KINDS = ("before", "after", "commit", "commit")


class Proxy:
    """The proxy of a server behind a Unix socket; `cuts` counts, by kind, what it did.

    From `begin` to `end` each connection is cut after some requests, at most `most` in all.
    """

    def __init__(self, url: str, draw: random.Random) -> None:
        (folder,) = parse_qs(urlsplit(url).query)["host"]
        self._server = str(Path(folder) / ".s.PGSQL.5432")
        self._draw = draw
        self._most = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._open: set[socket.socket] = set()
        self.cuts: dict[str, int] = dict.fromkeys(KINDS, 0)

    def url(self, url: str) -> str:
        """This address by way of the proxy."""
        port = self._listener.getsockname()[1]
        parts = urlsplit(url)
        user = parts.netloc.partition("@")[0]
        return f"{parts.scheme}://{user}@127.0.0.1:{port}{parts.path}?sslmode=disable&gssencmode=disable"

    @property
    def total(self) -> int:
        """How many connections were cut."""
        return sum(self.cuts.values())

    def begin(self, most: int) -> None:
        """Cut connections, until there were so many."""
        with self._lock:
            self._most = self.total + most

    @property
    def ended(self) -> bool:
        """Whether all that was asked for was cut."""
        with self._lock:
            return self.total >= self._most

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            still = list(self._open)
        for one in still:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._server)
            except OSError:
                client.close()
                server.close()
                continue
            with self._lock:
                self._open |= {client, server}
                kind, left = self._draw.choice(KINDS), self._draw.randint(1, 60)
            thread = threading.Thread(target=self._serve, args=(client, server, kind, left))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket, server: socket.socket, kind: str, left: int) -> None:
        """Pass on one connection's parts, and cut it after `left` of its requests."""
        back = threading.Thread(target=_pass_on, args=(server, client))
        back.start()
        with contextlib.suppress(OSError):
            while part := client.recv(PART):
                left -= 1
                if left < 0 and (kind != "commit" or b"COMMIT" in part) and self._may(kind):
                    client.shutdown(socket.SHUT_RDWR)
                    if kind != "before":
                        server.sendall(part)  # and then its end: it does what it was told
                    break
                server.sendall(part)
        for one in (client, server):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR if one is client else socket.SHUT_WR)
        back.join()
        client.close()
        server.close()
        with self._lock:
            self._open -= {client, server}

    def _may(self, kind: str) -> bool:
        with self._lock:
            if self.total >= self._most:
                return False
            self.cuts[kind] += 1
            return True


def _pass_on(here: socket.socket, there: socket.socket) -> None:
    """Pass on what comes until one side ends."""
    with contextlib.suppress(OSError):
        while part := here.recv(PART):
            with contextlib.suppress(OSError):  # who is cut off misses it
                there.sendall(part)
    with contextlib.suppress(OSError):
        there.shutdown(socket.SHUT_RDWR)
