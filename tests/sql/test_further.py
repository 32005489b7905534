"""sql/70-search: a product is as near as the nearest of its pictures, and is there once."""

from __future__ import annotations

import json

import numpy as np
import psycopg
import pytest

from small_shop import CATALOGUE, put

pytestmark = pytest.mark.once
SPACE = "select create_space('looks', 'test', 'm', 'image', 16), use_space('looks')"


def halfvec(numbers: np.ndarray) -> str:
    return str(numbers.round(4).tolist())


def put_pictures(db: psycopg.Connection, ids: dict[str, int], count: int) -> None:
    """Give each product so many pictures, stored ones."""
    rows = [
        {"external_id": code, "title": title, "attributes": attributes, "image": f"{code}-1.jpg",
         "images": [{"image": f"{code}-{n + 1}.jpg"} for n in range(count)]}
        for code, title, _, attributes in CATALOGUE
    ]  # fmt: skip
    db.execute("select put_products('shop', %s)", [json.dumps(rows)])
    db.execute(
        "insert into images select distinct sha256(m.image::bytea), 'image/png', 8, 8, 9, ''::bytea,"
        " 0::bit(64) from product_images as m"
    )
    db.execute("update product_images set image_sha256 = sha256(image::bytea)")
    db.execute("update products set image_sha256 = sha256(image::bytea)")
    assert set(ids) == {row[0] for row in CATALOGUE}


def embed(db: psycopg.Connection, vectors: dict[tuple[int, int], np.ndarray]) -> None:
    """Vectors by product and position: the first is the product's own."""
    for (product, position), vector in vectors.items():
        if position == 1:
            db.execute(
                "select put_embeddings('looks', %s, array[sha256('x')], array[%s::text::halfvec])",
                [[product], halfvec(vector)],
            )
        else:
            done = db.execute(
                "select put_picture_embeddings('looks', array[m.product_id], array[m.position],"
                " array[m.image_sha256], array[%s::text::halfvec]) from product_images as m"
                " where m.product_id = %s and m.position = %s",
                [halfvec(vector), product, position],
            ).fetchone()
            assert done == (1,)


@pytest.fixture
def shop(db: psycopg.Connection) -> tuple[psycopg.Connection, dict, dict]:
    ids = put(db, CATALOGUE)
    db.execute(SPACE)
    put_pictures(db, ids, 4)
    rng = np.random.default_rng(4)
    vectors = {(id_, n): rng.standard_normal(16) for id_ in ids.values() for n in range(1, 5)}
    embed(db, vectors)
    return db, ids, vectors


def nearest(
    db: psycopg.Connection, vector: np.ndarray, arguments: str = ""
) -> list[tuple[int, float]]:
    return [
        (row[0], round(row[1], 2))
        for row in db.execute(
            "select product_id, similarity from nearest_by_image(%s::text::halfvec, k => 7"
            f"{arguments})",
            [halfvec(vector)],
        ).fetchall()
    ]


def expected(vectors: dict[tuple[int, int], np.ndarray], query: np.ndarray) -> list:
    best: dict[int, float] = {}
    for (id_, _), vector in vectors.items():
        cosine = float(vector @ query / np.linalg.norm(vector) / np.linalg.norm(query))
        best[id_] = max(best.get(id_, -1), cosine)
    return [(id_, round(cosine, 2)) for id_, cosine in sorted(best.items(), key=lambda i: -i[1])]


def test_a_product_is_as_near_as_its_nearest_picture(shop: tuple) -> None:
    db, _, vectors = shop
    rng = np.random.default_rng(9)
    for _ in range(10):
        query = rng.standard_normal(16)
        found = nearest(db, query)
        wanted = expected(vectors, query)
        assert [id_ for id_, _ in found] == [id_ for id_, _ in wanted]
        assert all(abs(a[1] - b[1]) <= 0.011 for a, b in zip(found, wanted, strict=True))


def test_filters_narrow_pictures_too(shop: tuple) -> None:
    db, ids, vectors = shop
    linden = {ids[row[0]] for row in CATALOGUE if row[3]["brand"] == "Linden"}
    query = vectors[ids["rack-2"], 3]  # of another brand
    found = nearest(db, query, ', filter => \'{"brand": "Linden"}\'')
    wanted = [id_ for id_, _ in expected(vectors, query) if id_ in linden]
    assert [id_ for id_, _ in found] == wanted


def test_the_index_gives_distinct_products(shop: tuple) -> None:
    """With an index that counts as worth it: as many pictures are read as give k products."""
    db, _, vectors = shop
    db.execute("select index_spaces(1)")
    db.execute(
        "update pg_class set reltuples = 1000000 where relname in ("
        " select 'picture_embeddings_' || s.id from spaces as s where s.name = 'looks')"
    )
    assert db.execute(
        "select count(*) from pg_class where relname ~ '^picture_embeddings_.*_hnsw$'"
    ).fetchone()[0] >= 1  # fmt: skip
    rng = np.random.default_rng(11)
    for _ in range(5):
        query = rng.standard_normal(16)
        for k in (1, 3, 7):
            row = db.execute(
                "select (vitrina_internal.nearest_products(s, %s::text::halfvec, %s, null,"
                " vitrina_internal.filters_of('{}', null, '{}', '{}', null))).ids"
                " from spaces as s where s.name = 'looks'",
                [halfvec(query), k],
            ).fetchone()
            assert row[0] == [id_ for id_, _ in expected(vectors, query)][:k]


def test_a_removed_or_replaced_picture_takes_its_vector_along(shop: tuple) -> None:
    db, ids, vectors = shop
    lamp = ids["lamp-1"]
    rows = [
        {"external_id": "lamp-1", "title": "Brass reading lamp", "image": "lamp-1-1.jpg",
         "images": [{"image": "lamp-1-1.jpg"}, {"image": "other.jpg"}, {"image": "lamp-1-3.jpg"}]}
    ]  # fmt: skip
    db.execute("select put_products('shop', %s)", [json.dumps(rows)])
    left = db.execute(
        "select position from picture_embeddings where product_id = %s order by 1", [lamp]
    ).fetchall()
    assert left == [(3,)]
    due = db.execute("select position, image from claim_pictures()").fetchall()
    assert due == []  # the space is of no local model: its provider fills it
    for position in (2, 4):
        query = vectors[lamp, position]
        assert nearest(db, query)[0] != (lamp, 1.0)
    db.execute("select delete_products('shop', '{lamp-1}')")
    assert db.execute(
        "select count(*) from picture_embeddings where product_id = %s", [lamp]
    ).fetchone() == (0,)


def test_explain_says_what_search_says(shop: tuple) -> None:
    db, ids, vectors = shop
    lamp = ids["lamp-1"]
    (channels,) = db.execute(
        "select channels from explain_search(query => null, product => %s::bigint,"
        " image_embedding => %s::text::halfvec)",
        [lamp, halfvec(vectors[lamp, 3])],
    ).fetchone()
    assert [round(each["value"], 2) for each in channels if each["channel"] == "image"] == [1.0]


def test_pictures_are_claimed_once_and_tried_again(db: psycopg.Connection) -> None:
    ids = put(db, CATALOGUE)
    put_pictures(db, ids, 3)
    first = db.execute("select product_id, position, image from claim_pictures(5)").fetchall()
    assert [row[:2] for row in first] == [
        (ids["lamp-1"], 2), (ids["lamp-1"], 3), (ids["rack-1"], 2), (ids["rack-1"], 3),
        (ids["rack-2"], 2),
    ]  # fmt: skip
    again = db.execute("select product_id, position from claim_pictures(5)").fetchall()
    assert not {row[:2] for row in first} & set(again)
    rows = [
        {"product_id": first[0][0], "position": 2, "image": first[0][2], "error": "it is gone"},
        {"product_id": first[1][0], "position": 3, "image": "another.jpg", "error": "skipped"},
    ]
    db.execute("select store_further_pictures(%s, '[]')", [json.dumps(rows)])
    said = db.execute(
        "select position, image_error, fetch_after > now() + interval '1 hour' from product_images"
        " where product_id = %s order by 1",
        [ids["lamp-1"]],
    ).fetchall()
    assert said == [(1, None, None), (2, "it is gone", True), (3, None, False)]
    with pytest.raises(psycopg.Error, match="space 'none' not found"):
        db.execute("select put_picture_embeddings('none', '{}', '{}', '{}', '{}')")
