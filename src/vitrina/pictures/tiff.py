"""Surveys a TIFF, and the entries of EXIF, which are written the same way."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

from vitrina.errors import DamagedError, PictureError
from vitrina.pictures.bounds import FIXED, Survey, check_sides, check_work, copies, count_parts
from vitrina.pictures.limits import Limits

_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TIFF_TEXT = {1, 2, 6, 7}  # types of plain bytes
_TIFF_LENGTHS = {279, 325}  # of strips and tiles
_TIFF_SEVERAL = {258} | _TIFF_LENGTHS
# sides, bits, compression, samples, rows of a strip, sides of a tile, orientation
_TIFF_NEEDED = {256, 257, 259, 274, 277, 278, 322, 323} | _TIFF_SEVERAL
# one number each: besides those, photometric, order of bits, planes
_TIFF_SINGLE = _TIFF_NEEDED - _TIFF_SEVERAL | {262, 266, 284}
_TIFF_UNUSED = {282, 283, 296}  # resolution
_TIFF_COMPRESSION = {1, 2, 3, 4, 5, 7, 8, 32773, 32946}

Entry = tuple[int, int, int, int, int]


def orientation(exif: bytes) -> int:
    """The orientation in EXIF bytes, 1 to 8; 1 (upright) where it cannot be read.

    Only that one entry is looked at: a full parse copies what every entry points to.
    """
    exif = exif.removeprefix(b"Exif\0\0")
    try:
        for _, tag, kind, _, at in entries(exif):
            if tag == 0x0112 and kind in {3, 4}:
                order = byte_order(exif)
                (value,) = struct.unpack_from(order + ("H" if kind == 3 else "L"), exif, at)
                return int(value) if 1 <= value <= 8 else 1
    except (struct.error, IndexError, ValueError):
        pass
    return 1


def byte_order(data: bytes | bytearray) -> str:
    return ">" if data[:2] == b"MM" else "<"


def entries(data: bytes) -> Iterator[Entry]:
    """Each entry in the first directory of a TIFF: its place, tag, type, count, and its value's."""
    order = byte_order(data)
    (at,) = struct.unpack_from(order + "4xL", data)
    (entries,) = struct.unpack_from(order + "H", data, at)
    for n in range(entries):
        place = at + 2 + 12 * n
        tag, kind, count = struct.unpack_from(order + "HHL", data, place)
        where = place + 8
        if _TIFF_SIZES.get(kind, 0) * count > 4:
            (where,) = struct.unpack_from(order + "L", data, where)
        yield place, tag, kind, count, where


def _make_plain(data: bytearray, entry: Entry) -> None:
    """Change an entry of which a decoder would warn, or raise DamagedError.

    Entries that no pixel depends on are made empty; what is one number is said to be one.
    """
    place, tag, kind, count, at = entry
    length = _TIFF_SIZES.get(kind, 0) * count
    if tag in _TIFF_UNUSED or (tag not in _TIFF_NEEDED and at + length > len(data)):
        count = 0
    elif tag in _TIFF_SINGLE and count > 1:
        if length > 4:  # then the numbers are elsewhere
            raise DamagedError("TIFF")
        count = 1
    struct.pack_into(byte_order(data) + "L", data, place + 4, count)


def survey_tiff(data: bytes, limits: Limits) -> Survey:
    order = byte_order(data)
    values: dict[int, int] = {}  # the first, or for bits of samples the largest
    size = numbers = 0
    plain = bytearray(data)  # without what a decoder has nothing but warnings for
    for entry in entries(data):
        _make_plain(plain, entry)
        _, tag, kind, count, at = entry
        size += _TIFF_SIZES.get(kind, 0) * count
        numbers += 1 if kind in _TIFF_TEXT else count
        count_parts(numbers, limits)
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
                struct.pack_into(order + letter, plain, at, 1)  # it is turned once it is small
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
        check_work(work, limits)
    decoded = (1 if samples == 1 and bits <= 8 else 4) * width * height
    part = across * down * max(4, math.ceil(samples * bits / 8))
    turn = values.get(0x0112, 1)
    return Survey(
        "TIFF",
        bytes(plain),
        width,
        height,
        FIXED + decoded + part + 2 * len(data) + copies(width * height, limits),
        work=work,
        orientation=turn if turn <= 8 else 1,
    )
