"""What a model answered, made into clean values, however odd its form. Pure functions, no network.

A schema is a request, not a promise: refusals, cut-offs, Python literals, code fences and prose
around the JSON all happen. Nothing leaves here that was not checked and cleaned.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, cast

from vitrina.errors import ItemError
from vitrina.prompts import Stage, clean_line
from vitrina.providers import loose_json, thinking
from vitrina.providers.base import Enrichment, Term
from vitrina.providers.terms import KEYWORD_KEYS, NO_ANSWER, TERM_KEYS, is_facets, read_terms

__all__ = [
    "Answer",
    "AnswerError",
    "Usage",
    "parse_answer",
    "parse_text",
    "read",
    "read_usage",
    "values",
]

T = TypeVar("T")
Kind = Literal["refusal", "content_filter", "truncated", "empty", "bad", "error"]

CAPTION_CHARACTERS = 240
DESCRIPTION_CHARACTERS = 2000
TEXT_CHARACTERS = 100_000  # of an answer, without the thinking before it
DEPTH = 5  # answers within answers: JSON in JSON, {"answer": {...}}
CUT_OFF = "the answer was cut off at the limit of tokens"

_REFUSAL = re.compile(
    r"\W*(i['’]?m (very |really )?sorry|i am sorry|sorry[,.!]|i can(['’]t|not| not)\b"
    r"|i['’]?m (unable|not able)|i am (unable|not able)|as an ai\b)",
    re.IGNORECASE,
)
_BROKEN = re.compile(
    r"\A\W*(null|none|undefined|nan)\W*\Z|\A\s*[{]|[{\[]\s*[\"'{\[]|<(?:!|/?(?:html|head|body)\b)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’)]?\s+(?=[\"“(]?[^\W\d_])|(?<=[。！？])")
_MARKUP = re.compile(
    r"\*\*|__|^#+\s+|```(?:[\w-]*[ \t]*$)?|`"
    r"|</?(?:b|i|em|strong|p|br|ul|ol|li|span|div|u|small|h[1-6])\b[^<>]{0,200}>",
    re.MULTILINE | re.IGNORECASE,
)
_LABEL = re.compile(r"^\W*(?:captions?|descriptions?|keywords?|tags?|answer)\W*:\W*", re.IGNORECASE)
_FINAL = re.compile(
    r"^[ \t#*_>-]{0,12}(?:(?:my |the |and )?(?:final|corrected|revised|improved) (?:answer|caption"
    r"|description|keywords?|output|response|version|result|json)|answer|output|{names})"
    r"[ \t*_]{0,8}(?::[ \t*_]{0,8}|$)",
    re.MULTILINE | re.IGNORECASE,
)
_LEAD_IN = re.compile(r"\s*(?:sure|here|of course|certainly|okay|ok|great)\b[^\n]{0,200}:\s*\n")
_QUOTES = " \t\"'`“”„‘’«»"
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
_PLACEHOLDER = re.compile(
    r"string|text|caption|description|object|null|none|n/a|undefined"
    r"|(?:your |the |a |some |insert )?(?:caption|description|text|sentence)s? (?:goes )?here"
    r"|(?:an? )?(?:example|sample) (?:caption|description|text)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; `cached_tokens` are among the input."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A value with the model that was asked, what it used and how long it took."""

    value: T
    model: str
    usage: Usage
    seconds: float


class AnswerError(ItemError):
    """The model's answer is of no use for this product.

    `kind` says why, `usage` what was paid for it all the same; `cut_off` that it ends in the midst
    of thinking.
    """

    def __init__(
        self, kind: Kind, message: str, usage: Usage | None = None, *, cut_off: bool = False
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.usage = usage or Usage()
        self.cut_off = cut_off or kind == "truncated"

    @property
    def worth_another_try(self) -> bool:
        """Whether asking once more may well help."""
        return self.kind in ("truncated", "empty", "bad")


def parse_answer(stage: Stage, body: object) -> Any:
    """The value in the body of a chat completion: terms, text, or an Enrichment.

    Raises AnswerError where there is none.
    """
    return read(body, lambda text: parse_text(stage, text))


def read(body: object, parse: Callable[[str], T]) -> T:
    """What `parse` makes of the answer in the body of a chat completion.

    That is the content; or, where it is of no use, the arguments of a tool call, or JSON of the
    form asked for that came in the place of thoughts. Raises AnswerError where there is none.
    """
    choice, message = _message(body)
    content, parts = _content(message.get("content"))
    called, thoughts = _called(message, parts), _thoughts(message, parts)
    if choice.get("finish_reason") == "length":
        # servers count the blanks after finished JSON, until the limit ends them
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
                    error.kind, f"the answer is in {name}, and of no use there: {error}"
                )
    if content.strip() and by_call:
        return parse(content)
    if failed is None and (called or thoughts):
        name, text = (*called, *thoughts)[0]
        raise AnswerError(
            "empty",
            f"the content is empty; the answer is in {name}: {_brief(text)}",
        )
    raise failed or AnswerError("empty", "the model answered with nothing")


def _message(body: object) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The choice and its message in the body of a chat completion."""
    if not isinstance(body, Mapping):
        raise AnswerError("bad", "the answer is not a chat completion")
    if body.get("error"):
        raise AnswerError("error", f"the server answered with an error: {_brief(body['error'])}")
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(choice, Mapping) or not isinstance(message, Mapping):
        raise AnswerError("bad", "the answer has no message in it")
    if refusal := message.get("refusal"):
        raise AnswerError("refusal", f"the model refused: {_brief(refusal)}")
    if choice.get("finish_reason") == "content_filter":
        raise AnswerError("content_filter", "the provider's content filter withheld the answer")
    return choice, message


def _content(content: object) -> tuple[str, list[Mapping[str, Any]]]:
    """The text of a message, a string or a list of parts, and the parts that are something else."""
    if isinstance(content, Mapping):
        said = _text_in(content) if "text" in content and "type" in content else ""
        return said or json.dumps(content, ensure_ascii=False), []
    if not isinstance(content, list):
        return (content if isinstance(content, str) else ""), []
    said, others = "", []
    for part in content:
        if not isinstance(part, Mapping):
            said += part if isinstance(part, str) else ""
        elif part.get("type", "text") in ("text", "output_text", "message"):
            said += _text_in(part)
        elif part.get("type") == "refusal" and part.get("refusal"):
            raise AnswerError("refusal", f"the model refused: {_brief(part['refusal'])}")
        else:
            others.append(part)
    return said, others


def _called(message: Mapping[str, Any], parts: list[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The arguments of the calls of tools in a message, each with the name of its field."""
    calls = message.get("tool_calls")
    found: list[tuple[str, object]] = []
    for call in calls if isinstance(calls, list) else [calls]:
        given = call.get("function", call) if isinstance(call, Mapping) else None
        if isinstance(given, Mapping):
            found.append(("tool_calls", given.get("arguments", given.get("input"))))
    if isinstance(call := message.get("function_call"), Mapping):
        found.append(("function_call", call.get("arguments")))
    found += [("a tool call", part.get("input")) for part in parts if "input" in part]
    found.append(("parsed", message.get("parsed")))
    return [
        (name, said if isinstance(said, str) else json.dumps(said, ensure_ascii=False))
        for name, said in found
        if isinstance(said, str | Mapping | list) and said
    ]


def _thoughts(message: Mapping[str, Any], parts: list[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The texts in the fields for thoughts, each with the name of its field."""
    names = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "thoughts")
    found = [(name, _text_in(message.get(name))) for name in names]
    found += [(str(part.get("type") or "content"), _text_in(part)) for part in parts]
    return [(name, said) for name, said in found if said.strip()]


def _text_in(value: object, depth: int = 0) -> str:
    """The text of a field or a part, however deep it lies."""
    if isinstance(value, str) or depth > DEPTH:
        return value if isinstance(value, str) else ""
    if isinstance(value, list):
        return "".join(_text_in(part, depth + 1) for part in value)
    if isinstance(value, Mapping):
        names = ("text", "content", "thinking", "reasoning", "summary", "value", "output", "json")
        said = (_text_in(value[name], depth + 1) for name in names if name in value)
        return next(filter(None, said), "")
    return ""


def parse_text(stage: Stage, text: str) -> Any:
    """The value in the text of an answer: the last one that fits the stage, outside of thinking.

    Raises AnswerError where there is none.
    """
    failed: AnswerError | None = None
    prose = stage in ("describe", "caption")
    for value in values(text):
        if prose and isinstance(value, list) and loose_json.whole(_spoken(text)) is None:
            continue  # brackets in a sentence
        try:
            return _value_of(stage, value)
        except AnswerError as error:
            failed = failed or error
    said = _spoken(text)
    if _REFUSAL.match(said):
        raise AnswerError("refusal", f"the model refused: {_brief(said)}")
    if failed is not None or _BROKEN.search(said):
        raise failed or AnswerError("bad", f"the answer is not readable: {_brief(said)}")
    if stage == "enrich":
        raise AnswerError("bad", f"the answer is not in the form asked for: {_brief(said)}")
    if stage == "tag":
        return _terms(_after_heading(said, "keywords?|tags"))
    name = "description" if stage == "describe" else "caption"
    return _prose_of(stage, _after_heading(said, f"(?:the )?(?:short )?{name}"))


def values(text: str) -> Iterator[Any]:
    """The JSON or Python values of an answer outside of thinking, the last one first.

    Objects of one kind that follow each other, a keyword each, are one list. Raises AnswerError
    where the text has nothing but thinking in it, or what comes last is cut off.
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
            raise AnswerError("bad", f"the answer is not readable: {_brief(said)}")
        items = [value for value in found if _is_item(value)]
        if len(items) > 1 and _is_item(found[-1]):
            yield items
        for value in reversed(found):
            yield from _inner(value)
    if cut:
        raise _silence(text, cut)


def _spoken(text: str) -> str:
    """The last that an answer says outside of thinking."""
    return thinking.said(text)[0][-1][-TEXT_CHARACTERS:]


def _silence(text: str, cut: bool) -> AnswerError:
    """Why there is no answer in a text."""
    if cut:
        message = "the model's thinking was cut off before an answer"
        return AnswerError("empty", f"{message}: {_brief(text)}", cut_off=True)
    if text.strip():
        return AnswerError("empty", f"nothing comes after the model's thinking: {_brief(text)}")
    return AnswerError("empty", "the model answered with nothing")


def _inner(value: Any, depth: int = 0) -> Iterator[Any]:
    """A value, and what is wrapped in it: JSON in a text, an answer under a name, in a schema."""
    if depth < DEPTH:
        if isinstance(value, str) and value.lstrip()[:1] in ("{", "[", '"'):
            if (inner := loose_json.whole(value)) is not None and inner != value:
                yield from _inner(inner, depth + 1)
                return
        elif isinstance(value, str) and thinking.said(value)[0] != [value.strip()]:
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
            for inner in reversed(value):  # several answers: the last is meant
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
    """What a model wrote into the schema itself, in the place of an answer."""
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
    """What a stage wants, from one value. Raises AnswerError where it does not fit."""
    if stage == "tag":
        if isinstance(value, Mapping):
            names = {str(key).strip().lower() for key in value}
            if names.isdisjoint((*KEYWORD_KEYS, *TERM_KEYS)) and not is_facets(value):
                raise AnswerError("bad", f"the answer has no keyword in it: {_brief(value)}")
        return _terms(value)
    if stage == "enrich":
        if not isinstance(value, Mapping):
            raise AnswerError(
                "bad", f"the answer is not in the form asked for: {_brief(json.dumps(value))}"
            )
        fields = {str(key).lower(): part for key, part in value.items()}
        return Enrichment(
            _terms(next((fields[key] for key in KEYWORD_KEYS if key in fields), None)),
            _description(_text_of(fields, "description")),
            _caption(_text_of(fields, "caption")),
        )
    return _prose_of(stage, _text_of(value, stage))


def _prose_of(stage: Stage, text: str) -> str:
    return _caption(text) if stage == "caption" else _description(text)


def _after_heading(text: str, names: str) -> str:
    """What comes after the last heading such as `Final answer:`, where anything does."""
    form = re.compile(_FINAL.pattern.replace("{names}", names), _FINAL.flags)
    for heading in reversed(list(form.finditer(text))):
        if any(map(str.isalpha, rest := text[heading.end() :])):
            return rest
    return text


def read_usage(body: object) -> Usage:
    """The tokens a body says it used; servers that do not count give zeros."""
    usage = body.get("usage") if isinstance(body, Mapping) else None
    if not isinstance(usage, Mapping):
        return Usage()
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else 0
    return Usage(
        _count(usage.get("prompt_tokens")),
        _count(cached),
        _count(usage.get("completion_tokens")),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _brief(value: object) -> str:
    """Somebody else's words, short enough for a message of ours."""
    if isinstance(value, Mapping):
        value = value.get("message") or value.get("code") or value
    line = clean_line(str(value)[:1000])
    return line if len(line) <= 160 else f"{line[:159]}…"


def _terms(value: object) -> tuple[Term, ...]:
    """The terms in a value. Raises AnswerError where there is none."""
    if not (found := read_terms(value)):
        raise AnswerError("bad", f"the answer has no keyword in it: {_brief(value)}")
    return found


def _text_of(value: object, key: str) -> str:
    """The text under `key`, or the only text there is."""
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
        raise AnswerError("bad", f"the answer has no {key} in it")
    if value.lstrip()[:1] in ("{", "["):
        for inner in _inner(value):
            if inner != value:
                return _text_of(inner, key)
    parts, cut = thinking.said(value)
    if value.strip() and not parts:
        raise _silence(value, cut)
    return parts[-1] if parts else value


def _prose(text: str) -> str:
    """Running text without markup, labels and quotes around it."""
    if lead_in := _LEAD_IN.match(text):
        text = text[lead_in.end() :]
    text = clean_line(_MARKUP.sub("", text), DESCRIPTION_CHARACTERS * 4)
    text = _LABEL.sub("", text).strip()
    if len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        text = text.strip(_QUOTES)
    return unicodedata.normalize("NFC", html.unescape(text))


def _checked(text: str, name: str) -> str:
    text = _prose(text)
    if not any(char.isalnum() for char in text):
        raise AnswerError("empty", f"the answer has an empty {name}")
    if _PLACEHOLDER.fullmatch(text.strip(_QUOTES + "<>[](){}*_-.…:")):
        raise AnswerError("bad", f"the answer has no {name} in it, but {_brief(text)!r}")
    return text


def _description(text: str) -> str:
    text = _checked(text, "description")
    if len(text) <= DESCRIPTION_CHARACTERS:
        return text
    cut = text[:DESCRIPTION_CHARACTERS]
    ends = [found.start() for found in _SENTENCE_END.finditer(cut)]
    return cut[: ends[-1]].rstrip() if ends else _shorten(cut, DESCRIPTION_CHARACTERS)


def _caption(text: str) -> str:
    """One sentence on one line."""
    text = _checked(text, "caption")
    for end in _SENTENCE_END.finditer(text):
        if end.start() >= 20:
            text = text[: end.start()].rstrip()
            break
    return _shorten(text, CAPTION_CHARACTERS)


def _shorten(text: str, limit: int) -> str:
    """`text`, cut at a word where it is too long."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    return (head.rsplit(" ", 1)[0] if " " in head else head).rstrip(" ,;:-") + "…"
