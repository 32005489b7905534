"""Lamps for the floor, the table, the desk and the ceiling."""

from __future__ import annotations

from math import cos, pi, sin

from .canvas import Canvas
from .colours import BLACK, BRASS, IVORY, OAK, RGB, WHITE, darker, mix
from .curves import Knot
from .scene import View, render
from .solid import (
    Mesh,
    Paint,
    Vec,
    ball,
    lacquer,
    lathe,
    lifted,
    matt,
    metal,
    move,
    ring,
    tube,
    turn,
    wood,
)

WARM: RGB = (255, 226, 160)


def _shade(low: float, high: float, bottom: float, top: float, colour: RGB) -> Mesh:
    """A lit drum of cloth, brighter in its middle."""

    def lit(p: Vec) -> RGB:
        share = (p[1] - bottom) / (top - bottom)
        return mix(colour, WARM, 0.5 * max(0.0, 1 - 2.2 * abs(share - 0.42)))

    paint = Paint(colour, pattern=lit, step=(top - bottom) / 14, glow=0.45, fuzz=0.25)
    mesh = lathe([(low, bottom, 1), (high, top, 1)], (0, 0, 0), paint, open_ended=True)
    trim = Paint(darker(colour, 0.08), glow=0.7)
    mesh += lifted(ring(low, 0.4, (0, bottom, 0), trim), 1)
    return mesh + lifted(ring(high, 0.4, (0, top, 0), trim), 1)


def floor_lamp(canvas: Canvas, colour: RGB, legs: RGB = OAK) -> None:
    """A tripod of wood with a drum shade."""
    mesh: Mesh = []
    for k in range(3):
        angle = 2 * pi * k / 3 + 0.6
        c, s = cos(angle), sin(angle)
        bar = wood(legs, axis=1, pitch=1.4)
        mesh += tube([(3 * c, 108, 3 * s), (31 * c, 0, 31 * s)], (2.0, 1.5), bar)
    mesh += lathe([(0, 100, 1), (4.4, 100, 1), (4.4, 110, 1), (0, 110, 1)], (0, 0, 0), metal(BRASS))
    mesh += tube([(0, 108, 0), (0, 124, 0)], 1.0, metal(BRASS))
    shade = _shade(26, 20, 116, 152, colour)
    view = View(yaw=-10, pitch=8, width=390, height=440, x=250)
    render(canvas, mesh, shade, view=view)


def table_lamp(
    canvas: Canvas,
    colour: RGB,
    shade: RGB = IVORY,
    *,
    slim: float = 1.0,
    tall: float = 1.0,
    view: View | None = None,
) -> None:
    """A bellied foot of glazed clay under a tapered shade."""
    profile: list[Knot] = [
        (0, 0, 1),
        (8, 0, 1),
        (8.6, 1.2),
        (6, 3),
        (9, 7),
        (11.5, 14),
        (9, 22),
        (4.4, 27.5),
        (3.2, 31, 1),
        (0, 31, 1),
    ]
    shaped = [(k[0] * slim, k[1] * tall, k[2] if len(k) == 3 else 0) for k in profile]
    foot = lathe(shaped, (0, 0, 0), lacquer(colour), steps=16)
    foot += tube([(0, 30 * tall, 0), (0, 30 * tall + 8, 0)], 1.1, metal(BRASS))
    top = 30 * tall
    hood = _shade(19, 12.5, top + 3, top + 27, shade)
    render(canvas, foot, hood, view=view or View(yaw=0, pitch=9, width=400, height=420, x=250))


def pendant(canvas: Canvas, colour: RGB, inside: RGB = WHITE) -> None:
    """A dome on a cord."""
    dome = lathe(
        [(26, 0, 1), (25.2, 7), (20, 17), (10, 24.5), (4, 26.5, 1)],
        (0, 0, 0),
        metal(colour),
        segments=110,
        steps=14,
    )
    hollow = lathe(
        [(4, 26, 1), (10, 24), (19.6, 16.6), (24.8, 7), (25.7, 0, 1)],
        (0, 0, 0),
        Paint(inside, glow=0.75),
        segments=90,
        steps=12,
    )
    bulb = ball(5.2, (0, 2.5, 0), Paint(WARM, glow=0.95))
    cap = lathe([(4.4, 26, 1), (4.2, 32), (1.2, 34, 1), (0, 34, 1)], (0, 0, 0), metal(colour))
    cord = tube([(0, 33, 0), (0, 82, 0)], 0.6, matt(BLACK))
    rose = lathe([(0, 80, 1), (7, 80, 1), (6.4, 83), (0, 83.5, 1)], (0, 0, 0), metal(colour))
    rim = ring(25.9, 0.5, (0, 0, 0), metal(colour))
    view = View(yaw=0, pitch=-14, width=330, height=440, shadow="none")
    render(canvas, rose + cord, hollow, bulb, dome + cap, rim, view=view)


def desk_lamp(canvas: Canvas, colour: RGB) -> None:
    """A jointed arm with a cone of a head, on a round foot."""
    paint = lacquer(colour)
    steel = metal((190, 193, 198))
    foot = lathe([(0, 0, 1), (13, 0, 1), (13.4, 1.4), (11, 3), (0, 3.4, 1)], (0, 0, 0), paint)
    elbow: Vec = (-15, 34, 0)
    wrist: Vec = (9, 60, 0)
    arms = tube([(2, 3, 0), (2, 6, 0)], 2.2, paint)
    for z in (-1.6, 1.6):
        arms += tube([(2, 5, z), (elbow[0], elbow[1], z)], 0.8, steel)
        arms += tube([(elbow[0], elbow[1], z), (wrist[0], wrist[1], z)], 0.8, steel)
    for joint in ((2.0, 6.0, 0.0), elbow, wrist):
        arms += ball(2.5, joint, paint)
    hood = lathe(
        [(11.5, -16, 1), (10.4, -12), (6, -4), (3.6, 1), (3.2, 5), (0, 6, 1)],
        (0, 0, 0),
        paint,
        steps=10,
    )
    hollow = lathe([(3, -3, 1), (6, -5), (10.2, -12), (11.3, -16, 1)], (0, 0, 0), lacquer(WHITE))
    bulb = ball(4.0, (0, -12, 0), Paint(WARM, glow=0.9))
    place = ((wrist[0] + 4), wrist[1] - 1, 0.0)

    def placed(mesh: Mesh) -> Mesh:
        return move(turn(mesh, 38, "z"), *place)

    view = View(yaw=16, pitch=6, width=390, height=420, x=250)
    render(canvas, foot, arms, placed(hollow), placed(bulb), placed(hood), view=view)
