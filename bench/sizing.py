"""What catalogues of several sizes take: space, time of the index, memory, searches.

`python -m bench.sizing --rows 1000 10000 --markdown` prints the table of docs/operations.md.
Products are made around those of the demo, as bench/_catalogue.py does. Each size has a database of
its own. Times are of searches one after the other, on this machine and under its load, which is
printed too: ratios between sizes hold better than figures.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

from bench._catalogue import multiply
from bench.setup import catalog
from vitrina.catalog import Catalog
from vitrina.cli.demo import SOURCE, folder
from vitrina.files import FileOptions, Mapping

QUERIES = (
    "grey sofa", "red dress", "running shoes", "something to sit on", "lamp under 100",
    "black leather bag", "wireless headphones", "oak table", "gift for kids", "blue",
)  # fmt: skip
ROUNDS = 3
SIZES: dict[str, LiteralString] = {
    "database": "select pg_database_size(current_database())",
    "vectors and their index": "select coalesce(sum(pg_total_relation_size(i.inhrelid)), 0)::bigint"
    " from pg_inherits as i where i.inhparent = 'vitrina.product_embeddings'::regclass",
    "full text": "select pg_total_relation_size('vitrina.product_text')",
}


@dataclass(frozen=True)
class Row:
    """A size, and what it takes."""

    products: int
    figures: dict[str, str]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args(arguments or [])
    rows = [measured(each) for each in given.rows]
    names = list(rows[0].figures)
    if given.markdown:
        print("| | " + " | ".join(f"{row.products:,} products" for row in rows) + " |")
        print("| --- |" + " ---: |" * len(rows))
        for name in names:
            print(f"| {name} | " + " | ".join(row.figures[name] for row in rows) + " |")
    else:
        for row in rows:
            print(f"  {row.products:,} products")
            for name, figure in row.figures.items():
                print(f"    {name:32} {figure}")
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def measured(products: int) -> Row:
    """The figures of one size."""
    with catalog() as shop:
        shop.ingest(
            folder() / "products.csv",
            source=SOURCE,
            options=FileOptions(Mapping(image_root=folder())),
        )
        began = time.monotonic()
        multiply(shop, products)
        filled = time.monotonic() - began
        session = shop.database.session()
        session.run("analyze")  # as autovacuum does soon after
        session.close()
        figures = {}
        figures["time to load them, with vectors"] = f"{filled:.0f} s"
        figures["time of the index of vectors"] = _index(shop)
        for name, statement in SIZES.items():
            figures[name] = f"{shop.database.value(statement) / 1e6:,.0f} MB"
        for name, ask in _ways(shop):
            figures[f"{name}, p50 / p95"] = _milliseconds(ask)
        figures["memory of a session after that"] = _memory(shop)
        return Row(int(shop.database.value("select count(*) from vitrina.products")), figures)


def _index(shop: Catalog) -> str:
    """To build the index of the text space, where it pays."""
    began = time.monotonic()
    made = shop.database.value("select vitrina.index_spaces()")
    return f"{time.monotonic() - began:.0f} s" if made else "none: searched exactly"


def _ways(shop: Catalog) -> Iterator[tuple[str, Callable[[str], Any]]]:
    yield "search, hybrid", lambda query: shop.search(query, log=False)
    yield "search, words only", lambda query: shop.search(query, mode="text", log=False)
    yield "search, filtered by price", lambda query: shop.search(query, price_max=50, log=False)
    yield "facets", shop.facets
    yield "count", shop.count_matches
    yield "suggest", lambda query: shop.suggest(query[:3])
    yield "similar products", lambda query: shop.similar(1 + len(query))


def _milliseconds(ask: Callable[[str], Any]) -> str:
    taken = []
    for number in range(ROUNDS + 1):
        for query in QUERIES:
            began = time.perf_counter()
            ask(query)
            if number:  # the first round warms up
                taken.append((time.perf_counter() - began) * 1000)
    return f"{statistics.median(taken):.0f} / {statistics.quantiles(taken, n=20)[-1]:.0f} ms"


def _memory(shop: Catalog) -> str:
    """What one session has of its own, after searching."""
    with shop.database.transaction() as conn:
        for query in QUERIES:
            conn.execute("select from vitrina.search(%s)", (query,)).fetchall()
        status = Path(f"/proc/{conn.info.backend_pid}/status")
        if not status.is_file():
            return "unknown"
        said = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return f"{int(said['RssAnon'].split()[0]) / 1000:.0f} MB"


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
