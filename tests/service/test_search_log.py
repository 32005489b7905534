"""Searching logs, where the policy says so and the database lets it, and never fails for it."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from click.testing import Result

from small_shop import CATALOGUE, put
from vitrina.catalog import Catalog
from vitrina.settings import Settings


def test_searches_are_logged_once_and_best_effort(
    database_url: str, vitrina: Callable[..., Result]
) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        put(conn, CATALOGUE)
    with Catalog(database_url) as catalog:
        catalog.search("sofa")
        assert catalog.searches.top() == []
        policy = catalog.searches.policy(log=True, keep_days=30)
        assert (policy.log, policy.keep_days, policy.min_relevance) == (True, 30, 0.5)
        assert catalog.search("sofa")
        catalog.search("sof", log=False)  # still being typed
        catalog.search("sofa", offset=10)
        catalog.search(k=3)
        assert [(s.query, s.searches, s.results) for s in catalog.searches.top()] == [
            ("sofa", 1, 2)
        ]
        read = catalog.read_query("sofa not grey under 800")
        assert (read.words, read.price_max, read.meanings) == (
            "sofa", 800, ["without gray", "price up to 800"],
        )  # fmt: skip
    shown = vitrina("search", "dog food under 5 €", url=database_url)
    assert "under 5 € → price up to 5; search literally: --exact" in shown.stderr
    assert "nothing matches" in shown.stderr
    listed = vitrina("searches", "empty", "--json", url=database_url).stdout
    assert '"query": "dog food under 5 €", "searches": 1, "results": 0' in listed
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("drop function vitrina.log_searches(jsonb)")
    quiet = vitrina("search", "sofa", "--json", url=database_url)
    assert (quiet.exit_code, quiet.stderr) == (0, "")
    told = vitrina("-v", "search", "sofa", "--json", url=database_url)
    assert "the search was not logged: " in told.stderr
    assert told.stdout == quiet.stdout
    vitrina("policy", "searches", "off", url=database_url)


def test_a_catalog_that_only_reads_logs_through_its_writer(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        put(conn, CATALOGUE)
        conn.execute("select vitrina.set_search_policy(log => true)")
    settings = Settings(database_url=database_url)
    with Catalog(settings=settings, read_only=True) as catalog:
        assert catalog.search("sofa")
        assert catalog.searches.problem is None
        assert len(catalog.searches.top()) == 1
    with Catalog(settings=settings, read_only=True, remembers=False) as catalog:
        assert catalog.search("lamp")
        assert len(catalog.searches.top()) == 1
