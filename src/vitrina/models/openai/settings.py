"""Settings of an OpenAI-compatible endpoint."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from vitrina.errors import ConfigError
from vitrina.models.prompts import HintMode, Options, Stage
from vitrina.settings import Settings

__all__ = ["DEFAULT_DIMENSIONS", "OFFICIAL_URL", "Detail", "OpenAISettings"]

Detail = Literal["low", "high"]
OFFICIAL_URL = "https://api.openai.com/v1"
MOST_DIMENSIONS = 4000  # of an indexed halfvec
DEFAULT_DIMENSIONS: dict[str, int] = {
    "text-embedding-3-large": 3072,
    "text-embedding-3-small": 1536,
    "text-embedding-ada-002": 1536,
}


@dataclass(frozen=True)
class OpenAISettings:
    """Where to ask, whom, and how.

    Args:
        base_url: the endpoint, mostly ending in /v1; None for OpenAI's own.
        api_key: None for servers that want none.
        caption_model: None for the vision model.
        dimensions: length of the embeddings asked for and checked.
        detail: how closely pictures are looked at; `low` sends 512 pixels.
        image_urls: send the address of a picture instead of its bytes, where it has one.
        timeout: seconds a call may take in all.
        reasoning_effort: only for models that know it.
        max_tokens: how long an answer may become, thinking included; where answers are cut off, the
            limit sent grows up to this.
    """

    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    vision_model: str = "gpt-4o-mini"
    caption_model: str | None = None
    embedding_model: str = "text-embedding-3-large"
    dimensions: int = 3072
    detail: Detail = "low"
    image_urls: bool = False
    domain: str = "retail products"
    language: str = "English"
    hints: HintMode = "open"
    timeout: float = 60.0
    reasoning_effort: str | None = None
    max_tokens: int = 16_000

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", (self.base_url or "").strip().rstrip("/") or None)
        object.__setattr__(self, "api_key", (self.api_key or "").strip() or None)
        for name in ("vision_model", "embedding_model"):
            if not getattr(self, name).strip():
                raise ConfigError(f"the {name.replace('_', ' ')} is empty; leave it out instead")
        _check_key(self.api_key)
        _check_url(self.base_url)
        if self.api_key is None and self.base_url is None:
            raise ConfigError(
                "no key and no endpoint: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of "
                "your own; without either, vitrina works with its local provider"
            )
        if self.detail not in ("low", "high"):
            raise ConfigError(f"the detail of pictures is low or high, not {self.detail!r}")
        if not 1 <= self.dimensions <= MOST_DIMENSIONS:
            raise ConfigError(f"--dimensions is between 1 and {MOST_DIMENSIONS}")
        if self.max_tokens < 1:
            raise ConfigError("--max-tokens (VITRINA_MAX_TOKENS) is 1 or more")
        if not self.timeout > 0:
            raise ConfigError("the timeout of a call is more than 0 seconds")
        self.options  # noqa: B018 - its checks are these settings' checks

    @property
    def url(self) -> str:
        """The endpoint to ask."""
        return self.base_url or OFFICIAL_URL

    @property
    def host(self) -> str:
        """The endpoint's host, for messages."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or self.url

    @property
    def official(self) -> bool:
        """Whether OpenAI itself is asked, which takes its newest parameters."""
        name = urlsplit(self.url).hostname or ""
        return name == "openai.com" or name.endswith((".openai.com", ".openai.azure.com"))

    @property
    def options(self) -> Options:
        """What the prompts need to know."""
        return Options(self.domain, self.language, self.hints)

    def model_of(self, stage: Stage) -> str:
        """The model that answers at this stage."""
        return (
            (self.caption_model or self.vision_model) if stage == "caption" else self.vision_model
        )

    @classmethod
    def of(cls, settings: Settings) -> OpenAISettings:
        """The endpoint to ask. Raises ConfigError where the environment does not say."""
        given = {name: value for name, value in settings.endpoint.items() if value is not None}
        if "embedding_model" in given and "dimensions" not in given:
            known = DEFAULT_DIMENSIONS.get(str(given["embedding_model"]))
            given |= {"dimensions": known} if known else {}
        return cls.from_environment(changes=given)

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str] | None = None,
        *,
        changes: Mapping[str, object] | None = None,
    ) -> OpenAISettings:
        """The settings in OPENAI_* and VITRINA_*, and `changes` over them, by field.

        An empty variable is no setting.
        """
        found = os.environ if environment is None else environment

        def text(name: str) -> str | None:
            return found.get(name, "").strip() or None

        given: dict[str, object] = {
            "base_url": text("OPENAI_BASE_URL"),
            "api_key": text("OPENAI_API_KEY"),
            "vision_model": text("VITRINA_VISION_MODEL"),
            "caption_model": text("VITRINA_CAPTION_MODEL"),
            "embedding_model": text("VITRINA_EMBEDDING_MODEL"),
            "detail": text("VITRINA_DETAIL"),
            "domain": text("VITRINA_DOMAIN"),
            "language": text("VITRINA_LANGUAGE"),
            "hints": text("VITRINA_HINTS"),
            "reasoning_effort": text("VITRINA_REASONING_EFFORT"),
            "dimensions": _number("VITRINA_DIMENSIONS", text("VITRINA_DIMENSIONS"), whole=True),
            "max_tokens": _number("VITRINA_MAX_TOKENS", text("VITRINA_MAX_TOKENS"), whole=True),
            "timeout": _number("VITRINA_TIMEOUT", text("VITRINA_TIMEOUT")),
            "image_urls": _switch("VITRINA_IMAGE_URLS", text("VITRINA_IMAGE_URLS")),
        }
        if given["dimensions"] is None:
            given["dimensions"] = DEFAULT_DIMENSIONS.get(str(given["embedding_model"]))
        given |= changes or {}
        return cls(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def _check_key(key: str | None) -> None:
    if key is not None and not re.fullmatch(r"[\x21-\x7e]+", key):
        raise ConfigError(
            "OPENAI_API_KEY has a space or a character in it that no key has: copy it again"
        )


def _check_url(url: str | None) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError("OPENAI_BASE_URL is not an address like http://host:port/v1") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigError("OPENAI_BASE_URL may not hold a password: use OPENAI_API_KEY for it")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ConfigError("OPENAI_BASE_URL is not an address like http://host:port/v1")


def _number(name: str, text: str | None, whole: bool = False) -> float | None:
    if text is None:
        return None
    try:
        return int(text) if whole else float(text)
    except ValueError:
        raise ConfigError(f"{name} is not a number: {text[:40]!r}") from None


def _switch(name: str, text: str | None) -> bool | None:
    if text is None:
        return None
    known = {"1": True, "true": True, "yes": True, "on": True}
    known |= {"0": False, "false": False, "no": False, "off": False}
    if text.lower() not in known:
        raise ConfigError(f"{name} is 1 or 0, not {text[:40]!r}")
    return known[text.lower()]
