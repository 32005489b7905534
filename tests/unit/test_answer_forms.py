"""Drafts, garbage and other fields: the answer is what comes last and fits."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from openai_stub import OpenAIStub
from vitrina.models.answers import parse_answer, parse_text
from vitrina.models.base import Subject, Term
from vitrina.models.openai.provider import OpenAIProvider, OpenAISettings
from vitrina.models.openai.verdicts import parse_judgements
from vitrina.models.outcomes import AnswerError

GOOD = (
    '{"keywords": [{"term": "desk lamp", "facet": "type"}, {"term": "brass", "facet": "material"}]}'
)
DRAFT = '{"keywords": [{"term": "wooden chair", "facet": "type"}]}'
TERMS = (Term("desk lamp", "type"), Term("brass", "material"))
WRAPPED = [
    "a {draft}\n</think>\n\n{answer}",
    "<THINK>{draft}</THINK>{answer}",
    "<thought>{draft}</thought>{answer}",
    "<thinking>{draft}</thinking>{answer}",
    "<reasoning>{draft}</reasoning>{answer}",
    "<reflection>{draft}</reflection> {answer}",
    "[THINK]{draft}[/THINK]{answer}",
    "◁think▷{draft}◁/think▷{answer}",
    "<think>a<think>{draft}</think>b {draft}</think>{answer}",
    "<think>```json\n{draft}\n```</think>{answer}",
    "<|channel|>analysis<|message|>{draft}<|end|><|start|>assistant<|channel|>final<|message|>{answer}",
    "<|channel|>analysis<|message|>{draft}<|end|><|channel|>final <|constrain|>json<|message|>{answer}<|return|>",
    "analysisWe need {draft}assistantfinal{answer}",
    "<|begin_of_thought|>{draft}<|end_of_thought|><|begin_of_solution|>{answer}<|end_of_solution|>",
    "<unused94>thought\n{draft}<unused95>{answer}",
    "<think>{draft}</think><answer>{answer}</answer>",
]


def wrapped(form: str, draft: str, answer: str) -> str:
    return form.replace("{draft}", draft).replace("{answer}", answer)


@pytest.mark.parametrize("form", WRAPPED)
def test_a_draft_is_no_answer(form: str) -> None:
    assert parse_text("tag", wrapped(form, DRAFT, GOOD)) == TERMS
    for stage in ("caption", "describe"):
        assert (
            parse_text(stage, wrapped(form, "A draft of text.", "A brass lamp.")) == "A brass lamp."
        )
    draft, answer = (json.dumps({"pairs": [{"number": 1, "same": same}]}) for same in (True, False))
    assert parse_judgements(wrapped(form, draft, answer), 1) == (False,)


@pytest.mark.parametrize("opened", ["<think>", "[THINK]", "<|channel|>analysis<|message|>"])
def test_thinking_that_is_cut_off_is_said(opened: str) -> None:
    for stage in ("tag", "caption", "enrich"):
        with pytest.raises(AnswerError, match="thinking was cut off"):
            parse_text(stage, f"{opened}{DRAFT}")


@pytest.mark.parametrize(
    "text",
    [
        f"Draft: {DRAFT}\nCorrected: {GOOD}\nDone [ok].",
        f"[{DRAFT}, {GOOD}]",
        json.dumps(GOOD),
        json.dumps(json.dumps(GOOD)),
        '{"type": "object", "properties": {"keywords": {"type": "array"}}}\n' + GOOD,
        '{"term": "desk lamp", "facet": "type"}\n{"term": "brass", "facet": "material"}',
        "- **type:** desk lamp\n- **material:** brass",
        "### Type\n- Desk lamp\n\n### Material\n- Brass",
        "| Facet | Term |\n|---|---|\n| Type | Desk lamp |\n| Material | Brass |",
        "1. Desk lamp (type)\n2. Brass (material)",
        "Type: desk lamp.\nMaterial: brass.",
    ],
)
def test_terms_of_every_form(text: str) -> None:
    assert parse_text("tag", text) == TERMS


def test_a_term_looks_like_a_term() -> None:
    good = ["日本語", "ñ", "中文", "3-tier", '12" wide', "t-shirt", "rock & roll", "50/50 cotton"]
    good += ["a4", "18/10 steel", "men's"]
    garbage = ["example term", "…", "string", "https://a.com/x", 'term": "x', "{a", "!!!", "12"]
    garbage += ["this is a lamp", "I see a lamp", "x" * 61, "\u0000"]
    assert [term.term for term in parse_text("tag", json.dumps(garbage + good))] == good
    for text in (json.dumps(garbage), '{"type": "object", "properties": {"keywords": {}}}'):
        with pytest.raises(AnswerError):
            parse_text("tag", text)


@pytest.mark.parametrize(
    "text", ["I think this fits < 30 cm [1], a thought of brass.", "Lamp [2024] & more."]
)
def test_honest_prose_is_kept(text: str) -> None:
    assert parse_text("caption", text) == parse_text("describe", text) == text


def body(**message: object) -> dict[str, Any]:
    return {"choices": [{"finish_reason": "stop", "message": {"content": "", **message}}]}


@pytest.mark.parametrize(
    "message",
    [
        {"reasoning_content": GOOD},
        {"reasoning": GOOD},
        {"reasoning": {"content": GOOD}},
        {"thinking": f"```json\n{GOOD}\n```"},
        {
            "content": [
                {"type": "thinking", "thinking": DRAFT},
                {"type": "output_text", "text": GOOD},
            ]
        },
        {"content": None, "tool_calls": [{"function": {"name": "tag", "arguments": GOOD}}]},
        {"content": None, "function_call": {"name": "tag", "arguments": GOOD}},
    ],
)
def test_the_answer_in_another_field(message: dict[str, Any]) -> None:
    assert parse_answer("tag", body(**message)) == TERMS


def test_thoughts_in_another_field_are_named_and_not_taken() -> None:
    for stage in ("tag", "caption"):
        with pytest.raises(AnswerError, match="the answer is in reasoning_content"):
            parse_answer(stage, body(reasoning_content=f"Perhaps {DRAFT} or so."))  # type: ignore[arg-type]


def test_the_cases(shared_data: Path) -> None:
    cases = shared_data.parent / "cases"
    if not cases.is_dir():
        pytest.skip("no cases")
    contents = json.loads((cases / "03-thinking-draft-taken-as-answer/contents.json").read_text())
    garbage = json.loads((cases / "13-garbage-terms-stored/contents.json").read_text())
    with pytest.raises(AnswerError):
        parse_text("tag", garbage.pop("schema_only"))
    for name, text in (contents | garbage).items():
        assert parse_text("tag", text) == TERMS, name
    for name in ("reasoning_content", "tool_call"):
        said = json.loads((cases / f"12-answer-in-another-field/{name}.json").read_text())
        assert parse_answer("tag", said) == TERMS, name


def test_whatever_comes_ends_in_an_answer_or_one_error() -> None:
    rng = random.Random(7)  # noqa: S311 - the same texts each time
    texts = [wrapped(form, DRAFT, GOOD) for form in WRAPPED] + [json.dumps(json.dumps(GOOD))]
    for _ in range(1500):
        text = "".join(
            rng.choice(texts)[rng.randrange(40) : rng.randrange(1, 300)] for _ in range(3)
        )
        for stage in ("tag", "caption", "enrich"):
            try:
                parse_text(stage, text)  # type: ignore[arg-type]
            except AnswerError:
                continue


@pytest.mark.parametrize(
    "piece", ["<think>", "{", "[", '{"a":', "#", "*", "``` ", "<|channel|>", '</think>{"a":']
)
def test_a_long_senseless_answer_is_given_up(piece: str) -> None:
    for stage in ("tag", "caption"):
        with pytest.raises(AnswerError):
            parse_text(stage, piece * (1_000_000 // len(piece)))  # type: ignore[arg-type]


def test_the_limit_of_tokens_grows_and_is_remembered() -> None:
    with OpenAIStub() as stub:
        stub.fault("chat", "length", times=None, match=lambda r: r.body["max_tokens"] < 8200)
        settings = OpenAISettings(base_url=stub.url, api_key="sk-test")
        with OpenAIProvider(settings) as provider:
            first = provider.tag(Subject("Oak desk"))
            asked = [request.body["max_tokens"] for request in stub.requests("chat")]
            assert asked == [400, 1600, 6400, 16000]
            second = provider.tag(Subject("Oak desk"))
        assert first.usage.input_tokens == 4 * second.usage.input_tokens
        assert stub.calls["chat"] == 5
        low = OpenAISettings(base_url=stub.url, api_key="sk-test", max_tokens=1000)
        with OpenAIProvider(low) as provider, pytest.raises(AnswerError) as caught:
            provider.tag(Subject("Oak desk"))
        assert [r.body["max_tokens"] for r in stub.requests("chat")[5:]] == [400, 1000]
        assert "1,000" in str(caught.value)
        assert "VITRINA_MAX_TOKENS" in str(caught.value)
        assert caught.value.usage.input_tokens == 2 * second.usage.input_tokens


@pytest.mark.parametrize("stage", ["caption", "describe"])
@pytest.mark.parametrize(
    "text",
    [
        "A mug that says <think>.",
        'A mug that says "</think>" in white.',
        "A mug with </think> and <think> on it, in white.",
    ],
)
def test_a_quoted_tag_is_no_thinking(stage: Any, text: str) -> None:
    name = "caption" if stage == "caption" else "description"
    whole = json.dumps({name: text})
    for answer in (
        whole,
        f"<think>a draft</think>{whole}",
        f"a draft</think>\n```json\n{whole}\n```",
    ):
        assert parse_text(stage, answer) == text
    if "and <think>" not in text:
        assert parse_text(stage, text) == text
    drafted = json.dumps({name: "<think>A draft.</think>A brass lamp."})
    assert parse_text(stage, drafted) == "A brass lamp."


@pytest.mark.parametrize("stage", ["caption", "describe"])
@pytest.mark.parametrize(
    "form",
    [
        "Here is the caption: {}",
        "Here's a short description of the product:\n\n{}",
        "Sure! Here is the caption:\n\n{}",
        "Sure! {}",
        "Of course. Here's your caption:\n> **Caption:** {}",
        "Certainly, here is a caption for the item: “{}”",
        "Caption: {}",
        "**Caption:** {}",
        "**Description**: {}",
        "## Caption\n\n{}",
        '"{}"',
        "**{}**",
        "Here you go:\n```text\n{}\n```",
        "{} Let me know if you would like another one!",
    ],
)
def test_what_leads_in_is_no_text(stage: Any, form: str) -> None:
    text = "A brass desk lamp with a green glass shade."
    assert parse_text(stage, form.replace("{}", text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "Here is comfort: a soft sofa in red velvet.",
        "Three sizes: small, medium and large, in brass.",
        "Sure-footed boots: brown leather with a thick sole.",
        'A "Welcome" mat: brown coir with black "home" letters.',
        "Captioned poster: a black frame with white letters.",
        "Description plates of brass for doors, with two holes.",
    ],
)
def test_honest_text_with_a_colon_is_kept(text: str) -> None:
    assert parse_text("caption", text) == parse_text("describe", text) == text
