"""The bodies of requests, as pure functions of what is asked; calls and batches both use them.

Servers that call themselves compatible differ in what they take. A Profile says what is sent to
one model; Capabilities remembers what was found out, so that it is found out once.
"""

from __future__ import annotations

import base64
import io
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from vitrina.models import prompts
from vitrina.models.answers import Usage
from vitrina.models.base import Subject
from vitrina.models.openai.settings import DEFAULT_DIMENSIONS, Detail, OpenAISettings
from vitrina.models.prompts import Stage
from vitrina.pictures.decode import Picture

__all__ = [
    "Capabilities",
    "Profile",
    "bounded",
    "embedding_body",
    "judge_body",
    "limit_of",
    "picture_part",
    "request_body",
]

Body = dict[str, Any]
LOW_EDGE = 512
PROMPT_TOKENS = 1000  # a template adds at most so many
PICTURE_TOKENS = 50_000  # of one picture, in any model's count
ANSWER_TOKENS = 100_000  # of an answer without a limit
TOKENS: dict[Stage, int] = {"tag": 400, "describe": 500, "caption": 200, "enrich": 1000}
JUDGED_TOKENS = 25  # for one pair
THINKING_TOKENS = 4000
_THINKING = re.compile(r"(?:.*/)?(?:o\d|gpt-[5-9])")


@dataclass(frozen=True, slots=True)
class Profile:
    """What one model of one server takes."""

    answer_format: Literal["json_schema", "json_object", "text"] = "json_schema"
    length_parameter: Literal["max_completion_tokens", "max_tokens", "none"] = "max_tokens"
    temperature: bool = True
    system: bool = True
    detail: bool = True
    encoding: Literal["base64", "float", "none"] = "base64"
    send_dimensions: bool = False

    def lowered(self, parameter: str, official: bool) -> Profile | None:
        """The next thing to try after this parameter was refused; None at the end."""
        first, other = _length_parameter(official), _length_parameter(not official)
        steps: dict[str, tuple[str, dict[object, object]]] = {
            "response_format": (
                "answer_format",
                {"json_schema": "json_object", "json_object": "text"},
            ),
            "max_tokens": ("length_parameter", {first: other, other: "none"}),
            "temperature": ("temperature", {True: False}),
            "system": ("system", {True: False}),
            "detail": ("detail", {True: False}),
            "encoding_format": ("encoding", {"base64": "float", "float": "none"}),
        }
        name, after = steps.get(parameter, ("", {}))
        value = after.get(getattr(self, name, None))
        return None if value is None else replace(self, **{name: value})  # type: ignore[arg-type]

    def rungs(self, official: bool) -> Iterator[Profile]:
        """Reduced requests in the order to try: one thing less at a time, then several."""
        for parameter in ("response_format", "system", "encoding_format", *_OPTIONAL):
            lower: Profile | None = self
            while (lower := lower.lowered(parameter, official) if lower else None) is not None:
                yield lower
        for answer_format in ("json_object", "text"):
            yield replace(self, system=False, answer_format=answer_format)
        bare = replace(self, temperature=False, length_parameter="none", detail=False)
        yield bare
        yield replace(bare, answer_format="text")
        yield replace(bare, answer_format="text", system=False)


_OPTIONAL = ("max_tokens", "temperature", "detail")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A reduced request that was answered once, at `since` of the clock, after `full` was not.

    `useless`: the full one was answered, with something of no use.
    """

    full: Profile
    reduced: Profile
    since: float
    useless: bool


class Capabilities:
    """What each model was found to take. Thread-safe; `found` can be stored and given back.

    A reduced request that is answered is a candidate. It is remembered once the full request, sent
    after that, has failed again: a server that fails now and then loses nothing for good.
    """

    def __init__(
        self, official: bool, found: Mapping[str, Mapping[str, object]] | None = None
    ) -> None:
        self.official = official
        self._lock = threading.Lock()
        self._limits: dict[str, int] = {}
        self._profiles = {
            model: _restored(self._first(model), values) for model, values in (found or {}).items()
        }
        self._candidates: dict[str, _Candidate] = {}
        self._answered: set[tuple[str, Profile, str]] = set()
        self._vain: set[tuple[str, str]] = set()
        self._walkers: dict[str, threading.Lock] = {}
        self._inputs: dict[str, int] = {}

    def profile(self, model: str) -> Profile:
        """What to send to this model."""
        with self._lock:
            return self._profiles.get(model) or self._first(model)

    def confirm(self, model: str, used: Profile, shape: str) -> None:
        """Remember that a request of this shape was answered, so that all in it is taken."""
        with self._lock:
            if used == self._first(model):
                self._profiles.setdefault(model, used)
            self._answered.add((model, used, shape))
            self._vain = {vain for vain in self._vain if vain[0] != model}
            candidate = self._candidates.get(model)
            if candidate is not None and candidate.full == used and not candidate.useless:
                del self._candidates[model]

    def understood(self, model: str, used: Profile) -> None:
        """The answer to a request was of use: whatever was no use before it, it passed."""
        with self._lock:
            candidate = self._candidates.get(model)
            if candidate is not None and candidate.full == used and candidate.useless:
                del self._candidates[model]

    def worth_walking(self, model: str, used: Profile, shape: str, *, named: bool) -> bool:
        """Whether less may be taken: not where less was tried in vain, nor where all of this was
        answered before, unless the server has `named` what it does not take.
        """
        with self._lock:
            answered = (model, used, shape) in self._answered
            return (model, shape) not in self._vain and (named or not answered)

    def walked_in_vain(self, model: str, shape: str) -> None:
        """No reduced request was answered either, until something is."""
        with self._lock:
            self._vain.add((model, shape))

    def walker(self, model: str) -> threading.Lock:
        """Held by the thread that looks for a reduced request: one at a time for a model."""
        with self._lock:
            return self._walkers.setdefault(model, threading.Lock())

    def candidate(self, model: str, used: Profile) -> Profile | None:
        """The reduced request that was answered after this one failed."""
        with self._lock:
            candidate = self._candidates.get(model)
            return candidate.reduced if candidate and candidate.full == used else None

    def worked(
        self, model: str, full: Profile, reduced: Profile, began: float, *, useless: bool = False
    ) -> bool:
        """A reduced request was answered after the full one, sent at `began`, was not.

        `useless`: it was, with something of no use.

        Returns whether it is remembered now.
        """
        with self._lock:
            candidate = self._candidates.get(model)
            if candidate is None or (candidate.full, candidate.reduced) != (full, reduced):
                self._candidates[model] = _Candidate(full, reduced, time.monotonic(), useless)
            elif began >= candidate.since:
                self._profiles[model] = reduced
                del self._candidates[model]
                return True
            return False

    def limit(self, model: str) -> int:
        """The limit of tokens that this model was found to need; 0 where the usual one does."""
        with self._lock:
            return self._limits.get(model, 0)

    def needs(self, model: str, limit: int) -> None:
        """Remember for the run that an answer came with this limit, and not with less."""
        with self._lock:
            self._limits[model] = max(limit, self._limits.get(model, 0))

    def shorten(self, model: str) -> None:
        """From now on ask this embedding model for the dimensions wanted."""
        with self._lock:
            current = self._profiles.get(model) or self._first(model)
            self._profiles[model] = replace(current, send_dimensions=True)

    def inputs(self, model: str) -> int | None:
        """How many texts this embedding model was found to take at once; None: no limit met."""
        with self._lock:
            return self._inputs.get(model)

    def limit_inputs(self, model: str, most: int) -> None:
        """More texts than `most` were not answered together, and `most` were."""
        with self._lock:
            self._inputs[model] = min(most, self._inputs.get(model, most))

    @property
    def found(self) -> dict[str, dict[str, object]]:
        """A copy, by model, fit for JSON."""
        with self._lock:
            return {model: asdict(profile) for model, profile in self._profiles.items()}

    def _first(self, model: str) -> Profile:
        return Profile(
            length_parameter=_length_parameter(self.official),
            temperature=not _THINKING.match(model),
        )


def request_body(
    stage: Stage,
    settings: OpenAISettings,
    subject: Subject,
    *,
    description: str = "",
    hints: Sequence[str] = (),
    image_url: str | None = None,
    profile: Profile | None = None,
    least: int = 0,
    again: bool = False,
) -> Body:
    """The body of a chat completion.

    `image_url` is used where the settings say so; `least` is the limit of tokens to send at least,
    as far as the settings allow it; `again` asks for a different answer.
    """
    model = settings.model_of(stage)
    profile = profile or Capabilities(settings.official).profile(model)
    options = settings.options
    said = prompts.messages(
        stage,
        options,
        title=subject.title,
        description=description,
        hints=hints,
        picture=picture_part(settings, subject.picture, image_url),
        spell_out=profile.answer_format != "json_schema",
    )
    tokens = TOKENS[stage] * (1 if settings.language.lower() == "english" else 2)
    schema = prompts.schema(stage, options, hints)
    return _chat_body(stage, model, said, schema, settings, profile, tokens, least, again)


def judge_body(
    settings: OpenAISettings,
    pairs: Sequence[tuple[str, str, str, str]],
    *,
    profile: Profile | None = None,
    least: int = 0,
    again: bool = False,
) -> Body:
    """The body of a request to judge pairs: (keyword, facet, other, facet); see request_body."""
    model = settings.vision_model
    profile = profile or Capabilities(settings.official).profile(model)
    spell_out = profile.answer_format != "json_schema"
    said = prompts.judge_messages(settings.options, pairs, spell_out=spell_out)
    tokens = 200 + JUDGED_TOKENS * len(pairs)
    schema = prompts.judge_schema()
    return _chat_body("judge", model, said, schema, settings, profile, tokens, least, again)


def _chat_body(
    name: str,
    model: str,
    messages: list[Body],
    schema: Body,
    settings: OpenAISettings,
    profile: Profile,
    tokens: int,
    least: int,
    again: bool,
) -> Body:
    body: Body = {"model": model, "messages": _taken(messages, profile)}
    if profile.answer_format == "json_schema":
        named = {"name": name, "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    elif profile.answer_format == "json_object":
        body["response_format"] = {"type": "json_object"}
    if profile.length_parameter != "none":
        body[profile.length_parameter] = _tokens(tokens, settings, model, least)
    if profile.temperature:
        body["temperature"] = 0.7 if again else 0.0
    if settings.reasoning_effort is not None:
        body["reasoning_effort"] = settings.reasoning_effort
    return body


def _taken(messages: list[Body], profile: Profile) -> list[Body]:
    """The messages as the model takes them: without a system role, without the detail of images."""
    if not profile.system and len(messages) > 1 and messages[0]["role"] == "system":
        said, user = messages[0]["content"], messages[1]
        content = user["content"]
        if isinstance(content, str):
            content = f"{said}\n\n{content}"
        else:
            content = [{"type": "text", "text": said}, *content]
            if content[1].get("type") == "text":
                content[:2] = [{"type": "text", "text": f"{said}\n\n{content[1]['text']}"}]
        messages = [{**user, "content": content}, *messages[2:]]
    if not profile.detail:
        messages = [
            {**message, "content": [_without_detail(part) for part in message["content"]]}
            if isinstance(message["content"], list)
            else message
            for message in messages
        ]
    return messages


def _without_detail(part: Body) -> Body:
    if part["type"] != "image_url":
        return part
    return {"type": "image_url", "image_url": {"url": part["image_url"]["url"]}}


def embedding_body(
    settings: OpenAISettings, texts: Sequence[str], profile: Profile | None = None
) -> Body:
    """The body of a request for embeddings; dimensions only where the model's own differ."""
    model = settings.embedding_model
    profile = profile or Profile()
    body: Body = {"model": model, "input": list(texts)}
    if profile.encoding != "none":
        body["encoding_format"] = profile.encoding
    usual = DEFAULT_DIMENSIONS.get(model)
    if profile.send_dimensions or (usual is not None and usual != settings.dimensions):
        body["dimensions"] = settings.dimensions
    return body


def bounded(usage: Usage, body: Body) -> Usage:
    """What a server says was used, at most what a request with this body can have used.

    No token is less than a byte of what is sent, pictures apart; an answer is bounded by its limit,
    where one was sent. A server that counts without sense costs neither the answer nor the budget.
    """
    pictures = size = 0
    for message in body.get("messages", ()):
        content = message["content"]
        for part in [{"text": content}] if isinstance(content, str) else content:
            pictures += "image_url" in part
            size += len(part.get("text", "").encode())
    size += sum(len(text.encode()) for text in body.get("input", ()))
    size += len(json.dumps(body.get("response_format") or ""))
    most = PROMPT_TOKENS + 2 * size + PICTURE_TOKENS * pictures
    usual = 0 if "input" in body else ANSWER_TOKENS  # embeddings are no tokens
    length = body.get("max_completion_tokens") or body.get("max_tokens") or usual
    told = min(usage.input_tokens, most)
    return Usage(told, min(usage.cached_tokens, told), min(usage.output_tokens, 2 * length))


def picture_part(
    settings: OpenAISettings, picture: Picture | None, image_url: str | None = None
) -> Body | None:
    """The picture as part of a message, its detail always stated; None where there is none."""
    if settings.image_urls and image_url and image_url.startswith(("http://", "https://")):
        url = image_url
    elif picture is not None:
        encoded = base64.b64encode(_jpeg(picture, settings.detail)).decode()
        url = f"data:image/jpeg;base64,{encoded}"
    else:
        return None
    return {"type": "image_url", "image_url": {"url": url, "detail": settings.detail}}


def _jpeg(picture: Picture, detail: Detail) -> bytes:
    """The picture's bytes; for low detail no more pixels than the model will look at."""
    if detail == "high" or max(picture.width, picture.height) <= LOW_EDGE:
        return picture.jpeg
    out = io.BytesIO()
    picture.open(edge=LOW_EDGE).save(out, "JPEG", quality=85)
    return out.getvalue()


def _tokens(usual: int, settings: OpenAISettings, model: str, least: int) -> int:
    """How long an answer may become: several times the expected, against accidents only."""
    tokens = usual
    if _THINKING.match(model) and settings.reasoning_effort != "none":
        tokens += THINKING_TOKENS
    return min(max(tokens, least), settings.max_tokens)


def limit_of(body: Body) -> int | None:
    """The limit of tokens in a request; None where none is sent."""
    limit: int | None = body.get("max_completion_tokens", body.get("max_tokens"))
    return limit


def _length_parameter(official: bool) -> Literal["max_completion_tokens", "max_tokens"]:
    return "max_completion_tokens" if official else "max_tokens"


def _restored(first: Profile, values: Mapping[str, object]) -> Profile:
    """A stored profile; what this version does not know is left out."""
    known: dict[str, tuple[object, ...]] = {
        "answer_format": ("json_schema", "json_object", "text"),
        "length_parameter": ("max_completion_tokens", "max_tokens", "none"),
        "temperature": (True, False),
        "system": (True, False),
        "detail": (True, False),
        "encoding": ("base64", "float", "none"),
        "send_dimensions": (True, False),
    }
    good: dict[str, Any] = {
        name: value for name, value in values.items() if value in known.get(name, ())
    }
    return replace(first, **good)
