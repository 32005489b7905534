"""tests/rehearsal.py: a rolled-back transaction that looks like a new database in autocommit."""

from __future__ import annotations

import contextlib

import psycopg
import pytest

from rehearsal import Stage, filled
from vitrina import embedded


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


@filled
def shop(db: psycopg.Connection) -> None:
    db.execute("create table public.product (id int)")
    db.execute("select put_source('shop')")
    db.execute("set role vitrina_reader")


@pytest.mark.parametrize("time", ["first", "again", "once more"])
def test_what_a_test_begins_with_is_taken_back_to(shop: psycopg.Connection, time: str) -> None:
    assert shop.execute("select name, id, current_user from sources").fetchall() == [
        ("shop", 1, "vitrina_reader")
    ]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.execute("drop table public.product")
    shop.execute("reset role")
    shop.execute("drop table public.product")
    assert shop.execute("select put_source('other')").fetchone() == (2,)
    shop.execute("prepare mine as select 1")


@pytest.mark.parametrize("time", ["first", "again"])
def test_after_a_test_that_is_large_it_is_put_in_again(shop: psycopg.Connection, time: str) -> None:
    assert shop.execute("select count(*) from sources").fetchone() == (1,)
    assert shop.execute("select pg_relation_size('sources') < 10 * 8192").fetchone() == (True,)
    shop.execute("reset role")
    shop.execute(
        "insert into sources (name, kind) select i, 'file' from generate_series(1, 5000) as i"
    )


def test_it_is_put_in_once_for_those_that_follow_each_other(server: embedded.Server) -> None:
    done: list[str] = []

    def one(db: psycopg.Connection) -> None:
        done.append("one")

    def other(db: psycopg.Connection) -> None:
        done.append("other")

    stage = Stage(server)
    for fills in ((one,), (one,), (other,), (), (other,), (other, one), (other, one)):
        with stage.rehearsal(fills) as db:
            db.execute("select put_source('shop')")
    stage.close()
    assert done == ["one", "other", "other", "other", "one"]


def test_nothing_of_it_is_left_for_a_test_without(db: psycopg.Connection) -> None:
    assert db.execute("select count(*), to_regclass('product') from sources").fetchone() == (
        0,
        None,
    )


@pytest.mark.committed
def test_one_that_is_committed_begins_with_it_too(
    shop: psycopg.Connection, database_url: str
) -> None:
    with psycopg.connect(database_url) as other:
        assert other.execute("select name from vitrina.sources").fetchall() == [("shop",)]


@pytest.mark.committed
def test_what_is_committed_is_seen_by_others(db: psycopg.Connection, database_url: str) -> None:
    db.execute("select put_source('shop')")
    with psycopg.connect(database_url) as other:
        assert other.execute("select name from vitrina.sources").fetchall() == [("shop",)]
