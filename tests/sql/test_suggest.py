"""sql/70-search: keywords for what is typed so far."""

from __future__ import annotations

import psycopg
import pytest

from rehearsal import filled
from small_shop import CATALOGUE, put

pytestmark = pytest.mark.once


@filled
def shop(db: psycopg.Connection) -> None:
    put(db, CATALOGUE)
    db.execute("select resolve_keywords('{Dress, T-Shirt, Sun Glasses, couch, 3-Tier Shelf}')")
    db.execute(
        "insert into keyword_aliases (alias, keyword_id, method)"
        " select 'shoe storage shelf', id, 'manual' from keywords where name = 'shoe rack'"
    )
    db.execute("set role vitrina_reader")


def suggested(db: psycopg.Connection, prefix: str, k: int = 10) -> list[tuple[str, str, int]]:
    return db.execute(
        "select suggestion, keyword, products from suggest(%s, %s)", [prefix, k]
    ).fetchall()


def test_the_most_used_come_first(shop: psycopg.Connection) -> None:
    assert suggested(shop, "s")[:3] == [
        ("sofa", "sofa", 2), ("shoe rack", "shoe rack", 2), ("side table", "side table", 2),
    ]  # fmt: skip
    assert [row[2] for row in suggested(shop, "s")] == sorted(
        (row[2] for row in suggested(shop, "s")), reverse=True
    )


@pytest.mark.parametrize(
    ("prefix", "suggestion", "keyword"),
    [
        ("sho", "shoe rack", "shoe rack"),
        ("RACK", "shoe rack", "shoe rack"),
        ("rac", "shoe rack", "shoe rack"),
        ("Shoe-Ra", "shoe rack", "shoe rack"),
        ("shoe  racks", "shoe rack", "shoe rack"),
        ("rack sho", "shoe rack", "shoe rack"),
        ("couc", "couch", "sofa"),
        ("storage", "shoe storage shelf", "shoe rack"),
        ("dres", "dress", "dress"),
        ("dresses", "dress", "dress"),
        ("dress", "dress", "dress"),
        ("t-s", "t-shirt", "t-shirt"),
        ("t shirts", "t-shirt", "t-shirt"),
        ("tie", "3-tier shelf", "3-tier shelf"),
        ("side table ", "side table", "side table"),
    ],
)
def test_a_word_that_begins_so_is_found(
    shop: psycopg.Connection, prefix: str, suggestion: str, keyword: str
) -> None:
    assert (suggestion, keyword) in [row[:2] for row in suggested(shop, prefix)]


def test_misspelt_words_are_corrected(shop: psycopg.Connection) -> None:
    assert suggested(shop, "soffa") == suggested(shop, "sofa")


def test_a_keyword_comes_once_by_its_own_name_if_that_matches(shop: psycopg.Connection) -> None:
    rows = suggested(shop, "sho")
    assert [row for row in rows if row[1] == "shoe rack"] == [("shoe rack", "shoe rack", 2)]


@pytest.mark.parametrize("prefix", ["ack", "ofa", "zzz", "sofa x"])
def test_what_does_not_begin_a_word_is_not_found(shop: psycopg.Connection, prefix: str) -> None:
    assert suggested(shop, prefix) == []


@pytest.mark.parametrize(
    "prefix",
    ["", " ", "%", "_", "%o", "s_fa", "\\", "\\\\", "'", '"', "'s':*|", ":*", "!", "&", "\U0001fa91",
     "-", "sofa%", "s%", "so\\fa", "\t\n"],
)  # fmt: skip
def test_characters_that_mean_something_elsewhere_are_nothing_here(
    shop: psycopg.Connection, prefix: str
) -> None:
    found = {row[1] for row in suggested(shop, prefix, 1000)}
    letters = "".join(char if char.isalnum() else " " for char in prefix).split()
    expected = {"sofa%": {"sofa"}, "s%": {"sofa", "shoe rack", "side table"}}.get(prefix, set())
    assert expected <= found
    if not letters or prefix in ("%o", "s_fa", "so\\fa"):
        assert not found - ({"oak"} if prefix == "%o" else set())


def test_nothing_typed_suggests_nothing(shop: psycopg.Connection) -> None:
    assert shop.execute("select * from suggest(null)").fetchall() == []
    assert suggested(shop, "s" * 100_000) == []


@pytest.mark.parametrize("k", ["0", "1001", "null"])
def test_a_k_that_cannot_be_is_named(shop: psycopg.Connection, k: str) -> None:
    with pytest.raises(psycopg.DatabaseError, match="k must be 1 to 1000") as caught:
        shop.execute(f"select suggest('s', {k})")
    assert caught.value.sqlstate == "VT004"


def test_k_is_kept(shop: psycopg.Connection) -> None:
    assert len(suggested(shop, "s", 2)) == 2


@pytest.mark.committed
def test_the_index_answers(db: psycopg.Connection) -> None:
    db.execute(
        "insert into keywords (name) select 'word ' || n from generate_series(1, 5000) as n;"
        " insert into keyword_aliases (alias, keyword_id, method)"
        " select name, id, 'new' from keywords; analyze keywords, keyword_aliases"
    )
    plan = db.execute(
        "explain select a.keyword_id from keyword_aliases as a"
        " where array_to_tsvector(array_remove(string_to_array(left(a.alias, 200), ' '), ''))"
        " @@ vitrina_internal.begun_words('word 12')"
    ).fetchall()
    assert "keyword_aliases_words_idx" in str(plan)
    db.execute("select pg_stat_force_next_flush()")
    before = db.execute(
        "select idx_scan from pg_stat_user_indexes where indexrelname = 'keyword_aliases_words_idx'"
    ).fetchone()[0]
    for _ in range(7):  # generic plans too
        assert db.execute("select keyword from suggest('word 123', 1)").fetchone() == ("word 123",)
    db.execute("select pg_stat_force_next_flush()")
    after = db.execute(
        "select idx_scan from pg_stat_user_indexes where indexrelname = 'keyword_aliases_words_idx'"
    ).fetchone()[0]
    assert after >= before + 7
