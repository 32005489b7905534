"""Mirrors, rugs, pots, vases, cushions and clocks."""

from __future__ import annotations

from math import cos, pi, sin

from .canvas import Canvas
from .colours import LEAF, RGB, darker, lighter, mix, noise
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
    matt,
    metal,
    move,
    patterned,
    ring,
    sheet,
    smooth,
    tube,
    turn,
    warp,
    wood,
)


def mirror(canvas: Canvas, colour: RGB) -> None:
    """A round mirror in a thin frame, with the reflection of a bright room."""

    def glass(p: Vec) -> RGB:
        u, v = p[0], p[1]
        base = mix((206, 218, 226), (150, 168, 182), v)
        sweep = (u + v * 0.75) % 2
        edge = min(abs(sweep - 0.63) - 0.11, abs(sweep - 0.83) - 0.03)
        return mix(base, (250, 252, 254), 0.62 * min(1.0, max(0.0, 0.5 - edge / 0.014)))

    def spot(u: float, v: float) -> Vec:
        y = (0.5 - v) * 2
        half = max(0.0, 1 - y * y) ** 0.5
        return (2 * u - 1) * half * 30, y * 30, 0.0

    def square(p: Vec) -> RGB:
        x, y, _ = spot(p[0], p[1])
        return glass((x / 60 + 0.5, 0.5 - y / 60, 0.0))

    pane = sheet(spot, 150, 150, patterned(square, 0, glow=0.9))
    back = move(ring(30.6, 1.5, (0, 0, 0), metal(colour), upright=True), z=0.4)
    view = View(yaw=-16, pitch=2, width=400, height=410, shadow="wall", distance=6)
    render(canvas, pane, back, view=view)


def rug(canvas: Canvas, ground: RGB, first: RGB, second: RGB) -> None:
    """A woven rug with a border, rows of diamonds and fringes, lying on the floor."""

    def weave(p: Vec) -> RGB:
        u, v = p[0], p[1]
        edge = min(u * 1.6, (1 - u) * 1.6, v, 1 - v)
        if edge < 0.045:
            return first
        if edge < 0.075:
            return ground
        if edge < 0.1:
            return second
        row, column = (v - 0.1) / 0.8 * 4, (u - 0.0625) / 0.875 * 7
        dx, dy = abs(column % 1 - 0.5), abs(row % 1 - 0.5)
        spread = dx + dy
        tones = (first, second) if (int(row) + int(column)) % 2 else (second, first)
        if spread < 0.16:
            return ground
        if spread < 0.3:
            return tones[1]
        return tones[0] if spread < 0.44 else ground

    width, depth = 160.0, 100.0
    paint = Paint(ground, pattern=weave, fuzz=0.7)

    def spot(u: float, v: float) -> Vec:
        wave = 0.8 * noise(u * 4 + 3, v * 3)
        return (u - 0.5) * width, 1 + wave, (v - 0.5) * depth

    cloth = sheet(spot, 168, 110, paint)
    fringe: Mesh = []
    for k in range(46):
        z = (k / 45 - 0.5) * (depth - 1.5)
        for side in (-1, 1):
            x = side * width / 2
            end = (x + side * (7 + noise(k * 1.7, side)), 0.4, z + noise(k * 2.3, side + 5))
            fringe += tube([(x, 1, z), end], (0.45, 0.3), matt(lighter(ground, 0.2)), segments=6)
    view = View(yaw=-24, pitch=42, width=456, height=380)
    render(canvas, fringe, cloth, view=view)


def cushion(canvas: Canvas, colour: RGB) -> None:
    """A plump square cushion with piping, standing on one edge, leaning back."""
    pillow = block(
        (44, 44, 5),
        (0, 0, 0),
        Paint(colour, fuzz=0.5, gloss=0.12, shine=5),
        radius=2.4,
        puff=10,
        puffed=(2,),
        cell=1.6,
    )

    def soft(p: Vec) -> Vec:
        x, y, z = p[0] / 22, (p[1] - 22) / 22, p[2]
        pull_x = 1 - 0.07 * (1 - y * y)
        pull_y = 1 - 0.07 * (1 - x * x)
        crease = 0.5 * noise(x * 3 + 9, y * 3) * (abs(x * y) ** 0.5)
        return x * 22 * pull_y * pull_x, 22 + y * 22 * pull_x * pull_y, z * (1 + 0.25 * crease)

    pillow = warp(pillow, soft)
    edge: list[Vec] = []
    for k in range(81):
        t = k / 80 * 4
        side, along = int(t) % 4, (t % 1) * 2 - 1
        corner = ((along, -1), (1, along), (-along, 1), (-1, -along))[side]
        place = soft((corner[0] * 22, 22 + corner[1] * 22, 0))
        edge.append((place[0], place[1], 0.0))
    piping = tube(edge, 0.75, matt(darker(colour, 0.25)), segments=10)
    tilted = [turn(mesh, -12, "x") for mesh in (piping, pillow)]
    view = View(yaw=-26, pitch=8, width=380, height=390, x=250)
    render(canvas, tilted[0] + tilted[1], view=view)


def _blade(at: Vec, reach: float, height: float, turned: float, paint: Paint, wide: float) -> Mesh:
    """One leaf, rising from the soil and bending outwards."""

    def spot(u: float, v: float) -> Vec:
        across = (u - 0.5) * wide * (sin(pi * min(1.0, 0.18 + v * 0.82)) ** 0.8)
        return reach * v * v + abs(u - 0.5) * 0.8, height * (v - 0.28 * v * v * v), across

    return move(turn(sheet(spot, 6, 16, paint), turned, "y"), *at)


def plant_pot(
    canvas: Canvas, colour: RGB, *, plant: str, saucer: bool = False, stand: RGB | None = None
) -> None:
    """A flower pot with a plant in it (leafy or upright), maybe on a saucer or a stand."""
    lift = 14.0 if stand else (2.0 if saucer else 0.0)
    glaze = matt(colour) if saucer else lacquer(colour)
    groups: list[Mesh] = []
    if stand:
        legs: Mesh = []
        for k in range(4):
            angle = pi / 4 + pi / 2 * k
            c, s = 14.6 * cos(angle), 14.6 * sin(angle)
            legs += tube([(c, 0, s), (c, 27, s)], 1.3, wood(stand, axis=1))
        for k in range(2):
            angle = pi / 4 + pi / 2 * k
            c, s = 14 * cos(angle), 14 * sin(angle)
            legs += tube([(c, 11, s), (-c, 11, -s)], 1.1, Paint(stand))
    if saucer:
        dish: list[Knot] = [
            (0, 0, 1),
            (11, 0, 1),
            (13, 2.4, 1),
            (12.2, 2.4, 1),
            (10, 1, 1),
            (0, 1, 1),
        ]
        groups.append(lathe(dish, (0, 0, 0), matt(colour)))
    walls: list[Knot] = [(0, 0, 1), (9.4, 0, 1), (12.2, 17.5, 1), (13.4, 17.5, 1), (14, 23, 1)]
    walls += [(13, 23, 1), (12.4, 18, 1)]
    if stand:
        walls = [(0, 0, 1), (10.4, 0, 1), (12.6, 3), (13.4, 22, 1), (12.5, 22, 1), (12.2, 17, 1)]
    pot = lathe(walls, (0, lift, 0), glaze, segments=90)
    soil = lathe([(12.5, 19.6, 1), (0, 20.4, 1)], (0, lift, 0), matt((70, 50, 40)))
    leaves: Mesh = []
    for k in range(16):
        tone = mix(LEAF, (120, 176, 84), (k * 37 % 10) / 10)
        if plant == "upright":
            tall, out, wide = 26 + (k * 7 % 5) * 4.0, 4 + (k % 4) * 4.0, 7.4
        else:
            tall, out, wide = 17 + (k * 7 % 5) * 3.4, 9 + (k * 3 % 4) * 3.4, 8.4
        at = (1.5 * cos(k * 2.4), lift + 20, 1.5 * sin(k * 2.4))
        leaves += _blade(at, out, tall * 1.25, k * 137.5, matt(tone), wide)
    groups += [soil, pot, leaves]
    if stand:
        near = [face for face in legs if sum(p[2] for p in face.points) > 0]
        far = [face for face in legs if sum(p[2] for p in face.points) <= 0]
        groups = [far, *groups, near]
    render(canvas, *groups, view=View(yaw=-20, pitch=12, width=360, height=420, x=250))


def vase(canvas: Canvas, colour: RGB, flower: RGB | None = None) -> None:
    """A glazed vase, with stems of blossom when a colour is given for them."""
    body = lathe(
        [
            (0, 0, 1),
            (6, 0, 1),
            (6.6, 0.8),
            (10.5, 10),
            (9.4, 19),
            (4.4, 26),
            (3.9, 29),
            (5.6, 32.4, 1),
            (4.8, 32.4, 1),
            (3.4, 29, 1),
        ],
        (0, 0, 0),
        lacquer(colour),
        segments=100,
        steps=18,
    )
    hollow = lathe([(4.9, 32.2, 1), (0, 30.5, 1)], (0, 0, 0), matt(darker(colour, 0.7)))
    stems: Mesh = []
    if flower:
        for k, (x, y, z) in enumerate(
            ((-13, 56, 2), (-5, 64, -3), (4, 60, 4), (12, 55, -1), (-1, 52, 6), (17, 47, 4))
        ):
            path: list[Vec] = [(0, 29, 0), (x * 0.3, 40, z * 0.3), (x, y, z)]
            stems += tube(smooth(path), 0.4, matt((86, 110, 60)), segments=8)
            for petal in range(6):
                angle = petal * pi / 3 + k
                spot = (x + 2.7 * cos(angle), y + 2.7 * sin(angle), z)
                stems += ball(2.3, spot, matt(flower if petal % 2 else lighter(flower, 0.2)))
            stems += ball(1.7, (x, y, z + 2.4), matt((240, 200, 80)))
    view = View(yaw=0, pitch=10, width=360, height=425, x=250)
    render(canvas, hollow, stems, body, view=view)
