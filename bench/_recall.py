"""The ten products nearest to some queries, exactly, by numpy; and the share that search finds."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg

from bench.search import literal, unit

Array = np.ndarray[Any, Any]
DIMENSIONS, DEEP = 256, 500
BY_VECTOR = "select * from vitrina.search(mode => 'vector', embedding => %(q)s, filter => %(f)s)"
VECTORS = (
    "select e.product_id, e.embedding{} from vitrina.product_embeddings as e"
    " join vitrina.spaces as s on s.id = e.space_id and s.name = 'local-text'"
)
ROW = np.dtype(
    [("fields", ">i2"), ("l1", ">i4"), ("id", ">i8"), ("l2", ">i4"), ("dimensions", ">i2"),
     ("unused", ">i2"), ("vector", ">f2", (DIMENSIONS,))]
)  # fmt: skip


@dataclass(frozen=True)
class Nearest:
    """By filter: each query's cosine to its tenth nearest; how many of its 500 nearest pass."""

    tenth: dict[str, Array]
    passing: dict[str, list[int]]


def nearest(conn: psycopg.Connection, queries: Array, filters: Sequence[str]) -> Nearest:
    """The nearest of all products, and of those that have the attributes of each filter."""
    allowed = {
        given: np.array([row[0] for row in conn.execute(
            "select p.id from vitrina.products as p where p.attributes @> %s order by 1", (given,)
        )])
        for given in filters
    }  # fmt: skip
    best = {given: np.full((len(queries), 10), -2, np.float32) for given in filters}
    top = np.full((len(queries), DEEP), -2, np.float32)
    top_ids = np.zeros((len(queries), DEEP), np.int64)
    for ids, vectors in streamed(conn):
        cosines = queries @ vectors.T
        both = np.concatenate([top, cosines], axis=1)
        both_ids = np.concatenate([top_ids, np.broadcast_to(ids, cosines.shape)], axis=1)
        deep = min(DEEP, both.shape[1])
        places = np.argpartition(-both, deep - 1, axis=1)[:, :deep]
        top = np.take_along_axis(both, places, 1)
        top_ids = np.take_along_axis(both_ids, places, 1)
        for given, those in allowed.items():
            some = np.concatenate([best[given], cosines[:, np.isin(ids, those)]], axis=1)
            best[given] = -np.sort(-some, axis=1)[:, :10]
    return Nearest(
        {given: found[:, 9] for given, found in best.items()},
        {given: [int(np.isin(row, allowed[given]).sum()) for row in top_ids] for given in filters},
    )


def streamed(conn: psycopg.Connection, rows: int = 50_000) -> Iterator[tuple[Array, Array]]:
    """The ids and the vectors of all products, so many at a time, normed."""
    statement = f"copy ({VECTORS.format('')}) to stdout (format binary)"
    with conn.cursor().copy(statement) as copy:
        held = bytearray()
        for data in copy:
            held += data
            if len(held) > rows * ROW.itemsize:
                yield taken(held, rows)
        while len(held) >= ROW.itemsize:
            yield taken(held, rows)


def taken(held: bytearray, rows: int) -> tuple[Array, Array]:
    """Up to so many of the rows that came, which are taken from them."""
    if held[:6] == b"PGCOPY":
        del held[:19]
    count = min(rows, len(held) // ROW.itemsize)
    part = np.frombuffer(bytes(held[: count * ROW.itemsize]), ROW)
    del held[: count * ROW.itemsize]
    return part["id"].astype(np.int64), unit(part["vector"].astype(np.float32))


def recalled(
    conn: psycopg.Connection, queries: Array, chosen: list[int], given: str, exact: Nearest
) -> float:
    """The mean share of the ten nearest that search finds; equal distances are equally good."""
    shares = []
    for query in chosen:
        least = exact.tenth[given][query]
        if least < -1:  # fewer than ten match: all must come
            continue
        asked = {"q": literal(queries[query]), "f": given}
        ids = [row[0] for row in conn.execute(BY_VECTOR, asked).fetchall()]
        rows = conn.execute(
            VECTORS.format("::real[]") + " where e.product_id = any (%s)",
            (ids,),
        ).fetchall()
        near = unit(np.array([row[1] for row in rows], np.float32)) @ queries[query]
        shares.append(min(1.0, float((near >= least - 1e-4).sum() / 10)))
    return statistics.mean(shares) if shares else 1.0
