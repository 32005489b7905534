"""The outcome of a question to a model: an answer or an error, and its cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from vitrina.errors import ItemError
from vitrina.models.prompts import clean_line

__all__ = ["CUT_OFF", "Answer", "AnswerError", "Usage", "brief", "count_tokens", "read_usage"]

T = TypeVar("T")
Kind = Literal["refusal", "content_filter", "truncated", "empty", "bad", "error"]
CUT_OFF = "the answer was cut off at the limit of tokens"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; `cached_tokens` are among the input."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A value with the model that answered, its usage and its time."""

    value: T
    model: str
    usage: Usage
    seconds: float


class AnswerError(ItemError):
    """The model's answer is useless for this product.

    `kind` is the reason, `usage` what was paid all the same; `cut_off`: it ends in the midst of
    thinking.
    """

    def __init__(
        self, kind: Kind, message: str, usage: Usage | None = None, *, cut_off: bool = False
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.usage = usage or Usage()
        self.cut_off = cut_off or kind == "truncated"

    @property
    def worth_another_try(self) -> bool:
        """Whether asking once more may help."""
        return self.kind in ("truncated", "empty", "bad")


MOST_TOKENS = 10_000_000  # of one call, whatever a server reports


def read_usage(body: object) -> Usage:
    """The usage that a body reports; zeros if the server does not count."""
    usage = body.get("usage") if isinstance(body, Mapping) else None
    if not isinstance(usage, Mapping):
        return Usage()
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else 0
    return Usage(
        count_tokens(usage.get("prompt_tokens")),
        count_tokens(cached),
        count_tokens(usage.get("completion_tokens")),
    )


def count_tokens(value: object) -> int:
    """A reported count of tokens; 0 if it is none."""
    if isinstance(value, float) and value.is_integer():  # 12.0; neither NaN nor infinite
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return min(max(value, 0), MOST_TOKENS)


def brief(value: object) -> str:
    """A foreign text, short enough for an error message."""
    if isinstance(value, Mapping):
        value = value.get("message") or value.get("code") or value
    line = clean_line(str(value)[:1000])
    return line if len(line) <= 160 else f"{line[:159]}…"
