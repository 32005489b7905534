"""Keyword dedupe: how often it is right on labelled pairs, and how fast it is.

    python -m bench.vocabulary --pairs FILE                      local space, on a scratch server
    python -m bench.vocabulary --pairs FILE --space NAME         vectors of an active space of a
                                                                 database (--database-url), made by
                                                                 its provider
    python -m bench.vocabulary --keywords 20000 --dimensions 3072 --sessions 16 --terms 5000

A pairs file has the columns a, b and label (`same` or `different`). The plain rule takes the
nearest keyword over a cosine of 0.6, as OpenAI's tag-and-caption recipe does; its loop is timed in
the same run, and numpy beside it.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psycopg

from bench.setup import catalog, shared
from vitrina.catalog import Catalog
from vitrina.settings import Settings

PLAIN = 0.6
SYLLABLES = [c + v + d for c in "bdfgklmnprstvz" for v in "aeiou" for d in "lmnrk"]

Pair = tuple[str, str, bool]
Vectors = dict[str, str]


def read_pairs(path: Path) -> list[Pair]:
    with path.open(encoding="utf-8") as file:
        return [(row["a"], row["b"], row["label"] == "same") for row in csv.DictReader(file)]


# --- quality ---------------------------------------------------------------------------------


def space_vectors(
    url: str | None, name: str, pairs: list[Pair]
) -> tuple[tuple[object, ...], Vectors]:
    """The space's row, and the vectors its provider gives for the terms."""
    vectors: Vectors = {}
    with Catalog(settings=Settings.from_environment(url)) as shop:
        space = shop.database.rows(
            "select s.name, s.provider, s.model, s.dimensions, s.threshold, s.state"
            " from vitrina.spaces as s where s.name = %s and s.modality = 'text'",
            (name,),
        )
        if not space or space[0]["state"] != "active":
            raise SystemExit(f"no active text space {name} in that database")
        for term in {term for one, other, _ in pairs for term in (one, other)}:
            shop.keywords.similar(term, k=1)  # has it embedded
            vectors[term] = shop.database.value("select vitrina.query_embedding(%s)::text", (term,))
    row = space[0]
    return (
        row["name"],
        row["provider"],
        row["model"],
        row["dimensions"],
        row["threshold"],
    ), vectors


@contextmanager
def undone(shop: Catalog) -> Iterator[psycopg.Connection]:
    """A transaction on the empty vocabulary that leaves it empty."""
    with shop.database.transaction() as conn, conn.transaction(force_rollback=True):
        yield conn


def keywords_of(conn: psycopg.Connection, terms: list[str], vectors: Vectors) -> dict[str, str]:
    rows = conn.execute(
        "select r.term, r.keyword from vitrina.resolve_keywords(%s::text[],"
        " %s::text[]::halfvec[]) as r",
        (terms, [vectors[term] for term in terms] if vectors else None),
    ).fetchall()
    return dict(rows)


def judge(name: str, pairs: list[Pair], merged: list[bool]) -> None:
    right = sum(same and found for (_, _, same), found in zip(pairs, merged, strict=True))
    every, found = sum(same for _, _, same in pairs), sum(merged)
    precision, recall = right / max(found, 1), right / max(every, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    print(
        f"  {name:<24} precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}:"
        f" {found} merges, {found - right} wrong"
    )


def quality(shop: Catalog, pairs: list[Pair], vectors: Vectors) -> None:
    with shop.database.transaction() as conn:
        calibrated = conn.execute(
            "select s.threshold from vitrina.spaces as s"
            " where s.modality = 'text' and s.state = 'active'"
        ).fetchone()
    assert calibrated
    for mode, threshold in (("plain", PLAIN), ("strict", calibrated[0])):
        with shop.database.transaction() as conn:
            conn.execute("select vitrina.set_keyword_policy(%s)", (mode,))
            conn.execute("select vitrina.set_keyword_threshold(%s::real)", (threshold,))
        merged = []
        for one, other, _ in pairs:
            with undone(shop) as conn:
                keyword = keywords_of(conn, [one, other], vectors)
            merged.append(keyword[one] is not None and keyword[one] == keyword[other])
        judge(f"{mode}, pair by pair", pairs, merged)
        with undone(shop) as conn:
            terms = list(dict.fromkeys(term for pair in pairs for term in pair[:2]))
            keyword = keywords_of(conn, terms, vectors)
        judge(f"{mode}, one vocabulary", pairs, [keyword[a] == keyword[b] for a, b, _ in pairs])


# --- speed -----------------------------------------------------------------------------------


def name(number: int) -> str:
    """A word of its own for a number, in letters: digits would veto."""
    word = ""
    for _ in range(3):
        number, rest = divmod(number, len(SYLLABLES))
        word += SYLLABLES[rest]
    return word


def unit(rng: np.random.Generator, rows: int, dimensions: int) -> np.ndarray:
    vectors = rng.standard_normal((rows, dimensions), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def near(rng: np.random.Generator, vector: np.ndarray, cosine: float = 0.8) -> np.ndarray:
    """A vector at about this cosine."""
    other = unit(rng, 1, len(vector))[0]
    other -= vector * (vector @ other)
    other /= np.linalg.norm(other)
    return vector * cosine + other * np.sqrt(1 - cosine**2)


def text(vector: np.ndarray) -> str:
    return "[" + ",".join(f"{x:.4g}" for x in vector) + "]"


def fill(conn: psycopg.Connection, vectors: np.ndarray) -> None:
    """A vocabulary of that many keywords in a space in use, with its index."""
    conn.execute(
        "select vitrina.create_space('bench', 'openai', 'bench', 'text', %s, 0.6)",
        (vectors.shape[1],),
    )
    conn.execute("select vitrina.use_space('bench')")
    names = [name(n) for n in range(len(vectors))]
    conn.execute("insert into vitrina.keywords (name) select unnest(%s::text[])", (names,))
    conn.execute(
        "insert into vitrina.keyword_aliases (alias, keyword_id, method)"
        " select vitrina.normal_form(w.name), w.id, 'new' from vitrina.keywords as w"
        " on conflict do nothing"
    )
    ids = conn.execute("select w.id from vitrina.keywords as w order by w.id").fetchall()
    for start in range(0, len(vectors), 500):
        conn.execute(
            "select vitrina.put_keyword_embeddings('bench', %s::bigint[], %s::text[]::halfvec[])",
            (
                [row[0] for row in ids[start : start + 500]],
                [text(vector) for vector in vectors[start : start + 500]],
            ),
        )
    conn.execute("select vitrina.index_spaces()")
    conn.execute("vacuum analyze")


def timed(calls: list[Callable[[], object]]) -> float:
    """The median, in ms."""
    times = []
    for call in calls:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def resolve(
    conn: psycopg.Connection, terms: list[str], vectors: list[str] | None
) -> list[tuple[object, ...]]:
    return conn.execute(
        "select * from vitrina.resolve_keywords(%s::text[], %s::text[]::halfvec[])",
        (terms, vectors),
    ).fetchall()


def recipe(vectors: np.ndarray, one: np.ndarray) -> float:
    """The recipe's step for one keyword, in ms: a similarity a row, sorted."""
    import pandas as pd
    from sklearn.metrics.pairwise import cosine_similarity

    frame = pd.DataFrame({"keyword": range(len(vectors)), "embedding": list(vectors)})
    start = time.perf_counter()
    frame["similarity"] = frame["embedding"].apply(
        lambda row: cosine_similarity(row.reshape(1, -1), one.reshape(1, -1))[0, 0]
    )
    frame.sort_values("similarity", ascending=False).iloc[0]
    return (time.perf_counter() - start) * 1000


def latency(conn: psycopg.Connection, vectors: np.ndarray, rng: np.random.Generator) -> None:
    size, dimensions = vectors.shape
    fresh = iter(range(size, size + 100_000))
    known = timed([lambda n=n: resolve(conn, [name(n)], None) for n in range(200)])  # type: ignore[misc]
    synonyms = [(name(next(fresh)), text(near(rng, vectors[n]))) for n in range(50)]
    hit = timed([lambda s=s: resolve(conn, [s[0]], [s[1]]) for s in synonyms])  # type: ignore[misc]
    news = [(name(next(fresh)), text(unit(rng, 1, dimensions)[0])) for _ in range(30)]
    new = timed([lambda s=s: resolve(conn, [s[0]], [s[1]]) for s in news])  # type: ignore[misc]
    batch = [(name(next(fresh)), text(unit(rng, 1, dimensions)[0])) for _ in range(50)]
    whole = timed([lambda: resolve(conn, [b[0] for b in batch], [b[1] for b in batch])]) / len(
        batch
    )
    one = unit(rng, 1, dimensions)[0]
    loop = recipe(vectors, one)
    scan = timed([lambda: int(np.argmax(vectors @ one)) for _ in range(10)])
    index, exact = peers(conn, vectors, rng)
    print(f"  {size} keywords of {dimensions} dimensions, one connection, medians:")
    print(f"    known term           {known:9.2f} ms")
    print(f"    found by similarity  {hit:9.2f} ms   {loop / hit:7.0f} x the recipe's speed")
    print(f"    new keyword          {new:9.2f} ms   {loop / new:7.0f} x")
    print(f"    new, in a batch      {whole:9.2f} ms   {loop / whole:7.0f} x")
    print(f"    the recipe's loop    {loop:9.0f} ms")
    print(f"    numpy, search alone  {scan:9.2f} ms")
    print(f"    bare index look-up   {index:9.2f} ms   found by similarity {hit / index:.2f} x")
    print(f"    bare exact scan      {exact:9.2f} ms   new keyword {new / exact:.2f} x")


def peers(
    conn: psycopg.Connection, vectors: np.ndarray, rng: np.random.Generator
) -> tuple[float, float]:
    """The nearest keyword by hand, in ms: through the index of the space, and of all, exactly."""
    conn.execute("set hnsw.ef_search = 40")
    row = conn.execute("select (vitrina_internal.active_space('text')).id").fetchone()
    assert row
    asked = [text(near(rng, vectors[n])) for n in range(30)]
    times = []
    for cast in (f"::halfvec({vectors.shape[1]})", ""):  # the index has the dimensions in it
        statement = (
            "select e.keyword_id from vitrina.keyword_embeddings as e where e.space_id = %s"  # noqa: S608
            f" order by e.embedding{cast} <=> %s{cast or '::halfvec'} limit 1"
        )
        times.append(timed([
            lambda q=q, s=statement: conn.execute(s, (row[0], q)).fetchall() for q in asked  # type: ignore[misc]
        ]))  # fmt: skip
    return times[0], times[1]


def race(
    url: str, vectors: np.ndarray, rng: np.random.Generator, sessions: int, terms: int
) -> None:
    """All sessions at once: half of the terms are synonyms, the others new, each said twice."""
    first = len(vectors) + 200_000
    said = [
        (name(first + n), text(near(rng, vectors[n % len(vectors)]))) for n in range(terms // 2)
    ]
    for n in range((terms - len(said)) // 2):
        vector = unit(rng, 1, vectors.shape[1])[0]
        said.append((name(first + terms + 2 * n), text(vector)))
        said.append((name(first + terms + 2 * n + 1), text(near(rng, vector, 0.85))))
    order = rng.permutation(len(said))
    start, faults = threading.Barrier(sessions + 1), []

    def work(session: int) -> None:
        with psycopg.connect(url, autocommit=True) as conn:
            start.wait()
            try:
                for i in order[session::sessions]:
                    resolve(conn, [said[i][0]], [said[i][1]])
            except psycopg.Error as exc:
                faults.append(exc)

    threads = [threading.Thread(target=work, args=(session,)) for session in range(sessions)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    with psycopg.connect(url) as conn:
        row = conn.execute(
            "with young as materialized ("
            "   select e.keyword_id, e.embedding from vitrina.keyword_embeddings as e"
            "   where e.keyword_id > %s"
            "   and e.space_id = (vitrina_internal.active_space('text')).id)"
            " select (select count(*) from young),"
            " count(*) filter (where vitrina_internal.term_veto("
            "     vitrina.normal_form(l.name), vitrina.normal_form(r.name)) is null)"
            " from young as y"
            " join vitrina.keyword_embeddings as e on e.keyword_id < y.keyword_id"
            "   and e.space_id = (vitrina_internal.active_space('text')).id"
            "   and e.embedding <=> y.embedding < 1 - 0.6::real"
            " join vitrina.keywords as l on l.id = y.keyword_id"
            " join vitrina.keywords as r on r.id = e.keyword_id",
            (
                conn.execute(
                    "select id from vitrina.keywords order by id offset %s limit 1",
                    (len(vectors) - 1,),
                ).fetchone()
                or [0]
            ),
        ).fetchone()
    assert row
    print(
        f"  {sessions} sessions, {len(said)} terms: {len(said) / took:.0f} terms/s, {row[0]} new"
        f" keywords, {row[1]} pairs that should have merged, {len(faults)} errors"
    )


def speed(keywords: int, dimensions: int, sessions: int, terms: int) -> None:
    rng = np.random.default_rng(7)
    vectors = unit(rng, keywords, dimensions)
    with catalog() as shop:
        url = shop.settings.database_url
        assert url
        with psycopg.connect(url, autocommit=True) as conn:
            fill(conn, vectors)
            latency(conn, vectors, rng)
        race(url, vectors, rng, sessions, terms)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("bench.vocabulary")
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--space")
    parser.add_argument("--database-url")
    parser.add_argument("--keywords", type=int)
    parser.add_argument("--dimensions", type=int, default=3072)
    parser.add_argument("--sessions", type=int, default=16)
    parser.add_argument("--terms", type=int, default=5000)
    given = parser.parse_args(arguments or [])
    if given.pairs or not given.keywords:
        path = given.pairs or shared("keywords/furniture_pairs.csv")
        pairs = read_pairs(path)
        print(f"  {len(pairs)} pairs of {path.name}, space {given.space or 'local-text'}")
        with catalog() as shop:
            vectors: Vectors = {}
            if given.space:
                space, vectors = space_vectors(given.database_url, given.space, pairs)
                with shop.database.transaction() as conn:
                    conn.execute("select vitrina.create_space(%s, %s, %s, 'text', %s, %s)", space)
                    conn.execute("select vitrina.use_space(%s)", space[:1])
            quality(shop, pairs, vectors)
    if given.keywords or not given.pairs:
        speed(given.keywords or 20_000, given.dimensions, given.sessions, given.terms)


if __name__ == "__main__":
    main(sys.argv[1:])
