"""Servers that take less than is asked, or embed nothing: real HTTP, real Postgres."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from drawn import picture
from openai_stub import OpenAIStub, Request, chat_answer, vector_of
from vitrina.catalog import Catalog
from vitrina.errors import ProviderError
from vitrina.models.base import Subject
from vitrina.models.openai.provider import OpenAIProvider, OpenAISettings, TextError
from vitrina.settings import Settings

Make = Callable[..., OpenAIProvider]
TEXTS = [f"{color} desk" for color in ("black", "red", "blue", "green", "white")]
SAYS = (
    {"error": {"message": "no", "code": 1}},
    {"object": "error", "message": "Ungueltige Anfrage"},
    {"detail": [{"loc": ["body"], "msg": "value is not a valid enumeration member"}]},
    "nope",
)


@pytest.fixture
def stub() -> Iterator[OpenAIStub]:
    with OpenAIStub(dimensions=64) as stub:
        yield stub


@pytest.fixture
def make(stub: OpenAIStub) -> Iterator[Make]:
    made: list[OpenAIProvider] = []

    def build(**given: Any) -> OpenAIProvider:
        settings = OpenAISettings(base_url=stub.url, api_key="sk-test", dimensions=64)
        made.append(OpenAIProvider(settings, first_wait=0.001, **given))
        return made[-1]

    yield build
    for provider in made:
        provider.close()


def asked(request: Request, what: str) -> bool:
    """Whether a request asks for one of the things that servers refuse."""
    body = request.body
    return {
        "schema": (body.get("response_format") or {}).get("type") == "json_schema",
        "object": "response_format" in body,
        "system": any(m["role"] == "system" for m in body.get("messages", ())),
        "detail": any("detail" in picture for picture in request.pictures),
        "temperature": "temperature" in body,
        "max_tokens": "max_tokens" in body,
        "length": "max_tokens" in body or "max_completion_tokens" in body,
        "base64": body.get("encoding_format") == "base64",
        "encoding": "encoding_format" in body,
    }[what]


def refuse(stub: OpenAIStub, route: str, status: int, said: Any, *what: str) -> None:
    """Refuse for good what asks for any of these."""
    stub.answering(route, status, said, lambda request: any(asked(request, one) for one in what))


def look() -> Subject:
    """A product with a picture, so that a request asks for all there is."""
    return Subject("Black oak desk", {}, picture())


@pytest.mark.parametrize(
    ("status", "said"), [(400, SAYS[0]), (500, SAYS[1]), (422, SAYS[2]), (400, SAYS[3])]
)
@pytest.mark.parametrize(
    "what",
    [
        ("schema",),
        ("object",),
        ("system",),
        ("detail",),
        ("temperature",),
        ("max_tokens",),
        ("length",),
        ("system", "schema"),
        ("system", "object"),
        ("temperature", "length", "detail"),
        ("system", "object", "detail", "temperature", "length"),
    ],
)
def test_what_is_refused_is_left_out_whatever_the_words(
    make: Make, stub: OpenAIStub, what: tuple[str, ...], status: int, said: Any
) -> None:
    refuse(stub, "chat", status, said, *what)
    provider = make()
    for _ in range(3):
        assert provider.enrich(look()).value.terms
    before = stub.calls["chat"]
    provider.enrich(look())
    assert stub.calls["chat"] == before + 1  # it is known by now
    last = stub.requests("chat")[-1]
    assert "Black oak desk" in last.text
    assert "keywords" in last.text  # the system text has gone nowhere
    assert len(last.pictures) == 1


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, SAYS[0]),
        (404, SAYS[1]),
        (422, SAYS[2]),
        (500, SAYS[3]),
        *(
            (200, said)
            for said in (SAYS[0], "x", None, {"data": []}, {"data": None}, {"data": "x"})
        ),
    ],
)
@pytest.mark.parametrize("what", ["base64", "encoding"])
def test_encoding_format_is_left_out_whatever_the_answer(
    make: Make, stub: OpenAIStub, what: str, status: int, said: Any
) -> None:
    refuse(stub, "embeddings", status, said, what)
    provider = make()
    for _ in range(3):
        vectors = provider.embed(TEXTS).value
    for text, vector in zip(TEXTS, vectors, strict=True):
        assert vector.tolist() == pytest.approx(vector_of(text, 64), abs=1e-6)
    before = stub.calls["embeddings"]
    provider.embed(TEXTS)
    assert stub.calls["embeddings"] == before + 1


def test_a_server_that_fails_for_a_while_keeps_its_schemas(make: Make, stub: OpenAIStub) -> None:
    stub.answering("chat", 500, {"error": "busy"}, lambda r: asked(r, "schema"), times=2)
    provider = make()
    for _ in range(3):
        provider.enrich(look())
    kinds = [r.body.get("response_format", {}).get("type") for r in stub.requests("chat")]
    assert kinds == ["json_schema", "json_schema", "json_object", "json_schema", "json_schema"]


def test_threads_that_fail_together_forget_nothing(make: Make, stub: OpenAIStub) -> None:
    stub.latency = 0.05
    stub.answering("chat", 400, "no", lambda r: asked(r, "schema"), times=8)
    provider = make(concurrency=8)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(provider.enrich, [look()] * 8))
    provider.enrich(look())
    assert asked(stub.requests("chat")[-1], "schema")


@pytest.mark.parametrize("kind", ["401", "403", "404", "quota", "context", "policy", "image"])
def test_what_is_clearly_something_else_is_asked_once(
    make: Make, stub: OpenAIStub, kind: str
) -> None:
    stub.fault("chat", kind, times=None)
    with pytest.raises(Exception, match=r"\w"):
        make().enrich(look())
    assert stub.calls["chat"] == 1


def test_a_product_that_is_refused_costs_one_call_once_all_is_known(
    make: Make, stub: OpenAIStub
) -> None:
    provider = make()
    provider.enrich(look())
    stub.fault("chat", "bad-request", times=None)
    with pytest.raises(Exception, match="refused the request"):
        provider.enrich(look())
    assert stub.calls["chat"] == 2


def test_an_ignored_schema_is_spelt_out(make: Make, stub: OpenAIStub) -> None:
    def answer(body: dict[str, Any]) -> str:
        if body["response_format"]["type"] == "json_schema":
            return "{}"
        return str(chat_answer(body)["choices"][0]["message"]["content"])

    stub.answer = answer
    provider = make()
    for _ in range(3):
        assert provider.enrich(look()).value.terms
    assert stub.calls["chat"] == 5
    assert provider.capabilities["gpt-4o-mini"]["answer_format"] == "json_object"


# ---------------------------------------------------------------- texts at once


@pytest.mark.parametrize("status", [200, 400, 413, 422, 500])
@pytest.mark.parametrize("most", [1, 2, 3])
def test_texts_are_asked_for_as_many_as_are_taken(
    make: Make, stub: OpenAIStub, most: int, status: int
) -> None:
    first = {"data": [{"index": 0, "embedding": [1.0] * 64}]} if status == 200 else "zu viele"
    stub.answering("embeddings", status, first, lambda r: len(r.body["input"]) > most)
    provider = make()
    texts = [f"{text} {n}" for n in range(4) for text in TEXTS]
    for text, vector in zip(texts, provider.embed(texts).value, strict=True):
        assert vector.tolist() == pytest.approx(vector_of(text, 64), abs=1e-6)
    before = len(stub.requests("embeddings"))
    provider.embed(texts)
    assert all(len(r.body["input"]) <= most for r in stub.requests("embeddings")[before:])


def test_more_than_was_asked_for(make: Make, stub: OpenAIStub) -> None:
    many = {"data": [{"index": n, "embedding": [1.0] * 64} for n in range(9)]}
    stub.answering("embeddings", 200, many, lambda r: len(r.body["input"]) > 1)
    assert len(make().embed(TEXTS).value) == 5


def test_a_text_alone_is_refused_alone(make: Make, stub: OpenAIStub) -> None:
    stub.answering("embeddings", 422, "nein", lambda r: "red" in r.text)
    with pytest.raises(TextError) as caught:
        make().embed(TEXTS)
    assert caught.value.index == 1


# ---------------------------------------------------------------- usage


@pytest.mark.parametrize(
    "count", [10**18, -5, "12", 3.5, 1e300, None, True, [], float("nan"), float("inf")]
)
def test_an_absurd_usage_costs_no_answer(stub: OpenAIStub, database_url: str, count: Any) -> None:
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    stub.usage = {**dict.fromkeys(names, count), "prompt_tokens_details": {"cached_tokens": count}}
    with shop(database_url, stub, 2) as catalog:
        assert catalog.work().products == 2
    with psycopg.connect(database_url) as conn:
        rows = conn.execute(
            "select input_tokens, cached_tokens, output_tokens from vitrina.generations"
        ).fetchall()
    assert rows
    assert all(0 <= one < 200_000 for row in rows for one in row)
    assert all(row[1] <= row[0] for row in rows)


# ---------------------------------------------------------------- the whole pipeline


def shop(url: str, stub: OpenAIStub, count: int, **changes: Any) -> Catalog:
    """A catalog with so many products, queued."""
    rows = [
        {"external_id": str(n), "title": f"{t} sofa"}
        for n, t in zip(range(count), COLORS, strict=False)
    ]
    with psycopg.connect(url) as conn:
        conn.execute("select vitrina.put_source('shop', 'file', '{}')")
        conn.execute("select * from vitrina.put_products('shop', %s)", (json.dumps(rows),))
    endpoint = {"base_url": stub.url, "api_key": "sk-test", "dimensions": 64}
    return Catalog(
        settings=Settings(
            database_url=url, provider="openai", concurrency=2, endpoint=endpoint, **changes
        )
    )


COLORS = ("Red", "Blue", "Green", "Black", "White", "Brown")


def state(url: str) -> tuple[Any, ...]:
    """Products that are enriched; that have a vector; jobs; jobs of the stage embed; attempts."""
    with psycopg.connect(url) as conn:
        row = conn.execute(
            "select count(*) filter (where enriched_at is not null),"
            " (select count(*) from vitrina.product_embeddings as e join vitrina.spaces as s"
            "   on s.id = e.space_id where s.provider = 'openai'),"
            " (select count(*) from vitrina.jobs),"
            " (select count(*) from vitrina.jobs where stage = 'embed' and state = 'queued'),"
            " (select coalesce(sum(attempts), 0)::int from vitrina.jobs)"
            " from vitrina.products"
        ).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize("kind", ["401", "404", "500", "quota", "wrong-dimension", "missing"])
def test_where_only_the_embedding_fails_the_rest_is_stored(
    stub: OpenAIStub, database_url: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitrina.models.openai.client.backoff", lambda *_: 0.001)
    fault = stub.fault("embeddings", kind, times=None)
    with shop(database_url, stub, 6) as catalog:
        with pytest.raises(ProviderError, match=r"6 products have no vector yet: .*`vitrina work`"):
            catalog.work()
        assert state(database_url) == (6, 0, 6, 6, 0)
        for mode in ("hybrid", "text"):
            local = Catalog(settings=Settings(database_url=database_url, provider="local"))
            with local:
                found = local.search("red sofa", mode=mode)
            assert found[0].title == "Red sofa", mode
    assert fault.happened
    stub.clear_faults()
    seen = stub.calls["chat"]
    with shop(database_url, stub, 0) as catalog:
        catalog.work()
    assert stub.calls["chat"] == seen
    assert state(database_url) == (6, 6, 0, 0, 0)
    with psycopg.connect(database_url) as conn:
        missing = conn.execute(
            "select count(*) from vitrina.missing_keyword_embeddings("
            " (select name from vitrina.spaces where provider = 'openai'), 500, 0)"
        ).fetchone()
    assert missing == (0,)


# ---------------------------------------------------------------- servers that were met


@pytest.fixture(scope="session")
def cases(shared_data: Path) -> Path:
    """Answers of servers that were met."""
    folder = shared_data.parent / "cases"
    if not folder.is_dir():
        pytest.skip(f"no cases at {folder}")
    return folder


WHAT = {
    "a_system_message": "system",
    "a_system_message_2": "system",
    "response_format_json_schema": "schema",
    "response_format_json_schema_2": "schema",
}


@pytest.mark.parametrize("number", ["14", "15"])
def test_servers_that_were_met(
    cases: Path, number: str, stub: OpenAIStub, make_database: Any, template: str
) -> None:
    (folder,) = cases.glob(f"{number}-*")
    for name, (status, body) in json.loads((folder / "server.json").read_text()).items():
        stub.clear_faults()
        if number == "15":
            refuse(stub, "chat", status, body, WHAT[name])
        else:
            refuse(stub, "embeddings", status, body, "encoding" if "lite" in name else "base64")
        url = make_database(template)
        with shop(url, stub, 6) as catalog:
            catalog.work()
        assert state(url) == (6, 6, 0, 0, 0), name
