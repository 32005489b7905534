"""Whether a row is an answer: relevance, what is missing, the floor, the background of spaces."""

import ast
import csv
import json
import random
import re
from pathlib import Path

import psycopg
import pytest

from rehearsal import filled

pytestmark = pytest.mark.once

SHOP = {
    "sofa": ("Green velvet sofa", ["sofa", "velvet", "green"]),
    "sectional": ("Grey sectional couch", ["sectional sofa", "gray"]),
    "latch": ("Sofa latch, connector for sofa and couch", ["furniture part"]),
    "desk": ("Oak laptop desk", ["computer desk", "oak"]),
    "stool": ("Bar stool for guitar players", ["bar stool", "black"]),
    "table": ("Pink side table", ["side table", "pink"]),
    "coffee": ("Walnut coffee table", ["coffee table", "walnut"]),
    "chair": ("White reading chair", ["armchair", "white"]),
}


def fill(db: psycopg.Connection, products: dict[str, tuple[str, list[str]]]) -> None:
    db.execute("select put_source('shop')")
    rows = [{"external_id": code, "title": title} for code, (title, _) in products.items()]
    db.execute("select put_products('shop', %s)", [json.dumps(rows)])
    ids = dict(db.execute("select external_id, id from products").fetchall())
    enrichments = [
        {
            "product_id": ids[code],
            "terms": [{"term": terms[0], "facet": "type"}, *({"term": t} for t in terms[1:])],
            "caption": f"{title}.",
        }
        for code, (title, terms) in products.items()
    ]
    db.execute("select put_enrichments(%s)", [json.dumps(enrichments)])
    db.execute("select embed_products(%s)", [list(ids.values())])


@filled
def shop(db: psycopg.Connection) -> None:
    fill(db, SHOP)


def answers(db: psycopg.Connection, query: str, floor: float | None = None) -> list[tuple]:
    return db.execute(
        "select external_id, missing, relevance from search(%s, min_relevance => %s::real)",
        [query, floor],
    ).fetchall()


@pytest.mark.parametrize(
    "query",
    [
        "asdfgh", "xzqv blorp", "the", "?", "of and with", "dog food", "guitar", "laptop",
        "coffee beans", "frying pan", "wedding cake",
    ],
)  # fmt: skip
def test_a_search_says_no(shop: psycopg.Connection, query: str) -> None:
    assert answers(shop, query) == []
    shown = answers(shop, query, 0)
    assert len(shown) == len(SHOP) or query in ("?", "the", "of and with")
    assert all(row[2] < 0.5 for row in shown)
    assert shop.execute("select count_matches(%s)", [query]).fetchone() == (0,)


def test_a_mention_of_what_the_shop_has_not_is_shown_on_request(shop: psycopg.Connection) -> None:
    assert answers(shop, "laptop", 0)[0][:2] == ("desk", ["laptop"])


def test_what_a_row_lacks_is_said_and_costs_it_its_place(shop: psycopg.Connection) -> None:
    rows = answers(shop, "red side table")
    assert rows[0][:2] == ("table", ["red"])
    assert 0.5 <= rows[0][2] < 1
    rows = answers(shop, "white armchair")
    assert rows[0] == ("chair", [], pytest.approx(1))


def test_what_a_product_is_beats_what_it_mentions(shop: psycopg.Connection) -> None:
    found = [row[0] for row in answers(shop, "couch")]
    assert found[:2] in (["sofa", "sectional"], ["sectional", "sofa"])
    missing = {row[0]: row[1] for row in answers(shop, "couch", 0)}
    assert missing["latch"] == ["couch"]


def test_a_type_is_looked_for_in_the_searched_sources(shop: psycopg.Connection) -> None:
    shop.execute("select put_source('other')")
    rows = [{"external_id": "1", "title": "Guitar"}]
    shop.execute("select put_products('other', %s)", [json.dumps(rows)])
    query = "select external_id from search('guitar', sources => %s)"
    assert shop.execute(query, [["other"]]).fetchall() == [("1",)]
    assert shop.execute(query, [["shop"]]).fetchall() == []


def test_pages_and_counts_agree(shop: psycopg.Connection) -> None:
    for query in ("sofa", "red side table", "table", "oak", "guitar"):
        for floor in (None, 0, 0.3, 0.8):
            (count,) = shop.execute(
                "select count_matches(%s, min_relevance => %s::real)", [query, floor]
            ).fetchone()
            pages = shop.execute(
                "select s.product_id from generate_series(0, 10, 2) as p (first)"
                " cross join lateral search(%s, 2, p.first, min_relevance => %s::real) as s",
                [query, floor],
            ).fetchall()
            assert len(pages) == len(set(pages)) == count, (query, floor)


def test_a_vector_alone_finds_the_nearest(shop: psycopg.Connection) -> None:
    count = len(SHOP)
    query = "select count(*) from search('asdfgh', mode => 'vector')"
    assert shop.execute(query).fetchone() == (count,)
    query = "select count(*), count(relevance) from search(embedding => embed_text('asdfgh'))"
    assert shop.execute(query).fetchone() == (count, count)
    query = "select count(*) from search(embedding => embed_text('asdfgh'), min_relevance => 0.5)"
    assert shop.execute(query).fetchone() == (0,)


def test_the_policy_is_the_default(shop: psycopg.Connection) -> None:
    shop.execute("select set_search_policy(0)")
    assert len(answers(shop, "guitar")) == len(SHOP)
    shop.execute("select set_search_policy(0.99)")
    assert answers(shop, "red side table") == []
    shop.execute("select set_search_policy(null)")  # keeps it
    assert answers(shop, "red side table") == []
    for wrong in (-0.1, 1.5, "NaN"):
        with pytest.raises(psycopg.DatabaseError) as error, shop.transaction():
            shop.execute("select set_search_policy(%s::real)", [wrong])
        assert error.value.sqlstate == "VT004"
    for wrong in (-0.1, 1.5, "NaN"):
        with pytest.raises(psycopg.DatabaseError) as error, shop.transaction():
            answers(shop, "sofa", wrong)  # type: ignore[arg-type]
        assert error.value.sqlstate == "VT004"


# one floor for every model ----------------------------------------------------------------------


FAMILIES = {
    "mats": "mat", "tables": "table|stand", "seats": "chair|bench|ottoman|stool",
    "storage": "rack|storage|shel|cabinet|cart",
}  # fmt: skip


def put_vectors(db: psycopg.Connection, dimensions: int, vectors: dict[str, list[float]]) -> None:
    """An active text space with these vectors, its background measured."""
    db.execute(
        "select create_space('made', 'test', 'made', 'text', %s, state => 'building')", [dimensions]
    )
    db.execute("select put_source('made')")
    rows = [{"external_id": code, "title": f"thing {code}"} for code in vectors]
    db.execute("select put_products('made', %s)", [json.dumps(rows)])
    ids = dict(db.execute("select external_id, id from products").fetchall())
    db.execute(
        "select put_embeddings('made', %s, array_fill(''::bytea, array[%s]), %s::halfvec[])",
        [[ids[code] for code in vectors], len(ids), [str(v) for v in vectors.values()]],
    )
    db.execute("select use_space('made')")


def near(db: psycopg.Connection, vector: list[float], k: int = 5) -> list[tuple[str, float]]:
    """What a search for words that no product has finds by this vector, with relevance."""
    return db.execute(
        "select external_id, relevance from search('zzgrmpf', %s, embedding => %s::halfvec)",
        [k, str(vector)],
    ).fetchall()


def test_random_vectors_have_no_answer(db: psycopg.Connection) -> None:
    draw = random.Random(7)  # noqa: S311
    vectors = {str(i): [draw.gauss(0, 1) for _ in range(64)] for i in range(400)}
    put_vectors(db, 64, vectors)
    mean, deviation = db.execute(
        "select background_mean, background_deviation from spaces where name = 'made'"
    ).fetchone()
    assert (mean, deviation) == (pytest.approx(0, abs=0.01), pytest.approx(1 / 8, abs=0.01))
    queries = [[draw.gauss(0, 1) for _ in range(64)] for _ in range(40)]
    assert sum(not near(db, query) for query in queries) >= 36
    # and a thing that is there is found
    assert near(db, vectors["7"])[0] == ("7", 1)


def test_one_floor_fits_a_large_model(db: psycopg.Connection, shared_data: Path) -> None:
    """Each product of a real catalogue is the query, and left out: what finds it must be its kind."""
    path = shared_data / "furniture/items_tagged_and_captioned_embeddings.csv"
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    vectors = {str(i): ast.literal_eval(row["embedding"]) for i, row in enumerate(rows)}
    kinds = {str(i): ast.literal_eval(row["keywords"])[0] for i, row in enumerate(rows)}
    put_vectors(db, 3072, vectors)
    # shops name one kind of thing in several ways: "doormat" and "door mat"
    family = {code: {name for name, words in FAMILIES.items() if re.search(words, kind)} | {kind}
              for code, kind in kinds.items()}  # fmt: skip
    found, right, twins = 0, 0, 0
    for code, vector in vectors.items():
        others = [(other, r) for other, r in near(db, vector) if other != code]
        found += len(others)
        right += sum(bool(family[code] & family[other]) for other, _ in others)
        twins += bool(others)
    assert right >= 0.95 * found
    assert twins >= 30
    draw = random.Random(3)  # noqa: S311
    noise = [[draw.gauss(0, 1) for _ in range(3072)] for _ in range(20)]
    assert all(near(db, vector) == [] for vector in noise)


def test_the_local_model_knows_what_is_unrelated(shop: psycopg.Connection) -> None:
    assert shop.execute("select measure_background('local-text')").fetchone() == (False,)
    products = {f"{code}-{i}": SHOP[code] for i in range(8) for code in SHOP}
    fill(shop, products)
    shop.execute("select put_keyword_embeddings('local-text', array_agg(k.id order by k.id),"
                 " array_agg(embed_text(k.name) order by k.id)) from keywords as k")  # fmt: skip
    assert shop.execute("select measure_background('local-text')").fetchone() == (True,)
    mean, deviation, products_then = shop.execute(
        "select background_mean, background_deviation, background_products from spaces"
        " where name = 'local-text'"
    ).fetchone()
    assert 0 < mean < 0.3
    assert 0.02 < deviation < 0.2
    assert products_then == 72
    # of a small catalogue again as soon as it differs, whatever was there when it was first measured
    before = mean, deviation
    shop.execute("update spaces set background_products = 40, background_mean = 0.9")
    assert shop.execute("select measure_background('local-text', true)").fetchone() == (True,)
    assert (
        before
        == shop.execute(
            "select background_mean, background_deviation from spaces where name = 'local-text'"
        ).fetchone()
    )
    # else only once it has doubled, or half of its products are others
    shop.execute("update spaces set background_mean = 0.9")
    assert shop.execute("select measure_background('local-text', true)").fetchone() == (True,)
    assert shop.execute(
        "select background_mean from spaces where name = 'local-text'"
    ).fetchone() == (pytest.approx(0.9),)
    shop.execute("update spaces set background_last = background_last - 40")
    assert shop.execute("select measure_background('local-text', true)").fetchone() == (True,)
    assert shop.execute(
        "select background_mean from spaces where name = 'local-text'"
    ).fetchone() == (pytest.approx(before[0]),)
    assert answers(shop, "asdfgh") == []
    with pytest.raises(psycopg.DatabaseError) as error:
        shop.execute("select measure_background('nowhere')")
    assert error.value.sqlstate == "VT003"
