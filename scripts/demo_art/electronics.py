"""Sound, keys, a camera and a battery."""

from __future__ import annotations

from math import cos, pi, sin

from .canvas import Canvas
from .colours import BLACK, RGB, SILVER, WHITE, darker, lighter, mix
from .curves import Point, rounded
from .scene import View, render
from .solid import (
    Mesh,
    Paint,
    Vec,
    ball,
    block,
    lathe,
    lifted,
    matt,
    metal,
    move,
    patterned,
    ring,
    sheet,
    slab,
    smooth,
    stickers,
    tube,
    turn,
    warp,
    wood,
)


def keyboard(canvas: Canvas, colour: RGB, accent: RGB) -> None:
    """A compact mechanical keyboard."""
    body = block((36, 2.2, 14), (0, 0, 0), matt(darker(colour, 0.25)), radius=0.9)
    keys: Mesh = []
    rows = (
        (1.0,) * 15,
        (1.5, *((1.0,) * 12), 1.5),
        (1.75, *((1.0,) * 11), 2.25),
        (2.25, *((1.0,) * 10), 2.75),
        (1.25, 1.25, 1.25, 6.25, 1.25, 1.25, 1.25, 1.25),
    )
    for index, row in enumerate(rows):
        x = -17.0
        for place, units in enumerate(row):
            wide = units * 34.0 / 15
            special = (index, place) in {(0, 0), (2, 12)} or (index == 4 and place == 3)
            tone = (
                accent
                if special
                else (lighter(colour, 0.1) if units == 1.0 else darker(colour, 0.1))
            )
            cap = block(
                (wide - 0.3, 1.3, 2.2),
                (x + wide / 2, 2.0, -5 + index * 2.5),
                matt(tone),
                radius=0.3,
                cell=9,
            )
            top = 3.3
            keys += warp(
                cap,
                lambda p, m=x + wide / 2, top=top: (  # type: ignore[misc]
                    m + (p[0] - m) * (0.9 if p[1] > top - 0.4 else 1),
                    p[1],
                    p[2],
                ),
            )
            x += wide
    view = View(yaw=-22, pitch=36, width=446, height=330)
    render(canvas, body, keys, view=view)


def headphones(canvas: Canvas, colour: RGB, pad: RGB) -> None:
    """Over-ear headphones with a padded band."""
    arch: list[Vec] = []
    for k in range(33):
        angle = pi * (k / 32)
        arch.append((8.6 * cos(angle), 9 + 9.6 * sin(angle), 0.0))
    outer = tube(arch, 0.62, metal(darker(colour, 0.1)))
    wide = warp(
        tube(arch[7:26], 1.05, matt(colour), segments=20), lambda p: (p[0], p[1], p[2] * 1.7)
    )
    groups = [outer, wide]
    for side in (1, -1):
        arm = tube([(side * 8.6, 9.4, 0), (side * 8.9, 4, 0)], 0.62, metal(SILVER))
        shell = lathe(
            [(0, 0, 1), (3.4, 0.1), (4.3, 1.0), (4.4, 2.2, 1), (0, 2.2, 1)], (0, 0, 0), matt(colour)
        )
        ringed = lathe(
            [(2.6, -0.05, 1), (2.6, -0.3), (0, -0.36, 1)], (0, 0, 0), metal(darker(colour, 0.2))
        )
        soft = lathe(
            [
                (2.2, 2.0, 1),
                (4.2, 2.1),
                (4.6, 3.2),
                (3.8, 4.3),
                (2.4, 4.2),
                (1.9, 3.2, 1),
                (0, 3, 1),
            ],
            (0, 0, 0),
            matt(pad),
        )
        cup = [
            move(
                warp(turn(part, side * 90, "z"), lambda p: (p[0], p[1] * 1.18, p[2])),
                side * 10.4,
                2,
                0,
            )
            for part in (shell + soft, ringed)
        ]
        whole = arm + cup[0] + lifted(cup[1], 1)
        groups = [*groups, whole] if side > 0 else [whole, *groups]
    view = View(yaw=-34, pitch=8, width=390, height=400, x=252)
    render(canvas, [face for group in groups for face in group], view=view)


def speakers(canvas: Canvas, colour: RGB) -> None:
    """A pair of wooden bookshelf speakers with two cones each."""
    groups: list[Mesh] = []
    for x, z in ((12.5, -7.0), (-12.5, 5.0)):
        box = block((19, 31, 22), (x, 0, z), wood(colour, axis=1), radius=0.4)
        front = block((18, 30, 0.6), (x, 0.5, z + 11), matt((38, 38, 42)), radius=0.3)
        cones: Mesh = []
        for y, r in ((11.0, 7.4), (24.0, 3.6)):
            cone = lathe(
                [(r, 0, 1), (r * 0.94, 0.7), (r * 0.82, 0.5, 1), (r * 0.3, -1.2, 1)],
                (0, 0, 0),
                matt((74, 76, 82)),
            )
            rim = ring(r, 0.45, (0, 0.1, 0), metal(SILVER))
            surround = ring(r * 0.87, r * 0.07, (0, 0.2, 0), matt((26, 26, 30)))
            cap = ball(r * 0.34, (0, -0.9, 0), matt((46, 48, 54)), squash=0.6)
            unit = turn(cone + rim + surround + lifted(cap, 1), 90, "x")
            cones += move(unit, x, y, z + 12.0)
        groups += [box, front, cones]
    view = View(yaw=-26, pitch=10, width=410, height=380, x=250)
    render(canvas, *groups, view=view)


def camera(canvas: Canvas, colour: RGB, grip: RGB) -> None:
    """A mirrorless camera with a big lens."""
    body = block((14, 8.4, 4.2), (0, 0, 0), matt(grip), radius=0.7)
    top = block((13.8, 1.9, 4.0), (0, 7.4, 0), metal(colour), radius=0.5)
    hump = block((5.2, 2.6, 4.4), (0, 8.6, 0.1), metal(colour), radius=0.6)
    hump = warp(hump, lambda p: (p[0] * (1 - 0.1 * max(0.0, p[1] - 8.6)), p[1], p[2]))
    shoe = block((2.2, 0.3, 2.2), (0, 11.1, 0), matt(BLACK), radius=0.1)
    handle = block((2.9, 7.2, 2.4), (-5.6, 0.4, 2.6), matt(darker(grip, 0.2)), radius=1.1)
    dials: Mesh = []
    for x, r, z in ((5.0, 1.3, 0.2), (-4.6, 1.0, -0.4)):
        dials += lathe(
            [(0, 9.2, 1), (r, 9.2, 1), (r, 10.3, 1), (0, 10.4, 1)],
            (x, 0, z),
            metal(darker(colour, 0.1)),
        )
    dials += lathe(
        [(0, 9.2, 1), (0.8, 9.2, 1), (0.7, 9.9, 1), (0, 10, 1)], (-6, 0, 1.4), metal(SILVER)
    )
    barrel = lathe(
        [
            (0, 0, 1),
            (4.0, 0, 1),
            (4.0, 1.4, 1),
            (3.7, 1.5, 1),
            (3.7, 3.6, 1),
            (3.9, 3.7, 1),
            (3.9, 6.0, 1),
            (3.6, 6.2, 1),
            (3.2, 5.4, 1),
            (2.9, 4.6, 1),
        ],
        (0, 0, 0),
        Paint((38, 38, 42), gloss=0.5, shine=12),
        segments=96,
    )

    def coating(p: Vec) -> RGB:
        away = ((p[0] - 0.5) ** 2 + (p[1] - 0.5) ** 2) ** 0.5 * 2
        base = mix((120, 90, 190), (16, 20, 44), min(1.0, away * 1.2))
        shine = (p[0] - 0.34) ** 2 + (p[1] - 0.3) ** 2
        return mix(base, (220, 236, 255), max(0.0, 0.85 - shine * 42))

    def disc(u: float, v: float) -> Vec:
        y = (0.5 - v) * 2
        return (2 * u - 1) * max(0.0, 1 - y * y) ** 0.5 * 3.0, y * 3.0, 0.0

    def square(p: Vec) -> RGB:
        x, y, _ = disc(p[0], p[1])
        return coating((x / 6 + 0.5, 0.5 - y / 6, 0.0))

    glass = move(sheet(disc, 50, 50, patterned(square, 0, glow=0.8)), 1.0, 4.3, 2 + 4.8)
    lens = move(turn(barrel, 90, "x"), 1.0, 4.3, 2.0)
    accent = ring(3.95, 0.1, (1.0, 4.3, 2.0 + 3.65), metal((206, 60, 48)), upright=True)
    view = View(yaw=-22, pitch=13, width=410, height=360, x=252)
    render(canvas, body, top, dials, hump, shoe, handle, lens + accent, glass, view=view)


def power_bank(canvas: Canvas, colour: RGB) -> None:
    """A flat battery with charge lights and a plugged-in cable; a bolt on its face."""
    tall, thick = 14.6, 2.2
    body = slab(rounded(-3.7, 0, 3.7, tall, 1.0), thick, matt(colour), bevel=0.35)
    bolt: list[Point] = [
        (0.9, 11.6),
        (-1.7, 8.1),
        (-0.25, 8.1),
        (-0.9, 5.0),
        (1.7, 8.9),
        (0.25, 8.9),
    ]
    marks: list[tuple[list[Point], RGB]] = [(bolt, WHITE)]
    for k in range(4):
        tone = (110, 232, 140) if k < 3 else lighter(colour, 0.2)
        marks.append((rounded(-2.5 + k * 1.4, 1.7, -1.6 + k * 1.4, 2.1, 0.2), tone))
    signs = stickers(marks, thick / 2 + 0.01, 0.8)
    sockets: Mesh = []
    for x, wide in ((-1.7, 1.5), (1.6, 1.1)):
        sockets += block(
            (wide + 0.3, 0.1, 0.8), (x, tall - 0.03, 0), matt((20, 20, 24)), radius=0.04
        )
    plug = block((1.25, 1.0, 0.6), (-1.7, tall - 0.1, 0), metal(SILVER), radius=0.1)
    plug += block((1.9, 2.2, 1.1), (-1.7, tall + 0.8, 0), matt(WHITE), radius=0.3)
    path: list[Vec] = [
        (-1.7, tall + 2.8, 0),
        (-1.7, tall + 4.4, 0),
        (0.6, tall + 6, 0),
        (4.2, tall + 4.6, 0),
        (6.2, tall, 0),
        (6.4, 8, 0),
        (6.8, 3.6, 0),
    ]
    cable = tube(smooth(path), 0.28, matt(WHITE))
    tip = block((0.9, 0.9, 0.4), (6.8, 0.2, 0), metal(SILVER), radius=0.15)
    tip += block((1.5, 2.4, 0.9), (6.8, 1.0, 0), matt(WHITE), radius=0.3)
    view = View(yaw=-24, pitch=16, width=340, height=420, x=250)
    render(canvas, body, signs, sockets, plug, cable + tip, view=view)
