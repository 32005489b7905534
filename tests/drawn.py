"""Pictures drawn for a test."""

from __future__ import annotations

import functools
import io

from PIL import Image

from vitrina.pictures import decode


@functools.cache
def picture(width: int = 800, height: int = 600) -> decode.Picture:
    """A navy picture, as a fetched file is decoded."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(out, "PNG")
    return decode.decode(out.getvalue())
