"""Pictures: find them, check them, and bring every kind to one normal form.

Whatever comes in (a photograph of 12 megapixels, a CMYK JPEG, a transparent PNG, an animated GIF),
what goes on is an upright RGB JPEG of at most `Limits.edge` pixels and a small WebP thumbnail.
A reference is data somebody else wrote, so nothing about it is believed before it was checked.
"""

from __future__ import annotations

import hashlib
import io
import logging
import math
import os
import random
import re
import stat
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from vitrina.errors import DamagedError, PictureError
from vitrina.pictures.kinds import stranger
from vitrina.pictures.limits import Limits, check_size
from vitrina.pictures.memory import MemoryBudget, give_back
from vitrina.pictures.survey import Survey, orientation, survey

if TYPE_CHECKING:
    from vitrina.pictures.fetch import Fetcher

DECODING = MemoryBudget(400_000_000)  # bytes for what is being decoded, in all threads together
SUPPORTED = "JPEG, PNG, WebP, GIF, AVIF, BMP or TIFF"
THUMBNAIL_EDGE = 160

_WHITE = (255, 255, 255)
_SCHEME = re.compile(r"(https?|data|file):|([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
logging.getLogger("PIL").addHandler(logging.NullHandler())  # what it logs is raised as well
_PILLOW = re.compile(r"PIL\.")
_EOI = b"\xff\xd9"  # the end marker of a JPEG
_FILLERS = tuple(  # entropy-coded data of no JPEG in particular
    random.Random(seed).randbytes(4096).replace(b"\xff", b"")  # noqa: S311
    for seed in (1, 2)
)
_BAND_ROWS = 256
_LARGE = 40_000_000  # bytes
_BAND_PIXELS = 1_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in its normal form.

    `sha256`, `mime` and `size` are of the original bytes; `width` and `height` are the original's
    in pixels, upright; `dhash` is a 64-bit difference hash, unsigned: near-equal pictures differ
    in few bits.
    """

    sha256: str
    mime: str
    width: int
    height: int
    size: int
    dhash: int
    jpeg: bytes
    thumbnail: bytes

    @property
    def redacted(self) -> str:
        """What a trace and a log say of it."""
        return f"<{self.size} bytes, sha256 {self.sha256[:12]}>"

    def open(self, edge: int | None = None) -> Image.Image:
        """The normal form, decoded to RGB; with `edge`, at most so many pixels on its longer side.

        A small `edge` is several times faster: JPEG is decoded at a half, quarter or eighth.
        """
        image = Image.open(io.BytesIO(self.jpeg), formats=("JPEG",))
        if edge is not None:
            _draft(image, edge)
        image.load()
        return image if edge is None else _shrink(image, edge)


def load(
    reference: str,
    *,
    root: Path | None = None,
    named: Path | None = None,
    limits: Limits | None = None,
    fetcher: Fetcher | None = None,
) -> Picture:
    """The picture behind an http(s) address or a path.

    With `root`, a path is taken from there and may not leave it, not by a symbolic link either:
    use that for every path that comes from data. Without, any path is good: the user typed it.
    `named` is another name of `root` that absolute paths may begin with, like a link to it.
    `fetcher` keeps connections between calls and brings its own limits for the fetch.
    Raises PictureError for whatever goes wrong, naming the reference and the reason.
    """
    limits = limits or Limits()
    try:
        return decode(_read(reference, root, named, limits, fetcher), limits=limits)
    except PictureError as error:
        message = f"{shown(reference)}: {error}"
        problem = PictureError(message, transient=error.transient)
    raise problem  # not from the other, whose frames hold the file


def decode(data: bytes, *, limits: Limits | None = None) -> Picture:
    """The picture in `data`, brought to its normal form. Raises PictureError if there is none."""
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
    with DECODING.hold(found.memory):
        try:
            return _normal(data, found, limits)
        except PictureError as error:
            # without its frames: they hold the pixels as long as the error is kept
            problem = error.with_traceback(None)
        except MemoryError:
            size = f"{found.width}x{found.height}"
            problem = PictureError(f"there is not enough memory for {size} pixels")
        except Exception:
            problem = DamagedError(found.kind)
        finally:
            if found.memory > _LARGE:
                give_back()
    raise problem


def _normal(data: bytes, found: Survey, limits: Limits) -> Picture:
    """The normal form of what was surveyed."""
    if found.cut:
        found = replace(found, data=_ended(found, limits))
    image = _opened(found)
    _draft(image, limits.edge)
    image.load()
    turn = found.orientation or orientation(image.info.get("exif", b""))
    image = _opaque(_small(image, limits.edge))
    if turn in _TURNS:
        image = image.transpose(_TURNS[turn])
    small = _shrink(image, THUMBNAIL_EDGE)
    width, height = (found.width, found.height)[:: -1 if turn >= 5 else 1]
    return Picture(
        sha256=hashlib.sha256(data).hexdigest(),
        mime=f"image/{found.kind.lower()}",
        width=width,
        height=height,
        size=len(data),
        dhash=_difference_hash(small),
        jpeg=_encoded(image, "JPEG", quality=85),
        thumbnail=_encoded(small, "WEBP", quality=80, method=4),
    )


def _read(
    reference: str,
    root: Path | None,
    named: Path | None,
    limits: Limits,
    fetcher: Fetcher | None,
) -> bytes:
    """The bytes behind a reference, at most `limits.bytes` of them."""
    reference = reference.strip()
    if not reference:
        raise PictureError("no picture is given")
    scheme = _SCHEME.match(reference)
    if scheme is None:
        return _read_file(_inside(reference, root, named), limits)
    name = (scheme[1] or scheme[2]).lower()
    if name == "data":
        raise PictureError("data: addresses are not read; save the picture as a file")
    if name not in {"http", "https"}:
        raise PictureError(f"{name}: addresses are not read; use http, https or a plain path")
    if fetcher is not None:
        return fetcher.fetch(reference)
    from vitrina.pictures.fetch import Fetcher

    with Fetcher(limits) as once:
        return once.fetch(reference)


def _inside(reference: str, root: Path | None, named: Path | None = None) -> Path:
    """The path meant, links resolved. Raises PictureError where it leaves `root`."""
    if "\0" in reference:
        raise PictureError("the path has a NUL character in it")
    try:
        if root is None:
            return Path(reference).resolve()
        if reference.startswith("//"):
            raise PictureError("an address without its scheme; write https: before it")
        home = root.resolve()
        # by its letters first: what lies outside is not looked at; the root may be a link
        names = [home, *(Path(os.path.normpath(n.absolute())) for n in (root, named) if n)]
        written = Path(os.path.normpath(home / reference))
        if not any(written.is_relative_to(name) for name in names):
            raise PictureError("the path leads out of the folder of the pictures")
        path = (home / reference).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise PictureError(_file_problem(error)) from error
    if not path.is_relative_to(home):
        raise PictureError("the path leads out of the folder of the pictures")
    return path


def _read_file(path: Path, limits: Limits) -> bytes:
    """The bytes of a regular file: a pipe or device is refused before it can block."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        _check_regular(path.stat())
        with os.fdopen(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            _check_regular(found)
            check_size(found.st_size, limits)
            return file.read(limits.bytes + 1)
    except (OSError, ValueError) as error:
        raise PictureError(_file_problem(error)) from error


def _check_regular(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise PictureError("this is a folder, not a picture")
    if not stat.S_ISREG(found.st_mode):
        raise PictureError("this is a pipe, socket or device, not a file")


def _file_problem(error: Exception) -> str:
    """One sentence on why a path could not be read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "there is no such file"
    if isinstance(error, PermissionError):
        return "the file may not be read; check its permissions"
    if isinstance(error, RuntimeError):
        return "the path is a loop of symbolic links"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"the file cannot be read ({reason})"


def shown(reference: str) -> str:
    """A reference fit for a message: short, printable, no password and no signature in it."""
    reference = reference.strip()
    if re.match(r"https?:", reference, re.IGNORECASE):
        reference = re.sub(r"[?#].*", "", reference, flags=re.DOTALL)
    if re.match(r"(?:https?:)?//", reference, re.IGNORECASE):
        reference = re.sub(r"//[^/]*@", "//", reference, count=1)
    text = "".join(c if c.isprintable() else "?" for c in reference) or "(empty)"
    return text if len(text) <= 120 else f"{text[:80]}…{text[-39:]}"


def _opened(found: Survey) -> Image.Image:
    """The opened picture, nothing decoded yet. Raises PictureError where the survey misread it."""
    if not any(entry[3] == _PILLOW for entry in warnings.filters):
        # Odd metadata is no news to a shop. Narrow and for good, since catch_warnings() is not
        # safe with threads; looked for again because other code may have reset the filters.
        warnings.filterwarnings("ignore", category=UserWarning, module=_PILLOW.pattern)
    image = Image.open(io.BytesIO(found.data), formats=(found.kind,))
    if image.size != (found.width, found.height):
        raise DamagedError(found.kind)
    return image


def _ended(found: Survey, limits: Limits) -> bytes:
    """The bytes of a JPEG that lacks its end, with an end.

    A row is there where it makes no difference what takes the place of the missing bytes. The
    decoder itself does not tell: it fills up with grey. Where rows come in several scans, all but
    the last have to be whole, and the rows that lack the last count by its share of the bytes.
    """
    share = f"{limits.rows * 100:g} % of its rows"
    if found.work * (len(_FILLERS) + 1) > limits.work:
        raise PictureError(
            f"the JPEG picture is cut short and too large to see if {share} are there"
        )
    data = found.data
    if data.endswith(bytes(16)):
        # a download that was given its length before its bytes; one zero may be the data's own
        data = data.rstrip(b"\0") + b"\0"
    data = data.rstrip(b"\xff")
    ended = data + _EOI
    rows = math.ceil(found.height / (1 + (1 / limits.rows - 1) / found.last))
    expected = _rows_hash(replace(found, data=ended), rows)
    for filler in _FILLERS:
        marker = b"" if found.restart is None else bytes((0xFF, 0xD0 + found.restart))
        for start in {b"", marker}:
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


def _draft(image: Image.Image, edge: int) -> None:
    """Ask the JPEG decoder for the smallest of 1, 1/2, 1/4, 1/8 that still has `edge` pixels."""
    scale = edge / max(image.size)
    if scale < 1:
        image.draft(None, (math.ceil(image.width * scale), math.ceil(image.height * scale)))


def _shrink(image: Image.Image, edge: int) -> Image.Image:
    """`image` with a longer side of at most `edge` pixels, never made larger."""
    scale = edge / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _small(image: Image.Image, edge: int) -> Image.Image:
    """`image` as RGB or RGBA with a longer side of at most `edge` pixels.

    A large one is converted and reduced band by band: converting takes several copies.
    """
    levels = _levels(image)
    factor = int(max(image.size) / edge / 2)
    if factor < 2 or (image.mode == "RGB" and not image.has_transparency_data):
        return _shrink(_eight_bit(image, levels), edge)
    width, height = image.size
    size = tuple(max(1, round(side * edge / max(image.size))) for side in image.size)
    rows = max(1, _BAND_PIXELS // width // factor) * factor
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


def _opaque(image: Image.Image) -> Image.Image:
    """`image` on white, as RGB."""
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, _WHITE)
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    """`image` as bytes of that format, without metadata: equal pixels give equal bytes."""
    out = io.BytesIO()
    image.info = {}
    image.save(out, kind, **options)
    return out.getvalue()


def _difference_hash(image: Image.Image) -> int:
    """64 bits, one for each pair of neighbours in a 9x8 grey miniature: is the left one darker?"""
    grey = image.convert("L").resize((9, 8), Image.Resampling.BILINEAR).tobytes()
    bits = 0
    for row in range(8):
        for column in range(8):
            left = grey[row * 9 + column]
            bits = bits << 1 | (left < grey[row * 9 + column + 1])
    return bits
