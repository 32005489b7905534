"""The prices of an endpoint."""

from __future__ import annotations

from collections.abc import Callable, Set
from decimal import Decimal

from vitrina.errors import InputError
from vitrina.models import pricing
from vitrina.models.openai.settings import OpenAISettings
from vitrina.models.outcomes import Usage


def prices(
    endpoint: OpenAISettings, max_cost: Decimal | None, models: Set[str] | None = None
) -> Callable[[str, Usage], Decimal | None]:
    """List prices, for OpenAI's own endpoint; those of others are unknown.

    Raises InputError if a budget cannot be kept, because the price of one of `models` is unknown;
    by default, of any of the endpoint's models.
    """
    if not endpoint.official:
        if max_cost is not None:
            raise InputError(
                f"the prices of {endpoint.host} are unknown, so --max-cost cannot be kept:"
                " leave it out"
            )
        return lambda model, usage: None
    if max_cost is not None:
        models = models or {
            endpoint.vision_model,
            endpoint.model_of("caption"),
            endpoint.embedding_model,
        }
        unknown = sorted(m for m in models if pricing.price(m, Usage(1, 0, 1)) is None)
        if unknown:
            raise InputError(
                f"the price of {', '.join(unknown)} is unknown, so --max-cost cannot be kept:"
                " leave it out"
            )
    return pricing.price
