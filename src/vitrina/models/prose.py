"""Makes a clean description or caption of a text that a model wrote. Pure functions."""

from __future__ import annotations

import html
import re
import unicodedata

from vitrina.models.outcomes import AnswerError, brief
from vitrina.models.prompts import clean_line

__all__ = ["caption", "description"]

CAPTION_CHARACTERS = 240
DESCRIPTION_CHARACTERS = 2000
LEAD_INS = 5  # at most so many before a text

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’)]?\s+(?=[\"“(]?[^\W\d_])|(?<=[。！？])")
_MARKUP = re.compile(
    r"\*\*|__|^#+\s+|```(?:[\w-]*[ \t]*$)?|`"
    r"|</?(?:b|i|em|strong|p|br|ul|ol|li|span|div|u|small|h[1-6])\b[^<>]{0,200}>",
    re.MULTILINE | re.IGNORECASE,
)
_NOUN = (
    r"(?:captions?|descriptions?|texts?|sentences?|answers?|responses?|outputs?|results?|versions?"
    r"|json|légende|beschreibung|bildunterschrift|descripción|leyenda|descrizione|didascalia)"
)
_LABEL = (
    r"[\s*_#>-]{0,8}(?:(?:the|my|a|an|short|one|final|suggested|proposed|product|item|image|visual)\s)"
    r"{0,4}(?:captions?|descriptions?|keywords?|tags?|answer|output|légende|beschreibung"
    r"|bildunterschrift|descripción|descrizione|didascalia)(?:[\s*_]{0,8}[:：]|(?=[ \t]*\n))"
)
_AGREED = (
    r"(?:sure(?: thing)?|of course|certainly|absolutely|okay|ok|got it|understood|no problem|great"
    r"|gladly|with pleasure|claro|bien sûr|natürlich|gerne)"
    r"(?:[!.:—–]|,(?=\s*(?:here|voici|hier)\b))(?=\s)"
)
_HERE = (
    r"(?:here(?:['’]s| is| are)|this is|below is|the following is|i(?:['’]ve| have)"
    r"|voici|hier ist|aquí (?:está|tiene)|ecco)\b"
)
_LEAD_IN = re.compile(
    rf"\s*(?:{_AGREED}|{_HERE}[^:.!?\n]{{0,80}}\b{_NOUN}\b[^:.!?\n]{{0,80}}[:：]"
    rf"|{_HERE}[^:\n]{{0,160}}:(?=[ \t]*\n)|here you (?:go|are)\s?[:!.]|{_LABEL})\s*",
    re.IGNORECASE,
)
_OFFER = re.compile(
    r"\s(?:let me know|please let me know|feel free to|i hope (?:this|that|it)|hope this helps"
    r"|would you like me|if you(?:['’]d| would) like)\b[^\n]{0,200}\Z",
    re.IGNORECASE,
)
_PAIRS = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“”", "‘": "’", "«": "»", "»": "«"}
_QUOTES = " \t\"'`“”„‘’«»"
_PLACEHOLDER = re.compile(
    r"string|text|caption|description|object|null|none|n/a|undefined"
    r"|(?:your |the |a |some |insert )?(?:caption|description|text|sentence)s? (?:goes )?here"
    r"|(?:an? )?(?:example|sample) (?:caption|description|text)",
    re.IGNORECASE,
)


def description(text: str) -> str:
    """Running text of at most 2,000 characters. Raises AnswerError where there is none."""
    text = _checked(text, "description")
    if len(text) <= DESCRIPTION_CHARACTERS:
        return text
    cut = text[:DESCRIPTION_CHARACTERS]
    ends = [found.start() for found in _SENTENCE_END.finditer(cut)]
    return cut[: ends[-1]].rstrip() if ends else _shorten(cut, DESCRIPTION_CHARACTERS)


def caption(text: str) -> str:
    """One sentence on one line. Raises AnswerError where there is none."""
    text = _checked(text, "caption")
    for end in _SENTENCE_END.finditer(text):
        if end.start() >= 20:
            text = text[: end.start()].rstrip()
            break
    return _shorten(text, CAPTION_CHARACTERS)


def _checked(text: str, name: str) -> str:
    text = _prose(text)
    if not any(char.isalnum() for char in text):
        raise AnswerError("empty", f"the answer has an empty {name}")
    if _PLACEHOLDER.fullmatch(text.strip(_QUOTES + "<>[](){}*_-.…:")):
        raise AnswerError("bad", f"the answer has no {name} in it, but {brief(text)!r}")
    return text


def _prose(text: str) -> str:
    """Running text without markup, and without lead-ins, offers and quotes around it."""
    text = _MARKUP.sub("", html.unescape(text[: DESCRIPTION_CHARACTERS * 8]))
    for _ in range(LEAD_INS):
        lead_in = _LEAD_IN.match(text)
        if lead_in is None or not any(map(str.isalpha, text[lead_in.end() :])):
            break
        text = text[lead_in.end() :]
    text = clean_line(text, DESCRIPTION_CHARACTERS * 4)
    if (offer := _OFFER.search(text, max(0, len(text) - 260))) and text[: offer.start()].endswith(
        (".", "!", "?", '"', "”")
    ):
        text = text[: offer.start()]
    return unicodedata.normalize("NFC", _unquoted(text.strip()))


def _unquoted(text: str) -> str:
    """Without the quotes around all of it; those of a part are kept."""
    inner = text[1:-1]
    if len(text) > 2 and text[-1] in _PAIRS.get(text[0], ""):
        alone = text[0] == "'" or not {text[0], text[-1]} & set(inner)
        return inner.strip() if alone else text
    return text


def _shorten(text: str, limit: int) -> str:
    """`text`, cut at a word where it is too long."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    return (head.rsplit(" ", 1)[0] if " " in head else head).rstrip(" ,;:-") + "…"
