"""What data is by its first bytes: a picture, or what is often found where one should be."""

from __future__ import annotations

import re

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


def stranger(data: bytes) -> str | None:
    """What `data` is instead of a picture, and what to do about it, where it can be told."""
    head = data[:1024].removeprefix(b"\xef\xbb\xbf")
    return next((said for pattern, said in _STRANGERS if pattern.match(head)), None)


def looks_like_picture(data: bytes) -> bool:
    """Whether `data` begins as one of the supported formats does."""
    return _MAGIC.match(data) is not None
