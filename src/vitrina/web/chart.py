"""The spend of each day as bars, one colour a model, with a line for the budget of a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from vitrina.costs import Cost
from vitrina.web.filters import money

DAYS = 30
MODELS = 4  # with a colour of their own
WIDTH, BASE = 600, 130
OTHERS = "other models"


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a day's bar, in the units of the drawing."""

    x: float
    y: float
    width: float
    height: float
    colour: int
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What the drawing is made of; `line` is the height of the budget of a day."""

    bars: list[Bar]
    models: list[tuple[str, Decimal]]
    days: list[tuple[date, Decimal]]
    most: Decimal
    line: float | None


def spend(rows: Sequence[Cost], today: date, budget: Decimal | None) -> Chart | None:
    """The last 30 days of Costs.spent(); None if nothing was spent in them."""
    first = today - timedelta(days=DAYS - 1)
    by_model: dict[str, Decimal] = {}
    by_day: dict[date, dict[str, Decimal]] = {}
    for row in rows:
        day, model, usd = row.day, row.model or "", row.usd
        if day is None or day < first or not usd:
            continue
        by_model[model] = by_model.get(model, Decimal(0)) + usd
        parts = by_day.setdefault(day, {})
        parts[model] = parts.get(model, Decimal(0)) + usd
    if not by_model:
        return None
    ranked = sorted(by_model, key=lambda model: -by_model[model])
    named = ranked[:MODELS]
    sums = {day: sum(parts.values(), Decimal(0)) for day, parts in by_day.items()}
    most = max([*sums.values(), budget or Decimal(0)])
    bars: list[Bar] = []
    step = WIDTH / DAYS
    for day, parts in sorted(by_day.items()):
        x, y = (day - first).days * step + 2, float(BASE)
        for model in sorted(parts, key=ranked.index):
            height = float(parts[model] / most) * (BASE - 2)
            y -= height
            colour = named.index(model) if model in named else MODELS
            label = f"{day:%d %b}: {model} {money(parts[model])}"
            bars.append(Bar(round(x, 1), round(y, 1), step - 4, round(height, 1), colour, label))
    models = [(model, by_model[model]) for model in named]
    if len(ranked) > MODELS:
        models.append((OTHERS, sum((by_model[model] for model in ranked[MODELS:]), Decimal(0))))
    line = None if budget is None else round(BASE - float(budget / most) * (BASE - 2), 1)
    return Chart(bars, models, sorted(sums.items()), most, line)
