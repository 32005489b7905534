"""What this server has answered since it began: how much, how fast, and how it ended."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from starlette.types import Message, Scope, Send

from vitrina.web.exposition import Family, Histogram

# what is asked, by its path: all else is "page"
KINDS = {
    "/": "search",
    "/part/search": "search",
    "/api/search": "search",
    "/part/facets": "facets",
    "/api/facets": "facets",
    "/api/count": "count",
    "/api/suggest": "suggest",
    "/api/recommend": "recommend",
    "/api/explain": "explain",
    "/explain": "explain",
    "/mcp": "tool",
}
BEGINNINGS = {"/api/similar/": "similar", "/api/product": "product", "/product/": "product"}


@dataclass
class Meter:
    """Counts the answers of one server; its places in the event loop only, all else anywhere."""

    running: int = 0
    waiting: int = 0
    refused: int = 0
    began: float = field(default_factory=time.time)
    _answers: dict[tuple[str, str], Histogram] = field(default_factory=dict)
    _found: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def found(self, products: int) -> None:
        """Count a search of a whole query by whether it found anything."""
        with self._lock:
            self._found["products" if products else "nothing"] += 1

    def timed(self, scope: Scope, send: Send) -> tuple[Send, Timing]:
        """A `send` that notes the answer's status, and what is ended with the answer."""
        timing = Timing(self, kind_of(scope["path"]))

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                timing.status = message["status"]
            await send(message)

        return noting, timing

    def ended(self, kind: str, outcome: str, seconds: float) -> None:
        """Count an answer."""
        with self._lock:
            self._answers.setdefault((kind, outcome), Histogram()).add(seconds)

    def families(self) -> list[Family]:
        """All of this as metrics."""
        with self._lock:
            answers = [
                ({"kind": kind, "outcome": outcome}, Histogram([*each.counts], each.total))
                for (kind, outcome), each in sorted(self._answers.items())
            ]
            found = [({"found": what}, self._found[what]) for what in ("products", "nothing")]
        return [
            Family(
                "answer_seconds", "histogram",
                "Answers by what was asked and how it ended, with the wait for a place.", answers,
            ),
            Family(
                "searches_total", "counter",
                "Searches of whole queries by whether they found anything.", found,
            ),
            Family("gate_running", "gauge", "Answers under way.", [({}, self.running)]),
            Family("gate_waiting", "gauge", "Requests waiting for a place.", [({}, self.waiting)]),
            Family(
                "gate_refused_total", "counter",
                "Requests told to come again, as no place was free.", [({}, self.refused)],
            ),
            Family("start_time_seconds", "gauge", "When this server began.", [({}, self.began)]),
        ]  # fmt: skip


class Timing:
    """One answer under way."""

    def __init__(self, meter: Meter, kind: str) -> None:
        self._meter, self._kind = meter, kind
        self._began = time.monotonic()
        self.status: int | None = None

    def end(self, *, refused: bool = False) -> None:
        """Count it. Without a status the client has gone."""
        outcome = "busy" if refused else outcome_of(self.status)
        self._meter.ended(self._kind, outcome, time.monotonic() - self._began)


def kind_of(path: str) -> str:
    """What is asked at a path: one of a few words."""
    for beginning, kind in BEGINNINGS.items():
        if path.startswith(beginning):
            return kind
    return KINDS.get(path, "page")


def outcome_of(status: int | None) -> str:
    """How an answer ended: ok, invalid (4xx), unavailable (503), failed (5xx), or gone."""
    if status is None:
        return "gone"
    if status == 503:
        return "unavailable"
    return "ok" if status < 400 else "invalid" if status < 500 else "failed"
