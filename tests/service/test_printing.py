"""Text of strangers on a terminal and in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import Result

from vitrina.printing import defused, printable, restored


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b[HOak", "Oak"),
        ("\x1b]0;owned\x07Oak", "Oak"),
        ("\x9b2JOak", "2JOak"),
        ("a\u202eb\u2066c\x00\x7f", "abc"),
        ("two\nlines\tand é 漢", "two\nlines\tand é 漢"),
    ],
)
def test_a_terminal_is_given_nothing_to_obey(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("cell", ["=cmd|x", "+1+1", "-a", "@sum", "\tx", "\r=x", "'=x", "''-a"])
def test_a_formula_is_defused_and_restored(cell: str) -> None:
    assert defused(cell) == f"'{cell}"
    assert restored(defused(cell)) == cell


@pytest.mark.parametrize("cell", ["-5", "+3.5", "-1e5", "-5%", "Oak", "'tis", "", "a=b"])
def test_what_is_no_formula_stays(cell: str) -> None:
    assert defused(cell) == cell
    assert restored(cell) == cell


def test_titles_are_printed_and_exported_harmlessly(
    db: psycopg.Connection,
    database_url: str,
    vitrina: Callable[..., Result],
    tmp_path: Path,
) -> None:
    titles = {"a": "\x1b[2JOak desk", "b": "=cmd|' /C calc'!A0"}
    rows = json.dumps([{"external_id": k, "title": v} for k, v in titles.items()])
    db.execute("select vitrina.put_source('shop')")
    db.execute("select vitrina.put_products('shop', %s)", [rows])
    assert "\x1b" not in vitrina("search", "oak", url=database_url).output
    exported = vitrina("export", "--csv", url=database_url).stdout
    given = {row["external_id"]: row["title"] for row in csv.DictReader(io.StringIO(exported))}
    assert given["b"] == "'" + titles["b"]
    kept = vitrina("export", "--csv", "--formulas", "keep", url=database_url).stdout
    assert ",=cmd|" in kept
    (tmp_path / "again.csv").write_text(exported)
    done = vitrina(
        "ingest", str(tmp_path / "again.csv"), "--source", "again", "--no-enrich", url=database_url
    )
    assert done.exit_code == 0, done.output
    assert db.execute(
        "select title from vitrina.catalog where source = 'again' and title like '%cmd%'"
    ).fetchone() == (titles["b"],)
