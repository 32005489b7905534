"""sql/40-products: what a product becomes, stored once and whole."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from rehearsal import filled

pytestmark = pytest.mark.once


@filled
def shop(db: psycopg.Connection) -> None:
    """Two products, 1 and 2."""
    db.execute("select put_source('shop')")
    rows = [{"external_id": str(i), "title": f"Thing {i}"} for i in (1, 2)]
    db.execute("select put_products('shop', %s)", [json.dumps(rows)])


def enrich(db: psycopg.Connection, product: int, *terms: str, **fields: Any) -> int:
    row = {
        "product_id": product,
        "terms": [{"term": term} for term in terms],
        "description": "Long.",
        "caption": "Short.",
        **fields,
    }
    done = db.execute("select put_enrichments(%s)", [json.dumps([row])]).fetchone()
    assert done is not None
    return done[0]


def test_keywords_are_canonical_in_the_order_said_and_once(shop: psycopg.Connection) -> None:
    assert enrich(shop, 1, "Couches", "green", "sofa", "Green") == 1
    row = shop.execute("select keywords, caption from products where external_id = '1'").fetchone()
    assert row == (["sofa", "green"], "Short.")
    said = shop.execute("select said from product_keywords order by keyword_id").fetchall()
    assert said == [("Couches",), ("green",)]


def test_a_new_enrichment_replaces_the_old(shop: psycopg.Connection) -> None:
    enrich(shop, 1, "sofa", "green")
    enrich(shop, 1, "green", "armchair")
    assert shop.execute("select keywords from products where id = 1").fetchone() == (
        ["green", "armchair"],
    )
    assert shop.execute("select count(*) from product_keywords").fetchone() == (2,)
    enrich(shop, 1)
    assert shop.execute("select keywords from products where id = 1").fetchone() == ([],)


def test_an_enrichment_of_a_product_that_is_gone_is_dropped(shop: psycopg.Connection) -> None:
    assert enrich(shop, 99, "sofa") == 0
    assert shop.execute("select count(*) from product_keywords").fetchone() == (0,)


def test_enrichments_are_full_text(shop: psycopg.Connection) -> None:
    enrich(shop, 1, "sofa", caption="A velvet one.")
    for query in ("sofas", "velvet", "thing"):
        rows = shop.execute("select product_id from search(%s, mode => 'text')", [query]).fetchall()
        assert (1,) in rows, query


def test_embeddings_follow_what_is_embedded(shop: psycopg.Connection) -> None:
    enrich(shop, 1, "sofa")
    assert shop.execute("select embed_products('{1, 2}')").fetchone() == (1,)
    assert shop.execute("select embed_products('{1, 2}')").fetchone() == (0,)
    enrich(shop, 1, "sofa", caption="Another.")
    missing = shop.execute("select product_id, input from missing_embeddings('{1, 2}')").fetchall()
    assert missing == [(1, "sofa\nAnother.")]
    assert shop.execute("select embed_products('{1}')").fetchone() == (1,)


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ("[1,2,3]", "dimensions"),
        ("[" + ",".join(["0"] * 256) + "]", "all zero"),
        ("[" + ",".join(["NaN"] * 256) + "]", "NaN"),
    ],
)
def test_vectors_that_cannot_be_searched_are_refused(
    shop: psycopg.Connection, vector: str, message: str
) -> None:
    with pytest.raises(psycopg.Error, match=message):
        shop.execute(
            "select put_embeddings('local-text', '{1}', array['x']::bytea[], array[%s]::halfvec[])",
            [vector],
        )
    assert shop.execute("select count(*) from product_embeddings").fetchone() == (0,)


def test_an_answer_is_kept_once(shop: psycopg.Connection) -> None:
    answer = {
        "stage": "tag", "input_hash": "ab", "provider": "p", "model": "m", "prompt_version": "1",
        "output": ["x"], "input_tokens": 10, "cost": "0.5",
    }  # fmt: skip
    put = "select put_generations(%s)"
    assert shop.execute(put, [json.dumps([answer])]).fetchone() == (1,)
    assert shop.execute(put, [json.dumps([answer | {"output": ["y"]}])]).fetchone() == (0,)
    assert shop.execute(put, [json.dumps([answer | {"prompt_version": "2"}])]).fetchone() == (1,)
    found = shop.execute(
        "select output from find_generations('tag', 'm', '1', array['\\xab', '\\xcd']::bytea[])"
    ).fetchall()
    assert found == [(["x"],)]
    assert shop.execute("select spend, generations from status").fetchone() == (1, 2)
    assert shop.execute("select calls, usd from cost('stage')").fetchone() == (2, 1)


def test_a_budget_that_is_spent_stops_paid_claims_only(shop: psycopg.Connection) -> None:
    answer = {
        "stage": "tag", "input_hash": "ab", "provider": "p", "model": "m", "prompt_version": "1",
        "output": [], "cost": "0.5",
    }  # fmt: skip
    shop.execute("select put_generations(%s)", [json.dumps([answer])])
    shop.execute("select set_budget(0.6, 'day')")
    assert len(shop.execute("select claim_jobs('a', 1, paid => true)").fetchall()) == 1
    shop.execute("select set_budget(0.5, 'month')")
    with pytest.raises(psycopg.Error, match="is spent") as caught:
        shop.execute("select claim_jobs('b', 1, paid => true)")
    assert caught.value.sqlstate == "VT005"
    assert len(shop.execute("select claim_jobs('c', 1)").fetchall()) == 1
    shop.execute("select set_budget(null, 'month')")
    shop.execute("select release_jobs('c')")
    assert len(shop.execute("select claim_jobs('d', 1, paid => true)").fetchall()) == 1
