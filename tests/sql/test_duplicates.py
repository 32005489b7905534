"""sql/70-search: nearly the same, by picture and by text."""

from __future__ import annotations

import json

import numpy as np
import psycopg
import pytest

from small_shop import CATALOGUE, put, put_picture

pytestmark = pytest.mark.once


def pairs(db: psycopg.Connection, arguments: str = "") -> dict[tuple[int, int], tuple]:
    rows = db.execute(
        f"select product_id, of_product, reasons, distance, similarity from duplicates({arguments})"
    ).fetchall()
    return {row[:2]: row[2:] for row in rows}


def put_layout(db: psycopg.Connection, product: int, layout: np.ndarray, *, number: int) -> None:
    """Give a product a picture with this layout, and a hash of no bits."""
    put_picture(db, product, 0, number=number)
    db.execute(
        "update images set layout = %s::text::halfvec where sha256 = sha256(%s::text::bytea)",
        [str(layout.tolist()), number],
    )


@pytest.mark.parametrize("count", [300, 1800])
def test_copies_of_pictures_are_found_by_their_layouts(db: psycopg.Connection, count: int) -> None:
    """In a small catalogue all are compared; in a larger one those in one cell: nearly all pairs."""
    rng = np.random.default_rng(5)
    ids = list(put(db, [(f"p{n}", f"Thing {n}", [], {}) for n in range(count)]).values())
    db.execute("delete from product_embeddings")
    layouts = rng.standard_normal((count, 192)) * 40
    # shops' pictures are alike: a dozen kinds, each with its own outline
    layouts += 80 * rng.standard_normal((12, 192))[rng.integers(0, 12, count)]
    half = count // 2
    for late in range(half, half + 100):
        shift = rng.standard_normal(192)
        near = layouts[late - half] / np.linalg.norm(layouts[late - half])
        apart = 0.03 + 0.11 * rng.random()  # up to 0.14: a cosine of 0.99
        layouts[late] = 100 * (near + apart * shift / np.linalg.norm(shift))
    layouts = np.round(layouts)
    for number, id_ in enumerate(ids):
        put_layout(db, id_, layouts[number], number=number)
    units = layouts / np.linalg.norm(layouts, axis=1)[:, None]
    cosines = np.tril(units @ units.T, -1)
    expected = {ids[late]: ids[int(cosines[late].argmax())] for late in range(count)
                if cosines[late].max() >= 0.9901}  # fmt: skip
    found = pairs(db, "k => 1000, min_similarity => null")
    assert {late: early for late, early in found if late in expected}.items() <= expected.items()
    assert len(expected.keys() & {late for late, _ in found}) >= 0.98 * len(expected) > 70
    assert all(row[0] == ["picture"] and row[1] == 0 for row in found.values())
    surest = db.execute("select confidence from duplicates(k => 1000)").fetchall()
    assert surest == sorted(surest, reverse=True)


def test_what_only_looks_alike_is_left_out_unless_asked_for(db: psycopg.Connection) -> None:
    ids = put(db, CATALOGUE)
    layout = np.arange(192.0) - 96
    put_layout(db, ids["lamp-1"], layout, number=0)
    put_layout(db, ids["rack-1"], layout[::-1], number=1)
    put_layout(db, ids["rack-2"], np.zeros(192), number=2)
    put_layout(db, ids["sofa-1"], np.zeros(192), number=3)  # two plain pictures: nothing to compare
    for code in ("lamp-1", "rack-1"):
        db.execute(
            "select put_embeddings(s.name, %s, array[sha256(%s)], array[%s::text::halfvec])"
            " from spaces as s where s.modality = 'image' and s.state = 'active'",
            [[ids[code]], code.encode(), str([1.0] * 512)],
        )
    assert pairs(db) == {}
    found = pairs(db, "min_looks => 0.95")
    assert found == {(ids["rack-1"], ids["lamp-1"]): (["looks"], None, None)}
    put_layout(db, ids["rack-1"], layout + 5, number=0)
    ((reasons, distance, _),) = pairs(db).values()
    assert (reasons, distance) == (["picture"], 0)  # the same bytes


def test_a_picture_whose_hash_differs_much_is_another(db: psycopg.Connection) -> None:
    ids = put(db, CATALOGUE)
    layout = np.arange(192.0) - 96
    for number, (code, bits) in enumerate(
        (("lamp-1", 0), ("rack-1", 2**21 - 1), ("rack-2", 2**20 - 1))
    ):
        put_layout(db, ids[code], layout + number, number=number)
        db.execute(
            "update images set dhash = %s::bit(64) where sha256 = sha256(%s::text::bytea)",
            [f"{bits:064b}", number],
        )
    assert set(pairs(db)) == {(ids["rack-2"], ids["rack-1"])}
    assert set(pairs(db, "max_distance => 64")) == {
        (ids["rack-1"], ids["lamp-1"]), (ids["rack-2"], ids["rack-1"]),
    }  # fmt: skip
    assert pairs(db, "max_distance => 0") == {}


def test_layouts_that_lack_are_measured(db: psycopg.Connection) -> None:
    ids = put(db, CATALOGUE)
    put_picture(db, ids["lamp-1"], 0, number=0)
    ((sha256, thumbnail),) = db.execute("select * from pictures_to_lay_out()").fetchall()
    assert bytes(thumbnail) == b""
    rows = [{"sha256": sha256, "layout": str(list(range(192))).replace(" ", "")}]
    assert db.execute("select put_layouts(%s)", [json.dumps(rows)]).fetchone() == (1,)
    assert db.execute("select * from pictures_to_lay_out()").fetchall() == []
    rows[0]["layout"] = "[1,2]"
    with pytest.raises(psycopg.Error, match="its layout must be 192 whole numbers"):
        db.execute("select put_layouts(%s)", [json.dumps(rows)])


def test_one_picture_for_a_thousand_products_gives_a_thousand_rows(db: psycopg.Connection) -> None:
    ids = list(put(db, [(f"p{n}", f"Thing {n}", [], {}) for n in range(1000)]).values())
    put_picture(db, ids[0], 0, number=0)
    db.execute("update products set image_sha256 = sha256('0')")
    found = pairs(db, "k => 100000, min_similarity => null")
    assert set(found) == {(id_, ids[0]) for id_ in ids[1:]}


@pytest.mark.parametrize("count", [100, 1000])
def test_near_texts_are_found_by_their_vectors(db: psycopg.Connection, count: int) -> None:
    """In a small space everything is compared, in a larger one what agrees in a band of signs."""
    rng = np.random.default_rng(3)
    said = [str(n).translate(str.maketrans("0123456789", "abcdefghij")) for n in range(count)]
    rows = [
        (f"p{n}", f"A thing of its kind in this shop {word}", [], {}) for n, word in enumerate(said)
    ]
    ids = list(put(db, rows).values())
    vectors = rng.standard_normal((count, 256)) + 0.5
    planted = dict(zip(range(count - 20, count), range(20), strict=True))
    for late, early in planted.items():
        vectors[late] = vectors[early] + 0.1 * rng.standard_normal(256)
    db.execute("delete from product_embeddings")
    db.execute(
        "select put_embeddings('local-text', %s, array(select sha256(convert_to("
        "  embedding_input(p.keywords, p.caption), 'utf8')) from unnest(%s::bigint[])"
        "  with ordinality as u (id, place) join products as p using (id) order by u.place),"
        " %s::text[]::halfvec[])",
        [ids, ids, [str(vector.tolist()) for vector in vectors]],
    )
    found = pairs(db, "max_distance => null")
    assert set(found) == {(ids[late], ids[early]) for late, early in planted.items()}
    assert all(row[0] == ["text"] and row[1] is None and row[2] >= 0.97 for row in found.values())


def test_equal_texts_are_duplicates(db: psycopg.Connection) -> None:
    ids = put(db, [*CATALOGUE, ("table-3", "Oak side table", CATALOGUE[-1][2], {})])
    found = pairs(db)
    assert found[(ids["table-3"], ids["table-2"])] == (["text"], None, 1)


def test_equal_texts_under_other_titles_are_no_duplicates(db: psycopg.Connection) -> None:
    titles = [
        "Acme men brown formal shoes", "Boro women silver kids slippers", "Acme Men Brown Formal Shoe",
        "Acme men brown formal shoes 2", "Acme men's brown lace formal shoes",
    ]  # fmt: skip
    ids = list(put(db, [(f"p{n}", title, [], {}) for n, title in enumerate(titles)]).values())
    db.execute(
        "update product_embeddings set input_hash = sha256('all'), embedding = (select e.embedding"
        " from product_embeddings as e order by e.product_id limit 1)"
    )
    assert set(pairs(db, "max_distance => null")) == {(ids[2], ids[0]), (ids[4], ids[0])}


def test_both_reasons_are_one_row_and_come_first(db: psycopg.Connection) -> None:
    ids = put(db, [*CATALOGUE, ("table-3", "Oak side table", CATALOGUE[-1][2], {})])
    rng = np.random.default_rng(1)
    rack, table = np.round(50 * rng.standard_normal((2, 192)))
    for number, code in enumerate(("rack-1", "rack-2", "table-2", "table-3")):
        put_layout(db, ids[code], (table if number > 1 else rack) + number % 2, number=number)
    rows = db.execute(
        "select external_id, of_external_id, source, of_title, reasons, distance, similarity"
        " from duplicates()"
    ).fetchall()
    assert rows == [
        ("table-3", "table-2", "shop", "Oak side table", ["picture", "text"], 0, 1),
        ("rack-2", "rack-1", "shop", "Bamboo shoe rack", ["picture"], 0, None),
    ]


def test_texts_say_nothing_of_products_whose_pictures_differ(db: psycopg.Connection) -> None:
    row = CATALOGUE[-1]
    again = [(f"table-{n}", row[1], row[2], {}) for n in range(3, 8)]
    # titles of the same words, and a text of its own: by the title alone
    titled = [
        (f"bed-{n}", "Low oak bed frame", [(word, "material")], {})
        for n, word in enumerate(("oak", "bamboo"))
    ]
    ids = put(db, [*CATALOGUE, *again, *titled])
    rng = np.random.default_rng(2)
    one, other, third, fourth = np.round(50 * rng.standard_normal((4, 192)))
    pictures = {
        "table-2": one,
        "table-3": other,
        "table-4": one + 1,  # a copy
        "table-5": np.zeros(192),  # a plain one: nothing to compare
        "table-6": other - 1,  # a copy of a later product's
        "bed-0": third,
        "bed-1": np.round(third + 0.3 * fourth),
    }  # and table-7 has none
    for number, (code, layout) in enumerate(pictures.items()):
        put_layout(db, ids[code], layout, number=number)

    def named(arguments: str = "") -> dict[str, list[tuple[str, list[str]]]]:
        found: dict[str, list[tuple[str, list[str]]]] = {}
        for code, of, reasons in db.execute(
            "select external_id, of_external_id, reasons"
            f" from duplicates({arguments}) order by product_id, of_product"
        ):
            found.setdefault(code, []).append((of, reasons))
        return found

    assert named() == {
        "table-4": [("table-2", ["picture", "text"])],
        "table-5": [("table-2", ["text"])],
        "table-6": [("table-3", ["picture", "text"])],
        "table-7": [("table-2", ["text"])],
    }
    assert named("max_distance => null") == {
        **{f"table-{n}": [("table-2", ["text"])] for n in range(3, 8)},
        "bed-1": [("bed-0", ["text"])],
    }
    # a cosine of 0.96: no copy from 0.99 on
    assert named("min_picture => 0.8")["bed-1"] == [("bed-0", ["picture", "text"])]


def test_sources_and_k_narrow_it(db: psycopg.Connection) -> None:
    put(db, CATALOGUE)
    put(db, CATALOGUE, source="other")
    assert len(pairs(db)) == len(CATALOGUE)
    assert pairs(db, "sources => '{shop}'") == {}
    assert len(pairs(db, "k => 3")) == 3
    assert pairs(db, "sources => '{elsewhere}'") == {}


def test_the_reader_may_look(db: psycopg.Connection) -> None:
    put(db, CATALOGUE)
    put(db, CATALOGUE, source="other")
    db.execute("set role vitrina_reader")
    assert len(pairs(db)) == len(CATALOGUE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("k => 0", "k must be"),
        ("k => null", "k must be"),
        ("k => 100001", "k must be"),
        ("max_distance => 65", "max_distance must be 0 to 64"),
        ("max_distance => -1", "max_distance must be 0 to 64"),
        ("min_picture => null", "min_picture must be 0.8 to 1"),
        ("min_picture => 1.1", "min_picture must be 0.8 to 1"),
        ("min_looks => 0.5", "min_looks must be 0.8 to 1"),
        ("min_similarity => 0.5", "min_similarity must be 0.8 to 1"),
        ("min_similarity => 'NaN'", "min_similarity must be 0.8 to 1"),
        ("min_similarity => 1.1", "min_similarity must be 0.8 to 1"),
    ],
)
def test_what_cannot_be_is_named(db: psycopg.Connection, arguments: str, message: str) -> None:
    with pytest.raises(psycopg.DatabaseError, match=message) as caught:
        db.execute(f"select duplicates({arguments})")
    assert caught.value.sqlstate == "VT004"


def test_an_empty_catalogue_has_none(db: psycopg.Connection) -> None:
    assert pairs(db) == {}
    assert pairs(db, "max_distance => null, min_similarity => null") == {}


def test_titles_of_the_same_words_are_text(db: psycopg.Connection) -> None:
    titles = ["Oak bed frame", "Frames, bed: OAK", "Oak bed", "oak BED", "Oak bed frame 140"]
    ids = list(put(db, [(f"p{n}", title, [], {}) for n, title in enumerate(titles)]).values())
    db.execute("delete from product_embeddings")
    found = pairs(db, "min_similarity => 1")
    assert found == {(ids[1], ids[0]): (["text"], None, None)}
    assert pairs(db, "min_similarity => null") == {}
