"""sql/70-search: orders, choices, and counts that agree with what a search then finds."""

from __future__ import annotations

import psycopg
import pytest

from small_shop import CATALOGUE, put


@pytest.fixture
def shop(db: psycopg.Connection) -> psycopg.Connection:
    put(db, CATALOGUE)
    db.execute("set role vitrina_reader")
    return db


def found(db: psycopg.Connection, arguments: str) -> list[str]:
    rows = db.execute(f"select external_id from search({arguments})").fetchall()
    return [row[0] for row in rows]


def test_sorted_by_an_attribute(shop: psycopg.Connection) -> None:
    everything = found(shop, "k => 100")
    assert found(shop, "sort => 'price'")[:3] == ["rack-1", "rack-2", "table-1"]
    assert found(shop, "sort => '-price', k => 2, \"offset\" => 1") == ["sofa-2", "table-2"]
    assert found(shop, "sort => 'brand', k => 2") == ["rack-2", "sofa-2"], "equal ones by id"
    assert found(shop, "sort => 'brand'")[-1] == "table-2", "without a brand"
    assert found(shop, "sort => '-tags'")[:2] == ["rack-1", "rack-2"], "of a list the greatest"
    assert found(shop, "sort => 'oldest'") == everything
    assert found(shop, "sort => 'relevance'") == found(shop, "sort => null") == everything
    assert found(shop, "sort => 'price', group_by => 'brand'") == ["rack-1", "rack-2", "table-2"]
    racks = found(shop, "'shoe rack'")
    assert found(shop, "'shoe rack', sort => '-price'") == ["rack-2", "rack-1"]
    assert sorted(racks) == ["rack-1", "rack-2"], "the same rows in every order"
    near = "embedding => embed_text('sofa'), mode => 'vector', sort => 'price', k => 1"
    assert found(shop, near) == ["rack-1"]


def test_an_unknown_attribute_to_sort_by_is_said(shop: psycopg.Connection) -> None:
    said: list[str | None] = []
    shop.add_notice_handler(lambda notice: said.append(notice.message_primary))
    assert found(shop, "sort => '-prise'") == found(shop, "")
    assert said == ["attribute 'prise' not found: nothing is sorted"]
    with pytest.raises(psycopg.DatabaseError, match="sort must have 1 to 500 characters"):
        found(shop, "sort => ''")


def test_any_of_a_facet_and_all_facets(shop: psycopg.Connection) -> None:
    any_of = "any_keywords => '%s'"
    assert found(shop, any_of % '{"material": ["oak", "Metals"]}') == [
        "rack-2",
        "table-1",
        "table-2",
    ]
    both = '{"material": ["oak", "metal"], "type": ["shoe rack", "sofa"], "color": []}'
    assert found(shop, any_of % both) == ["rack-2"]
    assert found(shop, any_of % '{"material": ["gold"]}') == []
    assert found(shop, any_of % '{"color": ["metal"]}') == [], "a keyword of another facet"
    assert found(shop, f"'table', {any_of}" % '{"material": ["oak"]}') == ["table-2"]
    liked = "select external_id from recommend(array[(select min(product_id) from catalog)], %s)"
    assert shop.execute(liked % (any_of % '{"material": ["oak"]}')).fetchall() == [("table-2",)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("[]", "any_keywords must be a JSON object"),
        ('{"colour": ["black"]}', "facet 'colour' not found"),
        ('{"color": "black"}', "list of at most 1000 keywords for color"),
        ('{"color": [1]}', "list of at most 1000 keywords for color"),
    ],
)
def test_what_is_no_choice_is_an_error(shop: psycopg.Connection, given: str, message: str) -> None:
    with pytest.raises(psycopg.DatabaseError, match=message) as caught:
        shop.execute("select search(any_keywords => %s)", [given])
    assert caught.value.sqlstate == "VT004"
