"""/metrics of vitrina serve, read by Prometheus's own parser."""

from __future__ import annotations

import threading
from decimal import Decimal

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from serving import Served, serving
from small_shop import CATALOGUE, put
from vitrina.catalog import Catalog
from vitrina.settings import Settings
from vitrina.web.exposition import Family, Histogram, exposed
from vitrina.web.screens.metrics import Stored
from vitrina.web.services import Options, Services

TOKEN = "0123456789abcdef"
FAILURES = {
    "the model refused: I'm sorry": "refused",
    "host answered with error 503: busy": "server",
    "host did not answer within 60 s (gave up after 5 attempts)": "connection",
    "the picture is too large": "picture",
    "no vector yet: host refused": "vector",
    "three workers died while they worked on it": "worker",
    "host asks to wait 60 minutes (rate limit)": "limit",
    "the answer was cut off at the limit of tokens": "answer",
    "something else": "other",
}


@pytest.fixture
def shop(database_url: str) -> str:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("set search_path = vitrina, public")
        put(conn, CATALOGUE)
        conn.execute("select set_budget(10, 'day')")
        conn.execute(
            "insert into jobs (product_id) select p.id from products as p on conflict do nothing"
        )
    return database_url


def figures(served: Served, **headers: str) -> dict[tuple[str, frozenset], float]:
    answer = served.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    found = {}
    for family in parse(answer.text):
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            assert sample.name.startswith("vitrina_")
            key = (sample.name.removeprefix("vitrina_"), frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def at(said: dict[tuple[str, frozenset], float], name: str, /, **labels: str) -> float:
    return said[name, frozenset(labels.items())]


def test_a_monitor_reads_the_catalogue_and_the_server(shop: str) -> None:
    with serving(shop) as served:
        for path in ("/api/search?q=sofa", "/api/search?q=qqqqzzzz", "/api/search?colour=red",
                     "/api/facets?q=sofa", "/?q=sofa"):  # fmt: skip
            served.get(path)
        found = figures(served)
    products = at(found, "products")
    assert products == len(CATALOGUE)
    queued = sum(v for (name, _), v in found.items() if name == "jobs")
    with Catalog(shop) as catalog:
        progress = catalog.jobs.progress()
        assert queued == progress.queued + progress.running + progress.failed
        for row in catalog.jobs.coverage():
            assert at(found, "coverage_products", what=row.what) == row.products
            assert at(found, "coverage_of", what=row.what) == row.of
    assert at(found, "database_up") == 1
    assert at(found, "figures_complete") == 1
    assert at(found, "workers") == 0
    assert at(found, "standby") == 0
    assert at(found, "budget_usd", period="day") == 10
    assert at(found, "spend_usd", period="month") == 0
    assert at(found, "gate_running") == at(found, "gate_waiting") == 0
    assert at(found, "gate_refused_total") == 0
    assert at(found, "answer_seconds_count", kind="search", outcome="ok") == 3
    assert at(found, "answer_seconds_count", kind="search", outcome="invalid") == 1
    assert at(found, "answer_seconds_bucket", kind="facets", outcome="ok", le="+Inf") == 1
    assert at(found, "searches_total", found="products") == 2
    assert at(found, "searches_total", found="nothing") == 1
    (build,) = [dict(labels) for name, labels in found if name == "build_info"]
    assert build["server"].startswith("Postgres ")
    assert int(build["schema"]) >= 29


def test_reasons_of_failures_are_a_few_words(shop: str) -> None:
    with psycopg.connect(shop) as conn:
        for error, reason in FAILURES.items():
            query = "select vitrina_internal.failure_reason('enrich', %s)"
            assert conn.execute(query, (error,)).fetchone() == (reason,), error
        conn.execute(
            "update vitrina.jobs set state = 'failed', error = 'host: error 500 ' || product_id"
        )
    with serving(shop) as served:
        assert at(figures(served), "job_failures", reason="server") == len(CATALOGUE)


def test_it_is_for_those_who_know_the_token(shop: str) -> None:
    with serving(shop, env={"VITRINA_TOKEN": TOKEN}) as served:
        refused = served.get("/metrics")
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "vitrina_products" not in refused.text
        assert served.get("/metrics", headers={"Host": "evil.example"}).status_code == 400
        assert at(figures(served, Authorization=f"Bearer {TOKEN}"), "database_up") == 1


def test_a_reader_sees_what_it_may(shop: str) -> None:
    url = f"{shop}&options=-crole%3Dvitrina_reader"
    with serving(url, "--no-remember") as served:
        found = figures(served)
    assert at(found, "products") == len(CATALOGUE)
    names = {name for name, _ in found}
    assert not names & {"jobs", "workers", "spend_usd", "budget_usd", "job_failures"}


def test_a_database_without_its_figures_is_up(shop: str) -> None:
    with psycopg.connect(shop, autocommit=True) as conn:
        conn.execute("drop function vitrina.metrics()")
    with serving(shop) as served:
        found = figures(served)
    assert (at(found, "database_up"), at(found, "figures_complete")) == (1, 0)
    assert at(found, "gate_running") == 0


def test_many_monitors_are_one_reader(shop: str) -> None:
    with Services.opened(Settings(database_url=shop), Options(), print) as services:
        stored = Stored(services)
        threads = [threading.Thread(target=stored.families) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert stored.reads == 1
        services.catalog.close()  # as if it were away
        stored._until = 0.0
        found = {family.name: family.samples for family in stored.families()}
        assert found.keys() == {"build_info", "database_up"}
        assert found["database_up"] == [({}, 0)]


def test_texts_are_quoted_as_the_format_says() -> None:
    histogram = Histogram()
    for value in (0.005, 0.3, 99.0):
        histogram.add(value)
    hostile = 'a "b"\\\n# TYPE x counter'
    body = exposed(
        [
            Family("odd", "gauge", "Line\nand \\ more.", [({"what": hostile}, 1.5)]),
            Family("took", "histogram", "Seconds.", [({}, histogram)]),
            Family("none", "gauge", "Nothing.", []),
            Family("money", "gauge", "USD.", [({}, float(Decimal("0.1")))]),
        ]
    )
    odd, took, money = parse(body.decode())
    assert (odd.samples[0].labels, odd.samples[0].value) == ({"what": hostile}, 1.5)
    counts = {s.labels["le"]: s.value for s in took.samples if s.name.endswith("_bucket")}
    assert (counts["0.01"], counts["0.5"], counts["10.0" if "10.0" in counts else "10"]) == (
        1,
        2,
        2,
    )
    assert counts["+Inf"] == 3
    assert money.samples[0].value == 0.1
