"""The word-piece vectors of the `local` text embedding, as rows to copy into `word_pieces`.

The data file is made and described by scripts/distill_word_pieces.py.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from vitrina.errors import VitrinaError

# For each signed byte, taken as 0..255, the two bytes of its value as a big-endian float16.
_HALVES = [struct.pack(">e", value) for value in (*range(128), *range(-128, 0))]
_HIGH = bytes(half[0] for half in _HALVES)
_LOW = bytes(half[1] for half in _HALVES)


@dataclass(frozen=True)
class WordPieces:
    """All pieces with their int8 vectors; `sha256` tells one data file from another."""

    sha256: str
    dimensions: int
    pieces: tuple[str, ...]
    columns: bytes  # the first dimension of all pieces, then the second, …

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """Yield (piece, embedding) for a binary COPY, the embedding as halfvec's send format.

        Give both to `copy.write_row` as they are, after `copy.set_types(["text", "bytea"])`.
        """
        size = 4 + 2 * self.dimensions
        records = bytearray(struct.pack(">hh", self.dimensions, 0).ljust(size, b"\0") * len(self))
        for dimension, column in enumerate(self._columns()):
            at = 4 + 2 * dimension
            records[at::size] = column.translate(_HIGH)
            records[at + 1 :: size] = column.translate(_LOW)
        for row, piece in enumerate(self.pieces):
            yield piece, bytes(records[row * size : (row + 1) * size])

    def text_rows(self) -> Iterator[tuple[str, str]]:
        """Yield (piece, embedding) for a text COPY or an INSERT, the embedding as '[1,2,…]'."""
        records = bytearray(len(self.columns))
        for dimension, column in enumerate(self._columns()):
            records[dimension :: self.dimensions] = column
        values = memoryview(records).cast("b")
        for row, piece in enumerate(self.pieces):
            vector = values[row * self.dimensions : (row + 1) * self.dimensions].tolist()
            yield piece, "[" + ",".join(map(str, vector)) + "]"

    def __len__(self) -> int:
        return len(self.pieces)

    def _columns(self) -> Iterator[bytes]:
        for start in range(0, len(self.columns), len(self)):
            yield self.columns[start : start + len(self)]


def read() -> WordPieces:
    """Read the data file that comes with vitrina."""
    packed = files("vitrina").joinpath("data/word_pieces.bin.gz").read_bytes()
    head, rest = gzip.decompress(packed).split(b"\n", 1)
    name, version, count, dimensions = head.decode().split()
    *pieces, columns = rest.split(b"\n", int(count))
    if (name, version) != ("vitrina-word-pieces", "1") or len(columns) != int(count) * int(
        dimensions
    ):
        raise VitrinaError("vitrina's word-piece file is damaged; install vitrina again")
    return WordPieces(
        sha256=hashlib.sha256(packed).hexdigest(),
        dimensions=int(dimensions),
        pieces=tuple(piece.decode() for piece in pieces),
        columns=columns,
    )
