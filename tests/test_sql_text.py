"""sql/010-text.sql: spellings of one term meet in one normal form."""

import psycopg
import pytest


@pytest.mark.parametrize(
    ("spellings", "form"),
    [
        (["Free Standing", "free-standing", " free  standing ", "free_standing"], "free standing"),
        (["shelves", "shelf", "Shelf"], "shelf"),
        (["Grey", "gray", "GREY"], "gray"),
        (["knives", "knife"], "knife"),
        (["hoodie", "hoodies", "hoody"], "hoody"),
        (["dining chairs", "Dining Chair"], "dining chair"),
        (["watches", "watch"], "watch"),
        (["dresses", "dress"], "dress"),
        (["3 drawers", "three-drawer", "3drawer"], "3 drawer"),
        (["men's shoes", "Mens shoe"], "men shoe"),
        (["olives", "olive"], "olive"),
        (["sleeves", "sleeve"], "sleeve"),
        (["tie", "ties"], "tie"),
        (["2.5 litre", "2.5-litre"], "2.5 litre"),
        (["jewellery", "Jewelry"], "jewelry"),
    ],
)
def test_spellings_of_a_term_have_one_form(
    db: psycopg.Connection, spellings: list[str], form: str
) -> None:
    rows = db.execute("select normal_form(u) from unnest(%s::text[]) as u", [spellings]).fetchall()
    assert {row[0] for row in rows} == {form}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("glass", "glasses"),
        ("3 drawers", "4 drawers"),
        ("2.5 litre", "25 litre"),
        ("men shoes", "women shoes"),
        ("brass", "bra"),
        ("canvas", "can"),
    ],
)
def test_different_terms_stay_apart(db: psycopg.Connection, one: str, other: str) -> None:
    row = db.execute("select normal_form(%s) <> normal_form(%s)", [one, other]).fetchone()
    assert row == (True,)


@pytest.mark.parametrize("term", ["", "!!", " - ", "…"])
def test_a_term_without_letters_or_digits_is_empty(db: psycopg.Connection, term: str) -> None:
    assert db.execute("select normal_form(%s)", [term]).fetchone() == ("",)


def test_other_scripts_are_kept(db: psycopg.Connection) -> None:
    row = db.execute(
        "select normal_form('Стул'), normal_form('椅子'), normal_form('Möbel')"
    ).fetchone()
    assert row == ("стул", "椅子", "möbel")
