"""What else happens to a catalogue while people search: a shop writes, and somebody curates."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from typing import Any, LiteralString

import psycopg

from bench._catalogue import FASHION
from vitrina.catalog import Catalog
from vitrina.errors import VitrinaError
from vitrina.settings import Settings

TABLE = """
create table public.goods (
    id bigint generated always as identity primary key, sku text not null unique,
    title text not null, price numeric(10, 2) not null, stock int not null, picture text);
"""
INSERT = "insert into public.goods (sku, title, price, stock, picture) values (%s, %s, %s, 7, %s)"
PRICE = "update public.goods set price = round(price * %s::numeric, 2) where id = %s"
MERGEABLE = """
select k.name, k.facet from vitrina.keywords as k
join vitrina.product_keywords as pk on pk.keyword_id = k.id
group by k.id having count(*) between 5 and 500 order by k.id
"""
CURATE_EVERY = 5.0


@dataclass
class Written:
    """What was written, its milliseconds by kind, and errors by kind and reason."""

    times: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    processor: float = 0.0

    def add(self, other: Written) -> None:
        for kind, times in other.times.items():
            self.times.setdefault(kind, []).extend(times)
        self.errors += other.errors
        self.processor += other.processor

    def timed(self, kind: str, statement: Any, *given: Any) -> Any:
        """Do it, and note how long it took or why it failed; what it returned."""
        began = time.perf_counter()
        try:
            done = statement(*given)
        except (psycopg.Error, VitrinaError) as error:
            reason = f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"
            self.errors[kind, reason] += 1
            return None
        self.times.setdefault(kind, []).append((time.perf_counter() - began) * 1000)
        return done


def attach(shop: Catalog, titles: list[str], rows: int) -> None:
    """A shop's own table with so many rows, followed by triggers; its pictures are real ones."""
    with psycopg.connect(shop.database.dsn) as conn:
        conn.execute(TABLE)
        conn.cursor().executemany(INSERT, list(_goods(titles, random.Random(3), 0, rows)))  # noqa: S311
    shop.sources.attach(
        "public.goods", title="title", image="picture", attributes=["price"], sku="sku",
        media_root=str(FASHION / "images"),
    )  # fmt: skip


def _goods(titles: list[str], draw: random.Random, first: int, rows: int) -> Iterator[Any]:
    pictures = sorted(path.name for path in (FASHION / "images").glob("*.jpg"))
    for number in range(first, first + rows):
        words = " ".join(draw.choice(titles).split()[:2] + draw.choice(titles).split()[-3:])
        price = round(draw.lognormvariate(4, 0.8), 2)
        yield f"G-{number}", f"{words} {number}", price, draw.choice(pictures)


@dataclass(frozen=True)
class Shop:
    """How much a shop writes: prices and new rows a second."""

    url: str
    titles: tuple[str, ...]
    prices: float
    news: float

    def write(self, stop: Event) -> Written:
        """Write until told to stop, each row in a transaction of its own, as shops do."""
        written, before, draw = Written(), time.process_time(), random.Random(5)  # noqa: S311
        due, began = 0.0, time.monotonic()
        with psycopg.connect(self.url, autocommit=True) as conn:
            (rows,) = conn.execute("select count(*) from public.goods").fetchone() or (0,)
            fresh = _goods(list(self.titles), draw, rows, 10**9)
            while not stop.wait(max(0.0, began + due - time.monotonic())):
                if draw.random() < self.news / (self.news + self.prices):
                    written.timed("shop: new row", conn.execute, INSERT, next(fresh))
                    rows += 1
                else:
                    change = (draw.choice((0.9, 0.95, 1.05, 1.1)), draw.randint(1, rows))
                    written.timed("shop: price", conn.execute, PRICE, change)
                due += 1 / (self.news + self.prices)
        written.processor = time.process_time() - before
        return written


def curate(url: str, queries: tuple[str, ...], stop: Event) -> Written:
    """Merge keywords and undo it, pin, hide and boost, until told to stop."""
    written, before, draw = Written(), time.process_time(), random.Random(6)  # noqa: S311
    with Catalog(settings=Settings(database_url=url)) as shop:
        while not stop.wait(CURATE_EVERY):
            _merge_and_undo(shop, written, draw)
            query, product = draw.choice(queries), draw.randint(1, 500)
            rule = {"query": query, "action": draw.choice(("pin", "hide")), "product_id": product}
            put = written.timed("curate: rule", shop.rules.put, [rule])
            if put:
                written.timed("curate: remove rule", shop.rules.remove, [one.id for one in put])
    written.processor = time.process_time() - before
    return written


def _merge_and_undo(shop: Catalog, written: Written, draw: random.Random) -> None:
    """Two keywords of a facet become one, and two again."""
    query: LiteralString = MERGEABLE
    keywords = shop.database.rows(query)
    one = draw.choice(keywords)
    others = [row for row in keywords if row["facet"] == one["facet"] and row != one]
    if others:
        into = draw.choice(others)["name"]
        written.timed("curate: merge", shop.keywords.merge, [one["name"]], into)
        written.timed("curate: undo", shop.keywords.undo)
