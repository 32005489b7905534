"""Where a chat completion has its answer: content, calls of tools, fields for thoughts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vitrina.models.outcomes import AnswerError, brief

__all__ = ["called_in", "content_of", "message_of", "thoughts_in"]

DEPTH = 5  # fields within fields


def message_of(body: object) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The choice and its message in the body of a chat completion."""
    if not isinstance(body, Mapping):
        raise AnswerError("bad", "the answer is not a chat completion")
    if body.get("error"):
        raise AnswerError("error", f"the server answered with an error: {brief(body['error'])}")
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(choice, Mapping) or not isinstance(message, Mapping):
        raise AnswerError("bad", "the answer has no message in it")
    if refusal := message.get("refusal"):
        raise AnswerError("refusal", f"the model refused: {brief(refusal)}")
    if choice.get("finish_reason") == "content_filter":
        raise AnswerError("content_filter", "the provider's content filter withheld the answer")
    return choice, message


def content_of(content: object) -> tuple[str, list[Mapping[str, Any]]]:
    """The text of a message, a string or a list of parts, and the parts that are something else."""
    if isinstance(content, Mapping):
        said = _text_in(content) if "text" in content and "type" in content else ""
        return said or json.dumps(content, ensure_ascii=False), []
    if not isinstance(content, list):
        return (content if isinstance(content, str) else ""), []
    said, others = "", []
    for part in content:
        if not isinstance(part, Mapping):
            said += part if isinstance(part, str) else ""
        elif part.get("type", "text") in ("text", "output_text", "message"):
            said += _text_in(part)
        elif part.get("type") == "refusal" and part.get("refusal"):
            raise AnswerError("refusal", f"the model refused: {brief(part['refusal'])}")
        else:
            others.append(part)
    return said, others


def called_in(message: Mapping[str, Any], parts: list[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The arguments of the calls of tools in a message, each with the name of its field."""
    calls = message.get("tool_calls")
    found: list[tuple[str, object]] = []
    for call in calls if isinstance(calls, list) else [calls]:
        given = call.get("function", call) if isinstance(call, Mapping) else None
        if isinstance(given, Mapping):
            found.append(("tool_calls", given.get("arguments", given.get("input"))))
    if isinstance(call := message.get("function_call"), Mapping):
        found.append(("function_call", call.get("arguments")))
    found += [("a tool call", part.get("input")) for part in parts if "input" in part]
    found.append(("parsed", message.get("parsed")))
    return [
        (name, said if isinstance(said, str) else json.dumps(said, ensure_ascii=False))
        for name, said in found
        if isinstance(said, str | Mapping | list) and said
    ]


def thoughts_in(
    message: Mapping[str, Any], parts: list[Mapping[str, Any]]
) -> list[tuple[str, str]]:
    """The texts in the fields for thoughts, each with the name of its field."""
    names = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "thoughts")
    found = [(name, _text_in(message.get(name))) for name in names]
    found += [(str(part.get("type") or "content"), _text_in(part)) for part in parts]
    return [(name, said) for name, said in found if said.strip()]


def _text_in(value: object, depth: int = 0) -> str:
    """The text of a field or a part, however deep it lies."""
    if isinstance(value, str) or depth > DEPTH:
        return value if isinstance(value, str) else ""
    if isinstance(value, list):
        return "".join(_text_in(part, depth + 1) for part in value)
    if isinstance(value, Mapping):
        names = ("text", "content", "thinking", "reasoning", "summary", "value", "output", "json")
        said = (_text_in(value[name], depth + 1) for name in names if name in value)
        return next(filter(None, said), "")
    return ""
