"""The bodies of requests, as pure functions of the question; for calls and batches.

Compatible servers differ in the parameters they accept: a Profile says which ones are sent to one
model.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from vitrina.models import prompts
from vitrina.models.base import Subject
from vitrina.models.openai.capabilities import THINKING, Capabilities, Profile
from vitrina.models.openai.settings import DEFAULT_DIMENSIONS, Detail, OpenAISettings
from vitrina.models.outcomes import Usage
from vitrina.models.prompts import Stage
from vitrina.pictures.decode import Picture

__all__ = [
    "bounded",
    "embedding_body",
    "judge_body",
    "limit_of",
    "picture_part",
    "request_body",
]

Body = dict[str, Any]
LOW_EDGE = 512
PROMPT_TOKENS = 1000  # a template adds at most this many
PICTURE_TOKENS = 50_000  # of one picture, in any model's count
ANSWER_TOKENS = 100_000  # of an answer without a limit
TOKENS: dict[Stage, int] = {"tag": 400, "describe": 500, "caption": 200, "enrich": 1000}
JUDGED_TOKENS = 25  # for one pair
THINKING_TOKENS = 4000


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

    `image_url` is used if the settings say so; `least` is the lowest limit of tokens to send,
    as far as the settings allow it; `again` asks for a different answer.
    """
    model = settings.model_of(stage)
    profile = profile or Capabilities(settings.official).profile(model)
    options = settings.options
    said = prompts.messages(
        stage,
        options,
        title=subject.title,
        text=subject.text,
        description=description,
        hints=hints,
        picture=picture_part(settings, subject.picture, image_url),
        further=[part for each in subject.further if (part := picture_part(settings, each))],
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
    """The messages for the model's profile: without a system role, without the detail of images."""
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
    """The body of a request for embeddings; with dimensions only if the model's own differ."""
    model = settings.embedding_model
    profile = profile or Profile()
    body: Body = {"model": model, "input": list(texts)}
    if profile.encoding != "none":
        body["encoding_format"] = profile.encoding
    usual = DEFAULT_DIMENSIONS.get(model)
    if profile.send_dimensions or (usual is not None and usual != settings.dimensions):
        body["dimensions"] = settings.dimensions
    return body


_PICTURES = {"image_url", "image", "image_base64"}
_EMBEDDED = {"input", "inputs", "texts", "images", "encoding_format"}


def _parts(body: Body) -> Iterator[Body]:
    """The texts and pictures of a request, in any form, each as an object."""
    for one in [*body.get("messages", ()), *body.get("inputs", ())]:
        content = one["content"]
        yield from [{"text": content}] if isinstance(content, str) else content
    for one in [*body.get("input", ()), *body.get("texts", ())]:
        yield {"text": one} if isinstance(one, str) else one


def inputs_in(body: Body) -> int:
    """How many texts and pictures a request has, to be embedded or seen."""
    return sum(1 for _ in _parts(body)) + len(body.get("images", ()))


def bounded(usage: Usage, body: Body) -> Usage:
    """The usage that a server reports, bounded by the most that this request can have used.

    A token is at least a byte of the request, except pictures; an answer is bounded by its limit,
    if one was sent. A server that counts wrongly costs neither the answer nor the budget.
    """
    pictures = len(body.get("images", ()))
    size = 0
    for part in _parts(body):
        pictures += not _PICTURES.isdisjoint(part)
        size += len(part.get("text", "").encode())
    size += len(json.dumps(body.get("response_format") or ""))
    most = PROMPT_TOKENS + 2 * size + PICTURE_TOKENS * pictures
    embeds = not _EMBEDDED.isdisjoint(body)
    usual = 0 if embeds else ANSWER_TOKENS  # embeddings are not tokens
    length = body.get("max_completion_tokens") or body.get("max_tokens") or usual
    told = min(usage.input_tokens, most)
    return Usage(told, min(usage.cached_tokens, told), min(usage.output_tokens, 2 * length))


def picture_part(
    settings: OpenAISettings, picture: Picture | None, image_url: str | None = None
) -> Body | None:
    """The picture as part of a message, always with its detail; None without a picture."""
    if settings.image_urls and image_url and image_url.startswith(("http://", "https://")):
        url = image_url
    elif picture is not None:
        encoded = base64.b64encode(_jpeg(picture, settings.detail)).decode()
        url = f"data:image/jpeg;base64,{encoded}"
    else:
        return None
    return {"type": "image_url", "image_url": {"url": url, "detail": settings.detail}}


def _jpeg(picture: Picture, detail: Detail) -> bytes:
    """The picture's bytes; for low detail no more pixels than the model uses."""
    if detail == "high" or max(picture.width, picture.height) <= LOW_EDGE:
        return picture.jpeg
    out = io.BytesIO()
    picture.open(edge=LOW_EDGE).save(out, "JPEG", quality=85)
    return out.getvalue()


def _tokens(usual: int, settings: OpenAISettings, model: str, least: int) -> int:
    """The most tokens of an answer: several times the expected, only against accidents."""
    tokens = usual
    if THINKING.match(model) and settings.reasoning_effort != "none":
        tokens += THINKING_TOKENS
    return min(max(tokens, least), settings.max_tokens)


def limit_of(body: Body) -> int | None:
    """The limit of tokens in a request; None if none is sent."""
    limit: int | None = body.get("max_completion_tokens", body.get("max_tokens"))
    return limit
