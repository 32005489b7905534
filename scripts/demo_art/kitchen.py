"""Things for the kitchen and the bathroom."""

from __future__ import annotations

from .canvas import Canvas
from .colours import BLACK, RGB, SILVER, WALNUT, darker, lighter
from .curves import Knot
from .scene import View, render
from .solid import (
    Mesh,
    Paint,
    Vec,
    ball,
    block,
    lacquer,
    lathe,
    lifted,
    matt,
    metal,
    move,
    ring,
    smooth,
    tube,
    turn,
    warp,
    wood,
)


def mug(canvas: Canvas, colour: RGB, *, band: RGB | None = None, round_belly: bool = False) -> None:
    """A mug with a handle; `band` leaves its foot unglazed, in that colour."""
    belly = 1.12 if round_belly else 1.0

    def glaze(p: Vec) -> RGB:
        return band if band and p[1] < 2.2 else colour

    paint = Paint(colour, pattern=glaze, step=0.4, gloss=0.5, shine=40)
    wall: list[Knot] = [
        (0, 0, 1),
        (3.7, 0, 1),
        (4.1 * belly, 0.6),
        (4.3 * belly, 4),
        (4.3, 9.2),
        (4.2, 9.6, 1),
        (3.95, 9.6, 1),
        (3.95, 9.2, 1),
    ]
    cup = lathe(wall, (0, 0, 0), paint, segments=110)
    inner: list[Knot] = [(3.95, 9.2, 1), (4.0 * belly, 4, 1), (3.6, 1.4, 1), (0, 1.2, 1)]
    hollow = lathe(inner, (0, 0, 0), matt(darker(colour, 0.12)), segments=90)
    loop: list[Vec] = [(4.0, 8, 0), (6.2, 8.2, 0), (7.3, 6, 0), (6.4, 3.2, 0), (3.9, 2.2, 0)]
    handle = tube(smooth(loop), 0.62, lacquer(colour), segments=24)
    view = View(yaw=-24, pitch=20, width=370, height=340)
    render(canvas, handle, hollow, cup, view=view)


def kettle(canvas: Canvas, colour: RGB) -> None:
    """A stove-top kettle: belly, spout, lid with a knob and an arched handle."""
    paint = lacquer(colour)
    body = lathe(
        [(0, 0, 1), (10.6, 0, 1), (11.4, 1), (11.2, 5), (8.6, 11.4), (5.4, 14), (0, 14.4, 1)],
        (0, 0, 0),
        paint,
        segments=100,
        steps=20,
    )
    lid = lathe([(5.2, 14, 1), (4.8, 15), (2.4, 16), (0, 16.2, 1)], (0, 0, 0), metal(SILVER))
    knob = ball(1.3, (0, 17.4, 0), matt(BLACK))
    path: list[Vec] = [(8.4, 6.5, 0), (11.6, 8.4, 0), (13.2, 11.4, 0), (15.4, 13, 0)]
    spout = tube(smooth(path), (2.4, 1.1), paint, segments=28)
    mouth = ring(1.0, 0.28, (0, 0, 0), metal(SILVER))
    mouth = move(turn(mouth, -54, "z"), 15.5, 13.1, 0)
    arch: list[Vec] = [(-8.2, 11.5, 0), (-8.4, 17, 0), (-5, 22, 0), (0, 23.4, 0)]
    arch += [(5, 22, 0), (8.4, 17, 0), (8.2, 11.5, 0)]
    grip: list[Vec] = [(-5.4, 21.7, 0), (-2.5, 23.1, 0), (0, 23.4, 0), (2.5, 23.1, 0)]
    grip += [(5.4, 21.7, 0)]
    handle = tube(smooth(arch), 0.55, metal(SILVER)) + lifted(
        tube(smooth(grip), 1.15, matt(BLACK)), 3
    )
    view = View(yaw=-18, pitch=10, width=400, height=390, x=252)
    render(canvas, spout, mouth, body, lid, knob, handle, view=view)


def frying_pan(canvas: Canvas, colour: RGB) -> None:
    """A shallow round pan with a long handle, seen from above."""
    outer = lathe([(0, 0, 1), (11, 0, 1), (14, 4.6, 1), (14.3, 5.0, 1)], (0, 0, 0), metal(colour))
    inner = lathe(
        [(14.3, 5.0, 1), (13.6, 5.0, 1), (11.2, 0.8), (10, 0.6, 1), (0, 0.6, 1)],
        (0, 0, 0),
        Paint(lighter(colour, 0.06), gloss=0.3, shine=8),
        segments=110,
    )
    ridge = ring(8.6, 0.12, (0, 0.62, 0), matt(lighter(colour, 0.16)))
    path: list[Vec] = [(13.6, 4.2, 0), (17, 5.4, 0), (24, 7.2, 0), (34, 8.2, 0)]
    handle = tube(smooth(path), (1.5, 1.2), metal(colour))
    grip: list[Vec] = [(20, 6.3, 0), (24, 7.2, 0), (29, 7.9, 0), (34.6, 8.2, 0)]
    cover = tube(smooth(grip), (1.6, 1.9), wood(WALNUT, axis=0, pitch=0.5))
    cover = warp(cover, lambda p: (p[0], p[1], p[2] * 1.35))
    hole = ring(0.75, 0.22, (33.2, 9.7, 0), metal(SILVER))
    view = View(yaw=-34, pitch=38, width=440, height=380)
    render(canvas, outer, inner, ridge, handle, cover, hole, view=view)


def _knife(length: float, thick: float) -> Mesh:
    """Handle and the start of the blade, upright, with two rivets."""
    mesh = block((thick * 0.7, 2.4, 0.6), (0, -1.5, 0), metal(SILVER), radius=0.2)
    mesh += block((thick, length, 1.9), (0, 0.8, 0), matt(BLACK), radius=0.8)
    for share in (0.25, 0.5, 0.75):
        rivet = ball(0.32, (0, 0.8 + length * share, 1.0), metal(SILVER))
        mesh += lifted(rivet, 1)
    return mesh


def knife_block(canvas: Canvas, colour: RGB) -> None:
    """Five knives in a leaning wooden block."""
    tall = 22.0
    body = block((13, tall, 14), (0, 0, 0), wood(colour, axis=1, pitch=0.6), radius=0.6)
    body = warp(body, lambda p: (p[0], p[1] + max(0.0, (p[1] - 8)) * -0.03 * p[2], p[2]))
    knives: Mesh = []
    spots = ((-3.4, -3.4, 11.5, 2.5), (3.4, -3.4, 10.5, 2.3), (-3.6, 1.8, 9, 2.0))
    for x, z, length, thick in (*spots, (0.2, 1.8, 9, 2.0), (3.9, 1.8, 8, 1.8)):
        y = tall - (tall - 8) * 0.03 * z
        knives += move(_knife(length, thick), x, y, z)
    slots: Mesh = []
    for x, z, _, thick in (*spots, (0.2, 1.8, 9, 2.0), (3.9, 1.8, 8, 1.8)):
        y = tall - (tall - 8) * 0.03 * z
        slots += block((thick + 0.9, 0.1, 1.1), (x, y, z), matt((30, 24, 22)), radius=0.04)
    view = View(yaw=-32, pitch=17, width=380, height=410, x=250)
    parts = [
        warp(part, lambda p: (p[0], p[1], p[2] - 0.3 * p[1])) for part in (body, slots, knives)
    ]
    render(canvas, *parts, view=view)


def towels(canvas: Canvas, tones: tuple[RGB, ...]) -> None:
    """Folded towels in a stack, with a woven border on each."""
    groups: list[Mesh] = []
    y = 0.0
    for index, tone in enumerate(tones):
        width, depth = 46.0 - index * 1.2, 32.0 - index * 0.8
        edge, stripe = width / 2, darker(tone, 0.22)

        def border(p: Vec, edge: float = edge, tone: RGB = tone, stripe: RGB = stripe) -> RGB:
            return stripe if 6 < edge - p[0] < 7.4 or 8.4 < edge - p[0] < 9.8 else tone

        cloth = Paint(tone, pattern=border, step=0.7, fuzz=0.9)
        towel: Mesh = []
        for fold in range(3):
            at = (0, y + fold * 3.6, 0)
            towel += block((width, 3.9, depth), at, cloth, radius=1.85, puff=0.5)
        groups.append(towel)
        roll = block((width, 11.0, 5), (0, y + 0.1, depth / 2 - 2.3), cloth, radius=2.4)
        groups.append(roll)
        y += 11.2
    render(canvas, *groups, view=View(yaw=-30, pitch=17, width=400, height=360, x=250))
