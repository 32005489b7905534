"""Names the colours of a product from the pixels of its picture, without any model.

sRGB becomes CIELAB (transfer curve of IEC 61966-2-1, white D65, formulas of CIE 15:2004);
every group of similar pixels takes the name of the nearest prototype in `data/colors.csv`.
Prototypes of one family are counted together, so that folds and shadows do not split a colour.
"""

from __future__ import annotations

import csv
import functools
import math
from collections import Counter, deque
from importlib import resources
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from vitrina.pictures.decode import Picture

Lab = tuple[float, float, float]
Rgb = tuple[int, int, int]

_SIDE = 64  # pixels of the longer side that is measured
_GROUPS = 48  # colours the picture is reduced to before naming
_TOLERANCE = 14.0  # CIELAB distance up to which a pixel still continues the background
_EMPTY = 0.02  # less product than this share of the picture: the background is the product
_MAIN = 0.2  # smallest share of the product that counts as one of its main colours
_SPREAD = 0.35  # of half the product's box: how fast weight falls towards its edge
_SKIN = 0.3  # weight of pixels that look like skin, since models wear what is sold
_WHITE = (0.95047, 1.0, 1.08883)  # D65


def measure(picture: Picture) -> list[tuple[str, float]]:
    """The colours of the product in `picture`, largest first.

    Args:
        picture: a picture; what continues its border is taken for background and left out.

    Returns:
        One to three (name, share); a share is a fraction of the product between 0 and 1.
    """
    return measure_image(picture.open(4 * _SIDE))


def measure_image(image: Image.Image) -> list[tuple[str, float]]:
    """The same as `measure`, for an image that is already open."""
    small = image.convert("RGB")
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    reduced = small.quantize(_GROUPS, kmeans=2, dither=Image.Dither.NONE)
    flat = reduced.getpalette() or [0, 0, 0]
    palette = [(flat[i], flat[i + 1], flat[i + 2]) for i in range(0, len(flat) - 2, 3)]
    groups = list(reduced.tobytes())
    found: dict[str, tuple[float, Lab]] = {}
    for group, seen in _weights(small, groups).items():
        lab = _lab(palette[group])
        weight = seen * (_SKIN if _skin_like(lab) else 1.0)
        family = _nearest(lab, None)[1]
        before, mean = found.get(family, (0.0, lab))
        total = before + weight
        found[family] = (total, _blend(mean, lab, weight / total if total else 0.0))
    whole = sum(weight for weight, _ in found.values()) or 1.0
    ranked = sorted(found.items(), key=lambda item: (-item[1][0], item[0]))
    named = [
        (_nearest(mean, family)[0], round(weight / whole, 2)) for family, (weight, mean) in ranked
    ]
    return [named[0], *(item for item in named[1:3] if item[1] >= _MAIN)]


def _weights(image: Image.Image, groups: list[int]) -> dict[int, float]:
    """How much every colour group counts: pixels of the product, the middle before the edge."""
    width, height = image.size
    outside = _background(image)
    inside = [i for i in range(width * height) if i not in outside]
    if len(inside) < _EMPTY * width * height:
        return {group: float(n) for group, n in Counter(groups).items()}
    rows: dict[int, list[int]] = {}
    columns: dict[int, list[int]] = {}
    for i in inside:
        rows.setdefault(i // width, []).append(i % width)
        columns.setdefault(i % width, []).append(i // width)
    left, right, top, bottom = min(columns), max(columns), min(rows), max(rows)
    weights: dict[int, float] = {}
    for y, xs in sorted(rows.items()):
        first, last = min(xs), max(xs)
        for x in range(first, last + 1):
            i = y * width + x
            # a white shirt on white is reached from the border; its outline encloses it
            if i in outside and not (x in columns and min(columns[x]) < y < max(columns[x])):
                continue
            dx = (x - (left + right) / 2) / max(1.0, (right - left) / 2)
            dy = (y - (top + bottom) / 2) / max(1.0, (bottom - top) / 2)
            near = math.exp(-(dx * dx + dy * dy) / (2 * _SPREAD * _SPREAD))
            weights[groups[i]] = weights.get(groups[i], 0.0) + near
    return weights


def _background(image: Image.Image) -> set[int]:
    """Indexes of the pixels that continue the commonest colour of the border."""
    width, height = image.size
    data = image.tobytes()
    labs = [_lab((data[i], data[i + 1], data[i + 2])) for i in range(0, len(data), 3)]
    edge = [
        i for i in range(len(labs)) if i % width in {0, width - 1} or i // width in {0, height - 1}
    ]
    coarse = [tuple(value >> 3 for value in data[3 * i : 3 * i + 3]) for i in edge]
    commonest = Counter(coarse).most_common(1)[0][0]
    seeds = [labs[i] for i, key in zip(edge, coarse, strict=True) if key == commonest]
    ground: Lab = (
        sum(lab[0] for lab in seeds) / len(seeds),
        sum(lab[1] for lab in seeds) / len(seeds),
        sum(lab[2] for lab in seeds) / len(seeds),
    )
    reached = {i for i in edge if math.dist(labs[i], ground) <= _TOLERANCE}
    queue = deque(sorted(reached))
    while queue:
        i = queue.popleft()
        steps = (i - 1 if i % width else -1, i + 1 if (i + 1) % width else -1, i - width, i + width)
        for j in steps:
            inside = 0 <= j < len(labs) and j not in reached
            if inside and math.dist(labs[j], ground) <= _TOLERANCE:
                reached.add(j)
                queue.append(j)
    return reached


@functools.cache
def _prototypes() -> tuple[tuple[str, str, Lab], ...]:
    """(name, family, CIELAB) of every prototype in the data file."""
    text = resources.files("vitrina").joinpath("data/colors.csv").read_text("utf-8")
    return tuple(
        (row["name"], row["family"], _lab(_rgb(row["hex"])))
        for row in csv.DictReader(text.splitlines())
    )


def _nearest(lab: Lab, family: str | None) -> tuple[str, str]:
    """Name and family of the nearest prototype, of `family` alone when one is given."""
    near = min(
        (p for p in _prototypes() if family in {None, p[1]}), key=lambda p: _distance(lab, p[2])
    )
    return near[0], near[1]


def _distance(one: Lab, two: Lab) -> float:
    """CIE94-like difference that counts hue more in the dark, where chroma is small."""
    a, b = _eye(one), _eye(two)
    chroma_a, chroma_b = math.hypot(a[1], a[2]), math.hypot(b[1], b[2])
    chroma = chroma_a - chroma_b
    hue = max(0.0, (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2 - chroma**2)
    mean = math.sqrt(chroma_a * chroma_b)
    return math.sqrt(
        (a[0] - b[0]) ** 2 + (chroma / (1 + 0.045 * mean)) ** 2 + hue / (1 + 0.015 * mean) ** 2
    )


def _eye(lab: Lab) -> Lab:
    """CIELAB with less weight on lightness and more on the chroma of dark colours."""
    gain = 1.3 * math.sqrt(60 / (lab[0] + 25))
    return 0.7 * lab[0], gain * lab[1], gain * lab[2]


def _skin_like(lab: Lab) -> bool:
    """Whether a colour lies where human skin does; products of that colour keep a part."""
    hue = math.degrees(math.atan2(lab[2], lab[1]))
    return 45 < lab[0] < 88 and 12 < math.hypot(lab[1], lab[2]) < 42 and 30 < hue < 72


def _blend(mean: Lab, lab: Lab, share: float) -> Lab:
    return (
        mean[0] + (lab[0] - mean[0]) * share,
        mean[1] + (lab[1] - mean[1]) * share,
        mean[2] + (lab[2] - mean[2]) * share,
    )


def _rgb(hexadecimal: str) -> Rgb:
    value = int(hexadecimal.removeprefix("#"), 16)
    return value >> 16, value >> 8 & 255, value & 255


@functools.lru_cache(maxsize=1 << 16)
def _lab(rgb: Rgb) -> Lab:
    """CIELAB (L* 0-100, a*, b*) of an 8-bit sRGB colour."""
    r, g, b = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)
    )
    x, y, z = (
        _root((0.4124 * r + 0.3576 * g + 0.1805 * b) / _WHITE[0]),
        _root((0.2126 * r + 0.7152 * g + 0.0722 * b) / _WHITE[1]),
        _root((0.0193 * r + 0.1192 * g + 0.9505 * b) / _WHITE[2]),
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _root(value: float) -> float:
    return math.cbrt(value) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116
