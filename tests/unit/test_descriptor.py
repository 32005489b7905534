"""The offline image spaces: sane on any picture, and near means alike on real ones."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from catalogues import SHARED
from vitrina.db.builtin_data import PICTURE_DIMENSIONS
from vitrina.db.folders import DATA
from vitrina.errors import ConfigError, NotFoundError
from vitrina.models.base import ImageEmbedder
from vitrina.pictures import learned
from vitrina.pictures.decode import Picture, decode, load
from vitrina.pictures.learned import LearnedEmbedder, embedder_of

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None or importlib.util.find_spec("skimage") is None,
    reason="needs the extra `local` (onnxruntime, scikit-image)",
)
OLD, NEW = "hog-color-1", "lite0-hog-color-1"
GOLDEN = Path(__file__).parents[1] / "data" / "picture_golden.json"


def picture(image: Image.Image) -> Picture:
    out = io.BytesIO()
    image.save(out, "PNG")
    return decode(out.getvalue())


def chair(
    size: int = 200, color: str = "brown", ground: str = "white", margin: int = 0
) -> Image.Image:
    """Something with legs and a back, `margin` pixels of ground around it."""
    image = Image.new("RGB", (size + 2 * margin, size + 2 * margin), ground)
    draw = ImageDraw.Draw(image)
    unit = size / 10
    for box in ((2, 0.5, 3, 9.5), (2, 5, 8, 6), (7, 5, 8, 9.5), (2, 0.5, 4, 2)):
        draw.rectangle([margin + round(v * unit) for v in box], fill=color)
    return image


def ball(color: str = "brown") -> Image.Image:
    image = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(image).ellipse((40, 40, 160, 160), fill=color)
    return image


def likeness(embedder: ImageEmbedder, one: Image.Image, other: Image.Image) -> float:
    pair = embedder.embed(picture(one)), embedder.embed(picture(other))
    return sum(a * b for a, b in zip(*pair, strict=True))


@pytest.fixture(params=[OLD, NEW])
def embedder(request: pytest.FixtureRequest) -> ImageEmbedder:
    return embedder_of(request.param)


@needs_extra
@pytest.mark.parametrize(
    "image",
    [
        pytest.param(Image.new("RGB", (60, 80), "white"), id="white"),
        pytest.param(Image.new("RGB", (60, 80), "black"), id="black"),
        pytest.param(Image.new("RGB", (1, 1), "red"), id="one pixel"),
        pytest.param(Image.new("RGB", (1, 900), "red"), id="a line"),
        pytest.param(Image.new("RGB", (900, 2), "red"), id="a flat line"),
        pytest.param(Image.new("RGBA", (50, 50), (1, 2, 3, 0)), id="transparent"),
        pytest.param(Image.effect_noise((90, 70), 80).convert("RGB"), id="noise"),
        pytest.param(Image.radial_gradient("L").convert("RGB"), id="gradient"),
        pytest.param(chair(), id="chair"),
    ],
)
def test_vector_is_always_usable(embedder: ImageEmbedder, image: Image.Image) -> None:
    vector = embedder.embed(picture(image))
    assert isinstance(vector, list)
    assert {type(v) for v in vector} == {float}
    assert len(vector) == embedder.dimensions <= 2000
    assert all(math.isfinite(v) for v in vector)
    assert math.fsum(v * v for v in vector) == pytest.approx(1)


@needs_extra
def test_speck_on_white(embedder: ImageEmbedder) -> None:
    image = Image.new("RGB", (300, 300), "white")
    image.putpixel((150, 150), (0, 0, 0))
    assert math.fsum(v * v for v in embedder.embed(picture(image))) == pytest.approx(1)


@needs_extra
def test_is_deterministic_also_from_threads(embedder: ImageEmbedder) -> None:
    one = picture(chair())
    with ThreadPoolExecutor(4) as pool:
        vectors = list(pool.map(embedder.embed, [one] * 12))
    assert all(vector == type(embedder)().embed(one) for vector in vectors)


@needs_extra
@pytest.mark.parametrize(
    "other",
    [
        pytest.param(chair().resize((80, 80)), id="smaller"),
        pytest.param(chair().resize((900, 900)), id="larger"),
        pytest.param(chair(200, margin=100), id="margin"),
        pytest.param(chair(200, margin=300), id="much margin"),
        pytest.param(chair().crop((20, 0, 180, 200)), id="narrower frame"),
        pytest.param(chair(ground="#fafafa"), id="off-white"),
    ],
)
def test_size_and_frame_hardly_matter(embedder: ImageEmbedder, other: Image.Image) -> None:
    assert likeness(embedder, chair(), other) > (0.9 if embedder.model == OLD else 0.85)


@needs_extra
def test_shape_comes_before_colour(embedder: ImageEmbedder) -> None:
    same = likeness(embedder, chair(), chair())
    other_color = likeness(embedder, chair(), chair(color="navy"))
    other_shape = likeness(embedder, chair(), ball())
    nothing_alike = likeness(embedder, chair(), ball("navy"))
    assert same == pytest.approx(1)
    assert same > other_color > other_shape > nothing_alike


@pytest.mark.parametrize("module", ["skimage", "onnxruntime"])
def test_extra_is_named_when_missing(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else name)
    with pytest.raises(ConfigError, match=r"pip install 'vitrina\[local\]'"):
        LearnedEmbedder()


def test_a_model_of_another_vitrina_is_named() -> None:
    with pytest.raises(NotFoundError, match="by seer-9 are not made by this vitrina"):
        embedder_of("seer-9")


@needs_extra
def test_a_damaged_network_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pictures.onnx").write_bytes((DATA / "pictures.onnx").read_bytes()[:-1] + b"x")
    monkeypatch.setattr(learned, "DATA", tmp_path)
    learned._loaded.cache_clear()
    with pytest.raises(ConfigError, match="is damaged: install vitrina again"):
        LearnedEmbedder().embed(picture(chair()))
    learned._loaded.cache_clear()


@needs_extra
def test_the_vectors_are_those_that_catalogues_have() -> None:
    """A change of the vectors is another model, with another name: stored ones would be wrong."""
    stored = json.loads(GOLDEN.read_text())
    for name, expected in stored.items():
        found = embedder_of(NEW).embed(load(name, root=DATA / "demo"))
        length = math.sqrt(sum(v * v for v in expected))
        assert sum(a * b for a, b in zip(found, expected, strict=True)) / length >= 0.999


@needs_extra
def test_a_picture_finds_others_of_its_kind() -> None:
    """Drawn queries: an armchair is like armchairs, then like sofas, and not like towels."""
    with (DATA / "demo" / "products.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    embedder = embedder_of(NEW)
    vectors = [embedder.embed(load(row["image"], root=DATA / "demo")) for row in rows]

    def nearest(query: str, k: int) -> list[str]:
        wanted = embedder.embed(load(f"queries/{query}.webp", root=DATA / "demo"))
        near = [sum(a * b for a, b in zip(wanted, vector, strict=True)) for vector in vectors]
        order = sorted(range(len(rows)), key=lambda at: -near[at])
        return [rows[at]["title"] for at in order[:k]]

    chairs = nearest("armchair", 4)
    assert all("Armchair" in title for title in chairs[:2])
    assert all("Sofa" in title for title in chairs[2:])
    assert "Table Lamp" in nearest("lamp", 1)[0]
    shoes = nearest("sneaker", 3)
    assert all(
        word in title for word, title in zip(("Sneakers", "Trainers", "Boots"), shoes, strict=True)
    )


@needs_extra
@pytest.mark.data
def test_neighbours_of_real_photographs(embedder: ImageEmbedder) -> None:
    """Leave one out, in half precision: is the nearest other picture of the same kind?"""
    import numpy as np

    table = SHARED / "fashion" / "styles.csv"
    if not table.is_file():
        pytest.skip(f"no {table}: set VITRINA_SHARED_DATA to where the catalogues are")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[::3]
    photographs = [load(f"images/{row['id']}.jpg", root=table.parent) for row in rows]
    vectors = np.array([embedder.embed(one) for one in photographs], dtype=np.float16)
    unit = vectors.astype(np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    nearness = unit @ unit.T
    np.fill_diagonal(nearness, -1)
    nearest = nearness.argmax(axis=1)

    def agreement(column: str) -> float:
        kinds = np.array([row[column] for row in rows])
        return float((kinds[nearest] == kinds).mean())

    assert len(rows) > 200
    least = {OLD: (0.88, 0.50, 0.28), NEW: (0.89, 0.62, 0.27)}[embedder.model]
    assert agreement("subCategory") >= least[0]
    assert agreement("articleType") >= least[1]
    assert agreement("baseColour") >= least[2]


def test_the_space_that_comes_with_vitrina_has_the_length_of_its_vectors() -> None:
    assert LearnedEmbedder.dimensions == PICTURE_DIMENSIONS
