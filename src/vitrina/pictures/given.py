"""Pictures that a program has at hand, in whatever form."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from vitrina.errors import PictureError
from vitrina.pictures.decode import Picture, decode, load
from vitrina.pictures.limits import Limits

if TYPE_CHECKING:
    from PIL import Image

PictureLike: TypeAlias = (
    "Picture | str | Path | bytes | bytearray | memoryview | BinaryIO | Image.Image"
)


def picture_of(given: PictureLike, limits: Limits) -> Picture:
    """The picture behind a path or http(s) URL, in bytes, in an open file, or of Pillow.

    Raises PictureError for every failure, and for what is none of these.
    """
    if isinstance(given, Picture):
        return given
    if isinstance(given, str | Path):
        return load(str(given), limits=limits)
    if isinstance(given, bytes | bytearray | memoryview):
        return decode(bytes(given), limits=limits)
    if hasattr(given, "read"):
        # one byte more than may be: decode refuses it, and no more is read
        data = given.read(limits.bytes + 1)
        if not isinstance(data, bytes):
            raise PictureError("the file of the picture is open as text: open it with mode 'rb'")
        return decode(data, limits=limits)
    if hasattr(given, "save"):
        buffer = io.BytesIO()
        image = (
            given if given.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else given.convert("RGB")
        )
        image.save(buffer, format="PNG")
        return decode(buffer.getvalue(), limits=limits)
    raise PictureError(
        f"{type(given).__name__} is no picture: give a path, a URL, bytes, an open file or a"
        " Pillow image"
    )
