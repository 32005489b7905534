"""sql/40-products: what was said, and the keywords derived from it."""

from __future__ import annotations

import psycopg
import pytest

from rehearsal import filled
from vitrina.db import schema
from vocabulary import differing, enrich, fill, keywords, state

pytestmark = pytest.mark.once


@filled
def shop(db: psycopg.Connection) -> None:
    """Twelve products in the local space."""
    fill(db, 12)


def test_every_term_is_kept_as_it_was_said(shop: psycopg.Connection) -> None:
    enrich(shop, {0: ["Zig-Lamps", "!!", "teal", "zig lamp", "x" * 300]})
    kept = shop.execute(
        "select place, term, form from product_terms as t join products as p on p.id = product_id"
        " where external_id = '0' order by place"
    ).fetchall()
    assert kept == [(1, "Zig-Lamps", "zig lamp"), (3, "teal", "teal"), (4, "zig lamp", "zig lamp")]
    assert keywords(shop, 0) == ["zig lamp", "teal"]
    said = (
        "select said from product_keywords join products on id = product_id where external_id = '0'"
    )
    assert shop.execute(said + " order by said").fetchall() == [("Zig-Lamps",), ("teal",)]
    enrich(shop, {0: ["teal"]})
    assert shop.execute(
        "select count(*) from product_terms join products on id = product_id where external_id = '0'"
    ).fetchone() == (1,)


def test_another_normal_form_keeps_every_keyword(shop: psycopg.Connection) -> None:
    """As after an upgrade, and as after the migration, which knows no forms yet."""
    shop.execute("select merge_keywords('{zig lamp}', 'qua shelf')")
    before = state(shop)
    shop.execute("update keyword_aliases set alias = 'older ' || alias")
    shop.execute("update product_terms set form = 'older ' || form")
    assert shop.execute("select vitrina_internal.refresh_forms()").fetchone() == (36,)
    after = state(shop)
    for table in ("products", "product_keywords", "product_terms", "product_text"):
        assert after[table] == before[table], table
    shop.execute("delete from keyword_aliases where alias like 'older %'")
    shop.execute("update product_terms set form = '' where term = 'zig lamp'")
    shop.execute("delete from keyword_aliases where alias = 'zig lamp'")
    assert shop.execute("select vitrina_internal.refresh_forms()").fetchone() == (4,)
    assert state(shop)["products"] == before["products"]
    assert shop.execute("select vitrina_internal.refresh_forms()").fetchone() == (0,)


def test_what_was_said_survives_the_way_down_and_up(
    database_url: str, shop: psycopg.Connection
) -> None:
    before = state(shop)
    schema.downgrade(database_url, "0006")
    schema.upgrade(database_url)
    after = state(shop)
    assert after["products"] == before["products"]
    assert after["product_keywords"] == before["product_keywords"]
    related = (
        "select count(*), (select count(*) from keywords where kinds = '{}') from related_terms"
    )
    count, without = shop.execute(related).fetchone()
    assert count > 1000
    assert without == 0
    shop.execute("select merge_keywords('{zig lamp}', 'qua shelf')")
    shop.execute("select undo_keyword_change()")
    assert differing(state(shop), after) == []


def test_a_snapshot_that_cannot_see_decisions_is_refused(
    database_url: str, shop: psycopg.Connection
) -> None:
    with psycopg.connect(database_url) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.DatabaseError, match="READ COMMITTED"):
            conn.execute("select vitrina.merge_keywords('{teal}', 'black')")


def test_readers_may_look_at_everything_that_reads(shop: psycopg.Connection) -> None:
    shop.execute("set role vitrina_reader")
    for query in (
        "list_keywords()", "show_keyword('black')", "audit_keywords()", "judge_pairs()",
        "keyword_history()",
    ):  # fmt: skip
        shop.execute(f"select * from vitrina.{query}".encode())
