"""Surveys the bytes of a picture before a decoder sees them: what would it cost, what is needed?

A file of a few kilobytes can unfold to gigabytes, or hold a thread for hours in a decoder that
cannot be interrupted. A survey reads headers only, in time linear in the file, refuses what is
over the limits, and hands on only the parts that hold pixels: no profile, comment or further frame.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator

from PIL import Image

from vitrina.errors import DamagedError, PictureError
from vitrina.pictures import avif
from vitrina.pictures.bounds import FIXED, Survey, check_sides, copies, count_parts
from vitrina.pictures.jpeg import survey_jpeg
from vitrina.pictures.limits import Limits
from vitrina.pictures.tiff import survey_tiff

_SHORTEST = 24  # bytes: less is no picture of any format
_WEBP_BYTES = 20  # a pixel: two canvases, the copy handed on, the picture, the decoder's own
_AVIF_BYTES = 24  # a pixel: planes of 16 bits, references, RGBA twice, the picture
_BOX_TABLE = 65_536  # bytes of an AVIF's table; the decoder's look-ups are quadratic in it


def survey(data: bytes, limits: Limits) -> Survey | None:
    """What decoding `data` takes; None where it begins as no supported format does.

    Raises PictureError where it is over a limit, which is named, or damaged.
    """
    for pattern, kind, look in _KINDS if len(data) > _SHORTEST else ():
        if re.match(pattern, data, re.DOTALL):
            try:
                return look(data, limits)
            except (struct.error, IndexError) as error:
                raise DamagedError(kind) from error
    return None


def _png(data: bytes, limits: Limits) -> Survey:
    width, height, depth, color = struct.unpack_from(">LLBB", data, 16)
    if data[12:16] != b"IHDR" or not (width and height):
        raise DamagedError("PNG")
    check_sides(width, height, limits)
    kept = [data[:8]]
    seen: set[bytes] = set()
    at, parts = 8, 0
    while at + 8 <= len(data):
        parts += 1
        count_parts(parts, limits)
        length, name = struct.unpack_from(">L4s", data, at)
        end = at + 12 + length
        small = {b"IHDR": 13, b"PLTE": 768, b"tRNS": 256, b"eXIf": 65_536, b"IEND": 0}.get(name)
        if name == b"IDAT" or (small is not None and length <= small and name not in seen):
            kept.append(data[at:end])
        seen.add(name)
        at = end
        if name == b"IEND":
            break
    size = (2 if depth == 16 else 1) if color in {0, 3} else 4
    memory = FIXED + size * width * height + copies(width * height, limits)
    return Survey("PNG", b"".join(kept), width, height, memory)


def _gif(data: bytes, limits: Limits) -> Survey:
    """Only the first frame goes on, with the control block before it."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 128 else 0)
    head, control, parts = data[:at], b"", 0
    while True:
        start, parts = at, parts + 1
        count_parts(parts, limits)
        if data[at] == 0x21:
            at += 2
        elif data[at] == 0x2C:
            left, top, across, down, flags = struct.unpack_from("<HHHHB", data, at + 1)
            at += 11 + (3 << (flags & 7) + 1 if flags & 128 else 0)
        else:
            raise DamagedError("GIF")
        while length := data[at] if at < len(data) else 0:
            at += 1 + length
            parts += 1
            count_parts(parts, limits)
        at += 1
        if data[start] == 0x2C:
            break
        if data[start + 1] == 0xF9:
            control = data[start:at]
    width, height = max(width, left + across), max(height, top + down)
    check_sides(width, height, limits)
    # twice: the frame, and the ground it is put on
    whole = b"".join((head, control, data[start:at], b"" if at > len(data) else b";"))
    return Survey(
        "GIF", whole, width, height, FIXED + 2 * width * height + copies(width * height, limits)
    )


def _webp(data: bytes, limits: Limits) -> Survey:
    """The largest of what the canvas and all frames say: their own headers, too."""
    sizes, count = [(0, 0)], 0
    places = [(12, len(data))]
    while places:
        for name, start, end in _chunks(data, *places.pop()):
            count += 1
            count_parts(count, limits)
            if name == b"VP8X":
                sizes.append(_sides(data, start + 4))
            elif name == b"ANMF":
                left, top = (2 * (side - 1) for side in _sides(data, start))
                across, down = _sides(data, start + 6)
                sizes.append((left + across, top + down))
                places.append((start + 16, end))
            elif name == b"VP8 ":
                across, down = struct.unpack_from("<HH", data, start + 6)
                sizes.append((across & 0x3FFF, down & 0x3FFF))
            elif name == b"VP8L":
                (bits,) = struct.unpack_from("<L", data, start + 1)
                sizes.append(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
    width, height = (max(side) for side in zip(*sizes, strict=True))
    if not (width and height):
        raise DamagedError("WEBP")
    check_sides(width, height, limits)
    return Survey("WEBP", data, width, height, FIXED + _WEBP_BYTES * width * height)


def _sides(data: bytes, at: int) -> tuple[int, int]:
    """Two numbers of 24 bits, each stored less one."""
    across, down = (int.from_bytes(data[n : n + 3], "little") + 1 for n in (at, at + 3))
    return across, down


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each chunk of a RIFF file."""
    while at + 8 <= min(end, len(data)):
        name, length = struct.unpack_from("<4sL", data, at)
        yield name, at + 8, at + 8 + length
        at += 8 + length + (length & 1)


def _bmp(data: bytes, limits: Limits) -> Survey:
    (head,) = struct.unpack_from("<L", data, 14)
    if head == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<llHHL", data, 18)
    width, height = abs(width), abs(height)
    check_sides(width, height, limits)
    if compression not in {0, 3, 6}:
        raise PictureError("a compressed BMP picture; save it as PNG")
    return Survey(
        "BMP",
        data,
        width,
        height,
        FIXED + (1 if bits <= 8 else 4) * width * height + copies(width * height, limits),
    )


def _avif(data: bytes, limits: Limits) -> Survey | None:
    """The size is the decoder's own, which reads it without decoding; metadata is taken out.

    That is the container's size. What is coded in it says its own, and must not be larger.
    """
    parts, coded = 0, list[tuple[int, int]]()
    for name, start, end in avif.boxes(data, 0, len(data)):
        parts += 1
        if name == b"meta":
            for inner, first, last in avif.boxes(data, start + 4, end):
                tables = [(inner, first, last)]
                if inner == b"iprp":
                    tables = list(avif.boxes(data, first, last))
                for table, low, high in tables:
                    if table == b"ipco":
                        parts += sum(64 for _ in avif.boxes(data, low, high))
                    elif table != b"idat" and high - low > _BOX_TABLE:
                        raise PictureError("an AVIF picture of too many parts; save it anew")
            data = data[:start] + data[start:end].replace(b"Exif", b"skip") + data[end:]
            coded += avif.item_sizes(data, start + 4, end)
        elif name == b"moov":
            if data.count(b"trak", start, end) > 16:
                raise PictureError("an AVIF picture of too many parts; save it anew")
            coded += avif.track_sizes(data, start, end)
        count_parts(parts, limits)
    try:
        with Image.open(io.BytesIO(data), formats=("AVIF",)) as image:
            width, height = image.size
    except Exception:
        return None
    check_sides(width, height, limits)
    if any(across > max(width, 64) or down > max(height, 64) for across, down in coded) or (
        sum(across * down for across, down in coded) > 8 * max(width, 64) * max(height, 64)
    ):
        raise PictureError(
            f"an AVIF picture of {width}x{height} pixels in which larger ones are coded"
        )
    return Survey("AVIF", data, width, height, FIXED + _AVIF_BYTES * width * height)


_KINDS = (
    (rb"\xff\xd8\xff", "JPEG", survey_jpeg),
    (rb"\x89PNG\r\n\x1a\n", "PNG", _png),
    (rb"GIF8[79]a", "GIF", _gif),
    (rb"RIFF.{4}WEBP", "WEBP", _webp),
    (rb"BM", "BMP", _bmp),
    (rb"II\*\0|MM\0\*", "TIFF", survey_tiff),
    (rb".{4}ftyp(avi[fs]|mif1|msf1)", "AVIF", _avif),
)
