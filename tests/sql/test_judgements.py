"""Judgements: stored under the query as it is read, changed, removed, refused."""

import json

import psycopg
import pytest

from small_shop import CATALOGUE, put

pytestmark = pytest.mark.once


def judge(db: psycopg.Connection, *rows: dict) -> int:
    found = db.execute("select put_judgements(%s)", [json.dumps(rows)]).fetchone()
    assert found is not None
    return int(found[0])


def stored(db: psycopg.Connection, query: str | None = None) -> list[tuple]:
    return db.execute(
        "select query, external_id, grade from list_judgements(%s)", [query]
    ).fetchall()


def test_grades_are_stored_changed_and_removed(db: psycopg.Connection) -> None:
    ids = put(db, CATALOGUE)
    sofa = {"query": " Grey  SOFA", "source": "shop", "external_id": "sofa-2", "grade": 3}
    assert judge(db, sofa, {"query": "grey sofa", "product_id": ids["sofa-1"], "grade": 1}) == 2
    assert stored(db, "GREY sofa") == [("grey sofa", "sofa-2", 3.0), ("grey sofa", "sofa-1", 1.0)]
    # of two for the same, the last
    assert judge(db, {**sofa, "grade": 1}, {**sofa, "grade": 2}) == 1
    assert judge(db, {"query": "grey sofa", "product_id": ids["sofa-1"], "grade": None}) == 1
    assert stored(db) == [("grey sofa", "sofa-2", 2.0)]
    assert db.execute("select query, judged, relevant from judged_queries()").fetchall() == [
        ("grey sofa", 1, 1)
    ]
    db.execute("delete from products where external_id = 'sofa-2'")
    assert stored(db) == []


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"query": "x", "product_id": -1, "grade": 1}, "VT003"),
        ({"query": "x", "source": "shop", "external_id": "sofa-9", "grade": 1}, "VT003"),
        ({"query": "x", "external_id": "sofa-1", "grade": 1}, "VT003"),
        ({"query": " ", "source": "shop", "external_id": "sofa-1", "grade": 1}, "VT004"),
        ({"query": "x", "source": "shop", "external_id": "sofa-1", "grade": 11}, "VT004"),
        ({"query": "x", "source": "shop", "external_id": "sofa-1", "grade": "good"}, "VT004"),
    ],
)
def test_what_is_no_judgement_is_refused(db: psycopg.Connection, row: dict, state: str) -> None:
    put(db, CATALOGUE)
    good = {"query": "x", "source": "shop", "external_id": "sofa-1", "grade": 1}
    with pytest.raises(psycopg.Error) as raised:
        judge(db, good, row)
    assert raised.value.sqlstate == state


def test_a_doubt_is_kept_until_a_grade_settles_it(db: psycopg.Connection) -> None:
    put(db, CATALOGUE)
    sofa = {"query": "Grey sofa", "source": "shop", "external_id": "sofa-2"}

    def doubts() -> list[tuple]:
        return db.execute("select external_id, reason from list_doubts('GREY sofa')").fetchall()

    assert judge(db, {**sofa, "grade": 2}) == 1
    assert judge(db, {**sofa, "doubt": " its picture is missing "}) == 1
    assert (stored(db), doubts()) == ([], [("sofa-2", "its picture is missing")])
    assert db.execute("select * from judged_queries()").fetchall() == []
    assert judge(db, {**sofa, "doubt": "the query has two meanings"}) == 1
    assert doubts() == [("sofa-2", "the query has two meanings")]
    assert judge(db, {**sofa, "grade": 3}) == 1
    assert (stored(db), doubts()) == ([("grey sofa", "sofa-2", 3.0)], [])
    judge(db, {**sofa, "doubt": "again"})
    assert judge(db, {**sofa, "grade": None}) == 1
    assert judge(db, {**sofa, "grade": None}) == 0
    assert (stored(db), doubts()) == ([], [])


@pytest.mark.parametrize("said", [{"doubt": " "}, {"doubt": 3}, {"doubt": "x", "grade": 1}])
def test_what_is_no_doubt_is_refused(db: psycopg.Connection, said: dict) -> None:
    put(db, CATALOGUE)
    with pytest.raises(psycopg.Error) as raised:
        judge(db, {"query": "x", "source": "shop", "external_id": "sofa-1", **said})
    assert raised.value.sqlstate == "VT004"
