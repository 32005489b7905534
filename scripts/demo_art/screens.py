"""Everything with a screen."""

from __future__ import annotations

from dataclasses import replace
from math import sin

from .canvas import Canvas
from .colours import BLACK, CHARCOAL, RGB, WHITE, darker, mix
from .curves import Point, ellipse, rounded
from .scene import View, render
from .solid import (
    Mesh,
    Vec,
    block,
    lathe,
    matt,
    metal,
    move,
    slab,
    stickers,
    tube,
    turn,
)

Shapes = list[tuple[list[Point], RGB]]
"""A flat drawing: outlines in 0..1 (from the top left) and their colours."""


def _box(left: float, top: float, right: float, bottom: float) -> list[Point]:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _fade(first: RGB, last: RGB, until: float = 1.0) -> Shapes:
    """A background: colours from top to bottom."""
    return [
        (_box(0, k / 60 * until, 1, min(1.0, (k + 1.5) / 60 * until)), mix(first, last, k / 59))
        for k in range(60)
    ]


def _hill(height: float, swell: float, speed: float, start: float) -> list[Point]:
    crest = [
        (k / 80, height + swell * sin(k / 80 * speed + start) * (0.7 + 0.3 * sin(k / 33)))
        for k in range(81)
    ]
    return [*crest, (1.0, 1.0), (0.0, 1.0)]


def _landscape(sky: RGB, low: RGB, near: RGB, *, wide: float = 1.7) -> Shapes:
    """A sun over hills."""
    shapes = _fade(sky, (255, 226, 190))
    for k in range(12):
        r = 0.26 - k * 0.014
        glow = mix(mix(sky, (255, 226, 190), 0.3), (255, 246, 214), (k + 1) / 13)
        shapes.append((ellipse(0.68, 0.28, r / wide, r), glow))
    shapes.append((ellipse(0.68, 0.28, 0.09 / wide, 0.09), (255, 250, 226)))
    shapes.append((_hill(0.52, 0.13, 6.2, 5.2), low))
    shapes.append((_hill(0.64, 0.10, 5.2, 2.6), mix(low, near, 0.55)))
    shapes.append((_hill(0.82, 0.06, 7.0, 2.0), near))
    return shapes


SUNSET = _landscape((84, 120, 200), (200, 112, 148), (64, 50, 110))


VALLEY = _landscape((96, 168, 226), (110, 180, 146), (34, 92, 84))


def _screen(width: float, height: float, at: Vec, shapes: Shapes) -> Mesh:
    """A lit picture, upright, facing the front; `at` is the middle of its lower edge."""
    placed = [
        ([(at[0] + (u - 0.5) * width, at[1] + (1 - v) * height) for u, v in shape], colour)
        for shape, colour in shapes
    ]
    return stickers(placed, at[2], 0.95)


def laptop(canvas: Canvas, colour: RGB) -> None:
    """An open notebook computer."""
    width, depth = 34.0, 23.0
    base = block((width, 1.3, depth), (0, 0, 0), metal(colour), radius=0.6)
    deck: Mesh = block(
        (width - 3, 0.1, 10.6), (0, 1.25, -3.6), matt(darker(colour, 0.35)), radius=0.04
    )
    keys: Mesh = []
    for row in range(5):
        for column in range(14):
            x = -14.2 + column * 2.18
            key = block(
                (1.86, 0.3, 1.7), (x, 1.3, -7.8 + row * 2.05), matt(CHARCOAL), radius=0.14, cell=9
            )
            keys += key
    pad = block((11, 0.1, 7), (0, 1.28, 6.6), matt(darker(colour, 0.12)), radius=0.04)
    lid = block((width, 22, 0.8), (0, 0, -0.4), metal(colour), radius=0.38)
    bezel = block((width - 0.8, 21.2, 0.1), (0, 0.4, 0), matt(BLACK), radius=0.04)
    shown = _screen(width - 2.2, 19.2, (0, 1.5, 0.1), SUNSET)
    opened = [move(turn(part, -18, "x"), 0, 1.2, -depth / 2 + 0.8) for part in (lid, bezel, shown)]
    view = View(yaw=-26, pitch=22, width=430, height=400, x=252)
    render(canvas, *opened, base, deck + pad, keys, view=view)


def _home_screen() -> Shapes:
    """A wallpaper with the time and rows of app icons."""
    shapes = _fade((88, 66, 190), (250, 132, 142))
    shapes.append((rounded(0.36, 0.018, 0.64, 0.044, 0.013), (14, 14, 18)))
    shapes.append((_box(0.3, 0.115, 0.7, 0.124), (226, 220, 250)))
    white = (255, 255, 255)
    for x, bars in ((0.2, "1"), (0.34, "0"), (0.56, "2"), (0.7, "0")):
        left, right, top, low = x, x + 0.1, 0.15, 0.235
        if bars == "1":
            shapes.append((_box(left + 0.06, top, right - 0.01, low), white))
            continue
        middle = (top + low) / 2
        for y in (top, low - 0.011) if bars == "0" else (top, middle - 0.005, low - 0.011):
            shapes.append((_box(left, y, right, y + 0.011), white))
        right_low, left_top = (low, top) if bars == "0" else (middle, middle)
        shapes.append((_box(right - 0.026, top, right, right_low), white))
        shapes.append((_box(left, left_top, left + 0.026, low), white))
    for y in (0.175, 0.2):
        shapes.append((ellipse(0.5, y, 0.016, 0.008), white))
    tones = ((250, 250, 250), (255, 204, 64), (76, 200, 120), (66, 140, 240), (240, 84, 84))
    shapes.append((rounded(0.04, 0.865, 0.96, 0.98, 0.05), (252, 186, 190)))
    for row, top in enumerate((0.46, 0.59, 0.72, 0.885)):
        for column in range(4):
            left = 0.085 + column * 0.222
            icon = rounded(left, top, left + 0.165, top + 0.075, 0.03)
            shapes.append((icon, tones[(row * 3 + column * 2) % 5]))
    return shapes


def _clipped(shapes: Shapes, frame: list[Point], border: RGB) -> Shapes:
    """The shapes, with what lies outside the frame's round corners covered."""
    corners: Shapes = []
    quarter = len(frame) // 4
    for k, corner in enumerate(((1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0))):
        corners.append(([corner, *frame[k * quarter : (k + 1) * quarter]], border))
    return shapes + corners


def phone(canvas: Canvas, colour: RGB) -> None:
    """A phone from the front, and the same from behind with its cameras."""
    body = slab(rounded(-3.7, 0, 3.7, 15.4, 1.25), 0.8, metal(colour), bevel=0.16)
    edge = stickers([(rounded(-3.5, 0.2, 3.5, 15.2, 1.08), (12, 12, 15))], 0.41, 0.4)
    ink = (12, 12, 15)
    frame = rounded(0, 0, 1, 1, 0.06)
    shown = _screen(6.7, 14.7, (0, 0.35, 0.43), _clipped(_home_screen(), frame, ink))
    front = [move(part, 0, 0, 1.6) for part in (body, edge, shown)]
    back = metal(darker(colour, 0.1))
    bump = move(slab(rounded(0.5, 11.4, 3.1, 14.8, 0.8), 0.3, back, bevel=0.1), z=0.5)
    eyes: Mesh = []
    for x, y in ((1.2, 14.0), (1.2, 12.2), (2.4, 13.1)):
        disc = lathe([(0.6, 0, 1), (0.56, 0.3, 1), (0, 0.3, 1)], (0, 0, 0), matt((24, 24, 28)))
        spot = lathe([(0.3, 0.3, 1), (0.26, 0.42, 1), (0, 0.42, 1)], (0, 0, 0), matt((70, 84, 130)))
        eyes += move(turn(disc + spot, 90, "x"), x, y, 0.65)
    flash = lathe([(0.2, 0.2, 1), (0, 0.3, 1)], (0, 0, 0), matt(WHITE))
    eyes += move(turn(flash, 90, "x"), 2.4, 14.3, 0.65)
    flipped = [
        [replace(f, points=tuple((-x, y, z) for x, y, z in reversed(f.points))) for f in part]
        for part in (body, bump, eyes)
    ]
    rear = [move(turn(part, -5, "z"), 5.4, 0.7, -3.0) for part in flipped]
    view = View(yaw=-20, pitch=5, width=360, height=420, x=250)
    render(canvas, *rear, *front, view=view)


def television(canvas: Canvas) -> None:
    """A flat, wide screen on two feet."""
    body = block((124, 71, 3), (0, 6, 0), matt(BLACK), radius=0.8)
    back = block((90, 40, 3), (0, 12, -3), matt(BLACK), radius=1)
    shown = _screen(121, 67.4, (0, 8.4, 1.6), SUNSET)
    feet: Mesh = []
    for x in (-44.0, 44.0):
        feet += tube([(x, 7, 0), (x + 3, 0.8, 11)], 1.1, metal(CHARCOAL))
        feet += tube([(x, 7, 0), (x + 3, 0.8, -11)], 1.1, metal(CHARCOAL))
    view = View(yaw=-20, pitch=6, width=446, height=360)
    render(canvas, feet, back, body, shown, view=view)


def monitor(canvas: Canvas, colour: RGB) -> None:
    """A desktop screen on a stand."""
    foot = block((24, 1.2, 18), (0, 0, -4), metal(colour), radius=0.5)
    neck = block((6, 30, 2.4), (0, 1, -8), metal(colour), radius=0.6)
    body = block((62, 37, 2.6), (0, 15, -3), matt(BLACK), radius=0.6)
    chin = block((62, 3.4, 0.4), (0, 15.2, -1.9), metal(colour), radius=0.15)
    shown = _screen(60, 32, (0, 19, -1.6), _windows())
    view = View(yaw=-24, pitch=10, width=420, height=400, x=250)
    render(canvas, foot, neck, body, shown, chin, view=view)


def _windows() -> Shapes:
    """A desktop with two open windows and a row of icons."""
    shapes = list(VALLEY)
    for left, top, right, bottom, bar in (
        (0.07, 0.09, 0.56, 0.72, (60, 110, 200)),
        (0.44, 0.28, 0.93, 0.86, (70, 74, 86)),
    ):
        shapes.append((_box(left, top, right, bottom), (250, 250, 252)))
        shapes.append((_box(left, top, right, top + 0.065), bar))
        for k in range(8):
            y = top + 0.11 + k * 0.055
            end = right - 0.05 - (k * 5 % 7) * 0.022
            if y + 0.03 < bottom:
                shapes.append((_box(left + 0.035, y, end, y + 0.022), (176, 182, 194)))
    shapes.append((_box(0, 0.925, 1, 1), (32, 36, 46)))
    tones = ((240, 90, 80), (250, 190, 60), (90, 200, 120), (80, 150, 240))
    for k in range(7):
        x = 0.3 + k * 0.06
        shapes.append((rounded(x, 0.942, x + 0.034, 0.988, 0.008), tones[k % 4]))
    return shapes
