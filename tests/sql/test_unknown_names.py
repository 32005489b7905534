"""Names that the catalogue does not know: no rows, and a notice with the nearest ones."""

from __future__ import annotations

import psycopg
import pytest

from rehearsal import filled
from small_shop import CATALOGUE, put


@filled
def shop(db: psycopg.Connection) -> None:
    put(db, CATALOGUE)


@pytest.fixture
def heard(shop: psycopg.Connection) -> list[str]:
    said: list[str] = []
    shop.add_notice_handler(
        lambda one: said.append(f"{one.message_primary}; {one.message_hint or ''}")
    )
    return said


SOURCE = "source 'shp' not found; nearest: shop"
KEYWORD = "keyword 'bambo' not found; nearest: bamboo"
ATTRIBUTE = "attribute 'brnd' not found; nearest: brand"
CALLS = [
    ("search('rack', sources => '{shp}')", SOURCE),
    ("search('rack', with_keywords => '{bambo}')", KEYWORD),
    ("search('rack', any_keywords => '{\"material\": [\"bambo\"]}')", KEYWORD),
    ("search('rack', filter => '{\"brnd\": \"x\"}')", ATTRIBUTE),
    ("search('rack', where_path => '$.brnd == \"x\"')", ATTRIBUTE),
    ("facets('rack', sources => '{shp}', attributes => '{}')", SOURCE),
    ("similar_products('rack-1', sources => '{shp}')", SOURCE),
    ("recommend('shop', '{rack-1}', sources => '{shp}')", SOURCE),
    ("recommend('shop', '{rack-1}', with_keywords => '{bambo}')", KEYWORD),
    ("duplicates(sources => '{shp}')", SOURCE),
]


@pytest.mark.once
@pytest.mark.parametrize(("call", "notice"), CALLS, ids=[call for call, _ in CALLS])
def test_an_unknown_name_gives_no_rows_and_a_notice(
    db: psycopg.Connection, heard: list[str], call: str, notice: str
) -> None:
    assert db.execute(f"select * from vitrina.{call}").fetchall() == []
    assert heard == [notice]


@pytest.mark.once
def test_what_is_known_gives_no_notice(db: psycopg.Connection, heard: list[str]) -> None:
    known = "with_keywords => '{bamboo}', sources => '{shop}', where_path => '$.price > 9000'"
    assert db.execute(f"select * from vitrina.search('rack', {known})").fetchall() == []
    assert db.execute("select vitrina.count_matches('rack')").fetchone() != (0,)
    assert heard == []


@pytest.mark.once
def test_products_are_taken_by_each_of_their_names(
    db: psycopg.Connection, heard: list[str]
) -> None:
    row = db.execute(
        "select product_id from vitrina.catalog where external_id = 'rack-1'"
    ).fetchone()
    assert row is not None
    for call in (
        "similar_products({})",
        "similar_products('rack-1')",
        "similar_products('shop', 'rack-1')",
        "recommend(array[{}])",
        "recommend('{{{}}}', '{{}}')",
        "recommend('shop', '{{rack-1}}')",
    ):
        found = db.execute(
            f"select external_id from vitrina.{call.format(row[0])} limit 1"
        ).fetchone()
        assert found is not None, call
    found = db.execute(
        "select title from vitrina.get_products('shop', '{rack-2,rack-1}')"
    ).fetchall()
    assert len(found) == 2
    assert heard == []


WRONG = [
    ("similar_products('rack-9')", "'rack-9' not found", "nearest: rack-"),
    ("similar_products('{id}')", "not found", "{id} is the product id of 'rack-1'"),
    ("recommend('shop', '{{rack-9}}')", "'rack-9' not found in source shop", "nearest: rack-"),
    ("get_products('shp', '{{rack-1}}')", "source 'shp' not found", "nearest: shop"),
    ("search('rack', where_path => '$.price')", "where_path is no condition", "compare"),
]


@pytest.mark.once
@pytest.mark.parametrize(("call", "message", "hint"), WRONG, ids=[call for call, *_ in WRONG])
def test_what_cannot_be_says_what_to_do(
    db: psycopg.Connection, heard: list[str], call: str, message: str, hint: str
) -> None:
    (row,) = db.execute(
        "select product_id from vitrina.catalog where external_id = 'rack-1'"
    ).fetchall()
    with pytest.raises(psycopg.DatabaseError, match=message) as caught:
        db.execute(f"select * from vitrina.{call.format(id=row[0])}").fetchall()
    assert hint.format(id=row[0]) in (caught.value.diag.message_hint or "")


@pytest.mark.once
def test_a_synonym_that_no_product_says_is_a_known_keyword(
    db: psycopg.Connection, heard: list[str]
) -> None:
    found = db.execute(
        "select external_id from vitrina.search(with_keywords => '{couch}')"
    ).fetchall()
    assert found == [("sofa-1",), ("sofa-2",)]
    shown = db.execute("select keyword from vitrina.show_keyword('couch')").fetchall()
    assert shown == [("sofa",)]
    assert heard == []
