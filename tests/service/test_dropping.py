"""Stored answers are dropped on request: what was spent stays, what is asked again is paid again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result

from openai_stub import OpenAIStub

Rows = list[tuple[Any, ...]]
DROP = "select * from vitrina.drop_answers"


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIStub]:
    with OpenAIStub(dimensions=64) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-of-dropping")
        monkeypatch.setenv("VITRINA_DIMENSIONS", "64")
        yield stub


def put(db: psycopg.Connection, key: str, cost: float | None = 0.25, **more: str) -> int:
    row = {"stage": "tag", "input_hash": key * 64, "provider": "p", "model": "m",
           "prompt_version": "1", "output": ["oak"], "input_tokens": 5, "cost": cost}  # fmt: skip
    done = db.execute("select vitrina.put_generations(%s)", [json.dumps([row | more])]).fetchone()
    return int(done[0]) if done else 0


def found(db: psycopg.Connection, key: str) -> Rows:
    return db.execute(
        "select g.output from vitrina.find_generations('tag', 'm', '1', array[decode(%s, 'hex')])"
        " as g",
        [key * 64],
    ).fetchall()


def test_what_was_spent_stays_by_day_and_budgets_stay_as_they_are(db: psycopg.Connection) -> None:
    put(db, "a")
    put(db, "b", None)
    db.execute("update vitrina.generations set created_at = '2026-01-31 12:00+00'")
    db.execute("select vitrina.set_budget(0.4, 'total')")
    before = db.execute("select * from vitrina.cost()").fetchall()
    assert db.execute(f"{DROP}(dry_run => true)").fetchall() == [(2, Decimal("0.25"), 1)]
    assert found(db, "a") == [(["oak"],)]
    assert db.execute(f"{DROP}()").fetchall() == [(2, Decimal("0.25"), 1)]
    assert (found(db, "a"), found(db, "b")) == ([], [])
    assert db.execute("select * from vitrina.cost()").fetchall() == before
    assert db.execute("select spend, generations from vitrina.status").fetchone() == (
        Decimal("0.25"),
        2,
    )
    assert db.execute(f"{DROP}()").fetchall() == [(0, 0, 0)], "they are gone"
    # the same question, asked again, is paid for again, on its own day
    assert put(db, "a", 0.2) == 1
    assert found(db, "a") == [(["oak"],)]
    assert db.execute("select usd from vitrina.cost('day')").fetchall() == [
        (Decimal("0.25"),),
        (Decimal("0.2"),),
    ]
    with pytest.raises(psycopg.Error, match="budget"):
        db.execute("select vitrina.check_budget()")


@pytest.mark.parametrize(
    ("which", "left"),
    [
        ("stage => 'tag'", "c"),
        ("model => 'n'", "acd"),
        ("before => '2026-02-01+00'", "abc"),
        ("stage => 'tag', model => 'm'", "bc"),
        ("stage => 'tags'", "abcd"),
        ("stage => null", ""),
    ],
)
def test_only_what_is_named_goes(db: psycopg.Connection, which: str, left: str) -> None:
    put(db, "a")
    put(db, "b", model="n")
    put(db, "c", stage="describe")
    put(db, "d")
    db.execute(
        "update vitrina.generations set created_at = '2026-01-31 12:00+00'"
        " where input_hash = decode(%s, 'hex')",
        ["d" * 64],
    )
    db.execute(f"{DROP}({which})")  # type: ignore[arg-type]
    stay = db.execute(
        "select left(encode(input_hash, 'hex'), 1) from vitrina.generations"
        " where output <> 'null' order by 1"
    ).fetchall()
    assert "".join(row[0] for row in stay) == left
    assert db.execute("select sum(cost) from vitrina.generations").fetchone() == (1,)


@pytest.mark.parametrize("role", ["vitrina_reader", "vitrina_writer"])
def test_only_the_owner_drops(
    db: psycopg.Connection, database_url: str, make_role: Callable[..., str], role: str
) -> None:
    put(db, "a")
    url = database_url.replace("postgres@", f"{make_role(role)}@", 1)
    with (
        psycopg.connect(url) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="drop_answers"),
    ):
        conn.execute(f"{DROP}()")
    assert len(found(db, "a")) == 1


def test_only_what_changed_is_asked_again(
    vitrina: Callable[..., Result], database_url: str, stub: OpenAIStub, tmp_path: Path
) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("id,title\n1,Oak table\n2,Metal chair\n")

    def ingest() -> int:
        """How many calls it made."""
        before = stub.calls["chat"]
        done = vitrina("ingest", str(path), url=database_url)
        assert done.exit_code == 0, done.stderr
        return stub.calls["chat"] - before

    each = ingest() // 2
    assert each > 0
    told = vitrina("cost", "--drop-answers", "--stage", "tag", url=database_url)
    assert (told.exit_code, told.stdout) == (0, "")
    assert told.stderr.startswith("2 answers that cost 0.0000 USD")
    assert "--yes" in told.stderr
    before = json.loads(
        vitrina("cost", "--by", "stage", "--json", url=database_url).stdout.splitlines()[0]
    )
    done = vitrina("cost", "--drop-answers", "--yes", url=database_url)
    assert done.stderr.startswith("dropped "), done.stderr
    after = json.loads(
        vitrina("cost", "--by", "stage", "--json", url=database_url).stdout.splitlines()[0]
    )
    assert after == before
    assert ingest() == 0, "nothing changed"
    path.write_text("id,title\n1,Oak table\n2,Steel chair\n")
    assert ingest() == each
    path.write_text("id,title\n1,Oak table\n2,Metal chair\n")
    assert ingest() == each, "its first answer was dropped"
    path.write_text("id,title\n1,Oak table\n2,Steel chair\n")
    assert ingest() == 0, "the later answer is stored"


@pytest.mark.parametrize(
    "options",
    [["--yes"], ["--stage", "tag"], ["--drop-answers", "--by", "day"],
     ["--drop-answers", "--no-budget"], ["--drop-answers", "--before", "tomorrow"]],
)  # fmt: skip
def test_misuse_drops_nothing(
    vitrina: Callable[..., Result], database_url: str, options: list[str]
) -> None:
    assert vitrina("cost", *options, url=database_url).exit_code == 2
