"""Tables and desks."""

from __future__ import annotations

from math import cos, pi, sin, sqrt

from .canvas import Canvas
from .colours import BRASS, OAK, RGB, darker
from .scene import View, render
from .solid import (
    Mesh,
    Paint,
    Vec,
    ball,
    block,
    lacquer,
    lathe,
    metal,
    patterned,
    ring,
    sheet,
    tube,
    wood,
)


def tapered_legs(
    width: float, depth: float, height: float, paint: Paint, *, thick: float = 2.6, splay: float = 1
) -> Mesh:
    mesh: Mesh = []
    for x in (-width / 2, width / 2):
        for z in (-depth / 2, depth / 2):
            dx, dz = (splay if x > 0 else -splay), (splay if z > 0 else -splay)
            mesh += tube([(x, height, z), (x + dx, 0, z + dz)], (thick, thick * 0.6), paint)
    return mesh


def chest(
    canvas: Canvas,
    colour: RGB,
    *,
    drawers: int,
    width: float,
    height: float,
    depth: float = 38,
    leg: float = 18,
    knob: RGB = BRASS,
) -> None:
    """A cabinet of drawers on legs: a bedside table when it is small."""
    body = wood(colour, axis=0)
    side = wood(colour, axis=2)
    legs = tapered_legs(width - 9, depth - 9, leg + 1, Paint(colour, gloss=0.1), splay=2)
    shell = block((width - 2, height - leg - 3, depth - 2), (0, leg, 0), body, radius=0.6)
    cheek = block((1, height - leg - 3, depth - 2), (width / 2 - 0.9, leg, 0), side, radius=0.4)
    top = block((width + 1, 2.6, depth + 1.5), (0, height - 3, 0), body, radius=0.9)
    inner, gap = height - leg - 5, 1.3
    each = (inner - gap * (drawers + 1)) / drawers
    front = depth / 2 - 1
    dark = lacquer(darker(colour, 0.5))
    gaps = block((width - 4, inner, 0.4), (0, leg + 1, front), dark, radius=0.1)
    fronts: Mesh = []
    knobs: Mesh = []
    for k in range(drawers):
        y = leg + 1 + gap + k * (each + gap)
        fronts += block((width - 6.5, each, 1.6), (0, y, front + 0.6), body, radius=0.5)
        for x in (0.0,) if width < 60 else (-width / 4, width / 4):
            knobs += ball(1.8, (x, y + each / 2, front + 3.6), metal(knob))
    view = View(yaw=-30, pitch=15, width=390, height=390, x=248)
    render(canvas, legs, shell, cheek, gaps, fronts, knobs, top, view=view)


def round_table(canvas: Canvas, colour: RGB, *, width: float, height: float) -> None:
    """A low round wooden table on three splayed legs."""
    r = width / 2
    legs: Mesh = []
    for k in range(3):
        angle = 2 * pi * k / 3 + 0.5
        c, s = cos(angle), sin(angle)
        top, foot = (r * 0.55 * c, height - 2, r * 0.55 * s), (r * 0.86 * c, 0, r * 0.86 * s)
        legs += tube([top, foot], (2.7, 1.6), Paint(darker(colour, 0.08), gloss=0.1))
    h = height
    rim_paint = Paint(darker(colour, 0.08), gloss=0.1)
    rim = lathe(
        [(0, h - 3.4, 1), (r - 2.4, h - 3.4, 1), (r, h - 1.4), (r, h - 0.4, 1), (r - 0.6, h, 1)],
        (0, 0, 0),
        rim_paint,
        segments=110,
    )
    surface = wood(colour, axis=0, pitch=1.5)

    def spot(u: float, v: float) -> Vec:
        z = (2 * v - 1) * r
        return (2 * u - 1) * sqrt(max(0.0, r * r - z * z)), h, z

    def boards(place: Vec) -> RGB:
        x, _, z = spot(place[0], place[1])
        return surface.at((x, 0.0, z))

    disc = sheet(spot, 24, 110, patterned(boards, 0))
    view = View(yaw=-18, pitch=24, width=410, height=380, x=248)
    render(canvas, legs, rim, disc, view=view)


def side_table(canvas: Canvas, colour: RGB) -> None:
    """A round tray of metal on a wire frame."""
    paint = metal(colour)
    mesh: Mesh = []
    for k in range(4):
        angle = 2 * pi * k / 4 + 0.45
        c, s = cos(angle), sin(angle)
        mesh += tube([(20 * c, 48, 20 * s), (17.5 * c, 1, 17.5 * s)], 0.9, paint)
    mesh += ring(17.5, 0.9, (0, 1, 0), paint)
    tray = lathe(
        [(0, 47.4, 1), (21, 47.4, 1), (22.5, 48.5), (22.5, 52, 1), (21.8, 52, 1), (21.6, 49, 1)],
        (0, 0, 0),
        paint,
        segments=110,
    )
    top = lathe([(21.6, 49, 1), (0, 49, 1)], (0, 0, 0), paint, segments=110)
    render(canvas, mesh, tray + top, view=View(yaw=-20, pitch=20, width=400, height=410))


def glass_table(canvas: Canvas, colour: RGB) -> None:
    """A rectangular coffee table: a sheet of glass and a shelf in a metal frame."""
    bar = metal(colour)
    width, depth, height = 110.0, 60.0, 42.0
    frame: Mesh = []
    for x in (-width / 2, width / 2):
        for z in (-depth / 2, depth / 2):
            frame += block((2.6, height, 2.6), (x, 0, z), bar, radius=0.3)
    for y in (11.0, height - 2.6):
        for z in (-depth / 2, depth / 2):
            frame += block((width, 2.6, 2.6), (0, y, z), bar, radius=0.3)
        for x in (-width / 2, width / 2):
            frame += block((2.6, 2.6, depth), (x, y, 0), bar, radius=0.3)
    shelf = block((width - 3, 1.6, depth - 3), (0, 11.5, 0), wood(OAK, axis=0), radius=0.3)
    glass = block((width - 1, 1.2, depth - 1), (0, height, 0), lacquer((170, 206, 206)), radius=0.4)
    shine = lacquer((235, 248, 248))
    streak: Mesh = []
    for x in (-30.0, -14.0):
        slab = block((9 if x < -20 else 4, 0.1, depth - 4), (x, height + 1.2, 0), shine)
        streak += [face for face in slab if min(p[1] for p in face.points) > height + 1.25]
    view = View(yaw=-30, pitch=20, width=430, height=380)
    render(canvas, frame + shelf, glass, streak, view=view, opacity=(1, 0.5, 0.35))


def desk(canvas: Canvas, colour: RGB) -> None:
    """A writing desk with two drawers under its top."""
    width, depth, height = 120.0, 58.0, 75.0
    paint = wood(colour, axis=0, pitch=1.6)
    legs = tapered_legs(width - 12, depth - 12, 60, Paint(colour, gloss=0.12), thick=3.0, splay=3)
    box = block((width - 3, 14, depth - 2), (0, 58.5, 0), paint, radius=0.5)
    top = block((width, 2.8, depth), (0, height - 2.8, 0), paint, radius=0.8)
    cheek = block((1, 14, depth - 2), (width / 2 - 1.4, 58.5, 0), wood(colour, axis=2), radius=0.4)
    fronts: Mesh = []
    handles: Mesh = []
    for x in (-29.0, 29.0):
        fronts += block((55, 11, 1.5), (x, 60, depth / 2 - 0.8), paint, radius=0.5)
        bar: list[Vec] = [(x - 7, 66, depth / 2 + 2.6), (x + 7, 66, depth / 2 + 2.6)]
        handles += tube(bar, 0.8, metal(BRASS))
    view = View(yaw=-28, pitch=17, width=430, height=380)
    render(canvas, legs, box, cheek, fronts, handles, top, view=view)
