"""Search at 100,000 products: latency and recall, against pgvector by hand, faiss and lancedb.

`python -m bench search`, or `python -m bench.search --rows 10000` for a quick look. Products are
made around real ones (bench/_catalogue.py). Their 256 dimensions are real embeddings of their
texts; the 3,072 are these, turned at random, with noise. Recall is of the ten nearest, against
numpy, equal distances being equally good. Each query is timed in turn with its peer, so that ratios
hold on a busy machine; the peer by hand is the best pgvector query with the same columns, index
and ef_search.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg

from bench._catalogue import SHARES, ingest, multiply
from bench.setup import catalog
from vitrina.catalog import Catalog

QUERIES = 100
WIDE = 3072
FAR = {
    "far from the query, broad": '{"masterCategory": "Apparel"}',
    "far from the query": '{"articleType": "Sandals"}',
}
Call = Callable[[int], Any]

BY_HAND = """
select p.id, s.name, p.external_id, p.title, p.caption, p.keywords, p.url, p.image, 1 - n.distance
from (select e.product_id, e.embedding::halfvec({0}) <=> %(q)s::halfvec({0}) as distance
      from vitrina.product_embeddings as e
      where e.space_id = {1}
      order by e.embedding::halfvec({0}) <=> %(q)s::halfvec({0})
      limit 10) as n
join vitrina.products as p on p.id = n.product_id
join vitrina.sources as s on s.id = p.source_id
order by n.distance, p.id
"""
BY_VECTOR = "select * from vitrina.search(mode => 'vector', embedding => %(q)s, filter => %(f)s)"
BY_WORDS = "select * from vitrina.search(%(q)s, mode => %(m)s)"
# what needs all that a search finds
OF_ALL = {
    "count_matches": "select vitrina.count_matches(%(q)s)",
    "facets of keywords": "select * from vitrina.facets(%(q)s, attributes => '{}')",
    "one color chosen": "select * from vitrina.facets(%(q)s, attributes => '{}',"
    """ any_keywords => '{"color": ["black"]}')""",
    "facets with prices": "select * from vitrina.facets(%(q)s, attributes => '{price}')",
    "histogram": "select * from vitrina.histogram('price', query => %(q)s)",
    "sorted by price": "select * from vitrina.search(%(q)s, sort => 'price')",
}


@dataclass
class Space:
    """One space: its id, the ids of its products, their vectors, and the queries' vectors."""

    id: int
    ids: np.ndarray[Any, Any]
    vectors: np.ndarray[Any, Any]
    queries: np.ndarray[Any, Any]

    @property
    def dimensions(self) -> int:
        return int(self.vectors.shape[1])

    def recall(self, query: int, found: Sequence[int], among: np.ndarray[Any, Any]) -> float:
        """The share of the ten nearest of `among` (places) that was found."""
        near = self.vectors[among] @ self.queries[query]
        wanted = min(10, len(near))
        if not wanted:
            return 1.0
        least = np.partition(near, -wanted)[-wanted] - 1e-4
        places = np.searchsorted(self.ids, np.array(found, dtype=np.int64))
        return float(
            min(wanted, (self.vectors[places] @ self.queries[query] >= least).sum()) / wanted
        )


def timed(*calls: Call, count: int) -> list[list[float]]:
    """Milliseconds of each call for each query, in turn; twice, the first time to warm up."""
    for _ in range(2):
        times: list[list[float]] = [[] for _ in calls]
        for query in range(count):
            for call, spent in zip(calls, times, strict=True):
                started = time.perf_counter()
                call(query)
                spent.append((time.perf_counter() - started) * 1000)
    return times


def line(name: str, times: list[float], *notes: str) -> None:
    p50, p95 = statistics.median(times), float(np.percentile(times, 95))
    print(f"    {name:<26} p50 {p50:7.2f}  p95 {p95:7.2f} ms  {'  '.join(notes)}", flush=True)


def ratio(times: list[float], peer: list[float]) -> str:
    """The median of the ratios of calls that were made one right after the other."""
    return f"{statistics.median(a / b for a, b in zip(times, peer, strict=True)):.2f}x"


def vectors_of(conn: psycopg.Connection, space: int) -> tuple[Any, Any]:
    rows = conn.execute(
        "select e.product_id, e.embedding::real[] from vitrina.product_embeddings as e"
        " where e.space_id = %s order by e.product_id",
        (space,),
    ).fetchall()
    return (
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows], dtype=np.float32),
    )


def unit(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def widen(conn: psycopg.Connection, small: Space) -> Space:
    """The same products in a space of 3,072 dimensions, which becomes the active one."""
    chance = np.random.default_rng(11)
    turn = np.linalg.qr(chance.standard_normal((WIDE, small.dimensions)))[0].T.astype(np.float32)

    def wide(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        noise = chance.standard_normal((len(vectors), WIDE)).astype(np.float32)
        return unit(vectors @ turn + noise * (0.2 / WIDE**0.5))

    row = conn.execute(
        "select vitrina.create_space('wide', 'bench', 'turned', 'text', %s)", (WIDE,)
    ).fetchone()
    assert row
    space = Space(row[0], small.ids, wide(small.vectors), wide(small.queries))
    with conn.cursor().copy(
        "copy vitrina.product_embeddings (space_id, product_id, input_hash, embedding) from stdin"
    ) as copy:
        for id_, vector in zip(space.ids, space.vectors, strict=True):
            copy.write_row((space.id, int(id_), b"", literal(vector)))
    conn.execute("select vitrina.use_space('wide')")
    return space


def literal(vector: np.ndarray[Any, Any]) -> str:
    return "[" + ",".join(f"{number:.5g}" for number in vector) + "]"


def index(conn: psycopg.Connection, space: Space) -> None:
    """The space's index, built with both processors and the memory it takes."""
    started = time.perf_counter()
    conn.execute("set maintenance_work_mem = '2GB'; set max_parallel_maintenance_workers = 1")
    conn.execute(
        f"create index if not exists product_embeddings_{space.id}_hnsw"  # type: ignore[arg-type]
        f" on vitrina.product_embeddings_{space.id} using hnsw"
        f" ((embedding::halfvec({space.dimensions})) halfvec_cosine_ops)"
        " with (ef_construction = 200)"
    )
    conn.execute("vacuum analyze")  # type: ignore[call-overload]
    print(f"  {space.dimensions} dimensions, index built in {time.perf_counter() - started:.0f} s")


def by_vector(conn: psycopg.Connection, space: Space) -> None:
    """Vectors alone: overhead over the query by hand, filters, peers in this process."""
    queries = [literal(vector) for vector in space.queries]
    statement = BY_HAND.format(space.dimensions, space.id)

    def hand(query: int) -> None:
        conn.execute(statement, {"q": queries[query]}).fetchall()  # type: ignore[arg-type]

    def search(query: int, given: str = "{}") -> list[int]:
        rows = conn.execute(BY_VECTOR, {"q": queries[query], "f": given}).fetchall()
        return [row[0] for row in rows]

    indexed, lances = faiss_hnsw(space), lance(space)
    everything = np.arange(len(space.ids))
    times = timed(hand, search, indexed, lances, count=len(queries))
    for name, call, spent in zip(
        ("pgvector by hand", "vitrina", "faiss HNSW", "lancedb"),
        (None, search, indexed, lances), times, strict=True,
    ):  # fmt: skip
        recall = "" if call is None else recalled(space, call, everything)
        line(name, spent, f"{ratio(spent, times[0])} by hand", recall)
    filters = {f"{100 / share:g}%": f'{{"{name}": true}}' for name, share in SHARES.items()}
    for name, given in (filters | FAR).items():
        allowed = conn.execute(
            "select p.id from vitrina.products as p where p.attributes @> %s order by 1", (given,)
        ).fetchall()
        among = np.searchsorted(space.ids, np.array([row[0] for row in allowed]))
        chosen = far_queries(space, among) if name in FAR else list(range(len(queries)))
        (spent,) = timed(lambda q, f=given, c=chosen: search(c[q], f), count=len(chosen))  # type: ignore[misc]
        recall = statistics.mean(
            space.recall(query, search(query, given), among) for query in chosen
        )
        full = all(len(search(query, given)) == min(10, len(among)) for query in chosen[:20])
        line(name, spent, f"recall {recall:.3f}", "full" if full else "NOT FULL",
             f"{len(among):,} products")  # fmt: skip


def far_queries(space: Space, among: np.ndarray[Any, Any]) -> list[int]:
    """The queries none of whose 500 nearest products pass the filter."""
    inside = np.zeros(len(space.ids), dtype=bool)
    inside[among] = True
    return [
        place
        for place, query in enumerate(space.queries)
        if not inside[np.argpartition(-(space.vectors @ query), 500)[:500]].any()
    ]


def recalled(space: Space, call: Callable[[int], Sequence[int]], among: Any) -> str:
    recall = statistics.mean(space.recall(q, call(q), among) for q in range(len(space.queries)))
    return f"recall {recall:.3f}"


def faiss_hnsw(space: Space) -> Callable[[int], list[int]]:
    import faiss

    graph = faiss.IndexHNSWFlat(space.dimensions, 16, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction, graph.hnsw.efSearch = 200, 100
    graph.add(space.vectors)

    def search(query: int) -> list[int]:
        _, places = graph.search(space.queries[query : query + 1], 10)
        return [int(space.ids[place]) for place in places[0] if place >= 0]

    return search


def lance(space: Space) -> Callable[[int], list[int]]:
    import lancedb
    import pyarrow as pa
    from lancedb.index import HnswSq

    folder = tempfile.mkdtemp(prefix="vb-lance-", dir="/tmp")
    flat = pa.array(space.vectors.reshape(-1))
    table = lancedb.connect(folder).create_table(
        "products",
        pa.table(
            {
                "id": pa.array(space.ids),
                "vector": pa.FixedSizeListArray.from_arrays(flat, space.dimensions),
            }
        ),
    )
    table.create_index("vector", config=HnswSq(distance_type="cosine", num_partitions=1))

    def search(query: int) -> list[int]:
        found = table.search(space.queries[query]).distance_type("cosine").ef(100).limit(10)
        return found.to_arrow()["id"].to_pylist()

    return search


def by_words(conn: psycopg.Connection, queries: list[str]) -> None:
    """What shoppers type: words and vectors, and words alone; what counts all that they find."""
    for mode in ("hybrid", "text"):
        (times,) = timed(
            lambda q, m=mode: conn.execute(BY_WORDS, {"q": queries[q], "m": m}).fetchall(),  # type: ignore[misc]
            count=len(queries),
        )
        line(mode, times)
    statements = [BY_WORDS.replace("%(m)s", "'hybrid'"), *OF_ALL.values()]
    hybrid, *rest = timed(
        *(lambda q, s=each: conn.execute(s, {"q": queries[q]}).fetchall() for each in statements),  # type: ignore[misc]
        count=len(queries),
    )
    for name, spent in zip(OF_ALL, rest, strict=True):
        line(name, spent, f"{ratio(spent, hybrid)} hybrid")


def typed_queries() -> list[str]:
    """Queries as bench/relevance.py judges them."""
    from bench.relevance import fashion, furniture

    queries = sorted(fashion().judgements)[::4] + sorted(furniture().judgements)
    return queries[:QUERIES]


def run(shop: Catalog, rows: int) -> None:
    started = time.perf_counter()
    ingest(shop)
    multiply(shop, rows)
    with psycopg.connect(shop.database.dsn, autocommit=True, prepare_threshold=None) as conn:
        conn.execute("select '[1]'::vector; set hnsw.ef_search = 100")
        row = conn.execute("select id from vitrina.spaces where name = 'local-text'").fetchone()
        assert row
        ids, vectors = vectors_of(conn, row[0])
        typed = typed_queries()
        asked = conn.execute(
            "select t.embedding::real[] from vitrina.embed_texts(%s) as t order by t.ordinal",
            (typed,),
        ).fetchall()
        narrow = Space(row[0], ids, vectors, unit(np.array([a[0] for a in asked], np.float32)))
        print(f"  {len(ids):,} products made in {time.perf_counter() - started:.0f} s")
        index(conn, narrow)
        by_words(conn, typed)
        by_vector(conn, narrow)
        wide = widen(conn, narrow)
        index(conn, wide)
        by_vector(conn, wide)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_known_args()[0].rows
    with catalog({"shared_buffers": "3GB", "max_wal_size": "8GB"}) as shop:
        run(shop, rows)


if __name__ == "__main__":
    main()
