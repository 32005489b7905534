"""sql/70-search: nearly the same, by picture and by text."""

from __future__ import annotations

import random

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


def flipped(value: int, bits: int, rng: random.Random) -> int:
    for place in rng.sample(range(64), bits):
        value ^= 1 << place
    return value


def test_pictures_within_the_distance_are_all_found(db: psycopg.Connection) -> None:
    """Against every pair compared: among hashes that are alike for the most part, as pictures are."""
    rng = random.Random(7)  # noqa: S311 - the same each time
    ids = list(put(db, [(f"p{n}", f"Thing {n}", [], {}) for n in range(240)]).values())
    bases = [rng.getrandbits(24) << 20 for _ in range(20)]
    hashes = {id_: flipped(rng.choice(bases), rng.randrange(5), rng) for id_ in ids}
    for number, (id_, value) in enumerate(hashes.items()):
        put_picture(db, id_, value, number=number)
    for most in range(7):
        expected = {}
        for id_, value in hashes.items():
            near = [
                ((value ^ other).bit_count(), earlier)
                for earlier, other in hashes.items()
                if earlier < id_ and (value ^ other).bit_count() <= most
            ]
            if near:
                expected[id_] = min(near)[0]
        found = pairs(db, f"k => 1000, max_distance => {most}, min_similarity => null")
        assert {pair[0]: row[1] for pair, row in found.items()} == expected, most
        assert all(
            (hashes[late] ^ hashes[early]).bit_count() == row[1] and early < late
            for (late, early), row in found.items()
        )


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
    for number, code in enumerate(("rack-1", "rack-2", "table-2", "table-3")):
        put_picture(db, ids[code], 0xFFFF00 if number > 1 else number, number=number)
    rows = db.execute(
        "select external_id, of_external_id, source, of_title, reasons, distance, similarity"
        " from duplicates()"
    ).fetchall()
    assert rows == [
        ("table-3", "table-2", "shop", "Oak side table", ["picture", "text"], 0, 1),
        ("rack-2", "rack-1", "shop", "Bamboo shoe rack", ["picture"], 1, None),
    ]


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
        ("max_distance => 7", "max_distance must be 0 to 6"),
        ("max_distance => -1", "max_distance must be 0 to 6"),
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
