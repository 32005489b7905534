"""What a person got wrong is named, with the nearest right name or the way to say it."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from click.testing import Result

from small_shop import CATALOGUE, put
from vitrina import Catalog, InputError

Run = Callable[..., Result]


@pytest.fixture
def shop(db: psycopg.Connection, database_url: str) -> str:
    put(db, CATALOGUE)
    return database_url


def test_a_wrong_column_is_an_error_that_names_the_nearest(shop: str, vitrina: Run) -> None:
    for words in (["search", "sofa"], ["similar", "sofa-1"], ["recommend", "sofa-1"]):
        for columns, near in (("id,titel", "title"), ("id,prise", "price")):
            ran = vitrina(*words, "--columns", columns, url=shop)
            assert (ran.exit_code, ran.stdout) == (1, ""), ran.stderr
            assert f"column {columns[3:]!r} not found; nearest: " in ran.stderr
            assert near in ran.stderr
    ran = vitrina("search", "sofa", "--columns", "id,brand,relevance,tags", "--csv", url=shop)
    assert ran.stdout.splitlines()[0] == "id,brand,relevance,tags"


def test_an_id_of_several_sources_says_how_to_name_one(
    shop: str, db: psycopg.Connection, vitrina: Run
) -> None:
    put(db, CATALOGUE[:1], source="other shop")
    ran = vitrina("show", "lamp-1", url=shop)
    assert ran.exit_code == 1
    assert "several sources have a product 'lamp-1': name one of other shop, shop" in ran.stderr
    assert "--of 'other shop' on the command line, of=… in a request" in ran.stderr
    assert vitrina("show", "lamp-1", "--of", "other shop", url=shop).exit_code == 0


def test_a_broken_condition_is_named(shop: str, vitrina: Run) -> None:
    for words in (["search", "sofa"], ["recommend", "sofa-1"], ["facets"]):
        ran = vitrina(*words, "--where", "$.price > 1", "--where", "$.price <", url=shop)
        assert (ran.exit_code, ran.stdout) == (1, ""), ran.stderr
        assert "where='$.price <' is no condition: syntax error" in ran.stderr
        assert "write jsonpath, like '$.price < 50'" in ran.stderr
    with Catalog(shop) as catalog:
        for wrong in ("@ > 1", "price < 5", '$.brand like_regex "("'):
            with pytest.raises(InputError, match="is no condition"):
                catalog.count_matches(where=wrong)
        assert catalog.count_matches(where=["$.price < 50"]) == 2
