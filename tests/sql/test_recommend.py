"""sql/70-search: more like these, less like those; nearest by picture."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest
from psycopg.rows import dict_row

from rehearsal import filled
from small_shop import CATALOGUE, put, put_picture

pytestmark = pytest.mark.once

COLUMNS = [
    "product_id", "source", "external_id", "title", "caption", "keywords", "url", "image",
    "score", "similarity", "text_rank", "matched", "attributes", "sku",
]  # fmt: skip


@filled
def shop(db: psycopg.Connection) -> None:
    put(db, CATALOGUE)
    db.execute("set role vitrina_reader")


@pytest.fixture
def ids(shop: psycopg.Connection) -> dict[str, int]:
    return dict(shop.execute("select external_id, id from products").fetchall())


def codes(db: psycopg.Connection, arguments: str, *params: object) -> list[str]:
    rows = db.execute(f"select external_id from recommend({arguments})", params).fetchall()
    return [row[0] for row in rows]


def vectors(db: psycopg.Connection) -> dict[str, np.ndarray]:
    rows = db.execute(
        "select p.external_id, e.embedding::text from product_embeddings as e"
        " join products as p on p.id = e.product_id"
        " where e.space_id = (vitrina_internal.active_space('text')).id"
    ).fetchall()
    return {code: np.array([float(x) for x in text[1:-1].split(",")]) for code, text in rows}


def ranked(found: dict[str, np.ndarray], taste: np.ndarray, without: set[str]) -> list[str]:
    def cosine(vector: np.ndarray) -> float:
        return float(vector @ taste / np.linalg.norm(vector) / np.linalg.norm(taste))

    return sorted(set(found) - without, key=lambda code: -cosine(found[code]))


def test_several_liked_are_the_mean_of_their_vectors(
    db: psycopg.Connection, ids: dict[str, int]
) -> None:
    found = vectors(db)
    liked = ["rack-1", "table-1"]
    expected = ranked(found, found["rack-1"] + found["table-1"], set(liked))
    assert codes(db, "%s", [ids[code] for code in liked]) == expected


def test_disliked_push_away_by_half(db: psycopg.Connection, ids: dict[str, int]) -> None:
    found = vectors(db)
    taste = found["table-1"] - 0.5 * (found["rack-2"] + found["lamp-1"]) / 2
    expected = ranked(found, taste, {"table-1", "rack-2", "lamp-1"})
    got = codes(db, "%s, %s", [ids["table-1"]], [ids["rack-2"], ids["lamp-1"]])
    assert got == expected


def test_the_columns_are_those_of_search(db: psycopg.Connection, ids: dict[str, int]) -> None:
    with db.cursor(row_factory=dict_row) as cur:
        rows = cur.execute("select * from recommend(%s)", [[ids["rack-1"]]]).fetchall()
    assert list(rows[0]) == COLUMNS
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("k => 2", 2),
        ("k => 1000", 6),
        ("where_path => '$.price < 50'", {"rack-2"}),
        ('filter => \'{"brand": "Linden"}\'', {"sofa-1", "table-1", "lamp-1"}),
        ("with_keywords => '{metal}'", {"rack-2", "table-1"}),
        ("without_keywords => '{metal, sofa}'", {"table-2", "lamp-1"}),
        ("sources => '{elsewhere}'", set()),
    ],
)
def test_filters_hold_and_every_result_is_full(
    db: psycopg.Connection, ids: dict[str, int], arguments: str, expected: int | set[str]
) -> None:
    found = codes(db, f"%s, {arguments}", [ids["rack-1"]])
    assert "rack-1" not in found
    if isinstance(expected, int):
        assert len(found) == expected
    else:
        assert set(found) == expected


def test_pictures_take_part(db: psycopg.Connection) -> None:
    ids = put(db, CATALOGUE)
    for number, (code, id_) in enumerate(ids.items()):
        near = code in ("sofa-1", "lamp-1")
        vector = [1.0 if near else -1.0, 0.1 * number] + [0.0] * 510
        db.execute(
            "select put_embeddings('local-image-2', array[%s::bigint], array['x']::bytea[],"
            " array[%s::text::halfvec])", [id_, str(vector)],
        )  # fmt: skip
    db.execute(
        "delete from product_embeddings where space_id = (vitrina_internal.active_space('text')).id"
    )
    assert codes(db, "%s, k => 1", [ids["sofa-1"]]) == ["lamp-1"]


def test_without_vectors_there_is_nothing_to_go_by(
    db: psycopg.Connection, ids: dict[str, int]
) -> None:
    db.execute("reset role")
    db.execute("delete from product_embeddings")
    assert codes(db, "%s", [ids["rack-1"]]) == []


@pytest.mark.parametrize(
    ("arguments", "state", "message"),
    [
        ("'{}'", "VT004", "at least one of them liked"),
        ("null", "VT004", "at least one of them liked"),
        ("'{999}'", "VT003", "product 999 not found"),
        ("array[1, null]", "VT003", "product null not found"),
        ("'{1}', '{998}'", "VT003", "product 998 not found"),
        ("'{1}', k => 0", "VT004", "k must be"),
        ("'{1}', k => null", "VT004", "k must be"),
        ("'{1}', k => 1001", "VT004", "k must be"),
        ("array(select generate_series(1, 1001))", "VT004", "1 to 1000 products"),
    ],
)
def test_what_cannot_be_is_named(
    db: psycopg.Connection, ids: dict[str, int], arguments: str, state: str, message: str
) -> None:
    with pytest.raises(psycopg.DatabaseError, match=message) as caught:
        db.execute(f"select recommend({arguments})")
    assert caught.value.sqlstate == state


def test_one_both_liked_and_disliked_is_still_liked_by_half(
    db: psycopg.Connection, ids: dict[str, int]
) -> None:
    both = codes(db, "%s, %s", [ids["rack-1"]], [ids["rack-1"]])
    assert both == codes(db, "%s, null", [ids["rack-1"]])


# -- nearest_by_image ----------------------------------------------------------------------------


@pytest.fixture
def pictured(db: psycopg.Connection) -> dict[str, int]:
    """Products with hashes 1, 3, 7, … and image vectors that turn away step by step."""
    ids = put(db, CATALOGUE)
    for number, id_ in enumerate(ids.values()):
        put_picture(db, id_, 2 ** (number + 1) - 1, number=number)
        vector = [1.0, 0.2 * number] + [0.0] * 510
        db.execute(
            "select put_embeddings('local-image-2', array[%s::bigint], array['x']::bytea[],"
            " array[%s::text::halfvec])", [id_, str(vector)],
        )  # fmt: skip
    db.execute("set role vitrina_reader")
    return ids


def test_by_hash_the_bits_that_agree_order(
    db: psycopg.Connection, pictured: dict[str, int]
) -> None:
    rows = db.execute(
        "select external_id, score, similarity, matched from nearest_by_image(dhash => 1::bit(64))"
    ).fetchall()
    assert [row[0] for row in rows] == list(pictured)
    assert [row[1] for row in rows] == [1 - n / 64 for n in range(7)]
    assert {row[2] for row in rows} == {None}
    assert rows[0][3] == ["image"]
    with db.cursor(row_factory=dict_row) as cur:
        row = cur.execute("select * from nearest_by_image(dhash => 1::bit(64))").fetchone()
    assert list(row) == COLUMNS


def test_by_sha256_and_by_vector_find_the_same(
    db: psycopg.Connection, pictured: dict[str, int]
) -> None:
    by_sha = db.execute(
        "select external_id, similarity from nearest_by_image("
        " sha256 => encode(sha256('0'), 'hex'), k => 3)"
    ).fetchall()
    by_vector = db.execute(
        "select external_id, similarity from nearest_by_image("
        " (select e.embedding from product_embeddings as e where e.product_id = %s"
        "   and e.space_id = (vitrina_internal.active_space('image')).id), k => 3)",
        [pictured["lamp-1"]],
    ).fetchall()
    assert by_sha == by_vector
    assert [row[0] for row in by_sha] == list(pictured)[:3]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("where_path => '$.price < 50'", ["rack-1", "rack-2"]),
        ("with_keywords => '{metal}', k => 1", ["rack-2"]),
        ("without_keywords => '{sofa, lamp}', k => 2", ["rack-1", "rack-2"]),
        ("sources => '{elsewhere}'", []),
    ],
)
@pytest.mark.parametrize("by", ["dhash => 1::bit(64)", "sha256 => encode(sha256('0'), 'hex')"])
def test_filters_hold_for_pictures(
    db: psycopg.Connection, pictured: dict[str, int], by: str, arguments: str, expected: list[str]
) -> None:
    rows = db.execute(f"select external_id from nearest_by_image({by}, {arguments})").fetchall()
    assert [row[0] for row in rows] == expected


@pytest.mark.parametrize(
    ("arguments", "state", "message"),
    [
        ("", "VT004", "give exactly one of"),
        ("'[1]', 'ab'", "VT004", "give exactly one of"),
        ("sha256 => 'ab'", "VT004", "64 hexadecimal digits"),
        ("sha256 => repeat('0', 64)", "VT003", "no product has the picture 000000000000"),
        ("dhash => '101'::varbit", "VT004", "64 bits, not 3"),
        ("dhash => 1::bit(64), k => 0", "VT004", "k must be"),
        ("'[1,2,3]'", "VT004", "3 dimensions"),
    ],
)
def test_pictures_that_cannot_be_are_named(
    db: psycopg.Connection, pictured: dict[str, int], arguments: str, state: str, message: str
) -> None:
    with pytest.raises(psycopg.DatabaseError, match=message) as caught:
        db.execute(f"select nearest_by_image({arguments})")
    assert caught.value.sqlstate == state
