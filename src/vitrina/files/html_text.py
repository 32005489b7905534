"""A description as a shop wrote it, as text: HTML without its tags, entities decoded."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from vitrina.files.names import words

MAX_TEXT = 100_000  # characters
_DROPPED = frozenset({"script", "style", "template", "noscript", "iframe", "svg", "head", "title"})
_BLOCKS = words(
    "address article aside blockquote br dd div dl dt figcaption figure footer h1 h2 h3"
    " h4 h5 h6 header hr li main nav ol p pre section table tbody td tfoot th thead tr ul"
)
_MARKUP = re.compile(r"<[a-zA-Z!/]|&(?:#\d+|#x[0-9a-fA-F]+|[a-zA-Z]+);")
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-fA-F]+|[a-zA-Z]+\d*);")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--")
_DEEP = 6  # lists and objects in each other
_BLANKS = re.compile(r"[^\S\n]+")


def to_text(value: object) -> str:
    """Text of a value: of a list each item on a line, of an editor's JSON its blocks."""
    if isinstance(value, list):
        return "\n".join(text for item in value if (text := to_text(item)))[:MAX_TEXT]
    if isinstance(value, dict):
        return _blocks(value)
    if value is None:
        return ""
    text = str(value)
    if text.startswith('{"') and '"blocks"' in text:
        try:
            return _blocks(json.loads(text))
        except (ValueError, RecursionError):
            pass
    if "<" in text or "&" in text:
        for _ in range(2):  # entities of entities: &amp;lt;p&amp;gt;
            if _MARKUP.search(text) is None:
                break
            text = _stripped(text)
    return _tidy(text)[:MAX_TEXT]


def to_line(text: str) -> str:
    """A short text, such as a title, on a single line and without entities or tags."""
    if ("&" in text or "<" in text) and _MARKUP.search(text):
        text = _stripped(text)
    return " ".join(text.split())


def to_plain(value: Any, depth: int = 0) -> Any:
    """An attribute without entities and tags: of a list each item, of an object each value."""
    if value.__class__ is str:
        if ("&" in value or "<" in value) and (_ENTITY.search(value) or _TAG.search(value)):
            return to_line(value)
    elif depth < _DEEP:
        if isinstance(value, list):
            return [to_plain(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return {name: to_plain(inner, depth + 1) for name, inner in value.items()}
    return value


def unescaped(text: str) -> str:
    """A text without entities; an `&copy=1` of an address is none."""
    if "&" not in text:
        return text
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text)


def _stripped(markup: str) -> str:
    """The text that a reader of the page sees, a block a line."""
    parts: list[str] = []
    body = LexborHTMLParser(markup).body
    if body is None:
        return ""
    stack: list[Any] = [body]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
            continue
        tag = node.tag
        if tag == "-text":
            parts.append(re.sub(r"\s+", " ", node.text_content or ""))
        elif tag in _DROPPED or tag.startswith(("-comment", "!")):
            continue
        else:
            block = tag in _BLOCKS
            inner: list[Any] = list(node.iter(include_text=True))
            stack.extend(reversed(["\n", *inner, "\n"] if block else inner))
    return "".join(parts)


def _tidy(text: str) -> str:
    if "\n" not in text and "\r" not in text and "\0" not in text:
        return " ".join(text.split())
    lines = (_BLANKS.sub(" ", line).strip() for line in text.replace("\0", "").splitlines())
    return "\n".join(line for line in lines if line)


def _blocks(document: Any) -> str:
    """The texts of an editor's document (Editor.js): its blocks, in order."""
    if not isinstance(document, dict) or not isinstance(document.get("blocks"), list):
        return ""
    lines = []
    for block in document["blocks"]:
        data = block.get("data") if isinstance(block, dict) else None
        if not isinstance(data, dict):
            continue
        if isinstance(data.get("text"), str):
            lines.append(to_text(data["text"]))
        for item in data.get("items") or ():
            said = item.get("content") if isinstance(item, dict) else item
            lines.append(to_text(said))
    return "\n".join(line for line in lines if line)
