"""Answers of endpoints that embed pictures and texts: of vLLM, Jina, Cohere and Voyage.

A stub's joint model is one of colours: a picture has the direction of its mean colour, and so has a
text that names one; all other words point elsewhere. Requests are checked as the real ones check
them, by their documented forms.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from typing import Any

from PIL import Image

Json = dict[str, Any]
RGB = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "yellow": (1, 1, 0)}
PICTURE_TOKENS = 200


class FormError(Exception):
    """The request is not in a documented form."""


def answer(path: str, body: Json, usual: int, kind: str | None) -> Json | None:
    """The answer to a joint request, spoilt where `kind` says so; None for another request."""
    if path.endswith("/multimodalembeddings"):
        inputs = [_voyage(part) for one in body["inputs"] for part in one["content"]]
        _only(body, {"model", "inputs", "input_type", "output_dimension"})
        assert body["input_type"] in ("query", "document")
        form = _listed
    elif path.endswith("/embed"):
        inputs = _cohere(body)
        form = _cohere_answer
    elif "messages" in body:
        _only(body, {"model", "messages", "encoding_format", "dimensions"})
        ((message,), form) = body["messages"], _listed
        inputs = [_part(part) for part in message["content"]]
        assert len(inputs) == 1, "the parts of a chat make one vector"
    elif isinstance(body.get("input"), list) and any(isinstance(i, dict) for i in body["input"]):
        _only(body, {"model", "input", "normalized", "embedding_type", "dimensions"})
        inputs = [
            base64.b64decode(one["image"], validate=True) if "image" in one else one["text"]
            for one in body["input"]
        ]
        form = _listed
    else:
        return None
    size = int(body.get("dimensions") or body.get("output_dimension") or usual)
    size += kind == "wrong-dimension"
    vectors = [vector_of(one, size) for one in inputs]
    if kind == "nan":
        vectors[-1][0] = math.nan
    if kind == "zero":
        vectors[-1] = [0.0] * size
    if kind == "missing":
        vectors.pop()
    return form(body, inputs, vectors)


def vector_of(one: str | bytes, size: int) -> list[float]:
    """The direction of a picture, or of a text."""
    vector = [0.0] * size
    if isinstance(one, bytes):
        with Image.open(io.BytesIO(one)) as image:
            assert image.format == "JPEG"
            red, green, blue = (
                image.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
            )
        vector[:4] = red / 255, green / 255, blue / 255, 0.1
        return vector
    for word in one.lower().split():
        for place, part in enumerate(RGB.get(word, (0, 0, 0))):
            vector[place] += part
        if word not in RGB:
            vector[4 + sum(word.encode()) % (size - 4)] += 0.5
    return vector


def _only(body: Json, names: set[str]) -> None:
    assert set(body) <= names, f"not in the form: {set(body) - names}"


def _url(url: str) -> bytes:
    kind, _, data = url.partition(",")
    assert kind == "data:image/jpeg;base64"
    return base64.b64decode(data, validate=True)


def _part(part: Json) -> str | bytes:
    return _url(part["image_url"]["url"]) if part["type"] == "image_url" else part["text"]


def _voyage(part: Json) -> str | bytes:
    return _url(part["image_base64"]) if part["type"] == "image_base64" else part["text"]


def _cohere(body: Json) -> list[str | bytes]:
    _only(
        body,
        {"model", "input_type", "embedding_types", "inputs", "images", "texts", "output_dimension"},
    )
    assert body["embedding_types"] == ["float"]
    given = [name for name in ("inputs", "images", "texts") if name in body]
    assert len(given) == 1
    if given == ["images"]:
        assert body["input_type"] == "image"
        assert len(body["images"]) == 1, "one picture a call"
        return [_url(one) for one in body["images"]]
    assert body["input_type"] in ("search_query", "search_document")
    if given == ["texts"]:
        assert len(body["texts"]) <= 96
        return list(body["texts"])
    assert len(body["inputs"]) <= 96
    return [_part(part) for one in body["inputs"] for part in one["content"]]


def _tokens(inputs: list[str | bytes]) -> int:
    return sum(PICTURE_TOKENS if isinstance(one, bytes) else len(one) // 4 + 1 for one in inputs)


def _listed(body: Json, inputs: list[str | bytes], vectors: list[list[float]]) -> Json:
    data = [{"object": "embedding", "index": n, "embedding": v} for n, v in enumerate(vectors)]
    return {"object": "list", "model": body["model"], "data": data,
            "usage": {"total_tokens": _tokens(inputs)}}  # fmt: skip


def _cohere_answer(body: Json, inputs: list[str | bytes], vectors: list[list[float]]) -> Json:
    billed: Mapping[str, int | None] = {"input_tokens": None, "images": len(inputs)}
    if "images" not in body:
        billed = {"input_tokens": _tokens(inputs)}
    return {"id": "stub", "embeddings": {"float": vectors}, "texts": [],
            "meta": {"api_version": {"version": "2"}, "billed_units": billed}}  # fmt: skip
