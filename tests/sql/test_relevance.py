"""sql/70-search: what a query means, by its words, its keywords and its codes."""

from __future__ import annotations

import json

import psycopg
import pytest

import small_shop
from rehearsal import filled

pytestmark = pytest.mark.once

CATALOGUE = [
    (
        "s1",
        "Green velvet sofa",
        ["sofa", "velvet", "green"],
        {"sku": "AB-12 34", "brand": "Linden"},
    ),
    ("s2", "Lamp to stand beside a sofa", ["floor lamp", "black"], {"upc": 4006381333931}),
    ("t1", "Black metal side table", ["side table", "metal", "black"], {"room": "Hall"}),
    ("t2", "Black wooden coffee table", ["coffee table", "wood", "black"], {}),
    ("t3", "Metal coat rack", ["coat rack", "metal"], {"tags": ["Hallway", "Entrance"]}),
    ("c1", "Basic T-shirt", ["T-shirt", "cotton"], {"link": "https://shop.example/velvet"}),
    ("c2", "Oxford shirt", ["shirt", "cotton"], {"item_model_number": "OX-77"}),
]


@filled
def shop(db: psycopg.Connection) -> None:
    db.execute("select put_source('shop')")
    rows = [
        {"external_id": code, "title": title, "attributes": attributes}
        for code, title, _, attributes in CATALOGUE
    ]
    db.execute("select put_products('shop', %s)", [json.dumps(rows)])
    ids = dict(db.execute("select external_id, id from products").fetchall())
    given = [
        {"product_id": ids[code], "terms": [{"term": term} for term in terms], "caption": title}
        for code, title, terms, _ in CATALOGUE
    ]
    db.execute("select put_enrichments(%s)", [json.dumps(given)])
    db.execute("select embed_products(%s)", [list(ids.values())])


def found(db: psycopg.Connection, query: str, mode: str = "text") -> list[str]:
    rows = db.execute(
        "select external_id from search(%s, 10, mode => %s)", [query, mode]
    ).fetchall()
    return [row[0] for row in rows]


def test_a_keyword_counts_more_than_a_mention(shop: psycopg.Connection) -> None:
    assert found(shop, "sofa") == ["s1", "s2"]
    assert found(shop, "shirt") == ["c2", "c1"]
    assert found(shop, "shirts")[0] == "c2"


@pytest.mark.parametrize("query", ["couch", "Couches", "velvet couch"])
def test_other_words_for_a_keyword_find_it(shop: psycopg.Connection, query: str) -> None:
    assert found(shop, query)[0] == "s1"


@pytest.mark.parametrize("query", ["tshirt", "T-Shirts", "t shirt", "tee shirt"])
def test_spellings_of_a_keyword_find_it(shop: psycopg.Connection, query: str) -> None:
    assert found(shop, query)[0] == "c1"


def test_all_of_a_query_is_better_than_parts(shop: psycopg.Connection) -> None:
    rows = shop.execute(
        "select external_id, text_rank from search('black metal side table', mode => 'text',"
        " min_relevance => 0)"
    ).fetchall()
    assert rows[0] == ("t1", pytest.approx(1, abs=1e-3))
    assert {row[0] for row in rows[1:]} == {"s2", "t2", "t3"}
    assert all(0 < row[1] < 0.8 for row in rows[1:])


def test_short_texts_among_the_attributes_are_found(shop: psycopg.Connection) -> None:
    assert found(shop, "hallway") == ["t3"]
    assert found(shop, "linden") == ["s1"]
    assert found(shop, "shop.example") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("AB-12 34", "s1"), ("ab1234", "s1"), ("AB 12-34", "s1"), ("4006381333931", "s2"),
        ("4006381 333931", "s2"), ("ox-77", "c2"), (" T1 ", "t1"), ("c-1", "c1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["hybrid", "text"])
def test_a_code_finds_its_product_first(
    shop: psycopg.Connection, query: str, code: str, mode: str
) -> None:
    row = shop.execute(
        "select external_id, score, matched from search(%s, 1, mode => %s)", [query, mode]
    ).fetchone()
    assert row[0] == code
    assert row[1] >= 1
    assert "code" in row[2]


def test_codes_keep_to_the_filters(shop: psycopg.Connection) -> None:
    rows = shop.execute(
        "select external_id from search('AB-1234', filter => '{\"room\": \"Hall\"}',"
        " min_relevance => 0)"
    ).fetchall()
    assert rows == [("t1",)]


@pytest.mark.parametrize(
    ("title", "queries"),
    [
        ("黑色金属边桌", ["边桌", "金属", "黑色边桌", "桌"]),
        ("ステンレス製の本棚", ["本棚", "ステンレス"]),
        ("검은색 금속 테이블", ["테이블", "금속 테이블"]),
        ("โต๊ะข้างโลหะสีดำ", ["โลหะ"]),
        ("שולחן צד ממתכת", ["שולחן", "ממתכת"]),
        ("Журнальный столик", ["столик", "ЖУРНАЛЬНЫЙ"]),
        ("Bequeme Stühle aus Eiche", ["Stühle", "eiche"]),
        ("Τραπέζι σαλονιού", ["τραπέζι"]),
    ],
)
def test_other_scripts_are_searched(
    shop: psycopg.Connection, title: str, queries: list[str]
) -> None:
    rows = [{"external_id": "other", "title": title}]
    shop.execute("select put_products('shop', %s)", [json.dumps(rows)])
    for query in queries:
        assert found(shop, query)[:1] == ["other"], query
        assert found(shop, query, "hybrid")[:1] == ["other"], query


def test_the_row_says_where_the_vector_comes_from(shop: psycopg.Connection) -> None:
    def origin(arguments: str) -> str | None:
        rows = shop.execute(f"select distinct query_vector from search({arguments})").fetchall()
        assert len(rows) == 1
        return rows[0][0]

    assert origin("'sofa'") == "local"
    assert origin("'sofa', mode => 'text'") is None
    assert origin("'sofa', embedding => embed_text('lamp')") == "given"
    shop.execute("select create_space('other', 'openai', 'm', 'text', 3), use_space('other')")
    assert origin("'sofa'") is None
    shop.execute(
        "insert into keyword_embeddings (space_id, keyword_id, embedding)"
        " select s.id, w.id, case w.name when 'sofa' then '[1,0,0]' else '[0,1,0]' end::halfvec"
        " from spaces as s, keywords as w where s.name = 'other' and w.name in ('sofa', 'velvet')"
    )
    shop.execute(
        "insert into product_embeddings (space_id, product_id, input_hash, embedding)"
        " select s.id, p.id, '', case p.external_id when 's1' then '[1,1,0]' else '[0,0,1]' end::halfvec"
        " from spaces as s, products as p where s.name = 'other'"
    )
    rows = shop.execute(
        "select external_id, similarity, query_vector from search('couch in velvet', 2)"
    ).fetchall()
    assert rows[0] == ("s1", pytest.approx(1, abs=0.1), "vocabulary")
    assert rows[1][1] == 0
    assert origin("'couch', mode => 'vector'") == "vocabulary"
    shop.execute("select put_query_embedding('other', 'couch', '[0,0,1]')")
    assert origin("'couch'") == "cache"


def test_weights_move_the_score(shop: psycopg.Connection) -> None:
    def scores(weights: str) -> list[tuple[float, float, float]]:
        """Score, rank, similarity."""
        return shop.execute(
            "select score, text_rank, similarity"
            " from search('velvet sofa', weights => %s, min_relevance => 0) order by external_id",
            [weights],
        ).fetchall()

    for score, rank, _ in scores('{"text": 1, "vector": 0, "complete": 0}'):
        assert score == pytest.approx(rank, abs=1e-6)
    for score, _, similarity in scores('{"text": 0, "vector": 2}'):
        assert score == pytest.approx(max(similarity, 0), abs=1e-6)
    for score, rank, similarity in scores('{"text": 3, "vector": 1, "complete": 0}'):
        assert score == pytest.approx((3 * rank + max(similarity, 0)) / 4, abs=1e-6)
    # by default, that a product has all of the query counts as much as all else
    assert max(scores("{}"))[0] > 0.5 > min(scores("{}"))[0]


def test_text_follows_a_changed_attribute(shop: psycopg.Connection) -> None:
    row = {"external_id": "s1", "title": CATALOGUE[0][1], "attributes": {"sku": "ZZ-9"}}
    shop.execute("select put_products('shop', %s)", [json.dumps([row])])
    assert found(shop, "zz9") == ["s1"]
    assert found(shop, "ab1234") == []


def test_a_name_alone_makes_no_kind(db: psycopg.Connection) -> None:
    """Related terms decide: a towel ring is no ring, and so no jewelry either; a sneaker is a shoe."""
    kinds = dict(
        db.execute(
            "select t.term, vitrina_internal.kinds_of(t.term, 'type')"
            " from unnest(array['towel ring', 'computer desk', 'sneaker']) as t (term)"
        ).fetchall()
    )
    assert not {"ring", "jewelry"} & set(kinds["towel ring"])
    assert {"desk", "furniture"} <= set(kinds["computer desk"])
    assert {"shoe", "footwear"} <= set(kinds["sneaker"])


def test_a_thing_and_how_it_is_are_asked_where_nothing_is_called_both(
    db: psycopg.Connection,
) -> None:
    ids = small_shop.put(db, [
        ("j1", "Jacket in brown leather", [("jacket", "type"), ("leather", "material")], {}),
        ("j2", "Bomber made of leather", [("bomber jacket", "type"), ("leather", "material")], {}),
        ("j3", "Denim jacket", [("denim jacket", "type")], {}),
        ("d1", "Dining table in coffee", [("table", "type"), ("coffee", "color")], {}),
    ])  # fmt: skip
    whole = "select external_id from search(%s) where missing = '{}' order by 1"
    assert db.execute(whole, ["leather jacket"]).fetchall() == [("j1",), ("j2",)]
    assert db.execute(whole, ["coffee table"]).fetchall() == []  # no colour of a table
    # what is called so comes alone again
    named = ("j4", "Biker", [("leather jacket", "type")], {})
    small_shop.put(db, [named], source="other")
    assert ("j4",) in db.execute(whole, ["leather jacket"]).fetchall()
    first = "select external_id from search(%s, 1)"
    assert db.execute(first, ["leather jacket"]).fetchone() == ("j4",)
    assert len(ids) == 4
