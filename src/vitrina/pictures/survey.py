"""Surveys the bytes of a picture before a decoder sees them: what would it cost, what is needed?

A file of a few kilobytes can unfold to gigabytes, or hold a thread for hours in a decoder that
cannot be interrupted. A survey reads headers only, in time linear in the file, refuses what is
over the limits, and hands on only the parts that hold pixels: no profile, comment or further frame.
"""

from __future__ import annotations

import io
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from vitrina.errors import DamagedError, PictureError
from vitrina.pictures import avif
from vitrina.pictures.avif import boxes as _boxes
from vitrina.pictures.limits import Limits

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # of a JPEG: neither stuffing nor a restart
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
_SOI, _EOI, _SOS, _DRI = 0xD8, 0xD9, 0xDA, 0xDD
_SCANNED = {0xC0, 0xC1, 0xC2}  # baseline, extended and progressive: the ones that viewers show
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES = {0xC4, 0xDB, 0xE0, 0xEE}  # Huffman, quantisation, JFIF, Adobe
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TIFF_TEXT = {1, 2, 6, 7}  # types of plain bytes
_TIFF_LENGTHS = {279, 325}  # of strips and tiles
_TIFF_SEVERAL = {258} | _TIFF_LENGTHS
# sides, bits, compression, samples, rows of a strip, sides of a tile, orientation
_TIFF_NEEDED = {256, 257, 259, 274, 277, 278, 322, 323} | _TIFF_SEVERAL
_TIFF_COMPRESSION = {1, 2, 3, 4, 5, 7, 8, 32773, 32946}
_SHORTEST = 24  # bytes: less is no picture of any format
_FIXED = 8_000_000  # bytes: the normal form, the thumbnail and their encoders
_WEBP_BYTES = 20  # a pixel: two canvases, the copy handed on, the picture, the decoder's own
_AVIF_BYTES = 24  # a pixel: planes of 16 bits, references, RGBA twice, the picture
_BOX_TABLE = 65_536  # bytes of an AVIF's table; the decoder's look-ups are quadratic in it


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


def orientation(exif: bytes) -> int:
    """The orientation in EXIF bytes, 1 to 8; 1 (upright) where it cannot be read.

    Only that one entry is looked at: a full parse copies what every entry points to.
    """
    exif = exif.removeprefix(b"Exif\0\0")
    try:
        for tag, kind, _count, at in _entries(exif):
            if tag == 0x0112 and kind in {3, 4}:
                order = _order(exif)
                (value,) = struct.unpack_from(order + ("H" if kind == 3 else "L"), exif, at)
                return int(value) if 1 <= value <= 8 else 1
    except (struct.error, IndexError, ValueError):
        pass
    return 1


def _copies(pixels: int, limits: Limits) -> int:
    """Bytes of the copies made to convert a picture at full size; a larger one goes by bands."""
    return 12 * min(pixels, (4 * limits.edge) ** 2)


def _count(parts: int, limits: Limits) -> None:
    if parts > limits.parts:
        raise PictureError(
            f"it has more than the limit of {limits.parts:,} parts (chunks, segments, strips);"
            " save it anew"
        )


def _check_work(work: int, limits: Limits) -> None:
    if work > limits.work:
        raise PictureError(
            f"its scans go over {work / 1e6:,.0f} megapixels, more than the limit of"
            f" {limits.work / 1e6:,.0f}; save it with fewer scans (not progressive)"
        )


@dataclass(slots=True)
class _Frame:
    """The frame header of a JPEG, with the blocks of 8x8 by component, and what its scans bring.

    `lacking` has the component and number of each coefficient whose last bit is still to come.
    """

    width: int
    height: int
    progressive: bool
    blocks: dict[int, int]
    lacking: set[tuple[int, int]]
    scans: int = 0
    work: int = 0
    bytes: int = 0


def _segments(data: bytes, limits: Limits) -> Iterator[tuple[int, int, int, int]]:
    """Marker, start, end of the header and end of each segment of a JPEG; the end marker last."""
    at, parts = 2, 0
    while marker := _MARKER.search(data, at):
        parts += 1
        _count(parts, limits)
        code, start, at = marker[1][0], marker.start(), marker.end()
        if code == _EOI:
            yield code, start, at, at
            return
        if code in {0x01, _SOI}:
            continue
        (length,) = struct.unpack_from(">H", data, at)
        head = at = at + length
        if length < 2 or head > len(data):
            raise DamagedError("JPEG")
        if code == _SOS:
            follows = _MARKER.search(data, head)
            at = follows.start() if follows else len(data)
        yield code, start, head, at


def _jpeg(data: bytes, limits: Limits) -> Survey:
    kept = [data[:2]]
    frame: _Frame | None = None
    interval = last = 0
    restart: int | None = None
    exif, cut = False, True
    for code, start, head, end in _segments(data, limits):
        body = data[start + 4 : head]
        if code in _FRAMES:
            frame = _jpeg_frame(code, body, frame, limits)
        elif code == _SOS:
            if frame is None:
                raise DamagedError("JPEG")
            _jpeg_scan(body, frame, limits)
            last = end - head + 1
            frame.bytes += last
            if interval:
                numbers = _RESTART.findall(data, head, end)
                restart = (numbers[-1][0] - 0xD0 + 1) % 8 if numbers else 0
        elif code == _DRI:
            (interval,) = struct.unpack(">H", body)
            restart = None
        elif code == 0xE1 and not exif and body.startswith(b"Exif\0\0"):
            exif = True
        elif code == _EOI:
            cut = False
        elif code not in _TABLES:
            continue
        kept.append(data[start:end])
    if frame is None or frame.scans == 0:
        raise DamagedError("JPEG")
    if cut and frame.lacking:
        raise PictureError("the JPEG picture is cut short or damaged: it lacks whole scans")
    memory = _FIXED
    if frame.progressive or frame.scans > 1:
        memory += 128 * sum(frame.blocks.values())  # all coefficients, 2 bytes each
    shown = 1 if cut else _drafted(frame.width, frame.height, limits.edge)
    pixels = math.ceil(frame.width / shown) * math.ceil(frame.height / shown)
    memory += 4 * pixels + _copies(pixels, limits)
    return Survey(
        "JPEG", b"".join(kept), frame.width, frame.height, memory, frame.work, cut, restart,
        last / frame.bytes,
    )  # fmt: skip


def _jpeg_frame(code: int, body: bytes, before: _Frame | None, limits: Limits) -> _Frame:
    if code not in _SCANNED or before is not None:
        raise PictureError("a JPEG of a rare kind (arithmetic, lossless or hierarchic)")
    height, width, count = struct.unpack_from(">HHB", body, 1)
    if not (width and height and 1 <= count <= 4):
        raise DamagedError("JPEG")
    check_sides(width, height, limits)
    factors = {body[6 + 3 * n]: divmod(body[7 + 3 * n], 16) for n in range(count)}
    if any(not (1 <= f <= 4) for pair in factors.values() for f in pair):
        raise DamagedError("JPEG")
    across, down = (max(pair[n] for pair in factors.values()) for n in (0, 1))
    columns, rows = math.ceil(width / (8 * across)), math.ceil(height / (8 * down))
    blocks = {c: columns * h * rows * v for c, (h, v) in factors.items()}
    lacking = {(c, k) for c in blocks for k in range(64)}
    return _Frame(width, height, code == 0xC2, blocks, lacking)


def _jpeg_scan(body: bytes, frame: _Frame, limits: Limits) -> None:
    """Count one scan in. Raises PictureError where it is one too many."""
    count = body[0]
    components = [body[1 + 2 * n] for n in range(count)]
    first, last, precision = struct.unpack_from("BBB", body, 1 + 2 * count)
    if not frame.progressive:
        first, last, precision = 0, 63, 0
    if precision & 15 == 0:
        frame.lacking -= {(c, k) for c in components for k in range(first, min(last, 63) + 1)}
    frame.scans += 1
    if frame.scans > limits.scans:
        raise PictureError(
            f"it has more than the limit of {limits.scans} scans;"
            " save it with fewer (not progressive)"
        )
    frame.work += 64 * sum(frame.blocks.get(c, 0) for c in components)
    _check_work(frame.work, limits)


def _drafted(width: int, height: int, edge: int) -> int:
    """By how much the JPEG decoder scales down where `edge` pixels are wanted: 1, 2, 4 or 8."""
    scale = edge / max(width, height)
    if scale >= 1:
        return 1
    by = min(width // math.ceil(width * scale), height // math.ceil(height * scale))
    return next(s for s in (8, 4, 2, 1) if by >= s)


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
        _count(parts, limits)
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
    copies = _copies(width * height, limits)
    return Survey("PNG", b"".join(kept), width, height, _FIXED + size * width * height + copies)


def _gif(data: bytes, limits: Limits) -> Survey:
    """Only the first frame goes on, with the control block before it."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 128 else 0)
    head, control, parts = data[:at], b"", 0
    while True:
        start, parts = at, parts + 1
        _count(parts, limits)
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
            _count(parts, limits)
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
        "GIF", whole, width, height, _FIXED + 2 * width * height + _copies(width * height, limits)
    )


def _webp(data: bytes, limits: Limits) -> Survey:
    """The largest of what the canvas and all frames say: their own headers, too."""
    sizes, count = [(0, 0)], 0
    places = [(12, len(data))]
    while places:
        for name, start, end in _chunks(data, *places.pop()):
            count += 1
            _count(count, limits)
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
    return Survey("WEBP", data, width, height, _FIXED + _WEBP_BYTES * width * height)


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
        _FIXED + (1 if bits <= 8 else 4) * width * height + _copies(width * height, limits),
    )


def _order(data: bytes) -> str:
    return ">" if data[:2] == b"MM" else "<"


def _entries(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Tag, type, count and where the value is, of each entry in the first directory of a TIFF."""
    order = _order(data)
    (at,) = struct.unpack_from(order + "4xL", data)
    (entries,) = struct.unpack_from(order + "H", data, at)
    for n in range(entries):
        place = at + 2 + 12 * n
        tag, kind, count = struct.unpack_from(order + "HHL", data, place)
        where = place + 8
        if _TIFF_SIZES.get(kind, 0) * count > 4:
            (where,) = struct.unpack_from(order + "L", data, where)
        yield tag, kind, count, where


def _tiff(data: bytes, limits: Limits) -> Survey:
    order = _order(data)
    values: dict[int, int] = {}  # the first, or for bits of samples the largest
    size = numbers = 0
    upright = bytearray(data)
    for tag, kind, count, at in _entries(data):
        size += _TIFF_SIZES.get(kind, 0) * count
        numbers += 1 if kind in _TIFF_TEXT else count
        _count(numbers, limits)
        if size > len(data):
            raise PictureError("its tags claim more bytes than the TIFF picture has")
        letter = {1: "B", 3: "H", 4: "L"}.get(kind)
        if tag in _TIFF_NEEDED and (tag in values or not letter or not count):
            # readers differ on which of two is meant, and on numbers of other types
            raise DamagedError("TIFF")
        if letter and count:
            several = count if tag in _TIFF_SEVERAL else 1
            read = struct.unpack_from(f"{order}{several}{letter}", data, at)
            values[tag] = max(read)
            if tag in _TIFF_LENGTHS and sum(read) > 2 * len(data):
                raise PictureError("its parts claim more bytes than the TIFF picture has")
            if tag == 0x0112:
                struct.pack_into(order + letter, upright, at, 1)  # it is turned once it is small
    width, height = values.get(256, 0), values.get(257, 0)
    if not (width and height):
        raise DamagedError("TIFF")
    check_sides(width, height, limits)
    if values.get(259, 1) not in _TIFF_COMPRESSION:
        raise PictureError("a TIFF picture of a rare compression; save it as PNG")
    bits, samples = values.get(258, 1), values.get(277, 1)
    across, down = width, min(values.get(278, height), height)
    if 322 in values:
        across, down = values[322], values.get(323, 0)
        check_sides(across, down, limits)
    work = 0
    if values.get(259) == 7:
        strips = math.ceil(width / max(across, 1)) * math.ceil(height / max(down, 1))
        work = max(1, data.count(b"\xff\xda") - strips + 1) * width * height * samples
        _check_work(work, limits)
    decoded = (1 if samples == 1 and bits <= 8 else 4) * width * height
    part = across * down * max(4, math.ceil(samples * bits / 8))
    turn = values.get(0x0112, 1)
    return Survey(
        "TIFF",
        bytes(upright),
        width,
        height,
        _FIXED + decoded + part + 2 * len(data) + _copies(width * height, limits),
        work=work,
        orientation=turn if turn <= 8 else 1,
    )


def _avif(data: bytes, limits: Limits) -> Survey | None:
    """The size is the decoder's own, which reads it without decoding; metadata is taken out.

    That is the container's size. What is coded in it says its own, and must not be larger.
    """
    parts, coded = 0, list[tuple[int, int]]()
    for name, start, end in _boxes(data, 0, len(data)):
        parts += 1
        if name == b"meta":
            for inner, first, last in _boxes(data, start + 4, end):
                tables = [(inner, first, last)]
                if inner == b"iprp":
                    tables = list(_boxes(data, first, last))
                for table, low, high in tables:
                    if table == b"ipco":
                        parts += sum(64 for _ in _boxes(data, low, high))
                    elif table != b"idat" and high - low > _BOX_TABLE:
                        raise PictureError("an AVIF picture of too many parts; save it anew")
            data = data[:start] + data[start:end].replace(b"Exif", b"skip") + data[end:]
            coded += avif.item_sizes(data, start + 4, end)
        elif name == b"moov":
            if data.count(b"trak", start, end) > 16:
                raise PictureError("an AVIF picture of too many parts; save it anew")
            coded += avif.track_sizes(data, start, end)
        _count(parts, limits)
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
    return Survey("AVIF", data, width, height, _FIXED + _AVIF_BYTES * width * height)


_KINDS = (
    (rb"\xff\xd8\xff", "JPEG", _jpeg),
    (rb"\x89PNG\r\n\x1a\n", "PNG", _png),
    (rb"GIF8[79]a", "GIF", _gif),
    (rb"RIFF.{4}WEBP", "WEBP", _webp),
    (rb"BM", "BMP", _bmp),
    (rb"II\*\0|MM\0\*", "TIFF", _tiff),
    (rb".{4}ftyp(avi[fs]|mif1|msf1)", "AVIF", _avif),
)
