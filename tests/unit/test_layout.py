"""pictures/layout: a copy keeps it, another picture has another."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from vitrina.pictures.layout import NUMBERS, layout, of_thumbnail, written
from vitrina.pictures.pixels import encoded


def chair(seat: str = "#7a3e8e", tall: int = 90) -> Image.Image:
    image = Image.new("RGB", (160, 140), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((50, 120 - tall, 62, 120), fill="#40220a")
    draw.rectangle((50, 70, 115, 84), fill=seat)
    draw.rectangle((105, 84, 114, 120), fill="#40220a")
    return image


def cosine(one: Image.Image, other: Image.Image) -> float:
    a, b = layout(one), layout(other)
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)


def saved(image: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(encoded(image, "JPEG", quality=quality))).convert("RGB")


@pytest.mark.parametrize(
    "change",
    [
        lambda image: saved(image, 40),
        lambda image: image.resize((80, 70), Image.Resampling.LANCZOS),
        lambda image: image.crop((12, 8, 150, 135)),
        lambda image: ImageOps.expand(image, (30, 10, 0, 40), "white"),
        lambda image: ImageOps.pad(image, (160, 160), color="white"),
        lambda image: ImageEnhance.Contrast(image).enhance(0.95),
    ],
)
def test_a_copy_keeps_its_layout(change: Callable[[Image.Image], Image.Image]) -> None:
    assert cosine(chair(), change(chair())) > 0.99


@pytest.mark.parametrize("other", [chair("#1b6e3a"), chair(tall=60), ImageOps.mirror(chair())])
def test_another_picture_has_another(other: Image.Image) -> None:
    assert cosine(chair(), other) < 0.985


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (64, 64)])
def test_a_plain_picture_has_none(size: tuple[int, int]) -> None:
    assert layout(Image.new("RGB", size, "#8a5300")) == (0,) * NUMBERS


def test_one_of_a_thumbnail_is_that_of_the_picture() -> None:
    thumbnail = encoded(chair(), "WEBP", quality=80, method=4)
    measured = of_thumbnail(thumbnail)
    assert written(measured).count(",") == NUMBERS - 1
    expected = layout(chair())
    assert max(abs(a - b) for a, b in zip(measured, expected, strict=True)) < 12


def test_a_busy_border_gives_the_whole_picture() -> None:
    noise = Image.effect_noise((80, 80), 120).convert("RGB")
    assert any(layout(noise))
