"""Keywords from any form of a model's answer, and the rule for the look of a term."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from vitrina.db.facets import FACETS, Facet
from vitrina.models import loose_json
from vitrina.models.base import Term
from vitrina.models.prompts import clean_line

__all__ = ["KEYWORD_KEYS", "NO_ANSWER", "TERM_KEYS", "clean_term", "is_facets", "read_terms"]

TERMS = 20
TERM_CHARACTERS = 60
TERM_WORDS = 6
DEPTH = 8

KEYWORD_KEYS = ("keywords", "tags", "terms", "labels", "keyword", "items")
TERM_KEYS = ("term", "keyword", "name", "tag", "value", "label", "text")
NO_ANSWER = {"thought", "thoughts", "thinking", "reasoning", "analysis", "reflection", "note"}
NO_ANSWER |= {"notes", "error", "refusal", "status", "message", "explanation", "confidence"}
_FACET_KEYS = ("facet", "type", "category", "kind")
_FACETS: dict[str, Facet] = {
    **{facet: facet for facet in FACETS},
    **{f"{facet}s": facet for facet in FACETS},
    "colour": "color",
    "colours": "color",
    "category": "type",
    "pattern": "feature",
    "shape": "feature",
    "gender": "audience",
    "dimension": "size",
    "dimensions": "size",
}
_HEADINGS = {"term", "terms", "keyword", "keywords", "facet", "facets", "value", "values", "tag"}
_HEADINGS |= {"tags", "#", "no", "no.", "name", "label", "category", "description"}
_PLACEHOLDERS = {
    *FACETS,
    *("null", "none", "n/a", "unknown", "undefined", "true", "false", "nan", "string", "object"),
    *("array", "integer", "boolean", "example", "example term", "another term", "term", "keyword"),
    *("keywords", "facet", "placeholder", "your term", "your keyword", "keyword here", "etc"),
    *("term here", "sure", "okay", "of course", "certainly", "sample term", "some term", "json"),
    *("example keyword", "sample keyword", "keyword list", "final answer", "answer", "enum"),
    *("properties", "additionalproperties", "required", "lorem ipsum", "markdown", "term one"),
}
_NUMBERED = re.compile(r"(?:example |sample )?(?:term|keyword|tag)[ _-]?(?:\d+|[a-c]|x)")
_LIST_MARK = re.compile(r"\s*(?:(?:[-*•·–—+>▪◦‣#]+|\d{1,2}[.)]|\(\d{1,2}\)|\[[ xX]?\])\s+)+")
_MARKUP = re.compile(r"\*{2,}|_{2,}|`+|~~|</?(?:b|i|em|strong|li|ul|ol|p|span|br|u|code)\s*/?>")
_LABEL = re.compile(
    r"\W*([^\W\d_][\w /&-]{0,40}?)\s*[\"'”*_]*(?::(?=\s|\Z|[^\x00-\x7f])|：)[*_\s]*(.*)"
)
_DASHED = re.compile(r"(.+?)\s+[-–—→|:]+>?\s+(.+)|(.+?)\s*[(\[](\w+)[)\]]")
_QUOTES = " \t\"'`“”„‘’«»"
_EDGES = _QUOTES + "#*.,;:!?[](){}<>|…。、，！？"
_PARTING = re.compile(r"[;；，、،]|,(?!\d)")
_NO_TERM = re.compile(
    r"://|\bwww\.|\S@\S+\.\w|\b[\w-]+\.(?:com|net|org|html?|jpe?g|png|webp|gif|json)\b"  # addresses
    r"|[{}\ufffd\ue000-\uf8ff`]|<[a-z!/?|]|[|=]>|\*\*|__|\[\s*[\"'\[{]|[\"']\s*\]|\\[nrt\"]"  # code
    r"|[\"'“”]\s*[:：]|[:：]\s*[\"'“”\[]|&#?\w+;|(.)\1{5,}"
    r"|\w[!?]\s|\w{7,}\.\s",
    re.DOTALL,
)
_VERBS = r"(?:is|are|was|were|has|have|looks?|shows?|seems?|appears?|can|could|would|will|says?)"
_FRAGMENT = re.compile(r"[\"“”]\s*:|:\s*\"[^\"]*\Z|[{}]")  # of JSON
_SENTENCE = re.compile(
    r"(?:i|we|you)(?:['’]\w+\b|\s(?:am|are|can|cannot|can['’]t|could|will|would|should|think|see"
    r"|believe|hope|need|have|may|might|must|chose|want)\b)"
    rf"|(?:it|this|that|these|those|here|there)(?:['’]\w+\s|\s(?:\S+\s){{0,2}}{_VERBS}\b)"
    rf"|the (?:item|product|picture|image|photo|title|keywords?|answer|user)\s{_VERBS}\b"
    r"|(?:please|let me|let['’]s)\s"
)


def clean_term(said: str) -> str | None:
    """The term in lower case and without ornament; None if it does not look like a term.

    A term has a letter and at most 6 words and 60 characters; it is not a sentence, address,
    placeholder or piece of code or JSON (a quote beside a colon, braces, markup).
    """
    text = unicodedata.normalize("NFC", clean_line(_unescaped(said), 400)).lower()
    text = _MARKUP.sub("", "".join(char for char in text if not _is_format(char)))
    mark = _LIST_MARK.match(text)
    text = text[mark.end() :] if mark else text
    sentence = text.rstrip(_QUOTES + ")*").endswith((".", "!", "?", "。", "！", "？"))
    inch = re.search(r"\d\"\W*\Z", text) is not None and text.count('"') % 2 == 1
    text = text.strip(_EDGES) + ('"' if inch else "")
    if text.count("(") != text.count(")"):
        text = text.replace("(", " ").replace(")", " ")
    text = " ".join(text.split())
    return text if _is_term(text, sentence) else None


def _is_term(text: str, ended: bool) -> bool:
    """Whether a cleaned text looks like a term; `ended`: it had the end of a sentence."""
    words = text.split()
    if not text or len(text) > TERM_CHARACTERS or len(words) > TERM_WORDS:
        return False
    if text in _PLACEHOLDERS or _NUMBERED.fullmatch(text) or not any(map(str.isalpha, text)):
        return False
    if _NO_TERM.search(text) or _SENTENCE.match(text):
        return False
    if '"' in text and (":" in text or (text.count('"') % 2 and not re.search(r'\d"', text))):
        return False
    if ended and _unspaced(text):
        return len(text) <= 10
    return not (ended and len(words) > 3)


def _is_format(char: str) -> bool:
    """Whether it is an ornament or invisible; two joiners are part of words."""
    if char in "\u200c\u200d°":
        return False
    return char == "\ufe0f" or unicodedata.category(char) in ("Cf", "So")


def _unspaced(text: str) -> bool:
    """Whether it is written in a script without spaces between words."""
    return any("\u3040" <= char <= "\u9fff" for char in text)


def _unescaped(text: str) -> str:
    """Without HTML entities, escaped once or twice."""
    for _ in range(2):
        text = html.unescape(text) if "&" in text else text
    return text


def is_facets(fields: Mapping[Any, Any]) -> bool:
    """Whether this may be keywords by facet, `{"type": ["desk"], "color": "black"}`."""
    if any(str(key).strip().lower() in _FACETS for key in fields):
        return True
    return bool(fields) and all(isinstance(part, list) for part in fields.values())


def read_terms(value: object) -> tuple[Term, ...]:
    """Clean, distinct terms from any shape of answer, in their order; at most 20."""
    found: dict[str, Facet | None] = {}
    for said, facet in _pairs(value, None):
        if (term := clean_term(said)) is None:
            continue
        if term not in found and len(found) < TERMS:
            found[term] = facet
        elif term in found and found[term] in (None, "other"):
            found[term] = facet or found[term]
    return tuple(Term(term, facet) for term, facet in found.items())


def _pairs(
    value: object, facet: Facet | None, depth: int = 0
) -> Iterator[tuple[str, Facet | None]]:
    """(term, facet) of every keyword in `value`."""
    if depth > DEPTH:
        return
    if isinstance(value, str):
        if value.lstrip().startswith(("{", "[", '"{', '"[')):
            inner = loose_json.whole(value)
            if isinstance(inner, dict | list | tuple | str) and inner != value:
                yield from _pairs(inner, facet, depth + 1)
                return
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
    if "arguments" in fields or "parameters" in fields:
        return  # a tool call is not a keyword
    term = next((fields[key] for key in TERM_KEYS if isinstance(fields.get(key), str)), None)
    if term is not None and (depth or "keyword" not in fields):
        said = next((fields[key] for key in _FACET_KEYS if isinstance(fields.get(key), str)), None)
        known = facet if said is None else _FACETS.get(said.strip().lower(), "other")
        yield from _pairs(term, known, depth + 1)
        return
    for key in KEYWORD_KEYS:
        if key in fields:
            yield from _pairs(fields[key], facet, depth)
            return
    if isinstance(fields.get("properties"), Mapping) or "$schema" in fields:
        return  # a schema in the place of terms
    if fields.get("type") in ("string", "object", "array"):
        return
    for key, part in fields.items():
        if key not in NO_ANSWER:
            yield from _pairs(part, _FACETS.get(key, "other"), depth + 1)


def _split(text: str, facet: Facet | None) -> Iterator[tuple[str, Facet | None]]:
    """The keywords of a text: a list, a table, or words separated by commas (not that of 1,5).

    A heading that is a facet applies to the lines below it.
    """
    here = facet
    for raw in text.splitlines():
        line = _MARKUP.sub("", _unescaped(raw[:2000]))
        mark = _LIST_MARK.match(line)
        bare = (line[mark.end() :] if mark else line).strip()
        if not bare or bare.startswith("```"):
            continue
        if bare.count("|") and (bare.startswith("|") or " | " in bare):
            yield from _cells(bare, here)
            continue
        if _FRAGMENT.search(bare):
            continue
        if label := _LABEL.match(bare):
            named = _facet_of(label[1])
            if not label[2].strip(_EDGES):  # a heading
                here = named or facet
            elif label[2].strip(_EDGES).lower() in _FACETS and named is None:
                yield label[1], _FACETS[label[2].strip(_EDGES).lower()]
            else:
                for part in _PARTING.split(label[2]):
                    yield _dashed(part, named or here)
            continue
        if bare.lower().strip(_EDGES) in _FACETS and "\n" in text.strip():
            here = _FACETS[bare.lower().strip(_EDGES)]
            continue
        for part in _PARTING.split(bare):
            yield _dashed(part, here)


def _cells(row: str, facet: Facet | None) -> Iterator[tuple[str, Facet | None]]:
    """The keywords of a row of a table."""
    cells = [cell.strip(" *_`") for cell in row.strip("| \t").split("|")]
    cells = [cell for cell in cells if re.search(r"[^\W\d_]", cell)]
    lowered = [cell.lower() for cell in cells]
    if not cells or all(cell in _HEADINGS or cell in _FACETS for cell in lowered):
        return
    at = next((n for n in (len(cells) - 1, 0) if lowered[n] in _FACETS and len(cells) > 1), None)
    for n, cell in enumerate(cells):
        if n == at:
            continue
        for part in _PARTING.split(cell):
            yield part, facet if at is None else _FACETS[lowered[at]]


def _dashed(part: str, facet: Facet | None) -> tuple[str, Facet | None]:
    """The keyword and the facet of `desk lamp (type)`, `desk lamp - type` or `Type - desk lamp`."""
    if len(part) <= TERM_CHARACTERS * 2 and (found := _DASHED.fullmatch(part.strip())):
        first, second = (found[1], found[2]) if found[1] else (found[3], found[4])
        if (named := _FACETS.get(second.strip(_EDGES).lower())) is not None:
            return first, named
        if found[1] and (named := _FACETS.get(first.strip(_EDGES).lower())) is not None:
            return second, named
    return part, facet


def _facet_of(label: str) -> Facet | None:
    """The facet a label names: `Material`, `Main color`, `Colours of the item`."""
    words = label.lower().split()
    return next((_FACETS[word] for word in (words[-1], words[0]) if word in _FACETS), None)
