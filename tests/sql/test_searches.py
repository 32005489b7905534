"""sql/70-search: the log of searches, who writes it, what it keeps and for how long."""

from __future__ import annotations

import json

import psycopg
import pytest

from small_shop import CATALOGUE, put


def log(db: psycopg.Connection, *searches: tuple[str, int]) -> int | None:
    rows = [{"query": query, "results": results} for query, results in searches]
    found = db.execute("select vitrina.log_searches(%s)", [json.dumps(rows)]).fetchone()
    assert found is not None
    return found[0]


def listed(db: psycopg.Connection, which: str) -> list[tuple]:
    rows = db.execute(f"select query, searches, results, corrected from vitrina.{which}_searches()")
    return rows.fetchall()


def test_the_log_counts_wordings_together(db: psycopg.Connection) -> None:
    put(db, CATALOGUE)
    assert log(db, ("sofa", 2)) is None  # off by default
    db.execute("select set_search_policy(log => true)")
    assert log(db, ("Sofa ", 2), ("sofas", 2), ("sofa", 2), ("  ", 0), ("?", 0)) == 2
    assert log(db, ("grey cuoch", 1), ("dog food", 0), ("dog  FOOD", 0)) == 2
    assert listed(db, "top") == [
        ("sofa", 3, 2, ""),
        ("dog food", 2, 0, ""),
        ("grey cuoch", 1, 1, "grey couch"),
    ]
    assert listed(db, "empty") == [("dog food", 2, 0, "")]
    assert listed(db, "corrected") == [("grey cuoch", 1, 1, "grey couch")]
    # what is found by now is not empty
    log(db, ("dog food", 4))
    assert listed(db, "empty") == []


@pytest.mark.once
def test_private_queries_are_not_kept(db: psycopg.Connection) -> None:
    db.execute("select set_search_policy(log => true)")
    for query in ("ann@example.com", "mail ann@example", "4111 1111 1111 1111", "+49 (170) 123-45 67",
                  "0170/1234567", "DE89 3704 0044 0532 0130 00", "12345678901"):  # fmt: skip
        assert log(db, (query, 0)) == 0, query
    for query in (
        "gsr 12v-15",
        "sofa 3-4",
        "iphone 13 128 gb",
        "desk 120 x 60 cm",
        "under 1.299,00",
    ):
        assert log(db, (query, 0)) == 1, query
    assert log(db, ("x" * 5000, 0)) == 1
    assert db.execute("select max(length(query)) from searches").fetchone() == (200,)


@pytest.mark.once
def test_old_searches_go_when_new_ones_come(db: psycopg.Connection) -> None:
    db.execute("select set_search_policy(log => true, keep_days => 30)")
    db.execute(
        "insert into searches (day, asked, query, results)"
        " select current_date - n, 'q', 'q' || n, 0 from generate_series(0, 60) as n"
    )
    log(db, ("new", 1))
    assert db.execute("select min(day) = current_date - 29, count(*) from searches").fetchone() == (
        True, 31,
    )  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize(
    "rows", ["null", "{}", "[1]", '[{"query": 1, "results": 1}]', '[{"query": "x", "results": -1}]',
             '[{"query": "x"}]', "[" + ",".join(['{"query": "x", "results": 1}'] * 1001) + "]"],
)  # fmt: skip
def test_wrong_rows_are_refused(db: psycopg.Connection, rows: str) -> None:
    db.execute("select set_search_policy(log => true)")
    with pytest.raises(psycopg.DatabaseError) as error:
        db.execute("select log_searches(%s)", [rows])
    assert error.value.sqlstate == "VT004"


@pytest.mark.once
def test_a_reader_logs_and_reads_no_log(db: psycopg.Connection) -> None:
    db.execute("select set_search_policy(log => true)")
    db.execute("set role vitrina_reader")
    assert log(db, ("sofa", 1)) == 1
    for statement in ("select * from vitrina.searches", "select * from vitrina.top_searches()",
                      "delete from vitrina.searches", "select vitrina.set_search_policy(log => false)",
                      "insert into vitrina.searches values (current_date, 'a', 'a', '', 1, 1)"):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(statement)
    db.execute("set role vitrina_writer")
    assert [row[0] for row in listed(db, "top")] == ["sofa"]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("select vitrina.set_search_policy(log => false)")


@pytest.mark.once
def test_a_search_reads_only(db: psycopg.Connection) -> None:
    """On a standby no transaction may write: search does not, what logs fails alone."""
    put(db, CATALOGUE)
    db.execute("select set_search_policy(log => true)")
    only = "set transaction_read_only = on;"  # holds for the statements of one call
    assert db.execute(f"{only} select from search('sofa not grey')").nextset()
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        db.execute(f'{only} select log_searches(\'[{{"query": "sofa", "results": 1}}]\')')
