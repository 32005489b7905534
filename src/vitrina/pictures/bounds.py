"""What decoding a picture takes, and whether that is within the limits."""

from __future__ import annotations

from dataclasses import dataclass

from vitrina.errors import PictureError
from vitrina.pictures.limits import Limits

FIXED = 8_000_000  # bytes: the normal form, the thumbnail and their encoders


@dataclass(frozen=True, slots=True)
class Survey:
    """What decoding takes: the bytes that hold pixels, and the memory in bytes.

    `width` and `height` are as stored. `cut` says that a JPEG has no end marker, `restart` the
    number of the restart marker it would go on with, `last` the share of its bytes that are in the
    last scan. `orientation` is known here for TIFF only.
    """

    kind: str
    data: bytes
    width: int
    height: int
    memory: int
    work: int = 0
    cut: bool = False
    restart: int | None = None
    last: float = 1.0
    orientation: int | None = None


def check_sides(width: int, height: int, limits: Limits) -> None:
    """Raises PictureError where a picture has too many pixels, or is too long."""
    if width * height > limits.pixels:
        raise PictureError(
            f"{width}x{height} pixels are over the limit of {limits.pixels / 1e6:g} megapixels;"
            " use a smaller version"
        )
    if max(width, height) > limits.side:
        raise PictureError(
            f"{width}x{height} pixels: a side is over the limit of {limits.side:,} pixels;"
            " use a smaller version"
        )


def copies(pixels: int, limits: Limits) -> int:
    """Bytes of the copies made to convert a picture at full size; a larger one goes by bands."""
    return 12 * min(pixels, (4 * limits.edge) ** 2)


def count_parts(parts: int, limits: Limits) -> None:
    """Raises PictureError where a file is in too many parts."""
    if parts > limits.parts:
        raise PictureError(
            f"it has more than the limit of {limits.parts:,} parts (chunks, segments, strips);"
            " save it anew"
        )


def check_work(work: int, limits: Limits) -> None:
    """Raises PictureError where a decoder would go over too many pixels."""
    if work > limits.work:
        raise PictureError(
            f"its scans go over {work / 1e6:,.0f} megapixels, more than the limit of"
            f" {limits.work / 1e6:,.0f}; save it with fewer scans (not progressive)"
        )
