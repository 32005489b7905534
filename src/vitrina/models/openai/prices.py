"""What an endpoint charges."""

from __future__ import annotations

from collections.abc import Callable, Set
from decimal import Decimal

from vitrina.errors import InputError
from vitrina.models import pricing
from vitrina.models.answers import Usage
from vitrina.models.openai.settings import OpenAISettings


def prices(
    endpoint: OpenAISettings, max_cost: Decimal | None, models: Set[str] | None = None
) -> Callable[[str, Usage], Decimal | None]:
    """List prices, for OpenAI's own endpoint; elsewhere they are not known.

    Raises InputError where a budget cannot be kept, for want of the price of one of `models`, all
    of the endpoint's without them.
    """
    if not endpoint.official:
        if max_cost is not None:
            raise InputError(
                f"the prices of {endpoint.host} are not known, so --max-cost cannot be kept"
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
                f"the price of {', '.join(unknown)} is not known, so --max-cost cannot be kept"
            )
    return pricing.price
