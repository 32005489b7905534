"""Finds the JSON or Python values that a model hid in its answer, in time linear in its length."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

__all__ = ["find_all", "unfenced", "whole"]

_FENCE = re.compile(r"\A```(?:[\w-]*[ \t]*\n)?([^`]*)```\Z")
_TRAILING_COMMA = re.compile(r",(\s*[\]}])")
_STRAY_ESCAPE = re.compile(r"\\(?![\\'\"abfnrtvxuUN0-7\n])")
_MARK = re.compile(r"[\"'\\\[\]{}]")
_JSON_LIKE = re.compile(r"\{\s*[\"'}]|\[\s*[\"'\[{]")
_START = re.compile(r"[\[{]")
DEPTH = 60  # brackets within brackets: no answer has more
WORK = 1_000_000  # characters looked at in search of values: several times a long answer


def whole(text: str) -> Any:
    """The value that `text` is, in a code fence or not; None where it is none, or empty."""
    text = unfenced(text)
    if text[:1] not in tuple("\"'{[("):
        return None
    attempts = [text, _TRAILING_COMMA.sub(r"\1", text)]
    if text.startswith(("{\\", "[\\", "[{\\")):  # the inside of a string
        attempts.append(text.replace('\\"', '"'))
    for attempt in attempts:
        for read in (json.loads, _literal):
            try:
                value = read(attempt)
            except (ValueError, SyntaxError, SyntaxWarning, RecursionError, MemoryError):
                continue
            if isinstance(value, dict | list | tuple | str) and value:
                return value
    return None


def find_all(text: str) -> tuple[list[Any], bool]:
    """The objects and lists in `text`, in their order, and whether the last of it is broken.

    Broken is what begins as an object or a list of texts and is cut off, or cannot be read.
    """
    found: list[Any] = []
    broken = False
    at = work = 0
    while (start := _START.search(text, at)) is not None:
        begin = start.start()
        end = _closing(text, begin, WORK - work)
        work += (len(text) if end is None else end) - begin
        like = _JSON_LIKE.match(text, begin) is not None
        if end is None:
            if like or work >= WORK:
                return found, True
            at = begin + 1
            continue
        value = whole(text[begin : end + 1])
        if isinstance(value, dict | list):
            found.append(value)
            broken = False
        elif like and end > begin + 1 and text[begin + 1 : end].strip():
            broken = True
        elif value is None and text[begin + 1 : end].strip():
            at = begin + 1  # brackets of prose, perhaps around a value
            continue
        at = end + 1
    return found, broken


def unfenced(text: str) -> str:
    """`text` without the code fence around it."""
    text = text.strip()
    fence = _FENCE.match(text) if text.startswith("```") else None
    return fence[1].strip() if fence else text


def _literal(text: str) -> Any:
    """A Python literal: what models trained on code like to answer with."""
    return ast.literal_eval(_STRAY_ESCAPE.sub(r"\\\\", text))


def _closing(text: str, start: int, work: int) -> int | None:
    """Where the bracket opened at `start` is closed, strings left aside; None where it is not."""
    depth, quote, skip = 0, "", -1
    for mark in _MARK.finditer(text, start, start + max(work, 0)):
        char, at = mark[0], mark.start()
        if at == skip:
            continue
        if char == "\\":
            skip = at + 1
        elif quote:
            quote = "" if char == quote else quote
        elif char == '"' or (char == "'" and text[at - 1] in "[{,: (\n"):
            quote = char
        elif char in "[{":
            depth += 1
            if depth > DEPTH:
                return None
        elif char in "]}":
            depth -= 1
            if depth == 0:
                return at
    return None
