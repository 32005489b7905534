"""keywords/judge.py and `vitrina keywords judge`: pairs asked of a real endpoint, answers kept and applied."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from click.testing import Result

from openai_stub import OpenAIStub, chat_answer, is_to_judge, judgements_of, pairs_of
from vitrina.catalog import Catalog
from vitrina.errors import BudgetError, ConfigError
from vitrina.keywords import judge as judging
from vitrina.models.openai.verdicts import parse_judgements
from vitrina.models.outcomes import AnswerError, Usage
from vitrina.settings import Settings

Run = Callable[..., Result]
TERMS = (
    "garden bench", "wooden garden bench", "garden bench seat",
    "floor lamp", "tall floor lamp", "floor lamp shade",
)  # fmt: skip


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIStub]:
    """An endpoint that the environment names."""
    with OpenAIStub(dimensions=64) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("VITRINA_DIMENSIONS", "64")
        yield stub


@pytest.fixture
def priced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chat call costs a cent."""

    def price(model: str, usage: Usage) -> Decimal:
        return Decimal(0) if "embedding" in model else Decimal("0.01")

    monkeypatch.setattr("vitrina.assembly.prices", lambda endpoint, max_cost: price)


@pytest.fixture
def shop(database_url: str) -> Iterator[Callable[..., Catalog]]:
    """A function that opens a catalog on the database of a test."""
    opened: list[Catalog] = []

    def open_(notice: Callable[[str], None] | None = None, **settings: Any) -> Catalog:
        given = Settings(database_url=database_url, concurrency=2, **settings)
        opened.append(Catalog(settings=given, notice=notice))
        return opened[-1]

    yield open_
    for catalog in opened:
        catalog.close()


def put(url: str, count: int = 6) -> None:
    """Products that are embedded by the endpoint, one a term; the space is open to judge."""
    titles = [f"Thing {i}" for i in range(count)]
    with psycopg.connect(url) as conn:
        conn.execute("select vitrina.put_source('shop')")
        rows = [{"external_id": str(i), "title": title} for i, title in enumerate(titles)]
        conn.execute("select vitrina.put_products('shop', %s)", [json.dumps(rows)])


def tag(stub: OpenAIStub, terms: Sequence[str] = TERMS) -> None:
    """Let the stub tag product i with term i."""

    def answer(body: dict[str, Any]) -> str:
        usual: str = chat_answer(body)["choices"][0]["message"]["content"]
        schema = body["response_format"]["json_schema"]["name"]
        if schema != "tag":
            return usual
        number = int(
            json.dumps(body["messages"][-1]["content"])
            .split("Thing ")[1]
            .split('"')[0]
            .split("\\")[0]
        )
        said = [{"term": terms[number % len(terms)], "facet": "type"}]
        return json.dumps({"keywords": said})

    stub.answer = answer


def judged(stub: OpenAIStub) -> list[list[dict[str, Any]]]:
    """The pairs of every request to judge."""
    return [pairs_of(r.body) for r in stub.requests("chat") if is_to_judge(r.body)]


def value(url: str, query: str) -> Any:
    with psycopg.connect(url) as conn:
        row = conn.execute(query.encode()).fetchone()
    return row[0] if row else None


def names(url: str) -> set[str]:
    with psycopg.connect(url) as conn:
        return {row[0] for row in conn.execute("select name from vitrina.keywords")}


def joined(url: str) -> bool:
    """Whether of each two keywords that end alike, as the stub judges by, one is left."""
    left = names(url)
    pairs = (("garden bench", "wooden garden bench"), ("floor lamp", "tall floor lamp"))
    return all(len(left & set(pair)) == 1 for pair in pairs)


@pytest.fixture
def worked(stub: OpenAIStub, shop: Callable[..., Catalog], database_url: str) -> Catalog:
    """Six products with six keywords that are near each other in two groups."""
    put(database_url)
    tag(stub)
    catalog = shop()
    catalog.work()
    assert names(database_url) == set(TERMS)
    return catalog


def test_a_judge_is_asked_once_many_pairs_a_call(
    worked: Catalog, stub: OpenAIStub, database_url: str
) -> None:
    pairs = worked.keywords.pairs()
    assert {frozenset((p.keyword, p.other)) for p in pairs} >= {
        frozenset(("garden bench", "wooden garden bench")),
        frozenset(("floor lamp", "floor lamp shade")),
    }
    done = worked.keywords.judge()
    assert (done.pairs, done.calls, done.unanswered) == (len(pairs), 1, 0)
    assert len(judged(stub)) == 1
    assert joined(database_url)
    assert (
        value(database_url, "select count(*) from vitrina.keyword_aliases where method = 'judge'")
        == 2
    )
    distinct = "select count(*) from vitrina.keyword_distinctions where method = 'judge'"
    assert value(database_url, distinct) == done.different > 0
    ledger = "select count(*) from vitrina.generations where stage = 'judge' and input_tokens > 0"
    assert value(database_url, ledger) == 1
    again = worked.keywords.judge()
    assert (again.pairs, again.calls, len(judged(stub))) == (0, 0, 1)


def test_work_judges_at_its_end_and_embeds_what_changed(
    stub: OpenAIStub, shop: Callable[..., Catalog], database_url: str
) -> None:
    put(database_url)
    tag(stub)
    totals = shop().work(judge=True)
    assert totals.judged.same == 2
    assert value(database_url, "select count(*) from vitrina.jobs") == 0
    missing = (
        "select count(*) from vitrina.missing_embeddings(array(select id from vitrina.products))"
    )
    assert value(database_url, missing) == 0


def test_what_is_not_answered_is_asked_next_time(
    worked: Catalog, stub: OpenAIStub, database_url: str
) -> None:
    stub.answer = lambda body: json.dumps({"pairs": judgements_of(body)[:1]})
    first = worked.keywords.judge()
    assert (first.same + first.different, first.unanswered) == (1, first.pairs - 1)
    stub.answer = None
    second = worked.keywords.judge()
    assert second.unanswered == 0
    asked = [{(p["a"][0], p["b"][0]) for p in pairs} for pairs in judged(stub)]
    assert len(asked) == 2
    assert asked[1] < asked[0]


@pytest.mark.parametrize(
    "content", ["", "no idea", '{"pairs": []}', '{"pairs": [{"number": 1', "[1]"]
)
def test_a_useless_answer_changes_nothing_and_is_paid_for_in_the_ledger(
    worked: Catalog, stub: OpenAIStub, database_url: str, content: str
) -> None:
    stub.answer = lambda body: content
    done = worked.keywords.judge()
    assert (done.same, done.different, done.unanswered) == (0, 0, done.pairs)
    assert done.reasons
    assert names(database_url) == set(TERMS)
    stub.answer = None
    assert worked.keywords.judge().unanswered == 0


def test_an_answer_that_was_paid_for_survives_a_crash(
    worked: Catalog, stub: OpenAIStub, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between the ledger and the vocabulary, even if the next run would ask otherwise."""

    def crash(self: judging.Judge) -> set[str]:
        if judged(stub):
            raise KeyboardInterrupt
        return set()

    with monkeypatch.context() as patch:
        patch.setattr(judging.Judge, "_apply", crash)
        with pytest.raises(KeyboardInterrupt):
            worked.keywords.judge()
    assert names(database_url) == set(TERMS)
    put(database_url, 7)
    tag(stub, [*TERMS, "garden bench pad"])
    worked.work()
    calls = len(judged(stub))
    worked.keywords.judge()
    assert joined(database_url)
    later = [{p["a"][0], p["b"][0]} for pairs in judged(stub)[calls:] for p in pairs]
    assert all("garden bench pad" in pair for pair in later)


@pytest.mark.usefixtures("priced")
def test_the_budget_stops_it_and_keeps_what_is_paid_for(
    worked: Catalog, stub: OpenAIStub, shop: Callable[..., Catalog],
    database_url: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(judging, "AT_ONCE", 2)
    with pytest.raises(BudgetError, match="--max-cost"):
        shop(max_cost=Decimal("0.01")).keywords.judge()
    assert len(judged(stub)) == 1
    with psycopg.connect(database_url) as conn:
        conn.execute("select vitrina.set_budget(0.02)")
    with pytest.raises(BudgetError, match=r"budget of 0\.02"):
        shop().keywords.judge()
    decided = "select count(*) from vitrina_internal.judged_pairs()"
    assert value(database_url, decided) == 2 * len(judged(stub))


def test_without_a_model_it_says_so(
    shop: Callable[..., Catalog], database_url: str, vitrina: Run
) -> None:
    put(database_url)
    said: list[str] = []
    totals = shop(said.append).work(judge=True)
    assert totals.judged.pairs == 0
    assert "a judge needs a model: set OPENAI_API_KEY or OPENAI_BASE_URL" in said
    with pytest.raises(ConfigError, match="a judge needs a model"):
        shop().keywords.judge()
    result = vitrina("keywords", "judge", url=database_url)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: a judge needs a model")
    dry = vitrina("keywords", "judge", "--dry-run", url=database_url)
    assert dry.exit_code == 0
    assert "no model is set up" in dry.stderr
    for other in ("--batch", "--watch"):
        assert vitrina("work", "--judge", other, url=database_url).exit_code == 2


def test_the_command_lists_pairs_then_judges_them(
    worked: Catalog, vitrina: Run, database_url: str
) -> None:
    dry = vitrina("keywords", "judge", "--dry-run", "--json", url=database_url)
    listed = [json.loads(line) for line in dry.stdout.splitlines()]
    assert {row["keyword"] for row in listed} <= set(TERMS)
    assert f"{len(listed)} pairs, 1 call, at an unknown price" in dry.stderr
    done = vitrina("keywords", "judge", url=database_url)
    assert done.exit_code == 0, done.stderr
    assert f"{len(listed)} pairs of keywords to judge: 2 the same" in done.stderr
    history = vitrina("keywords", "history", "--json", url=database_url)
    assert {json.loads(line)["action"] for line in history.stdout.splitlines()} == {"judge"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"pairs": [{"number": 1, "same": true}, {"number": 2, "same": false}]}', (True, False)),
        ('[{"number": "2", "same": "yes"}]', (None, True)),
        ('```json\n{"pairs": [{"number": 1, "same": "Different"}]}\n```', (False, None)),
        ('{"number": 2, "same": true}', (None, True)),
        ('[{"number": 1, "same": true}, {"number": 1, "same": false}, {"number": 2, "same": true}]',
         (None, True)),
        ('[{"number": 7, "same": true}, {"number": true, "same": true}, 3, {"number": 2, "same": true}]',
         (None, True)),
    ],
)  # fmt: skip
def test_verdicts_are_read_from_what_was_said(text: str, said: tuple[bool | None, ...]) -> None:
    assert parse_judgements(text, 2) == said


@pytest.mark.parametrize(
    "text", ["", "I'm sorry, I can't help", "[]", '{"pairs": [{"same": true}]}']
)
def test_no_verdict_is_an_error(text: str) -> None:
    with pytest.raises(AnswerError):
        parse_judgements(text, 2)
