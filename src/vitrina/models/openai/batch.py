"""The Batch API of OpenAI-compatible endpoints: half the price, an answer within a day.

Pure functions plan the contents of files; files are written, sent and read as streams.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from vitrina.models.openai.faults import Target, classify, scrub
from vitrina.models.openai.requests import LOW_EDGE, Body
from vitrina.models.openai.settings import OpenAISettings
from vitrina.models.outcomes import Answer, AnswerError, Usage
from vitrina.models.pricing import CHARACTERS_A_TOKEN, image_tokens
from vitrina.models.prompts import Stage

__all__ = [
    "Limits",
    "Outcome",
    "Part",
    "Planner",
    "Sized",
    "estimate_tokens",
    "line",
    "plan",
    "read_line",
]

PATH: Literal["/v1/chat/completions"] = "/v1/chat/completions"
PICTURE_TOKENS = 1500  # for a model without a known rule: more than most count


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one file, and of the input tokens in one model's queue.

    The endpoint's own limits are 50,000 requests and 200 MB; tokens depend on the account, and
    2,000,000 is the smallest account's limit.
    """

    requests: int = 50_000
    size: int = 195_000_000
    tokens: int = 2_000_000


@dataclass(frozen=True, slots=True)
class Sized:
    """A request as a plan sees it: its name, and its size."""

    custom_id: str
    model: str
    size: int
    tokens: int


@dataclass(slots=True)
class Part:
    """The contents of one file: requests of one model."""

    model: str
    requests: list[str] = field(default_factory=list)
    size: int = 0
    tokens: int = 0


class Planner:
    """Puts requests into parts as they come; one part per model is open at a time.

    Args:
        limits: of a part, and of a model's queue.
        queued: tokens already in the queue, by model.
    """

    def __init__(self, limits: Limits, queued: Mapping[str, int] | None = None) -> None:
        self.limits = limits
        self._queued = dict(queued or {})
        self._open: dict[str, Part] = {}

    def oversized(self, request: Sized) -> bool:
        """Whether it fits into no part, not even an empty one."""
        return request.size > self.limits.size or request.tokens > self.limits.tokens

    def place(self, request: Sized) -> Part | None:
        """The part for it, a new one if the last is full; None if the queue is full."""
        queued = self._queued.get(request.model, 0)
        if self.oversized(request) or queued + request.tokens > self.limits.tokens:
            return None
        part = self._open.get(request.model)
        if part is None or (
            len(part.requests) >= self.limits.requests
            or part.size + request.size > self.limits.size
        ):
            part = self._open[request.model] = Part(request.model)
        part.requests.append(request.custom_id)
        part.size += request.size
        part.tokens += request.tokens
        self._queued[request.model] = queued + request.tokens
        return part


def plan(
    requests: Iterable[Sized], limits: Limits, queued: Mapping[str, int] | None = None
) -> list[Part]:
    """The files of requests, in their order; leaves requests that the queue has no room for."""
    planner = Planner(limits, queued)
    parts: list[Part] = []
    for request in requests:
        part = planner.place(request)
        if part is not None and not any(part is known for known in parts):
            parts.append(part)
    return parts


def line(custom_id: str, body: Body) -> bytes:
    """One request as a line of the input file."""
    request = {"custom_id": custom_id, "method": "POST", "url": PATH, "body": body}
    return json.dumps(request, separators=(",", ":")).encode() + b"\n"


def estimate_tokens(body: Body, detail: str, picture: tuple[int, int] | None) -> int:
    """Input tokens of a request, estimated high; `picture` is the original's size."""
    characters = len(json.dumps(body.get("response_format") or ""))
    tokens = 0
    for message in body["messages"]:
        content = message["content"]
        text: list[Body] = [{"type": "text", "text": content}]
        parts: list[Body] = text if isinstance(content, str) else content
        for part in parts:
            if part["type"] == "text":
                characters += len(part["text"])
            else:
                ours = part["image_url"]["url"].startswith("data:")
                tokens += _picture_tokens(body["model"], detail, picture, ours)
    return tokens + math.ceil(characters / CHARACTERS_A_TOKEN)


def _picture_tokens(model: str, detail: str, picture: tuple[int, int] | None, ours: bool) -> int:
    """Tokens of a picture as sent: `ours` are shrunk first, addresses are not."""
    width, height = picture or (LOW_EDGE * 2, LOW_EDGE * 2)
    edge = LOW_EDGE if detail == "low" else LOW_EDGE * 2
    scale = min(1.0, edge / max(width, height)) if ours else 1.0
    sent = (max(1, round(width * scale)), max(1, round(height * scale)))
    return image_tokens(model, *sent, detail) or PICTURE_TOKENS


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result in one line of an answer: `done` with a value, `missing`, or `refused`.

    `parameter` names the refused part of the request, if the line says so.
    """

    custom_id: str
    state: str
    value: Any = None
    error: str | None = None
    usage: Usage = field(default_factory=Usage)
    parameter: str | None = None


class Parser(Protocol):
    """Reads the body of an answer, as OpenAIProvider does."""

    settings: OpenAISettings

    def parse_answer(self, stage: Stage, body: object) -> Answer[Any]:
        """Raises AnswerError."""
        ...


def read_line(parser: Parser, raw: bytes) -> Outcome | None:
    """The result in a line of an output or error file; None if it is unreadable."""
    try:
        said = json.loads(raw)
        custom_id = said["custom_id"]
        stage = custom_id.partition(":")[0]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if stage not in ("tag", "describe", "caption", "enrich"):
        return None
    response = said.get("response")
    if not isinstance(response, Mapping):
        return Outcome(custom_id, "missing", error=_brief(parser, said.get("error")))
    status, body = response.get("status_code"), response.get("body")
    if isinstance(status, int) and status != 200:
        settings = parser.settings
        secrets = (settings.api_key,) if settings.api_key else ()
        target = Target(settings.host, settings.model_of(stage), "VITRINA_VISION_MODEL", secrets)
        fault = classify(status, {}, json.dumps(body), target)
        # if the endpoint could not fetch an address, the next request has the picture
        final = fault.kind in ("item", "parameter") or (
            fault.kind == "picture" and not settings.image_urls
        )
        state = "refused" if final else "missing"
        return Outcome(custom_id, state, error=fault.message, parameter=fault.parameter)
    try:
        answer = parser.parse_answer(stage, body)
    except AnswerError as exc:
        state = "missing" if exc.worth_another_try or exc.kind == "error" else "refused"
        return Outcome(custom_id, state, error=str(exc), usage=exc.usage)
    return Outcome(custom_id, "done", answer.value, usage=answer.usage)


def _brief(parser: Parser, error: object) -> str:
    said = error.get("message") or error.get("code") if isinstance(error, Mapping) else error
    key = parser.settings.api_key
    return scrub(str(said or "no answer"), (key,) if key else ())[:300]
