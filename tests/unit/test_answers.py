"""Whatever a model answers becomes clean values or one clear error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vitrina.models.answers import parse_answer, parse_text
from vitrina.models.base import Enrichment, Term
from vitrina.models.outcomes import AnswerError, Usage, read_usage


def pairs(text: str) -> list[tuple[str, str | None]]:
    return [(term.term, term.facet) for term in parse_text("tag", text)]


def body(content: object, **choice: object) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    return {"choices": [{"message": message, "finish_reason": "stop", **choice}]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"keywords": [{"term": "Desk", "facet": "type"}]}', [("desk", "type")]),
        ("['desk', 'metal']", [("desk", None), ("metal", None)]),
        ("('desk', 'metal')", [("desk", None), ("metal", None)]),
        ("{'keywords': ['desk']}", [("desk", None)]),
        ('```json\n{"keywords": ["desk"]}\n```', [("desk", None)]),
        ('```\n["desk"]\n```', [("desk", None)]),
        ('Sure! Here it is:\n```json\n["desk"]\n```\nGood luck.', [("desk", None)]),
        ('The [best] answer is {"keywords": ["desk"]}, I think.', [("desk", None)]),
        ('{"keywords": ["desk", "oak",],}', [("desk", None), ("oak", None)]),
        ('["desk", "oak"]', [("desk", None), ("oak", None)]),
        ('"desk, oak"', [("desk", None), ("oak", None)]),
        ("desk, oak; lamp", [("desk", None), ("oak", None), ("lamp", None)]),
        ("- desk\n- oak\n", [("desk", None), ("oak", None)]),
        ("1. desk\n2) oak", [("desk", None), ("oak", None)]),
        ("Keywords: desk, oak", [("desk", None), ("oak", None)]),
        ("Here are the keywords:\n* desk\n* oak", [("desk", None), ("oak", None)]),
        (
            "type: desk\nmaterial: oak, metal",
            [("desk", "type"), *[(m, "material") for m in ("oak", "metal")]],
        ),
        (
            '{"type": ["desk"], "colour": "Black, white"}',
            [("desk", "type"), ("black", "color"), ("white", "color")],
        ),
        ('{"materials": ["oak"], "mood": ["calm"]}', [("oak", "material"), ("calm", "other")]),
        ('[["desk", "type"], ["oak", "material"]]', [("desk", "type"), ("oak", "material")]),
        ('[{"keyword": "desk", "category": "furniture"}]', [("desk", "other")]),
        ('[{"name": "desk"}, "oak", 7, null, true]', [("desk", None), ("oak", None)]),
        (
            '{"tags": {"color": ["black"], "size": "3-tier"}}',
            [("black", "color"), ("3-tier", "size")],
        ),
        ('{"keywords": "desk, 1,5 m"}', [("desk", None), ("1,5 m", None)]),
        ('{"term": "desk", "facet": "TYPE "}', [("desk", "type")]),
        ('["Desk", "desk ", "DESK"]', [("desk", None)]),
        ('["desk", {"term": "desk", "facet": "type"}]', [("desk", "type")]),
        (
            '["#desk", "“oak”", "\'lamp\'.", "(foldable)"]',
            [(t, None) for t in ("desk", "oak", "lamp", "foldable")],
        ),
        ('["side\\ntable"]', [("side", None), ("table", None)]),
        ('["desk\\u0000", "o\\ud800ak"]', [("desk", None), ("oak", None)]),
        (
            json.dumps(["desk", "x" * 61, "one two three four five six seven", "!!", "42"]),
            [("desk", None)],
        ),
        ('["null", "N/A", "desk"]', [("desk", None)]),
        ("<think>a chair? no: [chair]</think>['desk']", [("desk", None)]),
        ("['a\\/b', 'desk']", [("a\\/b", None), ("desk", None)]),
        ('["ВАЗА", "花瓶", "Küche"]', [("ваза", None), ("花瓶", None), ("küche", None)]),
        ('\ufeff["desk"]', [("desk", None)]),
    ],
)
def test_keywords_of_every_form(text: str, expected: list[tuple[str, str | None]]) -> None:
    assert pairs(text) == expected


def test_no_more_than_twenty_keywords() -> None:
    assert len(pairs(json.dumps([f"word {chr(97 + n)}" for n in range(26)]))) == 20


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("<think>hm", "empty"),
        ("null", "bad"),
        ("None", "bad"),
        ("{}", "bad"),
        ("[]", "bad"),
        ('{"keywords": []}', "bad"),
        ('{"keywords": [1, 2.5, null, true]}', "bad"),
        ('{"keywords": [{"term": "desk", "facet": "type"}, {"term": "oa', "bad"),
        ('```json\n{"keywords": ["de', "bad"),
        ("<html><body>desk, oak</body></html>", "bad"),
        ("['it's', 'men's shoe']", "bad"),
        ("[" * 5000, "bad"),
        ("This is a fine desk made of oak and metal", "bad"),
        ("I'm sorry, I can't help with that.", "refusal"),
        ("I’m unable to look at people.", "refusal"),
    ],
)
def test_answers_without_keywords(text: str, kind: str) -> None:
    with pytest.raises(AnswerError) as caught:
        parse_text("tag", text)
    assert caught.value.kind == kind
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"caption": "A desk."}', "A desk."),
        ("A desk.", "A desk."),
        ('"A desk."', "A desk."),
        ('```json\n{"caption": "A desk."}\n```', "A desk."),
        ("Caption: A desk.", "A desk."),
        ("**A desk** of oak.", "A desk of oak."),
        ('{"caption": ["A desk", "of oak."]}', "A desk of oak."),
        ('{"Caption": "A desk."}', "A desk."),
        ('{"text": "A desk."}', "A desk."),
        ("A desk of oak, 40 cm deep. It has legs.", "A desk of oak, 40 cm deep."),
        ("A desk of approx. 40 cm.", "A desk of approx. 40 cm."),
        ("A desk\nof oak", "A desk of oak"),
        (
            '{"caption": "一张黑色的橡木书桌,带有两个抽屉和金属腿,适合小房间。很好。"}',
            "一张黑色的橡木书桌,带有两个抽屉和金属腿,适合小房间。",
        ),
    ],
)
def test_captions_are_one_sentence(text: str, expected: str) -> None:
    assert parse_text("caption", text) == expected


def test_long_texts_are_cut_sensibly() -> None:
    caption = parse_text("caption", json.dumps({"caption": "oak " * 200}))
    assert len(caption) <= 240
    assert caption.endswith("oak…")
    description = parse_text("describe", "A plain sentence of some length. " * 200)
    assert len(description) <= 2000
    assert description.endswith("length.")


@pytest.mark.parametrize("text", ['{"description": 7}', '{"description": null}', "[1, 2]", "{"])
def test_descriptions_of_the_wrong_type(text: str) -> None:
    with pytest.raises(AnswerError) as caught:
        parse_text("describe", text)
    assert caught.value.worth_another_try


@pytest.mark.parametrize("text", ['{"caption": ""}', '{"caption": " -- "}', '""'])
def test_empty_captions(text: str) -> None:
    with pytest.raises(AnswerError):
        parse_text("caption", text)


def test_an_enrichment_has_all_three() -> None:
    said = {"description": "A desk.\nOf oak.", "caption": "A desk.", "keywords": ["desk"]}
    expected = Enrichment((Term("desk"),), "A desk. Of oak.", "A desk.")
    assert parse_text("enrich", f"Here: {json.dumps(said)}") == expected
    for missing in said:
        with pytest.raises(AnswerError):
            parse_text("enrich", json.dumps({**said, missing: None}))
    with pytest.raises(AnswerError, match="requested form"):
        parse_text("enrich", "A desk of oak.")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, "bad"),
        ("<html>", "bad"),
        ([], "bad"),
        ({}, "bad"),
        ({"choices": None}, "bad"),
        ({"choices": []}, "bad"),
        ({"choices": ["x"]}, "bad"),
        ({"choices": [{"message": None}]}, "bad"),
        ({"error": {"message": "crashed"}, "choices": None}, "error"),
        ({"error": "crashed"}, "error"),
        (body(None), "empty"),
        (body(""), "empty"),
        (body(7), "empty"),
        (body("['desk'", finish_reason="length"), "truncated"),
        (body(None, finish_reason="content_filter"), "content_filter"),
        (body(None, message={"content": None, "refusal": "No."}), "refusal"),
    ],
)
def test_bodies_without_an_answer(answer: object, kind: str) -> None:
    with pytest.raises(AnswerError) as caught:
        parse_answer("tag", answer)
    assert caught.value.kind == kind
    assert caught.value.worth_another_try is (kind in ("bad", "empty", "truncated"))


def test_content_in_parts() -> None:
    parts = [{"type": "text", "text": '["des'}, {"type": "text", "text": 'k"]'}]
    assert parse_answer("tag", body(parts)) == (Term("desk"),)


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        (None, Usage()),
        ({"usage": None}, Usage()),
        ({"usage": {"prompt_tokens": 7, "completion_tokens": 3}}, Usage(7, 0, 3)),
        ({"usage": {"prompt_tokens": 7, "prompt_tokens_details": None}}, Usage(7)),
        (
            {"usage": {"prompt_tokens": 7, "prompt_tokens_details": {"cached_tokens": 4}}},
            Usage(7, 4),
        ),
        ({"usage": {"prompt_tokens": "7", "completion_tokens": -3}}, Usage()),
    ],
)
def test_usage_of_every_server(answer: object, usage: Usage) -> None:
    assert read_usage(answer) == usage
