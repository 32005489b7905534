"""spaces/ and `vitrina spaces`: another model, without a break."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg
import pytest
from click.testing import Result

from openai_stub import OpenAIStub, vector_of
from small_shop import put
from vitrina.catalog import Catalog
from vitrina.enrich import worker
from vitrina.errors import BudgetError, ConfigError, DatabaseError, InputError, ProviderError
from vitrina.settings import Settings
from vitrina.spaces.api import Space
from vitrina.spaces.index import Indexing
from waiting import eventually

Run = Callable[..., Result]
COLORS = ("red", "blue", "green", "black", "white", "brown", "gray", "pink")
THINGS = ("sofa", "desk", "lamp", "bench", "stool", "shelf", "mirror", "basket")
NAMES = [f"{color.title()} {thing}" for color in COLORS for thing in THINGS]


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIStub]:
    """An endpoint that the environment names."""
    with OpenAIStub(dimensions=32) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setattr("vitrina.models.openai.client.backoff", lambda *_: 0.01)
        yield stub


def fill_shop(url: str, count: int = 24) -> dict[str, int]:
    """Products enriched in the local space; each caption twice."""
    rows = [
        (f"p{n:03}", NAMES[n // 2 % len(NAMES)] + (" " + "x" * (n // 128) if n >= 128 else ""),
         [(NAMES[n // 2 % len(NAMES)].split()[1], "type")], {"price": n})
        for n in range(count)
    ]  # fmt: skip
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("set search_path = vitrina, public")
        return put(conn, rows)


@pytest.fixture
def catalog(database_url: str) -> Iterator[Catalog]:
    fill_shop(database_url)
    with Catalog(settings=Settings(database_url=database_url)) as catalog:
        yield catalog


def row(catalog: Catalog, name: str) -> Space:
    (found,) = (space for space in catalog.spaces.list() if space.name == name)
    return found


def sent(stub: OpenAIStub) -> list[str]:
    """Every text that was embedded, in the order of the requests."""
    return [text for request in stub.requests("embeddings") for text in request.body["input"]]


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


# -- the way of a space --------------------------------------------------------------------------


def test_a_space_is_added_built_activated_and_left_again(
    vitrina: Run, stub: OpenAIStub, database_url: str
) -> None:
    fill_shop(database_url)
    added = vitrina("spaces", "add", "new", "--model", "m", "--json", url=database_url)
    assert added.exit_code == 0, added.stderr
    assert (lines(added)[0]["dimensions"], lines(added)[0]["state"]) == (32, "building")
    assert "vitrina spaces build new" in added.stderr
    early = vitrina("spaces", "activate", "new", url=database_url)
    assert early.exit_code == 1
    assert "24 of 24 products and" in early.stderr
    built = vitrina("spaces", "build", "new", url=database_url)
    assert built.exit_code == 0, built.stderr
    assert "24 products and" in built.stderr
    assert "complete, index: none" in built.stderr
    assert vitrina("search", "red sofa", url=database_url).exit_code == 0
    switched = vitrina("spaces", "activate", "new", url=database_url)
    assert "to go back: vitrina spaces activate local-text" in switched.stderr
    found = lines(vitrina("search", "red sofa", "--json", "-k", "2", url=database_url))
    assert {hit["title"] for hit in found} == {"Red sofa"}
    assert all("vector" in hit["matched"] for hit in found)
    back = vitrina("spaces", "activate", "local-text", url=database_url)
    assert "in use: local-text" in back.stderr
    listed = lines(vitrina("spaces", "list", "--json", url=database_url))
    assert {space["name"]: space["state"] for space in listed} == {
        "local-text": "active", "local-image-2": "active", "new": "retired",
    }  # fmt: skip
    assert vitrina("spaces", "drop", "new", url=database_url).exit_code == 0
    assert stub.calls["chat"] == 0, "a vision model was asked"


def test_no_text_is_embedded_twice(catalog: Catalog, stub: OpenAIStub) -> None:
    catalog.spaces.add("new", model="m")
    stub.log.clear()
    done = catalog.spaces.build("new")
    assert (done.products, done.refused) == (24, {})
    texts = sent(stub)
    assert len(texts) == len(set(texts)) == 12 + done.keywords, "half of the products have a twin"
    assert catalog.spaces.build("new").count == 0
    assert len(sent(stub)) == len(texts)
    with catalog.database.transaction() as conn:
        conn.execute("update vitrina.products set caption = 'Changed.' where external_id = 'p003'")
    assert catalog.spaces.build("new").products == 1


def test_a_build_goes_on_where_it_failed(
    catalog: Catalog, stub: OpenAIStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitrina.spaces.fill.BATCH", 4)
    monkeypatch.setattr("vitrina.spaces.fill.AT_ONCE", 1)
    catalog.spaces.add("new", model="m")
    stub.log.clear()
    stub.fault("embeddings", "401", times=None, match=lambda request: len(stub.log) > 4)
    with pytest.raises(ProviderError):
        catalog.spaces.build("new")
    begun = row(catalog, "new").products
    assert 0 < begun < 24
    stub.clear_faults()
    stub.log.clear()
    done = catalog.spaces.build("new")
    assert done.products == 24 - begun
    assert len(sent(stub)) == (24 - begun) // 2
    assert row(catalog, "new").missing_products == 0


def test_a_stopped_build_says_what_is_left(
    catalog: Catalog, stub: OpenAIStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitrina.spaces.fill.BATCH", 4)
    monkeypatch.setattr("vitrina.spaces.fill.AT_ONCE", 1)
    catalog.spaces.add("new", model="m")
    stop = threading.Event()
    seen: list[tuple[str, int, int]] = []

    def progress(what: str, done: int, of: int) -> None:
        seen.append((what, done, of))
        stop.set()

    catalog.spaces.build("new", progress=progress, stop=stop)
    assert seen == [("products", 4, 24)]
    assert row(catalog, "new").missing_products == 20
    catalog.spaces.build("new")
    assert row(catalog, "new").missing_products == 0


def test_a_refused_text_is_named_and_the_rest_goes_on(catalog: Catalog, stub: OpenAIStub) -> None:
    catalog.spaces.add("new", model="m")
    stub.fault("embeddings", "bad-request", times=None, match="Blue desk")
    done = catalog.spaces.build("new")
    refused = {
        catalog.database.value("select title from vitrina.products where id = %s", (id_,))
        for id_ in done.refused
    }
    assert refused == {"Blue desk"}
    assert row(catalog, "new").missing_products == len(done.refused)


def test_the_budget_ends_a_build_and_keeps_what_is_paid(
    vitrina: Run, stub: OpenAIStub, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitrina.spaces.fill.BATCH", 4)
    monkeypatch.setattr("vitrina.spaces.fill.AT_ONCE", 1)
    monkeypatch.setattr(
        "vitrina.assembly.prices", lambda endpoint, most, models: lambda m, u: Decimal("0.01")
    )
    fill_shop(database_url)
    vitrina("spaces", "add", "new", "--model", "m", url=database_url)
    done = vitrina("spaces", "build", "new", "--max-cost", "0.03", url=database_url)
    assert done.exit_code == 3, done.stderr
    assert "--max-cost is 0.03 USD" in done.stderr
    with psycopg.connect(database_url) as conn:
        count, spent = conn.execute(
            "select (select count(*) from vitrina.product_embeddings where space_id = 3),"
            " (select sum(cost) from vitrina.generations)"
        ).fetchone()
        conn.execute("select vitrina.set_budget(0.01)")
    assert count == 8
    assert spent == Decimal("0.03"), "keywords, and two batches of products"
    standing = vitrina("spaces", "build", "new", url=database_url)
    assert standing.exit_code == 3
    assert "the budget of 0.0100 USD (total) is spent" in standing.stderr


def test_a_local_space_is_built_beside_the_other(vitrina: Run, database_url: str) -> None:
    fill_shop(database_url)
    added = vitrina("spaces", "add", "two", "--provider", "local", url=database_url)
    assert added.exit_code == 0, added.stderr
    built = vitrina("spaces", "build", "two", url=database_url)
    assert built.exit_code == 0, built.stderr
    assert "24 products" in built.stderr
    assert vitrina("spaces", "activate", "two", url=database_url).exit_code == 0
    assert vitrina("search", "red sofa", url=database_url).stdout.count("Red sofa") == 2


def test_vectors_from_elsewhere_are_left_to_those_who_make_them(
    vitrina: Run, database_url: str
) -> None:
    fill_shop(database_url, 2)
    added = vitrina(
        "spaces", "add", "own", "--provider", "acme", "--model", "m", "--dimensions", "3",
        url=database_url,
    )  # fmt: skip
    assert added.exit_code == 0, added.stderr
    built = vitrina("spaces", "build", "own", url=database_url)
    assert built.exit_code == 1
    assert "put them in with vitrina.put_embeddings" in built.stderr
    assert "2 products and" in built.stderr


def test_the_space_in_use_is_filled_by_a_worker_of_another_model(
    catalog: Catalog, stub: OpenAIStub, database_url: str
) -> None:
    """After a switch a worker may go on with the settings it began with."""
    catalog.spaces.add("new", model="m")
    catalog.spaces.build("new")
    catalog.spaces.activate("new")
    endpoint = {"embedding_model": "old", "dimensions": 16}
    with Catalog(settings=Settings(database_url=database_url, endpoint=endpoint)) as worker:
        worker.database.rows(
            "select vitrina.put_products('shop', %s)",
            ('[{"external_id": "late", "title": "Velvet ottoman"}]',),
        )
        totals = worker.work()
    assert (totals.products, totals.failed) == (1, 0)
    assert row(catalog, "new").missing_products == 0
    assert row(catalog, "new").missing_keywords == 0
    assert row(catalog, "openai-old-16").missing_products == 0
    assert catalog.search("velvet ottoman", k=1)[0].title == "Velvet ottoman"


def test_a_catalog_that_stays_open_asks_the_model_of_the_space_in_use(
    catalog: Catalog, stub: OpenAIStub, database_url: str
) -> None:
    """Its first query vector came from the model that was in use then."""
    for name, model in (("one", "m"), ("two", "n")):
        catalog.spaces.add(name, model=model)
        catalog.spaces.build(name)
    with Catalog(settings=Settings(database_url=database_url)) as other:
        for name, model in (("one", "m"), ("two", "n"), ("one", "m")):
            other.spaces.activate(name)
            stub.log.clear()
            hits = other.search(f"red sofa {name}", k=1)
            assert hits[0].title == "Red sofa"
            assert "vector" in hits[0].matched
            asked = {request.body["model"] for request in stub.requests("embeddings")}
            assert asked <= {model}
    assert asked == set(), "the words were remembered in the first space"


# -- adding --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "dimensions"), [({}, 32), ({"dimensions": 32}, 32), ({"dimensions": 8}, 8)]
)
def test_the_model_is_asked_for_its_dimensions(
    catalog: Catalog, stub: OpenAIStub, given: dict[str, int], dimensions: int
) -> None:
    space = catalog.spaces.add("new", model="m", threshold=0.7, quantized=True, **given)
    assert space.dimensions == dimensions
    assert (round(space.threshold, 3), space.quantized) == (0.7, True)
    assert 1 <= stub.calls["embeddings"] <= 3


def test_a_model_with_too_long_vectors_is_refused_before_anything_is_made(
    catalog: Catalog, stub: OpenAIStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitrina.models.openai import requests

    def longest(*given: Any) -> dict[str, Any]:
        body = requests.embedding_body(*given)
        return {**body, "dimensions": 4096} if "dimensions" in body else body

    stub.dimensions = 4096
    stub.fault("embeddings", "no-dimensions", match="dimensions")
    with pytest.raises(ProviderError, match="give --dimensions a number the model has"):
        catalog.spaces.add("new", model="m")
    # and where the server takes no notice of what it was asked for
    monkeypatch.setattr("vitrina.models.openai.provider.embedding_body", longest)
    with pytest.raises(InputError, match="answers with 4096 numbers, an index has at most 4000"):
        catalog.spaces.add("new", model="m")
    assert len(catalog.spaces.list()) == 2


def test_a_longer_model_than_asked_for_is_named(catalog: Catalog, stub: OpenAIStub) -> None:
    with pytest.raises(ProviderError, match="32 numbers, not 64"):
        catalog.spaces.add("new", model="m", dimensions=64)
    assert len(catalog.spaces.list()) == 2


def test_without_an_endpoint_the_dimensions_are_taken_as_given(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    with Catalog(settings=Settings(database_url=database_url), notice=told.append) as catalog:
        assert catalog.spaces.add("large").dimensions == 3072
        assert catalog.spaces.add("own", model="m", dimensions=5).dimensions == 5
        assert [line.split(":")[0] for line in told] == [
            "text-embedding-3-large was not asked", "m was not asked",
        ]  # fmt: skip
        with pytest.raises(ConfigError, match="or give --dimensions of m"):
            catalog.spaces.add("other", model="m")
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        monkeypatch.setattr("vitrina.models.openai.client.backoff", lambda *_: 0.0)
        assert catalog.spaces.add("down", model="m", dimensions=6).dimensions == 6
        with pytest.raises(ProviderError):
            catalog.spaces.add("unknown", model="m")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("add", "Bad Name", "--provider", "local"), 1, "cannot be the name of a space"),
        (("add", "local-text", "--provider", "local"), 1, "space 'local-text' exists already"),
        (("add", "big", "--dimensions", "4001"), 1, "1 to 4000 dimensions, not 4001"),
        (("add", "none", "--dimensions", "0"), 1, "1 to 4000 dimensions, not 0"),
        (("add", "x", "--provider", "local", "--dimensions", "3"), 1, "256 dimensions"),
        (("add", "x", "--provider", "acme"), 1, "give --model and --dimensions"),
        (("add", "x", "--threshold", "2"), 2, "--threshold"),
        (("build", "nowhere"), 1, "space 'nowhere' not found"),
        (("build", "large"), 1, "no key and no endpoint"),
        (("build", "large", "--memory", "0"), 2, "--memory"),
        (("build", "large", "--max-cost", "free"), 2, "not an amount of USD"),
        (("activate", "nowhere"), 1, "space 'nowhere' not found"),
        (("activate", "large"), 1, "2 of 2 products and"),
        (("drop", "nowhere"), 1, "space 'nowhere' not found"),
        (("drop", "local-text"), 1, "is in use; activate another space first"),
    ],
)
def test_what_cannot_be_is_one_clear_line(
    vitrina: Run, database_url: str, arguments: tuple[str, ...], code: int, message: str
) -> None:
    fill_shop(database_url, 2)
    with psycopg.connect(database_url) as conn:
        conn.execute("select vitrina.create_space('large', 'openai', 'm', 'text', 8)")
    result = vitrina("spaces", *arguments, url=database_url)
    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr
    assert "Traceback" not in result.stderr
    with psycopg.connect(database_url) as conn:
        assert conn.execute("select count(*) from vitrina.spaces").fetchone() == (3,)


def test_an_incomplete_space_is_activated_by_force(vitrina: Run, database_url: str) -> None:
    fill_shop(database_url, 2)
    with psycopg.connect(database_url) as conn:
        conn.execute("select vitrina.create_space('large', 'openai', 'm', 'text', 8)")
    forced = vitrina("spaces", "activate", "large", "--force", url=database_url)
    assert forced.exit_code == 0, forced.stderr


# -- indexing ------------------------------------------------------------------------------------


@pytest.fixture
def small_indexes(catalog: Catalog) -> Catalog:
    """A catalog where an index pays from the first vector on."""
    with catalog.database.transaction() as conn:
        conn.execute(
            "create or replace function vitrina_internal.index_pays(rows float8, dimensions int)"
            " returns boolean language sql immutable return rows > 0"
        )
    return catalog


@pytest.mark.parametrize("quantized", [False, True])
def test_a_build_indexes_and_builds_again_what_is_invalid(
    small_indexes: Catalog, stub: OpenAIStub, database_url: str, quantized: bool
) -> None:
    catalog = small_indexes
    catalog.spaces.add("new", model="m", quantized=quantized)
    catalog.spaces.build("new")
    assert row(catalog, "new").index == "ready"
    with psycopg.connect(database_url) as conn:
        conn.execute(
            "update pg_index set indisvalid = false from pg_class as c"
            " where c.oid = indexrelid and c.relname like 'product_embeddings_3_hnsw%'"
        )
    assert row(catalog, "new").index == "invalid"
    with pytest.raises(InputError, match="its index is not built"):
        catalog.spaces.activate("new")
    catalog.spaces.build("new")
    assert row(catalog, "new").index == "ready"
    assert catalog.spaces.activate("new") == "local-text"


def test_only_one_process_builds_a_space(catalog: Catalog, stub: OpenAIStub) -> None:
    catalog.spaces.add("new", model="m")
    with Indexing(catalog.database, "new"):
        with pytest.raises(InputError, match="another process is building space new"):
            catalog.spaces.build("new")
        assert catalog.database.value("select vitrina.index_spaces(1)") == 2, "of the local space"
    assert catalog.spaces.build("new").products == 24


def test_a_build_of_an_index_is_cancelled_when_told_to_stop(catalog: Catalog) -> None:
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    started = time.monotonic()
    with Indexing(catalog.database, "local-text") as indexing:
        indexing._watched("select pg_sleep(600)", None, stop)
    timer.join()
    assert time.monotonic() - started < 300


def test_a_build_without_shared_memory_goes_on_by_itself(
    small_indexes: Catalog, stub: OpenAIStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitrina.db.connection import Session

    real, failed = Session.run, []

    def run(self: Session, statement: str) -> None:
        if not failed:
            failed.append(statement)
            cause = psycopg.errors.DiskFull("could not resize shared memory segment")
            raise DatabaseError("no room") from cause
        real(self, statement)

    monkeypatch.setattr(Session, "run", run)
    small_indexes.spaces.add("new", model="m")
    small_indexes.spaces.build("new")
    assert failed
    assert row(small_indexes, "new").index == "ready"


# -- under load ----------------------------------------------------------------------------------


class Load:
    """Connections that search all the time as vitrina_reader, and what they got."""

    def __init__(self, url: str, queries: list[str], connections: int = 3) -> None:
        self.got: list[tuple[str, tuple[tuple[int, float], ...]]] = []
        self.errors: list[BaseException] = []
        self._url = url
        self._queries = queries
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(connections)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait(self, count: int) -> None:
        """Until so many more searches are done."""
        wanted = len(self.got) + count
        eventually(lambda: len(self.got) >= wanted or self.errors)

    def _run(self, number: int) -> None:
        try:
            with psycopg.connect(self._url, autocommit=True) as conn:
                conn.execute("set role vitrina_reader")
                while not self._stop.is_set():
                    query = self._queries[number % len(self._queries)]
                    number += 1
                    rows = conn.execute(
                        "select s.product_id, s.similarity from vitrina.search(%s, k => 5,"
                        " mode => 'vector') as s",
                        [query],
                    ).fetchall()
                    self.got.append((query, tuple((id_, round(sim, 3)) for id_, sim in rows)))
        except BaseException as exc:
            self.errors.append(exc)


def nearest(
    conn: psycopg.Connection, space: str, vector: np.ndarray
) -> tuple[tuple[int, float], ...]:
    """The five nearest of a space, by numpy over all of it; ties by id."""
    rows = conn.execute(
        "select e.product_id, e.embedding::text from vitrina.product_embeddings as e"
        " join vitrina.spaces as s on s.id = e.space_id where s.name = %s",
        [space],
    ).fetchall()
    found = []
    for id_, text in rows:
        other = np.array(json.loads(text))
        cosine = float(other @ vector / np.linalg.norm(other) / np.linalg.norm(vector))
        found.append((-cosine, id_))
    return tuple((id_, round(-cosine, 3)) for cosine, id_ in sorted(found)[:5])


def test_a_space_is_built_and_activated_under_constant_load(
    stub: OpenAIStub, database_url: str
) -> None:
    """No search fails, none is empty, and each is wholly of one space: brute force says which."""
    fill_shop(database_url, 120)
    queries = ["red sofa", "black reading lamp", "mirror", "white shelf", "green bench"]
    with (
        Catalog(settings=Settings(database_url=database_url)) as catalog,
        psycopg.connect(database_url, autocommit=True) as conn,
        Load(database_url, queries) as load,
    ):
        load.wait(20)
        catalog.spaces.add("new", model="m")
        for query in queries:
            conn.execute(
                "select vitrina.put_query_embedding('new', %s, %s::text::halfvec)",
                [query, str(vector_of(query, 32))],
            )
        catalog.spaces.build("new")
        expected: dict[str, dict[str, tuple[tuple[int, float], ...]]] = {}
        for query in queries:
            text = conn.execute("select vitrina.embed_text(%s)::text", [query]).fetchone()[0]
            expected[query] = {
                "local-text": nearest(conn, "local-text", np.array(json.loads(text))),
                "new": nearest(conn, "new", np.array(vector_of(query, 32))),
            }
        for name in ("new", "local-text", "new"):
            load.wait(20)
            catalog.spaces.activate(name)
        load.wait(20)
    assert load.errors == []
    assert len(load.got) >= 80
    seen = set()
    for query, rows in load.got:
        spaces = [
            name
            for name, want in expected[query].items()
            if [id_ for id_, _ in want] == [id_ for id_, _ in rows]
            and all(abs(a - b) < 0.002 for (_, a), (_, b) in zip(want, rows, strict=True))
        ]
        assert len(spaces) == 1, (query, rows, expected[query])
        seen |= set(spaces)
    assert seen == {"local-text", "new"}
    last = load.got[-1]
    assert [id_ for id_, _ in last[1]] == [id_ for id_, _ in expected[last[0]]["new"]]


def test_going_on_without_a_budget_is_refused(catalog: Catalog, stub: OpenAIStub) -> None:
    catalog.spaces.add("new", model="m")
    catalog.costs.set_budget(Decimal(0))
    with pytest.raises(BudgetError):
        catalog.spaces.build("new")
    assert row(catalog, "new").products == 0


def test_a_role_that_may_not_index_is_told_only_where_an_index_is_missing(
    database_url: str, stub: OpenAIStub
) -> None:
    fill_shop(database_url, 2)
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("create role d2_indexer login in role vitrina_writer")
    try:
        url = database_url.replace("postgres@", "d2_indexer@")
        with Catalog(settings=Settings(database_url=url)) as catalog:
            assert worker.index_spaces(catalog.database) is None
            with psycopg.connect(database_url) as conn:
                conn.execute(
                    "create or replace function vitrina_internal.index_pays(rows float8, dimensions int)"
                    " returns boolean language sql immutable return rows > 0"
                )
            advice = worker.index_spaces(catalog.database)
            assert advice is not None
            assert "as the owner of the schema vitrina" in advice
    finally:
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute("drop role d2_indexer")
