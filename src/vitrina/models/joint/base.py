"""What all joint models do, and how they get pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Protocol

from PIL import Image, ImageStat

from vitrina.errors import ItemError
from vitrina.models.outcomes import Answer

__all__ = ["InputRefusedError", "JointModel", "Vectors", "whole_square"]

Vectors = list[list[float]]


class InputRefusedError(ItemError):
    """The model refuses these inputs together, or the only one."""


class JointModel(Protocol):
    """Embeds pictures and words as vectors that are compared with each other by cosine.

    `model` names it in the ledger; `batch` is how many pictures it takes at once. Any number of
    threads may share one.
    """

    provider: str
    model: str
    batch: int

    def pictures(self, thumbnails: Sequence[bytes]) -> Answer[Vectors]:
        """A vector for each stored picture. Raises ProviderError, InputRefusedError."""
        ...

    def texts(self, texts: Sequence[str], *, asked: bool) -> Answer[Vectors]:
        """A vector for each text; `asked`: they are queries. Raises as `pictures` does."""
        ...

    def stop(self) -> None:
        """End every wait for another try."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


def whole_square(thumbnail: bytes) -> Image.Image:
    """A stored picture in the middle of a square, on the median colour of its border.

    These models look at a square, and cut off what is left and right, or above and below, of it: a
    tall lamp would lose its foot.
    """
    image = Image.open(io.BytesIO(thumbnail)).convert("RGB")
    width, height = image.size
    if width == height:
        return image
    border = Image.new("L", image.size, 255)
    border.paste(0, (1, 1, max(width - 1, 1), max(height - 1, 1)))
    red, green, blue = ImageStat.Stat(image, border).median
    side = max(image.size)
    square = Image.new("RGB", (side, side), (red, green, blue))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square
