"""The demo catalogue: complete, consistent, and drawn by the code that claims to draw it."""

from __future__ import annotations

import csv
import subprocess
import sys
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "src" / "vitrina" / "data" / "demo"
QUERIES = {"armchair", "lamp", "sneaker"}
LIMIT = 1_500_000


@cache
def rows() -> list[dict[str, str]]:
    with (DEMO / "products.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, strict=True))


def pictures() -> list[Path]:
    return sorted(DEMO.glob("pictures/*.webp")) + sorted(DEMO.glob("queries/*.webp"))


def test_products_are_many_and_distinct() -> None:
    assert len(rows()) >= 56
    for column in ("sku", "title", "image"):
        values = [row[column] for row in rows()]
        assert all(values)
        assert len(set(values)) == len(values), f"{column} is not unique"


def test_every_row_has_every_column() -> None:
    for row in rows():
        assert None not in row, f"{row['sku']}: more values than columns"
        assert None not in row.values(), f"{row['sku']}: fewer values than columns"


def test_prices_are_amounts_with_a_currency() -> None:
    for row in rows():
        assert bool(row["price"]) == bool(row["currency"]), row["sku"]
        if row["price"]:
            assert Decimal(row["price"]) > 0


def test_the_four_departments_are_there() -> None:
    departments = {row["category"] for row in rows()} - {""}
    assert departments == {"Furniture", "Home", "Fashion", "Electronics"}


def test_some_products_leave_the_colour_or_everything_to_the_picture() -> None:
    assert sum(not row["color"] for row in rows()) >= 8
    said = {"sku", "title", "image"}
    bare = [row for row in rows() if not any(row[key] for key in row if key not in said)]
    assert len(bare) >= 3


def test_pictures_and_products_match() -> None:
    asked = {DEMO / row["image"] for row in rows()}
    assert asked == set(DEMO.glob("pictures/*")), "a picture is missing, or unused"
    assert {path.stem for path in DEMO.glob("queries/*")} == QUERIES


def test_pictures_are_square_and_light() -> None:
    for path in pictures():
        with Image.open(path) as picture:
            picture.load()
            assert picture.size == (512, 512), path.name
    assert sum(path.stat().st_size for path in pictures()) < LIMIT


def test_no_two_pictures_are_the_same() -> None:
    seen: dict[str, str] = {}
    for path in pictures():
        with Image.open(path) as picture:
            digest = sha256(picture.convert("RGB").tobytes()).hexdigest()
        assert digest not in seen, f"{path.name} is the picture {seen.get(digest)}"
        seen[digest] = path.name


def test_every_subject_stands_out_from_a_light_backdrop() -> None:
    for path in pictures():
        with Image.open(path) as picture:
            whole = picture.convert("RGB")
        corners = [whole.getpixel(spot) for spot in ((2, 2), (509, 2), (2, 509), (509, 509))]
        for corner in corners:
            assert isinstance(corner, tuple)
            assert min(corner) > 200, f"{path.name} has no light backdrop"
        contrast = ImageStat.Stat(whole.convert("L")).stddev[0]
        assert contrast > 8, f"{path.name} is nearly empty"


@pytest.mark.parametrize("name", ["dining-chair-oak", "t-shirt-red"])
def test_drawing_again_gives_the_same_picture(name: str, tmp_path: Path) -> None:
    """Other encoders may round differently; a changed drawing differs far more than that."""
    script = ROOT / "scripts" / "draw_demo.py"
    command = [sys.executable, str(script), "--only", name, "--output", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    kept, drawn = DEMO / "pictures" / f"{name}.webp", tmp_path / "pictures" / f"{name}.webp"
    with Image.open(kept) as first, Image.open(drawn) as second:
        difference = ImageChops.difference(first.convert("RGB"), second.convert("RGB"))
    assert max(ImageStat.Stat(difference).mean) < 0.5
    assert max(high for _, high in difference.getextrema()) < 48  # type: ignore[misc]
