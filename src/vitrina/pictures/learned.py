"""The offline image space: what a small network has learned to see, with shape and colours.

The network is EfficientNet-Lite0 (Tan and Le, ICML 2019) up to its last block, trained to tell the
things on photographs apart; scripts/make_picture_model.py makes its file. What it finds at each
place of the picture is averaged. It knows what a shoe is, and hardly what colour it has or how it
is cut: so the shape and the colours of the object are beside it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from PIL import Image

from vitrina.db.folders import DATA
from vitrina.errors import ConfigError, NotFoundError
from vitrina.pictures.decode import Picture
from vitrina.pictures.descriptor import EDGE, EXTRA, Looks, OutlineEmbedder
from vitrina.pictures.pixels import shrink

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MODEL_SHA256 = "4c8f1c5392c421eaae553f795996da87ce261ab06427a6035dc413d59e94dc0a"
_FILE = "pictures.onnx"
_SIDE = 128  # pixels of the square that the network sees
_MARGIN = 0.3  # ground that it sees on each side of the object, by the object's longer side


class LearnedEmbedder:
    """A picture as one vector of length 1; needs the extra `local`.

    Stateless: many threads may share one. Raises ConfigError without the extra.
    """

    model = "lite0-hog-color-1"
    _SEEN = 320  # numbers of the network
    _CELL, _BINS = 16, (3, 4, 4)
    _SHAPE, _COLORS = 0.8, 0.3  # lengths of these parts, if what the network sees has length 1
    dimensions = _SEEN + Looks.dimensions(_CELL, _BINS)

    def __init__(self) -> None:
        if importlib.util.find_spec("onnxruntime") is None:
            raise ConfigError(EXTRA.format("onnxruntime"))
        self._looks = Looks(self._CELL, self._BINS)

    def embed(self, picture: Picture) -> list[float]:
        """The vector of `picture`: `dimensions` finite numbers, its length 1."""
        image = picture.open(edge=2 * _SIDE)
        small = shrink(image, EDGE)
        look = self._looks.of(small)
        seen = self._looks.unit(self._seen(_framed(image, look.box, image.width / small.width)))
        return self._looks.joined((1, seen), (self._SHAPE, look.shape), (self._COLORS, look.colors))

    def _seen(self, image: Image.Image) -> Floats:
        """What the network finds in a picture."""
        np = self._looks.np
        pixels = np.asarray(self._padded(image), np.float32).transpose(2, 0, 1)
        (found,) = _network().run(None, {"picture": ((pixels - 127) / 128)[None]})
        seen: Floats = found[0].astype(np.float64)
        return seen

    def _padded(self, image: Image.Image) -> Image.Image:
        """`image` in the middle of a square, on the median colour of its border."""
        np = self._looks.np
        pixels = np.asarray(image)
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        red, green, blue = (int(v) for v in np.median(border, axis=0))
        side = max(image.size)
        square = Image.new("RGB", (side, side), (red, green, blue))
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        return square.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)


def _framed(image: Image.Image, box: tuple[int, int, int, int], scale: float) -> Image.Image:
    """`image` with some of the ground around the object, as photographs of things have it.

    box: of the object, in pixels of a picture that is `scale` times smaller.
    """
    left, upper, right, lower = (scale * v for v in box)
    margin = _MARGIN * max(right - left, lower - upper)
    return image.crop(
        (
            max(0, round(left - margin)),
            max(0, round(upper - margin)),
            min(image.width, round(right + margin)),
            min(image.height, round(lower + margin)),
        )
    )


_MODELS = (OutlineEmbedder, LearnedEmbedder)


@cache
def embedder_of(model: str) -> OutlineEmbedder | LearnedEmbedder:
    """The embedder of a local model's pictures, one for all threads.

    Raises NotFoundError if this vitrina has no such model, ConfigError without the extra `local`.
    """
    for each in _MODELS:
        if each.model == model:
            return each()
    raise NotFoundError(f"vectors of pictures by {model} are not made by this vitrina")


_loading = threading.Lock()


def _network() -> Any:
    """The network, loaded once for all threads.

    Raises ConfigError if its file is not the one that came with this vitrina: its vectors would
    not be comparable to those that are stored.
    """
    with _loading:
        return _loaded()


@cache
def _loaded() -> Any:
    import onnxruntime

    path = DATA / _FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error}): install vitrina again") from error
    if hashlib.sha256(data).hexdigest() != MODEL_SHA256:
        raise ConfigError(f"{path} is damaged: install vitrina again")
    options = onnxruntime.SessionOptions()
    # pictures are embedded by many threads, each with one
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
