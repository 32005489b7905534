"""sql/70-search: what a search finds, in which order, and what it refuses."""

import json
from itertools import product

import psycopg
import pytest
from psycopg.rows import dict_row

from rehearsal import filled
from small_shop import put

pytestmark = pytest.mark.once

CATALOGUE = [
    ("sofa-1", "Green velvet sofa", ["sofa", "velvet", "green"], {"price": 900, "brand": "Linden"}),
    ("sofa-2", "Grey fabric sofa bed", ["sofa", "fabric", "gray"], {"price": 700}),
    ("rack-1", "Bamboo shoe rack", ["shoe rack", "bamboo"], {"price": 35, "brand": "Linden"}),
    ("rack-2", "Metal shoe rack with hooks", ["shoe rack", "metal"], {"price": 48}),
    ("table-1", "Black metal side table", ["side table", "metal", "black"], {"price": 60}),
    ("table-2", "Oak side table", ["side table", "oak"], {"price": 120, "tags": ["sale"]}),
    ("lamp-1", "Brass reading lamp", ["lamp", "brass"], {"price": 80}),
]


@filled
def shop(db: psycopg.Connection) -> None:
    """A small enriched catalogue."""
    db.execute("select put_source('shop')")
    for code, title, _, attributes in CATALOGUE:
        row = {"external_id": code, "title": title, "attributes": attributes}
        db.execute("select put_products('shop', %s)", [json.dumps([row])])
    ids = dict(db.execute("select external_id, id from products").fetchall())
    enrichments = [
        {
            "product_id": ids[code],
            "terms": [{"term": term} for term in terms],
            "description": "",
            "caption": f"{title}.",
        }
        for code, title, terms, _ in CATALOGUE
    ]
    db.execute("select put_enrichments(%s)", [json.dumps(enrichments)])
    db.execute("select embed_products(%s)", [list(ids.values())])


def codes(db: psycopg.Connection, arguments: str, *params: object) -> list[str]:
    query = f"select external_id from search({arguments})"
    return [row[0] for row in db.execute(query, params or None).fetchall()]


@pytest.mark.every_postgres
def test_words_and_vectors_find_and_rank(shop: psycopg.Connection) -> None:
    with shop.cursor(row_factory=dict_row) as cur:
        rows = cur.execute("select * from search('shoe storage', 7, min_relevance => 0)").fetchall()
    assert {row["external_id"] for row in rows[:2]} == {"rack-1", "rack-2"}
    assert len(rows) == 7, "a vector search matches every embedded product"
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    top = rows[0]
    assert 0 < top["similarity"] <= 1
    assert set(top["matched"]) == {"text", "vector"}
    assert list(top) == [
        "product_id", "source", "external_id", "title", "caption", "keywords", "url", "image",
        "score", "similarity", "text_rank", "matched", "query_vector", "relevance", "missing",
        "attributes", "sku",
    ]  # fmt: skip


def test_text_mode_takes_no_vector(shop: psycopg.Connection) -> None:
    rows = shop.execute(
        "select external_id, similarity, matched from search('velvet lamp', mode => 'text',"
        " min_relevance => 0)"
    ).fetchall()
    assert {row[0] for row in rows[:2]} == {"sofa-1", "lamp-1"}
    assert {row[1] for row in rows} == {None}
    assert all(row[2] == ["text"] for row in rows)


@pytest.mark.every_postgres
def test_vector_mode_orders_by_cosine_as_numpy_would(shop: psycopg.Connection) -> None:
    rows = shop.execute(
        "select s.similarity, 1 - (e.embedding <=> embed_text('reading light'))"
        " from search('reading light', mode => 'vector') as s"
        " join product_embeddings as e using (product_id)"
        " where e.space_id = (select id from spaces where name = 'local-text')"
    ).fetchall()
    assert len(rows) == len(CATALOGUE)
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    assert all(abs(row[0] - row[1]) < 1e-6 for row in rows)


@pytest.mark.parametrize(
    ("query", "left_out"),
    [
        ("side table -metal", {"table-1", "rack-2"}),
        ('"shoe rack"', {"sofa-1", "sofa-2", "table-1", "table-2", "lamp-1"}),
        ('sofa -"fabric sofa"', {"sofa-2"}),
    ],
)
def test_operators_of_a_query_must_hold(
    shop: psycopg.Connection, query: str, left_out: set[str]
) -> None:
    found = set(codes(shop, "%s, 50, min_relevance => 0", query))
    assert found == {row[0] for row in CATALOGUE} - left_out


def test_hyphens_inside_words_are_no_operators(shop: psycopg.Connection) -> None:
    assert codes(
        shop,
        "'side-table'",
    )[0].startswith("table")


@pytest.mark.every_postgres
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('filter => \'{"brand": "Linden"}\'', {"sofa-1", "rack-1"}),
        ('filter => \'{"tags": ["sale"]}\'', {"table-2"}),
        ("where_path => '$.price < 50'", {"rack-1", "rack-2"}),
        ("where_path => '$.price >= 60 && $.price <= 80'", {"table-1", "lamp-1"}),
        ("with_keywords => '{Side Tables}'", {"table-1", "table-2"}),
        ("with_keywords => '{side table, metal}'", {"table-1"}),
        ("with_keywords => '{unheard of}'", set()),
        ("without_keywords => '{sofa, shoe rack}'", {"table-1", "table-2", "lamp-1"}),
        ("sources => '{elsewhere}'", set()),
        ("sources => '{shop, elsewhere}'", {row[0] for row in CATALOGUE}),
        ("filter => '{\"brand\": \"Linden\"}', without_keywords => '{sofa}'", {"rack-1"}),
    ],
)
@pytest.mark.parametrize("query", ["'metal rack', ", ""])
def test_filters_hold_for_every_channel(
    shop: psycopg.Connection, arguments: str, expected: set[str], query: str
) -> None:
    assert set(codes(shop, f"{query} k => 50, {arguments}, min_relevance => 0")) == expected


def test_pages_follow_each_other(shop: psycopg.Connection) -> None:
    whole = codes(shop, "'metal', 7, min_relevance => 0")
    pages = [codes(shop, "'metal', 3, %s, min_relevance => 0", offset) for offset in (0, 3, 6)]
    assert sum(pages, []) == whole
    assert len(set(whole)) == 7


def test_an_external_id_finds_its_product_first(shop: psycopg.Connection) -> None:
    row = shop.execute("select external_id, score, matched from search(' LAMP-1 ', 1)").fetchone()
    assert row[0] == "lamp-1"
    assert row[1] > 1
    assert "code" in row[2]


def test_without_a_query_everything_comes_in_order(shop: psycopg.Connection) -> None:
    assert codes(shop, "") == [row[0] for row in CATALOGUE]


ODD = [
    "the", "   ", "", "\U0001fa91", "&|!():*", "-", "'", "\\", "a'b & !c | d:*", "'; drop table x; --",
    '"', '"" -""', "$1 %s {}", "sofa\\'\\", "<->", "#sofa", "=sofa-1", "\u200b", "50% off",
]  # fmt: skip


@pytest.mark.parametrize("mode", ["hybrid", "text", "vector"])
@pytest.mark.parametrize("query", ODD)
def test_odd_queries_are_no_errors(shop: psycopg.Connection, query: str, mode: str) -> None:
    found = codes(shop, "%s, 50, mode => %s", query, mode)
    assert len(found) == len(set(found)) <= 7
    if not query.strip():
        assert len(found) == 7


def test_a_very_long_query_is_searched_by_its_beginning(shop: psycopg.Connection) -> None:
    for query in ("velvet " * 15000, "velvet" + "x" * 100_000, "velvet " + "(" * 100_000):
        assert len(codes(shop, "%s, 50", query)) in (0, 1)
    assert codes(shop, "%s, 1", "velvet " * 15000) == ["sofa-1"]


def test_nulls_mean_the_defaults(shop: psycopg.Connection) -> None:
    nulls = "null, 50, null, null, null, null, null, null, null, null, null, null, null, null"
    assert codes(shop, nulls) == [row[0] for row in CATALOGUE]
    assert codes(shop, "k => 0") == codes(shop, "'sofa', 0") == []
    for query in ("", "'sofa', "):
        assert codes(shop, f'{query} k => 50, "offset" => 7') == []
        assert codes(shop, f'{query} k => 10000, "offset" => 2147483647') == []


def test_a_vector_of_no_numbers_is_refused(shop: psycopg.Connection) -> None:
    with pytest.raises(psycopg.DatabaseError, match="NaN"):
        codes(shop, "embedding => %s::halfvec", "[" + ",".join(["NaN"] * 256) + "]")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("k => -1", "k must be"),
        ("k => 10001", "k must be"),
        ("k => null", "k must be"),
        ('"offset" => -1', "offset must be 0 or more, not -1"),
        ("mode => 'fuzzy'", "mode must be"),
        ("filter => '[1]'", "filter must be"),
        ("filter => 'null'", "filter must be"),
        ("weights => '{\"text\": -1}'", "weights cannot be"),
        ("weights => '{\"words\": 1}'", "weights cannot be"),
        ("weights => '[]'", "weights cannot be"),
        ("embedding => '[1,2,3]'", "3 dimensions"),
        ("image_embedding => '[1,2,3]'", "3 dimensions"),
        ("embedding => array_fill(0, array[256])::halfvec", "embedding of zeros"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(
    shop: psycopg.Connection, arguments: str, message: str
) -> None:
    with pytest.raises(psycopg.DatabaseError, match=message) as caught:
        codes(shop, arguments)
    assert caught.value.sqlstate == "VT004"


@pytest.mark.every_postgres
def test_similar_products_leave_the_product_out(shop: psycopg.Connection) -> None:
    rows = shop.execute(
        "select s.external_id, s.similarity from similar_products("
        " (select id from products where external_id = 'rack-1'), 3) as s"
    ).fetchall()
    assert [row[0] for row in rows][0] == "rack-2"
    assert len(rows) == 3
    assert "rack-1" not in {row[0] for row in rows}


def test_similar_by_one_channel_alone(shop: psycopg.Connection) -> None:
    similar = (
        "select s.external_id, s.matched, s.similarity from similar_products("
        " (select id from products where external_id = 'rack-1'), 3, weights => %s) as s"
    )
    for weights, channels in (('{"image": 0}', {"vector"}), ('{"vector": 0}', {"image"})):
        found = shop.execute(similar, [weights]).fetchall()
        assert {channel for row in found for channel in row[1]} <= channels
        assert [row[2] for row in found] == sorted((row[2] for row in found), reverse=True)
    assert shop.execute(similar, ['{"image": 0}']).fetchone()[0] == "rack-2"  # type: ignore[index]


def test_similar_to_nothing_is_an_error(shop: psycopg.Connection) -> None:
    with pytest.raises(psycopg.DatabaseError, match="product 99999 not found") as caught:
        shop.execute("select similar_products(99999)")
    assert caught.value.sqlstate == "VT003"


def test_deleted_products_are_found_no_more(shop: psycopg.Connection) -> None:
    shop.execute("delete from products where external_id = 'rack-1'")
    assert "rack-1" not in codes(shop, "'bamboo shoe rack', 50")
    assert shop.execute(
        "select count(*) from product_embeddings as e"
        " where not exists (select from products as p where p.id = e.product_id)"
    ).fetchone() == (0,)


def test_the_language_of_a_source_is_used(shop: psycopg.Connection) -> None:
    shop.execute("select put_source('laden', text_config => 'german')")
    rows = [{"external_id": "g1", "title": "Bequeme Stühle aus Eiche"}]
    shop.execute("select put_products('laden', %s)", [json.dumps(rows)])
    assert codes(shop, "'Stuhl', mode => 'text'")[0] == "g1"


@pytest.mark.parametrize(
    "call",
    ["code_holders('zz-99')", "is_written('nowhere')", "is_known('qwzzy', '{english}')"],
)
def test_words_that_no_product_has_do_not_read_all_products(
    shop: psycopg.Connection, call: str
) -> None:
    read = (
        "select pg_stat_get_xact_numscans('product_text'::regclass),"
        " pg_stat_get_xact_numscans('product_text_pkey'::regclass)"
    )
    shop.execute("set local enable_sort = off")  # dear where there are many
    before = shop.execute(read).fetchone()
    shop.execute(f"select vitrina_internal.{call}").fetchone()
    assert shop.execute(read).fetchone() == before


def test_of_a_few_hundred_products_all_come_in_the_order_of_their_scores(
    db: psycopg.Connection,
) -> None:
    words = ("oak", "pine", "steel", "velvet", "round"), ("side", "dining", "garden", "kids")
    things = ("table", "chair", "bench", "lamp", "shelf", "rug", "desk", "sofa", "bed", "stool")
    titles = [f"{one} {other} {thing}" for one, other, thing in product(*words, things)]
    put(db, [(title, title, [(title.split()[2], "type")], {}) for title in titles])
    rows = db.execute(
        "select external_id, score from search('oak dining table', 1000, min_relevance => 0)"
    ).fetchall()
    scores = [score for _, score in rows]
    assert len(rows) == len(titles)
    assert scores == sorted(scores, reverse=True)
    for k, offset in ((10, 0), (24, 90), (60, 140)):
        page = codes(db, f"'oak dining table', {k}, {offset}, min_relevance => 0")
        assert page == [code for code, _ in rows[offset : offset + k]]
