"""Why a product is where it is in a search, or is not there: the figures are those of the search."""

import csv
from pathlib import Path

import psycopg
import pytest

from small_shop import Row, put

pytestmark = pytest.mark.once

SHOP: list[Row] = [
    ("sofa", "Green velvet sofa", [("sofa", "type"), ("velvet", "material"), ("green", "color")], {}),
    ("sectional", "Grey sectional couch", [("sectional sofa", "type"), ("gray", "color")], {}),
    ("latch", "Sofa latch, connector for sofa and couch", [("furniture part", "type")], {}),
    ("chair", "White reading chair", [("armchair", "type"), ("white", "color")], {"brand": "Linden"}),
]  # fmt: skip
FIGURES = "rank, relevance, score, similarity, text_rank, matched, missing"


def explained(db: psycopg.Connection, query: str | None, product: str, arguments: str = "") -> dict:
    with db.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(
            f"select * from explain_search(%s, 'shop', %s{arguments})",  # type: ignore[arg-type]
            [query, product],
        ).fetchone()  # type: ignore[return-value]


def test_the_figures_are_those_of_the_search(db: psycopg.Connection, shared_data: Path) -> None:
    with (shared_data / "fashion/styles.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))[:200]
    shop: list[Row] = [
        (row["id"], row["productDisplayName"],
         [(row["articleType"], "type"), (row["baseColour"], "color")], {"usage": row["usage"]})
        for row in rows
    ]  # fmt: skip
    put(db, shop)
    compared = 0
    for query, arguments in [
        ("navy blue shirt", ", k => 25"),
        ("blakc shoes for men", ""),
        ("red dress", ", min_relevance => 0"),
        ("casual watch", ", weights => '{\"vector\": 3}'"),
        ("sandals", ", mode => 'text'"),
        ("leather belt", ", k => 20, mode => 'vector'"),
        (
            "white t-shirt",
            ', image_embedding => null, k => 20, "offset" => 5, min_relevance => 0.2',
        ),
        ("27152", ""),
        ("shirt -blue", ", without_keywords => '{red}'"),
    ]:
        found = db.execute(
            f"select product_id, row_number() over () + {5 if 'offset' in arguments else 0},"
            f" relevance, score, similarity, text_rank, matched, missing"
            f" from search(%s{arguments})",  # type: ignore[arg-type]
            [query],
        ).fetchall()
        for product_id, *figures in found:
            row = db.execute(
                f"select {FIGURES}, gate, (select sum((c ->> 'contribution')::real)"
                f" from jsonb_array_elements(channels) as c) from explain_search(%s, %s{arguments})",  # type: ignore[arg-type]
                [query, product_id],
            ).fetchone()
            assert row is not None
            *told, gate, total = row
            assert (told, gate) == (figures, None)
            assert total == pytest.approx(figures[2], abs=1e-5)
            compared += 1
    assert compared >= 100


@pytest.mark.parametrize(
    ("query", "product", "arguments", "gate", "reason"),
    [
        ("sofa", "sofa", "", None, None),
        ("sofa", "chair", "", "floor", "its relevance is "),
        ("sofa", "sectional", ", k => 1", "page", "it is number 2 of "),
        ("sofa -velvet", "sofa", "", "excluded", 'it has the excluded words "velvet"'),
        ('"grey couch" sofa', "sofa", "", "excluded", 'it does not have the words "grey couch"'),
        ("sofa", "sofa", ", with_keywords => '{gray}'", "filter", "it does not have the keyword 'gray'"),
        ("sofa", "sofa", ", without_keywords => '{velvet}'", "filter", "it has the keyword 'velvet'"),
        ("sofa", "sofa", ", filter => '{\"brand\": \"Linden\"}'", "filter", "brand is not known, not Linden"),
        ("sofa", "sofa", ", where_path => '$.price < 5'", "filter", "its attributes do not meet"),
        ("sofa", "sofa", ", sources => '{other}'", "filter", "it is of the source 'shop'"),
        ("velvet", "chair", ", mode => 'text'", "no match", "it has no word of the query"),
        (None, "sofa", ", k => 1", "page", "it is number 4 of 4"),
    ],
)  # fmt: skip
def test_the_gate_at_which_a_product_fell(
    db: psycopg.Connection, query: str, product: str, arguments: str, gate: str, reason: str
) -> None:
    put(db, SHOP)
    row = explained(db, query, product, arguments)
    assert row["gate"] == gate
    assert (row["reason"] or "").startswith(reason or "")
    assert (row["rank"] is not None) == (gate in (None, "page"))


def test_how_words_were_read_and_where_they_are(db: psycopg.Connection) -> None:
    put(db, SHOP)
    row = explained(db, "gren velvet couch", "latch")
    assert [(w["said"], w["words"], w["keyword"], w["facet"]) for w in row["words"]] == [
        ("gren", "green", "green", "color"),
        ("velvet", "velvet", "velvet", "material"),
        ("couch", "couch", "sofa", "type"),
    ]
    assert sum(w["share"] for w in row["words"]) == pytest.approx(1, abs=0.001)
    # it has the words for a sofa, and is none
    assert [w["missing"] for w in row["words"]] == [True, True, True]
    assert row["words"][0]["found"] == []
    assert row["words"][2]["found"][0] == {
        "place": "title",
        "text": "⟦Sofa⟧ latch, connector for ⟦sofa⟧ and ⟦couch⟧",
    }
    of_sofa = explained(db, "gren velvet couch", "sofa")
    assert {"place": "keyword", "name": "sofa", "text": "⟦sofa⟧"} in of_sofa["words"][2]["found"]
    assert of_sofa["missing"] == []


def test_an_unknown_product_is_an_error_with_the_nearest(db: psycopg.Connection) -> None:
    put(db, SHOP)
    with pytest.raises(psycopg.Error, match="product 'sofas' not found") as raised:
        explained(db, "sofa", "sofas")
    assert raised.value.sqlstate == "VT003"
    assert "sofa" in (raised.value.diag.message_hint or "")
