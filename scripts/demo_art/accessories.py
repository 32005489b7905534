"""Bags, belts, glasses, watches and caps."""

from __future__ import annotations

from math import cos, pi, radians, sin

from .canvas import FABRIC, LEATHER, Canvas
from .colours import BRASS, COGNAC, RGB, SILVER, WHITE, darker, lighter
from .curves import Point, band, curve, ellipse, mirrored, outline, rounded
from .scene import View, render
from .solid import Mesh, Paint, Vec, block, leather, lifted, metal, move, sheet, turn


def handbag(canvas: Canvas, colour: RGB) -> None:
    """A structured leather bag with two handles, a flap and a clasp."""
    far = curve([(188, 214), (192, 110), (256, 70), (320, 110), (324, 214)])
    canvas.fill(band(far, 13), darker(colour, 0.45))
    body = outline(
        *mirrored(
            [
                (256, 190),
                (362, 194, 1),
                (386, 260),
                (412, 400),
                (396, 424, 1),
                (256, 430),
            ]
        )
    )
    canvas.fill(body, (lighter(colour, 0.1), colour, darker(colour, 0.3)), rough=LEATHER)
    with canvas.inside(body):
        canvas.line([*body, body[0]], 26, darker(colour, 0.8), opacity=0.35, blur=10)
        for x in (126, 386):
            gusset = curve([(x, 190), (x - (x - 256) * 0.14, 300), (x + (x - 256) * 0.05, 430)])
            canvas.line(gusset, 2.4, darker(colour, 0.5))
        canvas.line([(110, 410), (402, 410)], 2, darker(colour, 0.5))
        canvas.stitch([(110, 404), (402, 404)], lighter(colour, 0.4))
    flap = outline(
        *mirrored(
            [
                (256, 184),
                (366, 190, 1),
                (374, 250),
                (364, 296),
                (310, 312),
                (256, 322),
            ]
        )
    )
    canvas.fill([(x, y + 7) for x, y in flap], (16, 10, 14), opacity=0.45, blur=5)
    canvas.fill(flap, (lighter(colour, 0.2), colour, darker(colour, 0.12)), rough=LEATHER)
    seam = [(256 + (x - 256) * 0.955, 250 + (y - 250) * 0.92) for x, y in flap]
    canvas.stitch([*seam, seam[0]], lighter(colour, 0.42))
    canvas.line(curve([(170, 206), (256, 198), (342, 206)]), 12, WHITE, opacity=0.28, blur=8)
    near = curve([(176, 236), (178, 132), (256, 84), (334, 132), (336, 236)])
    canvas.line([(x + 3, y + 5) for x, y in near], 13, (16, 10, 14), opacity=0.3, blur=4)
    canvas.fill(band(near, 15), (lighter(colour, 0.22), colour, darker(colour, 0.2)))
    canvas.stitch(near, lighter(colour, 0.4))
    for x in (176, 336):
        canvas.fill(rounded(x - 12, 226, x + 12, 262, 6), (lighter(BRASS, 0.4), BRASS))
        canvas.fill(rounded(x - 6, 234, x + 6, 254, 3), darker(colour, 0.3))
    canvas.fill(rounded(232, 292, 280, 344, 8), (lighter(BRASS, 0.45), darker(BRASS, 0.2)))
    canvas.fill(rounded(239, 299, 273, 337, 5), (BRASS, lighter(BRASS, 0.3)))
    canvas.fill(ellipse(256, 314, 6, 6), darker(BRASS, 0.6))
    canvas.ground_shadow(258, 430, 150, 9, 140)


def backpack(canvas: Canvas, colour: RGB, trim: RGB = COGNAC) -> None:
    """A rucksack with a front pocket, side pockets, zips and straps."""
    for x in (116, 396):
        strap = curve(
            [
                (256 + (x - 256) * 0.5, 90),
                (x, 180),
                (x - (x - 256) * 0.02, 330),
                (256 + (x - 256) * 0.8, 420),
            ]
        )
        canvas.fill(band(strap, 26), darker(colour, 0.5), rough=FABRIC)
    loop = curve([(222, 88), (224, 44), (256, 34), (288, 44), (290, 88)])
    canvas.fill(band(loop, 13), (lighter(trim, 0.1), darker(trim, 0.2)))
    for x in (112, 360):
        canvas.fill(rounded(x, 290, x + 40, 426, 16), darker(colour, 0.32), rough=FABRIC)
    body = outline(
        *mirrored(
            [
                (256, 62),
                (320, 70),
                (366, 120),
                (380, 220),
                (384, 380),
                (368, 438),
                (256, 446),
            ]
        )
    )
    canvas.fill(body, (lighter(colour, 0.14), colour, darker(colour, 0.25)), rough=FABRIC)
    with canvas.inside(body):
        canvas.line([*body, body[0]], 30, darker(colour, 0.8), opacity=0.4, blur=11)
        canvas.line(curve([(190, 110), (180, 180), (182, 250)]), 26, WHITE, opacity=0.2, blur=14)
        lid = curve(
            [(148, 236), (150, 150), (188, 108), (256, 98), (324, 108), (362, 150), (364, 236)]
        )
        canvas.line(lid, 8, darker(colour, 0.55))
        canvas.line(lid, 2.4, SILVER)
        base = rounded(100, 396, 412, 460, 4)
        canvas.fill(base, (trim, darker(trim, 0.35)), rough=LEATHER)
        canvas.stitch([(110, 402), (402, 402)], lighter(trim, 0.4))
    _front_pocket(canvas, colour, trim)
    for x in (208, 304):
        strap = rounded(x - 8, 150, x + 8, 250, 3)
        canvas.fill(strap, (lighter(trim, 0.1), darker(trim, 0.15)), rough=LEATHER)
        canvas.fill(rounded(x - 12, 206, x + 12, 232, 4), (lighter(BRASS, 0.4), BRASS))
        canvas.fill(rounded(x - 7, 211, x + 7, 227, 2), trim)
    canvas.ground_shadow(258, 446, 140, 8, 130)


def _front_pocket(canvas: Canvas, colour: RGB, trim: RGB) -> None:
    pocket = outline(
        *mirrored(
            [
                (256, 258),
                (330, 260),
                (346, 290),
                (346, 390),
                (332, 414),
                (256, 418),
            ]
        )
    )
    canvas.fill([(x, y + 6) for x, y in pocket], (12, 14, 12), opacity=0.45, blur=6)
    canvas.fill(pocket, (lighter(colour, 0.2), colour, darker(colour, 0.12)), rough=FABRIC)
    zipper = curve([(172, 306), (178, 284), (256, 280), (334, 284), (340, 306)])
    canvas.line(zipper, 8, darker(colour, 0.55))
    canvas.line(zipper, 2.4, SILVER)
    canvas.fill(rounded(336, 304, 344, 334, 3), trim)
    canvas.fill(rounded(358, 234, 366, 266, 3), trim)
    canvas.fill(
        rounded(222, 322, 290, 372, 5), (lighter(trim, 0.12), darker(trim, 0.1)), rough=LEATHER
    )
    frame = rounded(227, 327, 285, 367, 4)
    canvas.stitch([*frame, frame[0]], lighter(trim, 0.5))


def belt(canvas: Canvas, colour: RGB) -> None:
    """A leather belt, buckled into a loop."""
    rx, rz, tall = 18.0, 12.5, 4.2

    def spot(u: float, v: float) -> Vec:
        angle = pi / 2 + 0.1 + u * (2 * pi - 0.02)
        swell = 1 + 0.05 * u
        return rx * swell * cos(angle), (1 - v) * tall, rz * swell * sin(angle)

    def hide(p: Vec) -> RGB:
        u, v = p[0], p[1]
        if 0.1 < v < 0.14 or 0.86 < v < 0.9:
            return lighter(colour, 0.3) if int(u * 150) % 2 else colour
        return colour if 0.03 < v < 0.97 else darker(colour, 0.3)

    loop = sheet(spot, 150, 30, Paint(colour, pattern=hide, gloss=0.22, shine=10))

    def end(u: float, v: float) -> Vec:
        angle = pi / 2 + 0.12 - u * 0.95
        point = 0.5 + (v - 0.5) * (1 if u < 0.9 else 1 - (u - 0.9) * 7)
        return rx * 1.07 * cos(angle), (1 - point) * tall, rz * 1.07 * sin(angle)

    tail = sheet(end, 40, 30, Paint(colour, pattern=hide, gloss=0.22, shine=10), bias=3)
    holes: Mesh = []
    for k in range(5):
        angle = pi / 2 - 0.14 - k * 0.115
        hole = block(
            (0.5, 0.5, 0.2),
            (rx * 1.09 * cos(angle), tall / 2 - 0.25, rz * 1.09 * sin(angle)),
            Paint((30, 20, 16)),
            radius=0.2,
        )
        holes += lifted(hole, 6)
    gold = metal(BRASS)
    buckle: Mesh = []
    for x in (-3.1, 3.1):
        buckle += block((0.9, tall + 2.2, 0.9), (x - 0.6, -1.1, 0), gold, radius=0.4)
    for y in (-1.1, tall + 0.2):
        buckle += block((7.1, 0.9, 0.9), (-0.6, y, 0), gold, radius=0.4)
    buckle += block((5.6, 0.7, 0.8), (-0.2, tall / 2 - 0.35, 0.4), gold, radius=0.3)
    buckle = lifted(move(buckle, z=rz * 1.09 + 0.4), 9)
    keeper = block((1.6, tall + 0.9, 0.9), (0, -0.45, 0), leather(darker(colour, 0.2)), radius=0.3)
    keeper = lifted(_at_angle(keeper, pi / 2 - 0.42, rx * 1.08, rz * 1.08), 8)
    view = View(yaw=-14, pitch=26, width=430, height=330)
    render(canvas, loop, tail + holes, buckle + keeper, view=view)


def _at_angle(mesh: Mesh, angle: float, rx: float, rz: float) -> Mesh:
    turned = turn(mesh, 90 - angle * 180 / pi, "y")
    return move(turned, rx * cos(angle), 0, rz * sin(angle))


def sunglasses(canvas: Canvas, frame: RGB, lens: RGB) -> None:
    """Sunglasses from the front, their arms open behind."""
    for side in (1, -1):
        arm = curve([(256 + side * 186, 214), (256 + side * 170, 176), (256 + side * 118, 158)])
        canvas.fill(band(arm, 11), darker(frame, 0.1))
        tip = curve([(256 + side * 118, 158), (256 + side * 96, 158), (256 + side * 86, 176)])
        canvas.fill(band(tip, 10), darker(frame, 0.2))
    for side in (1, -1):
        x = 256 + side * 100

        def at(dx: float, dy: float, x: float = x, side: int = side) -> Point:
            return x + side * dx, 256 + dy

        rim = outline(
            at(-76, -46),
            at(0, -62),
            at(84, -58),
            at(96, -40),
            at(84, 20),
            at(50, 66),
            at(-10, 74),
            at(-58, 48),
            at(-80, -6),
        )
        glass = outline(
            at(-64, -36),
            at(0, -48),
            at(70, -44),
            at(80, -32),
            at(70, 16),
            at(42, 54),
            at(-10, 60),
            at(-48, 38),
            at(-66, -4),
        )
        canvas.fill(rim, (lighter(frame, 0.22), frame, darker(frame, 0.3)))
        canvas.fill(glass, (darker(lens, 0.5), lens, lighter(lens, 0.25)))
        with canvas.inside(glass):
            for shift, width in ((0, 26), (40, 9)):
                shine: list[Point] = [(x - 60 + shift, 320), (x + 20 + shift, 190)]
                canvas.line(shine, width, WHITE, opacity=0.22, blur=2)
        canvas.line(
            curve([at(-70, -48), at(0, -58), at(80, -54)]), 3, WHITE, opacity=0.35, blur=1.5
        )
        hinge = at(84, -46)
        canvas.fill(ellipse(hinge[0], hinge[1], 4, 4), SILVER)
    bridge = curve([(228, 222), (256, 208), (284, 222)])
    canvas.fill(band(bridge, 16), (lighter(frame, 0.25), darker(frame, 0.15)))
    canvas.fit(430, 300)
    canvas.ground_shadow(256, 352, 170, 9, 90)


def watch(canvas: Canvas, strap: RGB, case: RGB, dial: RGB) -> None:
    """A wrist watch with a leather strap, from above."""
    for flip in (1, -1):
        shape = [
            (x, y if flip > 0 else 512 - y)
            for x, y in outline(
                (222, 180, 1),
                (226, 100),
                (232, 24, 1),
                (256, 18),
                (280, 24, 1),
                (286, 100),
                (290, 180, 1),
            )
        ]
        canvas.fill(
            shape,
            (darker(strap, 0.3), lighter(strap, 0.12), darker(strap, 0.3)),
            direction="h",
            rough=LEATHER,
        )
        for x in (231, 281):
            y0, y1 = (34, 176) if flip > 0 else (336, 478)
            canvas.stitch(
                [(x + (3 if x < 256 else -3) * (flip > 0), y0), (x, y1)], lighter(strap, 0.5)
            )
    for k in range(4):
        canvas.fill(ellipse(256, 404 + k * 20, 3.6, 3.6), darker(strap, 0.75))
    canvas.line([*rounded(226, 14, 286, 44, 8), (226, 30)], 6, lighter(case, 0.1))
    canvas.line([(256, 16), (256, 48)], 5, case)
    for x in (224, 288):
        canvas.fill(rounded(x - 9, 156, x + 9, 356, 8), (lighter(case, 0.3), darker(case, 0.3)))
    canvas.fill(rounded(352, 244, 376, 268, 5), (lighter(case, 0.4), darker(case, 0.35)))
    canvas.fill(
        ellipse(256, 256, 106, 106), (lighter(case, 0.5), case, darker(case, 0.35)), direction="d"
    )
    canvas.fill(ellipse(256, 256, 92, 92), (darker(case, 0.45), lighter(case, 0.35)), direction="d")
    canvas.fill(ellipse(256, 256, 86, 86), (lighter(dial, 0.06), darker(dial, 0.06)))
    ink = darker(case, 0.7) if sum(dial) > 380 else lighter(case, 0.5)
    for minute in range(60):
        c, s = sin(radians(minute * 6)), -cos(radians(minute * 6))
        start = 64 if minute % 15 == 0 else (70 if minute % 5 == 0 else 78)
        width = 5 if minute % 15 == 0 else (3.4 if minute % 5 == 0 else 1.2)
        canvas.line([(256 + start * c, 256 + start * s), (256 + 81 * c, 256 + 81 * s)], width, ink)
    for degrees, length, width in ((-54, 46, 6.5), (58, 66, 4.6)):
        c, s = sin(radians(degrees)), -cos(radians(degrees))
        tip = (256 + length * c, 256 + length * s)
        canvas.line([(258, 260), (tip[0] + 2, tip[1] + 4)], width, (0, 0, 0), opacity=0.25, blur=2)
        canvas.line([(256 - 10 * c, 256 - 10 * s), tip], width, ink)
    canvas.line([(256, 276), (256, 184)], 1.6, (206, 52, 46))
    canvas.fill(ellipse(256, 256, 5.5, 5.5), ink)
    with canvas.inside(ellipse(256, 256, 86, 86)):
        canvas.line([(186, 300), (290, 170)], 26, WHITE, opacity=0.16, blur=4)
    canvas.turned(-14, zoom=0.97)
    canvas.drop_shadow()


def cap(canvas: Canvas, colour: RGB) -> None:
    """A baseball cap, its peak to the left."""
    crown = outline(
        (176, 330, 1),
        (168, 250),
        (204, 166),
        (290, 118),
        (376, 144),
        (432, 220),
        (446, 318, 1),
        (396, 336),
        (300, 346),
        (220, 342),
    )
    canvas.fill(crown, (lighter(colour, 0.16), colour, darker(colour, 0.25)), rough=FABRIC)
    with canvas.inside(crown):
        canvas.line([*crown, crown[0]], 34, darker(colour, 0.8), opacity=0.4, blur=12)
        canvas.line(curve([(206, 290), (214, 210), (270, 150)]), 34, WHITE, opacity=0.2, blur=16)
        for points in (
            [(296, 118), (252, 190), (236, 342)],
            [(296, 118), (352, 200), (366, 340)],
        ):
            seam = curve([(x, y) for x, y in points])
            canvas.line(seam, 2.2, darker(colour, 0.5))
            for shift in (-7, 7):
                canvas.stitch([(x + shift, y) for x, y in seam], lighter(colour, 0.32))
        for x, y in ((206, 220), (300, 200), (404, 226)):
            canvas.fill(ellipse(x, y, 6, 6), lighter(colour, 0.26))
            canvas.fill(ellipse(x, y, 3, 3), darker(colour, 0.7))
        edge = curve([(176, 322), (220, 332), (300, 337), (396, 327), (446, 310)])
        canvas.line(edge, 2, darker(colour, 0.5))
    canvas.fill(ellipse(294, 118, 14, 8), (lighter(colour, 0.3), darker(colour, 0.2)))
    peak = outline(
        (170, 316, 1),
        (116, 330),
        (58, 366),
        (48, 396),
        (80, 404),
        (170, 384),
        (262, 372),
        (336, 346, 1),
        (240, 346),
    )
    canvas.fill([(x, y + 8) for x, y in peak], (10, 10, 14), opacity=0.3, blur=6)
    canvas.fill(peak, (lighter(colour, 0.24), colour, darker(colour, 0.35)), rough=FABRIC)
    with canvas.inside(peak):
        for k in range(5):
            track = curve(
                [
                    (150 - k * 18, 322 + k * 9),
                    (80 - k * 2, 372 + k * 3),
                    (180, 380 - k * 9),
                    (320, 352 - k * 3),
                ]
            )
            canvas.stitch(track, lighter(colour, 0.34), width=1.1)
    canvas.ground_shadow(250, 398, 180, 9, 110)
