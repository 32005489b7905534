"""Colours measured in pixels: drawn pictures exactly, real photographs mostly."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from vitrina.models.local import lexicon
from vitrina.pictures import colors, decode

# What a person could call a product that the shop labels so: shades of one colour are no error.
SHADES = {
    "Black": "black,charcoal",
    "White": "white,off white,light gray",
    "Blue": "blue,navy blue,light blue,royal blue,turquoise,teal",
    "Navy Blue": "navy blue,blue,royal blue",
    "Red": "red,maroon,burgundy,coral",
    "Grey": "gray,dark gray,light gray,charcoal",
    "Brown": "brown,dark brown,tan,rust,taupe",
    "Green": "green,dark green,lime green,mint green,sea green,olive,sage green",
    "Pink": "pink,hot pink,light pink,magenta,coral",
    "Purple": "purple,lavender,magenta",
    "Orange": "orange,rust,coral,peach",
    "Yellow": "yellow,mustard",
    "Beige": "beige,tan,cream,khaki,taupe",
}


def picture_of(draw: Callable[[ImageDraw.ImageDraw], None], ground: str = "white") -> Image.Image:
    image = Image.new("RGB", (120, 160), ground)
    draw(ImageDraw.Draw(image))
    return image


def test_prototypes_are_sound() -> None:
    text = resources.files("vitrina").joinpath("data/colors.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len({row["hex"] for row in rows}) == len(rows)
    families: dict[str, set[str]] = {}
    for row in rows:
        families.setdefault(row["name"], set()).add(row["family"])
        entry = lexicon.lookup(row["name"])
        assert entry, row["name"]
        assert (entry.facet, entry.canonical) == ("color", row["name"])
    assert {name: found for name, found in families.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("#c8102e", "red"),
        ("#1f5fbf", "blue"),
        ("#1a2344", "navy blue"),
        ("#111111", "black"),
        ("#7d7d80", "gray"),
        ("#f7d417", "yellow"),
        ("#1f8a3b", "green"),
        ("#6b4226", "brown"),
        ("#5c2a86", "purple"),
        ("#e8578f", "pink"),
        ("#f26a1b", "orange"),
    ],
)
@pytest.mark.parametrize("ground", ["white", "#e8e8e8", "#d9c7a7"])
def test_one_colour_on_any_background(shown: str, name: str, ground: str) -> None:
    image = picture_of(lambda pen: pen.ellipse((30, 30, 90, 130), fill=shown), ground)
    assert colors.measure_image(image) == [(name, 1.0)]


def test_a_white_product_on_white_is_white() -> None:
    shirt = picture_of(
        lambda pen: pen.rectangle((30, 30, 90, 130), fill="white", outline="#999999")
    )
    assert colors.measure_image(shirt)[0][0] == "white"
    assert colors.measure_image(Image.new("RGB", (50, 50), "white")) == [("white", 1.0)]


def test_two_colours_by_share() -> None:
    def flag(pen: ImageDraw.ImageDraw) -> None:
        pen.rectangle((20, 40, 100, 120), fill="#c8102e")
        pen.rectangle((20, 90, 100, 120), fill="#101010")

    measured = colors.measure_image(picture_of(flag))
    assert [name for name, _ in measured] == ["red", "black"]
    assert measured[0][1] > measured[1][1] >= 0.2
    assert sum(share for _, share in measured) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (2000, 1500)])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
def test_any_shape_and_mode(size: tuple[int, int], mode: str) -> None:
    measured = colors.measure_image(Image.new(mode, size))
    assert measured[0][0] == "black"


def test_a_stored_picture_is_measured(tmp_path: Path) -> None:
    data = io.BytesIO()
    picture_of(lambda pen: pen.ellipse((30, 30, 90, 130), fill="#1f8a3b")).save(data, "PNG")
    (tmp_path / "green.png").write_bytes(data.getvalue())
    picture = decode.load("green.png", root=tmp_path)
    assert colors.measure(picture) == colors.measure(picture)
    assert colors.measure(picture)[0][0] == "green"


@pytest.mark.data
def test_photographs_mostly_agree_with_the_shop(shared_data: Path) -> None:
    with (shared_data / "fashion" / "styles.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["baseColour"] in SHADES][::4]
    first = among = 0
    for row in rows:
        with Image.open(shared_data / "fashion" / "images" / f"{row['id']}.jpg") as image:
            names = [name for name, _ in colors.measure_image(image)]
        meant = {name.strip() for name in SHADES[row["baseColour"]].split(",")}
        first += names[0] in meant
        among += bool(meant.intersection(names))
    assert first / len(rows) > 0.6
    assert among / len(rows) > 0.72
