"""Variants: found through their product, which shows the one that was asked for."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from rehearsal import filled

pytestmark = pytest.mark.once


def variant(sku: str, color: str, size: str, price: float, image: str | None = None) -> Any:
    return {
        "sku": sku,
        "codes": [f"EAN-{sku}"],
        "image": f"https://shop.example/{image}.jpg" if image else None,
        "attributes": {"Color": color, "Size": size, "price": price},
    }


PRODUCTS = [
    {
        "external_id": "shirt",
        "title": "Linen shirt",
        "image": "https://shop.example/shirt.jpg",
        "sku": "LS",
        "attributes": {"brand": "Northwind"},
        "variants": [
            variant("LS-WHT-S", "White", "S", 49, "white"),
            variant("LS-WHT-M", "White", "M", 49),
            variant("LS-RED-S", "Red", "S", 52),
            variant("LS-RED-L", "Red", "L", 55, "red"),
        ],
    },
    {
        "external_id": "cap",
        "title": "Wool cap",
        "attributes": {"Color": "Red", "Size": "M", "price": 19},
        "variants": [{"sku": "WC-1"}],
    },
    {"external_id": "mug", "title": "Mug", "sku": "MUG", "attributes": {"Color": ["Red", "Blue"]}},
]


@filled
def shop(db: psycopg.Connection) -> None:
    db.execute("select put_source('shop')")
    db.execute("select put_products('shop', %s)", [json.dumps(PRODUCTS)])


def found(db: psycopg.Connection, arguments: str) -> list[tuple[Any, ...]]:
    return db.execute(
        f"select external_id, sku, split_part(image, '/', 4) from search({arguments})"
    ).fetchall()


@pytest.mark.parametrize("code", ["LS-RED-S", "ls red s", "EAN-LS-RED-S"])
def test_a_code_of_a_variant_finds_its_product(shop: psycopg.Connection, code: str) -> None:
    row = shop.execute("select external_id, sku, matched from search(%s, 1)", [code]).fetchone()
    assert row is not None
    assert row[:2] == ("shirt", "LS-RED-S")
    assert "code" in row[2]


@pytest.mark.parametrize("stored", ["012345678905", "0012345678905", "12345678905"])
def test_a_gtin_is_found_with_and_without_zeros_in_front(
    shop: psycopg.Connection, stored: str
) -> None:
    forms: list[dict[str, object]] = [{"sku": "L-1"}, {"sku": "L-2", "codes": [stored]}]
    lamp = {"external_id": "lamp", "title": "Lamp", "variants": forms}
    shop.execute("select put_products('shop', %s)", [json.dumps([lamp])])
    for typed in ("12345678905", "012345678905", "0 12345-678905", "00012345678905"):
        assert [row[:2] for row in found(shop, f"'{typed}', 1")] == [("lamp", "L-2")]
    # a shorter number, and a code with letters, are only what they are
    same = "select vitrina_internal.code_forms('0123'), vitrina_internal.code_forms('0abc1234567')"
    assert shop.execute(same).fetchone() == (["0123"], ["0abc1234567"])


@pytest.mark.parametrize(
    ("arguments", "sku", "image"),
    [
        ("'linen shirt', mode => 'text'", "LS", "shirt.jpg"),
        ("'red linen shirt', mode => 'text'", "LS-RED-L", "red.jpg"),
        ("'white shirts', mode => 'text'", "LS-WHT-S", "white.jpg"),
        ("""'shirt', mode => 'text', filter => '{"Color": "Red"}'""", "LS-RED-L", "red.jpg"),
        ("""'shirt', mode => 'text', filter => '{"Size": "M"}'""", "LS-WHT-M", "shirt.jpg"),
        ("""filter => '{"Color": "Red", "Size": "S"}'""", "LS-RED-S", "shirt.jpg"),
    ],
)
def test_the_variant_that_was_asked_for_is_shown(
    shop: psycopg.Connection, arguments: str, sku: str, image: str
) -> None:
    assert ("shirt", sku, image) in found(shop, arguments)


def test_a_keyword_asks_for_a_variant(shop: psycopg.Connection) -> None:
    (product,) = shop.execute("select id from products where external_id = 'shirt'").fetchone()  # type: ignore[misc]
    enrichment = {
        "product_id": product,
        "terms": [{"term": "red"}, {"term": "shirt"}],
        "description": "",
        "caption": "A shirt.",
    }
    shop.execute("select put_enrichments(%s)", [json.dumps([enrichment])])
    assert found(shop, "with_keywords => '{red}'") == [("shirt", "LS-RED-L", "red.jpg")]


def test_a_single_variant_gives_its_sku(shop: psycopg.Connection) -> None:
    assert found(shop, "'wool cap', 1, mode => 'text'")[0][:2] == ("cap", "WC-1")


@pytest.mark.parametrize(
    ("wanted", "products"),
    [
        ({"Color": "Red"}, ["cap", "mug", "shirt"]),
        ({"Color": "Red", "Size": "S"}, ["shirt"]),
        # both are there, but not of one variant
        ({"Color": "Red", "Size": "M"}, ["cap"]),
        ({"Color": "White", "brand": "Northwind"}, ["shirt"]),
        ({"Color": "White", "price": 55}, []),
        ({"Color": ["Red", "White"]}, ["shirt"]),
        ({"Color": ["Red"]}, ["mug", "shirt"]),
        ({"Color": None}, []),
    ],
)
def test_filters_know_lists_and_variants(
    shop: psycopg.Connection, wanted: dict[str, Any], products: list[str]
) -> None:
    rows = shop.execute(
        "select external_id from search(filter => %s) order by 1", [json.dumps(wanted)]
    ).fetchall()
    assert [row[0] for row in rows] == products
    counted = shop.execute(
        "select count(*) from nearest_by_image(dhash => repeat('0', 64)::bit(64), filter => %s)",
        [json.dumps(wanted)],
    ).fetchone()
    assert counted == (0,)


def test_prices_of_variants_can_be_asked_for(shop: psycopg.Connection) -> None:
    rows = shop.execute(
        "select external_id, attributes -> 'price' from search(where_path => '$.price < 50')"
    ).fetchall()
    assert sorted(rows) == [("cap", 19), ("shirt", 49)]
    assert found(shop, "where_path => '$.Color == \"White\"'")[0][0] == "shirt"


def test_a_filter_of_many_attributes_is_refused(shop: psycopg.Connection) -> None:
    wanted = json.dumps({f"a{n}": n for n in range(101)})
    with pytest.raises(psycopg.DatabaseError, match="at most 100 attributes"):
        shop.execute("select * from search(filter => %s)", [wanted])


def test_a_filter_uses_the_index(shop: psycopg.Connection) -> None:
    shop.execute("set enable_seqscan = off")
    (predicate,) = shop.execute(
        "select vitrina_internal.filter_predicate(vitrina_internal.filters_of("
        """'{"Color": "Red"}', null, '{}', '{}', null))"""
    ).fetchone()  # type: ignore[misc]
    shop.execute(
        f"prepare wanted (vitrina_internal.filters) as select p.id from products as p where {predicate}"
    )
    plan = shop.execute(
        "explain execute wanted (vitrina_internal.filters_of("
        """'{"Color": "Red"}', null, '{}', '{}', null))"""
    ).fetchall()
    assert "products_attributes_idx" in str(plan)


def test_facets_count_the_values_of_variants(shop: psycopg.Connection) -> None:
    rows = shop.execute(
        "select value, products from facets(attributes => '{Color}') where kind = 'attribute'"
        " order by 1"
    ).fetchall()
    assert rows == [("Blue", 1), ("Red", 3), ("White", 1)]


@filled
def feed(db: psycopg.Connection) -> None:
    """Offers of three products, and one without a group."""
    db.execute("select put_source('feed')")
    rows = [
        {
            "external_id": f"{group}-{n}",
            "title": f"T-shirt {group}",
            "attributes": {"group": [group, "all"] if group == "B" else group},
        }
        for group, count in (("A", 300), ("B", 40), ("C", 1))
        for n in range(count)
    ]
    rows.append({"external_id": "alone", "title": "T-shirt alone", "attributes": {}})
    db.execute("select put_products('feed', %s)", [json.dumps(rows)])


def test_one_row_of_each_group(feed: psycopg.Connection) -> None:
    grouped = "search('t-shirt', %s, %s, mode => 'text', group_by => 'group')"
    rows = feed.execute(f"select external_id from {grouped}", [10, 0]).fetchall()
    assert [row[0] for row in rows] == ["A-0", "B-0", "C-0", "alone"]
    pages = [
        row[0]
        for offset in range(5)
        for row in feed.execute(f"select external_id from {grouped}", [1, offset]).fetchall()
    ]
    assert pages == ["A-0", "B-0", "C-0", "alone"]
    rows = feed.execute("select external_id from search(k => 10, group_by => 'group')").fetchall()
    assert len(rows) == 4
    assert (
        len(feed.execute("select from search('t-shirt', 10, group_by => 'none')").fetchall()) == 10
    )
    with pytest.raises(psycopg.DatabaseError, match="group_by must have 1 to 500 characters"):
        feed.execute("select from search(group_by => '')")


def test_an_unknown_attribute_to_group_by_is_said(feed: psycopg.Connection) -> None:
    said: list[tuple[str | None, str | None]] = []
    feed.add_notice_handler(lambda d: said.append((d.message_primary, d.message_hint)))
    feed.execute("select from search('t-shirt', 10, group_by => 'group')")
    feed.execute("select from search('teapot', 10, mode => 'text', group_by => 'group')")
    assert said == []
    feed.execute("select from search('t-shirt', 10, group_by => 'gruop')")
    feed.execute("select from search('t-shirt', 10, group_by => 'zzz')")
    assert said == [
        ("attribute 'gruop' not found: nothing is grouped", "nearest: group"),
        ("attribute 'zzz' not found: nothing is grouped", "name an attribute of products"),
    ]


def test_keywords_change_and_are_undone_beside_variants(shop: psycopg.Connection) -> None:
    def all_of_it() -> list[tuple[Any, ...]]:
        return shop.execute(
            "select p.keywords, p.attributes, p.codes, t.tsv::text, (select jsonb_agg(v order by"
            " v.position) from variants as v where v.product_id = p.id) from products as p"
            " join product_text as t on t.product_id = p.id order by p.id"
        ).fetchall()

    ids = dict(shop.execute("select external_id, id from products").fetchall())
    terms = {"shirt": ["shirt", "linen"], "cap": ["cap", "wool"]}
    given = [
        {"product_id": ids[name], "terms": [{"term": term} for term in said], "caption": ""}
        for name, said in terms.items()
    ]
    shop.execute("select put_enrichments(%s)", [json.dumps(given)])
    before = all_of_it()
    changes = [
        "merge_keywords('{linen}', 'wool')",
        "rename_keyword('shirt', 'chemise')",
        "drop_keyword('cap')",
    ]
    for change in changes:
        shop.execute(f"select {change}".encode())
        assert [row[4] for row in all_of_it()] == [row[4] for row in before], change
        found = shop.execute(
            "select external_id, sku from search('LS-RED-L', 1, mode => 'text')"
        ).fetchall()
        assert found == [("shirt", "LS-RED-L")], change
    assert all_of_it() != before
    for _ in changes:
        shop.execute("select undo_keyword_change()")
    assert all_of_it() == before
