"""Finds the JSON or Python value that a model hid in its answer."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

__all__ = ["FENCE", "find"]

FENCE = re.compile(r"```[a-zA-Z0-9_-]*\s*\n?(.*?)```", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(\s*[\]}])")
_STRAY_ESCAPE = re.compile(r"\\(?![\\'\"abfnrtvxuUN0-7\n])")


def find(text: str) -> Any:
    """The JSON or Python value somewhere in `text`; None where there is none."""
    for candidate in _candidates(text):
        for attempt in (candidate, _TRAILING_COMMA.sub(r"\1", candidate)):
            for read in (json.loads, _literal):
                try:
                    value = read(attempt)
                except (ValueError, SyntaxError, SyntaxWarning, RecursionError, MemoryError):
                    continue
                if isinstance(value, dict | list | tuple | str) and value:
                    return value
    return None


def _literal(text: str) -> Any:
    """A Python literal: what models trained on code like to answer with."""
    if not text.startswith(("[", "{", "(", "'", '"')):
        raise ValueError("not a literal")
    return ast.literal_eval(_STRAY_ESCAPE.sub(r"\\\\", text))


def _candidates(text: str) -> Iterator[str]:
    """The pieces of `text` that may be the value, the likeliest first."""
    yield text
    for fenced in FENCE.findall(text):
        yield fenced.strip()
    at = 0
    for _ in range(8):  # prose has brackets too: look at the first few only
        start = min((i for i in (text.find("{", at), text.find("[", at)) if i >= 0), default=-1)
        if start < 0:
            return
        end = _closing(text, start)
        if end is not None:
            yield text[start : end + 1]
        elif text[start + 1 :].lstrip()[:1] in tuple("\"'{["):
            return  # JSON that was cut off: a part of it is not the answer
        at = start + 1 if end is None else end + 1


def _closing(text: str, start: int) -> int | None:
    """Where the bracket opened at `start` is closed, strings left aside."""
    depth, quote, at = 0, "", start
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char == '"' or (char == "'" and text[at - 1] in "[{,: (\n"):
            quote = char
        elif char in "[{":
            depth += 1
        elif char in "]}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return None
