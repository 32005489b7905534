"""A run of batches: the settings of its first command, kept for all its rounds, and its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

from vitrina.enrich.totals import Totals
from vitrina.errors import ConfigError
from vitrina.models import pricing
from vitrina.models.openai.batch import Limits
from vitrina.models.openai.capabilities import Capabilities
from vitrina.models.openai.settings import OpenAISettings
from vitrina.models.outcomes import Usage
from vitrina.settings import Settings

NOT_STORED = {"base_url", "api_key", "timeout"}


@dataclass(slots=True)
class Batched:
    """What submitting and collecting did; `estimate` and `cost` are in USD, zero if not known.

    `left` counts products that batches give no answer for: `vitrina work` asks about them.
    `full` says that the queue had no room for all; `stopped` what else kept requests back;
    `failures` are of batches.
    """

    batches: int = 0
    requests: int = 0
    estimate: Decimal = Decimal(0)
    answered: int = 0
    unanswered: int = 0
    cost: Decimal = Decimal(0)
    open: int = 0
    left: int = 0
    full: bool = False
    stopped: str | None = None
    failures: list[str] = field(default_factory=list)
    enriched: Totals = field(default_factory=Totals)

    def add(self, part: Batched) -> None:
        """Count what a later look at the batches did: what is open is what it found open."""
        self.batches += part.batches
        self.requests += part.requests
        self.estimate += part.estimate
        self.answered += part.answered
        self.unanswered += part.unanswered
        self.cost += part.cost
        self.failures += part.failures
        self.enriched += part.enriched
        self.open, self.left, self.full = part.open, max(self.left, part.left), part.full
        self.stopped = part.stopped or self.stopped


@dataclass(frozen=True, slots=True)
class Run:
    """What all rounds of a run keep to; keys of generations follow from it."""

    id: str
    settings: Settings
    sources: list[str] | None
    limits: Limits
    base_url: str
    found: dict[str, dict[str, object]] = field(default_factory=dict)  # what each model takes

    @classmethod
    def begin(cls, settings: Settings, sources: list[str] | None, limits: Limits) -> Run:
        """A new run. Raises ConfigError without an endpoint for batches."""
        if settings.chosen == "local":
            raise ConfigError(
                "batches are for an OpenAI-compatible endpoint: set OPENAI_API_KEY or"
                " OPENAI_BASE_URL, or leave --batch out"
            )
        endpoint = OpenAISettings.of(settings)
        chosen = replace(settings, provider="openai", endpoint=_told(endpoint), weave=None)
        return cls(uuid4().hex, chosen, sources, limits, endpoint.url)

    @classmethod
    def resume(
        cls, id: str, stored: dict[str, Any], settings: Settings, *, trusted: bool = False
    ) -> Run:
        """A stored run, in a process with settings of its own, which bound what is stored.

        Whoever may submit a batch may have written what is stored: where to ask and by which key
        is never taken from it.

        Args:
            id: of the run.
            stored: what `stored` gave.
            settings: of this process.
            trusted: the owner of the schema submitted it, so that it may fetch private pictures.

        Raises ConfigError where this environment would have it ask for something else.
        """
        try:
            said = {k: v for k, v in stored["endpoint"].items() if k in _names()}
            private = bool(stored["allow_private_images"])
            costs = [settings.max_cost] if settings.max_cost is not None else []
            if stored["max_cost"] is not None:
                costs.append(_usd(stored["max_cost"]))
            limits, sources = Limits(**stored["limits"]), stored["sources"]
            chosen = replace(
                settings,
                provider="openai",
                endpoint=said,
                one_call=bool(stored["one_call"]),
                allow_private_images=private and (trusted or settings.allow_private_images),
                max_cost=min(costs, default=None),
                weave=None,
            )
            endpoint = OpenAISettings.of(chosen)
        except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError) as exc:
            raise ConfigError(
                f"the settings of the batches of run {id[:40]} cannot be read: they were changed"
            ) from exc
        if private and not chosen.allow_private_images:
            raise ConfigError(
                "these batches were begun with --allow-private-images by a role that does not own"
                " vitrina: give it here too"
            )
        other = [name for name, value in _told(endpoint).items() if said.get(name, value) != value]
        if other:
            raise ConfigError(
                f"these batches were begun with another {', '.join(other)}: give the environment"
                " the values it had then"
            )
        return cls(id, chosen, sources, limits, endpoint.url)

    def stored(self) -> dict[str, Any]:
        """What `resume` reads; no key and no address is in it."""
        cost = self.settings.max_cost
        return {
            "endpoint": dict(self.settings.endpoint),
            "one_call": self.settings.one_call,
            "allow_private_images": self.settings.allow_private_images,
            "max_cost": str(cost) if cost is not None else None,
            "sources": self.sources,
            "limits": asdict(self.limits),
            "found": self.found,
        }


def learn(known: Capabilities, settings: Mapping[str, Any]) -> None:
    """Learn from the settings of a batch how it asked its models."""
    said = settings.get("found")
    for model, profile in said.items() if isinstance(said, dict) else ():
        if isinstance(profile, dict):
            known.learn(model, profile)


def cost_of(endpoint: OpenAISettings, model: str, usage: Usage) -> Decimal | None:
    """What an answer in a batch costs; None for an endpoint whose prices are not known."""
    return pricing.price(model, usage, batch=True) if endpoint.official else None


def _usd(stored: Any) -> Decimal:
    """A stored amount. Raises ValueError or ArithmeticError if it is not an amount."""
    amount = Decimal(stored)
    if not amount.is_finite():
        raise ValueError(stored)
    return amount


def _names() -> set[str]:
    """The settings of an endpoint that a run keeps."""
    return {one.name for one in fields(OpenAISettings)} - NOT_STORED


def _told(endpoint: OpenAISettings) -> dict[str, Any]:
    """The settings that determine the requests, each with its value."""
    told = {k: v for k, v in asdict(endpoint).items() if k not in NOT_STORED}
    return told | {"caption_model": endpoint.model_of("caption")}
