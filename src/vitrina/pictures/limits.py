"""The limits of a picture's cost."""

from __future__ import annotations

from dataclasses import dataclass

from vitrina.errors import PictureError


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a picture: its bytes, the seconds to fetch it, redirects, and its decoding.

    `allow_private` allows addresses of the private network; `edge` is the longer side, in
    pixels, of the normal form. DECODING bounds the memory of decoding for all threads.
    """

    bytes: int = 10_000_000
    seconds: float = 20.0
    redirects: int = 3
    pixels: int = 40_000_000
    allow_private: bool = False
    edge: int = 1024
    side: int = 65_535  # pixels: JPEG's limit; each row costs memory
    scans: int = 200  # of a JPEG, each a pass over the picture; encoders write about ten
    work: int = 600_000_000  # pixels covered by all scans of a picture: seconds in the decoder
    parts: int = 200_000  # chunks, segments, strips: each is handled singly
    rows: float = 0.95  # share of rows that a truncated JPEG needs


def check_size(size: int, limits: Limits) -> None:
    """Raises PictureError if `size`, in bytes, is over the limit."""
    if size > limits.bytes:
        raise PictureError(
            f"{size / 1e6:.1f} MB is over the limit of {limits.bytes / 1e6:.1f} MB;"
            " use a smaller version"
        )
