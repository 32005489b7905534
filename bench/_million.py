"""A catalogue of any size around the real one, filled by sets: a million in minutes.

Titles, keywords, full text and hashes are made by vitrina's own functions, in bulk;
`vitrina.check()` finds nothing wrong with the result (`python -m bench scale --check`). Only the
vectors are not those of the texts: each is that of its real product, moved towards two others, with
noise, as titles with swapped words are.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

CHUNK = 25_000
SOURCES = 10
# attributes that have nothing to do with what a product is: a product in so many has each
SHARES = {"half": 2, "tenth": 10, "hundredth": 100}
# filled into tables without these is several times faster
DROPPED = (
    "products_attributes_idx", "product_text_tsv_idx", "product_keywords_keyword_id_idx",
    "product_terms_form_idx",
)  # fmt: skip

PARTS: dict[str, str] = {}  # by name, the statements of the file beside this one
for _part in Path(__file__).with_suffix(".sql").read_text("utf-8").split("\n-- @")[1:]:
    _name, _, _statements = _part.partition("\n")
    PARTS[_name] = _statements


def fill(url: str, rows: int, *, sessions: int = 2, seed: int = 7) -> None:
    """Fill the catalog at this address, which has the real products, up to so many in all.

    Raises ValueError if it has as many already.
    """
    with psycopg.connect(url, autocommit=True) as conn:
        prepare(conn)
        base, models, words = numbers(conn)
        if rows <= models:
            raise ValueError(f"{rows} products are to be made around {models} real ones")
        indexes = [
            row[0]
            for row in conn.execute(
                "select pg_get_indexdef(c.oid) from pg_class as c"
                " where c.relnamespace = 'vitrina'::regnamespace and c.relname = any (%s)",
                (list(DROPPED),),
            ).fetchall()
        ]
        for name in DROPPED:
            conn.execute(sql.SQL("drop index vitrina.{}").format(sql.Identifier(name)))
        parts(url, (base, models, words), rows, sessions, seed)
        conn.execute("set maintenance_work_mem = '1GB'")
        for definition in indexes:
            conn.execute(definition)
        conn.execute(
            "select setval(pg_get_serial_sequence('vitrina.products', 'id'), max(p.id))"
            " from vitrina.products as p"
        )
        conn.execute("drop schema made cascade")
        conn.execute("vacuum analyze")


def prepare(conn: psycopg.Connection) -> None:
    """The real products as models, and the sources of what is made."""
    conn.execute(PARTS["models"])
    # the same number for the same n, so that parts can be made at once
    conn.execute(PARTS["chance"])
    for number in range(SOURCES):
        conn.execute("select vitrina.put_source(%s, text_config => 'english')", (f"many-{number}",))


def numbers(conn: psycopg.Connection) -> tuple[int, int, int]:
    """The greatest id of a product, and how many models, and words of their titles, there are."""
    row = conn.execute(
        "select max(p.id), (select count(*) from made.models), (select count(*) from made.words)"
        " from vitrina.products as p"
    ).fetchone()
    assert row
    return int(row[0]), int(row[1]), int(row[2])


def parts(url: str, counts: tuple[int, int, int], rows: int, sessions: int, seed: int) -> None:
    """All that lacks, in parts, by so many sessions at once."""
    lacking = rows - counts[1]
    firsts = list(range(1, lacking + 1, CHUNK))
    wrong: list[BaseException] = []
    lock = threading.Lock()

    def work() -> None:
        try:
            with psycopg.connect(url, autocommit=True) as conn:
                conn.execute("set session_replication_role = 'replica'")  # all references hold
                space, vectors = real_vectors(conn)
                while not wrong:
                    with lock:
                        if not firsts:
                            return
                        first = firsts.pop(0)
                    last = min(first + CHUNK - 1, lacking)
                    part(conn, counts, first, last, space, vectors, seed)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]


def part(
    conn: psycopg.Connection, counts: tuple[int, int, int], first: int, last: int, space: int,
    vectors: np.ndarray[Any, Any], seed: int,
) -> None:  # fmt: skip
    """The products numbered first to last, with all that belongs to them."""
    base, models, words = counts
    table = sql.Identifier("made", f"rows_{first}")
    said = sql.Identifier("made", f"said_{first}")
    shares = sql.SQL(" ").join(
        sql.SQL("|| case when made.chance(t.n, {}, {}) = 0 then {}::jsonb else '{{}}' end").format(
            sql.Literal(10 + place), sql.Literal(share), sql.Literal(f'{{"{name}": true}}')
        )
        for place, (name, share) in enumerate(SHARES.items())
    )
    given = {
        "table": table, "said": said, "shares": shares, "base": sql.Literal(base),
        "models": sql.Literal(models), "words": sql.Literal(words), "first": sql.Literal(first),
        "last": sql.Literal(last), "sources": sql.Literal(SOURCES),
    }  # fmt: skip
    with conn.transaction():
        for statement in PARTS["rows"].split(";\n"):
            if statement.strip():
                conn.execute(sql.SQL(statement).format(**given))
        made = conn.execute(
            sql.SQL(PARTS["hashes"]).format(table=table, base=sql.Literal(base))
        ).fetchall()
        chance = np.random.default_rng([seed, first])
        near = moved(vectors, [row[2] - 1 for row in made], [row[3] - 1 for row in made], chance)
        copy_vectors(conn, space, [row[0] for row in made], [row[1] for row in made], near)
        conn.execute(sql.SQL("drop table {}, {}").format(table, said))


def real_vectors(conn: psycopg.Connection) -> tuple[int, np.ndarray[Any, Any]]:
    """The text space in use, and the vectors of the models, by their places."""
    rows = conn.execute(
        "select e.space_id, e.embedding::real[] from made.models as m"
        " join vitrina.product_embeddings as e on e.product_id = m.id"
        " join vitrina.spaces as s on s.id = e.space_id and s.state = 'active'"
        " and s.modality = 'text' order by m.place"
    ).fetchall()
    return int(rows[0][0]), np.array([row[1] for row in rows], np.float32)


def moved(
    vectors: np.ndarray[Any, Any], models: list[int], others: list[int],
    chance: np.random.Generator,
) -> np.ndarray[Any, Any]:  # fmt: skip
    """Vectors near those of the models, towards the others and a third, with noise."""
    rows, dimensions = len(models), vectors.shape[1]
    third = chance.integers(0, len(vectors), rows)
    near = (
        vectors[models]
        + chance.uniform(0.1, 0.6, (rows, 1)) * vectors[others]
        + chance.uniform(0, 0.3, (rows, 1)) * vectors[third]
        + chance.standard_normal((rows, dimensions)) * (0.15 / dimensions**0.5)
    )
    unit: np.ndarray[Any, Any] = near / np.linalg.norm(near, axis=1, keepdims=True)
    return unit.astype(np.float32)


def copy_vectors(
    conn: psycopg.Connection, space: int, ids: list[int], hashes: list[bytes],
    vectors: np.ndarray[Any, Any],
) -> None:  # fmt: skip
    """Put vectors in as binary rows, which is many times faster than as text."""
    dimensions = vectors.shape[1]
    row = np.dtype(
        [("fields", ">i2"), ("l1", ">i4"), ("space", ">i4"), ("l2", ">i4"), ("product", ">i8"),
         ("l3", ">i4"), ("hash", "S32"), ("l4", ">i4"), ("dimensions", ">i2"), ("unused", ">i2"),
         ("vector", ">f2", (dimensions,))]
    )  # fmt: skip
    rows = np.zeros(len(ids), row)
    rows["fields"], rows["l1"], rows["l2"] = 4, 4, 8
    rows["l3"], rows["l4"] = 32, 4 + 2 * dimensions
    rows["space"], rows["product"], rows["dimensions"] = space, ids, dimensions
    rows["hash"] = np.frombuffer(b"".join(hashes), "S32")
    rows["vector"] = vectors
    with conn.cursor().copy(
        "copy vitrina.product_embeddings (space_id, product_id, input_hash, embedding)"
        " from stdin (format binary)"
    ) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        copy.write(rows.tobytes())
        copy.write(b"\xff\xff")
