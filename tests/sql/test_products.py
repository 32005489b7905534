"""sql/40-products: upserts change what changed, and queue what an enrichment would see."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import psycopg
import pytest

from rehearsal import filled

pytestmark = pytest.mark.once

LAMP = {"external_id": "1", "title": "Lamp", "attributes": {"price": 5, "color": "red"}}


def put(db: psycopg.Connection, *products: dict[str, Any]) -> tuple[int, int, int, int]:
    row = db.execute("select * from put_products('shop', %s)", [json.dumps(products)]).fetchone()
    assert row is not None
    return row


@filled
def shop(db: psycopg.Connection) -> None:
    db.execute("select put_source('shop')")


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
        ({"attributes": {"price": 5, "color": "red", "currency": "$"}}, 0),
        ({"attributes": {"price": 5, "color": "red", "currency": "EUR"}}, 1),
        ({"url": "https://shop.example/1"}, 0),
    ],
)
def test_only_what_an_enrichment_reads_queues(
    shop: psycopg.Connection, change: dict[str, Any], queued: int
) -> None:
    put(shop, LAMP)
    shop.execute("delete from jobs")
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
        (
            'select put_products(\'shop\', \'[{"external_id": "1", "title": "Jar",'
            ' "attributes": {"n": 1e5000}}]\')',
            "VT004",
        ),
        (
            "select put_products('shop', jsonb_build_array(jsonb_build_object('external_id', '1',"
            " 'title', 'Jar', 'variants', jsonb_build_array(jsonb_build_object('attributes',"
            " jsonb_build_object('x', (repeat('[', 600) || repeat(']', 600))::jsonb))))))",
            "VT004",
        ),
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


SHIRT = {
    "external_id": "shirt",
    "title": "Linen shirt",
    "text": "Airy, with coconut buttons.",
    "image": "https://shop.example/white.jpg",
    "sku": "LS",
    "codes": ["4006381333931"],
    "attributes": {"brand": "Northwind"},
    "images": [
        {"image": "https://shop.example/white.jpg", "role": "main"},
        {"image": "https://shop.example/back.jpg"},
    ],
    "variants": [
        {
            "sku": "LS-WHT-S",
            "image": "https://shop.example/white.jpg",
            "attributes": {"Color": "White", "Size": "S", "price": 52, "in_stock": False},
        },
        {
            "sku": "LS-IND-M",
            "title": "Indigo",
            "codes": ["PN-77"],
            "image": "https://shop.example/indigo.jpg",
            "attributes": {
                "Color": "Indigo",
                "Size": "M",
                "price": 49,
                "was_price": 60,
                "in_stock": True,
                "currency": "EUR",
            },
        },
        {"sku": "LS-IND-S", "attributes": {"Color": "Indigo", "Size": "S", "price": 49}},
    ],
}


def one(db: psycopg.Connection, query: str) -> Any:
    row = db.execute(query).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def test_a_product_says_what_its_variants_say(shop: psycopg.Connection) -> None:
    assert put(shop, SHIRT) == (1, 0, 0, 1)
    assert one(shop, "select attributes from products") == {
        "brand": "Northwind",
        "Color": ["White", "Indigo"],
        "Size": ["S", "M"],
        "price": 49,
        "price_max": 52,
        "was_price": 60,
        "currency": "EUR",
        "in_stock": True,
    }
    assert one(shop, "select text, sku, codes from products") == (
        "Airy, with coconut buttons.",
        "LS",
        ["4006381333931"],
    )
    assert shop.execute(
        "select position, sku, title, codes from variants order by position"
    ).fetchall() == [
        (1, "LS-WHT-S", None, []),
        (2, "LS-IND-M", "Indigo", ["PN-77"]),
        (3, "LS-IND-S", None, []),
    ]
    assert shop.execute(
        "select position, image, role from product_images order by position"
    ).fetchall() == [
        (1, "https://shop.example/white.jpg", "main"),
        (2, "https://shop.example/back.jpg", "further"),
    ]


def test_what_the_shop_says_of_the_product_stands(shop: psycopg.Connection) -> None:
    put(shop, SHIRT | {"attributes": {"Color": "Mixed", "price": 40, "currency": "USD"}})
    assert one(
        shop,
        "select array[attributes ->> 'Color', attributes ->> 'price', attributes ->> 'price_max',"
        " attributes ->> 'currency'] from products",
    ) == ["Mixed", "40", "52", "USD"]


def test_an_unchanged_product_with_variants_costs_nothing(shop: psycopg.Connection) -> None:
    put(shop, SHIRT)
    rows = "select array_agg(xmin::text) from (select xmin from products union all select xmin from variants union all select xmin from product_images union all select xmin from product_text) as r"
    before = one(shop, rows)
    assert put(shop, SHIRT) == (0, 0, 1, 0)
    assert one(shop, rows) == before


def changed(**variant: Any) -> dict[str, Any]:
    first, *others = SHIRT["variants"]
    return SHIRT | {"variants": [first | variant, *others]}


@pytest.mark.parametrize(
    ("product", "queued"),
    [
        (changed(sku="LS-WHT-XS"), 0),
        (changed(image="https://shop.example/other.jpg"), 0),
        (changed(attributes={"Color": "White", "Size": "S", "price": 50, "in_stock": True}), 0),
        (changed(attributes={"Color": "Rust", "Size": "S", "price": 52}), 1),
        (SHIRT | {"variants": SHIRT["variants"][:2]}, 0),
        (SHIRT | {"images": SHIRT["images"][:1]}, 0),
        (SHIRT | {"images": [], "variants": SHIRT["variants"]}, 0),
        (SHIRT | {"codes": []}, 0),
        (SHIRT | {"sku": None}, 0),
        (SHIRT | {"text": "Airy."}, 1),
        (SHIRT | {"text": None}, 1),
    ],
)
def test_a_change_of_any_part_is_an_update(
    shop: psycopg.Connection, product: dict[str, Any], queued: int
) -> None:
    put(shop, SHIRT)
    shop.execute("delete from jobs")
    assert put(shop, product) == (0, 1, 0, queued)
    assert one(shop, "select count(*) from variants") == len(product["variants"])
    assert one(shop, "select count(*) from product_images") == len(product["images"])
    assert put(shop, product) == (0, 0, 1, 0)
    put(shop, {"external_id": "shirt", "title": "Linen shirt"})
    assert one(shop, "select (select count(*) from variants) + count(*) from product_images") == 0


def test_products_without_text_and_variants_keep_their_hash(shop: psycopg.Connection) -> None:
    put(shop, LAMP)
    before = hashlib.sha256(b'["Lamp", null, null, {"color": "red"}]').hexdigest()
    assert one(shop, "select encode(input_hash, 'hex') from products") == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"variants": {"sku": "1"}},
        {"variants": ["1"]},
        {"variants": [{"sku": ["1"]}]},
        {"variants": [{"codes": "1"}]},
        {"variants": [{"codes": [["1"]]}]},
        {"variants": [{"attributes": []}]},
        {"images": ["https://shop.example/1.jpg"]},
        {"images": [{"role": "main"}]},
        {"images": [{"image": "1.jpg", "role": "front"}]},
        {"codes": "1"},
        {"text": {"en": "1"}},
    ],
)
def test_an_error_names_the_row(shop: psycopg.Connection, wrong: dict[str, Any]) -> None:
    with pytest.raises(psycopg.DatabaseError, match=r"row 2 of products \(bad\): its "):
        put(shop, LAMP, {"external_id": "bad", "title": "Bad"} | wrong)


def test_a_product_may_have_very_many_codes(shop: psycopg.Connection) -> None:
    variants = [{"sku": f"SKU-{n}", "codes": ["x" * 500, f"EAN-{n}"]} for n in range(5000)]
    assert put(shop, SHIRT | {"variants": variants})[0] == 1


def stored(db: psycopg.Connection, *names: str) -> dict[str, str]:
    """Pictures that were fetched: the digest of each."""
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in names}
    for digest in digests.values():
        db.execute(
            "insert into images values (decode(%s, 'hex'), 'image/png', 8, 8, 9, '', 0::bit(64))",
            [digest],
        )
    return digests


def enrich(db: psycopg.Connection, external_id: str, picture: str | None) -> None:
    product = one(db, f"select id from products where external_id = '{external_id}'")
    given = [{"product_id": product, "terms": [], "caption": "", "image_sha256": picture}]
    db.execute("select put_enrichments(%s)", [json.dumps(given)])


def pictures(db: psycopg.Connection) -> list[tuple[str, str | None]]:
    return db.execute(
        "select i.image, encode(i.image_sha256, 'hex') from product_images as i"
        " join products as p on p.id = i.product_id order by p.external_id, i.position"
    ).fetchall()


def shown(external_id: str, *images: str) -> dict[str, Any]:
    return LAMP | {"external_id": external_id, "images": [{"image": image} for image in images]}


def test_a_fetched_picture_is_known_among_all_pictures(shop: psycopg.Connection) -> None:
    digests = stored(shop, "a", "b")
    put(shop, shown("1", "a.jpg", "back.jpg"))
    assert pictures(shop) == [("a.jpg", None), ("back.jpg", None)]
    enrich(shop, "1", digests["a"])
    assert pictures(shop) == [("a.jpg", digests["a"]), ("back.jpg", None)]
    put(shop, shown("1", "a.jpg", "side.jpg"))
    assert pictures(shop) == [("a.jpg", digests["a"]), ("side.jpg", None)], "it stays"
    put(shop, shown("1", "b.jpg", "a.jpg"))
    assert pictures(shop) == [("b.jpg", None), ("a.jpg", None)], "each is another one now"
    enrich(shop, "1", digests["b"])
    assert pictures(shop) == [("b.jpg", digests["b"]), ("a.jpg", None)]
    enrich(shop, "1", None)
    assert pictures(shop) == [("b.jpg", None), ("a.jpg", None)], "it could not be fetched"


def test_a_thumbnail_stays_while_any_picture_is_it(shop: psycopg.Connection) -> None:
    digests = stored(shop, "a", "b", "unused")
    put(shop, shown("1", "a.jpg"), shown("2", "b.jpg", "a.jpg"))
    enrich(shop, "1", digests["a"])
    enrich(shop, "2", digests["b"])
    shop.execute(
        "update product_images set image_sha256 = decode(%s, 'hex') where position = 2",
        [digests["a"]],
    )
    there = "select array_agg(encode(sha256, 'hex') order by sha256) from images"
    kept = sorted((digests["a"], digests["b"]))
    assert one(shop, "select collect_images()") == 1
    assert one(shop, there) == kept
    shop.execute("select delete_products('shop', '{1}')")
    assert one(shop, there) == kept, "a further picture of another product"
    shop.execute("select delete_products('shop', '{2}')")
    assert one(shop, there) is None
