"""Clothes for the cold: a quilted jacket and a scarf."""

from __future__ import annotations

from .canvas import KNIT, Canvas
from .cloth import Track, both, flip, fold, rounding
from .colours import RGB, SILVER, darker, lighter
from .curves import curve, mirrored, outline, rounded


def puffer(canvas: Canvas, colour: RGB) -> None:
    """A quilted jacket with a stand-up collar and a zip."""
    sleeve = outline(
        (346, 106, 1),
        (396, 124),
        (428, 190),
        (452, 300),
        (462, 402, 1),
        (414, 414, 1),
        (396, 330),
        (372, 220, 1),
    )
    body = outline(
        *mirrored(
            [
                (256, 100, 1),
                (306, 92, 1),
                (362, 112),
                (382, 190),
                (384, 300),
                (386, 430, 1),
                (320, 440),
                (256, 440),
            ]
        )
    )
    _quilted(canvas, sleeve, colour, tilt=-24)
    _quilted(canvas, flip(sleeve), colour, tilt=24)
    _quilted(canvas, body, colour, tilt=0)
    collar = outline(*mirrored([(256, 58), (308, 62, 1), (314, 104, 1), (256, 116)]))
    canvas.fill(collar, (lighter(colour, 0.1), darker(colour, 0.2)))
    for y in (76, 94):
        canvas.line(curve([(200, y), (256, y + 7), (312, y)]), 3, darker(colour, 0.55), opacity=0.6)
    canvas.fill(rounded(247, 66, 265, 440, 3), darker(colour, 0.4))
    for k in range(62):
        tooth = 74 + k * 5.9
        canvas.line([(252, tooth), (255.4, tooth)], 2.4, SILVER)
        canvas.line([(256.6, tooth + 2.9), (260, tooth + 2.9)], 2.4, SILVER)
    canvas.fill(rounded(251, 96, 261, 122, 4), (206, 208, 212))
    for side in both([(322, 318), (344, 384)]):
        canvas.line(side, 6, darker(colour, 0.55))
        canvas.line(side, 1.6, SILVER)
    for cuff in (outline((462, 396, 1), (464, 420, 1), (418, 430, 1), (413, 406, 1)),):
        for side in both(cuff):
            canvas.fill(side, darker(colour, 0.35), rough=KNIT)
    hem = outline(*mirrored([(256, 436), (386, 428, 1), (384, 450, 1), (256, 460)]))
    canvas.fill(hem, darker(colour, 0.35), rough=KNIT)
    canvas.drop_shadow()


def _quilted(canvas: Canvas, shape: Track, colour: RGB, tilt: float) -> None:
    """Padded cloth: bright and dark rolls, one above the other."""
    canvas.fill(shape, colour)
    with canvas.inside(shape):
        for k in range(-2, 14):
            y = 84 + k * 38
            left, right = (80, y - tilt * 1.6), (432, y + tilt * 1.6)
            if abs(tilt) > 1:
                left, right = (60, y - tilt * 5), (452, y + tilt * 5)
            sag = ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2 + 5)
            line = curve([left, sag, right])
            canvas.line(
                [(x, py + 13) for x, py in line], 15, lighter(colour, 0.6), opacity=0.42, blur=5
            )
            canvas.line(
                [(x, py - 6) for x, py in line], 13, darker(colour, 0.75), opacity=0.5, blur=4
            )
            canvas.line(line, 2.2, darker(colour, 0.65))
    rounding(canvas, shape, colour, 26)


def scarf(canvas: Canvas, colour: RGB, check: RGB, line: RGB) -> None:
    """A checked scarf, looped once, with fringed ends."""
    right = outline(
        (262, 170, 1), (336, 150, 1), (358, 250), (366, 396, 1), (276, 402, 1), (272, 280)
    )
    left = outline(
        (178, 160, 1), (252, 178, 1), (246, 280), (228, 442, 1), (138, 432, 1), (160, 280)
    )
    loop = outline(
        (132, 126), (168, 72), (256, 54), (344, 72), (380, 126), (344, 190), (256, 216), (168, 190)
    )
    hole = outline((172, 112), (206, 84), (256, 76), (306, 84), (340, 112), (256, 140))
    for shape, slope, tassels in ((right, 6, (276, 366, 400)), (left, -12, (138, 228, 438))):
        first, last, y = tassels
        for k in range(19):
            x = first + (last - first) * k / 18
            tone = (colour, check, line)[k % 3 if k % 5 else 0]
            canvas.line(
                curve([(x, y - 6), (x - 1 + k % 3, y + 14), (x - 3 + k % 2 * 4, y + 32)]), 3.2, tone
            )
        _checked(canvas, shape, colour, check, line, slope)
    canvas.fill([(x, y + 9) for x, y in loop], (20, 16, 20), opacity=0.35, blur=7)
    _checked(canvas, loop, colour, check, line, 3)
    with canvas.inside(loop):
        for points in (
            [(134, 140), (190, 180), (256, 190), (322, 180), (378, 140)],
            [(150, 128), (200, 156), (256, 164), (312, 156), (362, 128)],
        ):
            fold(canvas, curve([(x, y) for x, y in points]), colour, width=12)
        canvas.fill(hole, darker(colour, 0.75))
    with canvas.inside(hole):
        inner = outline((172, 100), (256, 70), (340, 100), (300, 112), (256, 118), (212, 112))
        _checked(canvas, inner, darker(colour, 0.25), darker(check, 0.3), darker(line, 0.3), 3)
        rim = curve([(168, 112), (212, 132), (256, 141), (300, 132), (344, 112)])
        canvas.line(rim, 10, darker(colour, 0.8), opacity=0.5, blur=4)
    canvas.drop_shadow()


def _checked(
    canvas: Canvas, shape: Track, colour: RGB, check: RGB, line: RGB, slope: float
) -> None:
    canvas.fill(shape, colour, rough=KNIT)
    with canvas.inside(shape):
        for k in range(9):
            x = 80 + k * 48
            canvas.line([(x - slope, 40), (x + slope * 1.6, 470)], 20, check, opacity=0.62)
            canvas.line([(x + 24 - slope, 40), (x + 24 + slope * 1.6, 470)], 3, line, opacity=0.9)
            y = 60 + k * 48
            canvas.line([(80, y), (432, y + slope)], 20, check, opacity=0.62)
            canvas.line([(80, y + 24), (432, y + 24 + slope)], 3, line, opacity=0.9)
    rounding(canvas, shape, colour, 24)
