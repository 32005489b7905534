"""Surveys a JPEG: its frames, its scans, and what of it holds pixels."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from vitrina.errors import DamagedError, PictureError
from vitrina.pictures.bounds import FIXED, Survey, check_sides, check_work, copies, count_parts
from vitrina.pictures.limits import Limits
from vitrina.pictures.tiff import orientation

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # of a JPEG: neither stuffing nor a restart
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
_SOI, _EOI, _SOS, _DRI = 0xD8, 0xD9, 0xDA, 0xDD
_SCANNED = {0xC0, 0xC1, 0xC2}  # baseline, extended and progressive: the ones that viewers show
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES = {0xC4, 0xDB, 0xE0, 0xEE}  # Huffman, quantisation, JFIF, Adobe


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
        count_parts(parts, limits)
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


def survey_jpeg(data: bytes, limits: Limits) -> Survey:
    kept = [data[:2]]
    frame: _Frame | None = None
    interval = last = 0
    restart: int | None = None
    turn: int | None = None
    cut = True
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
        elif code == 0xE1 and turn is None and body.startswith(b"Exif\0\0"):
            turn = orientation(body)  # all that is needed of it
            continue
        elif code == _EOI:
            cut = False
        elif code not in _TABLES:
            continue
        kept.append(data[start:end])
    if frame is None or frame.scans == 0:
        raise DamagedError("JPEG")
    if cut and frame.lacking:
        raise PictureError("the JPEG picture is cut short or damaged: it lacks whole scans")
    memory = FIXED
    if frame.progressive or frame.scans > 1:
        memory += 128 * sum(frame.blocks.values())  # all coefficients, 2 bytes each
    shown = 1 if cut else drafted(frame.width, frame.height, limits.edge)
    pixels = math.ceil(frame.width / shown) * math.ceil(frame.height / shown)
    ends = 4 * len(data) if cut else 0  # it is tried with several
    memory += 4 * pixels + copies(pixels, limits) + ends
    return Survey(
        "JPEG", b"".join(kept), frame.width, frame.height, memory, frame.work, cut, restart,
        last / frame.bytes, turn or 1,
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
    check_work(frame.work, limits)


def drafted(width: int, height: int, edge: int) -> int:
    """By how much the JPEG decoder scales down where `edge` pixels are wanted: 1, 2, 4 or 8."""
    scale = edge / max(width, height)
    if scale >= 1:
        return 1
    by = min(width // math.ceil(width * scale), height // math.ceil(height * scale))
    return next(s for s in (8, 4, 2, 1) if by >= s)
