"""What a picture may cost."""

from __future__ import annotations

from dataclasses import dataclass

from vitrina.errors import PictureError


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may cost: its size in bytes, seconds to fetch it, redirects, and its decoding.

    `allow_private` lets addresses inside the own network through; `edge` is the longer side, in
    pixels, of the normal form. What decoding holds at once is bounded for all threads, by DECODING.
    """

    bytes: int = 10_000_000
    seconds: float = 20.0
    redirects: int = 3
    pixels: int = 40_000_000
    allow_private: bool = False
    edge: int = 1024
    side: int = 65_535  # pixels: what JPEG can hold; each row costs memory of its own
    scans: int = 200  # of a JPEG, each a pass over all of it; encoders write about ten
    work: int = 600_000_000  # pixels all scans of a picture go over: seconds in the decoder
    parts: int = 200_000  # chunks, segments, strips: each is handled on its own
    rows: float = 0.95  # share of its rows that make a JPEG without an end a picture


def check_size(size: int, limits: Limits) -> None:
    """Raises PictureError where `size`, in bytes, is over the limit."""
    if size > limits.bytes:
        raise PictureError(
            f"{size / 1e6:.1f} MB is over the limit of {limits.bytes / 1e6:.1f} MB;"
            " use a smaller version"
        )
