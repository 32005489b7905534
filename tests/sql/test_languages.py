"""Names in other languages: queries across them, one keyword for all, and what counts where."""

import json
from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql

from vitrina.db import schema

pytestmark = pytest.mark.once

ENGLISH = {
    "1": ("Grey Sofa, three seats", ["sofa", "grey"]),
    "2": ("Red Dress", ["dress", "red"]),
    "3": ("Oak Dining Table", ["dining table", "oak"]),
    "4": ("Rock Climbing Shoe", ["shoe", "rock"]),
    "5": ("Black Leather Boots for men", ["boot", "black", "leather", "men"]),
    "6": ("White Bookcase", ["bookcase", "white"]),
}
GERMAN = {
    "1": ("Sofa grau, Dreisitzer", ["Sofa", "grau"]),
    "2": ("Kleid in Rot", ["Kleid", "rot"]),
    "3": ("Esstisch aus Eiche", ["Esstisch", "Eiche"]),
    "4": ("Rock mit Falten", ["Rock"]),
    "5": ("Herren Stiefel Leder schwarz", ["Stiefel", "schwarz", "Leder", "Herren"]),
    "6": ("Bücherregal weiß", ["Bücherregal", "weiß"]),
}


def fill(db: psycopg.Connection, goods: dict[str, tuple[str, list[str]]], config: str) -> None:
    """A source in this language, its terms said as a model says them."""
    db.execute("select put_source(%s, text_config => %s)", (config, config))
    rows = [{"external_id": number, "title": title} for number, (title, _) in goods.items()]
    db.execute("select put_products(%s, %s)", (config, json.dumps(rows)))
    for number, (title, said) in goods.items():
        db.execute("select resolve_keywords(%s)", (said,))
        db.execute(
            "select put_enrichments(jsonb_build_array(jsonb_build_object("
            " 'product_id', p.id, 'terms', %s::jsonb, 'caption', %s::text,"
            " 'description', %s::text)))"
            " from products as p join sources as s on s.id = p.source_id"
            " where s.name = %s and p.external_id = %s",
            (json.dumps([{"term": t} for t in said]), title, title, config, number),
        )


def first(db: psycopg.Connection, query: str) -> str:
    """The best row of a query by its words alone."""
    row = db.execute(
        "select external_id from search(%s, mode => 'text', k => 1)", (query,)
    ).fetchone()
    return "" if row is None else str(row[0])


def keywords(db: psycopg.Connection) -> set[str]:
    return {row[0] for row in db.execute("select k.name from keywords as k").fetchall()}


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("Sofa grau", "1"),
        ("graues Sofa", "1"),
        ("canapé gris", "1"),
        ("sofá gris", "1"),
        ("table de salle à manger chêne", "3"),
        ("mesa de comedor de roble", "3"),
        ("Esstische", "3"),
        ("Stiefel schwarz", "5"),
        ("bottes noires", "5"),
        ("botas negras hombre", "5"),
        ("weißes Bücherregal", "6"),
        ("weisses Buecherregal", "6"),
        ("bibliothèque blanche", "6"),
        ("estantería para libros blanca", "6"),
        ("rock", "4"),
    ],
)
def test_an_english_catalogue_is_found_in_other_languages(
    db: psycopg.Connection, query: str, number: str
) -> None:
    fill(db, ENGLISH, "english")
    assert first(db, query) == number


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("grey sofa", "1"),
        ("couch gray", "1"),
        ("red dress", "2"),
        ("dining table oak", "3"),
        ("skirt", "4"),
        ("Röcke", "4"),
        ("black leather boots", "5"),
        ("boots for men", "5"),
        ("white bookcase", "6"),
        ("bibliothèque blanche", "6"),
    ],
)
def test_a_german_catalogue_is_found_in_other_languages(
    db: psycopg.Connection, query: str, number: str
) -> None:
    fill(db, GERMAN, "german")
    assert first(db, query) == number


def test_one_keyword_has_names_in_several_languages(db: psycopg.Connection) -> None:
    rows = db.execute(
        "select r.keyword from resolve_keywords(%s) as r",
        (["canapé", "Sofas", "sofá", "couch", "Beistelltische", "table d'appoint", "side table"],),
    ).fetchall()
    assert [row[0] for row in rows] == ["sofa"] * 4 + ["side table"] * 3
    facets = {row[0] for row in db.execute("select k.facet from keywords as k").fetchall()}
    assert facets == {"type"}


def test_a_catalogue_in_one_language_shows_it(db: psycopg.Connection) -> None:
    fill(db, GERMAN, "german")
    assert {"esstisch", "rot", "kleid", "herren", "bücherregal"} <= keywords(db)
    assert not {"dining table", "red", "dress", "men"} & keywords(db)


def test_the_shop_chooses_the_language_of_the_names(db: psycopg.Connection) -> None:
    db.execute("select set_keyword_policy(language => 'english')")
    fill(db, GERMAN, "german")
    assert {"dining table", "red", "dress", "skirt", "men"} <= keywords(db)


def test_a_false_friend_counts_only_in_its_own_language(db: psycopg.Connection) -> None:
    fill(db, ENGLISH, "english")
    query = "select canonical from vitrina_internal.canonical_form(normal_form(%s))"
    assert db.execute(query, ("rock",)).fetchone() == ("rock",)
    assert {"rock", "shoe"} <= keywords(db)
    # two languages: English words keep their meaning
    db.execute("select put_source('laden', text_config => 'german')")
    assert db.execute(query, ("rock",)).fetchone() == ("rock",)
    db.execute("delete from products")
    db.execute("select remove_source('english')")
    assert db.execute(query, ("rock",)).fetchone() == ("skirt",)
    key = db.execute("select a.key from keyword_aliases as a where a.alias = 'rock'").fetchone()
    assert key == ("skirt",)


def test_keys_of_another_language_are_made_anew(db: psycopg.Connection) -> None:
    fill(db, ENGLISH, "english")
    query = "select a.key from keyword_aliases as a where a.alias = 'rock'"
    # as two sources of two languages leave it whose first products come at once
    db.execute("update sources set text_config = 'german'")
    assert db.execute(query).fetchone() == ("rock",)
    db.execute("select put_source('english')")
    assert db.execute(query).fetchone() == ("skirt",)
    db.execute("select put_source('english', text_config => 'english')")
    assert db.execute(query).fetchone() == ("rock",)


def test_an_upgrade_looks_in_which_language_the_keys_are(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("set search_path = vitrina, public")
        fill(db, GERMAN, "german")
        query = "select a.key from keyword_aliases as a where a.alias = 'rock'"
        assert db.execute(query).fetchone() == ("skirt",)
        # a version before did not keep it
        db.execute("update keyword_policy set keys_language = null")
        db.execute("update installed set sha256 = 'older' where name = 'sql'")
        schema.upgrade(database_url)
        # two languages: no word of one of them counts
        db.execute("select put_source('english', text_config => 'english')")
        assert db.execute(query).fetchone() == ("rock",)


def test_writers_make_keys_anew(make_role: Callable[..., str], database_url: str) -> None:
    name = make_role("vitrina_writer")
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("set search_path = vitrina, public")
        fill(db, ENGLISH, "english")
        db.execute(sql.SQL("set role {}").format(sql.Identifier(name)))
        db.execute("select put_source('english', text_config => 'german')")
        key = db.execute("select a.key from keyword_aliases as a where a.alias = 'rock'").fetchone()
        assert key == ("skirt",)


def test_a_language_without_names_is_named(db: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.Error, match="no names in 'klingon'") as failed:
        db.execute("select set_keyword_policy(language => 'klingon')")
    assert failed.value.sqlstate == "VT004"
