"""Products of a file that are gone, or that have other ids now."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

pytestmark = pytest.mark.once


def put(db: psycopg.Connection, *products: dict[str, Any]) -> None:
    db.execute("select put_source('shop')")
    db.execute("select put_products('shop', %s)", [json.dumps(products)])


def one(external_id: str, title: str, **more: Any) -> dict[str, Any]:
    return {"external_id": external_id, "title": title, **more}


def ids(db: psycopg.Connection) -> dict[str, str]:
    return dict(db.execute("select title, external_id from products").fetchall())


def proposed(db: psycopg.Connection, *products: dict[str, Any]) -> set[tuple[str, str, str]]:
    found = db.execute("select * from propose_renames('shop', %s)", [json.dumps(products)])
    return {(row[0], row[1], row[2]) for row in found.fetchall()}


def renamed(db: psycopg.Connection, **pairs: str) -> dict[str, str]:
    given = [{"was": was, "external_id": new} for was, new in pairs.items()]
    found = db.execute("select was, outcome from rename_products('shop', %s)", [json.dumps(given)])
    return dict(found.fetchall())


def test_prune_removes_what_is_not_kept(db: psycopg.Connection) -> None:
    put(db, *(one(name, name.upper()) for name in "abcd"))
    assert db.execute("select prune_products('shop', '{a}', dry_run => true)").fetchone() == (3,)
    assert len(ids(db)) == 4
    assert db.execute("select prune_products('shop', '{a,b,c,x}')").fetchone() == (1,)
    assert ids(db) == {"A": "a", "B": "b", "C": "c"}
    assert db.execute("select prune_products('shop', '{a}', most => 1)").fetchone() == (2,)


def test_prune_removes_up_to_the_share_that_is_allowed(db: psycopg.Connection) -> None:
    names = "abcdefghij"
    put(db, *(one(name, name) for name in names))
    with pytest.raises(psycopg.Error, match=r"4 of the 10 products .* more than 30 %"):
        with db.transaction():
            db.execute("select prune_products('shop', %s)", [list(names[:6])])
    assert db.execute("select prune_products('shop', %s)", [list(names[:7])]).fetchone() == (3,)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("prune_products('shop', '{a}')", "VT004"),
        ("prune_products('shop', '{}', 1)", "VT004"),
        ("prune_products('shop', null, 1)", "VT004"),
        ("prune_products('shop', '{a,b}', 30)", "VT004"),
        ("prune_products('shop', '{a,b}', null)", "VT004"),
        ("prune_products('none', '{a}')", "VT003"),
    ],
)
def test_prune_refuses_to_empty_a_source(db: psycopg.Connection, call: str, code: str) -> None:
    put(db, one("a", "A"), one("b", "B"), one("c", "C"))
    with pytest.raises(psycopg.Error) as caught, db.transaction():
        db.execute(f"select {call}")
    assert caught.value.sqlstate == code
    assert len(ids(db)) == 3


def test_a_product_is_known_again_by_code_then_url_then_title_and_picture(
    db: psycopg.Connection,
) -> None:
    put(
        db,
        one("1", "Lamp", image="l.jpg", sku="L-1"),
        one("2", "Lamp", image="m.jpg", url="https://x.example/2"),
        one("3", "Mug", image="c.jpg"),
        one("4", "Same", image="s.jpg"),
        one("5", "Same", image="s.jpg"),
        one("6", "Kept"),
    )
    assert proposed(
        db,
        one("L-1", "Lamp, new title", image="m.jpg"),
        one("L-2", "Lamp", image="x.jpg", url="https://x.example/2"),
        one("M-1", "Mug", image="c.jpg"),
        one("S-1", "Same", image="s.jpg"),
        one("6", "Kept"),
        one("N-1", "Mug", image="other.jpg"),
    ) == {
        ("L-1", "1", "code"),
        ("L-2", "2", "url"),
        ("M-1", "3", "title and picture"),
        ("S-1", "4", "title and picture"),
        ("S-1", "5", "title and picture"),
        ("6", "6", "id"),
    }


def test_products_exchange_ids_and_are_found_by_them(db: psycopg.Connection) -> None:
    put(db, one("a", "A"), one("b", "B"), one("c", "C"))
    rows = dict(db.execute("select title, id from products").fetchall())
    assert renamed(db, a="b", b="c", c="ZX-77") == {
        "a": "renamed",
        "b": "renamed",
        "c": "renamed",
    }
    assert ids(db) == {"A": "b", "B": "c", "C": "ZX-77"}
    assert dict(db.execute("select title, id from products").fetchall()) == rows
    found = db.execute("select title from search('zx77', mode => 'text')").fetchall()
    assert found == [("C",)]


def test_what_is_not_sure_stays_as_it_is(db: psycopg.Connection) -> None:
    put(db, *(one(name, name.upper()) for name in "abcdefg"))
    pairs = [
        ("a", "x"),
        ("b", "x"),  # two for one id
        ("c", "y"),
        ("c", "z"),  # two ids for one
        ("d", "e"),  # e stays
        ("f", "d"),  # so d stays, and its id is not free
        ("g", "g"),
        ("a", "g"),
        ("gone", "w"),
    ]
    given = json.dumps([{"was": was, "external_id": new} for was, new in pairs])
    found = db.execute("select was, external_id, outcome from rename_products('shop', %s)", [given])
    assert set(found.fetchall()) == {
        ("a", "x", "ambiguous"),
        ("b", "x", "ambiguous"),
        ("c", "y", "ambiguous"),
        ("c", "z", "ambiguous"),
        ("d", "e", "taken"),
        ("f", "d", "taken"),
        ("gone", "w", "gone"),
    }
    assert ids(db) == {name.upper(): name for name in "abcdefg"}


def test_a_comparison_counts_as_writing_does(db: psycopg.Connection) -> None:
    put(db, one("a", "A"), one("b", "B", attributes={"price": 9}), one("c", "C"))
    products = json.dumps(
        [
            one("a", "A"),
            one("b", "B", attributes={"price": 8}),
            one("c", "C, renamed"),
            one("d", "D", variants=[{"sku": "D-1"}]),
        ]
    )
    compared = db.execute("select * from compare_products('shop', %s)", [products]).fetchone()
    assert compared == (1, 2, 1, 2)
    assert db.execute("select * from compare_products('new', %s)", [products]).fetchone() == (
        4,
        0,
        0,
        4,
    )
    assert db.execute("select * from put_products('shop', %s)", [products]).fetchone() == compared


def test_words_that_no_product_has_are_dropped(db: psycopg.Connection) -> None:
    words = "select word from spellings union all select word from catalogue_words"
    before = set(db.execute(words).fetchall())
    put(db, one("a", "Quibbling zorblets"), one("b", "Zorblet sofa"))
    put_too = {("quibbling",), ("zorblets",), ("zorblet",), ("sofa",)}
    assert put_too <= set(db.execute(words).fetchall())
    db.execute("select delete_products('shop', '{a}')")
    db.execute("select collect_words(1000000)")
    left = set(db.execute(words).fetchall())
    assert ("quibbling",) not in left
    assert {("zorblet",), ("sofa",)} <= left
    db.execute("select remove_source('shop')")
    assert set(db.execute(words).fetchall()) - {("sofa",)} <= before
    assert ("sofa",) in set(db.execute(words).fetchall()), "the thesaurus has it"
