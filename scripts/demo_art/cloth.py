"""Cloth: creases, round edges and the two sides of a garment."""

from __future__ import annotations

from collections.abc import Sequence

from .canvas import FABRIC, Canvas
from .colours import RGB, darker, lighter
from .curves import Point

Track = Sequence[Point]


def flip(points: Track) -> list[Point]:
    return [(512 - x, y) for x, y in points]


def both(points: Track) -> tuple[list[Point], list[Point]]:
    """The line on the right side and on the left."""
    return list(points), flip(points)


def fold(
    canvas: Canvas, points: Track, colour: RGB, *, width: float = 9, dark: bool = True
) -> None:
    """A soft crease."""
    tone = darker(colour, 0.75) if dark else lighter(colour, 0.8)
    strength = 0.14 + 0.16 * (1 - sum(colour) / 765)
    canvas.line(points, width, tone, opacity=strength, blur=width * 0.6)


def rounding(canvas: Canvas, shape: Track, colour: RGB, width: float = 20) -> None:
    """Darker along the edge of the cloth."""
    with canvas.inside(shape):
        canvas.line([*shape, shape[0]], width, darker(colour, 0.75), opacity=0.28, blur=9)


def cloth(
    canvas: Canvas, shape: Track, colour: RGB, *, rough: tuple[tuple[float, float], float] = FABRIC
) -> None:
    canvas.fill(shape, (lighter(colour, 0.07), colour, darker(colour, 0.1)), rough=rough)
    rounding(canvas, shape, colour)
