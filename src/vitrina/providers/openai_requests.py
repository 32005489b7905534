"""The bodies of requests, as pure functions of what is asked; calls and batches both use them.

Servers that call themselves compatible differ in what they take. A Profile says what is sent to
one model; Capabilities remembers what was found out, so that it is found out once.
"""

from __future__ import annotations

import base64
import io
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from vitrina import prompts
from vitrina.images import Picture
from vitrina.prompts import Stage
from vitrina.providers.base import Subject
from vitrina.providers.openai_settings import DEFAULT_DIMENSIONS, Detail, OpenAISettings

__all__ = [
    "Capabilities",
    "Profile",
    "embedding_body",
    "judge_body",
    "limit_of",
    "picture_part",
    "request_body",
]

Body = dict[str, Any]
LOW_EDGE = 512
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
    encoding: Literal["base64", "float"] = "base64"
    send_dimensions: bool = False

    def lowered(self, parameter: str, official: bool) -> Profile | None:
        """The next thing to try after this parameter was refused; None at the end."""
        changes: dict[str, Any] = {}
        if parameter == "response_format":
            changes["answer_format"] = {"json_schema": "json_object", "json_object": "text"}.get(
                self.answer_format
            )
        elif parameter == "max_tokens":
            first, other = _length_parameter(official), _length_parameter(not official)
            after: dict[str, str] = {first: other, other: "none"}
            changes["length_parameter"] = after.get(self.length_parameter)
        elif parameter == "temperature":
            changes["temperature"] = False if self.temperature else None
        elif parameter == "encoding_format":
            changes["encoding"] = "float" if self.encoding == "base64" else None
        possible = [value for value in changes.values() if value is not None]
        return replace(self, **changes) if possible else None


class Capabilities:
    """What each model was found to take. Thread-safe; `found` can be stored and given back."""

    def __init__(
        self, official: bool, found: Mapping[str, Mapping[str, object]] | None = None
    ) -> None:
        self._official = official
        self._lock = threading.Lock()
        self._limits: dict[str, int] = {}
        self._profiles = {
            model: _restored(self._first(model), values) for model, values in (found or {}).items()
        }

    def profile(self, model: str) -> Profile:
        """What to send to this model."""
        with self._lock:
            return self._profiles.get(model) or self._first(model)

    def confirm(self, model: str, used: Profile) -> None:
        """Remember that a call with this profile was answered."""
        with self._lock:
            self._profiles.setdefault(model, used)

    def lower(self, model: str, used: Profile, parameter: str) -> bool:
        """Ask for less after `parameter` was refused; False where there is no less.

        What another thread has found out since `used` was taken counts as well.
        """
        with self._lock:
            current = self._profiles.get(model) or self._first(model)
            lowered = used.lowered(parameter, self._official)
            if lowered is None:
                return False
            changed = next(
                name.name
                for name in fields(Profile)
                if getattr(lowered, name.name) != getattr(used, name.name)
            )
            if getattr(current, changed) == getattr(used, changed):
                update: dict[str, Any] = {changed: getattr(lowered, changed)}
                self._profiles[model] = replace(current, **update)
            return True

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

    @property
    def found(self) -> dict[str, dict[str, object]]:
        """A copy, by model, fit for JSON."""
        with self._lock:
            return {model: asdict(profile) for model, profile in self._profiles.items()}

    def _first(self, model: str) -> Profile:
        return Profile(
            length_parameter=_length_parameter(self._official),
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
    body: Body = {"model": model, "messages": messages}
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


def embedding_body(
    settings: OpenAISettings, texts: Sequence[str], profile: Profile | None = None
) -> Body:
    """The body of a request for embeddings; dimensions only where the model's own differ."""
    model = settings.embedding_model
    profile = profile or Profile()
    body: Body = {"model": model, "input": list(texts), "encoding_format": profile.encoding}
    usual = DEFAULT_DIMENSIONS.get(model)
    if profile.send_dimensions or (usual is not None and usual != settings.dimensions):
        body["dimensions"] = settings.dimensions
    return body


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
        "encoding": ("base64", "float"),
        "send_dimensions": (True, False),
    }
    good: dict[str, Any] = {
        name: value for name, value in values.items() if value in known.get(name, ())
    }
    return replace(first, **good)
