"""Shoes, seen from the side: their toe points to the left."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL import Image

from .canvas import LEATHER, Canvas
from .colours import BLACK, COGNAC, DARK_BROWN, RGB, WHITE, darker, lighter
from .curves import Knot, Point, band, curve, ellipse, outline, rounded

CANVAS_CLOTH = ((4.0, 4.0), 0.2)
Draw = Callable[[Canvas], None]


def pair(
    canvas: Canvas, draw: Draw, *, dx: float = 74, dy: float = -62, small: float = 0.93
) -> None:
    """The shoe twice: one behind, a little smaller and higher, one in front."""
    behind, front = Canvas(), Canvas()
    draw(behind)
    draw(front)
    behind.turned(0, zoom=small, dx=dx, dy=dy)
    shifted = Image.new("RGBA", canvas.layer.size, (0, 0, 0, 0))
    offset = (round(-dx * 0.45 * 4), round(-dy * 0.55 * 4))
    shifted.paste(front.layer, offset)
    canvas.ground_shadow(256 - dx * 0.45, 402 - dy * 0.55, 175, 9, 130)
    canvas.ground_shadow(270 + dx, 394 + dy, 160, 8, 90)
    veil = Image.new("RGB", behind.layer.size, (30, 28, 34))
    alpha = behind.layer.getchannel("A")
    dim = Image.blend(behind.layer.convert("RGB"), veil, 0.06)
    dim.putalpha(alpha)
    canvas.layer.alpha_composite(dim)
    canvas.layer.alpha_composite(shifted)
    canvas.fit(436, 400)


def _shade_upper(canvas: Canvas, shape: Sequence[Point], colour: RGB) -> None:
    """Darker towards the sole, lighter on top, as something rounded is."""
    with canvas.inside(shape):
        dark = darker(colour, 0.6)
        canvas.line([(60, 398), (460, 398)], 60, dark, opacity=0.38, blur=16)
        canvas.line([(70, 330), (150, 300), (240, 250)], 14, (255, 255, 255), opacity=0.3, blur=10)


def sneaker(
    canvas: Canvas,
    colour: RGB,
    *,
    sole: RGB = WHITE,
    laces: RGB = WHITE,
    stripe: RGB | None = None,
    toe_cap: bool = True,
    collar: float = 0.0,
) -> None:
    """A low lace-up shoe with a rubber sole; `collar` raises the ankle."""
    top = 226 - collar
    back_top = 216 - collar
    upper = outline(
        (64, 378, 1),
        (66, 348),
        (96, 322),
        (150, 302),
        (196, 272),
        (240, 236 - collar * 0.6),
        (258, top, 1),
        (300, 250 - collar * 0.7),
        (368, 244 - collar * 0.9),
        (412, back_top, 1),
        (432, 252 - collar * 0.3),
        (438, 310),
        (446, 378, 1),
    )
    lining = outline(
        (256, top + 3, 1),
        (300, 232 - collar),
        (366, 226 - collar),
        (412, back_top, 1),
        (372, 262 - collar * 0.6),
        (300, 264 - collar * 0.4),
    )
    canvas.fill(lining, darker(colour, 0.55))
    canvas.fill(upper, (lighter(colour, 0.08), colour, darker(colour, 0.12)), rough=CANVAS_CLOTH)
    _shade_upper(canvas, upper, colour)
    with canvas.inside(upper):
        seam = darker(colour, 0.35)
        canvas.line(curve([(250, 384), (262, 330), (292, 290), (300, 240)]), 2.2, seam, opacity=0.7)
        canvas.stitch(curve([(256, 384), (268, 332), (298, 292), (306, 240)]), lighter(colour, 0.4))
        heel = outline((404, 200), (392, 262), (404, 320), (404, 384), (460, 384), (460, 200))
        canvas.fill(heel, darker(colour, 0.18), rough=CANVAS_CLOTH)
        canvas.stitch(curve([(398, 240), (397, 265), (409, 322), (409, 384)]), lighter(colour, 0.4))
        if stripe:
            for shift in (0, 26):
                mark = band(curve([(292 + shift, 372), (318 + shift, 330), (350 + shift, 282)]), 12)
                canvas.fill(mark, stripe)
        _toe(canvas, colour, sole, toe_cap)
    _laces(canvas, colour, laces, collar)
    _rubber(canvas, sole, colour if toe_cap else None)


def _toe(canvas: Canvas, colour: RGB, sole: RGB, toe_cap: bool) -> None:
    """A rubber cap, or a seam and air holes."""
    if toe_cap:
        cap = outline((40, 390), (60, 330), (100, 316), (132, 334), (140, 390))
        canvas.fill(cap, (sole, darker(sole, 0.1)))
        canvas.line(curve([(100, 314), (133, 334), (141, 390)]), 2, darker(sole, 0.35))
    else:
        canvas.line(
            curve([(84, 384), (122, 344), (176, 328), (206, 306)]),
            2,
            darker(colour, 0.35),
            opacity=0.7,
        )
        for k in range(12):
            x, y = 112 + k % 4 * 15 + k // 4 * 6, 332 - k % 4 * 6 + k // 4 * 11 - 12
            canvas.fill(ellipse(x, y, 2, 2), darker(colour, 0.45))


def _laces(canvas: Canvas, colour: RGB, laces: RGB, collar: float) -> None:
    tongue: list[Knot] = [(236, 242 - collar * 0.6), (250, 216 - collar), (262, 206 - collar)]
    tongue += [(272, 222 - collar * 0.8), (266, 250 - collar * 0.7)]
    canvas.fill(outline(*tongue), (lighter(colour, 0.12), darker(colour, 0.1)))
    for k in range(5):
        share = k / 4
        x = 160 + 84 * share
        y = 300 - (66 + collar * 0.5) * share - 8 * share * (1 - share)
        start, end = (x - 9, y - 1), (x + 30, y + 26)
        canvas.line(
            [(start[0], start[1] + 3), (end[0], end[1] + 3)], 8, BLACK, opacity=0.22, blur=2
        )
        canvas.line([start, end], 7.5, laces)
        canvas.line([(start[0], start[1] + 2.4), (end[0], end[1] + 2.4)], 1.6, darker(laces, 0.25))
        canvas.fill(ellipse(end[0], end[1], 4.6, 4.6), darker(laces, 0.4))
    knot = (236, 240 - collar * 0.5)
    for dx, dy in ((-34, -10), (30, 22)):
        loop = curve(
            [knot, (knot[0] + dx, knot[1] + dy - 10), (knot[0] + dx, knot[1] + dy + 8), knot]
        )
        canvas.line([(x + 1, y + 2) for x, y in loop], 5.4, BLACK, opacity=0.25, blur=1.5)
        canvas.line(loop, 4.6, laces)
        canvas.line(loop, 1.2, darker(laces, 0.2))
    canvas.fill(ellipse(*knot, 5.5, 5.5), darker(laces, 0.06))


def _rubber(canvas: Canvas, sole: RGB, line: RGB | None) -> None:
    base = outline(
        (54, 372, 1),
        (150, 367),
        (300, 372),
        (452, 364, 1),
        (458, 384),
        (450, 402, 1),
        (250, 404),
        (82, 402, 1),
        (58, 392),
    )
    canvas.fill(base, (sole, darker(sole, 0.08), darker(sole, 0.24)))
    with canvas.inside(base):
        canvas.line(curve([(54, 376), (150, 371), (300, 376), (456, 368)]), 2, darker(sole, 0.3))
        canvas.line([(50, 403), (460, 403)], 7, darker(sole, 0.5))
        if line:
            canvas.line(curve([(56, 388), (160, 386), (300, 388), (456, 383)]), 4, line)


def boot(canvas: Canvas, colour: RGB, *, sole: RGB = DARK_BROWN) -> None:
    """A laced ankle boot."""
    upper = outline(
        (72, 376, 1),
        (72, 340),
        (104, 312),
        (170, 298),
        (226, 272),
        (252, 220),
        (258, 150),
        (262, 96, 1),
        (330, 90),
        (400, 96, 1),
        (406, 180),
        (404, 260),
        (416, 320),
        (424, 376, 1),
    )
    opening = outline((262, 97, 1), (330, 82), (400, 97, 1), (330, 110))
    canvas.fill(opening, darker(colour, 0.7))
    canvas.fill(
        upper,
        (darker(colour, 0.12), lighter(colour, 0.1), colour, darker(colour, 0.35)),
        direction="h",
        rough=LEATHER,
    )
    _shade_upper(canvas, upper, colour)
    with canvas.inside(upper):
        white = (255, 255, 255)
        canvas.line(curve([(290, 120), (288, 220), (270, 290)]), 16, white, opacity=0.2, blur=10)
        for y in (250, 268, 284):
            fold = curve([(242, y - 6), (290, y + 8), (340, y - 4)])
            canvas.line(fold, 4, darker(colour, 0.6), opacity=0.4, blur=2.5)
        seam = curve([(150, 384), (196, 340), (262, 322), (420, 330)])
        canvas.line(seam, 2, darker(colour, 0.45))
        canvas.stitch([(x, y + 5) for x, y in seam], lighter(colour, 0.35))
        canvas.line([(262, 100), (400, 100)], 8, darker(colour, 0.3), opacity=0.6)
    for k in range(7):
        y = 122 + k * 24
        x = 262 - max(0, k - 3) ** 1.6 * 5
        canvas.line([(x - 6, y), (x + 34, y + 10)], 6, (64, 48, 36))
        canvas.line([(x - 6, y - 1), (x + 34, y + 9)], 2, (120, 96, 70))
        canvas.fill(ellipse(x + 36, y + 11, 4.5, 4.5), (205, 170, 96))
    canvas.line(curve([(268, 118), (236, 108), (230, 140), (262, 124)]), 5, (64, 48, 36))
    base = outline(
        (62, 372, 1),
        (160, 368),
        (300, 372),
        (432, 370, 1),
        (436, 402, 1),
        (344, 402, 1),
        (338, 390, 1),
        (220, 396),
        (86, 398, 1),
        (64, 388),
    )
    canvas.fill(base, (lighter(sole, 0.12), sole, darker(sole, 0.4)))
    canvas.stitch(curve([(70, 377), (160, 373), (300, 377), (430, 375)]), lighter(sole, 0.5))


def heel(canvas: Canvas, colour: RGB) -> None:
    """A pump with a high, slim heel."""
    inside = outline((176, 300, 1), (250, 268), (330, 204), (404, 140, 1), (380, 236), (250, 330))
    canvas.fill(inside, ((214, 186, 156), (176, 146, 116)))
    upper = outline(
        (52, 388, 1),
        (56, 368),
        (100, 336),
        (152, 312),
        (176, 300, 1),
        (206, 326),
        (262, 316),
        (330, 250),
        (376, 176),
        (404, 138, 1),
        (430, 160),
        (434, 214),
        (418, 258, 1),
        (366, 292),
        (300, 348),
        (230, 390),
        (130, 400),
        (70, 398),
    )
    canvas.fill(upper, (lighter(colour, 0.14), colour, darker(colour, 0.3)))
    with canvas.inside(upper):
        white = (255, 255, 255)
        shine = curve([(84, 366), (134, 340), (190, 340), (250, 338)])
        canvas.line(shine, 9, white, opacity=0.5, blur=6)
        canvas.line(curve([(396, 190), (408, 220), (392, 248)]), 10, white, opacity=0.35, blur=6)
        canvas.line(curve([(60, 404), (230, 396), (320, 344)]), 12, BLACK, opacity=0.4, blur=6)
    stiletto = outline(
        (434, 214, 1),
        (436, 262),
        (430, 330),
        (424, 402, 1),
        (410, 402, 1),
        (404, 330),
        (386, 284),
        (366, 292, 1),
        (418, 250),
    )
    canvas.fill(stiletto, (lighter(colour, 0.06), darker(colour, 0.3)), direction="h")
    with canvas.inside(stiletto):
        canvas.line(
            curve([(414, 262), (414, 330), (414, 400)]), 4, (255, 255, 255), opacity=0.3, blur=2
        )
    bottom = outline(
        (52, 388, 1),
        (130, 401),
        (226, 392),
        (300, 350),
        (370, 294, 1),
        (300, 362),
        (230, 402),
        (130, 408),
        (70, 404),
    )
    canvas.fill(bottom, (COGNAC, darker(COGNAC, 0.4)))


def _footbed(side: int, grow: float = 0.0) -> list[Point]:
    """A sole seen from above; the big toe lies towards the other foot."""
    half: list[Knot] = [
        (6, -176 - grow),
        (44 + grow, -150),
        (60 + grow, -92),
        (50 + grow, -18),
        (40 + grow, 60),
        (44 + grow, 120),
        (30 + grow, 166),
        (0, 180 + grow),
        (-32 - grow, 164),
        (-44 - grow, 116),
        (-42 - grow, 50),
        (-56 - grow, -30),
        (-62 - grow, -96),
        (-40 - grow, -156),
    ]
    return outline(*[(256 + side * 92 - side * knot[0], 258 + knot[1]) for knot in half])


def sandals(canvas: Canvas, colour: RGB) -> None:
    """A pair of cork sandals with two buckled straps, from above."""
    cork, sole = (224, 190, 146), (110, 78, 52)
    for side in (-1, 1):
        canvas.fill(_footbed(side, 7), (sole, darker(sole, 0.25)))
        bed = _footbed(side)
        canvas.fill(bed, (lighter(cork, 0.1), darker(cork, 0.06)), rough=((7.0, 7.0), 0.36))
        middle = 256 + side * 92
        with canvas.inside(bed):
            canvas.line([*bed, bed[0]], 10, darker(cork, 0.5), opacity=0.3, blur=4)
            canvas.fill(ellipse(middle, 366, 28, 44), darker(cork, 0.4), opacity=0.2, blur=9)
            canvas.fill(ellipse(middle, 120, 38, 30), darker(cork, 0.4), opacity=0.16, blur=9)
    for side in (-1, 1):
        middle = 256 + side * 92
        for y, reach, tall in ((152, 72, 56), (252, 62, 54)):
            _strap(canvas, colour, middle, y, reach, tall, side)
    canvas.drop_shadow(dx=4, dy=9, blur=8)


def _strap(
    canvas: Canvas, colour: RGB, x: float, y: float, reach: float, tall: float, side: int
) -> None:
    """One strap over the foot, with its buckle on the outer side."""
    shape = outline(
        (x - reach, y + 6, 1),
        (x - reach * 0.5, y - 14),
        (x + reach * 0.5, y - 14),
        (x + reach, y + 6, 1),
        (x + reach, y + tall, 1),
        (x + reach * 0.5, y + tall - 16),
        (x - reach * 0.5, y + tall - 16),
        (x - reach, y + tall, 1),
    )
    canvas.fill([(px, py + 7) for px, py in shape], BLACK, opacity=0.4, blur=4)
    tones = (darker(colour, 0.4), lighter(colour, 0.06), lighter(colour, 0.16), darker(colour, 0.4))
    canvas.fill(shape, tones, direction="h", rough=LEATHER)
    for edge in (y - 8, y + tall - 23):
        seam = curve([(x - reach + 4, edge + 20), (x, edge - 1), (x + reach - 4, edge + 20)])
        canvas.stitch(seam, lighter(colour, 0.5))
    spot, level = x + side * reach * 0.42, y + tall / 2 - 14
    canvas.fill(rounded(spot - 15, level - 17, spot + 15, level + 17, 5), (214, 178, 100))
    canvas.fill(rounded(spot - 9, level - 11, spot + 9, level + 11, 2), darker(colour, 0.1))
    canvas.line([(spot - side * 14, level), (spot + side * 10, level)], 4, (240, 216, 156))
    for k in range(3):
        hole = spot - side * (26 + k * 11)
        canvas.fill(ellipse(hole, level - 3 + k, 2.4, 2.4), darker(colour, 0.7))
