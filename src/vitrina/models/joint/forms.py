"""The forms in which endpoints take pictures and texts to embed. Pure functions, no network."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitrina.models.outcomes import Usage, count_tokens

__all__ = ["FORMS", "Ask", "Form", "Input"]

Input = str | bytes  # a text, or a picture as JPEG
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: texts or pictures, not both. `asked`: they are queries.

    `dimensions` is the length to ask for; None for the model's own.
    """

    model: str
    inputs: Sequence[Input]
    asked: bool = False
    dimensions: int | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of endpoint is asked.

    Args:
        name: of the provider.
        url: its address; None: it is a server of one's own.
        path: of the request, below the address.
        keys: the variables that may hold its key.
        pictures: most of them in a request; at most a few MB together.
        texts: most of them in a request.
        body: the body of a request.
    """

    name: str
    url: str | None
    path: str
    keys: tuple[str, ...]
    pictures: int
    texts: int
    body: Callable[[Ask], Body]

    def most(self, model: str) -> int:
        """How many pictures this model takes in a request."""
        return 1 if self.name == "cohere" and _third(model) else self.pictures


def vectors_in(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer of any form as OpenAI's: `data`, a list of objects with `embedding`."""
    found = body.get("embeddings")
    if isinstance(found, Mapping):
        found = found.get("float")
    if not isinstance(found, list):
        return body
    return {"data": [{"index": index, "embedding": each} for index, each in enumerate(found)]}


def usage_in(body: Mapping[str, Any]) -> Usage:
    """The tokens that an answer of any form counts; zeros if it counts none."""
    usage = body.get("usage")
    if isinstance(usage, Mapping):
        told = usage.get("prompt_tokens") or usage.get("total_tokens")
        return Usage(count_tokens(told))
    meta = body.get("meta")
    billed = meta.get("billed_units") if isinstance(meta, Mapping) else None
    if not isinstance(billed, Mapping):
        return Usage()
    texts, pictures = (count_tokens(billed.get(name)) for name in ("input_tokens", "image_tokens"))
    return Usage(texts + pictures)


def _vllm(ask: Ask) -> Body:
    """As a chat: the server puts each picture where the model's own template wants it."""
    (one,) = ask.inputs
    part = _image_url(one) if isinstance(one, bytes) else {"type": "text", "text": one}
    body: Body = {
        "model": ask.model,
        "messages": [{"role": "user", "content": [part]}],
        "encoding_format": "float",
    }
    return body if ask.dimensions is None else {**body, "dimensions": ask.dimensions}


def _jina(ask: Ask) -> Body:
    body: Body = {
        "model": ask.model,
        "input": [
            {"image": base64.b64encode(one).decode()} if isinstance(one, bytes) else {"text": one}
            for one in ask.inputs
        ],
        "normalized": True,
        "embedding_type": "float",
    }
    return body if ask.dimensions is None else {**body, "dimensions": ask.dimensions}


def _cohere(ask: Ask) -> Body:
    kind = "search_query" if ask.asked else "search_document"
    body: Body = {"model": ask.model, "input_type": kind, "embedding_types": ["float"]}
    if not _third(ask.model):
        body["inputs"] = [
            {"content": [_image_url(one) if isinstance(one, bytes) else _text(one)]}
            for one in ask.inputs
        ]
        return body if ask.dimensions is None else {**body, "output_dimension": ask.dimensions}
    if any(isinstance(one, bytes) for one in ask.inputs):
        return {**body, "input_type": "image", "images": [_data_url(one) for one in ask.inputs]}
    return {**body, "texts": list(ask.inputs)}


def _voyage(ask: Ask) -> Body:
    body: Body = {
        "model": ask.model,
        "input_type": "query" if ask.asked else "document",
        "inputs": [
            {
                "content": [
                    {"type": "image_base64", "image_base64": _data_url(one)}
                    if isinstance(one, bytes)
                    else _text(one)
                ]
            }
            for one in ask.inputs
        ],
    }
    return body if ask.dimensions is None else {**body, "output_dimension": ask.dimensions}


def _third(model: str) -> bool:
    """Whether it is a model of Cohere's third generation, which takes one picture at a time."""
    return "-v3" in model


def _text(text: Input) -> Body:
    return {"type": "text", "text": text}


def _image_url(picture: Input) -> Body:
    return {"type": "image_url", "image_url": {"url": _data_url(picture)}}


def _data_url(picture: Input) -> str:
    assert isinstance(picture, bytes)  # noqa: S101 - a request has one kind of input
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"


FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        Form("vllm", None, "/embeddings", ("OPENAI_API_KEY",), 1, 1, _vllm),
        Form(
            "jina", "https://api.jina.ai/v1", "/embeddings", ("JINA_API_KEY",), 32, 256, _jina,
        ),
        Form(
            "cohere", "https://api.cohere.com/v2", "/embed", ("COHERE_API_KEY", "CO_API_KEY"),
            32, 96, _cohere,
        ),
        Form(
            "voyage", "https://api.voyageai.com/v1", "/multimodalembeddings", ("VOYAGE_API_KEY",),
            32, 128, _voyage,
        ),
    )
}  # fmt: skip
