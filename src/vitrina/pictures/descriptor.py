"""What a picture looks like, in numbers that need no model: its shape and its colours.

Pictures are near if outline, folds and colours are. That finds "more shoes like this one, and dark
ones first"; it does not know what a shoe is: see vitrina.pictures.learned.
Shape is a histogram of oriented gradients (Dalal and Triggs, "Histograms of Oriented Gradients
for Human Detection", CVPR 2005), with one block over the whole picture, which measured better on
catalogue photographs than many small ones; both parts are compared as square roots of
distributions (the Hellinger distance; Arandjelovic and Zisserman, CVPR 2012).
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFilter

from vitrina.errors import ConfigError
from vitrina.pictures.decode import Picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SIDE = 64  # pixels of the square for measuring the shape
_BLUR = 0.8  # pixels of that square: JPEG noise is not shape
_ORIENTATIONS = 9  # directions distinguished in a cell, over 180 degrees
_COLOR_SIDE = 32  # pixels of the square for counting the colours
_DIFFERENT = 14  # steps of 255 between a pixel and the background
_STRAY = 0.005  # share of the object cut off at each side, so that a speck does not move the border
_PLAIN_BORDER = 0.6  # share of the border in one colour that counts as background
EDGE = 128  # pixels of the longer side of the picture that Looks measures
EXTRA = "vectors of pictures need {}: pip install 'vitrina[local]'"


@dataclass(frozen=True, slots=True)
class Look:
    """What Looks sees in a picture.

    Shape and colours have length 1, or are all zeros: a plain picture has no shape. `box` is where
    the object is: left, upper, right and lower, in pixels of the picture that was measured.
    """

    shape: Floats
    colors: Floats
    box: tuple[int, int, int, int]


class Looks:
    """Shape and colours of the object in a picture; needs the extra `local`.

    Stateless: many threads may share one.

    Args:
        cell: pixels of the side of a cell, of 64: smaller cells see finer shapes.
        bins: steps of lightness and of the two colour axes of CIELAB.

    Raises ConfigError if scikit-image is not installed.
    """

    def __init__(self, cell: int, bins: tuple[int, int, int]) -> None:
        if importlib.util.find_spec("skimage") is None:
            raise ConfigError(EXTRA.format("scikit-image"))
        self._cell, self._bins = cell, bins

    # imported for the first picture: that takes longer than many a run without one

    @cached_property
    def np(self) -> Any:
        import numpy

        return numpy

    @cached_property
    def _rgb2lab(self) -> Any:
        from skimage.color import rgb2lab

        return rgb2lab

    @cached_property
    def _hog(self) -> Any:
        from skimage.feature import hog

        return hog

    @staticmethod
    def dimensions(cell: int, bins: tuple[int, int, int]) -> int:
        """How many numbers both parts have together."""
        return _ORIENTATIONS * (_SIDE // cell) ** 2 + bins[0] * bins[1] * bins[2]

    def of(self, image: Image.Image) -> Look:
        """The shape and the colours of `image`, an RGB picture of about 128 pixels."""
        background, mask = self._background(image)
        box = (0, 0, *image.size)
        if background is not None:
            box = self._extent(mask)
            image, mask = image.crop(box), mask.crop(box)
        shape = self.unit(self._gradients(_squared(image, background, _SIDE)))
        return Look(shape, self.unit(self._colors(image, mask)), box)

    def joined(self, *parts: tuple[float, Floats]) -> list[float]:
        """One vector of length 1 of parts, each with its weight."""
        joined = self.np.concatenate([weight * part for weight, part in parts])
        vector: list[float] = self.unit(joined).tolist()
        return vector

    def _background(self, image: Image.Image) -> tuple[tuple[int, int, int] | None, Image.Image]:
        """The colour of most of the border, or None; and a mask of other colours."""
        np = self.np
        pixels = np.asarray(image).astype(np.int16)
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        middle = np.median(border, axis=0)
        if (np.abs(border - middle).max(axis=1) <= _DIFFERENT).mean() < _PLAIN_BORDER:
            return None, Image.new("L", image.size, 255)
        apart = np.abs(pixels - middle).max(axis=2) > _DIFFERENT
        red, green, blue = (int(v) for v in middle)
        return (red, green, blue), Image.fromarray((apart * 255).astype(np.uint8))

    def _extent(self, mask: Image.Image) -> tuple[int, int, int, int]:
        """Left, upper, right and lower of the pixels in `mask`; of all if there are hardly any."""
        np = self.np
        apart = np.asarray(mask) > 0
        ends = []
        for axis in (0, 1):
            inside = np.cumsum(apart.sum(axis=axis))
            low = np.searchsorted(inside, _STRAY * inside[-1], side="right")
            high = np.searchsorted(inside, (1 - _STRAY) * inside[-1]) + 1
            ends.append((int(low), int(high)))
        (left, right), (upper, lower) = ends
        if min(right - left, lower - upper) < 4:
            return (0, 0, *mask.size)
        return left, upper, right, lower

    def _gradients(self, image: Image.Image) -> Floats:
        """The histogram of oriented gradients: 9 directions in each cell."""
        cells = _SIDE // self._cell
        histogram: Floats = self._hog(
            self.np.asarray(image.filter(ImageFilter.GaussianBlur(_BLUR))),
            orientations=_ORIENTATIONS,
            pixels_per_cell=(self._cell, self._cell),
            cells_per_block=(cells, cells),
            block_norm="L1-sqrt",
            channel_axis=-1,
        )
        return histogram

    def _colors(self, image: Image.Image, mask: Image.Image) -> Floats:
        """Square roots of the object's share of each colour; neighbouring bins share."""
        np = self.np
        size = (_COLOR_SIDE, _COLOR_SIDE)
        lab = self._rgb2lab(np.asarray(image.resize(size, Image.Resampling.BOX))).reshape(-1, 3)
        weight = np.asarray(mask.resize(size, Image.Resampling.BOX)).reshape(-1) / 255.0
        if not weight.any():
            weight = np.ones_like(weight)
        top = np.array(self._bins) - 1
        place = np.clip((lab + np.array((0, 70, 70))) / (100, 140, 140), 0, 1) * top
        low = np.minimum(np.floor(place).astype(int), top - 1)
        rest = place - low
        histogram = np.zeros(self._bins[0] * self._bins[1] * self._bins[2])
        for corner in np.ndindex(2, 2, 2):
            share = weight * np.where(corner, rest, 1 - rest).prod(axis=1)
            at = np.ravel_multi_index((low + corner).T, self._bins)
            histogram += np.bincount(at, weights=share, minlength=histogram.size)
        roots: Floats = np.sqrt(histogram)
        return roots

    def unit(self, values: Floats) -> Floats:
        """`values` with length 1, or unchanged if all are zero."""
        length = float(self.np.linalg.norm(values))
        return values / length if length > 0 else values


def _squared(image: Image.Image, background: tuple[int, int, int] | None, side: int) -> Image.Image:
    """`image` on a square of `side` pixels.

    On a plain background its shorter side becomes the geometric mean of its length and the full
    side, so that a tall thin object fills more cells and still is tall; a picture that fills its
    frame is stretched, as a border around it would add an edge.
    """
    if background is None:
        return image.resize((side, side), Image.Resampling.BICUBIC)
    longer = max(image.size)
    width, height = (max(1, round(side * (v / longer) ** 0.5)) for v in image.size)
    square = Image.new("RGB", (side, side), background)
    resized = image.resize((width, height), Image.Resampling.BICUBIC)
    square.paste(resized, ((side - width) // 2, (side - height) // 2))
    return square


class OutlineEmbedder:
    """Shape and colour of a picture as one vector of length 1; needs the extra `local`.

    The same picture in another size, or with more empty background around it, gives nearly the
    same vector. Stateless: many threads may share one. Raises ConfigError without the extra.
    """

    model = "hog-color-1"
    _CELL, _BINS = 8, (5, 8, 8)
    _COLORS = 0.35  # length of the colour part, if the shape part has length 1
    dimensions = Looks.dimensions(_CELL, _BINS)

    def __init__(self) -> None:
        self._looks = Looks(self._CELL, self._BINS)

    def embed(self, picture: Picture) -> list[float]:
        """The vector of `picture`: `dimensions` finite numbers, its length 1."""
        look = self._looks.of(picture.open(edge=EDGE))
        return self._looks.joined((1, look.shape), (self._COLORS, look.colors))
