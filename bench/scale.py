"""One million products beside a thousand, ten thousand and a hundred thousand, in one run.

`python -m bench scale --keep DIR` makes what DIR lacks and measures what it has; without it all but
the million is made in a temporary folder. `--rows 1000 10000` for a quick look, `--updates` writes
too, `--docs` puts the table into docs/scale.md, `--check` runs `vitrina.check()` on the smallest.
Products are made around real ones (bench/_million.py), searched by the queries of
bench/relevance.py. Each query goes to all sizes in turn, so that ratios hold on a busy machine.
Recall is of the ten nearest, against numpy. The server has the settings of docs/operations.md; the
one that is filled has no fsync.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

from bench import _million
from bench._catalogue import ingest
from bench._recall import BY_VECTOR, nearest, recalled
from bench._written import added, repriced
from bench.search import literal, typed_queries, unit
from vitrina import embedded
from vitrina.catalog import Catalog
from vitrina.db import schema
from vitrina.settings import Settings

ROWS = [1_000, 10_000, 100_000, 1_000_000]
DOCS = Path(__file__).parents[1] / "docs" / "scale.md"
BEGIN, END = "<!-- made by bench/scale.py -->", "<!-- end -->"
SERVER = {
    "shared_buffers": "4GB", "work_mem": "16MB", "random_page_cost": "1.1", "jit": "off",
    "max_wal_size": "8GB", "autovacuum": "off",
}  # fmt: skip
FILLING = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
FILTERS = {
    "no filter": "{}",
    "1 % of all kinds": '{"hundredth": true}',
    "10 % of all kinds": '{"tenth": true}',
    "50 % of all kinds": '{"half": true}',
    "sarees, 1 %": '{"subCategory": "Saree"}',
    "casual shoes, 7 %": '{"articleType": "Casual Shoes"}',
    "apparel, 43 %": '{"masterCategory": "Apparel"}',
}
CLUSTERED = ("sarees, 1 %", "casual shoes, 7 %", "apparel, 43 %")
SEARCH = "select * from vitrina.search(%(q)s"
WORDS = {
    "search, words and vectors": f"{SEARCH})",
    "search, words alone": f"{SEARCH}, mode => 'text')",
    "search, 1 % of the catalogue": f"{SEARCH}, filter => '{{\"hundredth\": true}}')",
    "search, 10 % of it": f"{SEARCH}, filter => '{{\"tenth\": true}}')",
    "search, apparel, 43 % of it": f'{SEARCH}, filter => \'{{"masterCategory": "Apparel"}}\')',
    "search, one of ten sources": f"{SEARCH}, sources => '{{many-0}}')",
    "suggest": "select * from vitrina.suggest(left(%(q)s, 3))",
    "similar products": "select * from vitrina.similar_products(1 + (hashtext(%(q)s) & 511)::int8)",
    "count": "select vitrina.count_matches(%(q)s)",
    "facets of keywords": "select * from vitrina.facets(%(q)s, attributes => '{}')",
    "facets, no query": "select * from vitrina.facets(attributes => '{}')",
}
BUSY = ("count", "facets of keywords", "facets, no query")  # fewer queries: each reads all answers


@dataclass
class Size:
    """A catalogue of a size, and what was measured of it, by name."""

    rows: int
    conn: psycopg.Connection
    figures: dict[str, str] = field(default_factory=dict)
    medians: dict[str, float] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench scale")
    parser.add_argument("--rows", type=int, nargs="+")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--updates", action="store_true", help="also add products, change prices")
    given = parser.parse_known_args()[0]
    all_rows = given.rows or (ROWS if given.keep else ROWS[:-1])
    with server(given.keep) as home:
        for rows in all_rows:
            made(home, rows)
        with contextlib.ExitStack() as stack:
            sizes = [Size(rows, stack.enter_context(connected(home, rows))) for rows in all_rows]
            if given.check:
                checked(sizes[0])
            table = measured(home, sizes, given.queries, updates=given.updates)
    print(table)
    if given.docs:
        page = DOCS.read_text("utf-8")
        before, _, rest = page.partition(BEGIN)
        DOCS.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}", "utf-8")


# --- made ------------------------------------------------------------------------------------


@contextlib.contextmanager
def server(keep: Path | None) -> Iterator[Path]:
    """A folder whose server does not run yet; without `keep` it is removed at the end."""
    home = keep or Path(tempfile.mkdtemp(prefix="vb-", dir="/var/tmp"))
    home.mkdir(exist_ok=True)
    home.chmod(0o755)
    embedded.stop(home)
    try:
        yield home
    finally:
        embedded.stop(home)
        if keep is None:
            shutil.rmtree(home)


def address(home: Path, database: str | int) -> str:
    """The address of a database of the running server."""
    url = embedded.start(home, options=SERVER).url()
    name = database if isinstance(database, str) else f"scale_{database}"
    return url.replace("/vitrina?", f"/{name}?")


def made(home: Path, rows: int) -> None:
    """A database of so many products, unless the folder has it, with the index of its vectors."""
    with psycopg.connect(address(home, "vitrina"), autocommit=True) as conn:
        if conn.execute(
            "select true from pg_database where datname = %s", (f"scale_{rows}",)
        ).fetchone():
            schema.upgrade(address(home, rows))  # to the functions of now
            return
    embedded.stop(home)
    url = embedded.start(home, options=SERVER | FILLING).url()
    schema.upgrade(url)
    with Catalog(settings=Settings(database_url=url)) as shop:
        if not shop.database.value("select count(*) from vitrina.products"):
            ingest(shop)
    part = sql.Identifier(f"part_{rows}")
    with psycopg.connect(url.replace("/vitrina?", "/postgres?"), autocommit=True) as conn:
        conn.execute(sql.SQL("drop database if exists {}").format(part))
        conn.execute(sql.SQL("create database {} template vitrina").format(part))
        filling = url.replace("/vitrina?", f"/part_{rows}?")
        began = time.monotonic()
        _million.fill(filling, rows)
        print(f"  {rows:,} products filled in {time.monotonic() - began:.0f} s")
        began = time.monotonic()
        indexed(filling)
        took = f"index in {time.monotonic() - began:.0f} s"
        conn.execute(sql.SQL("comment on database {} is {}").format(part, sql.Literal(took)))
        conn.execute("checkpoint")
        conn.execute(
            sql.SQL("alter database {} rename to {}").format(part, sql.Identifier(f"scale_{rows}"))
        )
    embedded.stop(home)


def indexed(url: str) -> None:
    """Build the index of the text space, as vitrina does, where it pays."""
    with psycopg.connect(url, autocommit=True) as conn:
        for _, _, memory, statement in conn.execute(
            "select * from vitrina.index_statements('local-text', most_memory => 3000000)"
        ).fetchall():
            conn.execute(
                "select set_config('maintenance_work_mem', %s || 'kB', false)", (str(memory),)
            )
            conn.execute(statement)
        conn.execute("vacuum analyze")


@contextlib.contextmanager
def connected(home: Path, rows: int) -> Iterator[psycopg.Connection]:
    with psycopg.connect(address(home, rows), autocommit=True, prepare_threshold=None) as conn:
        yield conn


def checked(size: Size) -> None:
    """Fail unless `vitrina.check()` finds nothing wrong."""
    rows = size.conn.execute('select "check", looked, wrong from vitrina."check"()').fetchall()
    wrong = [row for row in rows if row[2]]
    print(f"  vitrina.check() of {size.rows:,} products: {len(rows)} checks, wrong: {wrong or 0}")
    if wrong:
        raise SystemExit(1)


# --- measured --------------------------------------------------------------------------------


def measured(home: Path, sizes: list[Size], count: int, *, updates: bool) -> str:
    """The table, as Markdown."""
    for size in sizes:
        occupied(size)
    queries = typed_queries()[:count]
    for name, statement in WORDS.items():
        asked = [{"q": query} for query in queries[:: 5 if name in BUSY else 1]]
        timed(sizes, name, statement, asked)
        if name.startswith("facets"):
            estimated(sizes, name, statement, asked[:10])
    by_vector(sizes, queries)
    for size in sizes:
        size.figures["memory of a session after that"] = memory(size.conn)
    if updates:
        written(home, sizes)
    return markdown(sizes)


def written(home: Path, sizes: list[Size]) -> None:
    """Products added to each size, then prices changed."""
    for size in sizes:
        rate, each = added(size.conn, address(home, size.rows))
        size.figures["products added a second"] = f"{rate:.0f}"
        name = "processor a product added"
        size.figures[name], size.medians[name] = f"{each:.1f} ms", each
        print(f"  added to {size.rows:,}: {rate:.0f} a second, {each:.1f} ms of processor each")
    for size in sizes:
        name, (each, grown, vacuum) = "processor a price changed", repriced(size.conn)
        size.figures[name], size.medians[name] = f"{each:.2f} ms", each
        size.figures["products' table, a tenth of the prices changed"] = f"{grown:+.0%}"
        size.figures["vacuum after that"] = f"{vacuum:.1f} s"


def markdown(sizes: list[Size]) -> str:
    last, before = sizes[-1], sizes[-2] if len(sizes) > 1 else sizes[-1]
    heads = [f"{size.rows:,}" for size in sizes]
    lines = [
        f"| products | {' | '.join(heads)} | {heads[-1]} to {before.rows:,} |",
        "| --- |" + " ---: |" * (len(sizes) + 1),
    ]
    for name in last.figures:
        ratio = f"{last.medians[name] / before.medians[name]:.1f} x" if name in last.medians else ""
        cells = [size.figures.get(name, "") for size in sizes]
        lines.append(f"| {name} | {' | '.join(cells)} | {ratio} |")
    load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"
    return "\n".join([*lines, "", f"Times in ms, p50 / p95 / p99. {load}."])


def occupied(size: Size) -> None:
    """What the catalogue takes on the disk, and what its index took to build."""
    row = size.conn.execute(
        "select pg_database_size(current_database()),"
        " pg_total_relation_size('vitrina.product_text'),"
        " coalesce(sum(pg_table_size(i.inhrelid)), 0)::bigint,"
        " coalesce(sum(pg_indexes_size(i.inhrelid)), 0)::bigint,"
        " (select shobj_description(d.oid, 'pg_database') from pg_database as d"
        "  where d.datname = current_database())"
        " from pg_inherits as i where i.inhparent = 'vitrina.product_embeddings'::regclass"
    ).fetchone()
    assert row
    names = ("database", "full text", "vectors", "indexes of vectors")
    for name, value in zip(names, row[:4], strict=True):
        size.figures[name] = f"{value / 1e6:,.0f} MB"
    size.figures["time of the index of vectors"] = (row[4] or "").removeprefix("index in ")


def timed(sizes: list[Size], name: str, statement: str, asked: list[dict[str, Any]]) -> None:
    """Each question to all sizes in turn; twice, the first time to warm up."""
    times: dict[int, list[float]] = {}
    for _ in range(2):
        times = {size.rows: [] for size in sizes}
        for each in asked:
            for size in sizes:
                began = time.perf_counter()
                size.conn.execute(statement, each).fetchall()
                times[size.rows].append((time.perf_counter() - began) * 1000)
    for size in sizes:
        p50, p95, p99 = np.percentile(times[size.rows], (50, 95, 99))
        size.figures[name] = f"{p50:.1f} / {p95:.0f} / {p99:.0f}"
        size.medians[name] = p50
    print(f"  {name:<34}", "   ".join(size.figures[name] for size in sizes), flush=True)


def estimated(sizes: list[Size], name: str, statement: str, asked: list[dict[str, Any]]) -> None:
    """Says of how many of these questions the counts are estimates."""
    for size in sizes:
        count = 0
        for each in asked:
            rows = size.conn.execute(statement, each).fetchall()
            count += any(row[-1] for row in rows)  # the column `estimated`
        size.figures[name] += f", {count} of {len(asked)} estimated"


def by_vector(sizes: list[Size], typed: list[str]) -> None:
    """Vectors alone, without and with filters that are near to the query or far: recall too."""
    statement = "select t.embedding::real[] from vitrina.embed_texts(%s) as t order by t.ordinal"
    rows = sizes[0].conn.execute(statement, (typed,)).fetchall()
    queries = unit(np.array([row[0] for row in rows], np.float32))
    exact = {size.rows: nearest(size.conn, queries, [*FILTERS.values()]) for size in sizes}
    for name, given in FILTERS.items():
        near = exact[sizes[-1].rows].passing[given]
        kinds = {"": list(range(len(queries)))}
        if name in CLUSTERED:
            kinds = {
                ", near": [place for place in kinds[""] if near[place] >= 50],
                ", far": [place for place in kinds[""] if not near[place]],
            }
        for kind, chosen in kinds.items():
            if chosen:
                label = f"vector, {name}{kind}"
                asked = [{"q": literal(queries[place]), "f": given} for place in chosen]
                timed(sizes, label, BY_VECTOR, asked)
                for size in sizes:
                    found = recalled(size.conn, queries, chosen, given, exact[size.rows])
                    size.figures[label] += f", recall {found:.3f}"


def memory(conn: psycopg.Connection) -> str:
    """What the session has of its own."""
    status = Path(f"/proc/{conn.info.backend_pid}/status").read_text("utf-8")
    said = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return f"{int(said['RssAnon'].split()[0]) / 1000:.0f} MB"


if __name__ == "__main__":
    main()
