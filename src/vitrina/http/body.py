"""Bodies of answers: unpacked a piece at a time, and counted as they come in."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from vitrina.errors import FetchError, TooMuchError

CHUNK = 65_536  # bytes handled at a time


def bounded(chunks: Iterable[bytes], packed: str, most: int) -> Iterator[bytes]:
    """The bytes in `chunks`, which come packed as `packed` (gzip, or not), at most `most`.

    Raises TooMuchError, and FetchError where they cannot be unpacked.
    """
    read = size = 0

    def counted() -> Iterator[bytes]:
        nonlocal read
        for chunk in chunks:
            read += len(chunk)
            if read > most:  # a gzip can be long and hold nothing
                raise too_much(read, most)
            yield chunk

    if packed in ("identity", ""):
        yield from counted()
        return
    if packed not in ("gzip", "x-gzip"):
        raise FetchError(f"packs its answer as {packed[:20]!r}, unasked")
    try:
        for piece in _unpacked(counted()):
            size += len(piece)
            if size > most:
                raise too_much(size, most)
            yield piece
    except zlib.error as exc:
        raise FetchError(f"answered with broken gzip ({exc})") from exc


def too_much(size: int, most: int) -> TooMuchError:
    """The error of a body of `size` bytes, or more, where `most` are taken."""
    digits = 0 if most >= 1e6 else 1
    return TooMuchError(f"answered with more than {most / 1e6:,.{digits}f} MB", size)


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What is in a gzip, in small pieces; it may be several in a row, and what follows is left."""
    unpacker = None
    for chunk in chunks:
        rest = chunk
        while rest:
            if unpacker is None or unpacker.eof:
                if unpacker is not None and not rest.startswith(b"\x1f"):
                    return
                unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
            yield unpacker.decompress(rest, CHUNK)
            rest = unpacker.unconsumed_tail or unpacker.unused_data
    if unpacker is not None and not unpacker.eof:
        raise zlib.error("it is cut short")
