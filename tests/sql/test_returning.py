"""sql/40-products: what people decided of a product outlives its leaving an attached source."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from rehearsal import filled
from soundness import assert_sound
from vocabulary import enrich, rows

pytestmark = pytest.mark.once


@filled
def shop(db: psycopg.Connection) -> None:
    """Three tables of a shop, attached; of the first a person decided this and that."""
    db.execute(
        "create table public.product (id int primary key, title text, live boolean default true)"
    )
    db.execute("insert into public.product select i, 'Table ' || i from generate_series(1, 3) as i")
    db.execute("select attach_table('public.product', 'title', predicate => 'live')")
    db.execute("select sync_sources()")
    enrich(db, {1: ["table", "oak"], 2: ["table"], 3: ["table"]})
    db.execute("select set_keywords('product', '{1}', '{desk,pine}', true)")
    rules = [{"query": "wibble", "action": "pin", "external_id": "1"},
             {"query": "table", "action": "hide", "external_id": "1"}]  # fmt: skip
    ((hidden,),) = db.execute(
        "select id from put_rules(%s) offset 1", [json.dumps(rules)]
    ).fetchall()
    db.execute("select remove_rules(%s)", [[hidden]])
    db.execute("select put_judgements(%s)", [json.dumps([
        {"query": "table", "source": "product", "external_id": "1", "grade": 3},
        {"query": "thing", "source": "product", "external_id": "1", "doubt": "no picture"},
    ])])  # fmt: skip


def decided(db: psycopg.Connection) -> list[Any]:
    """What people decided of products, and these by all their names."""
    queries = (
        "select id, external_id, title, keywords from products order by id",
        "select product_id, terms, jsonb_path_query_array(said, '$.term') from given_keywords",
        "select * from rules order by id",
        "select * from judgements",
        "select * from judgement_doubts",
        "select product_id, place, term, form from product_terms where product_id = ("
        " select min(id) from products) order by place",
        "select id, state from keyword_history() order by id",
    )
    return [db.execute(query.encode()).fetchall() for query in queries]


LEAVES = {
    "unlisted": ("update public.product set live = false where id = 1",
                 "update public.product set live = true where id = 1"),
    "deleted": ("delete from public.product where id = 1",
                "insert into public.product (id, title) values (1, 'Table 1')"),
}  # fmt: skip


@pytest.mark.parametrize("way", LEAVES)
def test_a_product_returns_with_what_was_decided_of_it(shop: psycopg.Connection, way: str) -> None:
    before = decided(shop)
    for statement in LEAVES[way]:
        shop.execute(statement.encode())
        ((counts),) = rows(
            shop, "select inserted, updated, removed, rejected, queued from sync_sources()"
        )
    assert tuple(counts) == (1, 0, 0, 0, 1), (
        "its answers are asked for again, and are there already"
    )
    assert decided(shop) == before
    assert rows(shop, "select * from left_products") == []
    enrich(shop, {1: ["table", "oak"]})
    assert decided(shop) == before
    assert_sound(shop)


def test_a_table_that_is_filled_anew_keeps_what_was_decided(shop: psycopg.Connection) -> None:
    first = decided(shop)
    with shop.transaction():
        shop.execute("truncate public.product")
        shop.execute(
            "insert into public.product select i, 'Table ' || i from generate_series(1, 3) as i"
        )
    shop.execute("select sync_sources()")
    assert decided(shop)[1:] == first[1:]
    assert rows(shop, "select keywords from products where external_id = '1'") == [
        (["desk", "pine"],)
    ]
    assert_sound(shop)


def test_what_changes_meanwhile_holds_when_it_returns(shop: psycopg.Connection) -> None:
    out, back = LEAVES["unlisted"]
    shop.execute(out.encode())
    shop.execute("select sync_sources()")
    shop.execute("select rename_keyword('desk', 'bureau')")
    shop.execute("insert into thesaurus (term, canonical) values ('wibble', 'zorbly')")
    shop.execute(back.encode())
    shop.execute("select sync_sources()")
    assert rows(shop, "select keywords from products where external_id = '1'") == [
        (["bureau", "pine"],)
    ]
    assert_sound(shop)


def test_a_change_of_a_product_that_left_is_undone_and_redone(shop: psycopg.Connection) -> None:
    out, back = LEAVES["unlisted"]
    first = decided(shop)
    shop.execute(out.encode())
    shop.execute("select sync_sources()")
    undone = rows(shop, "select alias, before, after from undo_keyword_change()")
    assert ("1", "desk, pine", "table, oak") in undone
    with shop.transaction(force_rollback=True):
        shop.execute(back.encode())
        shop.execute("select sync_sources()")
        assert rows(shop, "select from given_keywords") == []
        assert_sound(shop)
    shop.execute("select undo_keyword_change(2)")
    shop.execute(back.encode())
    shop.execute("select sync_sources()")
    assert decided(shop)[:-1] == first[:-1]
    assert_sound(shop)


def test_what_was_decided_goes_with_the_source(shop: psycopg.Connection) -> None:
    shop.execute("delete from public.product where id = 1")
    assert len(rows(shop, "select from left_products")) == 1
    shop.execute("select detach('product')")
    assert rows(shop, "select from left_products") == []
    shop.execute("select put_source('file')")
    shop.execute("""select put_products('file', '[{"external_id": "1", "title": "Table"}]')""")
    enrich(shop, {1: ["table"]})
    shop.execute("select set_keywords('file', '{1}', '{desk}')")
    shop.execute("delete from products")
    assert rows(shop, "select from left_products") == [], "a file has no product that comes back"


def test_a_writer_syncs_what_returns(shop: psycopg.Connection) -> None:
    before = decided(shop)
    for statement in LEAVES["unlisted"]:
        shop.execute(statement.encode())
        shop.execute("set role vitrina_writer")
        shop.execute("select vitrina.sync_sources()")
        shop.execute("reset role")
    assert decided(shop) == before
