"""Colours: a small palette, mixing, and repeatable noise."""

from __future__ import annotations

from functools import cache
from hashlib import shake_256
from math import floor

RGB = tuple[int, int, int]

WHITE: RGB = (246, 245, 242)
IVORY: RGB = (232, 224, 206)
BEIGE: RGB = (212, 194, 164)
BLACK: RGB = (40, 40, 43)
CHARCOAL: RGB = (68, 70, 75)
GREY: RGB = (142, 146, 150)
SILVER: RGB = (196, 199, 203)
STEEL: RGB = (176, 181, 186)
RED: RGB = (200, 34, 40)
BURGUNDY: RGB = (122, 24, 48)
PINK: RGB = (236, 150, 172)
ORANGE: RGB = (232, 118, 36)
MUSTARD: RGB = (221, 164, 40)
YELLOW: RGB = (246, 204, 52)
GREEN: RGB = (46, 106, 66)
OLIVE: RGB = (104, 108, 56)
LEAF: RGB = (64, 134, 66)
TEAL: RGB = (24, 134, 134)
TURQUOISE: RGB = (78, 186, 190)
SKY: RGB = (116, 172, 222)
BLUE: RGB = (40, 92, 178)
NAVY: RGB = (32, 48, 98)
DENIM: RGB = (62, 92, 142)
BRASS: RGB = (200, 158, 76)
COPPER: RGB = (200, 112, 70)
TERRACOTTA: RGB = (194, 98, 62)
COGNAC: RGB = (154, 86, 42)
TAN: RGB = (190, 136, 84)
OAK: RGB = (208, 164, 108)
PINE: RGB = (226, 190, 136)
WALNUT: RGB = (112, 72, 46)
DARK_BROWN: RGB = (84, 54, 38)


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """`first` with `share` (0..1) of `second` in it."""
    share = min(1.0, max(0.0, share))
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def lighter(colour: RGB, share: float) -> RGB:
    return mix(colour, (255, 255, 255), share)


def darker(colour: RGB, share: float) -> RGB:
    return mix(colour, (12, 10, 14), share)


def scaled(colour: RGB, factor: float) -> RGB:
    """Brighter or darker by a factor, clipped."""
    red, green, blue = (min(255, max(0, round(part * factor))) for part in colour)
    return red, green, blue


@cache
def noise_bytes(seed: str, count: int) -> bytes:
    """The same bytes for the same seed, on every machine."""
    return shake_256(seed.encode()).digest(count)


_TABLE = noise_bytes("grain", 4096)


def noise(x: float, y: float = 0.0) -> float:
    """Smooth value noise, -1..1, with one knot a unit."""
    column, row = floor(x), floor(y)
    fx, fy = x - column, y - row
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)

    def knot(i: int, j: int) -> float:
        return _TABLE[(i * 73 + j * 619 + (i * j) % 31) % 4096] / 127.5 - 1

    top = knot(column, row) * (1 - fx) + knot(column + 1, row) * fx
    bottom = knot(column, row + 1) * (1 - fx) + knot(column + 1, row + 1) * fx
    return top * (1 - fy) + bottom * fy
