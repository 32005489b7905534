"""Pictures: find them, check them, and convert every kind to one normal form.

Every input (a photograph of 12 megapixels, a CMYK JPEG, a transparent PNG, an animated GIF) becomes
an upright RGB JPEG of at most `Limits.edge` pixels and a small WebP thumbnail. A reference is
foreign data, so every part of it is checked before use.
"""

from __future__ import annotations

import hashlib
import io
import logging
import math
import random
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from vitrina.errors import BusyError, DamagedError, PictureError
from vitrina.pictures.bounds import Survey
from vitrina.pictures.find import read, shown
from vitrina.pictures.kinds import stranger
from vitrina.pictures.layout import EDGE as LAYOUT_EDGE
from vitrina.pictures.layout import layout
from vitrina.pictures.limits import Limits, check_size
from vitrina.pictures.memory import MemoryBudget, give_back
from vitrina.pictures.pixels import difference_hash, draft, encoded, opaque, shrink, small
from vitrina.pictures.survey import survey
from vitrina.pictures.tiff import orientation

if TYPE_CHECKING:
    from vitrina.pictures.fetch import Fetcher

DECODING = MemoryBudget(400_000_000)  # bytes for decoding, in all threads together
SUPPORTED = "JPEG, PNG, WebP, GIF, AVIF, BMP or TIFF"
THUMBNAIL_EDGE = 320
HASH_EDGE = 160  # another one would change the hashes of pictures that are stored

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
logging.getLogger("PIL").addHandler(logging.NullHandler())  # what it logs is also raised
_EOI = b"\xff\xd9"  # the end marker of a JPEG
_FILLERS = tuple(  # entropy-coded data of no particular JPEG
    random.Random(seed).randbytes(4096).replace(b"\xff", b"")  # noqa: S311
    for seed in (1, 2)
)
_BAND_ROWS = 256
_LARGE = 40_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in its normal form.

    `sha256`, `mime` and `size` are of the original bytes; `width` and `height` are the original's
    in pixels, upright; `dhash` is a 64-bit difference hash, unsigned: near-equal pictures differ
    in few bits; `layout` tells copies of one picture from others (see vitrina.pictures.layout).
    """

    sha256: str
    mime: str
    width: int
    height: int
    size: int
    dhash: int
    jpeg: bytes
    thumbnail: bytes
    layout: tuple[int, ...] = ()

    @property
    def redacted(self) -> str:
        """Its text in traces and logs."""
        return f"<{self.size} bytes, sha256 {self.sha256[:12]}>"

    def open(self, edge: int | None = None) -> Image.Image:
        """The normal form, decoded to RGB; with `edge`, `edge` pixels at most on its longer side.

        A small `edge` is several times faster: a JPEG is decoded at a half, quarter or eighth.
        """
        image = Image.open(io.BytesIO(self.jpeg), formats=("JPEG",))
        if edge is not None:
            draft(image, edge)
        image.load()
        return image if edge is None else shrink(image, edge)


def load(
    reference: str,
    *,
    root: Path | None = None,
    named: Path | None = None,
    limits: Limits | None = None,
    fetcher: Fetcher | None = None,
    stop: threading.Event | None = None,
) -> Picture:
    """The picture behind an http(s) address or a path.

    With `root`, a path is relative to it and may not leave it, not even by a symbolic link: use
    that for every path that comes from data. Without it, any path is allowed: the user typed it.
    `named` is another name of `root` that absolute paths may begin with, like a link to it.
    `fetcher` keeps connections between calls and has its own limits for the fetch. Once `stop` is
    set, it does not wait for memory to decode. Raises PictureError for every failure, naming the
    reference and the reason.
    """
    limits = limits or Limits()
    try:
        return decode(read(reference, root, named, limits, fetcher), limits=limits, stop=stop)
    except PictureError as error:
        kind = BusyError if isinstance(error, BusyError) else PictureError
        problem = kind(f"{shown(reference)}: {error}", transient=error.transient)
    raise problem  # not from the other error, whose frames hold the file


def decode(
    data: bytes, *, limits: Limits | None = None, stop: threading.Event | None = None
) -> Picture:
    """The picture in `data`, in its normal form. Raises PictureError if there is none."""
    limits = limits or Limits()
    if not data:
        raise PictureError("the file is empty (0 bytes)")
    check_size(len(data), limits)
    found = survey(data, limits)
    if found is None:
        said = stranger(data)
        raise PictureError(
            f"this is {said}" if said else f"not a readable picture; {SUPPORTED} is expected"
        )
    with DECODING.hold(found.memory, stop):
        try:
            return _normal(data, found, limits)
        except PictureError as error:
            # without its frames: they would hold the pixels as long as the error
            problem = error.with_traceback(None)
        except MemoryError:
            size = f"{found.width}x{found.height}"
            problem = PictureError(f"not enough memory for {size} pixels")
        except Exception:
            problem = DamagedError(found.kind)
        finally:
            if found.memory > _LARGE:
                give_back()
    raise problem


def _normal(data: bytes, found: Survey, limits: Limits) -> Picture:
    """The normal form of the surveyed picture."""
    if found.cut:
        found = replace(found, data=_ended(found, limits))
    image = _opened(found)
    draft(image, limits.edge)
    image.load()
    turn = found.orientation or orientation(image.info.get("exif", b""))
    image = opaque(small(image, limits.edge))
    if turn in _TURNS:
        image = image.transpose(_TURNS[turn])
    thumbnail = shrink(image, THUMBNAIL_EDGE)
    width, height = (found.width, found.height)[:: -1 if turn >= 5 else 1]
    return Picture(
        sha256=hashlib.sha256(data).hexdigest(),
        mime=f"image/{found.kind.lower()}",
        width=width,
        height=height,
        size=len(data),
        dhash=difference_hash(shrink(image, HASH_EDGE)),
        jpeg=encoded(image, "JPEG", quality=85),
        thumbnail=encoded(thumbnail, "WEBP", quality=80, method=4),
        layout=layout(shrink(image, LAYOUT_EDGE)),
    )


def _opened(found: Survey) -> Image.Image:
    """The opened picture, not decoded yet. Raises PictureError if the survey misread it."""
    image = Image.open(io.BytesIO(found.data), formats=(found.kind,))
    if image.size != (found.width, found.height):
        raise DamagedError(found.kind)
    return image


def _ended(found: Survey, limits: Limits) -> bytes:
    """The bytes of a truncated JPEG, completed with an end.

    A row is present if the replacement of the missing bytes makes no difference to it. The decoder
    itself does not tell: it fills up with grey. If rows come in several scans, all but the last
    must be complete, and the rows that lack the last count by its share of the bytes.
    """
    share = f"{limits.rows * 100:g} % of its rows"
    # the data may continue where it broke off, or after the next restart
    starts = {b""} if found.restart is None else {b"", bytes((0xFF, 0xD0 + found.restart))}
    decodes = 1 + len(_FILLERS) * len(starts) + 1  # with the picture itself
    if found.work * decodes > limits.work:
        raise PictureError(
            f"the JPEG picture is cut short, and too large to check if {share} are there"
        )
    data = found.data
    if data.endswith(bytes(16)):
        # a download with preallocated length; a single zero may belong to the data
        data = data.rstrip(b"\0") + b"\0"
    data = data.rstrip(b"\xff")
    ended = data + _EOI
    rows = math.ceil(found.height / (1 + (1 / limits.rows - 1) / found.last))
    expected = _rows_hash(replace(found, data=ended), rows)
    for filler in _FILLERS:
        for start in starts:
            filled = replace(found, data=data + start + filler + _EOI)
            if _rows_hash(filled, rows) != expected:
                raise PictureError(
                    f"the JPEG picture is cut short or damaged: less than {share} are there"
                )
    return ended


def _rows_hash(found: Survey, rows: int) -> bytes:
    """A hash of the first `rows` rows, decoded in full."""
    image = _opened(found)
    image.load()
    seen = hashlib.sha256()
    for top in range(0, rows, _BAND_ROWS):
        band = image.crop((0, top, image.width, min(top + _BAND_ROWS, rows)))
        seen.update(band.tobytes())
    return seen.digest()
