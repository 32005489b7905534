"""Pictures drawn for a test."""

from __future__ import annotations

import io

from PIL import Image

from vitrina import images


def picture(width: int = 800, height: int = 600) -> images.Picture:
    """A navy picture, as a fetched file is decoded."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(out, "PNG")
    return images.decode(out.getvalue())
