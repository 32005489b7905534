"""enrich/ and what it drives: real Postgres, real HTTP, real processes."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from PIL import Image
from psycopg.types.json import Jsonb

from openai_stub import (
    OpenAIStub,
    Request,
    caption_of,
    chat_answer,
    description_of,
    keywords_of,
    vector_of,
)
from picture_server import PictureServer
from vitrina.catalog import Catalog
from vitrina.errors import BudgetError, ProviderError, UnreachableError, VitrinaError
from vitrina.models.outcomes import Usage
from vitrina.pictures import decode as images
from vitrina.pictures.memory import MemoryBudget
from vitrina.settings import Settings
from waiting import HANG, eventually, read_until

Run = Callable[..., Result]
Shop = Callable[..., Catalog]
SPACE = "openai-text-embedding-3-large-64"
COLORS = ("red", "blue", "green", "black", "white", "brown")
THINGS = ("sofa", "desk", "lamp", "bench", "stool", "shelf", "mirror", "basket")
TITLES = [f"{color.title()} {thing}" for color in COLORS for thing in THINGS]


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIStub]:
    """An endpoint that the environment names."""
    with OpenAIStub(dimensions=64) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("VITRINA_DIMENSIONS", "64")
        yield stub


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another try comes after a moment."""
    monkeypatch.setattr("vitrina.models.openai.client.backoff", lambda *_: 0.01)


@pytest.fixture
def priced(monkeypatch: pytest.MonkeyPatch) -> Decimal:
    """Every chat call costs this much, whatever endpoint is asked; embeddings cost nothing."""
    usd = Decimal("0.01")

    def price(model: str, usage: Usage) -> Decimal:
        return Decimal(0) if "embedding" in model else usd

    monkeypatch.setattr("vitrina.assembly.prices", lambda endpoint, max_cost: price)
    return usd


@pytest.fixture
def shop(stub: OpenAIStub, database_url: str) -> Iterator[Shop]:
    """A function that opens a catalog on the stub: shop(concurrency=2, one_call=True, …)."""
    opened: list[Catalog] = []

    def open_(notice: Callable[[str], None] | None = None, **changes: Any) -> Catalog:
        given = {"allow_private_images": True, "concurrency": 4, **changes}
        catalog = Catalog(settings=Settings(database_url=database_url, **given), notice=notice)
        opened.append(catalog)
        return catalog

    yield open_
    for catalog in opened:
        catalog.close()


def put(
    url: str,
    titles: Sequence[str],
    *,
    source: str = "shop",
    images: Sequence[str | None] = (),
    root: Path | None = None,
    price: int = 5,
) -> None:
    """Bring products in, numbered from 0, as `vitrina ingest --no-enrich` does."""
    pictures = [*images, *[None] * (len(titles) - len(images))]
    rows = [
        {"external_id": str(i), "title": title, "image": image, "attributes": {"price": price}}
        for i, (title, image) in enumerate(zip(titles, pictures, strict=True))
    ]
    with psycopg.connect(url) as conn:
        config = {"image_root": str(root)} if root else {}
        conn.execute("select vitrina.put_source(%s, 'file', %s)", (source, Jsonb(config)))
        conn.execute("select vitrina.put_products(%s, %s)", (source, Jsonb(rows)))


def jobs(url: str) -> dict[str, tuple[str, int, str | None]]:
    """(state, attempts, error) of every job, by title."""
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            "select p.title, j.state, j.attempts, j.error from vitrina.jobs as j"
            " join vitrina.products as p on p.id = j.product_id"
        ).fetchall()
    return {title: (state, attempts, error) for title, state, attempts, error in rows}


def untouched(url: str, titles: Sequence[str]) -> None:
    """All of them are queued, none is charged."""
    assert jobs(url) == dict.fromkeys(titles, ("queued", 0, None))


def scalar(url: str, query: str, *params: object) -> Any:
    with psycopg.connect(url) as conn:
        row = conn.execute(query, params or None).fetchone()
    return row[0] if row else None


def counts(url: str) -> dict[str, int]:
    """Rows of every table."""
    with psycopg.connect(url) as conn:
        tables = conn.execute(
            "select t.relname from pg_class as t"
            " where t.relnamespace = 'vitrina'::regnamespace and t.relkind = 'r'"
        ).fetchall()
    return {t: scalar(url, f"select count(*) from vitrina.{t}") for (t,) in tables}


def products(url: str) -> list[dict[str, Any]]:
    """Every product with what it became, by id."""
    with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as conn:
        return conn.execute(
            "select p.*, exists (select from vitrina.product_embeddings as e"
            " join vitrina.spaces as s on s.id = e.space_id"
            " where e.product_id = p.id and s.name = %s) as embedded"
            " from vitrina.products as p order by p.id",
            (SPACE,),
        ).fetchall()


def generations(url: str) -> Counter[str]:
    with psycopg.connect(url) as conn:
        return Counter(
            row[0] for row in conn.execute("select g.stage from vitrina.generations as g")
        )


def paid(url: str) -> int:
    """How many chat calls the ledger knows of."""
    return sum(count for stage, count in generations(url).items() if stage != "embed")


def due(url: str) -> None:
    """Let every job that waits for another try be due now."""
    with psycopg.connect(url) as conn:
        conn.execute("update vitrina.jobs set run_after = now() - interval '1 day'")


def postpone(url: str) -> None:
    """Let every other try wait for `due`: by chance one may be due before its run ends."""
    with psycopg.connect(url) as conn:
        conn.execute(
            "create function public.postponed() returns trigger language plpgsql as $$"
            " begin new.run_after := now() + interval '1 hour'; return new; end $$;"
            "create trigger postponed before update on vitrina.jobs for each row"
            " when (new.run_after > now()) execute function public.postponed()"
        )


def stage(request: Request) -> str:
    """Which stage a chat request is of."""
    return str(request.body["response_format"]["json_schema"]["name"])


def asked(stub: OpenAIStub, name: str) -> list[Request]:
    return [request for request in stub.requests("chat") if stage(request) == name]


def last_text(request: Request) -> str:
    content = request.body["messages"][-1]["content"]
    return str(content if isinstance(content, str) else content[0]["text"])


def draw(path: Path, color: str = "red", size: tuple[int, int] = (64, 48)) -> str:
    Image.new("RGB", size, color).save(path)
    return path.name


def say(stub: OpenAIStub, keywords: dict[str, list[str]]) -> None:
    """Let the stub tag products whose title has this word with these terms."""

    def answer(body: dict[str, Any]) -> str:
        usual = chat_answer(body)["choices"][0]["message"]["content"]
        if body["response_format"]["json_schema"]["name"] != "tag":
            return usual
        text = json.dumps(body["messages"][-1]["content"])
        found = next((terms for word, terms in keywords.items() if word in text), None)
        if found is None:
            return usual
        return json.dumps({"keywords": [{"term": term, "facet": "type"} for term in found]})

    stub.answer = answer


# -- what is asked, and how often ----------------------------------------------------------------


@pytest.mark.parametrize("one_call", [False, True], ids=["stepwise", "one-call"])
def test_calls_a_product(
    stub: OpenAIStub, shop: Shop, database_url: str, one_call: bool, tmp_path: Path
) -> None:
    titles = TITLES[:24]
    images = [draw(tmp_path / f"{i}.png", COLORS[i % 6], (40 + i, 30)) for i in range(24)]
    put(database_url, titles, images=images, root=tmp_path)
    totals = shop(one_call=one_call).work()
    each = {"enrich": 1} if one_call else {"tag": 1, "describe": 1, "caption": 1}
    assert Counter(map(stage, stub.requests("chat"))) == dict.fromkeys(each, 24)
    assert stub.calls["embeddings"] < 24 / 2, "embeddings are not batched"
    assert (totals.products, totals.failed, totals.retried) == (24, 0, 0)
    assert totals.generations == 24 * len(each)
    for row in products(database_url):
        assert row["caption"] == caption_of(row["title"])
        assert row["description"] == description_of(row["title"])
        assert set(row["keywords"]) == {term["term"] for term in keywords_of(row["title"])}
        assert row["embedded"]
        assert row["image_sha256"]
        assert row["image_error"] is None
    assert jobs(database_url) == {}


def test_the_same_again_asks_nobody(stub: OpenAIStub, shop: Shop, database_url: str) -> None:
    put(database_url, TITLES[:6])
    shop().work()
    stub.calls.clear()
    put(database_url, TITLES[:6])
    assert shop().work().products == 0
    put(database_url, TITLES[:6], price=6)
    assert shop().work().products == 0, "a new price is nothing to look at"
    scalar(database_url, "select vitrina.queue_products(array_agg(id)) from vitrina.products")
    again = shop().work()
    assert (again.products, again.reused, again.generations) == (6, 18, 0)
    assert stub.calls == {}


def test_a_new_text_or_variant_is_never_paid_for(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    row = {"external_id": "1", "title": TITLES[0], "text": "With coconut buttons."}
    write = "select queued from vitrina.put_products('shop', %s)"
    scalar(database_url, "select vitrina.put_source('shop')")
    assert scalar(database_url, write, Jsonb([row])) == 1
    shop().work()
    assert "coconut buttons" in asked(stub, "tag")[0].text
    assert "coconut buttons" in asked(stub, "describe")[0].text
    assert "coconut" not in asked(stub, "caption")[0].text
    stub.calls.clear()
    for change, queued in (
        ({"text": "With horn buttons."}, 1),
        ({"variants": [{"sku": "1-M", "attributes": {"size": "M", "price": 9}}]}, 1),
        ({"variants": [{"sku": "1-M", "attributes": {"size": "M", "price": 8}}]}, 0),
        ({"attributes": {"brand": "Linden"}}, 1),
    ):
        row |= change
        assert scalar(database_url, write, Jsonb([row])) == queued, change
        assert shop().work().products == queued
    assert stub.calls == {}


def test_changed_keywords_are_embedded_again_and_nothing_else(
    stub: OpenAIStub, shop: Shop, database_url: str, tmp_path: Path
) -> None:
    picture = draw(tmp_path / "a.png")
    put(database_url, ["Red sofa", "Blue lamp"], images=[picture, picture], root=tmp_path)
    shop().work()
    (tmp_path / picture).unlink()
    stub.calls.clear()
    before = products(database_url)[0]
    requeue = "update vitrina.products set keywords = keywords || '{velvet}'::text[] where id = %s"
    scalar(database_url, requeue + " returning id", before["id"])
    scalar(
        database_url, "select vitrina.queue_products(array_agg(id), 'embed') from vitrina.products"
    )
    totals = shop().work()
    assert (totals.products, totals.embeddings, totals.without_picture) == (2, 1, 0)
    assert (stub.calls["chat"], stub.calls["embeddings"]) == (0, 1)
    after = products(database_url)[0]
    assert after["image_sha256"] == before["image_sha256"], (
        "the picture that is gone was not missed"
    )
    assert after["keywords"] == [*before["keywords"], "velvet"]
    assert jobs(database_url) == {}


def test_a_changed_title_asks_about_that_product_only(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    titles = TITLES[:6]
    put(database_url, titles)
    shop().work()
    stub.log.clear()
    changed = "Yellow hammock"
    put(database_url, [*titles[:5], changed])
    shop().work()
    assert sorted(map(stage, stub.requests("chat"))) == ["caption", "describe", "tag"]
    assert all(changed in request.text for request in stub.requests("chat"))
    assert products(database_url)[5]["caption"] == caption_of(changed)


def test_another_way_of_looking_asks_again(
    stub: OpenAIStub, shop: Shop, database_url: str, tmp_path: Path
) -> None:
    put(database_url, ["Red sofa"], images=[draw(tmp_path / "a.png")], root=tmp_path)
    requeue = "select vitrina.queue_products(array_agg(id)) from vitrina.products"
    wanted = 0
    for endpoint, calls in (
        ({}, 3),
        ({"detail": "high"}, 2),  # the caption reads the same description
        ({"vision_model": "other"}, 3),
        ({"language": "German"}, 3),
        ({}, 0),
    ):
        scalar(database_url, requeue)
        shop(endpoint=endpoint).work()
        wanted += calls
        assert stub.calls["chat"] == wanted, endpoint


def test_products_that_are_alike_are_paid_for_once(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    stub.latency = 0.1
    put(database_url, ["Red sofa"] * 8)
    totals = shop(concurrency=8).work()
    assert totals.products == 8
    assert Counter(map(stage, stub.requests("chat"))) == {"tag": 1, "describe": 1, "caption": 1}


def test_a_caption_is_made_from_the_description(
    stub: OpenAIStub, shop: Shop, database_url: str, tmp_path: Path
) -> None:
    put(database_url, ["Red sofa"], images=[draw(tmp_path / "a.png")], root=tmp_path)
    shop().work()
    (request,) = asked(stub, "caption")
    assert last_text(request).endswith(f"Description: {description_of('Red sofa')}")
    assert request.pictures == []
    for name in ("tag", "describe"):
        (looked,) = asked(stub, name)
        assert len(looked.pictures) == 1


# -- keywords ------------------------------------------------------------------------------------


def test_terms_that_mean_the_same_become_one_keyword(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    said = {
        "Alpha": ["sofa", "shoe rack", "wooden coffee table", "black side table"],
        "Beta": ["couch", "Shoe-Racks", "coffee table wooden", "white side table"],
    }
    say(stub, said)
    put(database_url, list(said))
    shop().work()
    alpha, beta = (row["keywords"] for row in products(database_url))
    assert alpha[:3] == beta[:3]
    assert alpha[3] != beta[3], "black is not white"
    names = {row.keyword for row in shop().keywords.list()}
    assert names == {*alpha, *beta}
    with psycopg.connect(database_url) as conn:
        terms = {row[0] for row in conn.execute("select pk.said from vitrina.product_keywords pk")}
        methods = dict(conn.execute("select alias, method from vitrina.keyword_aliases").fetchall())
    assert {"sofa", "couch", "wooden coffee table", "coffee table wooden"} <= terms
    assert methods["couch"] == "thesaurus"
    assert "embedding" in (methods["coffee table wooden"], methods["wooden coffee table"])


def test_every_keyword_has_the_vector_of_its_own_name(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    say(stub, {"Alpha": ["couch"]})
    put(database_url, ["Alpha"])
    catalog = shop()
    catalog.work()
    assert [row.keyword for row in catalog.keywords.list()] == ["sofa"]
    got = scalar(
        database_url,
        "select e.embedding::text from vitrina.keyword_embeddings as e"
        " join vitrina.spaces as s on s.id = e.space_id where s.name = %s",
        SPACE,
    )
    wanted = vector_of("sofa", 64)
    assert json.loads(got) == pytest.approx(wanted, abs=2e-3), "it has another word's vector"


def test_existing_keywords_are_shown_as_hints(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    put(database_url, ["Oak bench"])
    shop().work()
    put(database_url, ["Oak bench", "Oak stool"])
    shop(endpoint={"hints": "hint"}).work()
    request = asked(stub, "tag")[-1]
    line = next(line for line in last_text(request).splitlines() if "Keywords in use" in line)
    assert {"oak", "bench"} <= set(line.partition(": ")[2].split(", "))
    assert "Keywords in use" not in last_text(asked(stub, "describe")[-1])


def test_a_closed_vocabulary_stays_as_it_is(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    put(database_url, ["Oak bench"])
    shop().work()
    before = scalar(database_url, "select count(*) from vitrina.keywords")
    put(database_url, ["Oak bench", "Oak and velvet stool"])
    shop(endpoint={"hints": "closed"}).work()
    assert scalar(database_url, "select count(*) from vitrina.keywords") == before
    assert products(database_url)[1]["keywords"] == ["oak"]
    (request,) = [r for r in asked(stub, "tag") if "velvet" in r.text]
    schema = request.body["response_format"]["json_schema"]["schema"]
    term = schema["properties"]["keywords"]["items"]["properties"]["term"]
    assert set(term["enum"]) == {"oak", "bench"}


def test_a_closed_vocabulary_with_nothing_in_it_is_said_at_once(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    put(database_url, ["Oak bench", "Red sofa"])
    with pytest.raises(VitrinaError, match="closed and empty"):
        shop(endpoint={"hints": "closed"}).work()
    untouched(database_url, ["Oak bench", "Red sofa"])
    assert stub.calls["chat"] == 0, "it paid for what it cannot use"


# -- pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("detail", "edge"), [("low", 512), ("high", 1200)])
def test_pictures_are_sent_as_jpeg_with_a_detail(
    stub: OpenAIStub, shop: Shop, database_url: str, tmp_path: Path, detail: str, edge: int
) -> None:
    name = draw(tmp_path / "a.png", "blue", (1200, 800))
    put(database_url, ["Blue sofa"], images=[name], root=tmp_path)
    shop(endpoint={"detail": detail}).work()
    for request in asked(stub, "tag") + asked(stub, "describe"):
        (picture,) = request.pictures
        assert picture["detail"] == detail
        head, _, data = picture["url"].partition(",")
        assert head == "data:image/jpeg;base64"
        with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as image:
            assert image.format == "JPEG"
            assert max(image.size) <= edge
            assert image.size[0] / image.size[1] == pytest.approx(1.5, rel=0.01)


def test_addresses_are_sent_where_that_is_wanted(
    stub: OpenAIStub, shop: Shop, database_url: str, tmp_path: Path
) -> None:
    out = io.BytesIO()
    Image.new("RGB", (50, 40), "green").save(out, "PNG")
    with PictureServer({"/sofa.png": out.getvalue()}) as server:
        address = server.url("/sofa.png")
        put(database_url, ["Green sofa"], images=[address])
        shop(endpoint={"image_urls": True}).work()
        assert [r.pictures for r in asked(stub, "tag")] == [[{"url": address, "detail": "low"}]]
        assert len(server.requests) == 1
        put(database_url, ["Green sofa, wide"], images=[address])
        shop().work()
        assert asked(stub, "tag")[-1].pictures[0]["url"].startswith("data:image/jpeg;base64,")


def test_an_address_the_endpoint_cannot_fetch_is_sent_as_bytes(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    out = io.BytesIO()
    Image.new("RGB", (50, 40), "green").save(out, "PNG")
    stub.fault("chat", "image", times=None, match=lambda request: '"url": "http' in request.text)
    with PictureServer({"/sofa.png": out.getvalue()}) as server:
        put(database_url, ["Green sofa"], images=[server.url("/sofa.png")])
        totals = shop(endpoint={"image_urls": True}).work()
    assert (totals.products, totals.retried) == (1, 0)


def test_a_product_without_its_picture_is_tagged_from_its_title_and_marked(
    stub: OpenAIStub, shop: Shop, database_url: str, tmp_path: Path
) -> None:
    images = ["gone.png", draw(tmp_path / "there.png")]
    put(database_url, ["Red sofa", "Blue desk"], images=images, root=tmp_path)
    totals = shop().work()
    assert (totals.products, totals.without_picture) == (2, 1)
    sofa, desk = products(database_url)
    assert "file not found" in sofa["image_error"]
    assert desk["image_error"] is None
    assert {"red", "sofa"} == set(sofa["keywords"])
    (request,) = [r for r in asked(stub, "tag") if "Red sofa" in r.text]
    assert request.pictures == []
    assert "There is no picture of this item" in last_text(request)
    draw(tmp_path / "gone.png")
    catalog = shop()
    assert catalog.jobs.retry_images() == 1
    catalog.work()
    assert products(database_url)[0]["image_error"] is None
    assert len(asked(stub, "tag")) == 3, "with its picture it is another question"


# -- one product's fault -------------------------------------------------------------------------


def test_what_cannot_be_answered_is_charged_to_its_product_only(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    titles = [*TITLES[:5], "Odd lamp"]
    put(database_url, titles)
    postpone(database_url)
    stub.fault("chat", "refusal", times=None, match="Title: Odd lamp")
    first = shop().work()
    assert (first.products, first.failed, first.retried) == (5, 0, 1)
    ((title, (state, attempts, error)),) = jobs(database_url).items()
    assert (title, state, attempts) == ("Odd lamp", "queued", 1)
    assert error is not None
    assert "the model refused" in error
    assert shop().work().products == 0, "its next try is not due yet"
    for attempt in (2, 3):
        due(database_url)
        totals = shop().work()
        assert jobs(database_url)["Odd lamp"][1] == attempt
    assert (totals.failed, totals.retried) == (1, 0)
    assert jobs(database_url)["Odd lamp"][0] == "failed"
    due(database_url)
    stub.calls.clear()
    assert shop().work().products == 0
    assert stub.calls == {}
    assert sum(row["enriched_at"] is not None for row in products(database_url)) == 5


def test_a_later_stage_that_fails_is_asked_again_alone(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    put(database_url, ["Odd lamp"])
    stub.fault("chat", "refusal", times=1, match=lambda request: stage(request) == "caption")
    shop().work()
    assert stub.calls["chat"] == 3
    due(database_url)
    assert shop().work().products == 1
    assert Counter(map(stage, stub.requests("chat"))) == {"tag": 1, "describe": 1, "caption": 2}
    assert paid(database_url) == 4, "the refusal was paid for too"


def test_a_term_without_a_vector_stops_nobody_else(
    stub: OpenAIStub, shop: Shop, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(stub, {"Odd": ["zzz"]})
    stub.fault("embeddings", "nan", times=None, match="zzz")
    put(database_url, [*TITLES[:5], "Odd"])
    # the stub spoils the last vector of a request: let the odd text be alone in its own
    monkeypatch.setattr(
        "vitrina.models.openai.embeddings.plan",
        lambda texts: [range(i, i + 1) for i in range(len(texts))],
    )
    for _ in range(3):
        shop().work()
        due(database_url)
    embedded = [row["title"] for row in products(database_url) if row["embedded"]]
    assert embedded == TITLES[:5]
    assert jobs(database_url)["Odd"][0] == "failed"


@pytest.mark.parametrize("said", ["nul \x00 here", "half \ud800 of a pair", "\u202e turned around"])
def test_odd_characters_in_answers_are_stored(
    stub: OpenAIStub, shop: Shop, database_url: str, said: str
) -> None:
    stub.answer = lambda body: json.dumps(
        {"description": said, "caption": said, "keywords": [{"term": said, "facet": "type"}]}
    )
    put(database_url, ["Red sofa"])
    totals = shop().work()
    assert (totals.products, totals.errors) == (1, Counter())
    assert products(database_url)[0]["caption"]


# -- everybody's fault ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "kind", "message"),
    [
        ("chat", "401", "does not accept the key: check OPENAI_API_KEY"),
        ("chat", "403", "forbids the use of gpt-4o-mini"),
        ("chat", "404", "has no model gpt-4o-mini: set VITRINA_VISION_MODEL"),
        ("chat", "quota", "has no credit left"),
        ("embeddings", "401", "does not accept the key: check OPENAI_API_KEY"),
        ("embeddings", "404", "has no model text-embedding-3-large: set VITRINA_EMBEDDING_MODEL"),
        ("embeddings", "quota", "has no credit left"),
        ("embeddings", "wrong-dimension", "--dimensions 65"),
    ],
)
def test_a_fault_of_the_provider_stops_the_run_and_charges_nobody(
    vitrina: Run, stub: OpenAIStub, database_url: str, route: str, kind: str, message: str
) -> None:
    titles = TITLES[:20]
    put(database_url, titles)
    stub.fault(route, kind, times=None)
    stub.latency = 0.02
    result = vitrina("work", "--drain", "--concurrency", "4", url=database_url)
    assert result.exit_code == 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in result.stderr
    if route == "embeddings":  # what was seen is stored: the vectors alone are due
        assert {(state, tries) for state, tries, _ in jobs(database_url).values()} == {
            ("queued", 0)
        }
        assert all(row["enriched_at"] for row in products(database_url))
    else:
        untouched(database_url, titles)
    if route == "chat":  # each of the eight products at work asks twice at most
        assert stub.calls["chat"] <= 2 * 2 * 4, "it went on asking"
    stub.clear_faults()
    again = vitrina("work", "--drain", "--concurrency", "4", url=database_url)
    assert again.exit_code == 0, again.stderr
    assert jobs(database_url) == {}
    assert all(row["embedded"] for row in products(database_url))
    if route == "embeddings":
        assert stub.calls["chat"] == 3 * 20, "what was paid for was asked again"


def test_an_endpoint_that_is_not_there_stops_the_run(
    vitrina: Run, stub: OpenAIStub, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{free.getsockname()[1]}/v1")
        put(database_url, TITLES[:6])
        result = vitrina("work", "--drain", url=database_url)
    assert result.exit_code == 1
    assert result.stderr.count("Error: ") == 1
    assert "cannot be reached" in result.stderr
    assert "check OPENAI_BASE_URL" in result.stderr
    untouched(database_url, TITLES[:6])


def test_a_provider_that_fails_midway_leaves_what_is_finished(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    put(database_url, TITLES[:20])
    stub.fault("chat", "quota", times=None, match=lambda request: len(stub.log) > 30)
    with pytest.raises(ProviderError, match="credit"):
        shop(concurrency=2).work()
    rows = products(database_url)
    finished = {row["title"] for row in rows if row["enriched_at"]}
    assert len(finished) >= 5
    assert all(row["embedded"] for row in rows if row["enriched_at"])
    untouched(database_url, [row["title"] for row in rows if not row["enriched_at"]])
    assert paid(database_url) == 30


@pytest.mark.parametrize("what", ["sources", "products"])
def test_products_that_go_away_at_work_disturb_nobody(
    stub: OpenAIStub, shop: Shop, database_url: str, tmp_path: Path, what: str
) -> None:
    stub.latency = 0.05
    images = [draw(tmp_path / f"{i}.png", COLORS[i % 6], (40 + i, 30)) for i in range(4)]
    put(database_url, TITLES[:4], source="gone", images=images, root=tmp_path)
    put(database_url, TITLES[4:12], source="stays")
    catalog = shop()

    def remove() -> None:
        eventually(lambda: stub.calls["chat"] >= 8)
        if what == "sources":
            scalar(database_url, "select vitrina.remove_source('gone')")
        else:
            scalar(
                database_url,
                "with d as (delete from vitrina.products where id = 2 returning 1)"
                " select count(*) from d",
            )

    thread = threading.Thread(target=remove)
    thread.start()
    catalog.work()
    thread.join()
    assert jobs(database_url) == {}
    rows = products(database_url)
    assert len(rows) == (8 if what == "sources" else 11)
    assert all(row["enriched_at"] and row["embedded"] for row in rows)


def test_a_database_that_drops_its_connections_charges_nobody(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    stub.latency = 0.02
    put(database_url, TITLES[:16])
    catalog = shop()

    def cut() -> None:
        for calls in (6, 14, 24):
            eventually(lambda calls=calls: stub.calls["chat"] >= calls)
            scalar(
                database_url,
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                " where datname = current_database() and application_name = 'vitrina'",
            )

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        for _ in range(5):  # a run may end with it
            try:
                catalog.work()
            except UnreachableError:
                continue
            if not thread.is_alive():
                break
    finally:
        thread.join()
    waiting = jobs(database_url)
    assert {title: job for title, job in waiting.items() if job[1] or job[2]} == {}
    catalog.work()
    assert jobs(database_url) == {}
    assert all(row["embedded"] for row in products(database_url))


def test_a_product_that_changes_at_work_is_done_again(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    put(database_url, ["Red sofa", "Blue desk"])
    stub.latency = 0.1
    catalog = shop()
    thread = threading.Thread(target=catalog.work)
    thread.start()
    eventually(lambda: stub.calls["chat"] >= 2)
    put(database_url, ["Red velvet sofa", "Blue desk"])
    thread.join()
    shop().work()
    sofa, desk = products(database_url)
    assert sofa["caption"] == caption_of("Red velvet sofa")
    assert "velvet" in sofa["keywords"]
    assert sofa["embedded"]
    assert desk["embedded"]
    assert jobs(database_url) == {}
    assert stub.calls["chat"] == 9


def test_two_workers_share_the_work(stub: OpenAIStub, shop: Shop, database_url: str) -> None:
    put(database_url, TITLES[:24])
    stub.latency = 0.02
    workers = [threading.Thread(target=shop(concurrency=2).work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert jobs(database_url) == {}
    assert all(row["embedded"] for row in products(database_url))
    assert stub.calls["chat"] == 3 * 24
    names = [row.keyword for row in shop().keywords.list()]
    assert sorted(names) == sorted(
        {word.lower() for title in TITLES[:24] for word in title.split()}
    )


@pytest.mark.parametrize("after", [SPACE, "local-text"])
def test_the_space_may_be_switched_at_work(
    stub: OpenAIStub, shop: Shop, database_url: str, after: str
) -> None:
    put(database_url, ["Old oak desk"])
    with Catalog(settings=Settings(database_url=database_url, provider="local")) as local:
        local.work()
    catalog = shop()
    catalog.work()  # fills the other space beside the local one
    before = "local-text" if after == SPACE else SPACE
    catalog.spaces.activate(before, force=True)
    stub.latency = 0.05
    stub.calls.clear()
    put(database_url, ["Old oak desk", *TITLES[:12]])

    def switch() -> None:
        eventually(lambda: stub.calls["chat"] >= 8)
        scalar(database_url, "select vitrina.use_space(%s)", after)

    thread = threading.Thread(target=switch)
    thread.start()
    try:
        assert catalog.work().products == 12
    finally:
        thread.join()
    assert jobs(database_url) == {}
    assert all(row["embedded"] for row in products(database_url))
    assert catalog.search("red sofa")[0].title == "Red sofa"


# -- budgets -------------------------------------------------------------------------------------


def test_max_cost_is_exceeded_by_the_calls_under_way_at_most(
    vitrina: Run, stub: OpenAIStub, database_url: str, priced: Decimal
) -> None:
    stub.latency = 0.05
    put(database_url, TITLES[:30])
    arguments = ("work", "--drain", "--concurrency", "4", "--max-cost", "0.05")
    result = vitrina(*arguments, url=database_url)
    assert result.exit_code == 3, result.stderr
    assert "--max-cost is 0.05 USD" in result.stderr
    assert "Traceback" not in result.stderr
    spent = scalar(database_url, "select sum(cost) from vitrina.generations")
    assert spent == priced * stub.calls["chat"], "what was paid is not in the ledger"
    assert Decimal("0.05") <= spent <= Decimal("0.05") + 4 * priced
    assert all(job[:2] == ("queued", 0) for job in jobs(database_url).values())


def test_max_cost_stores_what_is_finished(
    stub: OpenAIStub, shop: Shop, database_url: str, priced: Decimal
) -> None:
    put(database_url, TITLES[:12])
    with pytest.raises(BudgetError):
        shop(concurrency=1, max_cost=Decimal("0.20")).work()
    rows = products(database_url)
    with psycopg.connect(database_url) as conn:
        captions = {
            row[0] for row in conn.execute(
                "select g.output #>> '{}' from vitrina.generations as g where g.stage = 'caption'"
            )
        }  # fmt: skip
    finished = {row["title"] for row in rows if caption_of(row["title"]) in captions}
    assert len(finished) >= 4
    # the budget may be spent between the last answer of a product and its vector: it costs no answer again
    assert len(finished - {row["title"] for row in rows if row["enriched_at"]}) <= 1
    assert all(row["embedded"] for row in rows if row["enriched_at"])
    again = shop().work()
    assert again.products + len(finished) >= 12
    assert stub.calls["chat"] == 36


def test_a_standing_budget_refuses_to_begin(
    vitrina: Run, stub: OpenAIStub, database_url: str
) -> None:
    put(database_url, TITLES[:4])
    scalar(database_url, "select vitrina.set_budget(0)")
    result = vitrina("work", "--drain", url=database_url)
    assert result.exit_code == 3
    assert result.stderr.count("Error: ") == 1
    assert "the budget of 0.0000 USD (total) is spent" in result.stderr
    assert "vitrina cost --budget" in result.stderr
    assert stub.calls == {}
    untouched(database_url, TITLES[:4])


def test_a_standing_budget_stops_midway_and_leaves_what_is_finished(
    vitrina: Run, stub: OpenAIStub, database_url: str, priced: Decimal
) -> None:
    put(database_url, TITLES)
    scalar(database_url, "select vitrina.set_budget(0.10)")
    result = vitrina("work", "--drain", "--concurrency", "1", url=database_url)
    assert result.exit_code == 3, result.stderr
    assert "the budget of 0.1000 USD (total) is spent" in result.stderr
    assert paid(database_url) == stub.calls["chat"] < 3 * len(TITLES)
    rows = products(database_url)
    assert sum(row["enriched_at"] is not None for row in rows) >= 2, "what is finished is dropped"
    untouched(database_url, [row["title"] for row in rows if not row["enriched_at"]])


def test_a_dry_run_asks_nobody_and_writes_nothing(
    vitrina: Run, stub: OpenAIStub, database_url: str, tmp_path: Path
) -> None:
    put(database_url, TITLES[:4])
    path = tmp_path / "more.csv"
    path.write_text("id,title\n1,Lamp\n2,Sofa\n")
    before = counts(database_url)
    for arguments in (["work", "--dry-run"], ["ingest", str(path), "--dry-run"]):
        result = vitrina(*arguments, url=database_url)
        assert result.exit_code == 0, result.stderr
        assert "calls" in result.stdout
        assert counts(database_url) == before
    assert stub.calls == {}


# -- Ctrl-C --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("times", "number"), [(1, signal.SIGINT), (1, signal.SIGTERM), (2, signal.SIGINT)])  # fmt: skip
def test_a_signal_stops_with_everything_paid_for_stored(
    stub: OpenAIStub, database_url: str, times: int, number: signal.Signals
) -> None:
    stub.latency = 0.05
    put(database_url, TITLES)
    command = [sys.executable, "-m", "vitrina", "--database-url", database_url, "work", "--drain",
               "--concurrency", "4"]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    eventually(lambda: stub.calls["chat"] >= 20 or process.poll() is not None)
    process.send_signal(number)
    told = read_until(process.stderr, "stopping: work begun is finished")
    for _ in range(times - 1):
        process.send_signal(number)
    told += process.communicate(timeout=HANG)[1]
    # work begun may be finished by the time of the second signal
    assert process.returncode in ((0,) if times == 1 else (0, 130)), told
    assert "stopping: work begun is finished" in told
    assert "Traceback" not in told
    assert "Exception" not in told
    assert stub.calls["chat"] < 3 * len(TITLES), "it went on"
    assert paid(database_url) == stub.calls["chat"]
    rows = products(database_url)
    done = [row for row in rows if row["enriched_at"]]
    assert all(row["embedded"] for row in done)
    if times == 1:
        assert len(done) == stub.calls["chat"] / 3, "what was begun is not finished"
    untouched(database_url, [row["title"] for row in rows if not row["enriched_at"]])


# waits for the tries under way, and for the leases to go
GRACIOUS = """
from vitrina.cli import _signals, main
_signals.EXIT_SECONDS = _signals.GRACE_SECONDS = _signals.GIVE_BACK_SECONDS = 600.0
main()
"""


def test_the_second_ctrl_c_waits_for_no_other_try(stub: OpenAIStub, database_url: str) -> None:
    put(database_url, TITLES[:8])
    stub.fault("chat", "hang", times=None, seconds=HANG)
    command = [sys.executable, "-c", GRACIOUS, "--database-url", database_url, "work", "--drain",
               "--concurrency", "4"]  # fmt: skip
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "VITRINA_TIMEOUT": "6"}
    )
    eventually(lambda: stub.calls["chat"] >= 4 or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    told = read_until(process.stderr, "stopping: work begun is finished")
    process.send_signal(signal.SIGINT)
    try:
        told += process.communicate(timeout=HANG)[1]
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in told
    assert stub.calls["chat"] == 4, "it tried again"
    untouched(database_url, TITLES[:8])


# -- search --------------------------------------------------------------------------------------


def test_a_query_is_embedded_once_and_remembered(
    stub: OpenAIStub, shop: Shop, database_url: str
) -> None:
    put(database_url, TITLES[:8])
    catalog = shop()
    catalog.work()
    stub.calls.clear()
    first = catalog.search("red sofa")
    assert first[0].title == "Red sofa"
    assert "vector" in first[0].matched
    assert stub.calls == {"embeddings": 1}
    assert shop().search("red sofa") == first
    assert stub.calls == {"embeddings": 1}
    with psycopg.connect(database_url) as conn:
        found = conn.execute(
            "select title, similarity from vitrina.search('red sofa') limit 1"
        ).fetchone()
        unknown = conn.execute(
            "select distinct query_vector from vitrina.search('blue desk')"
        ).fetchall()
    assert found == ("Red sofa", pytest.approx(first[0].similarity))
    assert first[0].query_vector == "cache"
    assert unknown == [("vocabulary",)]
    catalog.search("blue desk", mode="text")
    assert stub.calls == {"embeddings": 1}, "words alone take no vector"


def test_a_picture_is_looked_at_once(
    stub: OpenAIStub, shop: Shop, database_url: str, tmp_path: Path
) -> None:
    images = [draw(tmp_path / f"{color}.png", color) for color in COLORS]
    put(database_url, [f"{c.title()} sofa" for c in COLORS], images=images, root=tmp_path)
    catalog = shop()
    catalog.work()
    stub.log.clear()
    stub.calls.clear()
    query = tmp_path / "query.png"
    draw(query, "red", (128, 96))
    first = catalog.search(image=query, title="Wide red sofa")
    assert [stage(r) for r in stub.requests("chat")] == ["describe", "caption"]
    assert "Title: Wide red sofa" in last_text(stub.requests("chat")[0])
    assert len(stub.requests("chat")[0].pictures) == 1
    assert stub.calls == {"chat": 2, "embeddings": 1}
    assert first[0].title == "Red sofa"
    assert {"image", "vector"} <= set(first[0].matched)
    again = tmp_path / "copy.png"
    again.write_bytes(query.read_bytes())
    assert shop().search(image=again, title="Wide red sofa") == first
    assert stub.calls == {"chat": 2, "embeddings": 1}
    catalog.search("sofa", image=query)
    assert stub.calls == {"chat": 2, "embeddings": 2}, "words tell what is looked for"


def test_a_title_reaches_the_prompt(
    vitrina: Run, stub: OpenAIStub, shop: Shop, database_url: str, tmp_path: Path
) -> None:
    put(database_url, ["Red sofa"])
    shop().work()
    draw(tmp_path / "q.png")
    search = ("search", "--image", str(tmp_path / "q.png"), "--json")
    result = vitrina(*search, "--title", "Crimson settee", url=database_url)
    assert result.exit_code == 0, result.stderr
    assert "Title: Crimson settee" in last_text(asked(stub, "describe")[-1])
    assert "Title: Crimson settee" in last_text(asked(stub, "caption")[-1])
    untold = vitrina(*search, url=database_url)
    assert untold.exit_code == 0, untold.stderr
    assert "Title: (none)" in last_text(asked(stub, "describe")[-1])


def test_without_a_key_the_search_goes_on_by_words(
    stub: OpenAIStub, shop: Shop, database_url: str, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    put(database_url, TITLES[:4], images=[draw(tmp_path / "a.png")], root=tmp_path)
    shop().work()
    monkeypatch.delenv("OPENAI_BASE_URL")
    stub.calls.clear()
    told: list[str] = []
    catalog = shop(notice=told.append)
    hits = [catalog.search("red sofa"), catalog.search("red desk")]
    assert [found[0].title for found in hits] == ["Red sofa", "Red desk"]
    assert {hit.query_vector for found in hits for hit in found} == {"vocabulary"}
    assert len(told) == 1
    assert "searching by words" in told[0]
    assert "OPENAI_API_KEY" in told[0]
    assert catalog.search(image=tmp_path / "a.png")[0].matched == ["image"]
    assert stub.calls == {}


def test_a_search_asks_in_the_space_in_use(
    vitrina: Run, stub: OpenAIStub, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`vitrina search` has no options for the model: the space in use says which it is."""
    monkeypatch.delenv("VITRINA_DIMENSIONS")
    stub.dimensions = 3072
    put(database_url, TITLES[:4])
    model = ("--embedding-model", "text-embedding-3-small", "--dimensions", "64")
    work = vitrina("work", "--drain", *model, url=database_url)
    assert work.exit_code == 0, work.stderr
    spaces = scalar(database_url, "select count(*) from vitrina.spaces")
    result = vitrina("search", "red sofa", "--json", url=database_url)
    assert result.exit_code == 0, result.stderr
    assert "vector" in json.loads(result.stdout.splitlines()[0])["matched"]
    (request,) = stub.requests("embeddings")[-1:]
    assert (request.body["model"], request.body["dimensions"]) == ("text-embedding-3-small", 64)
    assert scalar(database_url, "select count(*) from vitrina.spaces") == spaces


def test_a_reader_searches_by_vector_too(stub: OpenAIStub, shop: Shop, database_url: str) -> None:
    put(database_url, TITLES[:8])
    shop().work()
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(f"create role reader_{name} login in role vitrina_reader")
    try:
        with Catalog(database_url.replace("postgres@", f"reader_{name}@")) as catalog:
            hits = catalog.search("red sofa")
    finally:
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute(f"drop role reader_{name}")
    assert hits[0].title == "Red sofa"
    assert "vector" in hits[0].matched


def test_a_product_whose_picture_finds_no_memory_is_tried_again(
    catalog: Catalog, db: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (90, 90)).save(tmp_path / "a.png")
    catalog._folders.allow(tmp_path)
    config = Jsonb({"image_root": str(tmp_path)})
    db.execute("select put_source('shop', config => %s)", (config,))
    rows = [{"external_id": "1", "title": "Oak desk", "image": "a.png"}]
    db.execute("select put_products('shop', %s)", (Jsonb(rows),))
    monkeypatch.setattr(images, "DECODING", MemoryBudget(100_000_000, patience=0.1))
    with images.DECODING.hold(images.DECODING.size):
        totals = catalog.work()
    assert (totals.products, totals.retried) == (0, 1)
    assert "no memory to decode it became free" in str(totals.errors)
    db.execute("update jobs set run_after = now()")
    assert catalog.work().products == 1
    assert db.execute("select image_error from products").fetchone() == (None,)
