"""sql/70-search: what the products that are left have in common."""

from __future__ import annotations

import json

import psycopg
import pytest

from rehearsal import filled
from small_shop import CATALOGUE, put

pytestmark = pytest.mark.once


@filled
def shop(db: psycopg.Connection) -> None:
    put(db, CATALOGUE)
    db.execute("select resolve_keywords('{couch}')")
    db.execute("set role vitrina_reader")


def keywords(db: psycopg.Connection, arguments: str = "") -> dict[str, dict[str, int]]:
    rows = db.execute(
        f"select facet, value, products from facets({arguments}) where kind = 'keyword'"
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for facet, value, products in rows:
        found.setdefault(facet, {})[value] = products
    return found


def attributes(db: psycopg.Connection, arguments: str = "") -> dict[str, dict[str, int]]:
    rows = db.execute(
        f"select facet, value, products from facets({arguments}) where kind = 'attribute'"
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for facet, value, products in rows:
        found.setdefault(facet, {})[value] = products
    return found


def test_keywords_are_counted_by_facet_most_used_first(shop: psycopg.Connection) -> None:
    found = keywords(shop)
    assert list(found) == ["type", "material", "color"]
    assert list(found["type"].items()) == [
        ("shoe rack", 2), ("side table", 2), ("sofa", 2), ("lamp", 1),
    ]  # fmt: skip
    assert found["material"]["metal"] == 2
    assert keywords(shop, "k => 1")["type"] == {"shoe rack": 2}


def test_attributes_are_counted_by_value(shop: psycopg.Connection) -> None:
    found = attributes(shop)
    assert found["brand"] == {"Linden": 4, "Alder": 2}, "null is no value"
    assert found["stocked"] == {"true": 2, "false": 1}
    assert found["tags"] == {"sale": 3, "new": 1}, "a list counts for each element, once"
    assert "size" not in found, "an object is no value"


def test_a_text_as_a_value_and_in_a_list_is_one_value(shop: psycopg.Connection) -> None:
    rows = shop.execute("select value from facets(attributes => '{tags}') where facet = 'tags'")
    assert sorted(row[0] for row in rows) == ["new", "sale"]


def test_many_numbers_come_as_ranges_that_hold_about_as_many(shop: psycopg.Connection) -> None:
    rows = shop.execute(
        "select value, products, low, high from facets(k => 3, attributes => '{price}')"
        " where kind = 'attribute'"
    ).fetchall()
    assert [row[1] for row in rows] == [1, 2, 1, 2, 1]
    assert [(float(row[2]), float(row[3])) for row in rows] == [
        (35, 35), (48.5, 60), (80, 80), (120, 700), (900, 900),
    ]  # fmt: skip
    assert [row[0] for row in rows] == ["35", "48.5 to 60", "80", "120 to 700", "900"]
    for low, high, products in ((row[2], row[3], row[1]) for row in rows):
        found = shop.execute(
            "select count(*) from search(where_path => format("
            "'$.price >= %%s && $.price <= %%s', %s::numeric, %s::numeric)::jsonpath)", [low, high]
        ).fetchone()  # fmt: skip
        assert found == (products,), "a range filters to what it counts"


def test_few_numbers_come_one_by_one_in_order(shop: psycopg.Connection) -> None:
    rows = shop.execute(
        "select value, low, products from facets(attributes => '{price}') where kind = 'attribute'"
    ).fetchall()
    assert [float(row[1]) for row in rows] == [35, 48.5, 60, 80, 120, 700, 900]
    assert {row[2] for row in rows} == {1}


def test_equal_numbers_are_never_in_two_ranges(db: psycopg.Connection) -> None:
    rows = [(f"p{n}", f"Lamp {n}", [], {"size": 1 if n < 50 else n}) for n in range(60)]
    put(db, rows)
    found = db.execute(
        "select low, high, products from facets(attributes => '{size}') where kind = 'attribute'"
        " order by low"
    ).fetchall()
    assert found[0] == (1, 1, 50)
    assert sum(row[2] for row in found) == 60
    bounds = [bound for row in found for bound in row[:2]]
    assert bounds == sorted(bounds)


@pytest.mark.parametrize(
    "arguments",
    [
        'filter => \'{"brand": "Linden"}\'',
        "where_path => '$.price < 50'",
        "with_keywords => '{Shoe-Racks}'",
        "with_keywords => '{metal, black}'",
        "with_keywords => '{unheard of}'",
        "without_keywords => '{sofa, side table}'",
        "sources => '{elsewhere}'",
        "sources => '{shop}'",
        "query => 'metal table'",
        "query => 'couch'",
        "query => 'metal velvet'",
        "query => 'metal velvet', min_relevance => 0.1",
        "query => 'metal velvet', min_relevance => 0",
        "query => 'metal velvet', mode => 'text'",
        "query => 'metal velvet', mode => 'vector'",
        "embedding => embed_text('sofa'), min_relevance => 0.3",
        "query => 'table -oak'",
        "query => '\"shoe rack\"'",
        "query => 'side table', filter => '{\"tags\": \"sale\"}'",
        "query => 'xylophone'",
        "query => 'the'",
    ],
)
def test_what_search_finds_is_counted(shop: psycopg.Connection, arguments: str) -> None:
    rows = shop.execute(f"select external_id from search({arguments}, k => 100)").fetchall()
    expected: dict[str, dict[str, int]] = {}
    for code, _, terms, _ in CATALOGUE:
        for term, facet in terms if (code,) in rows else ():
            counts = expected.setdefault(facet, {})
            counts[term] = counts.get(term, 0) + 1
    assert keywords(shop, f"{arguments}, k => 100") == expected


def test_a_facet_is_counted_without_its_own_choice(shop: psycopg.Connection) -> None:
    def rows(arguments: str, facet: str) -> list[tuple]:
        return shop.execute(
            f"select value, products, chosen from facets({arguments}) where facet = %s", [facet]
        ).fetchall()

    chosen = 'any_keywords => \'{"material": ["bamboo", "Velvets"], "type": ["shoe racks"]}\''
    assert rows(chosen, "material") == [
        ("bamboo", 1, True),
        ("velvet", 0, True),
        ("metal", 1, False),
    ]
    assert rows(chosen, "type") == [("shoe rack", 1, True), ("sofa", 1, False)]
    assert rows(chosen, "brand") == [("Linden", 1, False)]
    by_brand = "filter => '{\"brand\": \"Alder\"}', where_path => '$.price < 100'"
    assert rows(by_brand, "brand") == [("Alder", 1, True), ("Linden", 3, False)]
    assert rows(by_brand, "type") == [("shoe rack", 1, False)]
    assert [row[0] for row in rows(by_brand, "price")] == ["48.5", "700"]
    either = 'where_path => \'($.brand == "Alder" || $.brand == "None") && $.price_max < 1\''
    assert rows(either, "brand") == [("Alder", 0, True), ("None", 0, True)]
    assert rows('any_keywords => \'{"material": ["gold", "lamp"]}\'', "type") == []


def test_values_that_hardly_repeat_are_no_facet_unless_named(db: psycopg.Connection) -> None:
    rows = [(f"p{n}", f"Lamp {n}", [], {"sku": f"S{n}", "maker": f"M{n % 3}"}) for n in range(30)]
    put(db, rows)
    assert attributes(db) == {"maker": {"M0": 10, "M1": 10, "M2": 10}}
    assert len(attributes(db, "attributes => '{sku}'")["sku"]) == 10
    assert attributes(db, "attributes => '{}'") == {}
    assert attributes(db, "attributes => '{nothing}'") == {}


@pytest.mark.parametrize(
    "value", ["%", "_", "'", "\\", '"', "$1", "a" * 100, "  ", "Ünïcode", "漢字", "{}", "[1]"]
)
def test_any_text_is_a_value_as_it_stands(db: psycopg.Connection, value: str) -> None:
    put(db, [("1", "Lamp", [], {'it\'s "a" %key': value})])
    assert attributes(db) == {'it\'s "a" %key': {value: 1}}


def test_a_long_text_is_no_value(db: psycopg.Connection) -> None:
    put(db, [("1", "Lamp", [], {"story": "x" * 101, "brand": "B"})])
    assert attributes(db, "attributes => '{story, brand}'") == {"brand": {"B": 1}}


@pytest.mark.parametrize("query", ["", "   ", "''", "&|!():*", "%", "\\", "-", '"', "a" * 100_000])
def test_odd_queries_are_no_errors(shop: psycopg.Connection, query: str) -> None:
    rows = shop.execute("select kind from facets(%s)", [query]).fetchall()
    assert all(row[0] in ("keyword", "attribute") for row in rows)


def test_nothing_given_counts_everything(shop: psycopg.Connection) -> None:
    everything = shop.execute("select * from facets()").fetchall()
    nulls = shop.execute(
        "select * from facets(null, filter => null, where_path => null, with_keywords => null,"
        " without_keywords => null, sources => null, attributes => null)"
    ).fetchall()
    assert nulls == everything


@pytest.mark.parametrize("k", ["0", "-1", "1001", "null"])
def test_a_k_that_cannot_be_is_named(shop: psycopg.Connection, k: str) -> None:
    with pytest.raises(psycopg.DatabaseError, match="k must be 1 to 1000") as caught:
        shop.execute(f"select facets(k => {k})")
    assert caught.value.sqlstate == "VT004"


def test_an_empty_catalogue_has_no_facets(db: psycopg.Connection) -> None:
    assert db.execute("select * from facets()").fetchall() == []
    assert db.execute("select * from facets('lamp')").fetchall() == []


def test_the_same_however_often_it_is_asked(shop: psycopg.Connection) -> None:
    """Beyond the fifth time, plans are generic."""
    first = shop.execute("select * from facets('metal', filter => '{\"tags\": \"sale\"}')")
    expected = first.fetchall()
    assert expected
    for _ in range(7):
        again = shop.execute(
            "select * from facets('metal', filter => %s)", [json.dumps({"tags": "sale"})]
        )
        assert again.fetchall() == expected


def test_a_histogram_has_equal_bins_and_what_is_beyond_them(db: psycopg.Connection) -> None:
    rows = [(f"p{n}", "Lamp", [], {"size": n, "brand": f"b{n % 2}"}) for n in range(1, 201)]
    rows.append(("list", "Lamp", [], {"size": [50, 51, 9999, "x"], "brand": "b1"}))
    put(db, rows)
    found = db.execute("select * from histogram('size', 4)").fetchall()
    assert [tuple(map(float, row[:4])) for row in found] == [
        (0, 1, 3, 2), (1, 3, 52, 50), (2, 52, 101, 49), (3, 101, 150, 49), (4, 150, 199, 50),
        (5, 199, 9999, 2),
    ]  # fmt: skip
    for bin_, low, high, products, estimated in found:
        least = ">" if bin_ == 5 else ">="
        most = "<=" if bin_ in (4, 5) else "<"
        path = f"exists($.size ? (@ {least} {low} && @ {most} {high}))"
        assert db.execute(
            "select count_matches(where_path => %s::jsonpath)", [path]
        ).fetchone() == (products,)
        assert not estimated
    by_size = "histogram('size', 4, where_path => '$.size < 3 && $.brand == \"b1\"')"
    assert db.execute(f"select sum(products) from {by_size}").fetchone() == (102,)
    grouped = db.execute(
        "select products from histogram('size', 4, group_by => 'brand')"
    ).fetchall()
    assert {row[0] for row in grouped} == {2}
    assert db.execute("select * from histogram('price')").fetchall() == []
    one = db.execute(
        "select * from histogram('size', filter => '{\"brand\": \"b1\"}', bins => 1)"
    ).fetchall()
    assert len(one) == 3


def test_of_many_products_a_part_is_counted_and_said(shop: psycopg.Connection) -> None:
    shop.execute("reset role")
    many = [
        (f"p{n}", "Oak lamp", [("lamp", "type")], {"brand": "Many", "size": n % 7})
        for n in range(193)
    ]
    put(shop, many)
    shop.execute("analyze products")
    exact = shop.execute(
        "select value, products from facets() where facet in ('brand', 'type')"
    ).fetchall()
    assert ("Many", 193) in exact
    shop.execute(
        "create or replace function vitrina_internal.exact_limit() returns int language sql immutable return 100"
    )
    for given in ("", "sources => '{shop}'"):
        rows = shop.execute(
            f"select value, products, estimated from facets({given}) where facet in ('brand', 'type')"
        ).fetchall()
        about = {value: products for value, products, _ in rows}
        assert all(row[2] for row in rows)
        assert about["Many"] == pytest.approx(193, rel=0.1)
        assert about["lamp"] == pytest.approx(194, rel=0.1)
    said: list[str] = []
    shop.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
    for words, estimated in (("oak lamp", True), ("sofa", False)):
        rows = shop.execute("select estimated from facets(%s)", (words,)).fetchall()
        assert set(rows) == {(estimated,)}
        (total,) = shop.execute(
            "select products, estimated from overview(%s) where kind = 'total'", (words,)
        ).fetchall()
        count = shop.execute("select count_matches(%s)", (words,)).fetchone()
        assert (count, estimated) == ((total[0],), total[1])
        assert total[0] == pytest.approx(194, rel=0.1) if estimated else 0 < total[0] < 100
    assert [notice.partition(" products")[2] for notice in said] == [
        ": of so many a part is counted"
    ]
    (lamps,) = shop.execute(
        "select products, estimated from facets('oak lamp') where value = 'lamp'"
    ).fetchall()
    assert lamps == (pytest.approx(194, rel=0.1), True)
    (bins,) = shop.execute(
        "select sum(products), bool_or(estimated) from histogram('size', query => 'oak lamp')"
    ).fetchall()
    assert bins == (pytest.approx(193, rel=0.1), True)
    rows = shop.execute("select estimated from facets(group_by => 'brand')").fetchall()
    assert set(rows) == {(False,)}


def test_an_overview_is_what_facets_count_and_histogram_give(db: psycopg.Connection) -> None:
    put(db, [(f"P{n}", "Sofa", "", {"size": n % 7, "brand": f"b{n % 3}"}) for n in range(40)])
    for narrowed in (
        "k => 5",
        """k => 5, where_path => '($.size < 5) && ($.brand == "b1")'""",
        "k => 5, group_by => 'brand'",
    ):
        arguments = narrowed.removeprefix("k => 5").removeprefix(", ")
        of = "select kind, facet, value, products, low, high, chosen, estimated from"
        rows = db.execute(
            f"{of} overview({narrowed}, attributes => '{{brand}}', bins_of => 'size', bins => 4)"
        ).fetchall()
        facets = db.execute(f"{of} facets({narrowed}, attributes => '{{brand}}')").fetchall()
        assert [row for row in rows if row[0] in ("keyword", "attribute")] == facets
        total = db.execute(f"select count_matches({arguments})").fetchone()
        assert [row[3] for row in rows if row[0] == "total"] == list(total or ())
        comma = ", " if arguments else ""
        assert [(int(row[2]), *row[4:6], row[3]) for row in rows if row[0] == "bin"] == db.execute(
            f"select bin, low, high, products from histogram('size', 4{comma}{arguments})"
        ).fetchall()


def test_an_overview_names_what_is_not_counted_in_time(db: psycopg.Connection) -> None:
    put(db, [(f"P{n}", "Sofa", "", {"size": n, "brand": "b"}) for n in range(9)])
    rows = db.execute(
        "select kind, facet, products from overview(attributes => '{brand}', bins_of => 'size',"
        " milliseconds => 0)"
    ).fetchall()
    assert rows == [("total", None, 9), ("late", "brand", None), ("late", "size", None)]


def test_an_overview_that_is_cut_short_keeps_what_it_has(db: psycopg.Connection) -> None:
    put(db, [(f"P{n}", "Sofa", "", {"size": n, "brand": "b"}) for n in range(9)])
    db.execute(
        "create or replace function vitrina_internal.bins_of("
        " ids bigint[], attribute text, bins int, group_by text)"
        " returns table (bin int, low numeric, high numeric, products bigint, estimated boolean)"
        " language sql as 'select 1, 1.0, 1.0, 1::bigint, false from pg_sleep(3600)'"
    )
    # so long that the rest is counted even on a slow machine
    db.execute("set statement_timeout = '3s'")
    rows = db.execute(
        "select kind, facet, value from overview(attributes => '{brand}', bins_of => 'size')"
    ).fetchall()
    assert rows == [("total", None, None), ("attribute", "brand", "b"), ("late", "size", None)]
