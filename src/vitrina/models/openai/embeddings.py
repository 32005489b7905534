"""Planning requests for embeddings and checking their answers. Pure functions, no network."""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vitrina.errors import ItemError, ProviderError
from vitrina.models.base import INPUTS

__all__ = ["TextError", "UnusableError", "Vector", "WrongDimensionsError", "decode", "plan", "trim"]

Vector = array  # of 32-bit floats; use `.tolist()` for a list
TOKENS = 300_000
CHARACTERS = 8000  # of one text: below a model's 8,192 tokens
NEARLY = 1e-3  # how far from one the length of a vector may be


class TextError(ItemError):
    """One of the texts has no embedding; `index` says which."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(f"text {index + 1}: {message}")
        self.index = index
        self.reason = message


class UnusableError(ProviderError):
    """An answer does not have one embedding for each text."""


class WrongDimensionsError(ProviderError):
    """The embeddings do not have the requested length; `got` is their length."""

    def __init__(self, model: str, got: int, wanted: int) -> None:
        super().__init__(
            f"{model} answers with {got} numbers, not {wanted}: use --dimensions {got}"
        )
        self.got = got


def trim(text: str) -> str:
    """The part of a text to embed, fit for JSON."""
    return text.encode("utf-8", "ignore").decode("utf-8").strip()[:CHARACTERS]


def plan(texts: Sequence[str], *, inputs: int = INPUTS, tokens: int = TOKENS) -> list[range]:
    """The texts of each request: not too many and, by estimate, not too long together.

    The estimate is a token per three bytes: high for English, about right for Chinese.
    """
    parts: list[range] = []
    start = used = 0
    for at, text in enumerate(texts):
        cost = math.ceil(len(text.encode()) / 3)
        if at > start and (at - start >= inputs or used + cost > tokens):
            parts.append(range(start, at))
            start, used = at, 0
        used += cost
    if start < len(texts):
        parts.append(range(start, len(texts)))
    return parts


def decode(body: Mapping[str, Any], count: int, dimensions: int, model: str) -> list[array[float]]:
    """The vectors in an answer, in the order of the texts, complete and usable, of length one.

    Only directions are compared, and a halfvec holds numbers up to 65504 and none below 6e-8.

    Raises UnusableError if the answer does not fit the request, TextError if the vector of a single
    text is unusable.
    """
    data = body.get("data")
    items = data if isinstance(data, list) else []
    found: dict[int, array[float]] = {}
    for position, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise UnusableError(f"{model} answered with something other than embeddings")
        index = item.get("index", position)
        if not isinstance(index, int) or not 0 <= index < count:
            raise UnusableError(f"{model} answered with an embedding for a text that was not sent")
        if index in found:
            raise UnusableError(f"{model} answered twice for text {index + 1} of {count}")
        found[index] = _vector(item.get("embedding"), model)
    if len(found) != count:
        missing = next(index for index in range(count) if index not in found)
        raise UnusableError(
            f"{model} answered with {len(found)} embeddings for {count} texts"
            f" (text {missing + 1} has none): the server is faulty"
        )
    vectors = [found[index] for index in range(count)]
    for index, vector in enumerate(vectors):
        if len(vector) != dimensions:
            raise WrongDimensionsError(model, len(vector), dimensions)
        length = math.hypot(*vector)
        if not math.isfinite(length):
            raise TextError(index, f"{model} answered with numbers that are not finite")
        if length == 0:
            raise TextError(index, f"{model} answered with nothing but zeros")
        if abs(length - 1) > NEARLY:
            vectors[index] = array("f", (value / length for value in vector))
    return vectors


def _vector(value: object, model: str) -> array[float]:
    """A vector sent as base64 or as a list of numbers."""
    vector: array[float] = array("f")
    try:
        if isinstance(value, str):
            vector.frombytes(base64.b64decode(value, validate=True))
            if sys.byteorder == "big":
                vector.byteswap()
        elif isinstance(value, Iterable):
            vector.extend(value)
    except (binascii.Error, ValueError, TypeError, OverflowError):
        vector = array("f")
    if not vector:
        raise UnusableError(f"{model} answered with an embedding that cannot be read")
    return vector
