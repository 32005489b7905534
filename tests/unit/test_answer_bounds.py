"""No answer of a model's server is read without end, and no request leaves for another server."""

from __future__ import annotations

import gzip
import json
import resource
import time
from collections import deque
from collections.abc import Iterator

import httpx2
import pytest

from openai_stub import OpenAIStub
from vitrina.doctor import installation
from vitrina.errors import ItemError, ProviderError
from vitrina.http.transport import DeadlineTransport, at_most
from vitrina.models.base import Subject
from vitrina.models.openai.batch_client import BatchClient, PassingError
from vitrina.models.openai.provider import OpenAIProvider
from vitrina.models.openai.settings import OpenAISettings
from vitrina.settings import Settings

KEY = "sk-only-for-this-server"
LEAP = 250_000  # kB: more than any of these takes, and less than 1 GB


@pytest.fixture
def stub() -> Iterator[OpenAIStub]:
    with OpenAIStub(key=KEY, dimensions=64) as stub:
        yield stub


@pytest.fixture
def other(stub: OpenAIStub) -> Iterator[OpenAIStub]:
    """Where the stub redirects to."""
    with OpenAIStub(dimensions=64) as other:
        stub.elsewhere = other.url.removesuffix("/v1")
        yield other


def settings(stub: OpenAIStub) -> OpenAISettings:
    return OpenAISettings(base_url=stub.url, api_key=KEY, dimensions=64, timeout=60.0)


@pytest.fixture
def provider(stub: OpenAIStub) -> Iterator[OpenAIProvider]:
    with OpenAIProvider(settings(stub), attempts=2, first_wait=0.01) as provider:
        provider.tag(Subject("Oak desk"))  # what is imported late is there
        yield provider


@pytest.fixture
def batches(stub: OpenAIStub) -> Iterator[BatchClient]:
    client = BatchClient(settings(stub))
    yield client
    client.close()


@pytest.fixture
def small() -> Iterator[None]:
    """Peak memory does not leap meanwhile."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < LEAP


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", ["gzip-bomb", "endless"])
class TestLongAnswers:
    def test_of_a_chat_is_given_up(
        self, stub: OpenAIStub, provider: OpenAIProvider, kind: str
    ) -> None:
        stub.fault("chat", kind, times=None, match="lamp")
        with pytest.raises(ItemError, match="answered with more than 16 MB"):
            provider.tag(Subject("lamp"))
        assert provider.tag(Subject("Oak desk")).value

    def test_of_embeddings_is_given_up(
        self, stub: OpenAIStub, provider: OpenAIProvider, kind: str
    ) -> None:
        stub.fault("embeddings", kind, times=None)
        with pytest.raises(ItemError, match="answered with more than 16 MB"):
            provider.embed(["lamp"])

    def test_of_a_list_of_models_is_said_by_doctor(
        self, stub: OpenAIStub, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        stub.fault("models", kind)
        (found,) = installation.provider(Settings())
        assert found.level == "wrong"
        assert "TooMuchError" in found.found

    def test_of_a_batch_is_given_up(
        self, stub: OpenAIStub, batches: BatchClient, kind: str
    ) -> None:
        stub.fault("batches", kind, times=None)
        with pytest.raises(PassingError, match="answered with more than 16 MB"):
            batches.retrieve("batch_1")


@pytest.mark.usefixtures("small")
def test_a_line_of_a_batch_is_bounded(stub: OpenAIStub, batches: BatchClient) -> None:
    stub.fault("content", "long-line")
    with pytest.raises(PassingError, match="a line is longer than 16 MB"):
        list(batches.lines("file-1"))


def test_the_file_of_a_batch_may_be_longer_than_an_answer(
    stub: OpenAIStub, batches: BatchClient
) -> None:
    stub.files["file-1"] = (b"x" * 999_999 + b"\n") * 20
    assert sum(map(len, batches.lines("file-1"))) == 20 * 999_999


@pytest.mark.usefixtures("small")
def test_an_answer_is_counted_as_it_is_unpacked(stub: OpenAIStub) -> None:
    stub.fault("models", "gzip-bomb")
    headers = {"Authorization": f"Bearer {KEY}"}
    with (
        httpx2.Client(transport=DeadlineTransport(stub.url, 1), headers=headers) as client,
        at_most(1_000_000),
        client.stream("GET", f"{stub.url}/models") as answer,
        pytest.raises(httpx2.TransportError, match="more than 1 MB"),
    ):
        deque(answer.iter_raw())


def test_packed_answers_are_understood(stub: OpenAIStub, provider: OpenAIProvider) -> None:
    plain, packed = stub.respond, []

    def respond(request: object, kind: str | None) -> object:
        packed.append(gzip.compress(json.dumps(plain(request, kind)).encode()))  # type: ignore[arg-type]
        return packed[-1]

    expected = provider.tag(Subject("Oak desk")).value
    stub.respond = respond  # type: ignore[method-assign, assignment]
    stub.headers = {"Content-Encoding": "gzip"}
    assert provider.tag(Subject("Oak desk")).value == expected
    assert packed
    stub.headers = {"Content-Encoding": "br"}
    with pytest.raises(ItemError, match="packs its answer as 'br'"):
        provider.tag(Subject("Oak desk"))


class TestRedirects:
    def test_on_the_same_server_are_followed(
        self, stub: OpenAIStub, provider: OpenAIProvider
    ) -> None:
        stub.fault("chat", "redirect", times=3)
        assert provider.tag(Subject("Oak desk")).value
        assert stub.calls["chat"] == 5

    def test_in_a_circle_end_the_run(self, stub: OpenAIStub, provider: OpenAIProvider) -> None:
        stub.fault("chat", "redirect", times=None)
        with pytest.raises(ProviderError, match="redirects more than 3 times"):
            provider.tag(Subject("Oak desk"))
        assert stub.calls["chat"] == 1 + 4

    @pytest.mark.parametrize("route", ["chat", "embeddings"])
    def test_to_another_server_are_refused(
        self, stub: OpenAIStub, other: OpenAIStub, provider: OpenAIProvider, route: str
    ) -> None:
        asks = {
            "chat": lambda: provider.tag(Subject("Oak desk")),
            "embeddings": lambda: provider.embed(["Oak desk"]),
        }
        stub.fault(route, "elsewhere")
        with pytest.raises(ProviderError, match=f"redirects to {other.url}.*OPENAI_BASE_URL"):
            asks[route]()
        assert other.log == [], "neither the key nor a product reaches it"

    def test_of_batches_and_their_files_to_another_server_are_refused(
        self, stub: OpenAIStub, other: OpenAIStub, batches: BatchClient
    ) -> None:
        stub.fault("batches", "elsewhere", times=None)
        with pytest.raises(ProviderError, match="redirects to"):
            batches.retrieve("batch_1")
        stub.fault("content", "elsewhere")
        with pytest.raises(ProviderError, match="redirects to"):
            list(batches.lines("file-1"))
        assert other.log == []

    def test_of_a_list_of_models_are_not_followed_by_doctor(
        self, stub: OpenAIStub, other: OpenAIStub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        stub.fault("models", "elsewhere")
        list(installation.provider(Settings()))
        assert other.log == []


def test_an_endless_answer_meets_the_deadline_too(stub: OpenAIStub) -> None:
    slow = OpenAISettings(base_url=stub.url, api_key=KEY, dimensions=64, timeout=0.5)
    stub.fault("chat", "drip", seconds=0.05)
    with OpenAIProvider(slow, attempts=1) as provider:
        started = time.monotonic()
        with pytest.raises(ItemError, match="did not answer within"):
            provider.tag(Subject("lamp"))
        assert time.monotonic() - started < 60
