"""Reads what an AVIF holds: where its coded pictures are, and the sides each says it has.

A decoder of AV1 takes memory for the sides in the coded picture, not for those of the file around.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from vitrina.errors import DamagedError

_SEQUENCE = 1  # the kind of an OBU, one unit of AV1, that says how large pictures are


def boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start of the content and end of each box."""
    while at + 8 <= end:
        length, name = struct.unpack_from(">L4s", data, at)
        start = at + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        stop = end if length == 0 else at + length
        if stop < start or stop > end:
            raise DamagedError("AVIF")
        yield name, start, stop
        at = stop


def item_sizes(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Width and height that the coded pictures of a `meta` box say they have."""
    found = {name: (first, last) for name, first, last in boxes(data, start, end)}
    if b"iinf" not in found or b"iloc" not in found:
        return []
    pictures = set(_pictures(data, *found[b"iinf"]))
    inside = found.get(b"idat", (0, 0))[0]
    sizes: list[tuple[int, int]] = []
    seen = 0
    for item, places in _places(data, found[b"iloc"][0]):
        if item not in pictures:
            continue
        parts = []
        for stored, at, length in places:
            begin = inside * stored + at
            part = data[begin : begin + length if length else len(data)]
            parts.append(part)
            seen += len(part)
            if seen > 2 * len(data):  # each would be read, though they overlap
                raise DamagedError("AVIF")
        sizes += sequence_sizes(b"".join(parts))
    return sizes


def track_sizes(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Width and height that the first frames of the tracks in a `moov` box say they have."""
    sizes: list[tuple[int, int]] = []
    for name, first, last in boxes(data, start, end):
        if name in (b"trak", b"mdia", b"minf"):
            sizes += track_sizes(data, first, last)
        elif name == b"stbl":
            found = {inner: at for inner, at, _ in boxes(data, first, last)}
            places = {b"stco": ">L", b"co64": ">Q"}
            for table, form in places.items():
                if table in found and b"stsz" in found:
                    (at,) = struct.unpack_from(form, data, found[table] + 8)
                    sizes += sequence_sizes(data[at : at + _first_length(data, found[b"stsz"])])
    return sizes


def _first_length(data: bytes, at: int) -> int:
    """The length of the first sample, from a box `stsz`."""
    (same, count) = struct.unpack_from(">LL", data, at + 4)
    if same or not count:
        return int(same)
    return int(struct.unpack_from(">L", data, at + 12)[0])


def _pictures(data: bytes, start: int, end: int) -> Iterator[int]:
    """The numbers of the items that are coded pictures, from a box `iinf`."""
    for name, at, _ in boxes(data, start + (6 if data[start] == 0 else 8), end):
        if name == b"infe":
            form = ">H2x4s" if data[at] < 3 else ">L2x4s"
            item, kind = struct.unpack_from(form, data, at + 4)
            if kind == b"av01":
                yield item


def _places(data: bytes, at: int) -> Iterator[tuple[int, list[tuple[bool, int, int]]]]:
    """Number and places of each item, from a box `iloc`.

    A place is whether it counts from the box `idat`, where it begins, and its length.
    """
    version = data[at]
    sizes = [data[at + 4] >> 4, data[at + 4] & 15, data[at + 5] >> 4, data[at + 5] & 15]
    if version == 0:
        sizes[3] = 0
    at += 6

    def number(size: int) -> int:
        nonlocal at
        if at + size > len(data):
            raise DamagedError("AVIF")
        at += size
        return int.from_bytes(data[at - size : at], "big")

    for _ in range(number(2 if version < 2 else 4)):
        item = number(2 if version < 2 else 4)
        stored = version > 0 and number(2) & 15 == 1
        number(2)
        base = number(sizes[2])
        places = []
        for _ in range(number(2)):
            number(sizes[3])
            begins = base + number(sizes[0])
            places.append((stored, begins, number(sizes[1])))
        yield item, places


def sequence_sizes(coded: bytes) -> Iterator[tuple[int, int]]:
    """The largest width and height of pictures, from each sequence header in some OBUs."""
    at = 0
    while at < len(coded):
        head = coded[at]
        at += 2 if head & 4 else 1
        length = len(coded) - at
        if head & 2:
            length = shift = 0
            while True:
                if at >= len(coded):
                    return
                length |= (coded[at] & 127) << shift
                shift += 7
                at += 1
                if coded[at - 1] < 128 or shift > 56:
                    break
        if head >> 3 & 15 == _SEQUENCE:
            yield _sequence(coded[at : at + min(length, 1000)])
        at += length


def _sequence(header: bytes) -> tuple[int, int]:
    """The sides in a sequence header of AV1 (section 5.5.1 of its specification)."""
    whole, left = int.from_bytes(header, "big"), 8 * len(header)

    def bits(count: int) -> int:
        nonlocal left
        left -= count
        if left < 0:
            raise DamagedError("AVIF")
        return whole >> left & (1 << count) - 1

    bits(4)  # profile, still picture
    if bits(1):  # a reduced header
        bits(5)
    else:
        model, delay = False, 0
        if bits(1):  # timing
            bits(64)
            if bits(1):
                zeros = 0
                while not bits(1):
                    zeros += 1
                bits(min(zeros, 32))
            model = bool(bits(1))
            if model:
                delay = bits(5) + 1
                bits(42)
        display = bits(1)
        for _ in range(bits(5) + 1):
            bits(12)
            if bits(5) > 7:
                bits(1)
            if model and bits(1):
                bits(2 * delay + 1)
            if display and bits(1):
                bits(4)
    across, down = bits(4) + 1, bits(4) + 1
    return bits(across) + 1, bits(down) + 1
