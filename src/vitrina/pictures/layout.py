"""Where a picture is light, dark and coloured: to tell copies of a picture from other pictures.

The hash of 64 bits cannot: photographs of one studio, of shirts on models, differ in two bits. And
its squares move when a picture is cropped, or gets more ground. So the layout has a frame of its
own: around where the picture differs from its ground, as far as that spreads (its mean, and its
deviation on both axes), which a copy keeps.
"""

from __future__ import annotations

import io
import statistics
from array import array

from PIL import Image, ImageChops

from vitrina.pictures.pixels import shrink

SIDE = 8  # squares on each side
NUMBERS = SIDE * SIDE * 3
EDGE = 160  # pixels of the longer side of the picture that is measured
_SPREAD = 2.2  # the frame's half, in deviations
_PLAIN, _CAP = 10, 64  # steps of 255: less than the one is ground, more than the other counts as it
_DIFFERENT, _PLAIN_BORDER = 14, 0.6  # as in vitrina.pictures.descriptor
_FINE = 4  # pixels of a square, on each side, before they are averaged


def layout(image: Image.Image) -> tuple[int, ...]:
    """Lightness and both colour axes of each square, less their means; all 0: a plain picture.

    image: an RGB picture of about 160 pixels.
    """
    squares = _framed(image).resize((SIDE, SIDE), Image.Resampling.BOX).convert("YCbCr")
    channels = []
    for channel in squares.split():
        values = channel.tobytes()
        mean = round(sum(values) / len(values))
        channels.append([value - mean for value in values])
    return tuple(value for channel in channels for value in channel)


def of_thumbnail(thumbnail: bytes) -> tuple[int, ...]:
    """The layout of a stored picture, from its thumbnail."""
    with Image.open(io.BytesIO(thumbnail), formats=("WEBP",)) as image:
        return layout(shrink(image.convert("RGB"), EDGE))


def written(numbers: tuple[int, ...]) -> str:
    """A layout as the database reads it."""
    return "[" + ",".join(map(str, numbers)) + "]"


def _framed(image: Image.Image) -> Image.Image:
    """What differs from the ground, on a square; the whole picture if its border is not plain."""
    side = SIDE * _FINE
    ground = _ground(image)
    frame = None if ground is None else _frame(_apart(image, ground))
    if ground is None or frame is None:
        return image.resize((side, side), Image.Resampling.BOX)
    width, height = image.size
    wide = Image.new("RGB", (3 * width, 3 * height), ground)  # a frame may be larger than a picture
    wide.paste(image, (width, height))
    left, upper, right, lower = frame
    box = (
        max(0.0, left + width),
        max(0.0, upper + height),
        min(3.0 * width, right + width),
        min(3.0 * height, lower + height),
    )
    return wide.resize((side, side), Image.Resampling.BICUBIC, box=box)


def _ground(image: Image.Image) -> tuple[int, int, int] | None:
    """The colour of most of the border, or None."""
    width, height = image.size
    strips = [
        image.crop(box).tobytes()
        for box in (
            (0, 0, width, 1),
            (0, height - 1, width, height),
            (0, 0, 1, height),
            (width - 1, 0, width, height),
        )
    ]
    border = b"".join(strips)
    red, green, blue = (int(statistics.median(border[axis::3])) for axis in range(3))
    plain = sum(
        max(abs(r - red), abs(g - green), abs(b - blue)) <= _DIFFERENT
        for r, g, b in zip(border[::3], border[1::3], border[2::3], strict=True)
    )
    return (red, green, blue) if plain * 3 >= _PLAIN_BORDER * len(border) else None


def _apart(image: Image.Image, ground: tuple[int, int, int]) -> Image.Image:
    """How far each pixel is from the ground, 0 to 255."""
    red, green, blue = ImageChops.difference(image, Image.new("RGB", image.size, ground)).split()
    apart = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return apart.point([max(0, min(v, _CAP) - _PLAIN) * 255 // (_CAP - _PLAIN) for v in range(256)])


def _frame(apart: Image.Image) -> tuple[float, float, float, float] | None:
    """Left, upper, right and lower of the frame; None if hardly anything is apart."""
    width, height = apart.size
    ends = []
    for size in ((width, 1), (1, height)):
        strip = apart.convert("F").resize(size, Image.Resampling.BOX)
        weights = array("f", strip.tobytes())
        total = sum(weights)
        if total <= 0:
            return None
        middle = sum((k + 0.5) * weight for k, weight in enumerate(weights)) / total
        spread = sum((k + 0.5 - middle) ** 2 * weight for k, weight in enumerate(weights)) / total
        ends.append((middle - _SPREAD * spread**0.5, middle + _SPREAD * spread**0.5))
    (left, right), (upper, lower) = ends
    return (left, upper, right, lower) if min(right - left, lower - upper) >= 2 else None
