"""Batches against a server: rounds, gaps, crashes; nothing is lost and nothing is asked twice."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from PIL import Image

from openai_stub import OpenAIStub, caption_of, description_of
from vitrina.batch import collect
from vitrina.batch import run as batch_runs
from vitrina.batch.run import Run, cost_of
from vitrina.catalog import Catalog
from vitrina.errors import BudgetError, ConfigError, InputError, ProviderError
from vitrina.files import FileOptions, Mapping
from vitrina.models.openai.batch import (
    Limits,
    Part,
    Planner,
    Sized,
    estimate_tokens,
    plan,
    read_line,
)
from vitrina.models.openai.batch_client import BatchClient, PassingError
from vitrina.models.openai.provider import OpenAIProvider
from vitrina.models.openai.settings import OpenAISettings
from vitrina.models.outcomes import Usage
from vitrina.products.load import load_file
from vitrina.settings import Settings
from waiting import HANG

TITLES = ["Oak table", "Metal chair", "Glass lamp", "Felt sofa", "Rattan stool"]


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIStub]:
    with OpenAIStub(dimensions=64) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-of-batches")
        monkeypatch.setenv("VITRINA_DIMENSIONS", "64")
        yield stub


@pytest.fixture
def shop(catalog: Catalog, tmp_path: Path) -> Catalog:
    """A catalog with five queued products; three have a picture."""
    rows = ["id,title,image"]
    for number, title in enumerate(TITLES):
        name = f"{number}.png" if number < 3 else ""
        if name:
            Image.new("RGB", (60 + number, 40), (200, 40 * number, 90)).save(tmp_path / name)
        rows.append(f"{number},{title},{name}")
    path = tmp_path / "shop.csv"
    path.write_text("\n".join(rows) + "\n")
    load_file(
        catalog.database,
        str(path),
        source="shop",
        options=FileOptions(Mapping(image_root=tmp_path)),
    )
    return catalog


Told = Callable[..., Catalog]


@pytest.fixture
def told(shop: Catalog) -> Iterator[Told]:
    """The same shop in a process that is told something else."""
    with contextlib.ExitStack() as opened:
        yield lambda **changes: opened.enter_context(
            Catalog(settings=replace(shop.settings, **changes))
        )


def asked(stub: OpenAIStub) -> list[str]:
    """The stage and key of every request in every batch that was begun, failed ones left out."""
    names = []
    for batch in stub._batches.values():
        if "failed" not in batch.kinds:
            lines = stub.files[batch.input_file_id].splitlines()
            names += [json.loads(raw)["custom_id"].rpartition(":")[0] for raw in lines]
    return names


def stages(stub: OpenAIStub) -> Counter[str]:
    return Counter(name.partition(":")[0] for name in asked(stub))


def enriched(catalog: Catalog) -> list[tuple[str, str, str]]:
    return [(row.title, row.description, row.caption) for row in catalog.export()]


def expected() -> list[tuple[str, str, str]]:
    return [(title, description_of(title), caption_of(title)) for title in TITLES]


def test_two_rounds_fill_the_generations_and_work_asks_nothing(
    shop: Catalog, stub: OpenAIStub
) -> None:
    first = shop.batches.submit()
    assert (first.batches, first.requests, first.open) == (1, 10, 1)
    assert stages(stub) == {"tag": 5, "describe": 5}
    assert shop.status().queued == 5
    assert shop.work().products == 0, "products of a batch are not due for workers"

    second = shop.batches.collect()
    assert (second.answered, second.requests, second.enriched.products) == (10, 5, 0)
    third = shop.batches.collect()
    assert (third.answered, third.open, third.enriched.products) == (5, 0, 5)
    assert third.enriched.generations == 0
    assert third.enriched.reused == 15
    assert stub.calls["chat"] == 0
    assert enriched(shop) == expected()
    assert all(count == 1 for count in Counter(asked(stub)).values())
    status = shop.status()
    assert (status.queued, status.failed, status.without_picture) == (0, 0, 2)
    assert [row.state for row in shop.batches.list()] == ["collected"] * 2
    assert shop.batches.list(open_only=True) == []
    assert shop.batches.collect().open == 0


def test_one_call_takes_one_round(shop: Catalog, told: Told, stub: OpenAIStub) -> None:
    shop = told(one_call=True)
    assert shop.batches.submit().requests == 5
    shop = told(one_call=False)  # another process, without the flag
    done = shop.batches.collect()
    assert (done.answered, done.enriched.products, done.open) == (5, 5, 0)
    assert (stages(stub), stub.calls["chat"]) == ({"enrich": 5}, 0)
    assert enriched(shop) == expected()


def test_the_pictures_are_in_the_requests_and_their_keys_are_those_of_the_stages(
    shop: Catalog, stub: OpenAIStub
) -> None:
    shop.batches.submit()
    (file,) = stub.files.values()
    lines = [json.loads(raw) for raw in file.splitlines()]
    pictures = [raw for raw in file.splitlines() if b"data:image/jpeg;base64," in raw]
    assert len(pictures) == 6
    assert {one["url"] for one in lines} == {"/v1/chat/completions"}
    assert {one["body"]["model"] for one in lines} == {"gpt-4o-mini"}
    shop.database.rows("select vitrina.make_due(array_agg(j.product_id)) from vitrina.jobs as j")
    shop.work()
    stored = shop.database.rows(
        "select g.stage || ':' || encode(g.input_hash, 'hex') as name from vitrina.generations as g"
    )
    assert {row["name"] for row in stored} >= set(asked(stub))


def test_only_what_expired_is_asked_again(shop: Catalog, stub: OpenAIStub) -> None:
    stub.fault("batches", "expired")
    shop.batches.submit()
    done = shop.batches.collect()
    assert (done.answered, done.unanswered) == (5, 5)
    again = Counter(asked(stub))
    assert sum(count == 2 for count in again.values()) == 5
    while shop.batches.collect().open:
        pass
    assert enriched(shop) == expected()
    assert max(Counter(asked(stub)).values()) == 2
    assert stub.calls["chat"] == 0


def test_what_a_partial_output_leaves_out_is_asked_again(shop: Catalog, stub: OpenAIStub) -> None:
    stub.fault("batches", "partial")
    shop.batches.submit()
    while shop.batches.collect().open:
        pass
    assert enriched(shop) == expected()
    assert sum(Counter(asked(stub)).values()) == 15 + 5


def test_requests_that_are_refused_are_left_to_a_worker(
    shop: Catalog, told: Told, stub: OpenAIStub
) -> None:
    shop = told(one_call=True)
    stub.fault("batches", "error-lines")
    shop.batches.submit()
    done = shop.batches.collect()
    assert (done.answered, done.unanswered, done.enriched.products) == (3, 2, 3)
    assert (done.left, done.open, done.batches) == (2, 0, 0)
    reasons = shop.database.rows(
        "select r.error from vitrina.batch_requests as r where r.state = 'refused'"
    )
    assert ["too long" in row["error"] for row in reasons] == [True, True]
    assert shop.work().products == 2
    assert stub.calls["chat"] == 2


def test_the_next_round_leaves_out_what_the_endpoint_refused(
    shop: Catalog, told: Told, stub: OpenAIStub
) -> None:
    def refused(body: dict[str, Any]) -> str | None:
        if body.get("response_format", {}).get("type") == "json_schema":
            return "no-schema"
        return "no-system" if body["messages"][0]["role"] == "system" else None

    stub.refused = refused
    told(one_call=True).batches.submit()
    for _ in range(2):  # each in a process that knows nothing but the database
        done = told().batches.collect()
        assert (done.answered, done.requests, done.left) == (0, 5, 0)
    done = told().batches.collect()
    assert (done.answered, done.enriched.products, done.open) == (5, 5, 0)
    assert (enriched(shop), stub.calls["chat"]) == (expected(), 0)
    last = json.loads(stub.files[list(stub._batches.values())[-1].input_file_id].splitlines()[0])
    assert last["body"]["temperature"] == 0, "it was not asked before, and is asked the same"
    assert last["body"]["response_format"] == {"type": "json_object"}


def test_a_request_that_is_refused_in_every_form_is_left_to_a_worker(
    told: Told, stub: OpenAIStub
) -> None:
    stub.refused = lambda _: "no-schema"
    told(one_call=True).batches.submit()
    done = told().batches.collect(wait=True, seconds=0.01)
    assert (done.answered, done.left, done.open, len(stub._batches)) == (0, 5, 0, 3)


def test_a_request_is_given_up_after_three_batches(
    shop: Catalog, told: Told, stub: OpenAIStub
) -> None:
    shop = told(one_call=True)
    stub.answer = lambda body: None
    shop.batches.submit()
    done = shop.batches.collect(wait=True, seconds=0.01)
    assert (done.open, done.left) == (0, 5)
    assert set(Counter(asked(stub)).values()) == {3}
    bodies = [json.loads(raw)["body"] for raw in list(stub.files.values())[-2].splitlines()]
    assert {body["temperature"] for body in bodies} == {0.7}, "a second try asks differently"
    paid = shop.database.value("select count(*) from vitrina.generations where output ? 'error'")
    assert paid == 15, "useless answers are paid for, and kept"
    stub.answer = None
    assert shop.work().products == 5


def test_a_failed_batch_frees_its_requests(shop: Catalog, stub: OpenAIStub) -> None:
    stub.fault("batches", "failed")
    shop.batches.submit()
    done = shop.batches.collect()
    assert (done.answered, done.open) == (0, 0)
    assert "token_limit_exceeded" in done.failures[0]
    assert shop.batches.list()[0].state == "failed"
    assert shop.batches.submit().requests == 10
    while shop.batches.collect().open:
        pass
    assert enriched(shop) == expected()


def test_unknown_doubled_and_broken_lines_change_nothing(
    shop: Catalog, told: Told, stub: OpenAIStub
) -> None:
    shop = told(one_call=True)
    shop.batches.submit()
    (batch,) = stub._batches.values()
    stub._finish(batch)
    assert batch.output_file_id
    lines = stub.files[batch.output_file_id].splitlines()
    unknown = lines[0].replace(b"enrich:", b"enrich:00")
    other = json.dumps({"custom_id": "embed:1", "response": None}).encode()
    spoilt = [b"", b"[1]", b"null", b'{"custom_id": 5}', b"{", unknown, other, *lines, lines[1]]
    stub.files[batch.output_file_id] = b"\n".join(spoilt)
    done = shop.batches.collect()
    assert (done.answered, done.enriched.products, done.open) == (5, 5, 0)
    assert shop.status().generations == 5 + 1 + 1  # answers, and two embeddings calls


def test_a_queue_that_is_full_is_fed_as_it_empties(
    shop: Catalog, told: Told, stub: OpenAIStub
) -> None:
    shop = told(one_call=True)
    done = shop.batches.submit(tokens=4000)
    assert done.full
    assert 0 < done.requests < 5
    total = shop.batches.collect(wait=True, seconds=0.01)
    assert (total.open, total.enriched.products) == (0, 5)
    assert len(stub._batches) > 1
    assert all(count == 1 for count in Counter(asked(stub)).values())


def test_products_that_are_the_same_are_asked_about_once(
    catalog: Catalog, stub: OpenAIStub, tmp_path: Path
) -> None:
    path = tmp_path / "twins.csv"
    path.write_text("id,title\n1,Oak table\n2,Oak table\n")
    catalog.sources.load(path)
    assert catalog.batches.submit().requests == 2
    total = catalog.batches.collect(wait=True, seconds=0.01)
    assert total.enriched.products == 2
    assert stages(stub) == {"tag": 1, "describe": 1, "caption": 1}


def test_a_product_that_changes_meanwhile_is_asked_about_anew(
    shop: Catalog, stub: OpenAIStub, tmp_path: Path
) -> None:
    shop.batches.submit()
    path = tmp_path / "changed.csv"
    path.write_text("id,title,image\n4,Rattan basket,\n")
    assert shop.sources.load(path, source="shop").queued == 1
    shop.batches.collect(wait=True, seconds=0.01)
    assert enriched(shop)[4][0] == "Rattan basket"
    assert enriched(shop)[4][2] == caption_of("Rattan basket")
    assert all(count == 1 for count in Counter(asked(stub)).values())


KILLED = """
import os, signal, sys
from vitrina.batch import round as batch_round, collect
from vitrina.catalog import Catalog
from vitrina.models.openai.batch_client import BatchClient

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

holder = {"client": BatchClient, "round": batch_round, "desk": collect}[sys.argv[2]]
setattr(holder, sys.argv[3], die)
with Catalog(sys.argv[1]) as catalog:
    getattr(catalog.batches, sys.argv[4])()
"""


@pytest.mark.parametrize(
    ("holder", "hook", "during"),
    [
        ("client", "upload", "submit"),  # requests recorded, nothing sent
        ("client", "create", "submit"),  # uploaded, not begun
        ("round", "submitted", "submit"),  # begun, its id not stored
        ("desk", "settle", "collect"),  # answers stored, the batch not settled
        ("client", "create", "collect"),  # second round uploaded, not begun
    ],
)
def test_a_process_that_is_killed_loses_nothing_and_pays_nothing_twice(
    shop: Catalog, stub: OpenAIStub, holder: str, hook: str, during: str
) -> None:
    if during == "collect":
        shop.batches.submit()
    arguments = [sys.executable, "-c", KILLED, shop.database.dsn, holder, hook, during]
    killed = subprocess.run(arguments, capture_output=True, text=True, timeout=HANG)
    assert killed.returncode == -9, killed.stderr
    if during == "submit":
        assert shop.status().queued == 5
        shop.batches.collect()
        if hook == "upload":
            assert [row.state for row in shop.batches.list()] == ["abandoned"]
            shop.batches.submit()
    total = shop.batches.collect(wait=True, seconds=0.01)
    assert total.open == 0
    assert enriched(shop) == expected()
    assert stages(stub) == {"tag": 5, "describe": 5, "caption": 5}
    assert all(count == 1 for count in Counter(asked(stub)).values())
    assert stub.calls["chat"] == 0


def test_an_answer_that_never_came_is_looked_for(
    shop: Catalog, stub: OpenAIStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = BatchClient.create

    def lost(self: BatchClient, input_file: str, token: str) -> object:
        create(self, input_file, token)
        raise PassingError("the connection broke")

    with monkeypatch.context() as patch:
        patch.setattr(BatchClient, "create", lost)
        with pytest.raises(ProviderError, match="broke"):
            shop.batches.submit()
    assert shop.batches.list()[0].state == "creating"
    assert shop.batches.collect().answered == 10
    assert stages(stub)["tag"] == 5


@pytest.mark.parametrize(("route", "kind"), [("files", "401"), ("batches", "bad-request")])
def test_what_the_endpoint_refuses_is_free_again(
    shop: Catalog, stub: OpenAIStub, route: str, kind: str
) -> None:
    stub.fault(route, kind)
    with pytest.raises(ProviderError) as caught:
        shop.batches.submit()
    assert "sk-test" not in str(caught.value)
    assert shop.batches.list(open_only=True) == []
    assert shop.batches.submit().requests == 10


def test_an_upload_is_tried_again(shop: Catalog, stub: OpenAIStub) -> None:
    stub.fault("files", "503")
    assert shop.batches.submit().requests == 10
    stub.fault("content", "reset-mid-body")
    with pytest.raises(PassingError):
        shop.batches.collect()
    assert shop.batches.collect().answered == 10


def test_one_process_at_a_time(shop: Catalog, stub: OpenAIStub) -> None:
    with collect.alone(shop.database), pytest.raises(collect.BusyError):
        shop.batches.submit()
    assert shop.batches.submit().requests == 10


def test_another_environment_is_told_so(
    shop: Catalog, stub: OpenAIStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.batches.submit()
    monkeypatch.setenv("VITRINA_REASONING_EFFORT", "low")
    with pytest.raises(ConfigError, match="reasoning_effort"):
        shop.batches.collect()
    monkeypatch.delenv("VITRINA_REASONING_EFFORT")
    assert shop.batches.collect().requests == 5


def test_batches_take_an_endpoint(shop: Catalog) -> None:
    with pytest.raises(ConfigError, match="--batch"):
        shop.batches.submit()
    with pytest.raises(ConfigError):
        shop.batches.collect()


def test_a_budget_has_to_hold_the_estimate(
    shop: Catalog, told: Told, stub: OpenAIStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = told(max_cost=Decimal(1))
    with pytest.raises(InputError, match="are unknown"):
        shop.batches.submit()
    shop = told(max_cost=None)
    monkeypatch.setattr("vitrina.batch.round.cost_of", lambda *_: Decimal("0.01"))
    monkeypatch.setattr("vitrina.batch.collect.cost_of", lambda *_: Decimal("0.01"))
    shop.costs.set_budget(Decimal("0.045"))
    done = shop.batches.submit()
    assert (done.requests, done.estimate) == (4, Decimal("0.04"))
    assert done.stopped is not None
    assert shop.batches.collect().stopped is not None
    again = shop.batches.submit()
    assert (again.requests, again.batches) == (0, 0), "what is open is reserved"
    shop.costs.set_budget(None)
    shop.batches.submit()
    assert shop.batches.collect(wait=True, seconds=0.01).open == 0
    assert enriched(shop) == expected()
    assert stub.calls["chat"] == 0


def test_an_answer_costs_half_and_elsewhere_it_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked_for = []
    monkeypatch.setattr(batch_runs.pricing, "price", lambda *given, **how: asked_for.append(how))
    cost_of(OpenAISettings(api_key="sk-1"), "gpt-4o-mini", Usage(10, 0, 1))
    assert asked_for == [{"batch": True}]
    monkeypatch.undo()
    usage = Usage(1_000_000, 0, 1_000_000)
    assert cost_of(OpenAISettings(api_key="sk-1"), "gpt-4o-mini", usage) == Decimal("0.375")
    assert cost_of(OpenAISettings(base_url="http://127.0.0.1/v1"), "gpt-4o-mini", usage) is None


def test_a_run_is_stored_without_its_key(stub: OpenAIStub) -> None:
    run = Run.begin(Settings(one_call=True, max_cost=Decimal("2.5")), ["a"], Limits(tokens=7))
    stored = json.loads(json.dumps(run.stored()))
    assert "sk-test" not in json.dumps(stored)
    assert Run.resume(run.id, stored, Settings()) == run


def requests(*weights: tuple[str, int, int]) -> list[Sized]:
    return [Sized(f"r{n}", *weight) for n, weight in enumerate(weights)]


@pytest.mark.parametrize(
    ("given", "limits", "queued", "parts"),
    [
        ([], {}, {}, []),
        ([("a", 10, 1)] * 3, {}, {}, [("a", "r0 r1 r2")]),
        ([("a", 10, 1)] * 3, {"requests": 2}, {}, [("a", "r0 r1"), ("a", "r2")]),
        ([("a", 40, 1)] * 3, {"size": 80}, {}, [("a", "r0 r1"), ("a", "r2")]),
        ([("a", 1, 4)] * 3, {"tokens": 8}, {}, [("a", "r0 r1")]),
        ([("a", 1, 4)] * 3, {"tokens": 8}, {"a": 4}, [("a", "r0")]),
        ([("a", 1, 4)] * 3, {"tokens": 8}, {"a": 9}, []),
        ([("a", 1, 4)] * 2, {"tokens": 8}, {"b": 8}, [("a", "r0 r1")]),
        ([("a", 1, 1), ("b", 1, 1), ("a", 1, 1)], {}, {}, [("a", "r0 r2"), ("b", "r1")]),
        ([("a", 1, 5), ("b", 1, 5)], {"tokens": 5}, {}, [("a", "r0"), ("b", "r1")]),
        ([("a", 99, 1), ("a", 5, 1)], {"size": 80}, {}, [("a", "r1")]),
        ([("a", 1, 9), ("a", 1, 3)], {"tokens": 8}, {}, [("a", "r1")]),
        ([("a", 80, 1), ("a", 80, 1)], {"size": 80}, {}, [("a", "r0"), ("a", "r1")]),
    ],
)
def test_plan(
    given: list[tuple[str, int, int]],
    limits: dict[str, int],
    queued: dict[str, int],
    parts: list[tuple[str, str]],
) -> None:
    made = plan(requests(*given), Limits(**limits), queued)
    assert [(part.model, " ".join(part.requests)) for part in made] == parts
    for part in made:
        assert isinstance(part, Part)
        assert part.size <= Limits(**limits).size


def test_a_planner_says_what_fits_nowhere() -> None:
    planner = Planner(Limits(tokens=5))
    assert planner.oversized(Sized("x", "a", 1, 6))
    assert not planner.oversized(Sized("x", "a", 1, 5))


def test_tokens_are_estimated_with_the_picture() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:,", "detail": "low"}}
    text = {"type": "text", "text": "x" * 400}
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": [text, part]}]}
    assert estimate_tokens(body, "low", (4000, 3000)) == 2833 + 101
    unknown = {**body, "model": "somebody/eyes"}
    assert estimate_tokens(unknown, "low", None) == 1500 + 101


@pytest.mark.parametrize(
    ("response", "error", "state"),
    [
        (None, {"code": "batch_expired", "message": "too late"}, "missing"),
        (None, None, "missing"),
        ({"status_code": 500, "body": {"error": {"message": "oops"}}}, None, "missing"),
        ({"status_code": 429, "body": {"error": {"message": "slow"}}}, None, "missing"),
        ({"status_code": 400, "body": {"error": {"message": "invalid image"}}}, None, "refused"),
        ({"status_code": 200, "body": None}, None, "missing"),
        ({"status_code": 200, "body": {"choices": []}}, None, "missing"),
        (
            {
                "status_code": 200,
                "body": {"choices": [{"message": {"content": None, "refusal": "no"}}]},
            },
            None,
            "refused",
        ),
    ],
)
def test_lines_without_an_answer(response: object, error: object, state: str) -> None:
    provider = OpenAIProvider(OpenAISettings(api_key="sk-secret-key"))
    raw = {"custom_id": "describe:aa:1", "response": response, "error": error}
    outcome = read_line(provider, json.dumps(raw).encode())
    assert outcome is not None
    assert (outcome.custom_id, outcome.state) == ("describe:aa:1", state)
    assert outcome.error


def test_the_command_line(
    database_url: str, stub: OpenAIStub, vitrina: Callable[..., Result], tmp_path: Path
) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("id,title\n1,Oak table\n2,Metal chair\n")
    done = vitrina("ingest", str(path), "--batch", "--one-call", url=database_url)
    assert done.exit_code == 0, done.stderr
    assert "2 requests submitted (batches: 1)" in done.stderr
    assert "vitrina batch collect" in done.stderr
    rows = vitrina("batch", "list", "--open", "--json", url=database_url)
    (row,) = [json.loads(raw) for raw in rows.stdout.splitlines()]
    assert (row["state"], row["requests"], row["stages"]) == ("submitted", 2, ["enrich"])
    assert vitrina("batch", "list", url=database_url).exit_code == 0
    collected = vitrina("batch", "collect", "--wait", "--poll", "0.01", url=database_url)
    assert collected.exit_code == 0, collected.stderr
    assert "2 answers stored" in collected.stderr
    assert "2 products enriched: 0 generations (2 reused)" in collected.stderr
    assert "no batch is open" in collected.stderr
    empty = vitrina("work", "--batch", url=database_url)
    assert (empty.exit_code, "no batch is open" in empty.stderr) == (0, True)
    assert vitrina("work", "--batch", "--drain", url=database_url).exit_code == 2
    stub.fault("batches", "failed")
    path.write_text("id,title\n3,Oak chair\n")
    assert vitrina("ingest", str(path), "--batch", url=database_url).exit_code == 0
    failed = vitrina("batch", "collect", url=database_url)
    assert (failed.exit_code, "--batch-tokens" in failed.stderr) == (1, True)


def test_a_spent_budget_is_exit_code_3(
    shop: Catalog, stub: OpenAIStub, vitrina: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitrina.batch.round.cost_of", lambda *_: Decimal("0.01"))
    shop.costs.set_budget(Decimal("0.001"))
    done = vitrina("work", "--batch", url=shop.database.dsn)
    assert done.exit_code == BudgetError.exit_code, done.stderr
    assert "budget" in done.stderr


def test_a_process_that_may_not_read_the_folder_refuses_and_pays_nothing(
    shop: Catalog, stub: OpenAIStub, tmp_path: Path
) -> None:
    shop.batches.submit()
    before = len(asked(stub))
    # a folder that only a writer names, as one of another machine
    shop.database.rows("update vitrina.sources set trusted_root = null returning id")
    with Catalog(settings=shop.settings) as other:
        for _ in range(3):
            other.batches.collect()
            other.batches.submit()
        failed = {row.external_id: row.error for row in other.jobs.list(states=["failed"])}
        assert set(failed) == {"0", "1", "2"}, "those with a picture"
        assert all("--image-root" in (error or "") for error in failed.values())
        other.work()
    keys = asked(stub)
    assert Counter(key.partition(":")[0] for key in keys[before:]) == {"caption": 2}
    assert stub.calls["chat"] == 0
    with Catalog(settings=replace(shop.settings, image_roots=(str(tmp_path),))) as allowed:
        allowed.jobs.retry()
        allowed.work()
    assert enriched(shop) == expected()
    assert shop.status().without_picture == 2
