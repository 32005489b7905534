"""Prices and tokens of pictures: as published, and None where not known."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from vitrina.models import pricing
from vitrina.models.outcomes import Usage
from vitrina.models.pricing import estimate, image_tokens, price
from vitrina.models.prompts import Options

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("model", "usage", "batch", "dollars"),
    [
        ("gpt-4o-mini", Usage(MILLION), False, "0.15"),
        ("gpt-4o-mini", Usage(0, 0, MILLION), False, "0.60"),
        ("gpt-4o-mini", Usage(MILLION, MILLION), False, "0.075"),
        ("gpt-4o-mini", Usage(MILLION, 400_000, MILLION), False, "0.72"),
        ("gpt-4o-mini", Usage(MILLION, 400_000, MILLION), True, "0.375"),
        ("gpt-4o-mini", Usage(10, 99), False, "0.00000075"),
        ("gpt-4o-mini-2024-07-18", Usage(MILLION), False, "0.15"),
        ("gpt-4.1-nano-2025-04-14", Usage(MILLION), False, "0.10"),
        ("gpt-5.4-nano", Usage(MILLION, MILLION), False, "0.20"),
        ("gpt-5.4-mini", Usage(MILLION), False, None),
        ("text-embedding-3-large", Usage(MILLION), False, "0.13"),
        ("text-embedding-3-small", Usage(MILLION), True, "0.01"),
        ("gpt-4o-mini", Usage(), False, "0"),
        ("gpt-4o-mini-audio", Usage(MILLION), False, None),
        ("llama3.2-vision", Usage(MILLION), False, None),
        ("", Usage(MILLION), False, None),
    ],
)
def test_prices(model: str, usage: Usage, batch: bool, dollars: str | None) -> None:
    assert price(model, usage, batch) == (None if dollars is None else Decimal(dollars))


@pytest.mark.parametrize(
    ("model", "width", "height", "detail", "tokens"),
    [
        ("gpt-4o-mini", 128, 64, "low", 2833),
        ("gpt-4o-mini", 4000, 3000, "low", 2833),
        ("gpt-4o-mini", 128, 64, "high", 2833 + 5667),
        ("gpt-4o-mini", 1024, 1024, "high", 25_501),
        ("gpt-4o", 1024, 1024, "high", 85 + 4 * 170),
        ("gpt-4o", 2048, 4096, "high", 85 + 6 * 170),
        ("gpt-4o", 512, 513, "high", 85 + 2 * 170),
        ("gpt-5", 512, 512, "high", 210),
        ("gpt-4.1-nano", 512, 512, "low", 630),
        ("gpt-4.1-mini", 128, 64, "low", 13),
        ("gpt-4.1-nano", 128, 64, "high", 20),
        ("gpt-4.1-mini", 1800, 2400, "high", 2353),
        ("gpt-5-nano-2025-08-07", 512, 512, "low", 630),
        ("text-embedding-3-large", 512, 512, "low", None),
        ("llava", 512, 512, "low", None),
        ("gpt-4o", 0, 512, "low", None),
    ],
)
def test_tokens_of_pictures(
    model: str, width: int, height: int, detail: str, tokens: int | None
) -> None:
    assert image_tokens(model, width, height, detail) == tokens


def test_no_picture_has_more_patches_than_are_counted() -> None:
    for width in (1, 31, 500, 1252, 3001, 10_000, 60_000):
        for height in (1, 33, 777, 2400, 9999):
            tokens = image_tokens("gpt-4.1-nano", width, height)
            assert tokens is not None
            assert 0 < tokens <= 1536 * 2.46 + 1


def test_an_estimate_adds_up_and_says_what_it_rests_on() -> None:
    plan = estimate(100_000, vision_model="gpt-4o-mini", embedding_model="text-embedding-3-large")
    assert [stage.stage for stage in plan.stages] == ["tag", "describe", "caption", "embed"]
    assert plan.calls == 300_000 + 49
    assert plan.cost == sum(stage.cost or 0 for stage in plan.stages)
    tag = plan.stages[0]
    assert tag.input_tokens is not None
    assert tag.input_tokens > 100_000 * 2833
    assert tag.cost is not None
    assert tag.cost > Decimal("42.5")  # what the pictures alone cost
    assert any(pricing.prices_read() in line for line in plan.assumptions)
    assert any("512x512, low" in line for line in plan.assumptions)


def test_one_call_and_a_batch_cost_less() -> None:
    def cost(**options: bool) -> Decimal:
        plan = estimate(
            1000, vision_model="gpt-4.1-nano", embedding_model="text-embedding-3-small", **options
        )
        assert plan.cost is not None
        return plan.cost

    assert cost(one_call=True, batch=True) * 2 == cost(one_call=True)
    assert cost(one_call=True) < cost()


def test_what_is_not_known_is_not_guessed() -> None:
    plan = estimate(10, vision_model="llava", embedding_model=None, one_call=True)
    assert plan.cost is None
    assert plan.stages[0].input_tokens is None
    blind = estimate(10, vision_model="llava", embedding_model=None, picture=None)
    assert blind.cost is None
    assert blind.stages[0].input_tokens is not None


def test_an_estimate_knows_a_closed_vocabulary_only_as_open() -> None:
    closed = estimate(
        1, vision_model="gpt-4o", embedding_model=None, options=Options(hints="closed")
    )
    assert closed.cost is not None


def test_the_table_is_dated_and_every_line_names_its_source() -> None:
    assert date.fromisoformat(pricing.prices_read()) >= date(2026, 11, 1)
    table = pricing._table()
    for name, entry in table["models"].items():
        assert entry["source"], name
        assert set(entry) == {"input", "cached", "output", "image", "source"}
        for part in ("input", "cached", "output"):
            assert entry[part] is None or Decimal(entry[part]) >= 0
