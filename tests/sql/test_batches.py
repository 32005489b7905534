"""sql/50-work: a request is awaited once, and every answer finds its place."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

pytestmark = pytest.mark.once

HASHES = ["aa" * 32, "bb" * 32, "cc" * 32]


@pytest.fixture
def queued(db: psycopg.Connection) -> list[int]:
    """Three queued products of one source."""
    db.execute("select put_source('shop')")
    rows = [{"external_id": str(i), "title": f"Lamp {i}"} for i in range(3)]
    db.execute("select put_products('shop', %s)", [json.dumps(rows)])
    return [row[0] for row in db.execute("select id from products order by id").fetchall()]


def request(product: int, hash: str, stage: str = "tag", **changes: Any) -> dict[str, Any]:
    return {
        "custom_id": f"{stage}:{hash}:1",
        "product_id": product,
        "version": 1,
        "stage": stage,
        "input_hash": hash,
        "model": "m",
        "prompt_version": "p",
        "attempts": 1,
        "tokens": 100,
        "estimate": "0.5",
        **changes,
    }


def value(db: psycopg.Connection, query: str, *params: Any) -> Any:
    row = db.execute(query, params).fetchone()
    return row[0] if row else None


def open_batch(db: psycopg.Connection, *requests: dict[str, Any], run: str = "r") -> int:
    token = value(db, "select gen_random_uuid()::text")
    batch = value(db, "select open_batch(%s, %s, '{}', 'http://one', 'm')", token, run)
    db.execute("select add_requests(%s, %s)", [batch, json.dumps(requests)])
    return int(batch)


def found(db: psycopg.Connection, *requests: dict[str, Any]) -> list[tuple[Any, ...]]:
    return db.execute(
        "select output, is_open, attempts from find_requests(%s)", [json.dumps(requests)]
    ).fetchall()


def answer(db: psycopg.Connection, batch: int, hash: str, state: str = "done", **more: Any) -> int:
    row = {
        "custom_id": f"tag:{hash}:1",
        "state": state,
        "provider": "openai",
        "output": ["lamp"] if state == "done" else None,
        "input_tokens": 10,
        "cached_tokens": 0,
        "output_tokens": 5,
        "cost": "0.25",
        **more,
    }
    return int(value(db, "select put_batch_answers(%s, %s)", batch, json.dumps([row])))


def to_batch(db: psycopg.Connection, run: str, touched: bool, **how: Any) -> list[int]:
    rows = db.execute(
        "select product_id from products_to_batch(%s, %s, %s, %s, %s)",
        [run, touched, how.get("sources"), how.get("after", 0), how.get("k", 10)],
    )
    return [row[0] for row in rows.fetchall()]


def test_a_request_is_missing_then_open_then_answered(
    db: psycopg.Connection, queued: list[int]
) -> None:
    one, other = request(queued[0], HASHES[0]), request(queued[1], HASHES[1])
    assert found(db, one, other) == [(None, False, 0), (None, False, 0)]
    batch = open_batch(db, one)
    assert found(db, one, other) == [(None, True, 0), (None, False, 0)]
    assert answer(db, batch, HASHES[0]) == 1
    assert found(db, other, one) == [(None, False, 0), (["lamp"], False, 1)]
    row = db.execute("select answered, unanswered, cost from batches").fetchone()
    assert row is not None
    assert (row[0], row[1], float(row[2])) == (1, 0, 0.25)


def test_what_was_asked_before_a_product_was_enriched_is_no_try(
    db: psycopg.Connection, queued: list[int]
) -> None:
    """Its job's version begins anew with the next change: it could be asked about three times only."""
    before, after = request(queued[0], HASHES[0]), request(queued[0], HASHES[1])
    answer(db, open_batch(db, before), HASHES[0])
    assert found(db, after) == [(None, False, 1)]
    db.execute(
        "update products set enriched_at = now() + interval '1 minute' where id = %s", [queued[0]]
    )
    assert found(db, after) == [(None, False, 0)]


def test_two_batches_never_await_the_same(db: psycopg.Connection, queued: list[int]) -> None:
    one = request(queued[0], HASHES[0])
    open_batch(db, one)
    second = open_batch(db, one, request(queued[1], HASHES[1]))
    counts = "select requests, tokens, estimate::float, stages from batches where id = %s"
    assert db.execute(counts, [second]).fetchone() == (1, 100, 0.5, ["tag"])
    assert value(db, "select count(*) from batch_requests") == 2


def test_products_wait_for_their_batch(db: psycopg.Connection, queued: list[int]) -> None:
    assert to_batch(db, "r", False) == queued
    assert to_batch(db, "r", False, after=queued[0], k=1) == [queued[1]]
    assert to_batch(db, "r", False, sources=["elsewhere"]) == []
    batch = open_batch(db, request(queued[0], HASHES[0]))
    assert to_batch(db, "r", False) == queued[1:]
    assert to_batch(db, "r", True) == [], "it awaits an answer"
    claimed = db.execute("select product_id from claim_jobs('w', 10)").fetchall()
    assert [row[0] for row in claimed] == queued[1:]
    answer(db, batch, HASHES[0])
    assert to_batch(db, "r", True) == [queued[0]]
    assert to_batch(db, "another", True) == []
    assert to_batch(db, "another", False) == [], "not due"
    assert value(db, "select make_due(%s)", queued) == 1
    assert to_batch(db, "another", False) == [queued[0]]


def test_claimed_products_are_leased_in_their_version_only(
    db: psycopg.Connection, queued: list[int]
) -> None:
    open_batch(db, request(queued[0], HASHES[0]))
    rows = db.execute(
        "select product_id, version, attempts, title from claim_products('w', %s, %s)",
        [queued[:2], [1, 7]],
    ).fetchall()
    assert rows == [(queued[0], 1, 1, "Lamp 0")]
    assert value(db, "select count(*) from jobs where worker = 'w'") == 1
    done = value(db, "select finish_jobs('w', %s, %s)", [queued[0]], [1])
    assert done == 1


def test_useless_answers_are_paid_for_and_the_request_may_be_asked_again(
    db: psycopg.Connection, queued: list[int]
) -> None:
    one = request(queued[0], HASHES[0])
    batch = open_batch(db, one)
    assert answer(db, batch, HASHES[0], "missing", error="cut off") == 1
    assert answer(db, batch, HASHES[0]) == 0, "the first line of a request counts"
    assert answer(db, batch, HASHES[1]) == 0, "nobody asked"
    assert found(db, one) == [(None, False, 1)]
    assert value(db, "select sum(cost)::float from generations") == 0.25
    assert value(db, "select output ->> 'reason' from generations") == "cut off"


def test_a_refused_request_is_not_asked_again(db: psycopg.Connection, queued: list[int]) -> None:
    one = request(queued[0], HASHES[0])
    batch = open_batch(db, one)
    answer(db, batch, HASHES[0], "refused", error="no", input_tokens=0, output_tokens=0, cost=None)
    assert found(db, one) == [(None, False, None)]
    assert value(db, "select count(*) from generations") == 0


@pytest.mark.parametrize(
    ("state", "request_state", "attempts", "due"),
    [
        ("answered", "missing", 1, []),
        ("failed", "released", 0, [0]),
        ("abandoned", "released", 0, [0]),
    ],
)
def test_a_settled_batch_leaves_nothing_open(
    db: psycopg.Connection,
    queued: list[int],
    state: str,
    request_state: str,
    attempts: int,
    due: list[int],
) -> None:
    one = request(queued[0], HASHES[0])
    batch = open_batch(db, one)
    assert value(db, "select settle_batch(%s, %s, 'why')", batch, state) == 1
    assert value(db, "select state from batch_requests") == request_state
    assert found(db, one) == [(None, False, attempts)]
    row = db.execute("select state, error, unanswered from batches").fetchone()
    assert row == (state, "why", 1)
    whole = open_batch(db)
    assert value(db, "select settle_batch(%s, 'answered', 'why')", whole) == 0
    assert value(db, "select error from batches where id = %s", whole) is None
    ready = "select product_id from jobs where run_after <= now() and product_id = %s"
    assert db.execute(ready, [queued[0]]).fetchall() == [(queued[i],) for i in due]
    open_batch(db, one)
    assert found(db, one)[0][1] is True


def test_what_is_known_is_kept(db: psycopg.Connection, queued: list[int]) -> None:
    batch = open_batch(db)
    for facts in (
        {"state": "creating", "input_file": "file-1"},
        {"state": "submitted", "remote_id": "batch_1", "status": "validating"},
        {"status": "in_progress"},
        {"state": "collected", "output_file": "file-2"},
    ):
        db.execute("select note_batch(%s, %s)", [batch, json.dumps(facts)])
    row = db.execute(
        "select state, remote_id, status, input_file, output_file,"
        " submitted_at is not null, collected_at is not null from batches"
    ).fetchone()
    assert row == ("collected", "batch_1", "in_progress", "file-1", "file-2", True, True)
    listed = db.execute("select id, state from list_batches('{collected}')").fetchall()
    assert listed == [(batch, "collected")]
    assert db.execute("select id from list_batches('{failed}')").fetchall() == []


def test_the_queue_counts_open_batches_of_one_endpoint(
    db: psycopg.Connection, queued: list[int]
) -> None:
    batch = open_batch(db, request(queued[0], HASHES[0]), request(queued[1], HASHES[1]))
    query = "select model, tokens from queued_tokens(%s)"
    assert db.execute(query, ["http://one"]).fetchall() == [("m", 200)]
    assert db.execute(query, ["http://two"]).fetchall() == []
    db.execute("select settle_batch(%s, 'answered')", [batch])
    assert db.execute(query, ["http://one"]).fetchall() == []


def test_an_allowance_counts_what_is_spent_and_what_is_open(
    db: psycopg.Connection, queued: list[int]
) -> None:
    def allowance(run: str = "r", most: str | None = None) -> float | None:
        found = value(db, "select batch_allowance(%s, %s::numeric)", run, most)
        return None if found is None else float(found)

    assert allowance() is None
    assert allowance("new", "2") == 2.0
    batch = open_batch(db, request(queued[0], HASHES[0]), request(queued[1], HASHES[1]))
    assert allowance("r", "2") == 1.0
    assert allowance("new", "2") == 2.0
    db.execute("select set_budget(10, 'day')")
    assert allowance() == 9.0
    assert float(value(db, "select check_budget()")) == 9.0, (
        "workers outside of batches heed them too"
    )
    answer(db, batch, HASHES[0])
    assert float(value(db, "select check_budget()")) == 9.0, "an answer is not counted twice"
    db.execute("select settle_batch(%s, 'answered')", [batch])
    assert allowance() == 9.75
    assert allowance("r", "2") == 1.75


def test_one_transaction_holds_the_lock(db: psycopg.Connection, database_url: str) -> None:
    with psycopg.connect(database_url) as other:
        assert other.execute("select vitrina.lock_batches()").fetchone() == (True,)
        assert value(db, "select lock_batches()") is False
    assert value(db, "select lock_batches()") is True


def test_an_open_request_outlives_its_product(db: psycopg.Connection, queued: list[int]) -> None:
    batch = open_batch(db, request(queued[0], HASHES[0]))
    db.execute("delete from products where id = %s", [queued[0]])
    assert answer(db, batch, HASHES[0]) == 1
    assert value(db, "select count(*) from generations") == 1
