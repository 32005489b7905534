"""Shelves, racks, cupboards and a bed."""

from __future__ import annotations

from .canvas import Canvas
from .colours import (
    BLACK,
    BLUE,
    BRASS,
    BURGUNDY,
    COGNAC,
    DARK_BROWN,
    GREEN,
    GREY,
    IVORY,
    LEAF,
    MUSTARD,
    NAVY,
    RED,
    RGB,
    TEAL,
    TERRACOTTA,
    WHITE,
    darker,
    lighter,
)
from .scene import View, render
from .solid import (
    Mesh,
    Paint,
    Vec,
    ball,
    block,
    fabric,
    lacquer,
    lathe,
    lifted,
    matt,
    metal,
    move,
    tube,
    turn,
    warp,
    wood,
)


def small_shoe(colour: RGB, at: Vec, *, sole: RGB = WHITE, tall: bool = False) -> Mesh:
    """A shoe seen from its toe, 27 long, for standing on racks."""
    top = 15.0 if tall else 9.5

    def upper(p: Vec) -> Vec:
        x, y, z = p
        back = min(1.0, max(0.0, (6 - z) / 15))
        height = 0.5 + 0.5 * back
        toe = 1 - 0.25 * max(0.0, (z - 7) / 7) ** 2 - 0.12 * max(0.0, -z / 14)
        return x * toe * (1 - 0.28 * (y / top) * (1 - 0.4 * back)), y * height + 1.8, z

    paint = Paint(colour, gloss=0.15, shine=12)
    body = warp(block((9.4, top, 26), (0, 0, 0), paint, radius=4, puff=0.5, cell=2.6), upper)
    base = block((10.0, 2.4, 27.5), (0, 0, 0), matt(sole), radius=1.1, cell=3)
    base = warp(base, lambda p: (p[0] * (1 - 0.22 * max(0.0, (p[2] - 6) / 8) ** 2), p[1], p[2]))
    hole = lathe([(0, 0, 1), (1, 0, 1)], (0, 0, 0), matt(darker(colour, 0.65)), segments=24)
    hole = warp(hole, lambda p: (p[0] * 2.7, top + 1.95, p[2] * 5.4 - 6.3))
    for face in hole:
        face.two_sided = True
    mesh = base + lifted(body, 1) + lifted(hole, 6)
    if not tall:
        for k in range(3):
            z, y = 1.5 + k * 2.3, top * (0.78 - 0.09 * k) + 2.4
            lace = tube([(-2.4, y, z), (0, y + 0.5, z), (2.4, y, z)], 0.45, matt(IVORY), segments=8)
            mesh += lifted(lace, 6)
    return move(mesh, *at)


def _pair(colour: RGB, x: float, y: float, *, sole: RGB = WHITE, tall: bool = False) -> Mesh:
    mesh: Mesh = []
    for shift in (-5.4, 5.4):
        mesh += small_shoe(colour, (x + shift, y, 1), sole=sole, tall=tall)
    return mesh


def shoe_rack(canvas: Canvas, colour: RGB, tiers: int = 3) -> None:
    """Tiers of metal bars between two frames, with shoes on them."""
    bar = metal(colour)
    width, depth, step = 78.0, 28.0, 22.0
    height = tiers * step - 2
    groups: list[Mesh] = []
    back: Mesh = []
    front: Mesh = []
    for x in (-width / 2, width / 2):
        back += tube([(x, 0, -depth / 2), (x, height, -depth / 2)], 1.2, bar)
        front += tube([(x, 0, depth / 2), (x, height, depth / 2)], 1.2, bar)
        front += tube([(x, height, depth / 2), (x, height, -depth / 2)], 1.2, bar)
    groups.append(back)
    shoes: tuple[tuple[tuple[RGB, RGB, bool], ...], ...] = (
        ((BLACK, DARK_BROWN, True), (COGNAC, DARK_BROWN, True), (GREY, WHITE, False)),
        ((RED, WHITE, False), (NAVY, WHITE, False), (COGNAC, DARK_BROWN, False)),
        ((WHITE, WHITE, False), (MUSTARD, WHITE, False), (TEAL, WHITE, False)),
    )
    for tier in range(tiers):
        y = 6 + tier * step
        shelf: Mesh = []
        for k in range(6):
            z = -depth / 2 + depth * k / 5
            shelf += tube([(-width / 2, y, z), (width / 2, y, z)], 0.7, bar, segments=10)
        groups.append(shelf)
        row: Mesh = []
        for k, (tone, sole, tall) in enumerate(shoes[tier % 3]):
            row += _pair(tone, (k - 1) * 24.5, y + 0.8, sole=sole, tall=tall and step > 20)
        groups.append(row)
        groups.append(tube([(-width / 2, y, depth / 2), (width / 2, y, depth / 2)], 0.9, bar))
    groups.append(front)
    render(canvas, *groups, view=View(yaw=-24, pitch=16, width=420, height=390))


def shoe_bench(canvas: Canvas, colour: RGB, cushion: RGB) -> None:
    """A bench with a padded seat over an open shelf of shoes."""
    width, depth, height = 100.0, 36.0, 44.0
    paint, side = wood(colour, axis=0), wood(colour, axis=1)
    shell = block((width - 4, height - 6, 1), (0, 4, -depth / 2 + 1), wood(darker(colour, 0.4)))
    low = block((width, 2.6, depth), (0, 4, 0), paint)
    left = block((2.8, height, depth), (-width / 2, 0, 0), side)
    middle = block((2.4, height - 4, depth - 2), (0, 4, 0), side)
    right = block((2.8, height, depth), (width / 2, 0, 0), side)
    shelf = block((width, 2.0, depth - 1), (0, 24, 0), paint)
    top = block((width + 5, 2.8, depth + 3), (0, height, 0), paint, radius=0.6)
    pad = block((width + 1, 7, depth), (0, height + 2.8, 0), fabric(cushion), radius=3, puff=1.4)
    lower: Mesh = []
    upper: Mesh = []
    for x, one, two in ((-37, RED, NAVY), (-13, BLACK, GREY), (13, TEAL, COGNAC), (37, NAVY, RED)):
        lower += _pair(one, x, 6.6)
        upper += _pair(two, x, 26)
    view = View(yaw=-22, pitch=13, width=430, height=380)
    render(canvas, shell + left, low, lower, shelf, upper, middle, right, top, pad, view=view)


_SPINES = (BURGUNDY, NAVY, MUSTARD, TEAL, IVORY, TERRACOTTA, GREEN, GREY, BLUE, WHITE, RED)


def _books(x: float, y: float, room: float, z: float, first: int, *, height: float = 20) -> Mesh:
    """A row of books standing on a shelf, from x to x + room."""
    mesh: Mesh = []
    spot, index = x, first
    while True:
        thick = 3.0 + (index * 7 % 5) * 0.7
        if spot + thick > x + room:
            return mesh
        tall = height * (0.82 + (index * 5 % 7) * 0.03)
        book = block((thick - 0.2, tall, 15), (0, 0, 0), matt(_SPINES[index % 11]), radius=0.3)
        mesh += move(book, spot + thick / 2, y, z)
        spot += thick
        index += 3


def _vase(x: float, y: float, colour: RGB) -> Mesh:
    profile = [(0, 0, 1), (4, 0, 1), (6, 6), (3, 13), (3.4, 16, 1), (2.6, 16, 1), (2.4, 12, 1)]
    return lathe(profile, (x, y, 0), lacquer(colour), segments=36)  # type: ignore[arg-type]


def _plant(x: float, y: float) -> Mesh:
    pot = lathe([(0, 0, 1), (5, 0, 1), (6.2, 9, 1), (0, 8.6, 1)], (x, y, 0), matt(TERRACOTTA))
    for k in range(9):
        lean = (k * 40 % 90) - 45
        leaf = ball(2.6, (0, 5, 0), matt(LEAF if k % 2 else lighter(LEAF, 0.15)), squash=2.2)
        pot += lifted(move(turn(turn(leaf, lean, "z"), k * 40, "y"), x, y + 9, 0), 2)
    return pot


def bookcase(canvas: Canvas, colour: RGB, *, columns: int, rows: int, painted: bool) -> None:
    """Shelves with books: a tall case (one column) or a grid of cubes."""
    cell = 72.0 if columns == 1 else 36.0
    step = 34.0 if columns == 1 else 37.0
    width, depth, height = columns * cell + 3, 28.0, rows * step + 6
    flat = lacquer(colour) if painted else wood(colour, axis=0)
    side = lacquer(colour) if painted else wood(colour, axis=1)
    back = block((width, height - 2, 1), (0, 1, -depth / 2), matt(darker(colour, 0.3)))
    left = block((3, height, depth), (-width / 2, 0, 0), side)
    right = block((3, height, depth), (width / 2, 0, 0), side)
    groups = [back, left]
    for row in range(rows):
        y = 3 + row * step
        groups.append(block((width, 2.6, depth), (0, y, 0), flat))
        for column in range(columns):
            x = -width / 2 + 2.5 + column * cell
            kind = (row * 2 + column) % 6 if columns > 1 else row
            stuff: Mesh = []
            y0 = y + 2.6
            if columns == 1:
                room = (66, 40, 60, 34, 50)[row % 5]
                shift = (0, 26, 0, 0, 16)[row % 5]
                stuff += _books(x + shift, y0, room, 2, row * 4, height=24)
                if row % 5 == 1:
                    stuff += _vase(x + 12, y0, BLUE)
                if row % 5 == 3:
                    stuff += _plant(x + 54, y0)
            elif kind in (0, 3, 5):
                stuff += _books(x, y0, 30, 2, row + column * 2, height=25)
            elif kind == 1:
                stuff += _plant(x + 16, y0)
            elif kind == 2:
                stuff += block((28, 22, 22), (x + 16, y0, 0), fabric(GREY), radius=1)
            else:
                stuff += _vase(x + 16, y0, TEAL)
            groups.append(stuff)
            if column < columns - 1:
                wall = block((2.4, step, depth - 0.5), (x + cell - 1, y + 1, 0), side)
                groups.append(wall)
    groups.append(right)
    groups.append(block((width + 3, 3, depth + 1), (0, height, 0), flat, radius=0.5))
    render(canvas, *groups, view=View(yaw=-24, pitch=9, width=380, height=432))


def wardrobe(canvas: Canvas, colour: RGB) -> None:
    """Two panelled doors, a plinth and long handles."""
    width, depth, height = 104.0, 56.0, 190.0
    paint = lacquer(colour)
    body = block((width, height, depth), (0, 7, 0), paint, radius=0.6)
    body += block((width - 4, 7, depth - 4), (0, 0, -1), lacquer(darker(colour, 0.25)))
    top = block((width + 5, 5, depth + 5), (0, height + 7, 0.5), paint, radius=1)
    front = depth / 2
    gaps = block((width - 3, height - 6, 0.4), (0, 10, front), matt(darker(colour, 0.45)))
    doors: Mesh = []
    grooves: Mesh = []
    panels: Mesh = []
    handles: Mesh = []
    for side in (-1, 1):
        x = side * (width / 4 - 0.4)
        doors += block((width / 2 - 3.2, height - 9, 2), (x, 11.5, front), paint, radius=0.5)
        for y, tall in ((20.0, 66.0), (94.0, 96.0)):
            groove = matt(darker(colour, 0.22))
            grooves += block((36, tall, 0.5), (x, y, front + 1), groove, radius=0.1)
            panels += block((33.4, tall - 2.6, 1.2), (x, y + 1.3, front + 1), paint, radius=0.6)
        bar: list[Vec] = [(side * 4.6, 84, front + 4), (side * 4.6, 114, front + 4)]
        handles += tube(bar, 1.2, metal(BRASS))
    view = View(yaw=-27, pitch=9, width=380, height=430, x=248)
    render(canvas, body, top, gaps, doors, grooves, panels, handles, view=view)


def bed(canvas: Canvas, colour: RGB, duvet: RGB) -> None:
    """A double bed with a wooden headboard, two pillows and a duvet."""
    width, length = 160.0, 200.0
    paint, side = wood(colour, axis=0, pitch=2), wood(colour, axis=2, pitch=2)
    head: Mesh = []
    for k in range(3):
        board = block((width + 8, 26, 5), (0, 24 + k * 27, -length / 2 - 2), paint, radius=1)
        head += board
    for x in (-width / 2 - 4, width / 2 + 4):
        head += block((6, 106, 6), (x, 0, -length / 2 - 2), wood(colour, axis=1), radius=0.8)
    frame = block((width + 6, 20, length), (0, 14, 0), side, radius=1)
    board = block((width + 7, 20, 2), (0, 14, length / 2), paint, radius=0.8)
    legs: Mesh = []
    for x in (-width / 2, width / 2):
        legs += block((7, 15, 7), (x, 0, length / 2 - 5), paint, radius=0.5)
    sheet_paint = fabric(WHITE, 0.3)
    mattress = block((width, 17, length - 4), (0, 33, 0), sheet_paint, radius=5)
    cover = block(
        (width + 5, 21, length * 0.66), (0, 33, 33), fabric(duvet, 0.35), radius=7, puff=2
    )
    fold = block((width + 6, 6, 26), (0, 51.5, -25), sheet_paint, radius=3, puff=0.6)
    pillows: Mesh = []
    for x in (-38.0, 38.0):
        pillow = block((64, 15, 40), (0, 0, 0), sheet_paint, radius=7, puff=4)
        pillows += move(turn(pillow, 24, "x"), x, 53, -72)
    view = View(yaw=-32, pitch=20, width=430, height=390)
    render(canvas, legs, head, frame, board, mattress, pillows, cover, fold, view=view)
