"""sql/10-text: spellings of one term meet in one normal form."""

import psycopg
import pytest

from vitrina.db.retail_words import word_bases

pytestmark = pytest.mark.once


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
        (["men's shoes", "Mens shoe", "men’s shoes"], "man shoe"),
        (["women's", "womens", "Woman"], "woman"),
        (["children's", "child"], "child"),
        (["feet", "foot"], "foot"),
        (["mice", "Mouse"], "mouse"),
        (["scarves", "scarf"], "scarf"),
        (["potatoes", "potato"], "potato"),
        (["décor", "Decor", "DÉCOR"], "decor"),
        (["crème", "creme"], "creme"),
        (["24 inch", "24-inch", '24"', "24″", "24in", "24 Inches", "24''"], "24 inch"),
        (["6 ft", "6'", "six feet", "6-foot"], "6 ft"),
        (["10 cm", "10 centimetres", "10cm"], "10 cm"),
        (["500ml", "500 millilitres"], "500 ml"),
        (["1,000 pcs", "1000 pieces"], "1000 piece"),
        (["twenty-four pieces", "24 pc"], "24 piece"),
        (["1/2 inch", "½ inch"], "1/2 inch"),
        (["USB 3.0", "usb 3"], "usb 3"),
        (["2 in 1", "2-in-one"], "2 in 1"),
        (["10x12 cm", "10 × 12 cm"], "10 x 12 cm"),
        (["w/ lid", "with lid"], "with lid"),
        (["w/o lid", "without lid"], "without lid"),
        (["moisturiser", "moisturizers"], "moisturizer"),
        (["black color", "Black coloured", "black"], "black"),
        (["boho style", "boho"], "boho"),
        (["queen-sized", "queen size", "queen"], "queen"),
        (["wall-mounted", "wall mount"], "wall mount"),
        (["long sleeved", "long sleeves"], "long sleeve"),
        (["Lego™", "LEGO"], "lego"),
        (["🪑 chair", "chair"], "chair"),
        (["مَكْتَب", "مكتب"], "مكتب"),
        (["olives", "olive"], "olive"),
        (["sleeves", "sleeve"], "sleeve"),
        (["tie", "ties"], "tie"),
        (["2.5 litre", "2.5-litre", "2,5 l"], "2.5 l"),
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
        ("shorts", "short"),
        ("24 inch", "24 cm"),
        ("椅子", "桌子"),
        ("はし", "ばし"),
        ("42", "43"),
        ("schön", "schon"),
    ],
)
def test_different_terms_stay_apart(db: psycopg.Connection, one: str, other: str) -> None:
    row = db.execute("select normal_form(%s) <> normal_form(%s)", [one, other]).fetchone()
    assert row == (True,)


@pytest.mark.parametrize("term", ["color", "style", "with", "size", "the"])
def test_a_term_of_noise_alone_is_kept(db: psycopg.Connection, term: str) -> None:
    assert db.execute("select normal_form(%s)", [term]).fetchone() == (term,)


def test_a_normal_form_is_its_own(db: psycopg.Connection) -> None:
    """Of every term that comes with vitrina: aliases are looked up by it, whatever it is made of."""
    changed = db.execute(
        "select t.term from thesaurus as t where normal_form(t.term) <> t.term"
    ).fetchall()
    assert changed == []


@pytest.mark.parametrize("term", ["", "!!", " - ", "…", "🪑🪑", "\u200e", "\n\t"])
def test_a_term_without_letters_or_digits_is_empty(db: psycopg.Connection, term: str) -> None:
    assert db.execute("select normal_form(%s)", [term]).fetchone() == ("",)


def test_other_scripts_are_kept(db: psycopg.Connection) -> None:
    row = db.execute(
        "select normal_form('Стул'), normal_form('椅子'), normal_form('Möbel')"
    ).fetchone()
    assert row == ("стул", "椅子", "möbel")


def test_every_word_of_the_data_file_has_its_base_as_its_form(db: psycopg.Connection) -> None:
    words = word_bases("number", "plural", "spelling", "unit", "invariant", "apart")
    assert len(words) > 300
    found = db.execute(
        "select w.word, normal_form(w.word) from unnest(%s::text[]) as w (word)", [list(words)]
    )
    assert dict(found.fetchall()) == words
