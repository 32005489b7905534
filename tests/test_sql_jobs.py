"""sql/070-jobs.sql: work is claimed once, and never lost."""

import json

import psycopg
import pytest


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
