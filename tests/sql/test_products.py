"""sql/40-products: upserts change what changed, and queue what an enrichment would see."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

LAMP = {"external_id": "1", "title": "Lamp", "attributes": {"price": 5, "color": "red"}}


def put(db: psycopg.Connection, *products: dict[str, Any]) -> tuple[int, int, int, int]:
    row = db.execute("select * from put_products('shop', %s)", [json.dumps(products)]).fetchone()
    assert row is not None
    return row


@pytest.fixture
def shop(db: psycopg.Connection) -> psycopg.Connection:
    db.execute("select put_source('shop')")
    return db


def test_a_product_is_inserted_then_unchanged(shop: psycopg.Connection) -> None:
    assert put(shop, LAMP) == (1, 0, 0, 1)
    shop.execute("delete from jobs")
    before = shop.execute("select xmin, updated_at from products").fetchone()
    assert put(shop, LAMP) == (0, 0, 1, 0)
    assert shop.execute("select xmin, updated_at from products").fetchone() == before


@pytest.mark.parametrize(
    ("change", "queued"),
    [
        ({"title": "Brass lamp"}, 1),
        ({"image": "https://shop.example/1.jpg"}, 1),
        ({"image_stamp": "10-20"}, 1),
        ({"attributes": {"price": 5, "color": "blue"}}, 1),
        ({"attributes": {"price": 6, "color": "red"}}, 0),
        ({"attributes": {"price": 5, "color": "red", "in_stock": False}}, 0),
        ({"url": "https://shop.example/1"}, 0),
    ],
)
def test_only_what_an_enrichment_reads_queues(
    shop: psycopg.Connection, change: dict[str, Any], queued: int
) -> None:
    put(shop, LAMP)
    shop.execute("delete from jobs")
    changed = json.dumps([LAMP | change])
    assert shop.execute("select count_to_queue('shop', %s)", [changed]).fetchone() == (queued,)
    assert put(shop, LAMP | change) == (0, 1, 0, queued)


def test_null_becoming_a_value_is_a_change(shop: psycopg.Connection) -> None:
    put(shop, LAMP | {"url": None})
    assert put(shop, LAMP | {"url": "u"})[1] == 1
    assert put(shop, LAMP | {"url": None})[1] == 1


def test_the_same_id_in_two_sources_is_two_products(shop: psycopg.Connection) -> None:
    shop.execute("select put_source('other')")
    put(shop, LAMP)
    shop.execute("select put_products('other', %s)", [json.dumps([LAMP])])
    assert shop.execute("select count(*) from products").fetchone() == (2,)
    assert shop.execute("select remove_source('other')").fetchone() == (1,)
    assert shop.execute("select array_agg(source) from catalog").fetchone() == (["shop"],)


@pytest.mark.parametrize(
    ("query", "state"),
    [
        ("select put_products('nowhere', '[]')", "VT003"),
        ("select remove_source('nowhere')", "VT003"),
        ("select put_source('x', text_config => 'klingon')", "VT004"),
        ("select put_source('')", "VT004"),
        ('select put_products(\'shop\', \'[{"external_id": "1", "title": ""}]\')', "VT004"),
    ],
)
def test_what_cannot_be_stored_is_refused(shop: psycopg.Connection, query: str, state: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        shop.execute(query)
    assert caught.value.sqlstate == state
    assert shop.execute("select count(*) from products").fetchone() == (0,)


def test_titles_are_found_before_any_enrichment(shop: psycopg.Connection) -> None:
    put(shop, LAMP)
    rows = shop.execute("select title, similarity from search('lamps')").fetchall()
    assert rows == [("Lamp", None)]


def test_settings_of_a_source_are_merged(shop: psycopg.Connection) -> None:
    shop.execute("select put_source('shop', config => '{\"a\": 1}')")
    shop.execute("select put_source('shop', config => '{\"b\": 2}', text_config => 'german')")
    shop.execute("select put_source('shop')")
    row = shop.execute("select config, text_config from sources").fetchone()
    assert row == ({"a": 1, "b": 2}, "german")
