"""What a model answered, made into clean values, however odd its form. Pure functions, no network.

A schema is a request, not a promise: refusals, cut-offs, Python literals, code fences and prose
around the JSON all happen. Nothing leaves here that was not checked and cleaned.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, cast

from vitrina.errors import ItemError
from vitrina.prompts import Stage, clean_line
from vitrina.providers import loose_json
from vitrina.providers.base import Enrichment, Term
from vitrina.providers.facets import FACETS, Facet

__all__ = [
    "Answer",
    "AnswerError",
    "Usage",
    "parse_answer",
    "parse_text",
    "read_text",
    "read_usage",
    "read_value",
]

T = TypeVar("T")
Kind = Literal["refusal", "content_filter", "truncated", "empty", "bad", "error"]

TERMS = 20
TERM_CHARACTERS = 60
TERM_WORDS = 6
CAPTION_CHARACTERS = 240
DESCRIPTION_CHARACTERS = 2000
TEXT_CHARACTERS = 50_000

_THINKING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_REFUSAL = re.compile(
    r"\W*(i['’]?m (very |really )?sorry|i am sorry|sorry[,.!]|i can(['’]t|not| not)\b"
    r"|i['’]?m (unable|not able)|i am (unable|not able)|as an ai\b)",
    re.IGNORECASE,
)
_BROKEN = re.compile(
    r"[{]|\[\s*[\"'\[]|<[a-zA-Z!/]|\A\W*(null|none|undefined|nan)\W*\Z", re.IGNORECASE
)
_LIST_MARK = re.compile(r"^\s*(?:[-*•·–#]+|\d{1,2}[.)])\s+")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’)]?\s+(?=[\"“(]?[^\W\d_])|(?<=[。！？])")
_MARKUP = re.compile(r"\*\*|__|^#+\s+|`", re.MULTILINE)
_LABEL = re.compile(r"^\W*(?:captions?|descriptions?|keywords?|tags?|answer)\W*:\W*", re.IGNORECASE)
_QUOTES = " \t\"'`“”„‘’«»"
_NOTHING = {"null", "none", "n/a", "unknown", "undefined", "true", "false", "nan"}
_KEYWORD_KEYS = ("keywords", "tags", "terms", "labels", "keyword", "items")
_TERM_KEYS = ("term", "keyword", "name", "tag", "value", "label", "text")
_FACET_KEYS = ("facet", "type", "category", "kind")
_FACETS: dict[str, Facet] = {
    **{facet: facet for facet in FACETS},
    **{f"{facet}s": facet for facet in FACETS},
    "colour": "color",
    "colours": "color",
    "category": "type",
    "pattern": "feature",
    "shape": "feature",
    "dimension": "size",
    "dimensions": "size",
}


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

    `kind` says why, `usage` what was paid for it all the same.
    """

    def __init__(self, kind: Kind, message: str, usage: Usage | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.usage = usage or Usage()

    @property
    def worth_another_try(self) -> bool:
        """Whether asking once more may well help."""
        return self.kind in ("truncated", "empty", "bad")


def parse_answer(stage: Stage, body: object) -> Any:
    """The value in the body of a chat completion: terms, text, or an Enrichment.

    Raises AnswerError where there is none.
    """
    return parse_text(stage, read_text(body))


def read_text(body: object) -> str:
    """The text in the body of a chat completion. Raises AnswerError where there is none."""
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
    if choice.get("finish_reason") == "length":
        raise AnswerError("truncated", "the answer was cut off at the limit of tokens")
    return _content(message.get("content"))


def parse_text(stage: Stage, text: str) -> Any:
    """The value in the text of an answer. Raises AnswerError where there is none."""
    text, value = read_value(text)
    if stage == "tag":
        return _terms(text if value is None else value)
    if stage == "enrich":
        if not isinstance(value, Mapping):
            raise AnswerError("bad", f"the answer is not in the form asked for: {_brief(text)}")
        fields = {str(key).lower(): part for key, part in value.items()}
        return Enrichment(
            _terms(next((fields[key] for key in _KEYWORD_KEYS if key in fields), None)),
            _description(_text_of(fields, "description")),
            _caption(_text_of(fields, "caption")),
        )
    said = text if value is None or isinstance(value, int | float) else _text_of(value, stage)
    return _caption(said) if stage == "caption" else _description(said)


def read_value(text: str) -> tuple[str, Any]:
    """A text of use with the JSON or Python value in it, None where there is none of those.

    Raises AnswerError where the text is none.
    """
    text = _THINKING.sub("", text[:TEXT_CHARACTERS]).replace("\ufeff", "").strip()
    if not text:
        raise AnswerError("empty", "the model answered with nothing")
    value = loose_json.find(text)
    if value is None and _REFUSAL.match(text):
        raise AnswerError("refusal", f"the model refused: {_brief(text)}")
    if value is None and _BROKEN.search(text):
        raise AnswerError("bad", f"the answer is not readable: {_brief(text)}")
    return text, value


MOST_TOKENS = 10_000_000  # of one call, whatever a server says


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
    if isinstance(value, float) and value.is_integer():  # 12.0; neither NaN nor infinite
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return min(max(value, 0), MOST_TOKENS)


def _brief(value: object) -> str:
    """Somebody else's words, short enough for a message of ours."""
    if isinstance(value, Mapping):
        value = value.get("message") or value.get("code") or value
    line = clean_line(str(value)[:1000])
    return line if len(line) <= 160 else f"{line[:159]}…"


def _content(content: object) -> str:
    """The text of a message: a string, or a list of parts."""
    if isinstance(content, list):
        content = "".join(
            str(part.get("text") or "") if isinstance(part, Mapping) else str(part)
            for part in content
        )
    return content if isinstance(content, str) else ""


def _terms(value: object) -> tuple[Term, ...]:
    """Clean, distinct terms from whatever shape they came in."""
    found: dict[str, Facet | None] = {}
    for said, facet in _pairs(value, None):
        if (term := _clean_term(said)) is None:
            continue
        if term not in found and len(found) < TERMS:
            found[term] = facet
        elif term in found and found[term] in (None, "other"):
            found[term] = facet or found[term]
    if not found:
        raise AnswerError("bad", f"the answer has no keyword in it: {_brief(value)}")
    return tuple(Term(term, facet) for term, facet in found.items())


def _pairs(
    value: object, facet: Facet | None, depth: int = 0
) -> Iterator[tuple[str, Facet | None]]:
    """(what was said, its facet) of every keyword in `value`."""
    if depth > 4:
        return
    if isinstance(value, str):
        yield from _split(value, facet)
    elif isinstance(value, list | tuple):
        if depth and len(value) == 2 and all(isinstance(part, str) for part in value):
            first, second = (str(part).strip().lower() for part in value)
            if facet is None and second in _FACETS and first not in _FACETS:
                yield str(value[0]), _FACETS[second]
                return
        for part in value:
            yield from _pairs(part, facet, depth + 1)
    elif isinstance(value, Mapping):
        fields = {str(key).strip().lower(): part for key, part in value.items()}
        yield from _pairs_of(fields, facet, depth)


def _pairs_of(
    fields: dict[str, Any], facet: Facet | None, depth: int
) -> Iterator[tuple[str, Facet | None]]:
    term = next((fields[key] for key in _TERM_KEYS if isinstance(fields.get(key), str)), None)
    if term is not None and (depth or "keyword" not in fields):
        said = next((fields[key] for key in _FACET_KEYS if isinstance(fields.get(key), str)), None)
        known = facet if said is None else _FACETS.get(said.strip().lower(), "other")
        yield term, known
        return
    for key in _KEYWORD_KEYS:
        if key in fields:
            yield from _pairs(fields[key], facet, depth)
            return
    for key, part in fields.items():
        yield from _pairs(part, _FACETS.get(key, "other"), depth + 1)


def _split(text: str, facet: Facet | None) -> Iterator[tuple[str, Facet | None]]:
    """The keywords of a text: lines and commas part them, not the comma of 1,5."""
    lines = [line for line in text.splitlines() if line.strip()]
    for line in lines:
        named = re.match(r"\W*(\w+)\W*:\s*(.*)", line)
        here = facet
        if named and named[1].lower() in _FACETS:
            here, line = _FACETS[named[1].lower()], named[2]  # noqa: PLW2901
        elif _LABEL.match(line):
            line = _LABEL.sub("", line)  # noqa: PLW2901
        elif line.rstrip().endswith(":"):
            continue
        for part in re.split(r";|,(?!\d)", line):
            yield part, here


def _clean_term(said: str) -> str | None:
    """The term in lower case and without ornament; None where it cannot be a keyword."""
    text = unicodedata.normalize("NFC", clean_line(said, 400)).lower()
    text = _LIST_MARK.sub("", text).strip(_QUOTES + "#*.,;:!?[](){}<>|")
    if text.count("(") != text.count(")"):
        text = text.replace("(", " ").replace(")", " ")
    text = " ".join(text.split())
    if not text or len(text) > TERM_CHARACTERS or len(text.split()) > TERM_WORDS:
        return None
    if text in _NOTHING:
        return None
    return text if any(char.isalpha() for char in text) else None


def _text_of(value: object, key: str) -> str:
    """The text under `key`, or the only text there is."""
    key = "description" if key == "describe" else key
    if isinstance(value, Mapping):
        fields = {str(name).lower(): part for name, part in value.items()}
        if key not in fields:
            texts = [part for part in fields.values() if isinstance(part, str) and part.strip()]
            value = texts[0] if len(texts) == 1 and len(fields) == 1 else None
        else:
            value = fields[key]
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        value = " ".join(cast("list[str]", value))
    if not isinstance(value, str):
        raise AnswerError("bad", f"the answer has no {key} in it")
    return value


def _prose(text: str) -> str:
    """Running text without markup, labels and quotes around it."""
    text = clean_line(
        _MARKUP.sub("", loose_json.FENCE.sub(r"\1", text)), DESCRIPTION_CHARACTERS * 4
    )
    text = _LABEL.sub("", text).strip()
    if len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        text = text.strip(_QUOTES)
    return unicodedata.normalize("NFC", text)


def _description(text: str) -> str:
    text = _prose(text)
    if not any(char.isalnum() for char in text):
        raise AnswerError("empty", "the answer has an empty description")
    if len(text) <= DESCRIPTION_CHARACTERS:
        return text
    cut = text[:DESCRIPTION_CHARACTERS]
    ends = [found.start() for found in _SENTENCE_END.finditer(cut)]
    return cut[: ends[-1]].rstrip() if ends else _shorten(cut, DESCRIPTION_CHARACTERS)


def _caption(text: str) -> str:
    """One sentence on one line."""
    text = _prose(text)
    if not any(char.isalnum() for char in text):
        raise AnswerError("empty", "the answer has an empty caption")
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
