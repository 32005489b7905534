"""What is done to pixels: fewer of them, 8 bits a channel, white behind, bytes of a format."""

from __future__ import annotations

import io
import math

from PIL import Image

from vitrina.errors import PictureError

_WHITE = (255, 255, 255)
BAND_PIXELS = 1_000_000


def draft(image: Image.Image, edge: int) -> None:
    """Ask the JPEG decoder for the smallest of 1, 1/2, 1/4, 1/8 that still has `edge` pixels."""
    scale = edge / max(image.size)
    if scale < 1:
        image.draft(None, (math.ceil(image.width * scale), math.ceil(image.height * scale)))


def shrink(image: Image.Image, edge: int) -> Image.Image:
    """`image` with a longer side of at most `edge` pixels, never made larger."""
    scale = edge / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def small(image: Image.Image, edge: int) -> Image.Image:
    """`image` as RGB or RGBA with a longer side of at most `edge` pixels.

    A large one is converted and reduced band by band: converting takes several copies.
    """
    levels = _levels(image)
    factor = int(max(image.size) / edge / 2)
    if factor < 2 or (image.mode == "RGB" and not image.has_transparency_data):
        return shrink(_eight_bit(image, levels), edge)
    width, height = image.size
    size = tuple(max(1, round(side * edge / max(image.size))) for side in image.size)
    rows = max(1, BAND_PIXELS // width // factor) * factor
    reduced: Image.Image | None = None
    for top in range(0, height, rows):
        band = _eight_bit(image.crop((0, top, width, min(top + rows, height))), levels)
        if band.mode == "RGBA":
            band = band.convert("RGBa")  # hidden colours must not shine through
        band = band.reduce(factor)
        if reduced is None:
            reduced = Image.new(band.mode, (band.width, math.ceil(height / factor)))
        reduced.paste(band, (0, top // factor))
    assert reduced is not None  # noqa: S101 - a picture has a row
    box = (0, 0, width / factor, height / factor)
    reduced = reduced.resize((size[0], size[1]), Image.Resampling.BICUBIC, box=box)
    return reduced.convert("RGBA") if reduced.mode == "RGBa" else reduced


def _eight_bit(image: Image.Image, levels: tuple[float, float] | None) -> Image.Image:
    """`image` as RGB or RGBA with 8 bits a channel, at its present size."""
    if image.mode.startswith("I"):
        image.info.pop("transparency", None)  # one shade of 65536: nobody will miss it
    if image.mode.startswith("I;16"):
        image = image.convert("I").point(lambda v: v * (1 / 257) + 0.5).convert("L")
    elif levels is not None:
        scale, offset = levels
        image = image.convert("F").point(lambda v: v * scale + offset).convert("L")
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode == "RGB" else image.convert("RGB")


def _levels(image: Image.Image) -> tuple[float, float] | None:
    """Scale and offset that make 32-bit numbers 8-bit grey; None for other pictures.

    The usual ranges are taken as meant, others are stretched.
    """
    if image.mode not in {"I", "F"}:
        return None
    low, high = (float(v) for v in image.getextrema())  # type: ignore[arg-type]
    if not (math.isfinite(low) and math.isfinite(high)):
        raise PictureError("its pixels are not finite numbers")
    top = 1.0 if image.mode == "F" and high <= 1 else 255.0 if high <= 255 else 65535.0
    if low < 0 or high > top:
        scale = 255 / max(high - low, 1e-9)
        return scale, -low * scale
    return 255 / top, 0.0


def opaque(image: Image.Image) -> Image.Image:
    """`image` on white, as RGB."""
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, _WHITE)
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    """`image` as bytes of that format, without metadata: equal pixels give equal bytes."""
    out = io.BytesIO()
    image.info = {}
    image.save(out, kind, **options)
    return out.getvalue()


def difference_hash(image: Image.Image) -> int:
    """64 bits, one for each pair of neighbours in a 9x8 grey miniature: is the left one darker?"""
    grey = image.convert("L").resize((9, 8), Image.Resampling.BILINEAR).tobytes()
    bits = 0
    for row in range(8):
        for column in range(8):
            left = grey[row * 9 + column]
            bits = bits << 1 | (left < grey[row * 9 + column + 1])
    return bits
