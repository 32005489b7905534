"""Chairs, stools and sofas."""

from __future__ import annotations

from math import cos, pi, sin

from .canvas import Canvas
from .colours import BLACK, OAK, RGB, WALNUT
from .scene import View, render
from .solid import (
    Mesh,
    Paint,
    Vec,
    ball,
    block,
    fabric,
    lathe,
    leather,
    lifted,
    matt,
    metal,
    move,
    ring,
    tube,
    turn,
    velvet,
    warp,
    wood,
)


def _leg(top: Vec, foot: Vec, paint: Paint, thick: tuple[float, float] = (1.9, 1.2)) -> Mesh:
    return tube([top, foot], thick, paint)


def _legs(width: float, depth: float, height: float, paint: Paint, splay: float = 2.0) -> Mesh:
    """Four tapered legs under something of that width and depth."""
    mesh: Mesh = []
    for x in (-width / 2, width / 2):
        for z in (-depth / 2, depth / 2):
            side, front = (1 if x > 0 else -1), (1 if z > 0 else -1)
            foot = (x + splay * side, 0.0, z + splay * front)
            mesh += _leg((x, height, z), foot, paint, (2.4, 1.4))
    return mesh


def _bowed(mesh: Mesh, depth: float, half: float) -> Mesh:
    """Bent backwards towards its middle, as the back of a chair is."""
    return warp(mesh, lambda p: (p[0], p[1], p[2] - depth * (1 - (p[0] / half) ** 2)))


def dining_chair(canvas: Canvas, colour: RGB, back: str, seat: RGB | None = None) -> None:
    """A wooden chair; `back` is spindles or slats, `seat` an upholstered pad."""
    frame = wood(colour, axis=0, pitch=0.9, grain=0.14 if sum(colour) > 200 else 0.06)
    upright = Paint(colour, gloss=0.1)
    mesh = block((45, 3.6, 43), (0, 43.4, 0), frame, radius=1.5)
    for x in (-19.0, 19.0):
        mesh += _leg((x, 44, 18), (x * 1.1, 0, 20), upright, (2.1, 1.5))
        mesh += _leg((x * 0.95, 90, -25), (x, 45, -19), upright, (1.5, 2.0))
        mesh += _leg((x, 46, -19), (x * 1.1, 0, -23), upright, (2.0, 1.5))
        mesh += tube([(x * 1.05, 22, 19), (x * 1.05, 22, -21)], 1.0, upright)
    mesh += tube([(-20, 22, -1), (20, 22, -1)], 1.0, upright)
    top = block((44, 9 if back == "slats" else 7, 2.4), (0, 83, -24.5), frame, radius=1.1)
    mesh += _bowed(top, 3.0, 22)
    if back == "spindles":
        for k in range(-3, 4):
            x = k * 4.9
            bow = 3.0 * (1 - (x / 22) ** 2)
            mesh += tube([(x * 0.9, 46, -19), (x, 85, -24.5 - bow)], 0.75, upright)
    else:
        for y, z in ((58, -20.5), (70.5, -22.5)):
            mesh += _bowed(block((40, 6.5, 1.8), (0, y, z), frame, radius=0.8), 3.0, 22)
    if seat:
        mesh += block((42, 4, 40), (0, 46.4, 0.5), fabric(seat), radius=1.9, puff=1.0)
    render(canvas, mesh, view=View(yaw=-32, pitch=14, height=420))


def office_chair(canvas: Canvas, colour: RGB) -> None:
    """A swivel chair on five castors, with armrests."""
    base, cloth = matt(BLACK), fabric(colour)
    mesh: Mesh = []
    for k in range(5):
        angle = 2 * pi * k / 5 + 0.35
        x, z = 31 * cos(angle), 31 * sin(angle)
        mesh += tube([(0, 12, 0), (x, 7.5, z)], (3.2, 1.9), metal((96, 99, 104)))
        mesh += ball(3.4, (x, 3.4, z), base)
    mesh += tube([(0, 10, 0), (0, 26, 0)], 2.9, base)
    mesh += tube([(0, 25, 0), (0, 42, 0)], 1.7, metal((190, 193, 198)))
    mesh += block((26, 4, 24), (0, 41, 0), base, radius=1)
    mesh += block((52, 9, 52), (0, 45, 2), cloth, radius=4.2, puff=1.8, cell=3)
    mesh += tube([(0, 43, -18), (0, 46, -29), (0, 60, -31)], 2.4, base)
    back = block((47, 58, 6), (0, 58, -26), cloth, radius=2.9, puff=1.2, cell=3.2)
    back = warp(back, lambda p: (p[0] * (1 - 0.0022 * max(0.0, p[1] - 85)), p[1], p[2]))
    mesh += turn(_bowed(back, 5.0, 24), -7, "x", (0, 58, -26))
    for x in (-30.0, 30.0):
        mesh += tube([(x * 0.8, 43, -2), (x, 45, -2), (x, 66, -2)], 1.9, base)
        mesh += block((7.5, 3.4, 28), (x, 65, -1), matt(BLACK), radius=1.6)
    render(canvas, mesh, view=View(yaw=-30, pitch=12, height=436))


def bar_stool(canvas: Canvas, colour: RGB, seat: RGB) -> None:
    """A tall stool of metal tube with a round wooden seat and a foot ring."""
    bar = metal(colour)
    mesh = lathe(
        [(0, 72, 1), (16, 72, 1), (17.5, 73), (17.5, 75), (16, 76, 1), (0, 76, 1)],
        (0, 0, 0),
        wood(seat, axis=0, pitch=0.8),
    )
    mesh += lathe([(0, 70.6, 1), (14, 70.6, 1), (14, 72, 1), (0, 72, 1)], (0, 0, 0), bar)
    for k in range(4):
        angle = pi / 4 + k * pi / 2
        top = (12 * cos(angle), 71.0, 12 * sin(angle))
        mesh += tube([top, (22 * cos(angle), 0, 22 * sin(angle))], 1.25, bar)
    mesh += ring(18.3, 1.0, (0, 26, 0), bar)
    mesh += ring(14.6, 0.8, (0, 54, 0), bar)
    render(canvas, mesh, view=View(yaw=-20, pitch=16, height=428))


def _covering(colour: RGB, cover: str) -> Paint:
    return {"velvet": velvet, "leather": leather}.get(cover, fabric)(colour)


def armchair(
    canvas: Canvas,
    colour: RGB,
    *,
    cover: str = "fabric",
    width: float = 76,
    back: float = 84,
    arm: float = 60,
    legs: RGB = OAK,
    view: View | None = None,
) -> None:
    """A padded chair with arms, on four wooden legs."""
    cloth = _covering(colour, cover)
    inner = width - 30
    mesh = _legs(width - 18, 52, 18, Paint(legs, gloss=0.15), 3)
    mesh += block((inner + 6, 14, 64), (0, 16, 0), cloth, radius=2.5)
    rest = block((width - 12, back - 28, 17), (0, 28, -25), cloth, radius=7.5, puff=1.5)
    rest = warp(rest, lambda p: (p[0] * (1 + 0.0012 * (p[1] - 60)), p[1], p[2]))
    mesh += turn(rest, -9, "x", (0, 30, -25))
    for side in (-1, 1):
        wing = block((15, arm - 16, 68), (side * (width - 15) / 2, 15, 1), cloth, radius=6.5)
        mesh += turn(wing, -side * 2, "z", (side * width / 2, 20, 0))
    mesh += block((inner - 1, 15, 57), (0, 31.5, 8), cloth, radius=5.5, puff=1.6)
    render(canvas, mesh, view=view or View(yaw=-30, pitch=15, width=390, height=390, x=246))


def sofa(
    canvas: Canvas,
    colour: RGB,
    *,
    seats: int,
    cover: str = "fabric",
    legs: RGB = WALNUT,
    cushions: tuple[RGB, ...] = (),
    low_arms: bool = False,
) -> None:
    """A sofa with as many seat and back cushions as it seats people."""
    cloth = _covering(colour, cover)
    inner = seats * 62.0
    width = inner + 34
    arm = 34 if low_arms else 44
    mesh = _legs(width - 22, 66, 15, Paint(legs, gloss=0.15), 2)
    mesh += block((inner + 8, 15, 84), (0, 13, 0), cloth, radius=2.5)
    mesh += block((width - 6, 52, 16), (0, 26, -35), cloth, radius=6.5)
    for k in range(seats):
        x = -inner / 2 + 62 * (k + 0.5)
        pad = block((61, 40, 17), (x, 42, -22), cloth, radius=7.5, puff=3.2)
        mesh += turn(pad, -12, "x", (0, 42, -22))
        mesh += block((61.4, 17, 66), (x, 29.5, 10), cloth, radius=5.5, puff=1.6)
    for side in (-1, 1):
        x = side * (width - 17) / 2
        mesh += block((17, arm + 3, 86), (x, 12.5, 1), cloth, radius=7)
    for index, tone in enumerate(cushions):
        x = (inner / 2 - 26) * (1 if index else -1)
        pillow = block((42, 40, 4), (0, 0, 0), fabric(tone), radius=1.9, puff=7, puffed=(2,))
        pillow = turn(turn(pillow, 12 - 24 * index, "z"), -20, "x")
        mesh += lifted(move(pillow, x, 48, 4), 18)
    render(canvas, mesh, view=View(yaw=-24, pitch=15, width=440, height=330, x=252, y=262))
