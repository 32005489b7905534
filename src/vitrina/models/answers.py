"""Turns a model's answer, in any odd form, into clean values. Pure functions, no network.

A schema is a request, not a promise: refusals, cut-offs, Python literals, code fences and prose
around the JSON all happen. Every value is checked and cleaned here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, cast

from vitrina.models import loose_json, thinking
from vitrina.models.base import Enrichment, Term
from vitrina.models.bodies import called_in, content_of, message_of, thoughts_in
from vitrina.models.outcomes import CUT_OFF, AnswerError, brief
from vitrina.models.prompts import Stage
from vitrina.models.prose import caption, description
from vitrina.models.terms import KEYWORD_KEYS, NO_ANSWER, TERM_KEYS, is_facets, read_terms

__all__ = ["parse_answer", "parse_text", "read", "values"]

T = TypeVar("T")

TEXT_CHARACTERS = 100_000  # of an answer, without its thinking
DEPTH = 5  # answers within answers: JSON in JSON, {"answer": {...}}

_REFUSAL = re.compile(
    r"\W*(i['’]?m (very |really )?sorry|i am sorry|sorry[,.!]|i can(['’]t|not| not)\b"
    r"|i['’]?m (unable|not able)|i am (unable|not able)|as an ai\b)",
    re.IGNORECASE,
)
_BROKEN = re.compile(
    r"\A\W*(null|none|undefined|nan)\W*\Z|\A\s*[{]|[{\[]\s*[\"'{\[]|<(?:!|/?(?:html|head|body)\b)",
    re.IGNORECASE,
)
_FINAL = re.compile(
    r"^[ \t#*_>-]{0,12}(?:(?:my |the |and )?(?:final|corrected|revised|improved) (?:answer|caption"
    r"|description|keywords?|output|response|version|result|json)|answer|output|{names})"
    r"[ \t*_]{0,8}(?::[ \t*_]{0,8}|$)",
    re.MULTILINE | re.IGNORECASE,
)
_WRAPPERS: tuple[str, ...] = (
    "answer",
    "final_answer",
    "final",
    "result",
    "response",
    "output",
    "data",
    "content",
)
_WRAPPERS += ("arguments", "parameters", "input", "json", "enrichment", "product", "item")
_WRAPPERS += ("tag", "describe", "caption", "enrich")
_ANSWER_KEYS = {*_WRAPPERS, "keywords", "tags", "terms", "description", "pairs", "properties"}


def parse_answer(stage: Stage, body: object) -> Any:
    """The value in the body of a chat completion: terms, text, or an Enrichment.

    Raises AnswerError if there is none.
    """
    return read(body, lambda text: parse_text(stage, text))


def read(body: object, parse: Callable[[str], T]) -> T:
    """The result of `parse` for the answer in the body of a chat completion.

    The answer is the content; if that is useless, the arguments of a tool call, or JSON of the
    requested form in the place of thoughts. Raises AnswerError if there is none.
    """
    choice, message = message_of(body)
    content, parts = content_of(message.get("content"))
    called, thoughts = called_in(message, parts), thoughts_in(message, parts)
    if choice.get("finish_reason") == "length":
        # servers count blanks after finished JSON, until the limit
        for text in (content, *(text for _, text in called)):
            if isinstance(loose_json.whole(text), dict | list):
                return parse(text)
        raise AnswerError("truncated", CUT_OFF)
    by_call = choice.get("finish_reason") in ("tool_calls", "function_call") and called
    failed: AnswerError | None = None
    if content.strip() and not by_call:
        try:
            return parse(content)
        except AnswerError as error:
            failed = error
            if error.kind == "refusal":
                raise
    for name, text in (*called[::-1], *thoughts):
        spoken, _ = thinking.said(text)
        if spoken and isinstance(loose_json.whole(spoken[-1]), dict | list | str):
            try:
                return parse(spoken[-1])
            except AnswerError as error:
                failed = failed or AnswerError(
                    error.kind, f"the answer is in {name}, and useless there: {error}"
                )
    if content.strip() and by_call:
        return parse(content)
    if failed is None and (called or thoughts):
        name, text = (*called, *thoughts)[0]
        raise AnswerError(
            "empty",
            f"the content is empty; the answer is in {name}: {brief(text)}",
        )
    raise failed or AnswerError("empty", "the model's answer is empty")


def parse_text(stage: Stage, text: str) -> Any:
    """The value in the text of an answer: the last value that fits the stage, outside of thinking.

    Raises AnswerError if there is none.
    """
    failed: AnswerError | None = None
    prose = stage in ("describe", "caption")
    for value in values(text):
        if prose and isinstance(value, list) and loose_json.whole(_spoken(text)) is None:
            continue  # brackets in a sentence
        try:
            said = _value_of(stage, value)
        except AnswerError as error:
            failed = failed or error
        else:
            return said
    said = _spoken(text)
    if _REFUSAL.match(said):
        raise AnswerError("refusal", f"the model refused: {brief(said)}")
    if failed is not None or _BROKEN.search(said):
        raise failed or AnswerError("bad", f"the answer is not readable: {brief(said)}")
    if stage == "enrich":
        raise AnswerError("bad", f"the answer is not in the requested form: {brief(said)}")
    if stage == "tag":
        return _terms(_after_heading(said, "keywords?|tags"))
    name = "description" if stage == "describe" else "caption"
    return _prose_of(stage, _after_heading(said, f"(?:the )?(?:short )?{name}"))


def values(text: str) -> Iterator[Any]:
    """The JSON or Python values of an answer outside of thinking, the last one first.

    Adjacent objects of one kind, a keyword each, form a list. Raises AnswerError if the text has
    nothing but thinking, or its last value is cut off.
    """
    if (value := loose_json.whole(text[:TEXT_CHARACTERS])) is not None and len(
        text
    ) <= TEXT_CHARACTERS:
        yield from _inner(value)
        return
    parts, cut = thinking.said(text)
    if not parts:
        raise _silence(text, cut)
    for number, part in enumerate(reversed(parts)):
        said = part[-TEXT_CHARACTERS:]
        if (value := loose_json.whole(said)) is not None:
            yield from _inner(value)
            continue
        found, broken = loose_json.find_all(said)
        if not found and '\\"' in said:
            found, broken = loose_json.find_all(said.replace('\\"', '"'))
        if broken and number == 0:
            raise AnswerError("bad", f"the answer is not readable: {brief(said)}")
        items = [value for value in found if _is_item(value)]
        if len(items) > 1 and _is_item(found[-1]):
            yield items
        for value in reversed(found):
            yield from _inner(value)
    if cut:
        raise _silence(text, cut)


def _spoken(text: str) -> str:
    """The last part of an answer outside of thinking."""
    return thinking.said(text)[0][-1][-TEXT_CHARACTERS:]


def _silence(text: str, cut: bool) -> AnswerError:
    """The reason why a text has no answer."""
    if cut:
        message = "the model's thinking was cut off before an answer"
        return AnswerError("empty", f"{message}: {brief(text)}", cut_off=True)
    if text.strip():
        return AnswerError("empty", f"the model's thinking has no answer after it: {brief(text)}")
    return AnswerError("empty", "the model's answer is empty")


def _inner(value: Any, depth: int = 0) -> Iterator[Any]:
    """A value, and values wrapped in it: JSON in a text, an answer under a name, in a schema."""
    if depth < DEPTH:
        if isinstance(value, str) and value.lstrip()[:1] in ("{", "[", '"'):
            if (inner := loose_json.whole(value)) is not None and inner != value:
                yield from _inner(inner, depth + 1)
                return
        elif isinstance(value, str) and thinking.begins(value):
            for inner in values(value):
                yield from _inner(inner, depth + 1)
        elif isinstance(value, Mapping):
            fields = {str(key).lower(): part for key, part in value.items()}
            if _is_schema(fields):
                yield from _inner(_instance(fields), depth + 1)
                return
            yield value
            for name in _WRAPPERS:
                inner = fields.get(name)
                if isinstance(inner, Mapping | list) or (
                    isinstance(inner, str) and inner.lstrip()[:1] in ("{", "[")
                ):
                    yield from _inner(inner, depth + 1)
            return
        elif isinstance(value, list | tuple) and any(_is_answer(part) for part in value):
            for inner in reversed(value):  # several answers: the last counts
                yield from _inner(inner, depth + 1)
    yield value


def _is_answer(value: object) -> bool:
    """Whether it is an object that may be a whole answer."""
    return isinstance(value, Mapping) and any(str(key).lower() in _ANSWER_KEYS for key in value)


def _is_item(value: object) -> bool:
    """Whether it is an object for one keyword, or for one pair of them."""
    if not isinstance(value, Mapping) or _is_answer(value):
        return False
    return any(str(key).lower() in (*TERM_KEYS, "number") for key in value)


def _is_schema(fields: Mapping[str, Any]) -> bool:
    """Whether an object is a JSON schema, or holds one as a request does."""
    if "$schema" in fields or isinstance(fields.get("properties"), Mapping):
        return True
    return any(
        isinstance(inner := fields.get(name), Mapping)
        and ("properties" in inner or "schema" in inner or "type" in inner)
        for name in ("schema", "json_schema")
    )


def _instance(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The answer that a model wrote into the schema itself."""
    for name in ("schema", "json_schema"):
        if isinstance(inner := schema.get(name), Mapping):
            return _instance({str(key).lower(): part for key, part in inner.items()})
    found: dict[str, Any] = {}
    properties = schema.get("properties")
    for name, part in properties.items() if isinstance(properties, Mapping) else ():
        said = part
        if isinstance(part, Mapping):
            places = ("value", "values", "default", "const", "example", "examples", "items")
            said = next(
                (part[key] for key in places if isinstance(part.get(key), str | list)), None
            )
        if isinstance(said, str | list):
            found[str(name)] = said
    return found


def _value_of(stage: Stage, value: Any) -> Any:
    """The stage's result from one value. Raises AnswerError if it does not fit."""
    if stage == "tag":
        if isinstance(value, Mapping):
            names = {str(key).strip().lower() for key in value}
            if names.isdisjoint((*KEYWORD_KEYS, *TERM_KEYS)) and not is_facets(value):
                raise AnswerError("bad", f"the answer has no keyword: {brief(value)}")
        return _terms(value)
    if stage == "enrich":
        if not isinstance(value, Mapping):
            raise AnswerError(
                "bad", f"the answer is not in the requested form: {brief(json.dumps(value))}"
            )
        fields = {str(key).lower(): part for key, part in value.items()}
        return Enrichment(
            _terms(next((fields[key] for key in KEYWORD_KEYS if key in fields), None)),
            description(_text_of(fields, "description")),
            caption(_text_of(fields, "caption")),
        )
    return _prose_of(stage, _text_of(value, stage))


def _prose_of(stage: Stage, text: str) -> str:
    return caption(text) if stage == "caption" else description(text)


def _after_heading(text: str, names: str) -> str:
    """The text after the last heading such as `Final answer:`, if any."""
    form = re.compile(_FINAL.pattern.replace("{names}", names), _FINAL.flags)
    for heading in reversed(list(form.finditer(text))):
        if any(map(str.isalpha, rest := text[heading.end() :])):
            return rest
    return text


def _terms(value: object) -> tuple[Term, ...]:
    """The terms in a value. Raises AnswerError if there is none."""
    if not (found := read_terms(value)):
        raise AnswerError("bad", f"the answer has no keyword: {brief(value)}")
    return found


def _text_of(value: object, key: str) -> str:
    """The text under `key`, or the only text."""
    key = "description" if key == "describe" else key
    if isinstance(value, Mapping):
        fields = {str(name).lower(): part for name, part in value.items()}
        if key not in fields:
            texts = [part for part in fields.values() if isinstance(part, str) and part.strip()]
            alone = len(fields) == 1 and len(texts) == 1 and fields.keys().isdisjoint(NO_ANSWER)
            value = texts[0] if alone else None
        else:
            value = fields[key]
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        value = " ".join(cast("list[str]", value))
    if not isinstance(value, str):
        raise AnswerError("bad", f"the answer has no {key}")
    if value.lstrip()[:1] in ("{", "["):
        for inner in _inner(value):
            if inner != value:
                return _text_of(inner, key)
    if not thinking.begins(value):
        return value  # a tag within a text is quoted
    parts, cut = thinking.said(value)
    if value.strip() and not parts:
        raise _silence(value, cut)
    return parts[-1] if parts else value
