"""tests/rehearsal.py: a rolled-back transaction that looks like a new database in autocommit."""

from __future__ import annotations

import contextlib

import psycopg
import pytest


@pytest.mark.parametrize("time", ["first", "again"])
def test_every_test_finds_everything_as_new(db: psycopg.Connection, time: str) -> None:
    assert db.execute("select count(*) from sources").fetchone() == (0,)
    db.execute("select put_source('shop')")
    assert db.execute("select name, id from sources").fetchall() == [("shop", 1)]
    db.execute("create table public.product (id int)")


def test_a_statement_that_fails_takes_back_itself_alone(db: psycopg.Connection) -> None:
    db.execute("select put_source('shop')")
    with pytest.raises(psycopg.errors.DivisionByZero):
        db.execute("insert into sources (name, kind) values ('other', (1 / 0)::text)")
    with pytest.raises(psycopg.errors.UndefinedTable), db.cursor() as cursor:
        cursor.execute("table nowhere")
    with contextlib.suppress(ZeroDivisionError), db.transaction():
        db.execute("select put_source('third')")
        raise ZeroDivisionError
    assert db.execute("select name from sources").fetchall() == [("shop",)]


@pytest.mark.parametrize("time", ["first", "again"])
def test_what_is_rolled_back_leaves_no_page_to_plan_for(db: psycopg.Connection, time: str) -> None:
    assert db.execute("select pg_relation_size('sources') < 10 * 8192").fetchone() == (True,)
    db.execute(
        "insert into sources (name, kind) select i, 'file' from generate_series(1, 5000) as i"
    )


SETTINGS = "select count(*) from pg_settings where name = 'work_mem' and setting = reset_val"


@pytest.mark.parametrize("time", ["first", "again"])
def test_the_session_is_as_new(db: psycopg.Connection, time: str) -> None:
    assert db.execute(SETTINGS).fetchone() == (1,)
    locks = "select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'"
    assert db.execute(locks).fetchone() == (0,)
    db.execute("prepare mine as select 1")
    db.execute("set work_mem = '1GB'")
    db.execute("set role vitrina_reader")
    db.execute("select pg_advisory_lock(1)")


@pytest.mark.parametrize("time", ["first", "again"])
def test_a_session_may_be_ended(db: psycopg.Connection, time: str) -> None:
    db.execute("select put_source('shop')")
    if time == "first":
        db.close()
    else:
        with pytest.raises(psycopg.OperationalError):
            db.execute("select pg_terminate_backend(pg_backend_pid())")


@pytest.mark.committed
def test_what_is_committed_is_seen_by_others(db: psycopg.Connection, database_url: str) -> None:
    db.execute("select put_source('shop')")
    with psycopg.connect(database_url) as other:
        assert other.execute("select name from vitrina.sources").fetchall() == [("shop",)]
