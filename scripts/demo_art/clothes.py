"""Clothes, laid flat and seen from the front."""

from __future__ import annotations

from .canvas import DENIM_WEAVE, FABRIC, KNIT, Canvas
from .cloth import both, cloth, flip, fold, rounding
from .colours import BRASS, RGB, WHITE, darker, lighter
from .curves import Knot, Point, band, curve, ellipse, mirrored, outline, rounded

_TEE: list[Knot] = [
    (256, 134),
    (284, 122),
    (306, 84, 1),
    (366, 104, 1),
    (404, 142),
    (456, 208, 1),
    (398, 246, 1),
    (372, 208, 1),
    (368, 300),
    (372, 436, 1),
    (310, 444),
    (256, 446),
]


def t_shirt(canvas: Canvas, colour: RGB) -> None:
    """A T-shirt with a round neck."""
    neck = outline((206, 86, 1), (256, 78), (306, 86, 1), (284, 126), (256, 138), (228, 126))
    canvas.fill(neck, darker(colour, 0.35), rough=FABRIC)
    canvas.fill(band(curve([(206, 88), (256, 98), (306, 88)]), 12), darker(colour, 0.2))
    body = outline(*mirrored(_TEE))
    cloth(canvas, body, colour)
    seam = darker(colour, 0.4)
    with canvas.inside(body):
        for side in both(curve([(366, 104), (376, 150), (372, 208)])):
            canvas.line(side, 1.8, seam, opacity=0.7)
        for side in both([(446, 196), (390, 234)]):
            canvas.stitch(side, seam)
        canvas.stitch(curve([(136, 428), (256, 437), (376, 428)]), seam)
        for points in (
            [(372, 214), (340, 260), (322, 330)],
            [(368, 250), (344, 320), (350, 420)],
            [(404, 170), (388, 200), (380, 220)],
        ):
            for side in both(curve(points)):
                fold(canvas, side, colour)
        for side in both(curve([(352, 220), (318, 300), (306, 400)])):
            fold(canvas, side, colour, width=16, dark=False)
        fold(canvas, curve([(238, 300), (252, 370), (244, 440)]), colour, width=12)
    rib = curve([(208, 84), (228, 122), (256, 136), (284, 122), (304, 84)])
    canvas.fill(band(rib, 13), (lighter(colour, 0.08), darker(colour, 0.08)), rough=KNIT)
    canvas.line([(x, y + 6.5) for x, y in rib[4:-4]], 1.4, seam, opacity=0.8)
    canvas.drop_shadow()


def _shirt_parts() -> tuple[list[Point], list[Point]]:
    body = outline(
        *mirrored(
            [
                (256, 104, 1),
                (300, 74, 1),
                (360, 98, 1),
                (378, 170),
                (370, 260),
                (376, 420, 1),
                (330, 444),
                (256, 430, 1),
            ]
        )
    )
    sleeve = outline(
        (352, 95, 1),
        (392, 120),
        (420, 190),
        (446, 300),
        (466, 398, 1),
        (424, 408, 1),
        (396, 320),
        (368, 214, 1),
        (362, 150),
    )
    return body, sleeve


def striped_shirt(canvas: Canvas, colour: RGB, stripe: RGB) -> None:
    """A buttoned shirt with a collar, long sleeves and fine stripes."""
    body, sleeve = _shirt_parts()
    for mirrored_side in (False, True):
        shape = flip(sleeve) if mirrored_side else sleeve
        cloth(canvas, shape, colour)
        with canvas.inside(shape):
            for k in range(-6, 14):
                line: list[Point] = [(318 + k * 12, 70), (378 + k * 12, 420)]
                canvas.line(flip(line) if mirrored_side else line, 4.6, stripe, opacity=0.9)
            for points in (
                [(400, 250), (418, 262), (440, 256)],
                [(408, 290), (426, 300), (446, 292)],
            ):
                crease = curve([(x, y) for x, y in points])
                fold(canvas, flip(crease) if mirrored_side else crease, colour, width=6)
        rounding(canvas, shape, colour, 14)
        cuff = outline((466, 392, 1), (470, 430, 1), (428, 438, 1), (422, 400, 1))
        cuff = flip(cuff) if mirrored_side else cuff
        canvas.fill(cuff, (lighter(stripe, 0.1), stripe), rough=FABRIC)
        button = (456, 420)
        canvas.fill(ellipse(512 - button[0] if mirrored_side else button[0], 420, 3.4, 3.4), WHITE)
    canvas.fill(outline((220, 84, 1), (256, 66), (292, 84, 1), (256, 116)), darker(stripe, 0.3))
    cloth(canvas, body, colour)
    with canvas.inside(body):
        for k in range(-11, 12):
            canvas.line([(256 + k * 12, 60), (256 + k * 12, 460)], 4.6, stripe, opacity=0.9)
        for side in both(curve([(372, 190), (352, 280), (360, 410)])):
            fold(canvas, side, colour)
        for side in both(curve([(330, 180), (318, 300), (326, 420)])):
            fold(canvas, side, colour, width=13)
    rounding(canvas, body, colour)
    placket = rounded(244, 104, 268, 438, 2)
    with canvas.inside(body):
        canvas.fill(placket, lighter(colour, 0.1))
        canvas.line([(256, 100), (256, 440)], 4.6, stripe)
        for x in (244, 268):
            canvas.line([(x, 104), (x, 440)], 1.4, darker(stripe, 0.3))
    for k in range(7):
        canvas.fill(ellipse(256, 132 + k * 46, 4.6, 4.6), darker(WHITE, 0.12))
        canvas.fill(ellipse(256, 131 + k * 46, 3.8, 3.8), WHITE)
    pocket = outline((292, 178, 1), (344, 178, 1), (344, 226, 1), (318, 240, 1), (292, 226, 1))
    canvas.line([*pocket, pocket[0]], 1.8, darker(stripe, 0.35))
    canvas.line([(292, 188), (344, 188)], 1.4, darker(stripe, 0.35))
    for side in both(outline((256, 116, 1), (222, 78), (214, 66, 1), (196, 82, 1), (214, 142, 1))):
        canvas.fill([(x, y + 4) for x, y in side], darker(stripe, 0.7), opacity=0.3, blur=3)
        canvas.fill(side, (lighter(colour, 0.3), colour))
        with canvas.inside(side):
            for k in range(-6, 8):
                canvas.line([(256 + k * 12, 60), (256 + k * 12, 150)], 4.4, stripe, opacity=0.9)
        canvas.line([*side, side[0]], 1.6, darker(stripe, 0.3))
    canvas.drop_shadow()


def dress(canvas: Canvas, colour: RGB, dots: RGB) -> None:
    """A sleeveless summer dress: fitted above, a wide skirt, a belt and a dotted print."""
    back = outline((206, 62, 1), (256, 84), (306, 62, 1), (290, 110), (256, 122), (222, 110))
    canvas.fill(back, darker(colour, 0.4))
    top: list[Knot] = [
        (256, 140, 1),
        (296, 50, 1),
        (324, 50, 1),
        (322, 92),
        (346, 134, 1),
        (338, 170),
        (326, 216, 1),
        (256, 222),
    ]
    bodice = outline(*mirrored(top))
    skirt = outline(
        *mirrored(
            [
                (256, 214),
                (324, 212, 1),
                (346, 280),
                (386, 380),
                (420, 456, 1),
                (372, 470),
                (338, 462),
                (298, 474),
                (256, 466),
            ]
        )
    )
    for shape in (skirt, bodice):
        cloth(canvas, shape, colour)
        with canvas.inside(shape):
            for row in range(24):
                for column in range(18):
                    x = 86 + column * 21 + (row % 2) * 10.5
                    canvas.fill(ellipse(x, 44 + row * 18.5, 3.7, 3.7), dots)
    with canvas.inside(skirt):
        for start, end, dark in (
            (270, 300, True),
            (296, 352, False),
            (312, 388, True),
            (252, 246, False),
        ):
            for side in both(curve([(start, 222), ((start + end) / 2, 330), (end, 476)])):
                fold(canvas, side, colour, width=17, dark=dark)
    with canvas.inside(bodice):
        for side in both(curve([(338, 150), (306, 176), (298, 214)])):
            fold(canvas, side, colour)
    for side in both([(296, 50), (256, 140)]):
        canvas.line(side, 4, darker(colour, 0.22))
    belt = outline(*mirrored([(256, 211), (327, 206, 1), (328, 226, 1), (256, 231)]))
    canvas.fill(belt, (darker(colour, 0.35), darker(colour, 0.5)))
    canvas.line([*rounded(243, 208, 269, 234, 4), (243, 216)], 3.4, BRASS)
    canvas.drop_shadow()


def jeans(canvas: Canvas, colour: RGB) -> None:
    """Five-pocket trousers of denim, with a worn thigh and orange seams."""
    thread = (222, 158, 82)
    shape = outline(
        *mirrored(
            [
                (256, 56, 1),
                (346, 50, 1),
                (356, 110),
                (366, 200),
                (360, 330),
                (354, 464, 1),
                (310, 470),
                (282, 466, 1),
                (278, 340),
                (262, 190, 1),
                (256, 178, 1),
            ]
        )
    )
    canvas.fill(outline((168, 52, 1), (256, 42), (344, 52, 1), (256, 66)), darker(colour, 0.5))
    canvas.fill(shape, (colour, lighter(colour, 0.06), darker(colour, 0.1)), rough=DENIM_WEAVE)
    rounding(canvas, shape, colour, 22)
    with canvas.inside(shape):
        for side in both(curve([(316, 150), (322, 230), (318, 330)])):
            canvas.line(side, 34, lighter(colour, 0.75), opacity=0.3, blur=16)
        for y in (196, 214, 330, 346):
            for side in both(curve([(268, y), (300, y + 8), (330, y - 2)])):
                fold(canvas, side, colour, width=6)
        for side in both(curve([(350, 90), (358, 200), (350, 464)])):
            canvas.line(side, 1.6, darker(colour, 0.5))
        waist = outline((160, 40, 1), (352, 40, 1), (356, 78, 1), (256, 84), (156, 78, 1))
        canvas.fill(waist, (lighter(colour, 0.04), darker(colour, 0.12)), rough=DENIM_WEAVE)
        canvas.stitch(curve([(156, 74), (256, 80), (356, 74)]), thread)
        for side in both(curve([(356, 138), (322, 128), (304, 84)])):
            canvas.line(side, 2, darker(colour, 0.5))
            canvas.stitch([(x - 4 if x > 256 else x + 4, y + 5) for x, y in side], thread)
        for side in both([(352, 452), (284, 454)]):
            canvas.stitch(side, thread)
        canvas.line(curve([(256, 84), (256, 140), (258, 182)]), 2, darker(colour, 0.55))
        canvas.stitch(curve([(280, 84), (279, 130), (258, 162)]), thread)
    for x in (196, 226, 286, 316):
        canvas.fill(rounded(x - 4.5, 50, x + 4.5, 84, 2), lighter(colour, 0.05), rough=DENIM_WEAVE)
        for edge in (x - 3, x + 3):
            canvas.stitch([(edge, 52), (edge, 82)], thread, width=1)
    canvas.fill(ellipse(257, 67, 7, 7), (176, 128, 72))
    canvas.fill(ellipse(255.5, 65.5, 4, 4), (222, 184, 120))
    canvas.drop_shadow()
