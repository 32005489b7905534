"""A part of a picture, to search by that alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from vitrina.errors import InputError

if TYPE_CHECKING:
    from vitrina.pictures.decode import Picture

LEAST = 0.02  # of the picture's width and of its height
RANGE = (
    f"x,y,w,h in fractions of the picture: x and y from 0, w and h at least {LEAST:g},"
    " x + w and y + h at most 1"
)
_ROUNDED = 1e-3  # what rounding may add to a sum


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a picture: left, upper, width and height, in fractions of the picture.

    Raises InputError for what is no part of a picture, with the allowed range.
    """

    x: float
    y: float
    w: float
    h: float

    def __post_init__(self) -> None:
        inside = (
            all(map(math.isfinite, astuple(self)))
            and min(self.x, self.y) >= 0
            and min(self.w, self.h) >= LEAST
            and max(self.x + self.w, self.y + self.h) <= 1 + _ROUNDED
        )
        if not inside:
            raise InputError(f"a box is {RANGE}; not {self}")

    @classmethod
    def of(cls, given: str | Sequence[float] | Box) -> Box:
        """A box of four numbers, or of a text like 0.1,0.25,0.5,0.5."""
        if isinstance(given, Box):
            return given
        try:
            numbers = given.split(",") if isinstance(given, str) else given
            x, y, w, h = map(float, numbers)
        except (TypeError, ValueError):
            raise InputError(f"a box is {RANGE}; not {str(given)[:60]!r}") from None
        return cls(x, y, w, h)

    @property
    def whole(self) -> bool:
        """Whether it is the whole picture."""
        return min(self.w, self.h) >= 1 - _ROUNDED

    def __str__(self) -> str:
        return ",".join(f"{value:.4g}" for value in astuple(self))


def part_of(picture: Picture, box: Box) -> Picture:
    """What is inside the box, as a picture of its own."""
    from vitrina.pictures.decode import decode
    from vitrina.pictures.limits import Limits
    from vitrina.pictures.pixels import encoded

    if box.whole:
        return picture
    image = picture.open()
    left, upper = math.floor(box.x * image.width), math.floor(box.y * image.height)
    right = min(image.width, max(left + 1, round((box.x + box.w) * image.width)))
    lower = min(image.height, max(upper + 1, round((box.y + box.h) * image.height)))
    left, upper = min(left, right - 1), min(upper, lower - 1)
    cut = image.crop((left, upper, right, lower))
    return decode(encoded(cut, "JPEG", quality=95), limits=Limits())
