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
import re
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ExifTags, Image

from vitrina.errors import PictureError

if TYPE_CHECKING:
    from vitrina.fetching import Fetcher

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")
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
# What is often found where a picture should be: how it begins, what it is, what to do about it.
_STRANGERS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), said)
    for pattern, said in (
        (
            rb"\s*(<\?xml[^>]*>\s*|<!--.*?-->\s*)*(<!doctype\s+svg|<svg[\s>])",
            "an SVG drawing, not a photograph; export it as PNG",
        ),
        (
            rb"\s*(<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|script|meta)\b",
            "a web page (HTML), not a picture; give the address of the picture itself",
        ),
        (rb".{4}ftyp(heic|heix|hevc|heim|heis|mif1|msf1)", "a HEIC picture; save it as JPEG"),
        (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL picture; save it as JPEG"),
        (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 picture; save it as JPEG"),
        (rb"%PDF-", "a PDF document; export the page as PNG"),
        (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript drawing; export it as PNG"),
        (rb"8BPS", "a Photoshop document; export it as JPEG"),
        (rb"PK\x03\x04", "a ZIP archive; unpack it first"),
        (rb"version https://git-lfs", "a Git LFS pointer; run `git lfs pull` first"),
        (rb"\s*[{\[]\s*[\"\]}{]", "JSON, not a picture; give the address of the picture itself"),
        (rb"\s*<", "XML or a web page, not a picture; give the address of the picture itself"),
    )
)
_MAGIC = re.compile(
    rb"\xff\xd8\xff|\x89PNG|RIFF.{4}WEBP|GIF8|BM|II[*+]\0|MM\0[*+]|.{4}ftypavi", re.DOTALL
)
logging.getLogger("PIL").addHandler(logging.NullHandler())  # what it logs is raised as well
_PILLOW = re.compile(r"PIL\.")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may cost: its size in bytes, seconds to fetch it, redirects, pixels.

    `allow_private` lets addresses inside the own network through; `edge` is the longer side, in
    pixels, of the normal form.
    """

    bytes: int = 10_000_000
    seconds: float = 20.0
    redirects: int = 3
    pixels: int = 40_000_000
    allow_private: bool = False
    edge: int = 1024


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
    limits: Limits | None = None,
    fetcher: Fetcher | None = None,
) -> Picture:
    """The picture behind an http(s) address or a path.

    With `root`, a path is taken from there and may not leave it, not by a symbolic link either:
    use that for every path that comes from data. Without, any path is good: the user typed it.
    `fetcher` keeps connections between calls and brings its own limits for the fetch.
    Raises PictureError for whatever goes wrong, naming the reference and the reason.
    """
    limits = limits or Limits()
    try:
        return decode(_read(reference, root, limits, fetcher), limits=limits)
    except PictureError as error:
        message = f"{shown(reference)}: {error}"
        raise PictureError(message, transient=error.transient) from error


def decode(data: bytes, *, limits: Limits | None = None) -> Picture:
    """The picture in `data`, brought to its normal form. Raises PictureError if there is none."""
    limits = limits or Limits()
    if not data:
        raise PictureError("the file is empty (0 bytes)")
    check_size(len(data), limits)
    image = _recognise(data, limits)
    kind = "JPEG" if image.format == "MPO" else str(image.format)
    width, height = image.size
    try:
        _draft(image, limits.edge)
        image.load()
        orientation = _orientation(image)  # after loading: Pillow turns a TIFF itself
        image = _opaque(_shrink(_eight_bit(image), limits.edge))
        if orientation in _TURNS:
            image = image.transpose(_TURNS[orientation])
        jpeg = _encoded(image, "JPEG", quality=85)
        small = _shrink(image, THUMBNAIL_EDGE)
        thumbnail = _encoded(small, "WEBP", quality=80, method=4)
    except PictureError:
        raise
    except MemoryError as error:
        raise PictureError(f"there is not enough memory for {width}x{height} pixels") from error
    except Exception as error:
        raise PictureError(f"the {kind} picture is cut short or damaged") from error
    if orientation >= 5:
        width, height = height, width
    return Picture(
        sha256=hashlib.sha256(data).hexdigest(),
        mime=f"image/{kind.lower()}",
        width=width,
        height=height,
        size=len(data),
        dhash=_difference_hash(small),
        jpeg=jpeg,
        thumbnail=thumbnail,
    )


def check_size(size: int, limits: Limits) -> None:
    """Raises PictureError where `size`, in bytes, is over the limit."""
    if size > limits.bytes:
        raise PictureError(
            f"{size / 1e6:.1f} MB is over the limit of {limits.bytes / 1e6:.1f} MB;"
            " use a smaller version"
        )


def stranger(data: bytes) -> str | None:
    """What `data` is instead of a picture, and what to do about it, where it can be told."""
    head = data[:1024].removeprefix(b"\xef\xbb\xbf")
    return next((said for pattern, said in _STRANGERS if pattern.match(head)), None)


def looks_like_picture(data: bytes) -> bool:
    """Whether `data` begins as one of the supported formats does."""
    return _MAGIC.match(data) is not None


def _read(reference: str, root: Path | None, limits: Limits, fetcher: Fetcher | None) -> bytes:
    """The bytes behind a reference, at most `limits.bytes` of them."""
    reference = reference.strip()
    if not reference:
        raise PictureError("no picture is given")
    scheme = _SCHEME.match(reference)
    if scheme is None:
        return _read_file(_inside(reference, root), limits)
    name = (scheme[1] or scheme[2]).lower()
    if name == "data":
        raise PictureError("data: addresses are not read; save the picture as a file")
    if name not in {"http", "https"}:
        raise PictureError(f"{name}: addresses are not read; use http, https or a plain path")
    if fetcher is not None:
        return fetcher.fetch(reference)
    from vitrina.fetching import Fetcher

    with Fetcher(limits) as once:
        return once.fetch(reference)


def _inside(reference: str, root: Path | None) -> Path:
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
        named = Path(os.path.normpath(root.absolute()))
        written = Path(os.path.normpath(home / reference))
        if not (written.is_relative_to(home) or written.is_relative_to(named)):
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


def _recognise(data: bytes, limits: Limits) -> Image.Image:
    """The opened picture, nothing decoded yet, its size checked."""
    if not any(entry[3] == _PILLOW for entry in warnings.filters):
        # Odd metadata is no news to a shop. Narrow and for good, since catch_warnings() is not
        # safe with threads; looked for again because other code may have reset the filters.
        warnings.filterwarnings("ignore", category=UserWarning, module=_PILLOW.pattern)
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(
            f"it unfolds to more than the limit of {limits.pixels / 1e6:g} megapixels"
        ) from error
    except Exception as error:
        said = stranger(data)
        raise PictureError(
            f"this is {said}" if said else f"not a readable picture; {SUPPORTED} is expected"
        ) from error
    width, height = image.size
    if width * height > limits.pixels:
        raise PictureError(
            f"{width}x{height} pixels are over the limit of {limits.pixels / 1e6:g} megapixels;"
            " use a smaller version"
        )
    return image


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) where the metadata cannot be read."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


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


def _eight_bit(image: Image.Image) -> Image.Image:
    """`image` as RGB or RGBA with 8 bits a channel, at its present size."""
    if image.mode.startswith("I"):
        image.info.pop("transparency", None)  # one shade of 65536: nobody will miss it
    if image.mode.startswith("I;16"):
        image = image.convert("I").point(lambda v: v * (1 / 257) + 0.5).convert("L")
    elif image.mode in {"I", "F"}:
        image = _ranged(image)
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode == "RGB" else image.convert("RGB")


def _ranged(image: Image.Image) -> Image.Image:
    """A picture of 32-bit numbers as 8-bit grey: the usual ranges as meant, others stretched."""
    low, high = (float(v) for v in image.getextrema())  # type: ignore[arg-type]
    if not (math.isfinite(low) and math.isfinite(high)):
        raise PictureError("its pixels are not finite numbers")
    top = 1.0 if image.mode == "F" and high <= 1 else 255.0 if high <= 255 else 65535.0
    if low < 0 or high > top:
        scale = 255 / max(high - low, 1e-9)
        offset = -low * scale
    else:
        scale, offset = 255 / top, 0.0
    return image.convert("F").point(lambda v: v * scale + offset).convert("L")


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
