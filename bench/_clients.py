"""People who search: each kind of question, asked in turn, or whenever somebody happens to come."""

from __future__ import annotations

import contextlib
import heapq
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psycopg
import requests

APPLICATION = "load"  # by which sessions of clients are told from those of vitrina
PAGE = 24
# how often each is asked: people type, so a search comes with completions, and fewer choose or page
SHARES = {
    "search": 30, "search, filtered": 15, "facets": 5, "suggest": 20, "similar": 10,
    "serve: search": 10, "serve: suggest": 5, "serve: page": 5,
}  # fmt: skip
FILTERS = (
    """select * from vitrina.search(%(q)s, k => 24, where_path => '$.price < 60')""",
    """select * from vitrina.search(%(q)s, k => 24, filter => '{"half": true}')""",
    """select * from vitrina.search(%(q)s, k => 24, any_keywords => '{"color": ["black"]}')""",
    """select * from vitrina.search(%(q)s, k => 24, filter => '{"twentieth": true}')""",
)


@dataclass(frozen=True)
class Plan:
    """What the clients of one process do.

    Args:
        url: the database.
        base: the address of `vitrina serve`.
        queries: what is searched for.
        products: ids of products are 1 to this.
        clients: threads.
        seconds: how long.
        rate: questions a second of this process, arriving by chance; None: each client asks
            again as soon as it has its answer.
        only: this kind alone.
        least: how many questions each client asks, however long they take.
    """

    url: str
    base: str
    queries: tuple[str, ...]
    products: int
    clients: int
    seconds: float
    seed: int
    rate: float | None = None
    only: str | None = None
    least: int = 0


@dataclass
class Said:
    """What the clients saw: milliseconds by kind, errors by kind and reason, their processor."""

    times: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in SHARES})
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    processor: float = 0.0
    seconds: float = 0.0

    def add(self, other: Said) -> None:
        for kind, times in other.times.items():
            self.times[kind] += times
        self.errors += other.errors
        self.processor += other.processor
        self.seconds = max(self.seconds, other.seconds)

    @property
    def answers(self) -> int:
        return sum(len(times) for times in self.times.values())

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


class Client:
    """One connection to the database and one to the server, and somebody who asks."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self.plan, self.draw = plan, random.Random(seed)  # noqa: S311
        self.conn = psycopg.connect(
            plan.url, autocommit=True, prepare_threshold=None, application_name=APPLICATION
        )
        self.http = requests.Session()
        self.http.trust_env = False
        self.said = Said()

    def close(self) -> None:
        self.conn.close()
        self.http.close()

    def ask(self, since: float | None = None) -> None:
        """One question; the time counts from `since` (perf_counter), if it had to wait."""
        kind = self.plan.only or self.draw.choices(list(SHARES), list(SHARES.values()))[0]
        began = time.perf_counter() if since is None else since
        try:
            self._question(kind)
        except (psycopg.Error, requests.RequestException) as error:
            reason = f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"
            self.said.errors[kind, reason] += 1
        else:
            self.said.times[kind].append((time.perf_counter() - began) * 1000)

    def _question(self, kind: str) -> None:
        query = self.draw.choice(self.plan.queries)
        match kind:
            case "search":
                self._sql("select * from vitrina.search(%(q)s, k => 24)", query)
            case "search, filtered":
                self._sql(self.draw.choice(FILTERS), query)
            case "facets":
                self._sql("select * from vitrina.facets(%(q)s)", query)
            case "suggest":
                self._sql("select * from vitrina.suggest(%(q)s)", self._typed(query))
            case "similar":
                product = self.draw.randint(1, self.plan.products)
                self._sql("select * from vitrina.similar_products(%(q)s::bigint)", product)
            case "serve: search":
                self._get("/api/search", q=query, n=PAGE)
            case "serve: suggest":
                self._get("/api/suggest", q=self._typed(query))
            case _:
                self._get("/part/search", q=query)

    def _typed(self, query: str) -> str:
        return query[: self.draw.randint(1, 8)].strip() or "a"

    def _sql(self, statement: str, value: object) -> None:
        self.conn.execute(statement, {"q": value}).fetchall()  # type: ignore[call-overload]

    def _get(self, path: str, **params: object) -> None:
        self.http.get(self.plan.base + path, params=params, timeout=60).raise_for_status()  # type: ignore[arg-type]


def ask(plan: Plan) -> Said:
    """Run the clients of one process to the end of their plan; what they saw."""
    work = _in_turn if plan.rate is None else _by_chance
    before = time.process_time()
    with _clients(plan) as clients:
        began = time.perf_counter()
        work(plan, clients)
        said = Said(seconds=time.perf_counter() - began)
    for client in clients:
        said.add(client.said)
    said.processor = time.process_time() - before
    return said


@contextlib.contextmanager
def _clients(plan: Plan) -> Iterator[list[Client]]:
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(contextlib.closing(Client(plan, plan.seed * 1000 + number)))
            for number in range(plan.clients)
        ]


def _threads(clients: list[Client], each: Callable[[Client], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=each, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    return threads


def _in_turn(plan: Plan, clients: list[Client]) -> None:
    until = time.perf_counter() + plan.seconds

    def away(client: Client) -> None:
        while time.perf_counter() < until or client.said.answers < plan.least:
            client.ask()

    for thread in _threads(clients, away):
        thread.join()


def _by_chance(plan: Plan, clients: list[Client]) -> None:
    """Arrivals that wait for nobody: who finds all clients busy waits, and that counts."""
    assert plan.rate
    draw = random.Random(plan.seed)  # noqa: S311
    arrived: queue.SimpleQueue[float | None] = queue.SimpleQueue()

    def serve(client: Client) -> None:
        while (since := arrived.get()) is not None:
            client.ask(since)

    threads = _threads(clients, serve)
    began = due = time.perf_counter()
    while (due := due + draw.expovariate(plan.rate)) < began + plan.seconds:
        time.sleep(max(0.0, due - time.perf_counter()))
        arrived.put(due)
    for _ in threads:
        arrived.put(None)
    for thread in threads:
        thread.join()


def slowest(times: list[float], share: float) -> float:
    """The quantile of so many milliseconds: the least that `share` of them do not exceed."""
    rest = max(1, round(len(times) * (1 - share)))
    return heapq.nlargest(rest, times)[-1]
