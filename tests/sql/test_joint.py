"""Joint spaces: the words of a query find pictures, by vectors that are known."""

import json
import math
import random
from collections.abc import Sequence

import psycopg
import pytest

from rehearsal import filled
from vitrina.db import schema

pytestmark = pytest.mark.once

COLORS = ("red", "blue", "green", "white", "brown")
KINDS = ("mug", "vase", "clock", "stool", "towel", "rug", "lamp", "tray")
SIDE = 64
GAP = 24.0  # in a direction that words and pictures have opposite: models leave such a gap
draw = random.Random(5)  # noqa: S311
DIRECTION = {
    word: [draw.gauss(0, 1) for _ in range(SIDE)] for word in (*COLORS, *KINDS, "accordion")
}


def word_vector(words: str) -> str:
    parts = [DIRECTION.get(word) or [0.0] * SIDE for word in words.split()]
    return str([*map(sum, zip(*parts, strict=True)), GAP])


def picture_vector(color: str, kind: str, noise: Sequence[float]) -> str:
    pairs = zip(DIRECTION[color], DIRECTION[kind], noise, strict=True)
    return str([*(c + k + 0.5 * n for c, k, n in pairs), -GAP])


def put_shop(db: psycopg.Connection) -> dict[str, int]:
    """Forty products whose titles say nothing, with pictures of every colour and kind."""
    db.execute("select put_source('shop')")
    things = {f"p-{color}-{kind}": (color, kind) for color in COLORS for kind in KINDS}
    rows = [{"external_id": code, "title": f"Article {n}"} for n, code in enumerate(things)]
    db.execute("select put_products('shop', %s)", [json.dumps(rows)])
    ids = dict(db.execute("select external_id, id from products").fetchall())
    images = [
        {"sha256": f"{n:064x}", "mime": "image/png", "width": 9, "height": 9, "bytes": 99,
         "thumbnail": "AAAA", "dhash": "0" * 64}
        for n in ids.values()
    ]  # fmt: skip
    enriched = [
        {"product_id": n, "image_sha256": f"{n:064x}", "description": "", "caption": f"Article {n}.",
         "terms": [{"term": f"series {n}", "facet": "other"}]}
        for n in ids.values()
    ]  # fmt: skip
    db.execute("select put_images(%s)", [json.dumps(images)])
    db.execute("select put_enrichments(%s)", [json.dumps(enriched)])
    seeds = [
        {"keyword": word, "facet": "color" if word in COLORS else "type"}
        for word in (*COLORS, *KINDS)
    ]
    db.execute("select seed_keywords(%s)", [json.dumps(seeds)])
    db.execute(
        "select create_space('both', 'test', 'm', 'joint', %s, settings => '{\"a\": 1}')",
        [SIDE + 1],
    )
    noise = random.Random(1)  # noqa: S311
    db.execute(
        "select put_embeddings('both', %s, %s, %s::halfvec[])",
        [list(ids.values()), [bytes.fromhex(f"{n:064x}") for n in ids.values()],
         [picture_vector(*things[code], [noise.gauss(0, 1) for _ in range(SIDE)]) for code in ids]],
    )  # fmt: skip
    words = db.execute("select id, name from missing_keyword_embeddings('both')").fetchall()
    for name in {name for _, name in words} - set(DIRECTION):
        DIRECTION[name] = [noise.gauss(0, 1) for _ in range(SIDE)]
    made = [(key, str([*DIRECTION[name], GAP])) for key, name in words]
    db.execute(
        "select put_keyword_embeddings('both', %s, %s::halfvec[])",
        [[key for key, _ in made], [vector for _, vector in made]],
    )
    return ids


def remember(db: psycopg.Connection, query: str) -> None:
    """What a client does: the model embeds the words that have no vector yet."""
    for space, words, modality in db.execute(
        "select * from query_to_embed(%s)", [query]
    ).fetchall():
        assert (space, modality) == ("both", "joint")
        db.execute(
            "select put_query_embedding(%s, %s, %s::halfvec)", [space, words, word_vector(words)]
        )


def found(db: psycopg.Connection, query: str, arguments: str = "") -> list[tuple]:
    return db.execute(
        f"select external_id, matched, relevance, score from search(%s{arguments})",  # type: ignore[arg-type]
        [query],
    ).fetchall()


@filled
def shop(db: psycopg.Connection) -> None:
    put_shop(db)
    db.execute("select activate_space('both')")


def test_words_find_pictures(shop: psycopg.Connection) -> None:
    remember(shop, "red mug")
    rows = found(shop, "red mug")
    assert rows[0][:2] == ("p-red-mug", ["image"])
    assert all("red" in code or "mug" in code for code, *_ in rows)
    # with the words alone there is no answer: no text has them
    assert found(shop, "red mug", ", mode => 'text'") == []
    nearest = found(shop, "red mug", ", mode => 'vector', weights => '{\"vector\": 0}'")
    assert nearest[0][0] == "p-red-mug"
    assert len(nearest) == 10
    counted = shop.execute("select count_matches('red mug')").fetchone()
    assert counted == (len(found(shop, "red mug", ", k => 40")),)


def test_a_query_for_what_is_not_there_stays_silent(shop: psycopg.Connection) -> None:
    for query in ("accordion", "zzgrmpf"):
        DIRECTION.setdefault(query, [draw.gauss(0, 1) for _ in range(SIDE)])
        remember(shop, query)
        assert found(shop, query) == []
    # "the" has a vector, and says nothing
    remember(shop, "the")
    assert found(shop, "the") == []


def test_without_a_remembered_vector_the_keywords_have_one(shop: psycopg.Connection) -> None:
    assert shop.execute("select count(*) from query_to_embed('blue vase')").fetchone() == (1,)
    # of what products have
    row = [{"external_id": "other", "title": "Article 99"}]
    shop.execute("select put_products('shop', %s)", [json.dumps(row)])
    (other,) = shop.execute("select id from products where external_id = 'other'").fetchone()
    terms = [{"term": "blue", "facet": "color"}, {"term": "vase", "facet": "type"}]
    row = [{"product_id": other, "terms": terms, "description": "", "caption": "Article 99."}]
    shop.execute("select put_enrichments(%s)", [json.dumps(row)])
    assert all("blue" in c or "vase" in c or c == "other" for c, *_ in found(shop, "blue vase"))
    assert "p-blue-vase" in [code for code, *_ in found(shop, "blue vase")]
    remember(shop, "blue vase")
    assert shop.execute("select count(*) from query_to_embed('blue vase')").fetchone() == (0,)


def test_a_given_vector_goes_before_the_words(shop: psycopg.Connection) -> None:
    remember(shop, "red mug")
    (vector,) = shop.execute(
        "select e.embedding from product_embeddings as e join products as p on p.id = e.product_id"
        " join spaces as s on s.id = e.space_id where s.name = 'both' and p.external_id = 'p-green-rug'"
    ).fetchone()  # type: ignore[misc]
    rows = shop.execute(
        "select external_id, similarity from search(image_embedding => %s, k => 3)", [vector]
    ).fetchall()
    assert rows[0] == ("p-green-rug", pytest.approx(1, abs=0.001))
    rows = shop.execute(
        "select external_id from search('red mug', image_embedding => %s, k => 3)", [vector]
    ).fetchall()
    assert rows[0] == ("p-green-rug",)
    similar = shop.execute(
        "select external_id from similar_products(%s, weights => '{\"vector\": 0}')",
        [shop.execute("select id from products where external_id = 'p-green-rug'").fetchone()[0]],
    ).fetchall()
    assert all("green" in code or "rug" in code for (code,) in similar[:5])


def test_words_and_pictures_have_backgrounds_of_their_own(shop: psycopg.Connection) -> None:
    words, pictures, spread = shop.execute(
        "select background_mean, picture_mean, picture_deviation from spaces where name = 'both'"
    ).fetchone()  # type: ignore[misc]
    assert words < -0.5
    assert pictures > 0.5
    assert spread > 0.01


def test_explain_says_what_counts(shop: psycopg.Connection) -> None:
    remember(shop, "red mug")
    for code, _, relevance, score in found(shop, "red mug"):
        row = shop.execute(
            "select channels, relevance, score from explain_search('red mug', 'shop', %s)", [code]
        ).fetchone()
        channels = {one["channel"]: one for one in row[0]}
        assert channels["image"]["by"] == "words"
        assert channels["image"]["value"] < 0.2 < channels["image"]["counts"]
        assert row[1:] == (relevance, score)
        assert math.isclose(sum(one["contribution"] for one in row[0]), score, abs_tol=1e-4)
    (channels,) = shop.execute(
        "select channels from explain_search(null, 'shop', 'p-red-rug', image_embedding => %s::halfvec)",
        [word_vector("red rug")],
    ).fetchone()  # type: ignore[misc]
    assert channels[0]["by"] == "picture"


def test_one_space_is_in_use_for_pictures(shop: psycopg.Connection) -> None:
    states = dict(shop.execute("select name, state from spaces").fetchall())
    remember(shop, "red mug")
    assert states == {"local-text": "active", "local-image-2": "retired", "both": "active"}
    assert shop.execute("select image_space from status").fetchone() == ("both",)
    assert shop.execute("select activate_space('local-image-2', true)").fetchone() == ("both",)
    assert found(shop, "red mug") == []
    with pytest.raises(psycopg.errors.UniqueViolation), shop.transaction():
        shop.execute("update spaces set state = 'active' where name = 'both'")
    shop.execute("select activate_space('both'), drop_space('local-image-2')")
    assert found(shop, "red mug")[0][0] == "p-red-mug"


def test_a_changed_picture_is_missing_again(shop: psycopg.Connection) -> None:
    assert shop.execute("select count(*) from missing_in_space('both')").fetchone() == (0,)
    ids = [row[0] for row in shop.execute("select id from products order by id").fetchall()]
    shop.execute("update products set image_sha256 = %s where id = %s",
                 [bytes.fromhex(f"{ids[1]:064x}"), ids[0]])  # fmt: skip
    assert shop.execute("select product_id from missing_in_space('both')").fetchall() == [(ids[0],)]
    rows = shop.execute("select product_id, thumbnail from missing_pictures(%s, 'both')", [ids])
    assert rows.fetchall() == [(ids[0], b"\0\0\0")]
    assert shop.execute("select * from missing_pictures(%s, 'local-text')", [ids]).fetchall() == []
    (missing,) = shop.execute("select missing_products from space_status('both')").fetchone()  # type: ignore[misc]
    assert missing == 1
    with pytest.raises(psycopg.DatabaseError, match="not complete"):
        shop.execute("select activate_space('both')")


@pytest.mark.parametrize(
    "arguments", ["'test', 'm', 'joint', 8, settings => '[]'", "'local', 'm', 'joint', 8"]
)
def test_a_joint_space_needs_settings_and_a_model(db: psycopg.Connection, arguments: str) -> None:
    with pytest.raises(psycopg.DatabaseError) as error:
        db.execute(f"select create_space('both', {arguments})")  # type: ignore[arg-type]
    assert error.value.sqlstate == "VT004"


@pytest.mark.once
def test_an_older_vitrina_searches_in_the_space_before(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("set search_path = vitrina, public")
        put_shop(conn)
        conn.execute("select activate_space('both')")
    schema.downgrade(database_url, "0025")
    states = "select name, state from vitrina.spaces order by name"
    with psycopg.connect(database_url, autocommit=True) as conn:
        assert conn.execute(states).fetchall() == [
            ("local-image-2", "active"),
            ("local-text", "active"),
        ]
        left = (
            "select count(*) from pg_class where relname ~ '_embeddings_[0-9]+$' and relkind = 'r'"
        )
        assert conn.execute(left).fetchone() == (3,)
    schema.upgrade(database_url)
    with psycopg.connect(database_url, autocommit=True) as conn:
        assert conn.execute(states).fetchall() == [
            ("local-image-2", "active"),
            ("local-text", "active"),
        ]
        conn.execute("select vitrina.create_space('again', 'test', 'm', 'joint', 3)")
