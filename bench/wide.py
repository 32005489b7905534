"""A hundred thousand products in spaces of 256 and of 3,072 dimensions, and quantised ones.

`python -m bench wide --keep DIR` takes the products that `python -m bench scale --keep DIR` made;
`--docs` puts the table into docs/scale.md. The 256 dimensions are those of the local space; the
3,072 are these, turned at random, with noise (see bench/search.py). Each space in turn is the
active one. Recall is of the ten nearest, against numpy.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from bench._recall import Array
from bench.scale import BEGIN, DOCS, END, FILTERS, address, made, server
from bench.search import BY_VECTOR, WIDE, literal, typed_queries, unit, vectors_of

ROWS, SMALL = 100_000, "local-text"
SPACES = {SMALL: "256", "bench-wide": "3,072", "bench-bits": "3,072, quantised"}
ASKED = ("no filter", "50 % of all kinds", "1 % of all kinds")
HERE = BEGIN.replace("scale.py", "wide.py")


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench wide")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--docs", action="store_true")
    given = parser.parse_known_args()[0]
    with server(given.keep) as home:
        made(home, given.rows)
        copy = "scale_wide"
        with psycopg.connect(address(home, "postgres"), autocommit=True) as conn:
            conn.execute(f"drop database if exists {copy}")
            conn.execute(f"create database {copy} template scale_{given.rows}")
        with psycopg.connect(address(home, copy), autocommit=True) as conn:
            table = measured(conn, given.queries)
        with psycopg.connect(address(home, "postgres"), autocommit=True) as conn:
            conn.execute(f"drop database {copy}")
    print(table)
    if given.docs:
        before, _, rest = DOCS.read_text("utf-8").partition(HERE)
        DOCS.write_text(f"{before}{HERE}\n{table}\n{END}{rest.partition(END)[2]}", "utf-8")


def measured(conn: psycopg.Connection, count: int) -> str:
    """The table, as Markdown."""
    row = conn.execute("select id from vitrina.spaces where name = %s", (SMALL,)).fetchone()
    assert row
    ids, small = vectors_of(conn, row[0])
    asked = conn.execute(
        "select t.embedding::real[] from vitrina.embed_texts(%s) as t order by t.ordinal",
        (typed_queries()[:count],),
    ).fetchall()
    queries = unit(np.array([row[0] for row in asked], np.float32))
    chance = np.random.default_rng(11)
    turn = np.linalg.qr(chance.standard_normal((WIDE, small.shape[1])))[0].T.astype(np.float32)

    def wide(vectors: Array) -> Array:
        noise = chance.standard_normal((len(vectors), WIDE)).astype(np.float32)
        return unit(vectors @ turn + noise * (0.2 / WIDE**0.5))

    both = {256: (unit(small), queries), WIDE: (wide(unit(small)), wide(queries))}
    columns: dict[str, dict[str, str]] = {}
    for name, label in SPACES.items():
        vectors, questions = both[256 if name == SMALL else WIDE]
        if name != SMALL:
            filled(conn, name, ids, vectors, quantised="quantised" in label)
        columns[label] = occupied(conn, name)
        conn.execute("select vitrina.use_space(%s)", (name,))
        for what in ASKED:
            columns[label][what] = asked_of(conn, ids, vectors, questions, FILTERS[what])
        print(f"  {label}: {columns[label]}", flush=True)
    lines = [
        f"| {len(ids):,} products | {' | '.join(columns)} |",
        "| --- |" + " ---: |" * len(columns),
    ]
    lines += [
        f"| {what} | {' | '.join(column[what] for column in columns.values())} |"
        for what in next(iter(columns.values()))
    ]
    return "\n".join([*lines, "", "Times of vector searches in ms, p50 / p95, with recall@10."])


def filled(
    conn: psycopg.Connection, name: str, ids: Array, vectors: Array, *, quantised: bool
) -> None:
    """A space with these vectors, and its index."""
    row = conn.execute(
        "select vitrina.create_space(%s, 'bench', 'turned', 'text', %s, quantized => %s)",
        (name, WIDE, quantised),
    ).fetchone()
    assert row
    head = WIDE.to_bytes(2, "big") + bytes(2)
    with conn.cursor().copy(
        "copy vitrina.product_embeddings (space_id, product_id, input_hash, embedding)"
        " from stdin (format binary)"
    ) as copy:
        copy.set_types(["int4", "int8", "bytea", "bytea"])  # halfvec's own binary form
        for id_, vector in zip(ids, vectors.astype(">f2"), strict=True):
            copy.write_row((row[0], int(id_), b"", head + vector.tobytes()))


def occupied(conn: psycopg.Connection, name: str) -> dict[str, str]:
    """What the space takes, after its index was built as vitrina builds it."""
    began = time.monotonic()
    for _, _, memory, statement in conn.execute(
        "select * from vitrina.index_statements(%s, most_memory => 3000000)", (name,)
    ).fetchall():
        conn.execute("select set_config('maintenance_work_mem', %s || 'kB', false)", (str(memory),))
        conn.execute(statement)
    took = time.monotonic() - began
    conn.execute("vacuum analyze vitrina.product_embeddings")
    row = conn.execute(
        "select pg_table_size(c.oid), pg_indexes_size(c.oid) from pg_class as c"
        " join vitrina.spaces as s on c.oid = ('vitrina.product_embeddings_' || s.id)::regclass"
        " where s.name = %s",
        (name,),
    ).fetchone()
    assert row
    return {
        "vectors": f"{row[0] / 1e6:,.0f} MB",
        "indexes": f"{row[1] / 1e6:,.0f} MB",
        "time of the index": f"{took:.0f} s" if name != SMALL else "",
    }


def asked_of(
    conn: psycopg.Connection, ids: Array, vectors: Array, queries: Array, given: str
) -> str:
    """Times, and the share of the ten nearest that is found."""
    those = conn.execute(
        "select p.id from vitrina.products as p where p.attributes @> %s", (given,)
    ).fetchall()
    cosines = queries @ vectors[np.isin(ids, np.array([row[0] for row in those]))].T
    tenth = -np.sort(-cosines, axis=1)[:, 9]
    place = {int(id_): number for number, id_ in enumerate(ids)}
    times: list[float] = []
    shares: list[float] = []
    for warm in (True, False):
        for query, least in zip(queries, tenth, strict=True):
            values: dict[str, Any] = {"q": literal(query), "f": given}
            began = time.perf_counter()
            rows = conn.execute(BY_VECTOR, values).fetchall()
            if warm:
                continue
            times.append((time.perf_counter() - began) * 1000)
            near = vectors[[place[row[0]] for row in rows]] @ query
            shares.append(min(1.0, float((near >= least - 1e-4).sum()) / 10))
    p50, p95 = np.percentile(times, (50, 95))
    return f"{p50:.1f} / {p95:.0f}, recall {np.mean(shares):.3f}"


if __name__ == "__main__":
    main()
