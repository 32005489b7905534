"""sql/70-search: misspelt words are read as the words they are meant to be."""

from __future__ import annotations

import time

import psycopg
import pytest

from rehearsal import filled
from small_shop import CATALOGUE, put

pytestmark = pytest.mark.once

TITLES = [
    "Wooden writing desk", "Grey corner couch", "Ottoman with storage", "Bookshelf, oak",
    "Kitchen cupboard", "Leather office chair", "Dresser with mirror", "Zynthar lamp XR-200",
]  # fmt: skip


@filled
def shop(db: psycopg.Connection) -> None:
    put(db, CATALOGUE + [(f"S{n}", title, [], {}) for n, title in enumerate(TITLES)])
    db.execute("select resolve_keywords('{couch, Ottoman}')")
    db.execute("set role vitrina_reader")


def corrected(db: psycopg.Connection, query: str) -> str:
    rows = db.execute("select said, corrected from read_query(%s)", [query]).fetchall()
    ((said, words),) = rows
    for one, other in zip(said, words, strict=True):
        query = query.replace(one, other)
    return query


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("ottoamn", "ottoman"),
        ("ottomann", "ottoman"),
        ("otoman", "ottoman"),
        ("ottamen", "ottoman"),
        ("couvh", "couch"),
        ("grey cuoch", "grey couch"),
        ("leathr chiar", "leather chair"),
        ("cupb oard", "cupboard"),
        ("woodendesk", "wooden desk"),
        ("COUVH", "couch"),
        ("couvh, grey", "couch grey"),
        ("dressser", "dresser"),
        ("sofsa", "sofa"),
        ("sofaas", "sofas"),
        ("ldaies", "ladies"),
        ("zynhtar", "zynthar"),
    ],
)
def test_slips_are_corrected(shop: psycopg.Connection, query: str, words: str) -> None:
    assert shop.execute("select words from read_query(%s)", [query]).fetchall() == [(words,)]


@pytest.mark.parametrize(
    "query",
    [
        "couch", "couches", "desks", "bookshelf", "laptop", "sofas", "zynthar", "xr-200", "xr200",
        "XR-201", "lam", "fa", "the", "with", "without couch", "t-shrit", "asdfgh", "qwertz",
        "20x30", "黑色边桌", "стол", "lamp's", "?", "%", "", "  ", '"couvh"', "-couvh",
        '-"corner couvh"', 'sofa "couvh', "wi-fi", "lamy", "lego",
    ],
)  # fmt: skip
def test_words_codes_and_signs_stay(shop: psycopg.Connection, query: str) -> None:
    if query == 'sofa "couvh':  # an open quote says nothing
        assert corrected(shop, query) == 'sofa "couch'
    else:
        assert corrected(shop, query) == query


def test_no_query_is_read_as_no_words(shop: psycopg.Connection) -> None:
    rows = shop.execute("select words, keywords, required from read_query(null)").fetchall()
    assert rows == [("", [], [])]


def test_a_reading_names_keywords_and_what_is_required(shop: psycopg.Connection) -> None:
    row = shop.execute(
        'select * from read_query(\'grey couvh "solid oak" -leather -"corner sofa"\')'
    ).fetchone()
    assert row is not None
    words, said, correct, keywords, facets, required, excluded = row[:7]
    assert words == "grey couch solid oak"
    assert (said, correct) == (["couvh"], ["couch"])
    assert facets[keywords.index("sofa")] == "type"
    assert (required, excluded) == (["solid oak"], ["leather", "corner sofa"])


def test_search_facets_and_suggest_find_what_is_meant(shop: psycopg.Connection) -> None:
    def found(query: str) -> list[str]:
        rows = shop.execute("select external_id from search(%s, mode => 'text')", [query])
        return [row[0] for row in rows]

    assert found("ottoamn") == found("ottoman") == ["S2"]
    assert found('"ottoamn"') == []
    counts = "select * from facets(%s)"
    assert (
        shop.execute(counts, ["grey couvh"]).fetchall()
        == shop.execute(counts, ["grey couch"]).fetchall()
    )
    suggest = "select keyword from suggest(%s)"
    assert shop.execute(suggest, ["ottoamn"]).fetchall() == [("ottoman",)]


def test_vectors_are_those_of_the_corrected_words(shop: psycopg.Connection) -> None:
    near = "select query_embedding(%s) operator(public.<=>) query_embedding(%s)"
    assert shop.execute(near, ["couvh", "couch"]).fetchone() == (0,)


def test_new_words_of_products_and_of_a_shop_are_known(db: psycopg.Connection) -> None:
    put(db, CATALOGUE)
    assert corrected(db, "brimblewox") == "brimblewox"
    put(db, [("N1", "Brimblewax polish", [], {})])
    assert corrected(db, "brimblewox") == "brimblewax"
    assert corrected(db, "snuggelpod") == "snuggelpod"
    db.execute("insert into thesaurus (term, canonical) values ('snugglepod', 'sofa')")
    assert corrected(db, "snuggelpod") == "snugglepod"


@pytest.mark.parametrize("config", ["german", "simple", "french"])
def test_other_languages(db: psycopg.Connection, config: str) -> None:
    db.execute("insert into sources (name, kind, text_config) values ('s', 'file', %s)", [config])
    titles = ["Bürostuhl schwarz", "Küchentisch Eiche", "Tisch", "Küche", "Fauteuil rouge"]
    put(db, [(f"D{n}", title, [], {}) for n, title in enumerate(titles)], source="s")
    assert corrected(db, "burostuhl") == "burostuhl"
    assert corrected(db, "Bürostuhl") == "Bürostuhl"
    assert corrected(db, "bürsotuhl") == "bürostuhl"
    assert corrected(db, "fauteiul") == "fauteuil"


HOSTILE = {
    "long word": "couvh" * 2000,
    "long words": "ottoamnottoamnottoamnottoamn " * 350,
    "many misspelt": "ottoamn couvh leathr " * 500,
    "quotes": '"' * 10000,
    "signs": "-\"\\'%_&|!:*()<>" * 700,
    "unicode": "ö̈é\u200d\U0001f6cb黑стол" * 900,
    "same letter": "a" * 30 + " " + "ab" * 15,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_queries_are_bounded(shop: psycopg.Connection, name: str) -> None:
    shop.execute("select * from read_query('ottoamn')")
    started = time.perf_counter()
    for statement in ("read_query(%s)", "search(%s)", "suggest(%s)", "facets(%s)"):
        shop.execute(f"select * from {statement}", [HOSTILE[name]]).fetchall()
    assert time.perf_counter() - started < 30
