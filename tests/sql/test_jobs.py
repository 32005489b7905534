"""sql/50-work: work is claimed once, and never lost."""

import json

import psycopg
import pytest

pytestmark = pytest.mark.committed  # leases end as time goes by


@pytest.fixture
def queued(db: psycopg.Connection) -> list[int]:
    """Five queued products of one source."""
    db.execute("select put_source('shop')")
    rows = [{"external_id": str(i), "title": f"Lamp {i}"} for i in range(5)]
    db.execute("select put_products('shop', %s)", [json.dumps(rows)])
    return [row[0] for row in db.execute("select id from products order by id").fetchall()]


def claim(db: psycopg.Connection, worker: str, k: int = 10, **options: object) -> list[tuple]:
    lease = options.get("lease", "1 minute")
    return db.execute(
        "select product_id, version, attempts, title from claim_jobs(%s, %s, %s::interval)",
        [worker, k, lease],
    ).fetchall()


def test_a_job_is_claimed_by_one_worker_only(db: psycopg.Connection, queued: list[int]) -> None:
    first, second, third = claim(db, "a", 3), claim(db, "b", 3), claim(db, "c", 3)
    assert [row[0] for row in first + second] == queued
    assert third == []
    assert {row[2] for row in first} == {1}


def test_finished_jobs_are_gone(db: psycopg.Connection, queued: list[int]) -> None:
    rows = claim(db, "a")
    done = db.execute(
        "select finish_jobs('a', %s, %s)", [[r[0] for r in rows], [r[1] for r in rows]]
    ).fetchone()
    assert done == (5,)
    assert db.execute("select count(*) from jobs").fetchone() == (0,)


def test_a_product_that_changed_at_work_is_queued_again(
    db: psycopg.Connection, queued: list[int]
) -> None:
    (row,) = claim(db, "a", 1)
    changed = [{"external_id": "0", "title": "Lamp, brass"}]
    db.execute("select put_products('shop', %s)", [json.dumps(changed)])
    assert claim(db, "b", 10)[0][0] != row[0], "a leased job was handed out again"
    assert db.execute("select finish_jobs('a', %s, %s)", [[row[0]], [row[1]]]).fetchone() == (0,)
    (again,) = claim(db, "c")
    assert again == (row[0], row[1] + 1, 1, "Lamp, brass")


def test_an_expired_lease_passes_on_and_its_old_worker_changes_nothing(
    db: psycopg.Connection, queued: list[int]
) -> None:
    (row,) = claim(db, "slow", 1, lease="0 seconds")
    (again,) = [r for r in claim(db, "next") if r[0] == row[0]]
    assert again[2] == 1, "an end of a lease is no attempt"
    assert db.execute("select finish_jobs('slow', %s, %s)", [[row[0]], [row[1]]]).fetchone() == (0,)
    assert db.execute("select fail_jobs('slow', %s, %s)", [[row[0]], ["x"]]).fetchone() == (0,)
    worker = db.execute("select worker from jobs where product_id = %s", [row[0]]).fetchone()
    assert worker == ("next",)


def test_a_failed_job_waits_up_to_twice_as_long_each_time_and_then_stays_with_its_reason(
    db: psycopg.Connection, queued: list[int]
) -> None:
    waits = []
    for attempt in (1, 2, 3):
        db.execute(
            "update jobs set run_after = now() - interval '1 day' where product_id = %s",
            [queued[0]],
        )
        (row,) = claim(db, "a", 1)
        assert row[:3] == (queued[0], 1, attempt)
        failed = db.execute("select fail_jobs('a', %s, '{no picture}')", [[queued[0]]]).fetchone()
        assert failed == (1 if attempt == 3 else 0,)
        waits.append(
            db.execute(
                "select extract(epoch from run_after - now()) from jobs where product_id = %s",
                [queued[0]],
            ).fetchone()[0]
        )
    assert -1 < waits[0] <= 30
    assert -1 < waits[1] <= 60
    assert waits[2] <= 0, "a dead letter waits for nothing"
    state = db.execute(
        "select state, error from jobs where product_id = %s", [queued[0]]
    ).fetchone()
    assert state == ("failed", "no picture")
    assert queued[0] not in [row[0] for row in claim(db, "b")]


def stages(db: psycopg.Connection) -> list[tuple]:
    return db.execute("select state, stage, version from jobs order by product_id").fetchall()


def test_a_text_that_changed_is_only_embedded_again(
    db: psycopg.Connection, queued: list[int]
) -> None:
    one = [queued[0]]
    db.execute("delete from jobs where product_id <> %s", one)
    assert db.execute("select queue_products(%s, 'embed')", [one]).fetchone() == (0,)
    assert stages(db) == [("queued", "enrich", 1)], "the enrichment to come embeds too"
    claim(db, "a")
    assert db.execute("select queue_products(%s, 'embed')", [one]).fetchone() == (1,)
    assert stages(db) == [("leased", "enrich", 2)], "the worker may have read the old text"
    assert db.execute("select finish_jobs('a', %s, '{2}')", [one]).fetchone() == (1,)
    assert db.execute("select queue_products(%s, 'embed')", [one]).fetchone() == (1,)
    assert stages(db) == [("queued", "embed", 1)]
    assert db.execute("select queue_products(%s)", [one]).fetchone() == (1,)
    assert stages(db) == [("queued", "enrich", 2)], "the whole enrichment is due"
    db.execute("update jobs set state = 'failed'")
    assert db.execute("select queue_products(%s, 'embed')", [one]).fetchone() == (0,)
    assert stages(db) == [("failed", "enrich", 2)], "a dead letter stays"
    db.execute("delete from jobs")
    assert db.execute("select queue_products(%s, 'picture')", [one]).fetchone() == (1,)
    assert db.execute("select queue_products(%s, 'embed')", [one]).fetchone() == (1,)
    assert db.execute("select queue_products(%s, 'picture')", [one]).fetchone() == (0,)
    assert stages(db) == [("queued", "embed", 2)], "the picture comes up again by itself"


def test_released_jobs_are_uncharged(db: psycopg.Connection, queued: list[int]) -> None:
    claim(db, "a", 2)
    assert db.execute("select release_jobs('a')").fetchone() == (2,)
    assert {row[2] for row in claim(db, "b")} == {1}


def test_a_claim_keeps_to_its_sources(db: psycopg.Connection, queued: list[int]) -> None:
    db.execute("select put_source('other')")
    db.execute('select put_products(\'other\', \'[{"external_id": "o", "title": "Sofa"}]\')')
    rows = db.execute("select title from claim_jobs('a', 10, sources => '{other}')").fetchall()
    assert rows == [("Sofa",)]


def test_pictures_that_could_not_be_had_are_queued_again(
    db: psycopg.Connection, queued: list[int]
) -> None:
    rows = claim(db, "a")
    db.execute("select finish_jobs('a', %s, %s)", [[r[0] for r in rows], [r[1] for r in rows]])
    db.execute("update products set image_error = 'gone' where id = %s", [queued[1]])
    assert db.execute("select retry_images('{elsewhere}')").fetchone() == (0,)
    assert db.execute("select retry_images()").fetchone() == (1,)
    assert [row[0] for row in claim(db, "b")] == [queued[1]]


def begin(db: psycopg.Connection, worker: str, rows: list[tuple]) -> list[int]:
    ids, versions = [row[0] for row in rows], [row[1] for row in rows]
    begun = db.execute("select begin_jobs(%s, %s, %s)", [worker, ids, versions]).fetchall()
    return sorted(row[0] for row in begun)


def test_a_worker_is_not_given_what_it_has(db: psycopg.Connection, queued: list[int]) -> None:
    rows = claim(db, "a", 2, lease="0 seconds")
    assert [row[0] for row in claim(db, "a")] == queued[2:], "its own expired leases"
    claimed = "select product_id from claim_jobs('b', 10, in_hand => %s)"
    assert db.execute(claimed, [[rows[0][0]]]).fetchall() == [(rows[1][0],)]


def test_only_what_is_leased_in_its_version_is_stored(
    db: psycopg.Connection, queued: list[int]
) -> None:
    rows = claim(db, "a", 4, lease="0 seconds")
    ids, versions = [row[0] for row in rows], [row[1] for row in rows]
    claim(db, "b", 1)
    db.execute("select queue_products(%s)", [[ids[1]]])
    held = db.execute(
        "select h from hold_jobs('a', %s, %s) as h", [[*ids, ids[2]], [*versions, versions[2]]]
    ).fetchall()
    assert held == [(ids[2],), (ids[3],)], "another has the first, the second has changed"
    again = db.execute("select state from jobs where product_id = %s", [ids[1]]).fetchone()
    assert again == ("queued",)


def test_a_product_twice_in_one_batch_is_harmless(
    db: psycopg.Connection, queued: list[int]
) -> None:
    (row,) = claim(db, "a", 1)
    ids, versions = [row[0]] * 2, [row[1]] * 2
    made = [
        {"product_id": row[0], "terms": [{"term": term}], "caption": term, "image_sha256": None}
        for term in ("sofa", "desk")
    ]
    assert db.execute("select put_enrichments(%s)", [json.dumps(made)]).fetchone() == (1,)
    stored = db.execute(
        "select s from store_enrichments('a', %s, %s, %s) as s", [ids, versions, json.dumps(made)]
    ).fetchall()
    assert stored == [(row[0],)]
    assert db.execute("select caption from products where id = %s", [row[0]]).fetchone() == (
        "desk",
    )
    assert begin(db, "a", [row, row]) == [row[0]]
    put = (
        "select put_embeddings('local-text', %s, array[m.input_hash, m.input_hash],"
        " array[v.embedding, v.embedding]) from missing_embeddings(%s) as m"
        " cross join lateral embed_texts(array[m.input]) as v"
    )
    assert db.execute(put, [ids, ids]).fetchone() == (1,)
    failed = db.execute(
        "select fail_jobs('a', %s, '{x,y}', versions => %s)", [ids, versions]
    ).fetchone()
    assert failed == (0,)
    db.execute("update jobs set run_after = now() - interval '1 day' where error = 'x'")
    (row,) = claim(db, "a", 1)
    assert db.execute("select finish_jobs('a', %s, %s)", [ids, versions]).fetchone() == (1,)


def test_a_vector_of_an_older_text_is_left_out(db: psycopg.Connection, queued: list[int]) -> None:
    def enrich(caption: str) -> None:
        made = [{"product_id": queued[0], "terms": [], "caption": caption}]
        db.execute("select put_enrichments(%s)", [json.dumps(made)])

    enrich("old")
    (hash_,) = db.execute("select input_hash from missing_embeddings(%s)", [queued]).fetchone()
    enrich("new")
    assert db.execute("select embed_products(%s)", [queued]).fetchone() == (1,)
    late = db.execute(
        "select put_embeddings('local-text', %s, %s::bytea[],"
        " array(select e.embedding from embed_texts('{old}') as e))",
        [[queued[0]], [hash_]],
    ).fetchone()
    assert late == (0,)
    assert db.execute("select count(*) from missing_embeddings(%s)", [queued]).fetchone() == (0,)


def test_a_failure_of_an_older_version_is_none(db: psycopg.Connection, queued: list[int]) -> None:
    (row,) = claim(db, "a", 1)
    db.execute("select queue_products(%s)", [[row[0]]])
    db.execute("select fail_jobs('a', %s, '{x}', 1, versions => '{1}')", [[row[0]]])
    left = db.execute("select state, attempts, error from jobs where version = 2").fetchone()
    assert left == ("queued", 0, None)


def test_a_death_charges_what_was_in_hand_until_the_worker_is_back(
    db: psycopg.Connection, queued: list[int]
) -> None:
    def deaths() -> dict[int, tuple[str, int, int]]:
        rows = db.execute("select product_id, state, attempts, deaths from list_jobs()").fetchall()
        return {row[0]: row[1:] for row in rows}

    for number in range(1, 4):
        worker = f"w{number}"
        db.execute("select register_worker(%s, 'shop-1', 7)", [worker])
        rows = claim(db, worker, 2, lease="0 seconds")
        assert begin(db, worker, rows[:1]) == [queued[0]]
        if number == 1:
            shown = db.execute("select worker from list_jobs('{leased}') limit 1").fetchone()
            assert shown == ("shop-1:7",)
            assert db.execute("select bury_workers('{w1}')").fetchone() == (2,)
        else:
            db.execute(
                "update workers set heartbeat_at = now() - interval '1 s' where id = %s", [worker]
            )
            claim(db, "other", 0)
            claim(db, "other", 5)
            db.execute("select release_jobs('other')")
        assert deaths()[queued[0]][2] == number
        assert deaths()[queued[1]] == ("queued", 0, 0), "it only waited"
    assert deaths()[queued[0]] == ("failed", 0, 3)
    db.execute("select beat_worker('w3')")
    assert deaths()[queued[0]] == ("queued", 0, 2), "it was not dead"
    suspects = db.execute("select product_id from claim_jobs('x', 10) where deaths = 2").fetchall()
    assert suspects == [(queued[0],)]
    db.execute("select queue_products(%s)", [[queued[0]]])
    assert deaths()[queued[0]][2] == 0, "it is another product now"


def test_rows_of_workers_that_hold_nothing_go(db: psycopg.Connection, queued: list[int]) -> None:
    for worker in ("a", "b"):
        db.execute("select register_worker(%s, 'h', 1)", [worker])
    claim(db, "a", 1)
    db.execute("update workers set heartbeat_at = now() - interval '2 days'")
    db.execute("select register_worker('c', 'h', 1)")
    assert db.execute("select id from workers order by id").fetchall() == [("a",), ("c",)]
    assert db.execute("select retire_worker('a')").fetchone() == (1,)
