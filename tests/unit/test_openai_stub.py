"""The stub itself: what other tests stand on."""

from __future__ import annotations

import http.client
import io
import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from openai_stub import KINDS, OpenAIStub, caption_of, keywords_of, vector_of

BODY: dict[str, Any] = {
    "model": "gpt-4o-mini",
    "messages": [
        {"role": "system", "content": 'Answer with JSON: {"caption": "…"}'},
        {"role": "user", "content": "Title: black oak desk"},
    ],
}


@pytest.fixture
def stub() -> Iterator[OpenAIStub]:
    with OpenAIStub() as stub:
        yield stub


@pytest.fixture
def client(stub: OpenAIStub) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=stub.url, api_key="sk-test", max_retries=0, timeout=5) as client:
        yield client


def test_chat_answers_from_the_title(stub: OpenAIStub, client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**BODY)
    assert json.loads(answer.choices[0].message.content or "") == {
        "caption": caption_of("black oak desk")
    }
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0
    request = stub.requests("chat")[0]
    assert request.key == "sk-test"
    assert request.body["model"] == "gpt-4o-mini"
    assert stub.calls == {"chat": 1}
    assert len(stub.latencies["chat"]) == 1


def test_keywords_have_facets() -> None:
    assert [tuple(k.values()) for k in keywords_of("Black oak desk with 3 drawers")] == [
        ("black", "color"),
        ("oak", "material"),
        ("desk", "feature"),
        ("3", "size"),
        ("drawers", "type"),
    ]


def test_near_texts_have_near_vectors(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(
        model="text-embedding-3-small",
        input=["black oak desk", "black oak table", "red leather shoe"],
        dimensions=64,
    )
    desk, table, shoe = (item.embedding for item in answer.data)
    assert len(desk) == 64
    assert sum(a * a for a in desk) == pytest.approx(1, abs=1e-5)
    near = sum(a * b for a, b in zip(desk, table, strict=True))
    far = sum(a * b for a, b in zip(desk, shoe, strict=True))
    assert near > 0.5
    assert far < 0.4
    assert desk == pytest.approx(vector_of("black oak desk", 64), abs=1e-6)


def batch_file(client: openai.OpenAI, count: int) -> str:
    lines = [
        {"custom_id": f"p{n}", "method": "POST", "url": "/v1/chat/completions", "body": BODY}
        for n in range(count)
    ]
    data = "\n".join(json.dumps(line) for line in lines).encode()
    return client.files.create(file=("in.jsonl", io.BytesIO(data)), purpose="batch").id


def make_batch(client: openai.OpenAI, count: int) -> Any:
    return client.batches.create(
        input_file_id=batch_file(client, count),
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"run": "7"},
    )


def lines(client: openai.OpenAI, file_id: str | None) -> dict[str, Any]:
    assert file_id is not None
    found = (json.loads(line) for line in client.files.content(file_id).iter_lines() if line)
    return {line["custom_id"]: line for line in found}


def test_a_batch_comes_back_complete_and_in_no_order(client: openai.OpenAI) -> None:
    batch = make_batch(client, 6)
    assert batch.status == "in_progress"
    assert batch.metadata == {"run": "7"}
    done = client.batches.retrieve(batch.id)
    assert done.status == "completed"
    found = lines(client, done.output_file_id)
    assert sorted(found) == [f"p{n}" for n in range(6)]
    assert list(found) != sorted(found)
    assert found["p3"]["response"]["body"]["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("kind", "status", "done", "failed"),
    [
        ("partial", "completed", 3, None),
        ("expired", "expired", 3, 3),
        ("error-lines", "completed", 3, 3),
        ("failed", "failed", None, None),
    ],
)
def test_batches_that_go_wrong(
    stub: OpenAIStub,
    client: openai.OpenAI,
    kind: str,
    status: str,
    done: int | None,
    failed: int | None,
) -> None:
    stub.fault("batches", kind)
    batch = client.batches.retrieve(make_batch(client, 6).id)
    assert batch.status == status
    assert (batch.errors is not None) is (kind == "failed")
    for file_id, count in ((batch.output_file_id, done), (batch.error_file_id, failed)):
        if count is None:
            assert file_id is None
        else:
            assert len(lines(client, file_id)) == count


def test_a_batch_on_command_and_a_cancelled_one(client: openai.OpenAI, stub: OpenAIStub) -> None:
    stub.batch_seconds = None
    first, second = make_batch(client, 2), make_batch(client, 2)
    assert client.batches.retrieve(first.id).status == "in_progress"
    assert client.batches.cancel(second.id).status == "cancelled"
    stub.complete_batches()
    assert client.batches.retrieve(first.id).status == "completed"
    assert client.batches.retrieve(second.id).status == "cancelled"


def test_faults_come_as_often_as_told_and_only_where_they_match(
    client: openai.OpenAI, stub: OpenAIStub
) -> None:
    stub.fault("chat", "500", times=2, match="desk")
    stub.fault("chat", "401", times=None, match=lambda request: "lamp" in request.text)
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(**BODY)
    client.chat.completions.create(**BODY)
    lamp = {**BODY, "messages": [BODY["messages"][0], {"role": "user", "content": "Title: lamp"}]}
    for _ in range(3):
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(**lamp)
    stub.clear_faults()
    client.chat.completions.create(**lamp)
    with pytest.raises(ValueError, match="no fault"):
        stub.fault("chat", "sunshine")
    assert "hang" in KINDS


def test_only_the_right_key() -> None:
    with OpenAIStub(key="sk-right") as stub:
        with (
            openai.OpenAI(base_url=stub.url, api_key="sk-wrong", max_retries=0) as client,
            pytest.raises(openai.AuthenticationError),
        ):
            client.models.list()
        with openai.OpenAI(base_url=stub.url, api_key="sk-right", max_retries=0) as client:
            assert client.models.list().data[0].id == "gpt-4o-mini"


def test_an_answer_can_be_given_word_for_word(stub: OpenAIStub, client: openai.OpenAI) -> None:
    stub.answer = lambda body: f"{body['model']} says hello"
    said = client.chat.completions.create(**BODY).choices[0].message.content
    assert said == "gpt-4o-mini says hello"


def test_it_keeps_up_with_32_connections(stub: OpenAIStub) -> None:
    host, body = urlsplit(stub.url).netloc, json.dumps(BODY)
    stub.latency = 0.01

    def ask() -> None:
        connection = http.client.HTTPConnection(host)
        together.wait()
        for _ in range(25):
            connection.request(
                "POST", "/v1/chat/completions", body, {"content-type": "application/json"}
            )
            assert connection.getresponse().read()
        connection.close()

    together = threading.Barrier(32)
    threads = [threading.Thread(target=ask) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stub.calls["chat"] == 800
    assert 8 < stub.max_in_flight <= 32
