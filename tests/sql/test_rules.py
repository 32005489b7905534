"""sql/70-search and sql/80-curation: what a merchandiser decides for searches."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from rehearsal import filled
from small_shop import CATALOGUE, put
from soundness import assert_sound

pytestmark = pytest.mark.once


@filled
def shop(db: psycopg.Connection) -> None:
    put(db, CATALOGUE)
    db.execute("select resolve_keywords('{couch}')")


def put_rules(db: psycopg.Connection, *rules: dict[str, Any], prune: bool = False) -> list[tuple]:
    put = "select id, state from put_rules(%s, %s)"
    return db.execute(put, [json.dumps(rules), prune]).fetchall()


def pin(query: str | None, code: str, **more: Any) -> dict[str, Any]:
    return {"query": query, "action": "pin", "external_id": code, **more}


def hide(query: str | None, code: str, **more: Any) -> dict[str, Any]:
    return {"query": query, "action": "hide", "external_id": code, **more}


def found(db: psycopg.Connection, arguments: str) -> list[str]:
    rows = db.execute(f"select external_id from search({arguments})").fetchall()
    return [row[0] for row in rows]


def test_pins_come_first_and_obey_filters(shop: psycopg.Connection) -> None:
    assert found(shop, "'sofa', sort => 'price'") == ["sofa-2", "sofa-1"]
    put_rules(shop, pin("sofa", "lamp-1"), pin("sofa", "sofa-2"), pin("sofa", "rack-2", position=1))
    assert found(shop, "'sofa'") == ["lamp-1", "rack-2", "sofa-2", "sofa-1"]
    rows = shop.execute("select external_id, matched, relevance from search('sofa')").fetchall()
    assert rows[0] == ("lamp-1", ["pinned"], None), "it ignores the floor"
    assert rows[2][1][-1] == "pinned"
    assert "text" in rows[2][1]
    assert rows[2][2] == 1
    assert found(shop, "'sofa', k => 1, \"offset\" => 3") == ["sofa-1"]
    assert found(shop, "'sofa', filter => '{\"brand\": \"Alder\"}'") == ["rack-2", "sofa-2"]
    assert found(shop, "'sofa -brass'") == ["rack-2", "sofa-2", "sofa-1"]
    assert found(shop, "'sofa', group_by => 'brand'") == ["lamp-1", "rack-2"]
    assert found(shop, "'sofa', sort => '-price'") == ["sofa-1", "sofa-2", "lamp-1", "rack-2"]
    assert shop.execute("select count_matches('sofa')").fetchone() == (4,)
    (count,) = shop.execute(
        "select products from facets('sofa') where value = 'shoe rack'"
    ).fetchone() or (None,)
    assert count == 1
    assert "rack-2" not in found(shop, "'side table'")
    near = "mode => 'vector', embedding => embed_text('sofa'), k => 1"
    assert found(shop, near) != ["lamp-1"], "the nearest to a vector are not steered"


def test_pages_of_a_sorted_and_grouped_search_with_pins_have_no_gaps(
    db: psycopg.Connection,
) -> None:
    put(db, [(f"sofa-{i}", f"Sofa number {i}", [("sofa", "type")], {"price": i, "brand": f"B{i // 2}"})
             for i in range(8)])  # fmt: skip
    put_rules(db, pin("sofa", "sofa-7"), pin("sofa", "sofa-6"))
    how = "'sofa', sort => 'price', group_by => 'brand'"
    whole = [f"sofa-{i}" for i in range(0, 8, 2)]
    assert found(db, how) == whole
    for size in (1, 2, 3):
        pages = [found(db, f'{how}, k => {size}, "offset" => {n}') for n in range(0, 4, size)]
        assert sum(pages, []) == whole


@pytest.mark.parametrize(
    "query", ["sofa", "SOFAS", "Söfa", "couch", "couches", "the sofa", "settee", "sofa -red"]
)
def test_a_rule_holds_for_all_that_mean_the_same(shop: psycopg.Connection, query: str) -> None:
    put_rules(shop, pin("sofa", "lamp-1"), hide("red sofa", "sofa-1"), hide("sofa bed", "sofa-1"))
    assert found(shop, f"'{query}'")[0] == "lamp-1"
    rows = shop.execute("select action from list_rules(%s)", [query]).fetchall()
    assert rows == [("pin",)]


def test_a_rule_for_a_synonym_or_an_unknown_word(shop: psycopg.Connection) -> None:
    put_rules(shop, pin("Couches", "lamp-1"), pin("zofa deluxe", "rack-1"))
    assert found(shop, "'sofa'")[0] == "lamp-1"
    assert found(shop, "'ZOFA  deluxe'")[0] == "rack-1"
    assert found(shop, "'deluxe'") == []
    put_rules(shop, pin("velvet", "rack-1"))
    assert found(shop, "'velvvet'")[0] == "rack-1", "as search corrects it"
    shop.execute("select merge_keywords('{side table}', 'sofa')")
    assert found(shop, "'side table'")[0] == "lamp-1", "as the vocabulary is now"


def test_what_is_hidden_is_nowhere(shop: psycopg.Connection) -> None:
    shop.execute("update images set dhash = dhash")
    put_rules(shop, hide(None, "sofa-1"), {"action": "hide", "attribute": "brand", "value": "Alder"},
              pin("sofa", "sofa-1"))  # fmt: skip
    left = ["lamp-1", "rack-1", "table-1", "table-2"]
    assert found(shop, "") == left
    assert found(shop, "'sofa'") == []
    assert shop.execute("select count_matches()").fetchone() == (4,)
    assert ("Alder",) not in shop.execute("select value from facets()").fetchall()
    assert ("sofa",) not in shop.execute("select value from facets('sofa')").fetchall()
    other = "(select product_id from catalog where external_id = 'table-1')"
    for call in (f"similar_products({other}, 10)", f"recommend(array[{other}])"):
        rows = shop.execute(f"select external_id from {call}").fetchall()
        assert {row[0] for row in rows} <= set(left), call
    hidden = "(select product_id from catalog where external_id = 'sofa-2')"
    gate = f"select gate from explain_search('sofa', {hidden})"
    assert shop.execute(gate).fetchone() == ("rule",)


def test_a_boost_multiplies_the_score(shop: psycopg.Connection) -> None:
    before = dict(
        shop.execute(
            "select external_id, score from search('metal velvet', min_relevance => 0)"
        ).fetchall()
    )
    put_rules(shop, {"query": "velvet metal", "action": "boost", "attribute": "stocked", "weight": "3"},
              {"action": "boost", "external_id": "sofa-1", "weight": 0.5},
              {"action": "boost", "attribute": "tags", "value": "new", "weight": 2})  # fmt: skip
    rows = shop.execute(
        "select external_id, score, matched && '{boosted}' from search('metal velvet', min_relevance => 0)"
    ).fetchall()
    factors = {"rack-1": 6, "sofa-1": 1.5}
    for code, score, boosted in rows:
        assert score == pytest.approx(before[code] * factors.get(code, 1), abs=1e-5)
        assert boosted == (code in factors)
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)
    assert found(shop, "k => 1") == ["rack-1"], "also without a query"


def test_rules_begin_and_end(shop: psycopg.Connection) -> None:
    rules = [
        hide(None, "sofa-1", valid_to="2020-01-01"),
        hide(None, "sofa-2", valid_from="2999-01-01 10:00"),
        hide(None, "rack-1", valid_from="2020-01-01", valid_to="2999-01-01"),
    ]
    ids = [row[0] for row in put_rules(shop, *rules)]
    assert set(found(shop, "")) == {row[0] for row in CATALOGUE} - {"rack-1"}
    states = shop.execute("select state from list_rules() order by id").fetchall()
    assert states == [("ended",), ("planned",), ("holds",)]
    assert [row[1] for row in put_rules(shop, *rules)] == ["unchanged"] * 3
    assert put_rules(shop, hide(None, "sofa-2")) == [(ids[1], "changed")]
    assert "sofa-2" not in found(shop, "")


def test_a_rule_that_changes_nothing_says_why(shop: psycopg.Connection) -> None:
    brand = {"action": "hide", "attribute": "brand"}
    for rule, remark in (
        (hide(None, "sofa-1", valid_to="2020-01-01"), "valid_to is past (2020-01-01 00:00): the rule never holds"),
        (brand | {"value": "Lindenn"}, "no product has brand 'Lindenn'; nearest: Linden"),
        (brand | {"value": "zzz"}, "no product has brand 'zzz'"),
        ({"action": "boost", "attribute": "price", "value": "81", "weight": 2}, "no product has price '81'; nearest: 80"),
        (hide(None, "sofa-1", valid_from="2999-01-01"), None),
        (brand | {"value": "Linden"}, None),
        ({"action": "boost", "attribute": "tags", "value": "sale", "weight": 2}, None),
        ({"action": "boost", "attribute": "price", "value": "80", "weight": 2}, None),
        ({"action": "hide", "attribute": "stocked"}, None),
    ):  # fmt: skip
        for _ in range(2):  # put again, too
            said = shop.execute("select remark from put_rules(%s)", [json.dumps([rule])]).fetchall()
            assert said == [(remark,)]


def test_removed_rules_are_kept_and_restored(shop: psycopg.Connection) -> None:
    ids = [row[0] for row in put_rules(shop, hide(None, "sofa-1"), hide("x", "sofa-2"))]
    assert shop.execute("select remove_rules(%s)", [ids[:1]]).fetchone() == (1,)
    assert "sofa-1" in found(shop, "")
    removed = shop.execute("select id, state from list_rules(removed => true)").fetchall()
    assert removed == [(ids[0], "removed")]
    with pytest.raises(psycopg.DatabaseError, match=f"rule {ids[0]} not found"), shop.transaction():
        shop.execute("select remove_rules(%s)", [ids])
    assert shop.execute("select restore_rules(%s)", [ids[:1]]).fetchone() == (1,)
    assert "sofa-1" not in found(shop, "")
    put_rules(shop, hide(None, "rack-1"), prune=True)
    rows = shop.execute("select external_id from list_rules()").fetchall()
    assert rows == [("rack-1",)]


def test_of_equal_rules_one_is_restored(shop: psycopg.Connection) -> None:
    boost = {"query": "Sofa", "action": "boost", "attribute": "brand", "value": "Alder"}
    ((first, _),) = put_rules(shop, {**boost, "weight": 3})
    shop.execute("select remove_rules(%s)", [[first]])
    ((second, _),) = put_rules(shop, {**boost, "query": "sofas", "weight": 2})
    with pytest.raises(psycopg.DatabaseError, match=f"rule {second} is about the same"):
        with shop.transaction():
            shop.execute("select restore_rules(%s)", [[first]])
    shop.execute("select remove_rules(%s)", [[second]])
    with pytest.raises(psycopg.DatabaseError, match="cannot be restored"), shop.transaction():
        shop.execute("select restore_rules(%s)", [[first, second]])
    assert shop.execute("select restore_rules(%s)", [[first]]).fetchone() == (1,)


def test_a_restored_rule_is_known_by_the_words_of_now(shop: psycopg.Connection) -> None:
    ((rule, _),) = put_rules(shop, pin("zorbly", "lamp-1"))
    shop.execute("select remove_rules(%s)", [[rule]])
    shop.execute("insert into thesaurus (term, canonical) values ('zorbly', 'sofa')")
    shop.execute("select restore_rules(%s)", [[rule]])
    assert found(shop, "'couch'")[0] == "lamp-1"
    assert_sound(shop)


@pytest.mark.parametrize(
    ("rule", "state", "message", "hint"),
    [
        (pin("sofa", "sofa-9"), "VT003", "row 2 of rules: product 'sofa-9' not found", "nearest: sofa-1, sofa-2"),
        ({**pin("sofa", "sofa-1"), "source": "shopp"}, "VT003", "row 2 of rules: source", "shop"),
        ({"action": "hide", "attribute": "bran"}, "VT003", "row 2 of rules: attribute 'bran' not found", "brand"),
        ({"action": "drop", "external_id": "sofa-1"}, "VT004", "action cannot be 'drop'", "pin, hide, boost"),
        ({"action": "hide"}, "VT004", "one product, or about one attribute", "external_id"),
        ({"action": "pin", "attribute": "brand"}, "VT004", "only a product can be pinned", "boost"),
        ({"action": "boost", "external_id": "sofa-1"}, "VT004", "weight of a boost", "1.2"),
        ({"action": "boost", "external_id": "sofa-1", "weight": "NaN"}, "VT004", "not NaN", "1.2"),
        (hide(None, "sofa-1", weight=2), "VT004", "only a boost has a weight", "leave"),
        (pin(None, "sofa-1", position=0), "VT004", "position of a pin", "first"),
        (hide(None, "sofa-1", valid_to="soon"), "VT004", "valid_to is no date: 'soon'", "2026-11-27"),
        (hide(None, "sofa-1", valid_from="2021-01-02", valid_to="2021-01-01"), "VT004", "ends before", "after"),
        (hide(None, "sofa-1", wait=1), "VT004", "no field 'wait'", "weight"),
        (hide(["a"], "sofa-1"), "VT004", "query must be a text", "several rules"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_what_is_no_rule_is_named(
    shop: psycopg.Connection, rule: dict[str, Any], state: str, message: str, hint: str
) -> None:
    with pytest.raises(psycopg.DatabaseError) as caught, shop.transaction():
        put_rules(shop, hide(None, "lamp-1"), rule)
    assert caught.value.sqlstate == state
    assert message in str(caught.value)
    assert hint in (caught.value.diag.message_hint or "")
    assert shop.execute("select count(*) from list_rules()").fetchone() == (0,)


def test_a_reader_searches_with_rules_and_changes_none(shop: psycopg.Connection) -> None:
    shop.execute("set role vitrina_writer")
    put_rules(shop, pin("sofa", "lamp-1"), {"action": "boost", "attribute": "brand", "weight": 2})
    shop.execute("set role vitrina_reader")
    assert found(shop, "'couch'")[0] == "lamp-1"
    for call in ("put_rules('[]')", "remove_rules('{1}')", "restore_rules('{1}')"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), shop.transaction():
            shop.execute(f"select {call}")
