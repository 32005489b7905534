"""Searching in a space that is not in use, to compare it with the one that is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from click.testing import Result

from openai_stub import OpenAIStub
from serving import serving
from small_shop import CATALOGUE, put
from vitrina.catalog import Catalog
from vitrina.errors import InputError, NotFoundError, ProviderError
from vitrina.settings import Settings

QUERIES = ("green velvet sofa", "shoe rack", "something to sit on")


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIStub]:
    with OpenAIStub(dimensions=32) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("VITRINA_DIMENSIONS", "32")
        yield stub


@pytest.fixture
def shop(stub: OpenAIStub, database_url: str) -> Iterator[Catalog]:
    """A catalogue in use in the local space, with another one, `new`, filled beside it."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("set search_path = vitrina, public")
        put(conn, CATALOGUE)
    with Catalog(settings=Settings(database_url=database_url)) as catalog:
        catalog.spaces.add("new", model="m")
        catalog.spaces.build("new")
        for query in QUERIES:
            catalog.judgements.grade(query, ("shop", "sofa-1"), 3)
        yield catalog


def found(catalog: Catalog, query: str, **options: object) -> list[tuple]:
    hits = catalog.search(query, mode="vector", **options)  # type: ignore[arg-type]
    return [(hit.external_id, round(hit.score, 4)) for hit in hits]


def test_another_space_finds_what_it_finds_in_use(shop: Catalog, stub: OpenAIStub) -> None:
    calls = stub.calls["embeddings"]
    now = {query: found(shop, query) for query in QUERIES}
    assert stub.calls["embeddings"] == calls
    then = {query: found(shop, query, in_spaces=["new"]) for query in QUERIES}
    assert then != now
    assert stub.calls["embeddings"] == calls + len(QUERIES)
    assert {query: found(shop, query, in_spaces=["new"]) for query in QUERIES} == then
    assert stub.calls["embeddings"] == calls + len(QUERIES)  # each is paid for once
    assert {query: found(shop, query) for query in QUERIES} == now  # nothing is switched
    shop.spaces.activate("new")
    assert {query: found(shop, query) for query in QUERIES} == then
    assert {query: found(shop, query, in_spaces=["local-text"]) for query in QUERIES} == now


def test_a_query_of_many_at_once_is_paid_for_once(shop: Catalog, stub: OpenAIStub) -> None:
    stub.latency = 1.0  # so that all have asked before the first answer
    calls = stub.calls["embeddings"]
    query = "everybody comes from the same advertisement"
    with ThreadPoolExecutor(8) as pool:
        each = list(pool.map(lambda _: found(shop, query, in_spaces=["new"]), range(8)))
    assert stub.calls["embeddings"] == calls + 1
    assert each == [each[0]] * 8
    stub.fault("embeddings", "401", times=None)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(found, shop, "another one", in_spaces=["new"]) for _ in range(4)]
    assert {type(one.exception()) for one in asked} == {ProviderError}
    stub.clear_faults()
    assert found(shop, "another one", in_spaces=["new"])


def test_two_spaces_are_compared(shop: Catalog) -> None:
    compared = shop.compare({"mode": "vector"}, {"mode": "vector", "in_spaces": ["new"]})
    assert {each.query for each in compared} == set(QUERIES)
    for each in compared:
        assert [placed.hit.external_id for placed in each.second.hits] == [
            code for code, _ in found(shop, each.query, in_spaces=["new"])
        ]
    evaluated = shop.evaluate(modes=["vector"], in_spaces=["new"])
    mean = sum(each.second.ndcg for each in compared) / len(compared)
    assert evaluated.evaluations[0].ndcg == pytest.approx(mean)


def test_a_space_that_cannot_be_searched_is_named(shop: Catalog) -> None:
    with pytest.raises(NotFoundError, match=r"space 'nwe' not found.*new"):
        shop.search("sofa", in_spaces=["nwe"])
    with pytest.raises(InputError, match="one space for texts"):
        shop.search("sofa", in_spaces=["new", "local-text"])


def test_the_command_line_and_sql_say_the_same(
    shop: Catalog, vitrina: Callable[..., Result], database_url: str
) -> None:
    expected = [code for code, _ in found(shop, "shoe rack", in_spaces=["new"])]
    done = vitrina(
        "search", "shoe rack", "--mode", "vector", "--in-space", "new", "--json", url=database_url
    )
    assert done.exit_code == 0, done.stderr
    assert [json.loads(line)["external_id"] for line in done.stdout.splitlines()] == expected
    with psycopg.connect(database_url) as conn:
        rows = conn.execute(
            "select external_id from vitrina.search('shoe rack', mode => 'vector',"
            " in_spaces => '{new}')"
        ).fetchall()
    assert [code for (code,) in rows] == expected
    measured = vitrina("eval", "--mode", "vector", "--in-space", "new", "--json", url=database_url)
    assert json.loads(measured.stdout)["queries"] == len(QUERIES)


def test_the_page_compares_them_and_has_both_in_its_address(
    shop: Catalog, stub: OpenAIStub, database_url: str
) -> None:
    with serving(database_url) as served:
        form = served.get("/evaluate/compare").text
        assert '<option value="new"' in form
        page = served.get("/evaluate/compare?a.mode=vector&b.mode=vector&b.space=new").text
        assert '<option value="new" selected>' in page
        assert f"{len(QUERIES)}</dd>" in page
        unknown = served.get("/evaluate/compare?b.space=nwe")
        assert unknown.status_code == 404
        assert "nearest: new" in unknown.text
