"""Outlines: smooth curves through points, with corners where they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, radians, sin

Point = tuple[float, float]
Knot = tuple[float, float] | tuple[float, float, int]
"""A point to go through; a third value of 1 makes it a sharp corner."""


def _bend(p0: Point, p1: Point, p2: Point, p3: Point, steps: int) -> list[Point]:
    """The stretch from p1 to p2 of a Catmull-Rom curve, without p2."""
    found: list[Point] = []
    for index in range(steps):
        t = index / steps
        a = -0.5 * t + t * t - 0.5 * t**3
        b = 1 - 2.5 * t * t + 1.5 * t**3
        c = 0.5 * t + 2 * t * t - 1.5 * t**3
        d = -0.5 * t * t + 0.5 * t**3
        found.append(
            (
                a * p0[0] + b * p1[0] + c * p2[0] + d * p3[0],
                a * p0[1] + b * p1[1] + c * p2[1] + d * p3[1],
            )
        )
    return found


def curve(knots: Sequence[Knot], *, closed: bool = False, steps: int = 10) -> list[Point]:
    """A smooth curve through the knots; it turns sharply only at corners and open ends."""
    points: list[Point] = [(knot[0], knot[1]) for knot in knots]
    sharp = [len(knot) == 3 and knot[2] == 1 for knot in knots]
    count = len(points)
    found: list[Point] = []
    for index in range(count if closed else count - 1):
        after = (index + 1) % count
        p1, p2 = points[index], points[after]
        if sharp[index] and sharp[after]:
            found.append(p1)
            continue
        open_start = sharp[index] or (not closed and index == 0)
        open_end = sharp[after] or (not closed and after == count - 1)
        p0 = p1 if open_start else points[index - 1]
        p3 = p2 if open_end else points[(index + 2) % count]
        found.extend(_bend(p0, p1, p2, p3, steps))
    if not closed:
        found.append(points[-1])
    return found


def outline(*knots: Knot) -> list[Point]:
    """A closed smooth shape."""
    return curve(knots, closed=True)


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> list[Point]:
    c, s = cos(radians(turn)), sin(radians(turn))
    found: list[Point] = []
    for index in range(72):
        angle = 2 * pi * index / 72
        dx, dy = rx * cos(angle), ry * sin(angle)
        found.append((x + dx * c - dy * s, y + dx * s + dy * c))
    return found


def rounded(x0: float, y0: float, x1: float, y1: float, radius: float) -> list[Point]:
    """A rectangle with round corners."""
    radius = min(radius, (x1 - x0) / 2, (y1 - y0) / 2)
    corners = (
        (x1 - radius, y0 + radius, -90),
        (x1 - radius, y1 - radius, 0),
        (x0 + radius, y1 - radius, 90),
        (x0 + radius, y0 + radius, 180),
    )
    found: list[Point] = []
    for x, y, start in corners:
        for step in range(9):
            angle = radians(start + step * 90 / 8)
            found.append((x + radius * cos(angle), y + radius * sin(angle)))
    return found


def mirrored(points: Sequence[Knot], axis: float = 256.0) -> list[Knot]:
    """A closed shape from its right half, given from top to bottom: the left half is added."""
    left: list[Knot] = []
    for knot in reversed(points):
        if abs(knot[0] - axis) < 0.01:
            continue
        x = 2 * axis - knot[0]
        left.append((x, knot[1], knot[2]) if len(knot) == 3 else (x, knot[1]))
    return [*points, *left]


def band(points: Sequence[Point], width: float | Sequence[float]) -> list[Point]:
    """The outline of a stroke along the points; the width may change on the way."""
    count = len(points)
    widths = [width] * count if isinstance(width, int | float) else list(width)
    one_side: list[Point] = []
    other_side: list[Point] = []
    for index, (x, y) in enumerate(points):
        before, after = points[max(0, index - 1)], points[min(count - 1, index + 1)]
        dx, dy = after[0] - before[0], after[1] - before[1]
        length = (dx * dx + dy * dy) ** 0.5 or 1.0
        half = widths[index] / 2
        one_side.append((x - dy / length * half, y + dx / length * half))
        other_side.append((x + dy / length * half, y - dx / length * half))
    return one_side + other_side[::-1]
