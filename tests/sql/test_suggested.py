"""sql/80-curation: keywords that the products with the nearest pictures agree on."""

from __future__ import annotations

import json

import numpy as np
import psycopg
import pytest

from small_shop import put

pytestmark = pytest.mark.once
SOFAS = [
    (f"sofa-{n}", f"Sofa number {n}", [("sofa", "type"), ("women", "audience")][: 2 - n % 2], {})
    for n in range(10)
]
LAMPS = [(f"lamp-{n}", f"Lamp number {n}", [("lamp", "type")], {}) for n in range(10)]
ROWS = [*SOFAS, *LAMPS, ("mute", "QX-17", [], {}), ("blind", "ZY-18", [], {})]


@pytest.fixture
def shop(db: psycopg.Connection) -> tuple[psycopg.Connection, dict[str, int]]:
    """Ten sofas, ten lamps, and a product whose title says nothing, near the sofas."""
    ids = put(db, ROWS)
    db.execute("select create_space('looks', 'test', 'm', 'image', 16), use_space('looks')")
    rng = np.random.default_rng(3)
    sofa, lamp = rng.standard_normal((2, 16))
    for code, id_ in ids.items():
        if code == "blind":
            continue
        vector = (lamp if code.startswith("lamp") else sofa) + 0.2 * rng.standard_normal(16)
        db.execute(
            "select put_embeddings('looks', %s, array[sha256(%s)], array[%s::text::halfvec])",
            [[id_], code.encode(), str(vector.round(4).tolist())],
        )
    return db, ids


def suggested(db: psycopg.Connection, arguments: str = "") -> list[tuple]:
    return db.execute(
        "select external_id, keyword, facet, round(confidence::numeric, 2), agree, compared"
        f" from suggest_keywords({arguments}) order by external_id, facet"
    ).fetchall()


def test_neighbours_that_agree_are_a_suggestion(shop: tuple) -> None:
    db, ids = shop
    (row,) = suggested(db, "min_confidence => 0.9, facets => '{type}'")
    assert row[:3] == ("mute", "sofa", "type")
    assert row[3:] == (1, 8, 8)
    (like,) = db.execute(
        "select like_products from suggest_keywords(facets => '{type}')"
    ).fetchone()
    assert len(like) == 8
    assert set(like) <= {ids[code] for code, *_ in SOFAS}
    assert ids["mute"] not in like


def test_where_they_do_not_agree_nothing_is_suggested(shop: tuple) -> None:
    db, ids = shop
    assert suggested(db, f"array[{ids['mute']}], facets => '{{audience}}'") == []
    low = suggested(db, f"array[{ids['mute']}], min_confidence => 0.2, facets => '{{audience}}'")
    assert [row[:3] for row in low] == [("mute", "women", "audience")]
    assert low[0][3] < 0.8


def test_what_words_say_is_not_suggested(shop: tuple) -> None:
    db, ids = shop
    assert suggested(db, f"array[{ids['sofa-0']}]") == []
    (row,) = suggested(db, f"array[{ids['sofa-0']}], facets => '{{type}}', known => true")
    assert row[:3] == ("sofa-0", "sofa", "type")
    assert row[3] >= 0.8
    assert row[4] >= 7  # the mute one may be among them
    assert suggested(db, f"array[{ids['blind']}], min_confidence => 0") == []


def test_a_type_that_has_no_audience_is_suggested_none(shop: tuple) -> None:
    db, ids = shop
    names = ("cushion-0", "cushion-1", "cushion-2", "throw-0")
    late = put(db, [(name, name, [(name.split("-")[0], "type")], {}) for name in names])
    db.execute(
        "insert into product_embeddings (product_id, space_id, embedding, input_hash)"
        " select u.id, e.space_id, e.embedding, e.input_hash from unnest(%s::bigint[]) as u (id)"
        " cross join product_embeddings as e join spaces as s on s.id = e.space_id"
        " where s.name = 'looks' and e.product_id = %s",
        [[late[name] for name in names], ids["mute"]],
    )
    for code, *_ in SOFAS[1::2]:
        db.execute("select add_keyword('shop', %s, 'women')", [code])
    asked = [ids["mute"], *(late[name] for name in names)]

    def found(extra: str = "") -> list[str]:
        rows = suggested(
            db,
            f"array{asked}, facets => '{{audience}}', neighbours => 16, min_confidence => 0.5{extra}",
        )
        assert {row[1] for row in rows} == {"women"}
        return [row[0] for row in rows]

    # all are near the sofas, which are for women; a product without a type may be anything
    assert found() == ["mute"]
    db.execute("select add_keyword('shop', 'cushion-2', 'women')")
    assert found() == ["cushion-0", "cushion-1", "mute"], "half of the other cushions have one"
    # of the others of its type none has one, so its own says nothing
    assert found(", known => true") == ["cushion-0", "cushion-1", "mute"]


def test_an_accepted_one_is_by_hand_and_can_be_undone(shop: tuple) -> None:
    db, ids = shop
    answers = db.execute("select count(*) from generations").fetchone()
    (change, alias, before, after) = db.execute(
        "select change, alias, before, after from add_keyword('shop', 'mute', 'sofa')"
    ).fetchone()
    assert (alias, before, after) == ("mute", None, "sofa")
    keywords = "select keywords from products where id = %s"
    assert db.execute(keywords, [ids["mute"]]).fetchone() == (["sofa"],)
    db.execute("select add_keyword('shop', 'mute', 'lamp')")
    assert db.execute(keywords, [ids["mute"]]).fetchone() == (["sofa", "lamp"],)
    assert suggested(db, "facets => '{type}'") == []
    # a later enrichment keeps it
    work = [{"product_id": ids["mute"], "terms": [{"term": "brass", "facet": "material"}]}]
    db.execute("select put_enrichments(%s)", [json.dumps(work)])
    assert db.execute(keywords, [ids["mute"]]).fetchone() == (["sofa", "lamp"],)
    assert db.execute("select count(*) from generations").fetchone() == answers
    db.execute("select undo_keyword_change()")
    assert db.execute(keywords, [ids["mute"]]).fetchone() == (["sofa"],)
    db.execute("select undo_keyword_change(%s)", [change])
    assert db.execute(keywords, [ids["mute"]]).fetchone() == (["brass"],)


def test_who_accepts_it_second_changes_nothing(shop: tuple) -> None:
    db, ids = shop
    accept = "select change from add_keyword('shop', 'mute', %s)"
    ((change,),) = db.execute(accept, ["sofa"]).fetchall()
    assert db.execute(accept, ["sofa"]).fetchall() == []
    assert db.execute(accept, ["Sofas"]).fetchall() == []
    db.execute("select undo_keyword_change(%s)", [change])  # nothing came after it
    keywords = "select keywords from products where id = %s"
    assert db.execute(keywords, [ids["mute"]]).fetchone() == ([],)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("min_confidence => 2", "min_confidence must be 0 to 1"),
        ("min_confidence => 'NaN'", "min_confidence must be 0 to 1"),
        ("neighbours => 1", "neighbours must be 2 to 50"),
        ("neighbours => null", "neighbours must be 2 to 50"),
        ("among => 0", "among must be 1 to 10000"),
        ("k => -1", "k must be"),
        ("product_ids => '{1,null}'", "product_ids must be a plain list"),
    ],
)
def test_what_cannot_be_is_refused(db: psycopg.Connection, arguments: str, message: str) -> None:
    with pytest.raises(psycopg.Error, match=message):
        db.execute(f"select * from suggest_keywords({arguments})")


def test_an_unknown_keyword_cannot_be_accepted(shop: tuple) -> None:
    db, _ = shop
    with pytest.raises(psycopg.Error, match="nearest"):
        db.execute("select add_keyword('shop', 'mute', 'soffa')")


def test_the_reader_may_look_and_not_accept(shop: tuple) -> None:
    db, _ = shop
    db.execute("set role vitrina_reader")
    assert suggested(db, "facets => '{type}'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("select add_keyword('shop', 'mute', 'sofa')")
