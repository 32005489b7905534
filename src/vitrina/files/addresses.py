"""Finds addresses of pictures in a value: a single address, a list in a cell, or nested JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vitrina.files.values import parse_list

_BETWEEN = re.compile(r"\s*[,;|]\s*(?=(?:https?:)?//)|\s+(?=https?://)")
_PICTURE = re.compile(
    r"[^\s,;|][^\n,;|]*\.(?:jpe?g|png|gif|webp|avif|bmp|tiff?|svg|heic|jfif)(?:\?\S*)?",
    re.IGNORECASE,
)
_ONE = re.compile(r"https?://[^\s,;|\"']+")
_SEPARATORS = ("\n", "|", ";", ",")
_KEYS = (
    "src",
    "url",
    "originalSrc",
    "contentUrl",
    "href",
    "original",
    "image",
    "link",
    "path",
    "@id",
)
_QUOTES = " \t\r\n[]\"'"
_DEEP = 6


def addresses(value: object, depth: int = 0) -> Iterator[str]:
    """Each address in a value, in order."""
    if isinstance(value, str):
        if _ONE.fullmatch(value):
            yield value
        else:
            yield from _in_text(value)
    elif isinstance(value, list) and depth < _DEEP:
        for item in value:
            yield from addresses(item, depth + 1)
    elif isinstance(value, dict) and depth < _DEEP:
        found = next((value[key] for key in _KEYS if value.get(key)), None)
        if found is not None:
            yield from addresses(found, depth + 1)


def looks_like_picture(text: str) -> bool:
    """Whether a text is the address or the path of a picture, or a list of such."""
    pieces = list(_in_text(text))
    return bool(pieces) and all(_PICTURE.fullmatch(piece) for piece in pieces)


def _in_text(text: str) -> Iterator[str]:
    text = text.strip()
    if not text:
        return
    if text[0] == "[" and (items := parse_list(text)) is not None:
        yield from addresses(items)
        return
    if text[0] in "[\"'":  # a piece of a list that was cut at its commas
        text = text.strip(_QUOTES)
    if "//" in text:
        for piece in _BETWEEN.split(text):
            if bare := piece.strip(",;| \n"):
                yield bare.rstrip("\"']")
        return
    for separator in _SEPARATORS:
        if separator in text:
            pieces = [piece.strip() for piece in text.split(separator) if piece.strip()]
            if len(pieces) > 1 and all(_PICTURE.fullmatch(piece) for piece in pieces):
                yield from pieces
                return
    yield text.strip(_QUOTES) if text[:1] in "[\"'" else " ".join(text.split())
