"""A shop for the tests of trust: a database, an endpoint, `vitrina` processes, and what must hold.

Its key, its password and its token are marked: they may be seen nowhere.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from openai_stub import OpenAIStub, caption_of
from soundness import WRONG
from trust.nursery import Child, Nursery
from waiting import HANG, eventually

KEY = "sk-marked-of-trust-4711-abcdef"
PASSWORD = "marked-of-trust-4712-ghijkl"
TOKEN = "marked-of-trust-4713-mnopqr"
SECRETS = (KEY, PASSWORD, TOKEN)
CONCURRENCY = 4
COLORS = ("Red", "Blue", "Green", "Black", "White", "Brown")
STUFFS = ("oak", "metal", "steel", "glass", "leather", "cotton", "rattan", "felt")
THINGS = ("sofa", "desk", "lamp", "bench", "stool", "shelf", "mirror", "basket")
LEFT: LiteralString = """
select count(*) from vitrina.jobs as j
join vitrina.products as p on p.id = j.product_id
join vitrina.sources as s on s.id = p.source_id
where s.name = 'work'
"""
DUE: LiteralString = f"{LEFT} and j.state <> 'failed'"
STORED = "select count(*) from vitrina.generations where stage <> 'embed'"
# the checks of what a process writes: all but those of the words built in, which take seconds
PARTS = """
select p.proname from pg_proc as p
where p.pronamespace = 'vitrina_internal'::regnamespace and p.proname like 'checked\\_%' and p.pronargs = 0
    and p.proname not in ('checked_words', 'checked_texts')
"""
STATE = """
select p.external_id, p.title, p.caption, p.enriched_at is not null as enriched,
       e.input_hash is not distinct
           from sha256(convert_to(vitrina.embedding_input(p.keywords, p.caption), 'utf8')) as embedded
from vitrina.products as p
join vitrina.sources as s on s.id = p.source_id
left join (vitrina.product_embeddings as e
           join vitrina.spaces as x on x.id = e.space_id and x.modality = 'text' and x.state = 'active')
    on e.product_id = p.id
where s.name = %s
"""


def marked(url: str) -> str:
    """The same address with a password, which a server that trusts everybody does not ask for."""
    return url.replace("postgres@", f"postgres:{PASSWORD}@")


class Shop:
    """The shop: `url` of its database, its `stub`, and the `titles` that its products have by now."""

    def __init__(
        self, url: str, stub: OpenAIStub, nursery: Nursery, draw: random.Random, folder: Path
    ) -> None:
        self.url, self.stub, self.nursery, self.draw = marked(url), stub, nursery, draw
        self.through = ""  # the address for processes, where it is another
        self.titles: dict[str, str] = {}
        self.said = folder / "said.txt"  # by all processes
        self.crashed = 0
        self._served: list[str] = []
        self.environment = {
            "OPENAI_BASE_URL": stub.url,
            "OPENAI_API_KEY": KEY,
            "VITRINA_DIMENSIONS": "64",
            "VITRINA_TOKEN": TOKEN,
        }
        self.ask("select vitrina.put_source('work')")

    def ask(self, query: LiteralString, *params: Any) -> Any:
        """The first value of the first row, however often the database goes away meanwhile."""

        def answer() -> tuple[Any]:
            with (
                suppress(psycopg.OperationalError),
                psycopg.connect(self.url, autocommit=True) as c,
            ):
                row = c.execute(query, params or None).fetchone()
                return (row[0] if row else None,)
            return ()  # type: ignore[return-value]

        return eventually(answer, "the database is not back")[0]

    def title(self) -> str:
        """A title that no product had before."""
        words = (self.draw.choice(each) for each in (COLORS, STUFFS, THINGS))
        return f"{' '.join(words)} {self.draw.randrange(10**9)}"

    def put(self, *names: object) -> None:
        """Give these products new titles: they come in, or change."""
        fresh = {str(name): self.title() for name in names}
        self.titles |= fresh
        rows = [{"external_id": name, "title": title} for name, title in fresh.items()]
        self.ask("select vitrina.put_products('work', %s)", json.dumps(rows))

    def change(self, many: int = 3) -> None:
        """Give some products new titles."""
        self.put(*self.draw.sample(sorted(self.titles), min(many, len(self.titles))))

    @property
    def asked(self) -> int:
        """Chat requests that arrived whole."""
        return sum(request.body is not None for request in self.stub.requests("chat"))

    def start(self, *arguments: str, **environment: str) -> Child:
        """Start `vitrina` with these arguments; all that it says is kept."""
        given = {**os.environ, **self.environment, **environment}
        return self.nursery.start(
            ["--database-url", self.through or self.url, *arguments], given, self.said
        )

    def work(self, *options: str, **environment: str) -> Child:
        """Start a worker."""
        return self.start("work", "--concurrency", str(CONCURRENCY), *options, **environment)

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,), **environment: str) -> int:
        """Run `vitrina` to its end; an exit code that is none of these counts as a crash."""
        code = self.start(*arguments, **environment).wait(HANG)
        if code not in codes:
            print(f"{arguments} ended with {code}: {self.tail()}")
            self.crashed += 1
        return code

    def serve(self, *options: str) -> Child:
        """Start the page on a free port; see `address`."""
        self._served = self._addresses()
        return self.start("serve", "--port", "0", *options)

    def address(self, process: Child) -> str:
        """Where the page that was started last listens, once it says so."""

        def said() -> str | None:
            assert process.poll() is None, self.tail()
            fresh = self._addresses()[len(self._served) :]
            return fresh[0] if fresh else None

        return str(eventually(said))

    def _addresses(self) -> list[str]:
        said = self.said.read_text("utf-8", "replace") if self.said.exists() else ""
        return re.findall(r"vitrina serves (http[^\s,]+)[^\n]*\n", said)

    def end(self, process: Child, codes: tuple[int, ...] = (0,)) -> None:
        """Have a process end in an orderly way; another end counts as a crash."""
        process.send_signal(signal.SIGTERM)
        code = process.wait(HANG)
        if code not in codes:
            print(f"a process ended with {code}: {self.tail()}")
            self.crashed += 1

    def settle(self) -> None:
        """Wait until no job is left; what was set aside for dying too often is tried again."""

        def done() -> bool:
            if self.ask(LEFT) and not self.ask(DUE):
                self.ask("select vitrina.retry_jobs()")
            return self.ask(LEFT) == 0

        eventually(done, lambda: f"jobs are left: {self.tail()}")

    def retry(self, *arguments: str) -> None:
        """Run `vitrina` with these arguments until no job is left."""
        while self.ask(LEFT):
            self.ask("select vitrina.retry_jobs()")
            self.run(*arguments)

    def tail(self) -> str:
        """The last of what processes said."""
        return self.said.read_text("utf-8", "replace")[-2000:]

    def unsound(self, *, whole: bool = False) -> int:
        """How many rows break an invariant: of `vitrina.check()`, or of its quick parts."""
        with psycopg.connect(self.url) as conn:
            queries = [sql.SQL(WRONG)]
            if not whole:
                parts = [name for (name,) in conn.execute(PARTS).fetchall()]
                assert len(parts) > 8, parts
                queries = [
                    sql.SQL("select c.* from vitrina_internal.{}() as c where c.wrong > 0").format(
                        sql.Identifier(name)
                    )
                    for name in parts
                ]
            found = [row for query in queries for row in conn.execute(query).fetchall()]
        for row in found:
            print(f"not sound: {row}")
        return len(found)

    def products(self, source: str = "work") -> dict[str, int]:
        """Of the products of a source whose titles are known: lost, doubled, stale."""
        with psycopg.connect(self.url) as conn:
            rows = conn.execute(STATE, [source]).fetchall()
        names = [row[0] for row in rows]
        stale = [
            row
            for row in rows
            if row[1] != self.titles.get(row[0]) or row[2] != caption_of(row[1]) or not row[4]
        ]
        for row in stale:
            print(f"stale: {row}, its title is {self.titles.get(row[0])}")
        return {
            "lost": len(set(self.titles) - set(names)) + sum(not row[3] for row in rows),
            "doubled": len(names) - len(set(names)),
            "stale": len(stale),
        }

    def answers(self) -> tuple[int, int]:
        """How many answers are stored, and how many of them a second time for the same input."""
        with psycopg.connect(self.url) as conn:
            row = conn.execute(
                "select count(*), count(*) - count(distinct (g.stage, g.input_hash, g.model, g.prompt_version))"
                " from vitrina.generations as g where g.stage <> 'embed'"
            ).fetchone()
        assert row is not None
        return row[0], row[1]

    def leaks(self, *logs: Path) -> int:
        """In how many places a secret or a traceback stands: what was said, logs, all tables."""
        found = []
        for path in (self.said, *logs):
            text = path.read_text("utf-8", "replace") if path.exists() else ""
            found += [f"{path.name}: {word}" for word in (*SECRETS, "Traceback") if word in text]
        with psycopg.connect(self.url) as conn:
            tables = conn.execute(
                "select c.relname from pg_class as c where c.relnamespace = 'vitrina'::regnamespace"
                " and c.relkind = 'r' and c.relname not in ('word_pieces')"
            ).fetchall()
            for (name,) in tables:
                query = sql.SQL("select count(*) from vitrina.{} as t where t::text ~ %s")
                row = conn.execute(
                    query.format(sql.Identifier(name)), ["|".join(SECRETS)]
                ).fetchone()
                found += [f"table {name}"] if row != (0,) else []
        for place in found:
            print(f"leaked: {place}")
        return len(found)


def reached(process: Child, there: Callable[[], bool]) -> bool:
    """Wait for a moment; whether the process still runs then."""
    deadline = time.monotonic() + HANG
    while process.poll() is None:
        if there():
            return True
        assert time.monotonic() < deadline, "the moment never came"
        time.sleep(0.003)
    return False


@contextmanager
def running(*processes: Child) -> Iterator[list[Child]]:
    """A list of processes, which may change; none of them is left at the end."""
    every = list(processes)
    try:
        yield every
    finally:
        for process in every:
            process.kill()  # also one that is paused
            process.wait()


@contextmanager
def shop_at(
    url: str, nursery: Nursery, draw: random.Random, folder: Path, chat: float = 0.02
) -> Iterator[Shop]:
    """A shop in this database, with an endpoint that asks for its key; `chat` is its latency."""
    with OpenAIStub(key=KEY, dimensions=64, latency={"chat": chat}) as stub:
        yield Shop(url, stub, nursery, draw, folder)
