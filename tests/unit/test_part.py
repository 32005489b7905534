"""pictures/part: a part of a picture, and what is none."""

from __future__ import annotations

import pytest
from PIL import Image

from vitrina.errors import InputError
from vitrina.pictures.decode import decode
from vitrina.pictures.part import Box, part_of
from vitrina.pictures.pixels import encoded


def quarters() -> Image.Image:
    image = Image.new("RGB", (200, 100), "white")
    image.paste("red", (0, 0, 100, 50))
    image.paste("blue", (100, 50, 200, 100))
    return image


@pytest.mark.parametrize(
    ("box", "size", "color"),
    [
        ("0,0,0.5,0.5", (100, 50), (254, 0, 0)),
        ((0.5, 0.5, 0.5, 0.5), (100, 50), (0, 0, 254)),
        ("0.9,0.9,0.02,0.02", (4, 2), (0, 0, 254)),
    ],
)
def test_a_part_is_a_picture_of_its_own(box: str, size: tuple[int, int], color: tuple) -> None:
    whole = decode(encoded(quarters(), "PNG"))
    part = part_of(whole, Box.of(box))
    assert (part.width, part.height) == size
    middle = part.open().getpixel((size[0] // 2, size[1] // 2))
    assert max(abs(a - b) for a, b in zip(middle, color, strict=True)) < 12
    assert part.sha256 != whole.sha256


def test_the_whole_is_the_picture_itself() -> None:
    whole = decode(encoded(quarters(), "PNG"))
    assert part_of(whole, Box.of("0,0,1,1")) is whole


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (3, 2)])
def test_a_part_of_a_tiny_picture_has_a_pixel(size: tuple[int, int]) -> None:
    whole = decode(encoded(Image.new("RGB", size, "green"), "PNG"))
    part = part_of(whole, Box.of("0.97,0.97,0.03,0.03"))
    assert min(part.width, part.height) >= 1


@pytest.mark.parametrize(
    "box",
    ["", "1,2", "a,b,c,d", "0,0,1.1,1", "-0.1,0,1,1", "0.5,0,0.6,1", "0,0,0,1", "0,0,0.01,1",
     "nan,0,1,1", "0,0,inf,1", (1, 2), None, (0, 0, 1, 1, 1)],
)  # fmt: skip
def test_what_is_no_box_is_said_with_the_range(box: object) -> None:
    with pytest.raises(InputError, match=r"x and y from 0, w and h at least 0\.02, x \+ w and"):
        Box.of(box)  # type: ignore[arg-type]


def test_a_box_is_written_as_it_is_read() -> None:
    assert str(Box.of("0.12345678,0,0.5,1")) == "0.1235,0,0.5,1"
    assert Box.of(str(Box(1 / 3, 1 / 3, 2 / 3, 2 / 3))).w == 0.6667  # rounding leaves the range
