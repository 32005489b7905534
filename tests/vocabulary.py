"""A vocabulary of a few products, put in by SQL, and its whole state to compare."""

from __future__ import annotations

import json
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

# so that nothing is one keyword but what these tests make one
APART = "update spaces set threshold = 0.99 where modality = 'text'"
# thousands of rows: a sum will do
INSTALLED = {"thesaurus", "contrasts", "seeded_words", "related_terms", "condition_words"}
COLORS = ("black", "white", "walnut", "teal")
THINGS = ("wobble stool", "zig lamp", "qua shelf")


def terms_of(i: int) -> list[str]:
    """What product i is said to be: 12 mixtures."""
    return [THINGS[i % 3], COLORS[i % 4], "Wobble Stools" if i % 3 == 0 else "thing"]


def fill(db: psycopg.Connection, count: int) -> None:
    """So many enriched and embedded products, with no job left; learned in the local space."""
    db.execute(APART)
    db.execute("select put_source('shop')")
    rows = [{"external_id": str(i), "title": f"Product {i}"} for i in range(count)]
    db.execute("select put_products('shop', %s)", [json.dumps(rows)])
    enrich(db, {i: terms_of(i) for i in range(count)})
    db.execute("select embed_products(array(select id from products))")
    db.execute("delete from jobs")


def enrich(db: psycopg.Connection, terms: dict[int, list[str]]) -> None:
    """Say these terms of the products with these external ids."""
    ids = dict(db.execute("select external_id::int, id from products").fetchall())
    rows = [
        {"product_id": ids[i], "terms": [{"term": t} for t in said], "caption": f"Number {i}."}
        for i, said in terms.items()
    ]
    db.execute("select put_enrichments(%s)", [json.dumps(rows)])


def pay(db: psycopg.Connection) -> None:
    """A paid text space of 3 dimensions in use, in which everything has a vector."""
    db.execute("select create_space('paid', 'openai', 'm', 'text', 3)")
    db.execute("select use_space('paid')")
    db.execute(
        "select put_keyword_embeddings('paid', array_agg(id), array_agg(embedding)) from ("
        " select id, format('[%s,1,%s]', id, mod(id, 7))::halfvec as embedding from keywords) as k"
    )
    db.execute(
        "select put_embeddings('paid', array_agg(product_id), array_agg(input_hash),"
        " array_agg(format('[1,%s,1]', product_id)::halfvec))"
        " from missing_embeddings(array(select id from products))"
    )


def state(db: psycopg.Connection) -> dict[str, list[str]]:
    """Every row of every table, as text; of jobs, not since when they wait.

    But the trail, and the words that were ever met, which stay.
    """
    db.execute("update jobs set run_after = '2020-01-01' where state = 'queued'")
    tables = db.execute(
        "select c.relname from pg_class as c where c.relnamespace = 'vitrina'::regnamespace"
        " and c.relkind = 'r' and c.relname not in ('keyword_changes', 'word_pieces',"
        " 'catalogue_words', 'spellings')"
        " order by 1"
    ).fetchall()
    whole = "select {name}, array[sum(hash_record_extended(t, 0))::text] from {table} as t"
    each = "select {name}, coalesce(array_agg(t::text order by t::text), '{{}}') from {table} as t"
    query = sql.SQL(" union all ").join(
        sql.SQL(whole if table in INSTALLED else each).format(
            name=sql.Literal(table), table=sql.Identifier(table)
        )
        for (table,) in tables
    )
    return dict(db.execute(query).fetchall())


def differing(one: dict[str, list[str]], other: dict[str, list[str]]) -> list[str]:
    return [table for table in one if one[table] != other[table]]


def rows(db: psycopg.Connection, query: str, *params: Any) -> list[Any]:
    with db.cursor(row_factory=namedtuple_row) as cur:
        return cur.execute(query.encode(), params or None).fetchall()


def keywords(db: psycopg.Connection, external_id: int) -> list[str]:
    (row,) = db.execute(
        "select keywords from products where external_id = %s", [str(external_id)]
    ).fetchall()
    return row[0]
