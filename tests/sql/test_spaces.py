"""sql/20-spaces: models side by side, switched with one row."""

from __future__ import annotations

import json

import psycopg
import pytest


def active(db: psycopg.Connection, modality: str = "text") -> str | None:
    row = db.execute(
        "select name from spaces where modality = %s and state = 'active'", [modality]
    ).fetchone()
    return row[0] if row else None


def test_a_space_is_built_beside_the_one_in_use(db: psycopg.Connection) -> None:
    db.execute("select create_space('new', 'test', 'm', 'text', 3)")
    assert active(db) == "local-text"
    db.execute("select use_space('new')")
    assert active(db) == "new"
    states = dict(db.execute("select name, state from spaces").fetchall())
    assert states["local-text"] == "retired"
    assert active(db, "image") == "local-image-2"
    db.execute("select use_space('local-text')")
    assert active(db) == "local-text"


def test_a_dropped_space_takes_its_vectors_along(db: psycopg.Connection) -> None:
    db.execute("select put_source('shop')")
    rows = json.dumps([{"external_id": "1", "title": "Lamp"}])
    db.execute("select put_products('shop', %s)", [rows])
    db.execute("select create_space('new', 'test', 'm', 'text', 3)")
    db.execute("select put_embeddings('new', '{1}', array['x']::bytea[], '{\"[1,2,3]\"}')")
    db.execute("select put_query_embedding('new', 'lamp', '[1,2,3]')")
    assert db.execute("select count(*) from product_embeddings").fetchone() == (1,)
    db.execute("select drop_space('new')")
    assert db.execute("select count(*) from product_embeddings").fetchone() == (0,)
    assert db.execute("select count(*) from query_embeddings").fetchone() == (0,)
    assert db.execute("select to_regclass('product_embeddings_3')").fetchone() == (None,)


@pytest.mark.parametrize(
    ("query", "state"),
    [
        ("select drop_space('local-text')", "VT004"),
        ("select drop_space('nowhere')", "VT003"),
        ("select use_space('nowhere')", "VT003"),
        ("select create_space('local-text', 'p', 'm', 'text', 3)", "VT004"),
        ("select create_space('big', 'p', 'm', 'text', 4001)", "VT004"),
        ("select create_space('Bad Name', 'p', 'm', 'text', 3)", "VT004"),
        ("select create_space('x', 'p', 'm', 'sound', 3)", "VT004"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    db: psycopg.Connection, query: str, state: str
) -> None:
    before = db.execute("select count(*) from pg_class").fetchone()
    with pytest.raises(psycopg.Error) as caught:
        db.execute(query)
    assert caught.value.sqlstate == state
    assert db.execute("select count(*) from pg_class").fetchone() == before


def test_indexes_come_once_there_is_something_to_index(db: psycopg.Connection) -> None:
    db.execute("select put_source('shop')")
    rows = json.dumps([{"external_id": "1", "title": "Lamp"}])
    db.execute("select put_products('shop', %s)", [rows])
    db.execute("select create_space('new', 'test', 'm', 'text', 3)")
    assert db.execute("select index_spaces()").fetchone() == (0,)
    db.execute("select put_embeddings('new', '{1}', array['x']::bytea[], '{\"[1,2,3]\"}')")
    assert db.execute("select index_spaces(at_least => 4)").fetchone() == (0,)
    assert db.execute("select index_spaces()").fetchone() == (0,), "reading one vector is quicker"
    assert db.execute("select index_spaces(at_least => 1)").fetchone() == (1,)
    assert db.execute("select index_spaces(at_least => 1)").fetchone() == (0,)


@pytest.mark.committed
def test_queries_are_remembered_and_the_oldest_forgotten(db: psycopg.Connection) -> None:
    db.execute("select create_space('new', 'test', 'm', 'text', 3), use_space('new')")
    assert db.execute("select space, words from query_to_embed('lamp -red')").fetchall() == [
        ("new", "lamp")
    ]
    for number, word in enumerate(("lamp", "sofa", "desk"), 1):
        db.execute("select put_query_embedding('new', %s, %s, 2)", [word, f"[{number},0,1]"])
    assert db.execute("select count(*) from query_to_embed('desk')").fetchone() == (0,)
    assert db.execute("select count(*) from query_to_embed('lamp')").fetchone() == (1,)
    assert db.execute("select query_embedding('sofa -red')::text").fetchone() == ("[2,0,1]",)
    assert db.execute("select query_embedding('lamp')").fetchone() == (None,)
