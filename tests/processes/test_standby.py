"""Searches on a hot standby, alone and beside its primary; all that is waited for is replay."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import Result

import catalogues
import replicas
import servers
from openai_stub import OpenAIStub
from replicas import Pair
from serving import serving
from vitrina import embedded
from vitrina.catalog import Catalog
from vitrina.cli.demo import folder
from vitrina.db.database import Database
from vitrina.doctor import Finding, examine
from vitrina.errors import ConfigError, ReadOnlyError
from vitrina.search.hits import Hit
from vitrina.settings import Settings
from waiting import eventually

DIMENSIONS = 32


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest, postgres: int, servers_home: Path) -> Iterator[Pair]:
    """A primary with the demo catalogue and a standby; searches are logged."""
    home, kept = servers_home, servers.cache(request.config.rootpath)
    with servers.own(home, postgres, kept, options=replicas.STREAMING) as primary:
        catalogues.bring_in_demo(primary.url())
        with psycopg.connect(primary.url(), autocommit=True) as conn:
            conn.execute("select vitrina.set_search_policy(log => true)")
        place = Path(tempfile.mkdtemp(prefix=servers.OWN, dir=home))
        with replicas.pair(primary, place) as both:
            both.caught_up()
            yield both


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, pair: Pair) -> Iterator[OpenAIStub]:
    """A model's server whose space is in use."""
    with OpenAIStub(dimensions=DIMENSIONS) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("VITRINA_DIMENSIONS", str(DIMENSIONS))
        with Catalog(pair.url) as catalog:
            if "asked" not in {space.name for space in catalog.spaces.list()}:
                catalog.spaces.add("asked", model="m")
                catalog.spaces.build("asked")
            catalog.spaces.activate("asked")
        pair.caught_up()
        yield stub
        with Catalog(pair.url) as catalog:
            catalog.spaces.activate("local-text")
        pair.caught_up()


@pytest.fixture
def split(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """Reads go to the standby, by the environment."""
    monkeypatch.setenv("VITRINA_DATABASE_URL", pair.url)
    monkeypatch.setenv("VITRINA_READ_URL", pair.read_url)
    return pair


def refused(server: embedded.Server) -> list[str]:
    """What a server refused because it is a standby, or reads only."""
    logs = (server.data.parent / "log").glob("postgres-*.log")
    lines = [line for log in logs for line in log.read_text("utf-8").splitlines()]
    return [line for line in lines if "cannot execute" in line or "during recovery" in line]


def stored(pair: Pair) -> tuple[int, int, int]:
    """Queries with vectors, logged searches, answers of models on the primary."""
    with psycopg.connect(pair.url) as conn:
        row = conn.execute(
            "select (select count(*) from vitrina.query_embeddings),"
            " (select coalesce(sum(searches), 0)::int from vitrina.searches),"
            " (select count(*) from vitrina.generations)"
        ).fetchone()
    assert row is not None
    return row


def ids(hits: list[Hit]) -> list[str]:
    return [hit.external_id for hit in hits]


def answers(catalog: Catalog) -> list[object]:
    """What every way to ask finds."""
    picture = next((folder() / "pictures").glob("*"), None) or next(folder().glob("*/*.*"))
    product = catalog.search("grey sofa", k=1)[0]
    return [
        *([hit.external_id for hit in catalog.search("grey sofa", mode=mode)]
          for mode in ("text", "vector", "hybrid")),
        [hit.external_id for hit in catalog.search(image=picture)],
        [hit.external_id for hit in catalog.search("lamp under 100", sort="price")],
        [hit.external_id for hit in catalog.similar(product.product_id)],
        [hit.external_id for hit in catalog.recommend([product.product_id])],
        catalog.facets("sofa"), catalog.suggest("so"), catalog.count_matches("sofa"),
        catalog.explain("sofa", product.product_id), catalog.read_query("red sofa under 500"),
        catalog.duplicates(), catalog.get(product.product_id).title, catalog.histogram("price"),
        len(list(catalog.export())), catalog.keywords.list(k=5), catalog.jobs.coverage(),
        catalog.spaces.list(), catalog.sources.list(), catalog.jobs.progress(),
    ]  # fmt: skip


def test_a_standby_answers_all_that_its_primary_answers(pair: Pair) -> None:
    before, said = stored(pair), list[str]()
    for options in ({}, {"read_only": True}):
        with (
            Catalog(pair.url, settings=Settings(database_url=pair.url)) as primary,
            Catalog(pair.read_url, notice=said.append, **options) as standby,
        ):
            primary.searches.policy(log=False)
            expected = answers(primary)
            primary.searches.policy(log=True)
            pair.caught_up()
            assert answers(standby) == expected
            assert standby.status().standby is not None
            assert primary.status().standby is None
    assert said == ["searches are not logged: a standby is searched"] * 2
    assert stored(pair) == before
    assert refused(pair.standby) == []


def test_vectors_of_queries_are_kept_in_memory_on_a_standby(pair: Pair, stub: OpenAIStub) -> None:
    before, said = stored(pair), list[str]()
    with Catalog(pair.read_url, notice=said.append) as catalog:
        asked = stub.calls["embeddings"]
        first = catalog.search("something to sit on", mode="vector", log=False)
        assert first
        assert stub.calls["embeddings"] == asked + 1
        assert catalog.knows_vector("something to sit on")
        assert catalog.search("something to sit on", mode="vector", log=False) == first
        assert stub.calls["embeddings"] == asked + 1  # once
        assert catalog.search("grey sofa to sit on", log=False)  # words and a vector
    assert said == ["a standby is searched: vectors of queries are kept in this process only"]
    assert stored(pair) == before
    assert refused(pair.standby) == []


def test_reads_go_to_the_replica_and_writes_to_the_primary(split: Pair, stub: OpenAIStub) -> None:
    vectors, logged, answered = stored(split)
    with Catalog() as catalog:
        assert (catalog.reads.dsn, catalog.database.dsn) == (split.read_url, split.url)
        asked = stub.calls["embeddings"]
        first = catalog.search("velvet to sit on", mode="vector")
        again = catalog.search("velvet to sit on", mode="vector")  # replayed by now or not
        assert ids(again) == ids(first)
        assert stub.calls["embeddings"] == asked + 1
        assert stored(split) == (vectors + 1, logged + 2, answered + 1)
        split.caught_up()
        with Catalog(split.read_url, settings=Settings(provider="local")) as other:
            # it has the vector, and no model to ask
            assert ids(other.search("velvet to sit on", mode="vector")) == ids(first)
        name = catalog.get("FU-107").title
        catalog.sources.load(
            _file([{"id": "N1", "title": "Rattan hammock of the replica"}]), source="new"
        )
        split.caught_up()
        assert catalog.search("rattan hammock replica", mode="text")[0].external_id == "N1"
        assert catalog.get("FU-107").title == name
        catalog.delete([("new", "N1")])
        split.caught_up()
    assert refused(split.standby) == []


def test_searches_go_on_without_the_primary(split: Pair) -> None:
    settings = Settings(
        database_url="postgresql://postgres@127.0.0.1:1/vitrina", read_url=split.read_url
    )
    with Catalog(settings=settings) as catalog:
        assert catalog.search("sofa")
        assert "cannot reach" in str(catalog.searches.problem)
        standby = catalog.status().standby
        assert standby is not None
        assert standby.bytes is None


def test_no_model_is_asked_without_a_ledger(pair: Pair, stub: OpenAIStub) -> None:
    away = Settings(
        database_url="postgresql://postgres@127.0.0.1:1/vitrina", read_url=pair.read_url
    )
    said: list[str] = []
    asked = stub.calls["embeddings"]
    with Catalog(settings=away, notice=said.append) as catalog:
        for _ in range(2):
            assert catalog.search("grey sofa beside a lamp", mode="hybrid", log=False) is not None
        assert catalog.search("sofa", log=False)
    assert stub.calls["embeddings"] == asked
    assert len(said) == 1
    assert said[0].startswith("searching by words and their keywords: cannot reach")


def test_the_command_line_says_what_it_reads(split: Pair, vitrina: Callable[..., Result]) -> None:
    def run(*args: str) -> str:
        done = vitrina(*args)
        assert done.exit_code == 0, done.output
        return done.stdout

    assert "sofa" in run("search", "sofa", "--csv").lower()
    split.caught_up()
    assert "a hot standby, " in run("status")
    assert json.loads(run("status", "--json"))["standby"]["follows"] is True
    # another database that is named is read itself
    assert json.loads(vitrina("status", "--json", url=split.read_url).stdout)["standby"]
    found = {row["check"]: row for row in map(json.loads, run("doctor", "--json").splitlines())}
    assert found["replica"]["level"] == "ok"
    assert "server" not in found


def test_another_database_that_is_named_is_read_itself(
    split: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings.from_environment("postgresql:///other").read_url is None
    assert Settings.from_environment(split.url).read_url == split.read_url
    monkeypatch.delenv("VITRINA_DATABASE_URL")
    with pytest.raises(ConfigError, match="set it to where writes go"):
        Settings.from_environment()


def test_doctor_names_a_standby(split: Pair) -> None:
    def server(**options: bool) -> Finding:
        settings = Settings(database_url=split.read_url)
        findings = examine(split.read_url, settings, **options)
        return next(found for found in findings if found.check == "server")

    assert server().level == "wrong"
    reading = server(reading=True)
    assert reading.level == "note"
    assert reading.found.startswith("it is a hot standby")
    split_wrong = Settings(database_url=split.url, read_url=split.url + "&application_name=x")
    (no_standby,) = [f for f in examine(split.url, split_wrong) if f.check == "replica"]
    assert (no_standby.level, "no standby" in no_standby.found) == ("note", True)


def test_what_must_write_says_where(pair: Pair) -> None:
    before = refused(pair.standby)
    with (
        Catalog(pair.read_url) as catalog,
        pytest.raises(ReadOnlyError, match="point VITRINA_DATABASE_URL at the primary"),
    ):
        catalog.searches.policy(log=False)
    eventually(lambda: refused(pair.standby) != before)  # the log is written a moment later


def test_the_page_is_served_from_a_standby(pair: Pair) -> None:
    before, noted = stored(pair), refused(pair.standby)
    with serving(pair.read_url) as served:
        for path in ("/?q=grey+sofa", "/api/search?q=sofa", "/api/facets?q=sofa", "/work",
                     "/api/count?q=sofa", "/api/suggest?q=so", "/api/similar/35",
                     "/api/recommend?like=35", "/api/explain?product=35&q=sofa",
                     "/api/product/35", "/vocabulary", "/searches", "/part/work"):  # fmt: skip
            answer = served.get(path)
            assert answer.status_code == 200, f"{path}: {answer.text[:300]}"
        assert "a hot standby" in served.get("/work").text
    assert stored(pair) == before
    assert refused(pair.standby) == noted


def test_the_page_reads_the_replica_and_logs_to_the_primary(split: Pair) -> None:
    before = stored(split)
    names = {"VITRINA_READ_URL": split.read_url, "VITRINA_DATABASE_URL": split.url}
    with serving(split.url, env=names) as served:
        assert served.get("/?q=grey+sofa").status_code == 200
        assert "a hot standby" in served.get("/work").text
    assert stored(split)[1] == before[1] + 1
    with serving(split.url, "--edit", env=names) as served:  # who edits reads what they wrote
        assert "a hot standby" not in served.get("/work").text


def test_lag_is_said_and_a_promoted_standby_is_none(pair: Pair) -> None:
    """Last, as the standby is no standby afterwards."""
    with Database(pair.read_url) as reads, psycopg.connect(pair.read_url, autocommit=True) as conn:
        assert reads.is_standby()
        conn.execute("select pg_wal_replay_pause()")
        with psycopg.connect(pair.url, autocommit=True) as primary:
            primary.execute("create table waiting as select generate_series(1, 10000)")
        settings = Settings(database_url=pair.url, read_url=pair.read_url)
        with Catalog(settings=settings) as catalog:
            behind = catalog.replication()
            assert behind is not None
            assert behind.bytes is not None
            assert behind.bytes > 100_000
            assert "behind" in behind.said
        conn.execute("select pg_wal_replay_resume()")
        pair.caught_up()
        assert conn.execute("select pg_promote()").fetchone() == (True,)
        with Catalog(pair.read_url) as catalog:
            assert catalog.replication() is None
            catalog.searches.policy(log=False)


def _file(rows: list[dict[str, str]]) -> str:
    path = Path(tempfile.mkdtemp()) / "rows.json"
    path.write_text(json.dumps(rows), "utf-8")
    return str(path)
