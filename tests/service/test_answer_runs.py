"""Odd answers of a server, through the command line and into the database."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result

from openai_stub import OpenAIStub
from vitrina.db.database import Database
from vitrina.errors import BudgetError, ProviderError
from vitrina.ledger import Ledger, Question
from vitrina.models.base import Subject
from vitrina.models.openai.provider import OpenAIProvider, OpenAISettings
from vitrina.models.outcomes import AnswerError, Usage

TEXTS = {"describe": '{"description": "A brass lamp."}', "caption": '{"caption": "A brass lamp."}'}
TERMS = [("desk lamp",), ("brass",)]


def _stage(body: dict[str, Any]) -> str:
    return str(body["response_format"]["json_schema"]["name"])


class Server(OpenAIStub):
    """Answers tags as `said` does; all else is well."""

    said: Callable[[dict[str, Any]], dict[str, Any]]

    def _chat(self, body: dict[str, Any], kind: str | None) -> dict[str, Any]:
        answer = super()._chat(body, kind)
        if _stage(body) == "tag":
            return {**answer, **self.said(body)}
        answer["choices"][0]["message"]["content"] = TEXTS[_stage(body)]
        return answer


def _choice(content: str) -> dict[str, Any]:
    return {"choices": [{"finish_reason": "stop", "message": {"content": content}}]}


def _cases(folder: Path) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
    found: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}
    drafts = json.loads((folder / "03-thinking-draft-taken-as-answer/contents.json").read_text())
    for name, content in drafts.items():
        found[f"03 {name}"] = lambda _, content=content: _choice(content)  # type: ignore[misc]
    for name in ("reasoning_content", "tool_call"):
        body = json.loads((folder / f"12-answer-in-another-field/{name}.json").read_text())
        found[f"12 {name}"] = lambda _, body=body: body  # type: ignore[misc]
    server = json.loads((folder / "28-long-thinking-has-no-way-out/server.json").read_text())
    found["28"] = lambda asked: server[
        "if max_tokens < 8200" if asked["max_tokens"] < 8200 else "else"
    ]
    return found


@pytest.mark.parametrize("command", ["ingest", "work"])
def test_the_cases_through_the_command_line(
    command: str,
    vitrina: Callable[..., Result],
    make_database: Callable[[str], str],
    template: str,
    shared_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = shared_data.parent / "cases"
    if not folder.is_dir():
        pytest.skip("no cases")
    path = tmp_path / "products.csv"
    path.write_text("id,title\n1,Oak desk lamp\n2,Brass thing\n")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    for name, said in _cases(folder).items():
        url = make_database(template)
        with Server() as stub:
            stub.said = said
            monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
            if command == "work":
                vitrina("ingest", str(path), "--no-enrich", url=url)
                result = vitrina("work", "--drain", url=url)
            else:
                result = vitrina("ingest", str(path), url=url)
        assert result.exit_code == 0, (name, result.stderr)
        assert "2 products enriched" in result.stderr, name
        with psycopg.connect(url) as conn:
            rows = conn.execute("select distinct name from vitrina.keywords").fetchall()
        assert sorted(rows) == sorted(TERMS), name


def _ledger(database: Database, **given: Any) -> Ledger:
    def price(model: str, usage: Usage) -> Decimal:
        return Decimal(usage.input_tokens + usage.output_tokens) / 1000

    return Ledger(database, price=price, **given)


def _ask(ledger: Ledger, provider: OpenAIProvider) -> None:
    provider.afford = ledger.afford
    question = Question("tag", b"x" * 32, "openai", "gpt-4o-mini", "1")
    ledger.answer(question, lambda: provider.tag(Subject("Oak desk")), dump=list, load=tuple)


def _cost(database: Database) -> Decimal:
    return Decimal(str(database.value("select sum(cost) from vitrina.generations") or 0))


@pytest.mark.parametrize("way", ["cut off", "refused key", "max cost", "standing"])
def test_what_cut_off_tries_cost_is_kept_and_counted(way: str, database_url: str) -> None:
    with (
        OpenAIStub() as stub,
        Database(database_url) as database,
        OpenAIProvider(OpenAISettings(base_url=stub.url, api_key="sk-test")) as provider,
    ):
        times = 1 if way == "refused key" else None
        stub.fault("chat", "length", times=times)
        if way == "refused key":
            stub.fault("chat", "401", times=None)
        if way == "standing":
            database.value("select vitrina.set_budget(0.001, 'total')")
        ledger = _ledger(database, max_cost=Decimal("0.001") if way == "max cost" else None)
        error = {"cut off": AnswerError, "refused key": ProviderError}.get(way, BudgetError)
        with pytest.raises(error):
            _ask(ledger, provider)
        tries = 4 if way == "cut off" else 1
        assert stub.calls["chat"] == (2 if way == "refused key" else tries)
        row = database.rows("select input_tokens, output_tokens from vitrina.generations")
        assert len(row) == 1
        assert _cost(database) == ledger.spent > 0
