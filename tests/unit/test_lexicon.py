"""The lexicon: its data files are sound, and its matcher reads titles as people do."""

from __future__ import annotations

import csv
import runpy
import time
from collections import Counter
from pathlib import Path

import pytest

from vitrina.db import retail_words
from vitrina.db.facets import FACETS
from vitrina.db.retail_words import word_bases
from vitrina.models.local import lexicon

ROOT = Path(__file__).parents[2]
DOMAINS = {"general", "home", "furniture", "fashion", "electronics", "beauty", "toys", "sports"}


def found(text: str) -> list[str]:
    return [m.entry.canonical for m in lexicon.match(text)]


def test_terms_are_unique_lower_case_and_trimmed() -> None:
    terms = [entry.term for entry in retail_words.entries()]
    assert [term for term, n in Counter(terms).items() if n > 1] == []
    assert [term for term in terms if term != " ".join(term.lower().split())] == []


def test_facets_and_domains_are_known() -> None:
    assert {entry.facet for entry in retail_words.entries()} == set(FACETS)
    assert {entry.domain for entry in retail_words.entries()} == DOMAINS


def test_every_canonical_is_a_term_of_the_same_facet_and_no_synonym_itself() -> None:
    rows = {entry.term: entry for entry in retail_words.entries()}
    for entry in rows.values():
        target = rows[entry.canonical]
        assert target.canonical == target.term, f"{entry.term} → {target.term} goes on"
        assert target.facet == entry.facet, entry.term


def test_every_term_is_found_as_itself() -> None:
    missed = [e.term for e in retail_words.entries() if lexicon.lookup(e.term) is None]
    assert missed == []
    wrong = {
        entry.term: hit.canonical
        for entry in retail_words.entries()
        if (hit := lexicon.lookup(entry.term)) and hit.canonical != entry.canonical
    }
    assert wrong == {}


def test_contrast_groups_are_clean() -> None:
    rows = retail_words.contrasts()
    assert len(set(rows)) == len(rows)
    assert all(term == term.lower().strip() and group for term, group in rows)
    sizes = Counter(group for _, group in rows)
    assert [group for group, n in sizes.items() if n < 2] == []


def test_no_contrast_group_holds_two_synonyms() -> None:
    canonical = {entry.term: entry.canonical for entry in retail_words.entries()}
    seen = Counter((group, canonical.get(term, term)) for term, group in retail_words.contrasts())
    assert [pair for pair, n in seen.items() if n > 1] == []


def test_the_thesaurus_is_sorted_and_says_each_thing_once() -> None:
    entries = retail_words.thesaurus()
    terms = Counter(entry.term for entry in entries)
    assert [term for term, n in terms.items() if n > 1] == []
    canonical = {entry.term: entry.canonical for entry in entries}
    assert canonical["couch"] == "sofa"
    assert canonical["trainers"] == "sneaker"
    assert canonical["wellies"] == "rain boot"
    assert {e.canonical for e in entries if canonical.get(e.canonical) != e.canonical} == set()
    assert {e.facet for e in entries} <= set(FACETS)


def test_synonyms_are_not_looked_for_in_titles() -> None:
    assert lexicon.lookup("chips") is None
    assert "potato chips" in {e.canonical for e in retail_words.thesaurus() if e.term == "chips"}


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Shoe Racks", ["shoe rack"]),
        ("T-Shirts", ["t-shirt"]),
        ("Tshirt", ["t-shirt"]),
        ("free-standing", ["freestanding"]),
        ("Free Standing", ["freestanding"]),
        ("Table Lamp", ["table lamp"]),
        ("bookshelves", ["bookcase"]),
        ("Men’s GREY Tee", ["men", "gray", "t-shirt"]),
        ("Children's toys", ["kids", "toy"]),
        ("apple watch band", ["smartwatch band"]),
        ("lip gloss", ["lip gloss"]),
        ("leather-look sofa", ["faux leather", "sofa"]),
        ("marble look table", ["table"]),
        ("lavender infusion", []),
        ("no drill wall shelf", ["no drill", "wall shelf"]),
        ("without wheels", ["without wheels"]),
        ("chair, no armrests", ["chair"]),
        ("handle-free drawers", []),
        ("wine glasses", ["wine glass"]),
        ("reading glasses", []),
        ("sofa, bed", ["sofa", "bed"]),
        ("sofa bed", ["sofa bed"]),
        ('20" wide table', ["table"]),
        ("wide table", ["wide", "table"]),
        ("Café au lait", []),
        ("", []),
    ],
)
def test_match(text: str, terms: list[str]) -> None:
    assert found(text) == terms


def test_a_match_says_where() -> None:
    text = "Blue  Dining-Chairs!"
    assert [text[m.start : m.end] for m in lexicon.match(text)] == ["Blue", "Dining-Chairs"]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Dining Chairs Set of 2", [("set of 2", "size")]),
        ("chairs, set of two", [("set of 2", "size")]),
        ("2 Piece Set", [("set of 2", "size")]),
        ("Train 24-Piece Set", [("24-piece", "size")]),
        ("Pack of 6 mirrors", [("pack of 6", "size")]),
        ("Barstool, 2 Pk.", [("pack of 2", "size")]),
        ("3 Tier cart with 5 Drawers", [("3-tier", "feature"), ("5-drawer", "feature")]),
        ("four shelves and two drawers", [("4-shelf", "feature"), ("2-drawer", "feature")]),
        ("With 8 Double Hooks", [("8-hook", "feature")]),
        ("4 in 1 tower", [("4-in-1", "feature")]),
        ("24-Inch towel bar", [("24-inch", "size")]),
        ("mat 6 inch x 12 inch", []),
        ("Phone 128GB", [("128 gb", "size")]),
        ("1pc rack", []),
    ],
)
def test_quantities(text: str, terms: list[tuple[str, str]]) -> None:
    assert lexicon.quantities(text) == terms


@pytest.mark.parametrize(
    ("title", "terms"),
    [
        ("Red Tape Men Brown Shoes", ["men", "brown", "shoe"]),
        ("Urban Yoga Men's Grey Pants", ["men", "gray", "trousers"]),
        ("Red Rose White Nightdress", ["white", "nightdress"]),
        ("Blue Striped Men's Shirt", ["blue", "striped", "men", "shirt"]),
        ("Black & White Striped Men's Shirt", ["black", "white", "striped", "men", "shirt"]),
        ("Leather wallet for men", ["leather", "wallet", "men"]),
        ("White Table", ["white", "table"]),
    ],
)
def test_a_brand_before_the_audience_is_no_keyword(title: str, terms: list[str]) -> None:
    assert [m.entry.canonical for m in lexicon.match_title(title)] == terms


def test_known_brands_are_left_out_and_places_kept() -> None:
    matches = lexicon.match_title("Kingston Brass towel bar", ["Kingston Brass Store"])
    assert [(m.entry.canonical, m.start) for m in matches] == [("towel bar", 15)]


@pytest.mark.parametrize(
    ("title", "zones"),
    [
        ("Shoe Rack for living room with hooks", ["main", "use", "with"]),
        ("Desk with drawers, black", ["main", "with", "main"]),
        ("Webbing for sofa, chair", ["use", "use"]),
        ("Sofa clip-on tray", ["main", "main"]),
        ("T-shirt for women", ["main", "main"]),
    ],
)
def test_zones(title: str, zones: list[str]) -> None:
    assert lexicon.zones(title, lexicon.match(title)) == zones


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("bookshelf", "bookshelves"),
        ("dress", "dresses"),
        ("jeans", "jeans"),
        ("couch", "couches"),
        ("toy", "toys"),
        ("battery", "batteries"),
        ("wall art", "wall art"),
        ("table", "tables"),
    ],
)
def test_plural(one: str, many: str) -> None:
    assert lexicon.plural(one) == many
    if one != many:
        assert lexicon.singular(many) == one


def test_facet_of() -> None:
    assert lexicon.facet_of("Shoe Racks") == "type"
    assert lexicon.facet_of("navy") == "color"
    assert lexicon.facet_of("shoe rack white") is None


@pytest.mark.data
def test_no_different_pair_is_merged_and_no_same_pair_contrasts(shared_data: Path) -> None:
    groups: dict[str, set[str]] = {}
    for term, group in retail_words.contrasts():
        groups.setdefault(term, set()).add(group)
    with (shared_data / "keywords" / "furniture_pairs.csv").open(encoding="utf-8") as file:
        pairs = list(csv.DictReader(file))
    same = 0
    for pair in pairs:
        one, two = (lexicon.lookup(pair[side]) for side in "ab")
        if not one or not two:
            continue
        if pair["label"] == "different":
            assert one.canonical != two.canonical, pair
        else:
            same += one.canonical == two.canonical
            both = groups.get(one.canonical, set()) & groups.get(two.canonical, set())
            assert one.canonical == two.canonical or not both, pair
    assert same >= 48


@pytest.mark.data
def test_matching_is_fast(shared_data: Path) -> None:
    with (shared_data / "fashion" / "styles.csv").open(encoding="utf-8") as file:
        titles = [row["productDisplayName"] for row in csv.DictReader(file)]
    lexicon.match(titles[0])
    start = time.process_time()
    assert sum(bool(lexicon.match(title)) for title in titles) > 0.98 * len(titles)
    assert time.process_time() - start < 5


def test_words_are_the_same_in_sql_and_in_python() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "make_words.py"))
    assert script["SQL"].read_text("utf-8") == script["sql_file"]()
    for word, base in word_bases("plural", "unit", "invariant").items():
        assert lexicon.singular(word) == base


@pytest.mark.parametrize(("one", "other"), [("pyjamas", "pajamas"), ("pouffe", "pouf")])
def test_spellings_of_a_term_are_one_term(one: str, other: str) -> None:
    entry = lexicon.lookup(one)
    assert entry is not None
    assert entry == lexicon.lookup(other)
