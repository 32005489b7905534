"""sql/40-products/450 and sql/80-curation/835: single products by their names."""

from __future__ import annotations

import json

import psycopg
import pytest

from rehearsal import filled
from vocabulary import enrich, fill, keywords, rows, state

pytestmark = pytest.mark.once


@filled
def shop(db: psycopg.Connection) -> None:
    """Twelve products in the local space."""
    fill(db, 12)


def test_keywords_set_by_hand_are_kept_and_what_models_said_is_remembered(
    shop: psycopg.Connection,
) -> None:
    done = rows(shop, "select * from set_keywords('shop', '{1}', '{teal, Wobble Stools}')")
    assert [(r.alias, r.before, r.after, r.products) for r in done] == [
        ("1", "zig lamp, white, thing", "teal, Wobble Stools", 1)
    ]
    assert keywords(shop, 1) == ["teal", "wobble stool"]
    enrich(shop, {1: ["black", "thing"], 2: ["black"]})
    assert keywords(shop, 1) == ["teal", "wobble stool"]
    assert keywords(shop, 2) == ["black"]
    found = rows(
        shop, "select s.external_id from search('teal stool', k => 12, mode => 'text') as s"
    )
    assert "1" in {row.external_id for row in found}
    shop.execute("select reset_keywords('shop', '{1,2}')")
    assert keywords(shop, 1) == ["black", "thing"]
    shop.execute("select undo_keyword_change()")
    assert keywords(shop, 1) == ["teal", "wobble stool"]
    shop.execute("select rename_keyword('teal', 'petrol')")
    assert keywords(shop, 1) == ["petrol", "wobble stool"]


def test_an_undo_of_set_keywords_restores_what_models_say_now(shop: psycopg.Connection) -> None:
    shop.execute("select set_keywords('shop', '{1}', '{teal}')")
    enrich(shop, {1: ["black"]})
    shop.execute("select undo_keyword_change()")
    assert keywords(shop, 1) == ["black"]
    shop.execute("select undo_keyword_change(2)")  # redone
    assert keywords(shop, 1) == ["teal"]
    assert shop.execute("select said from given_keywords").fetchone() == (
        [{"term": "black", "facet": None}],
    )


def test_a_known_synonym_is_no_new_keyword(shop: psycopg.Connection) -> None:
    shop.execute("insert into thesaurus (term, canonical) values ('lamp zigged', 'zig lamp')")
    shop.execute("select set_keywords('shop', '{3}', '{lamp zigged}')")
    assert keywords(shop, 3) == ["zig lamp"]


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        ("set_keywords('shop', '{1}', '{teel}')", "keyword or alias 'teel' not found", "teal"),
        (
            "set_keywords('shop', '{12}', '{}')",
            "product '12' not found in source shop",
            "nearest: 1",
        ),
        ("set_keywords('shap', '{1}', '{}')", "source 'shap' not found", "nearest: shop"),
        ("set_keywords('shop', '{1}', '{--}', true)", "cannot be a keyword", "1 to 100"),
        ("delete_products('shap', '{1}')", "source 'shap' not found", "nearest: shop"),
        ("remove_source('shap')", "source 'shap' not found", "nearest: shop"),
    ],
)
@pytest.mark.once
def test_an_unknown_name_is_an_error_with_the_nearest(
    shop: psycopg.Connection, call: str, message: str, hint: str
) -> None:
    before = state(shop)
    with pytest.raises(psycopg.Error) as caught:
        shop.execute(f"select {call}".encode())
    assert message in str(caught.value.diag.message_primary)
    assert hint in str(caught.value.diag.message_hint)
    assert state(shop) == before


def test_all_that_is_known_of_products(shop: psycopg.Connection) -> None:
    shop.execute("update products set image = 'https://u:p@shop.example/a.jpg?sig=abc'")
    shop.execute(
        "insert into variants (product_id, position, sku, title, attributes, image)"
        " select id, 1, 'S-1', 'Red', '{\"size\": 42}', 'https://x.example/b.jpg?token=1'"
        " from products where external_id = '2'"
    )
    shop.execute(
        "insert into product_images (product_id, position, image, role)"
        " select id, 1, image, 'main' from products where external_id = '2'"
    )
    two, one = (
        shop.execute("select id from products where external_id = %s", [i]).fetchone()
        for i in ("2", "1")
    )
    assert two is not None
    assert one is not None
    found = rows(shop, "select * from get_products(%s)", [two[0], 999999, one[0]])
    assert [row.external_id for row in found] == ["2", "1"]
    first = found[0]
    assert first.image == "https://shop.example/a.jpg?sig=***"
    assert [(v["sku"], v["attributes"], v["image"]) for v in first.variants] == [
        ("S-1", {"size": 42}, "https://x.example/b.jpg?token=***")
    ]
    assert [(i["image"], i["role"]) for i in first.images] == [(first.image, "main")]
    assert [(k["keyword"], k["said"], k["method"]) for k in first.keywords] == [
        ("qua shelf", "qua shelf", "new"), ("walnut", "walnut", "new"), ("thing", "thing", "new"),
    ]  # fmt: skip
    assert not first.by_hand


def test_a_picture_that_is_seen_again_gets_the_newer_thumbnail(shop: psycopg.Connection) -> None:
    image = {"sha256": "ab" * 32, "mime": "image/png", "width": 1, "height": 1, "bytes": 1,
             "thumbnail": "AAAA", "dhash": "0" * 64}  # fmt: skip
    for thumbnail in ("AAAA", "BBBBBBBB"):
        shop.execute("select put_images(%s)", [json.dumps([{**image, "thumbnail": thumbnail}])])
    assert shop.execute("select encode(thumbnail, 'base64') from images").fetchall() == [
        ("BBBBBBBB",)
    ]


def test_deleted_products_leave_nothing_but_answers(shop: psycopg.Connection) -> None:
    image = {"sha256": "ab" * 32, "mime": "image/png", "width": 1, "height": 1, "bytes": 1,
             "thumbnail": "AAAA", "dhash": "0" * 64}  # fmt: skip
    shop.execute("select put_images(%s)", [json.dumps([image])])
    shop.execute("update products set image_sha256 = decode(%s, 'hex')", ["ab" * 32])
    assert shop.execute("select delete_products('shop', '{1,2,nope}')").fetchone() == (2,)
    assert shop.execute("select count(*), (select count(*) from images) from products").fetchone() \
        == (10, 1)  # fmt: skip
    everything = "select delete_products('shop', array(select external_id from products))"
    assert shop.execute(everything).fetchone() == (10,)
    for table in ("images", "product_text", "product_terms", "product_embeddings", "jobs"):
        assert shop.execute(f"select count(*) from {table}".encode()).fetchone() == (0,)


def test_products_of_an_attached_source_are_deleted_in_the_shop(db: psycopg.Connection) -> None:
    db.execute("create schema if not exists own")
    db.execute("create table own.item (id int primary key, title text)")
    db.execute("insert into own.item values (1, 'Sofa')")
    db.execute("select attach_table('own.item', 'title', name => 'own items')")
    db.execute("select * from sync_sources(10)")
    for call in ("delete_products('own items', '{1}')", "remove_source('own items')"):
        with pytest.raises(psycopg.Error, match="attached") as caught:
            db.execute(f"select {call}".encode())
        assert "vitrina detach 'own items'" in str(caught.value.diag.message_hint)


@pytest.mark.once
def test_unknown_names_of_each_kind(shop: psycopg.Connection) -> None:
    shop.execute('update products set attributes = \'{"brand": "Acme", "size": 4}\'')
    found = rows(shop, "select * from unknown_names('{shop,shup}', '{Teal,teel}', '{brand,bland}')")
    assert [(r.kind, r.name, r.nearest[0]) for r in found] == [
        ("source", "shup", "shop"), ("keyword", "teel", "teal"), ("attribute", "bland", "brand"),
    ]  # fmt: skip


@pytest.mark.once
def test_looking_a_keyword_up_writes_nothing(shop: psycopg.Connection) -> None:
    before = state(shop)
    terms = "'{Zig lamps,blorp,teal,\"--\"}'"
    looked = rows(shop, f"select * from look_up_keywords({terms})")
    assert state(shop) == before
    assert [(r.keyword, r.method) for r in looked] == [
        ("zig lamp", "form"), ("blorp", "new"), ("teal", "exact"), (None, None),
    ]  # fmt: skip
    assert rows(shop, f"select * from resolve_keywords({terms})") == looked
