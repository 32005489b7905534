"""The cost of models: a dated table of prices, and arithmetic that gives None rather than guess."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from vitrina.models import prompts
from vitrina.models.base import INPUTS
from vitrina.models.outcomes import Usage
from vitrina.models.prompts import Options, Stage

__all__ = ["Estimate", "StageEstimate", "estimate", "image_tokens", "price", "prices_read"]

MILLION = Decimal(1_000_000)
CENT = Decimal("0.000001")
TILE = 512
TILE_BOX, TILE_SHORT = 2048, 768
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")

# The assumed tokens of a product, of text and answers, before measurements.
TITLE_TOKENS = 20
DESCRIPTION_TOKENS = 110
OUTPUT_TOKENS: dict[Stage, int] = {
    "tag": 150,
    "describe": DESCRIPTION_TOKENS,
    "caption": 35,
    "enrich": 290,
}
EMBEDDED_TOKENS = 60
CHARACTERS_A_TOKEN = 4
PICTURE = (512, 512)


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """The estimated usage of one stage of a run; `cost` is None if a price is unknown."""

    stage: str
    model: str
    calls: int
    input_tokens: int | None
    output_tokens: int
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimated cost of a run, stage by stage, with its assumptions."""

    stages: tuple[StageEstimate, ...]
    assumptions: tuple[str, ...]

    @property
    def calls(self) -> int:
        """All calls together."""
        return sum(stage.calls for stage in self.stages)

    @property
    def cost(self) -> Decimal | None:
        """All stages together; None if the cost of one is unknown."""
        costs = [stage.cost for stage in self.stages]
        return (
            sum((cost for cost in costs if cost is not None), Decimal(0))
            if all(cost is not None for cost in costs)
            else None
        )


def price(model: str, usage: Usage, batch: bool = False) -> Decimal | None:
    """US dollars for these tokens at the list price; None for a model with an unknown price.

    Cached tokens without a price of their own, and in a batch, count at the full price.
    """
    entry = _entry(model)
    if entry is None or entry["input"] is None:
        return None
    if usage.output_tokens and entry["output"] is None:
        return None
    full = Decimal(entry["input"])
    cached = full if batch or entry["cached"] is None else Decimal(entry["cached"])
    reused = min(usage.cached_tokens, usage.input_tokens)
    cost = (usage.input_tokens - reused) * full + reused * cached
    cost += usage.output_tokens * Decimal(entry["output"] or 0)
    factor = Decimal(_table()["batch_factor"]) if batch else Decimal(1)
    return cost * factor / MILLION


def image_tokens(model: str, width: int, height: int, detail: str = "low") -> int | None:
    """Input tokens of a picture sent in this size; None if the model's rule is unknown.

    Assumes that models that count patches do so at any detail: an upper bound.
    """
    entry = _entry(model)
    if entry is None or not entry["image"] or width < 1 or height < 1:
        return None
    rule = entry["image"]
    if "multiplier" in rule:
        tokens = _patches(width, height) * Decimal(rule["multiplier"])
        return int(tokens.to_integral_value(rounding="ROUND_CEILING"))
    base, tile = int(rule["base"]), int(rule["tile"])
    return base if detail == "low" else base + tile * _tiles(width, height)


def estimate(
    products: int,
    *,
    vision_model: str,
    embedding_model: str | None,
    caption_model: str | None = None,
    one_call: bool = False,
    batch: bool = False,
    detail: str = "low",
    picture: tuple[int, int] | None = PICTURE,
    options: Options | None = None,
) -> Estimate:
    """The estimated cost of enriching this many products; asks no model.

    `picture` is the size sent, None for products without one; `embedding_model` is None if
    embeddings cost nothing. Counts the instructions as they are, at four characters a token;
    ignores the provider's cache.
    """
    options = options or Options()
    stages: tuple[Stage, ...] = ("enrich",) if one_call else ("tag", "describe", "caption")
    lines = []
    for stage in stages:
        model = (caption_model or vision_model) if stage == "caption" else vision_model
        seen = 0 if picture is None or stage == "caption" else image_tokens(model, *picture, detail)
        tokens = None if seen is None else seen + _text_tokens(stage, options)
        lines.append(_line(stage, model, products, tokens, OUTPUT_TOKENS[stage], batch))
    if embedding_model is not None:
        line = _line("embed", embedding_model, products, EMBEDDED_TOKENS, 0, batch)
        lines.append(replace(line, calls=math.ceil(products / INPUTS)))
    size = "no picture" if picture is None else f"pictures of {picture[0]}x{picture[1]}, {detail}"
    assumptions = (
        f"list prices of {prices_read()}, nothing cached by the provider",
        f"{size}; a title of {TITLE_TOKENS} tokens",
        "answers of " + ", ".join(f"{OUTPUT_TOKENS[s]} tokens ({s})" for s in stages),
        "no thinking: models that think before they answer cost several times as much",
        *(("batch prices: half the list price",) if batch else ()),
    )
    return Estimate(tuple(lines), assumptions)


def prices_read() -> str:
    """The day the price table was read, ISO."""
    return str(_table()["read"])


def _line(
    stage: str, model: str, products: int, tokens: int | None, output: int, batch: bool
) -> StageEstimate:
    cost = None if tokens is None else price(model, Usage(tokens, 0, output), batch)
    return StageEstimate(
        stage,
        model,
        products,
        None if tokens is None else tokens * products,
        output * products,
        None if cost is None else (cost * products).quantize(CENT),
    )


def _text_tokens(stage: Stage, options: Options) -> int:
    """Tokens of all text sent at a stage, assuming an open vocabulary."""
    options = Options(options.domain, options.language)
    said = prompts.messages(stage, options, title="", picture={})
    written = sum(
        len(message["content"]) if isinstance(message["content"], str) else 0 for message in said
    )
    written += len(json.dumps(prompts.schema(stage, options)))
    more = DESCRIPTION_TOKENS if stage == "caption" else 0
    return math.ceil(written / CHARACTERS_A_TOKEN) + TITLE_TOKENS + more


def _tiles(width: int, height: int) -> int:
    """Tiles of a picture that is first fitted into a box, then shrunk to a short side."""
    scale = min(1.0, TILE_BOX / max(width, height))
    scale = min(scale, TILE_SHORT / min(width, height))
    return math.ceil(round(width * scale, 6) / TILE) * math.ceil(round(height * scale, 6) / TILE)


def _patches(width: int, height: int) -> int:
    """Patches of a picture, shrunk to the most that the model counts."""
    edge, most = int(_table()["patch"]["edge"]), int(_table()["patch"]["most"])
    across, down = math.ceil(width / edge), math.ceil(height / edge)
    if across * down <= most:
        return across * down
    scale = math.sqrt(edge * edge * most / (width * height))
    wide, high = width * scale / edge, height * scale / edge
    scale *= min(math.floor(wide) / wide, math.floor(high) / high) or 1.0
    wide, high = (round(side * scale / edge, 6) for side in (width, height))
    return min(most, max(1, math.ceil(wide)) * max(1, math.ceil(high)))


def _entry(model: str) -> dict[str, Any] | None:
    """The table's row for a model or a dated version of it."""
    models: dict[str, dict[str, Any]] = _table()["models"]
    return models.get(model) or models.get(_DATED.sub("", model))


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    path = Path(__file__).parents[1] / "data" / "prices.json"
    table: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return table
