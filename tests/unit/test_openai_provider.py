"""The OpenAI provider against a real HTTP server that fails in every way the real one does."""

from __future__ import annotations

import base64
import io
import itertools
import json
import logging
import math
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image

from drawn import picture
from openai_stub import OpenAIStub, Request, caption_of, description_of, keywords_of, vector_of
from vitrina.errors import ConfigError, ItemError, ProviderError
from vitrina.http.transport import _proxy_for
from vitrina.models.base import Enrichment, Subject, Term
from vitrina.models.openai import embeddings, faults
from vitrina.models.openai.pacing import Pacer, StoppedError
from vitrina.models.openai.provider import OpenAIProvider, OpenAISettings, TextError
from vitrina.models.outcomes import AnswerError, Usage
from waiting import HANG, eventually

KEY = "sk-proj-Zz9-very-secret_0123456789"
TITLE = "black oak desk"
Make = Callable[..., OpenAIProvider]


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIStub]:
    with OpenAIStub(key=KEY, dimensions=64) as stub:
        yield stub


@pytest.fixture
def stub(server: OpenAIStub) -> Iterator[OpenAIStub]:
    """One server for all tests, as new for each."""
    server.log.clear()
    server.calls.clear()
    yield server
    server.clear_faults()
    server.answer = None
    server.headers = {}
    server.latency = server.max_in_flight = 0


@pytest.fixture
def make(stub: OpenAIStub) -> Iterator[Make]:
    """Providers of the stub that are closed in the end; quick to try again."""
    made: list[OpenAIProvider] = []

    def build(settings: dict[str, Any] | None = None, **options: Any) -> OpenAIProvider:
        values = {"base_url": stub.url, "api_key": KEY, "dimensions": 64, "timeout": 5.0}
        given = OpenAISettings(**{**values, **(settings or {})})
        made.append(OpenAIProvider(given, **{"attempts": 3, "first_wait": 0.01, **options}))
        return made[-1]

    yield build
    for provider in made:
        provider.close()


def terms(title: str) -> tuple[Term, ...]:
    return tuple(Term(k["term"], k["facet"]) for k in keywords_of(title))  # type: ignore[arg-type]


def no_key_in(error: BaseException) -> None:
    """The key is in nothing that a log or a terminal may show."""
    shown = [*traceback.format_exception(error), str(error), repr(error), repr(error.args)]
    assert not any(KEY in text or KEY[8:] in text for text in shown)
    assert error.__cause__ is None
    assert error.__context__ is None or KEY not in repr(error.__context__)


# ---------------------------------------------------------------- what is asked and answered


def test_each_stage_answers_with_usage_and_time(make: Make) -> None:
    provider, subject = make(), Subject(TITLE, picture=picture())
    tags = provider.tag(subject)
    assert tags.value == terms(TITLE)
    assert tags.model == "gpt-4o-mini"
    assert tags.usage.input_tokens > 100
    assert tags.usage.output_tokens > 10
    assert tags.seconds > 0
    assert provider.describe(subject).value == description_of(TITLE)
    assert provider.caption(TITLE, "A desk.").value == caption_of(TITLE)
    whole = Enrichment(terms(TITLE), description_of(TITLE), caption_of(TITLE))
    assert provider.enrich(subject).value == whole


@pytest.mark.parametrize(
    ("detail", "size", "edge"),
    [("low", (800, 600), 512), ("high", (800, 600), 800), ("low", (300, 200), 300)],
)
def test_pictures_are_sent_as_jpeg_with_their_detail(
    make: Make, stub: OpenAIStub, detail: str, size: tuple[int, int], edge: int
) -> None:
    make({"detail": detail}).tag(Subject(TITLE, picture=picture(*size)))
    (sent,) = stub.requests("chat")[0].pictures
    assert sent["detail"] == detail
    head, _, data = sent["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert max(image.size) == edge


def test_without_a_picture_the_title_alone_is_asked_about(make: Make, stub: OpenAIStub) -> None:
    assert make().tag(Subject(TITLE)).value == terms(TITLE)
    request = stub.requests("chat")[0]
    assert not request.pictures
    assert "no picture" in request.text


def test_nothing_to_go_by_costs_nothing(make: Make, stub: OpenAIStub) -> None:
    with pytest.raises(ItemError, match="no title and no picture"):
        make().enrich(Subject(" \n"))
    with pytest.raises(ItemError, match="no title or description"):
        make().caption("", " ")
    assert not stub.calls


def test_addresses_instead_of_bytes_and_bytes_where_they_cannot_be_fetched(
    make: Make, stub: OpenAIStub
) -> None:
    address = "https://shop.example/a.jpg"
    provider, subject = make({"image_urls": True}), Subject(TITLE, picture=picture())
    stub.fault("chat", "image", times=1, match=address)
    assert provider.tag(subject, image_url=address).value == terms(TITLE)
    urls = [request.pictures[0]["url"][:30] for request in stub.requests("chat")]
    assert urls[0] == address[:30]
    assert urls[1].startswith("data:image/jpeg")
    provider.tag(subject, image_url=None)
    assert stub.requests("chat")[-1].pictures[0]["url"].startswith("data:")
    stub.fault("chat", "image", times=1, match=address)
    with pytest.raises(ItemError, match="does not accept the picture"):
        provider.tag(Subject(TITLE), image_url=address)


def test_the_body_of_a_request_is_what_is_sent(make: Make, stub: OpenAIStub) -> None:
    provider, subject = make({"hints": "closed"}), Subject(TITLE, picture=picture())
    provider.enrich(subject, ["oak", "desk"])
    body = provider.request_body("enrich", subject, hints=["oak", "desk"])
    assert stub.requests("chat")[0].body == json.loads(json.dumps(body))
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["max_tokens"] == 1000
    assert body["temperature"] == 0.0


def test_captions_may_have_a_model_of_their_own(make: Make, stub: OpenAIStub) -> None:
    provider = make({"caption_model": "small-one"})
    assert provider.caption(TITLE, "A desk.").model == "small-one"
    assert provider.tag(Subject(TITLE)).model == "gpt-4o-mini"
    assert [r.body["model"] for r in stub.requests("chat")] == ["small-one", "gpt-4o-mini"]


def test_openai_itself_gets_the_newest_parameters() -> None:
    for model, temperature in (("gpt-4o-mini", True), ("gpt-5-nano", False), ("o4-mini", False)):
        settings = OpenAISettings(api_key=KEY, vision_model=model, reasoning_effort="low")
        body = OpenAIProvider(settings).request_body("tag", Subject(TITLE))
        assert "max_completion_tokens" in body
        assert "max_tokens" not in body
        assert ("temperature" in body) is temperature
        assert body["reasoning_effort"] == "low"


def test_versions_follow_prompts_detail_and_effort() -> None:
    def version(**settings: Any) -> str:
        return OpenAIProvider(OpenAISettings(api_key=KEY, **settings)).prompt_version("tag")

    found = {
        version(),
        version(detail="high"),
        version(language="German"),
        version(reasoning_effort="low"),
        version(hints="hint"),
    }
    assert len(found) == 5
    assert version() == version(vision_model="other")


def test_a_line_of_a_batch_is_read_like_an_answer(make: Make) -> None:
    provider = make()
    message = {"role": "assistant", "content": "['desk']"}
    body = {"choices": [{"message": message}], "usage": {"prompt_tokens": 9}}
    answer = provider.parse_answer("tag", body)
    assert (answer.value, answer.usage) == ((Term("desk"),), Usage(9))
    message["content"] = ""
    with pytest.raises(AnswerError) as caught:
        provider.parse_answer("tag", body)
    assert caught.value.usage == Usage(9)


# ---------------------------------------------------------------- what passes


PASSING = [
    "429", "429-after", "429-after-ms", "500", "503", "408", "409", "html-502", "html-200",
    "reset", "reset-mid-body", "null-body", "empty-body", "error-body",
]  # fmt: skip


LESS = 11  # requests for less, where nothing but a title is shown


@pytest.mark.parametrize("kind", PASSING)
def test_what_passes_is_asked_again(make: Make, stub: OpenAIStub, kind: str) -> None:
    stub.fault("chat", kind, seconds=0.05)
    assert make().tag(Subject(TITLE)).value == terms(TITLE)
    assert stub.calls["chat"] == 2


@pytest.mark.parametrize("kind", PASSING)
def test_patience_ends(make: Make, stub: OpenAIStub, kind: str) -> None:
    stub.fault("chat", kind, times=None, seconds=0.01)
    with pytest.raises(ItemError, match="gave up after") as caught:
        make().tag(Subject(TITLE))
    less = LESS if kind in ("500", "error-body") else 0  # what was asked for may be the reason
    assert stub.calls["chat"] == (6 if kind.startswith("429") else 3) + less
    no_key_in(caught.value)


@pytest.mark.parametrize("kind", ["hang", "drip", "drip-headers"])
def test_a_call_has_a_hard_deadline(make: Make, stub: OpenAIStub, kind: str) -> None:
    provider = make({"timeout": 1.5}, attempts=1)
    provider.tag(Subject(TITLE))  # the client is there, the connection is kept alive
    stub.fault("chat", kind, seconds=60 if kind == "hang" else 0.05)
    started = time.monotonic()
    with pytest.raises(ItemError, match=r"did not answer within 1\.5 s"):
        provider.tag(Subject(TITLE))
    assert 1.4 < time.monotonic() - started < 30
    assert provider.tag(Subject(TITLE)).value == terms(TITLE)


def test_a_pause_asked_for_is_kept_by_all_threads(make: Make, stub: OpenAIStub) -> None:
    stub.fault("chat", "429-after", seconds=1, match=TITLE)
    provider = make(concurrency=4)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(provider.tag, [Subject(TITLE), *[Subject(f"lamp {n}") for n in range(12)]]))
    began = [request.began for request in stub.requests("chat")]
    # those that were about to begin may still begin
    assert max(later - earlier for earlier, later in itertools.pairwise(began)) > 0.4


def test_no_request_is_made_while_the_headers_say_there_are_none_left(
    make: Make, stub: OpenAIStub
) -> None:
    provider = make()
    stub.headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "300ms"}
    provider.tag(Subject(TITLE))
    stub.headers = {}
    provider.tag(Subject(TITLE))
    first, second = stub.requests("chat")
    assert second.began - first.began > 0.29


def test_the_limit_of_calls_at_once_holds(make: Make) -> None:
    with OpenAIStub(latency=0.02) as own, ThreadPoolExecutor(12) as pool:
        provider = make({"base_url": own.url}, concurrency=3)
        list(pool.map(provider.tag, [Subject(f"lamp {n}") for n in range(24)]))
    assert own.max_in_flight == 3


def test_stopping_wakes_who_waits_to_try_again(make: Make, stub: OpenAIStub) -> None:
    stub.fault("chat", "429-after", times=None, seconds=60)
    pacer = Pacer(2)
    provider = make(pacer=pacer)
    threading.Thread(target=lambda: (eventually(lambda: stub.calls["chat"]), pacer.stop())).start()
    started = time.monotonic()
    with pytest.raises(StoppedError):
        provider.tag(Subject(TITLE))
    assert time.monotonic() - started < 30


def test_many_products_failing_alike_are_not_their_fault(make: Make, stub: OpenAIStub) -> None:
    stub.fault("chat", "500", times=None)
    provider = make(attempts=1, trip_after=3)
    for title in ("one", "one", "two"):
        with pytest.raises(ItemError):
            provider.tag(Subject(title))
    with pytest.raises(ProviderError, match=r"several products in a row failed .* error 500"):
        provider.tag(Subject("three"))
    calls = stub.calls["chat"]
    with pytest.raises(ProviderError, match="same reason"):
        provider.tag(Subject("four"))
    assert stub.calls["chat"] == calls


# ---------------------------------------------------------------- what does not pass


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("401", "check OPENAI_API_KEY"),
        ("403", "forbids the use of gpt-4o-mini"),
        ("404", "has no model gpt-4o-mini: set VITRINA_VISION_MODEL"),
        ("quota", "no credit left: top it up"),
        ("blind", "does not accept pictures: set VITRINA_VISION_MODEL"),
    ],
)
def test_faults_of_the_provider_end_the_run_at_once(
    make: Make, stub: OpenAIStub, kind: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stub.fault("chat", kind, times=None)
    with pytest.raises(ProviderError, match=message) as caught:
        make().tag(Subject(TITLE))
    assert stub.calls["chat"] == 1
    assert "\n" not in str(caught.value)
    no_key_in(caught.value)
    assert KEY not in caplog.text


def test_a_wrong_key_is_never_shown(stub: OpenAIStub, make: Make) -> None:
    wrong = "short1"
    with pytest.raises(ProviderError, match=r"Incorrect API key provided: \[key\]") as caught:
        make({"api_key": wrong}).embed(["desk"])
    assert wrong not in "".join(traceback.format_exception(caught.value))


def test_a_server_that_is_not_there(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    gone = make({"base_url": f"http://127.0.0.1:{port}/v1"})
    with pytest.raises(ProviderError, match=f"127.0.0.1:{port} cannot be reached .*refused"):
        gone.tag(Subject(TITLE))

    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    with pytest.raises(ProviderError, match="Name or service not known"):
        make().tag(Subject(TITLE))


def test_a_server_that_goes_away_for_a_moment(make: Make, stub: OpenAIStub) -> None:
    provider = make()
    provider.tag(Subject(TITLE))
    stub.fault("chat", "reset", times=2)
    assert provider.tag(Subject(TITLE)).value == terms(TITLE)


def test_a_wrong_address_says_so(make: Make, stub: OpenAIStub) -> None:
    with pytest.raises(ProviderError, match="OPENAI_BASE_URL, which usually ends in /v1"):
        make({"base_url": stub.url.removesuffix("/v1")}).tag(Subject(TITLE))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("context", "too long for gpt-4o-mini"),
        ("image", "does not accept the picture"),
        ("policy", "content filter refused"),
        ("refusal", "the model refused"),
        ("content_filter", "withheld the answer"),
    ],
)
def test_faults_of_a_product_are_not_asked_about_again(
    make: Make, stub: OpenAIStub, kind: str, message: str
) -> None:
    stub.fault("chat", kind, times=None)
    with pytest.raises(ItemError, match=message) as caught:
        make().tag(Subject(TITLE, picture=picture()))
    assert stub.calls["chat"] == 1
    no_key_in(caught.value)


@pytest.mark.parametrize(
    "kind", ["length", "bad-json", "wrong-types", "empty-content", "null-content", "no-choices"]
)
def test_a_useless_answer_gets_one_more_chance(make: Make, stub: OpenAIStub, kind: str) -> None:
    stub.fault("chat", kind)
    provider = make()
    answer = provider.enrich(Subject(TITLE))
    assert answer.value.terms == terms(TITLE)
    first, second = (request.body for request in stub.requests("chat"))
    assert (second["max_tokens"] > first["max_tokens"]) is (kind == "length")
    assert (second["temperature"] > first["temperature"]) is (kind != "length")
    once = provider.enrich(Subject(TITLE)).usage
    both = answer.usage.input_tokens
    assert both == 2 * once.input_tokens if kind == "length" else both > 2 * once.input_tokens
    stub.fault("chat", kind, times=None)
    with pytest.raises(AnswerError) as caught:
        provider.enrich(Subject(TITLE))
    assert caught.value.usage.input_tokens == both
    assert stub.calls["chat"] == 5
    no_key_in(caught.value)


# ---------------------------------------------------------------- servers that differ


def asks_for(kind: str) -> Callable[[Request], bool]:
    return lambda request: request.body.get("response_format", {}).get("type") == kind


def test_the_ladder_of_structured_output(make: Make, stub: OpenAIStub) -> None:
    stub.fault("chat", "no-schema", times=None, match=asks_for("json_schema"))
    provider = make()
    assert provider.tag(Subject(TITLE)).value == terms(TITLE)
    assert stub.calls["chat"] == 2
    assert provider.caption(TITLE, "A desk.").value == caption_of(TITLE)
    assert stub.calls["chat"] == 4  # the full request once more: only now less is remembered
    assert provider.describe(Subject(TITLE)).value == description_of(TITLE)
    assert stub.calls["chat"] == 5
    stub.fault("chat", "no-json", times=None, match=asks_for("json_object"))
    assert provider.enrich(Subject(TITLE)).value.caption == caption_of(TITLE)
    assert provider.describe(Subject(TITLE)).value == description_of(TITLE)
    assert provider.describe(Subject(TITLE)).value == description_of(TITLE)
    assert stub.calls["chat"] == 10
    assert "response_format" not in stub.requests("chat")[-1].body
    assert provider.capabilities["gpt-4o-mini"]["answer_format"] == "text"


def test_threads_that_find_out_together_go_one_step_down(
    make: Make, stub: OpenAIStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(8)

    def wait(seconds: float) -> None:
        if stub.calls["chat"] <= 8:
            together.wait(HANG)

    monkeypatch.setattr(stub, "wait", wait)
    stub.latency = 0.05
    stub.fault("chat", "no-schema", times=None, match=asks_for("json_schema"))
    provider = make(concurrency=8)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(provider.tag, [Subject(f"lamp {n}") for n in range(8)]))
        assert provider.capabilities == {}  # they failed together: that may pass
        list(pool.map(provider.tag, [Subject(f"desk {n}") for n in range(8)]))
    assert provider.capabilities["gpt-4o-mini"]["answer_format"] == "json_object"


@pytest.mark.parametrize(
    ("fault", "left", "sent"),
    [
        ("no-max-tokens", "max_tokens", "max_completion_tokens"),
        ("no-temperature", "temperature", "max_tokens"),
    ],
)
def test_parameters_that_are_not_taken_are_left_out(
    make: Make, stub: OpenAIStub, fault: str, left: str, sent: str
) -> None:
    stub.fault("chat", fault, times=None, match=lambda request: left in request.body)
    provider = make()
    for _ in range(3):
        provider.tag(Subject(TITLE))
    assert stub.calls["chat"] == 5
    assert left not in stub.requests("chat")[-1].body
    assert sent in stub.requests("chat")[-1].body


def test_a_server_that_takes_nothing_is_given_up(make: Make, stub: OpenAIStub) -> None:
    stub.fault("chat", "no-schema", times=None)
    provider = make()
    for _ in range(2):  # less is tried once
        with pytest.raises(ItemError, match="response_format"):
            provider.tag(Subject(TITLE))
    assert stub.calls["chat"] == 2 + LESS


def test_a_setting_that_is_not_taken_is_the_users_to_change(make: Make, stub: OpenAIStub) -> None:
    stub.fault("chat", "no-effort", match='"reasoning_effort":"none"')
    with pytest.raises(ProviderError, match="VITRINA_REASONING_EFFORT"):
        make({"reasoning_effort": "none"}).tag(Subject(TITLE))


def test_answers_in_prose_are_understood(make: Make, stub: OpenAIStub) -> None:
    stub.answer = lambda _: "Of course:\n```python\n['Desk', 'oak',]\n```"
    assert make().tag(Subject(TITLE)).value == (Term("desk"), Term("oak"))


# ---------------------------------------------------------------- embeddings


TEXTS = ["black desk", "red chair", "blue lamp"]


@pytest.mark.parametrize("kind", [None, "shuffled", "floats"])
def test_vectors_come_in_the_order_of_the_texts(
    make: Make, stub: OpenAIStub, kind: str | None
) -> None:
    if kind:
        stub.fault("embeddings", kind)
    answer = make().embed(TEXTS)
    for text, vector in zip(TEXTS, answer.value, strict=True):
        assert vector.tolist() == pytest.approx(vector_of(text, 64), abs=1e-6)
    assert answer.usage.input_tokens > 0
    assert stub.requests("embeddings")[0].body["encoding_format"] == "base64"


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("missing", ProviderError, r"0 embeddings for 1 texts \(text 1 has none\)"),
        ("wrong-dimension", ProviderError, "65 numbers, not 64: use --dimensions 65"),
        ("nan", TextError, "text 3: .* not finite"),
        ("zero", TextError, "text 3: .* zeros"),
        ("no-dimensions", ProviderError, "give --dimensions a number"),
        ("404", ProviderError, "set VITRINA_EMBEDDING_MODEL"),
    ],
)
def test_vectors_that_cannot_be_used(
    make: Make, stub: OpenAIStub, kind: str, error: type[Exception], message: str
) -> None:
    stub.fault("embeddings", kind, times=None)
    with pytest.raises(error, match=message):
        make().embed(TEXTS)


def test_a_text_that_is_refused_is_found(make: Make, stub: OpenAIStub) -> None:
    stub.fault("embeddings", "context", times=None, match="BAD")
    texts = [*TEXTS, "BAD one", *TEXTS]
    with pytest.raises(TextError, match="text 4: too long") as caught:
        make().embed(texts)
    assert caught.value.index == 3
    stub.fault("embeddings", "bad-request", times=None, match="WORSE")
    with pytest.raises(TextError, match=r"text 1: .* refused the request"):
        make().embed(["WORSE", *(f"lamp {n}" for n in range(63))])
    with pytest.raises(TextError, match="text 2: is empty"):
        make().embed(["desk", "  "])
    assert make().embed([]).value == []


@pytest.mark.parametrize(
    ("model", "dimensions", "sent"),
    [
        ("text-embedding-3-large", 3072, None),
        ("text-embedding-3-large", 256, 256),
        ("text-embedding-3-small", 1536, None),
        ("nomic-embed-text", 768, None),
    ],
)
def test_dimensions_are_asked_for_only_where_they_differ(
    make: Make, model: str, dimensions: int, sent: int | None
) -> None:
    provider = make({"embedding_model": model, "dimensions": dimensions})
    assert provider.embedding_body(["desk"]).get("dimensions") == sent


def test_a_model_nobody_knows_is_asked_for_fewer_dimensions_once(
    make: Make, stub: OpenAIStub
) -> None:
    provider = make({"embedding_model": "some-model", "dimensions": 16})
    assert len(provider.embed(["desk"]).value[0]) == 16
    provider.embed(["lamp"])
    asked = [request.body.get("dimensions") for request in stub.requests("embeddings")]
    assert asked == [None, 16, 16]
    with pytest.raises(ProviderError, match="64 numbers, not 99: use --dimensions 64"):
        make({"embedding_model": "other", "dimensions": 99}).embed(["desk"])


@pytest.mark.parametrize(
    ("lengths", "inputs", "tokens", "sizes"),
    [
        ([], 3, 10, []),
        ([3], 3, 10, [1]),
        ([3] * 7, 3, 10, [3, 3, 1]),
        ([15, 15, 15], 9, 10, [2, 1]),
        ([3, 300, 3], 9, 10, [1, 1, 1]),
        ([1] * 2049, 2048, 300_000, [2048, 1]),
        ([3000] * 301, 2048, 300_000, [300, 1]),
    ],
)
def test_requests_keep_to_their_limits(
    lengths: list[int], inputs: int, tokens: int, sizes: list[int]
) -> None:
    plan = embeddings.plan(["x" * length for length in lengths], inputs=inputs, tokens=tokens)
    assert [len(part) for part in plan] == sizes
    assert [at for part in plan for at in part] == list(range(len(lengths)))


def test_long_and_broken_texts_are_made_fit() -> None:
    assert len(embeddings.trim("x" * 9000)) == 8000
    assert embeddings.trim(" a\ud800b ") == "ab"
    assert [len(part) for part in embeddings.plan(["花" * 8000] * 40)] == [37, 3]


@pytest.mark.parametrize(
    "item", [{"embedding": "%%%"}, {"embedding": None}, {"embedding": ["x"]}, {"embedding": []}, 7]
)
def test_vectors_that_cannot_be_read(item: object) -> None:
    with pytest.raises(ProviderError):
        embeddings.decode({"data": [item]}, 1, 2, "m")
    with pytest.raises(ProviderError, match="0 embeddings for 1"):
        embeddings.decode({"data": None}, 1, 2, "m")
    with pytest.raises(TextError, match="not finite"):
        embeddings.decode({"data": [{"embedding": [math.inf, 1]}]}, 1, 2, "m")


# ---------------------------------------------------------------- settings and faults


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "OPENAI_API_KEY": f"  {KEY}\n",
        "OPENAI_BASE_URL": " ",
        "VITRINA_VISION_MODEL": "gpt-4.1-nano",
        "VITRINA_CAPTION_MODEL": "",
        "VITRINA_EMBEDDING_MODEL": "text-embedding-3-small",
        "VITRINA_DETAIL": "high",
        "VITRINA_IMAGE_URLS": "yes",
        "VITRINA_LANGUAGE": "German",
        "VITRINA_TIMEOUT": "9.5",
    }.items():
        monkeypatch.setenv(name, value)
    settings = OpenAISettings.from_environment()
    assert settings.api_key == KEY
    assert settings.url == "https://api.openai.com/v1"
    assert settings.official
    assert settings.dimensions == 1536
    assert (settings.detail, settings.image_urls, settings.timeout) == ("high", True, 9.5)
    assert settings.model_of("caption") == "gpt-4.1-nano"
    assert KEY not in repr(settings)
    monkeypatch.setenv("VITRINA_DIMENSIONS", "256")
    assert OpenAISettings.from_environment().dimensions == 256


def test_a_server_of_ones_own_needs_no_key(make: Make) -> None:
    settings = OpenAISettings.from_environment({"OPENAI_BASE_URL": "http://localhost:11434/v1/"})
    assert settings.api_key is None
    assert settings.url == "http://localhost:11434/v1"
    assert settings.host == "localhost:11434"
    assert not settings.official
    with OpenAIStub() as open_server:
        provider = make({"base_url": open_server.url, "api_key": None})
        assert provider.tag(Subject(TITLE)).value == terms(TITLE)
        assert open_server.requests("chat")[0].key == "none"


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "no key and no endpoint"),
        ({"OPENAI_API_KEY": " "}, "no key and no endpoint"),
        ({"OPENAI_API_KEY": "sk-a b"}, "copy it again"),
        ({"OPENAI_API_KEY": "sk-ä"}, "copy it again"),
        ({"OPENAI_BASE_URL": "localhost:11434"}, "not an address"),
        ({"OPENAI_BASE_URL": "ftp://a/v1"}, "not an address"),
        ({"OPENAI_BASE_URL": "http://a:99999/v1"}, "not an address"),
        ({"OPENAI_BASE_URL": "https://me:secret@a/v1"}, "may not contain a password"),
        ({"OPENAI_API_KEY": KEY, "VITRINA_DIMENSIONS": "many"}, "VITRINA_DIMENSIONS"),
        ({"OPENAI_API_KEY": KEY, "VITRINA_DIMENSIONS": "5000"}, "--dimensions"),
        ({"OPENAI_API_KEY": KEY, "VITRINA_DETAIL": "auto"}, "low or high"),
        ({"OPENAI_API_KEY": KEY, "VITRINA_IMAGE_URLS": "maybe"}, "VITRINA_IMAGE_URLS"),
        ({"OPENAI_API_KEY": KEY, "VITRINA_TIMEOUT": "0"}, "more than 0"),
        ({"OPENAI_API_KEY": KEY, "VITRINA_HINTS": "some"}, "hints must be one of"),
    ],
)
def test_settings_that_cannot_be_used(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        OpenAISettings.from_environment(environment)
    assert "secret" not in str(caught.value)
    assert KEY not in str(caught.value)


TARGET = faults.Target("host", "m", "VITRINA_VISION_MODEL", (KEY,))


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        (
            429,
            '{"error": {"message": "Rate limit. Visit /account/billing to pay"}}',
            "throttled",
            "rate limit",
        ),
        (429, '{"error": {"code": "insufficient_quota"}}', "provider", "quota"),
        (
            429,
            '[{"error": {"status": "RESOURCE_EXHAUSTED", "message": "insufficient_quota"}}]',
            "throttled",
            "rate limit",
        ),
        (402, '{"error": {"message": "Insufficient Balance"}}', "provider", "quota"),
        (404, '{"error": "model \\"x\\" not found, try pulling it first"}', "provider", "model"),
        (404, "<html><title>Not here</title></html>", "provider", "address"),
        (400, '{"message": "x is not a valid model ID"}', "provider", "model"),
        (
            400,
            '{"error": {"message": "This model does not support images"}}',
            "provider",
            "no pictures",
        ),
        (
            400,
            '{"error": {"message": "image dimensions exceed max allowed size"}}',
            "picture",
            "picture",
        ),
        (
            400,
            '{"error": {"message": "You uploaded an unsupported image. Please"}}',
            "picture",
            "picture",
        ),
        (
            400,
            '{"error": {"param": "response_format", "message": "bad"}}',
            "parameter",
            "response_format",
        ),
        (
            422,
            '{"detail": "json_schema: extra fields not permitted"}',
            "parameter",
            "response_format",
        ),
        (
            400,
            '{"message": "\'max_tokens\' is too large: 1000. maximum context length is 512"}',
            "item",
            "too long",
        ),
        (400, '{"error": {"code": "context_length_exceeded"}}', "item", "too long"),
        (413, "", "item", "too long"),
        (400, '{"error": {"code": "content_filter"}}', "item", "content filter"),
        (400, "[1, 2]", "item", "error 400"),
        (400, "[" * 9999, "item", "error 400"),
        (500, "null", "passing", "error 500"),
        (529, "", "passing", "error 529"),
        (
            200,
            '{"error": {"code": 429, "message": "slow"}}',
            "passing",
            "an error instead of an answer",
        ),
    ],
)
def test_faults_of_every_server(status: int, body: str, kind: str, reason: str) -> None:
    fault = faults.classify(status, {}, body, TARGET)
    assert (fault.kind, fault.reason) == (kind, reason)
    assert "\n" not in fault.message
    assert len(fault.message) < 400


def test_an_error_in_a_good_answer_is_taken_at_its_code() -> None:
    body = {"error": {"code": 429, "message": "slow down"}, "choices": None}
    assert faults.classify_body(body, TARGET).kind == "throttled"
    assert faults.classify_body({"error": "crashed"}, TARGET).kind == "passing"


def test_a_wait_of_hours_is_nobodys_patience() -> None:
    fault = faults.classify(429, {"retry-after": "7200"}, "", TARGET)
    assert fault.kind == "provider"
    assert "120 minutes" in fault.message


@pytest.mark.parametrize(
    ("headers", "body", "wait"),
    [
        ({"retry-after": "2"}, "", 2.0),
        ({"retry-after": "1.5"}, "", 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, "", 0.25),
        ({"retry-after": "Sat, 01 Jan 2000 00:00:10 GMT"}, "", 10.0),
        ({"retry-after": "-3"}, "", 0.0),
        ({"retry-after": "soon"}, "", None),
        ({"retry-after": "inf"}, "", None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m2s"}, "", 62.0),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "1m2s"}, "", None),
        ({}, '{"error": {"message": "Limit 3. Please try again in 20s. Visit"}}', 20.0),
        ({}, '{"error": {"message": "Please try again in 1m6.5s."}}', 66.5),
    ],
)
def test_waits_that_servers_ask_for(headers: dict[str, str], body: str, wait: float | None) -> None:
    found = faults.classify(429, headers, body, TARGET)
    now = 946_684_800.0
    if "2000" in headers.get("retry-after", ""):
        assert faults.retry_after(headers, now) == wait
    else:
        assert found.wait == wait


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6m0s", 360), ("20ms", 0.02), ("1h2m3.5s", 3723.5), ("7", 7), ("", None), ("soon", None),
     ("nan", None), ("-1", None), ("1d", 86400)],
)  # fmt: skip
def test_durations(text: str, seconds: float | None) -> None:
    assert faults.duration(text) == (None if seconds is None else pytest.approx(seconds))


def test_keys_are_taken_out_of_every_text() -> None:
    text = f"bad key {KEY}, sk-proj-****abcd, Bearer xyz.abc, gsk_0123456789 at task-force"
    assert faults.scrub(text, (KEY,)) == "bad key [key], [key], [key], [key] at task-force"
    cut = faults.classify(401, {}, "x" * 180 + KEY, TARGET)
    assert KEY[:12] not in cut.message


def test_proxies_are_the_environments_but_never_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert _proxy_for("https://api.example/v1") is None
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HTTP_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    assert _proxy_for("https://api.example/v1") == "http://proxy.example:3128"
    assert _proxy_for("http://api.example/v1") == "http://proxy.example:3128"
    assert _proxy_for("https://inside.example/v1") is None
    assert _proxy_for("http://127.0.0.1:11434/v1") is None
    assert _proxy_for("http://localhost:11434/v1") is None


def test_a_proxy_is_asked_for_hosts_elsewhere(
    make: Make, stub: OpenAIStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", stub.url.replace("//", "//me:word@").removesuffix("/v1"))
    with pytest.raises(ProviderError, match="no such address"):
        make({"base_url": "http://api.example/v1"}).tag(Subject(TITLE))
    (request,) = stub.requests("unknown")
    assert request.path == "http://api.example/v1/chat/completions"
    assert request.headers["proxy-authorization"].startswith("Basic ")


def test_importing_the_provider_does_not_import_the_sdk() -> None:
    code = (
        "import sys, vitrina.models.openai.provider, vitrina.models.pricing, vitrina.cli;"
        "print([m for m in ('openai', 'httpx2') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
