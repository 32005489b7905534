"""Decides in which encoding a text is written, by evidence; never silently by guess.

UTF-8 proves itself: text that is not UTF-8 hardly ever decodes as it. Where it does not, the words
decide: in the right encoding letters stand between letters, in a wrong one signs do.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from vitrina.errors import InputError
from vitrina.files.raw import RawFile

_CHUNK = 1 << 20
_SAMPLE = 400_000  # bytes of lines with more than ASCII
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMES = {
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "iso8859-2": "ISO 8859-2",
    "cp1251": "Windows-1251",
    "cp932": "Shift_JIS",
    "euc-jp": "EUC-JP",
}
_SINGLE = ("cp1252", "cp1250", "iso8859-2", "cp1251")  # on a draw, the first
_JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uff01-\uff60\u3000-\u303f]")
_KANA = re.compile("[\u3040-\u30ff]")
_INSIDE = re.compile(r"(?<=[^\W\d_])[^\x00-\x7f](?=[^\W\d_])")


@dataclass(frozen=True, slots=True)
class Encoding:
    """The codec to read with, and a notice about it unless it is UTF-8.

    `clean`: the whole file was seen to be valid and without NUL, so no row has to be looked at.
    """

    codec: str
    said: str | None = None
    clean: bool = False


def decide(file: RawFile, given: str | None = None) -> Encoding:
    """The encoding of a file. `given` wins. Raises InputError where nothing fits."""
    if given is not None:
        try:
            codec = codecs.lookup(given).name
        except LookupError:
            raise InputError(
                f"unknown encoding {given!r}: try utf-8, cp1252, shift_jis or utf-16"
            ) from None
        return Encoding("utf-8-sig" if codec == "utf-8" else codec)
    head = file.head()
    for bom, codec in _BOMS:
        if head.startswith(bom):
            return Encoding(codec, codec.upper())
    if wide := _wide(head):
        return Encoding(wide, f"{wide.upper()} without a mark")
    sample, clean = _not_utf8(file)
    if sample is None:
        return Encoding("utf-8-sig", clean=clean)
    if _mostly_utf8(sample):
        return Encoding("utf-8-sig")
    found = _by_words(sample)
    if found is None:
        raise InputError(
            f"{file.name} is neither UTF-8 nor another encoding that fits: give --encoding"
        )
    return Encoding(found, f"read as {_NAMES[found]} (--encoding says otherwise)")


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of ASCII is zero."""
    pairs = len(head) // 2
    if pairs < 2:
        return None
    if head[1 : 2 * pairs : 2].count(0) > 0.4 * pairs and not head[: 2 * pairs : 2].count(0):
        return "utf-16-le"
    if head[: 2 * pairs : 2].count(0) > 0.4 * pairs and not head[1 : 2 * pairs : 2].count(0):
        return "utf-16-be"
    return None


def _not_utf8(file: RawFile) -> tuple[bytes | None, bool]:
    """Lines with more than ASCII where the file is not UTF-8; and whether it is free of NUL."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    clean = True
    with file.open() as stream:
        try:
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
                clean = clean and b"\0" not in chunk
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            pass
        else:
            return None, clean
    sample = bytearray()
    with file.open() as stream:
        while len(sample) < _SAMPLE and (line := stream.readline(_CHUNK)):
            if not line.isascii():
                sample += line
    return bytes(sample), False


def _mostly_utf8(sample: bytes) -> bool:
    """Whether most characters beyond ASCII are whole UTF-8: then a few rows are broken."""
    text = sample.decode("utf-8", "surrogateescape")
    beyond = [char for char in text if char > "\x7f"]
    broken = sum("\ud800" <= char <= "\udfff" for char in beyond)
    return broken * 3 < len(beyond) - broken


def _by_words(sample: bytes) -> str | None:
    """The encoding in which the text is most like words."""
    for codec in ("cp932", "euc-jp"):
        if _looks_japanese(sample, codec):
            return codec
    found = [(score, codec) for codec in _SINGLE if (score := _score(sample, codec)) is not None]
    if not found:
        return None
    best = max(score for score, _ in found)
    return next(codec for score, codec in found if score == best)


def _looks_japanese(sample: bytes, codec: str) -> bool:
    try:
        text = sample.decode(codec)
    except UnicodeDecodeError:
        return False
    beyond = sum(char > "\x7f" for char in text)
    return len(_JAPANESE.findall(text)) > 0.8 * beyond and _KANA.search(text) is not None


def _score(sample: bytes, codec: str) -> float | None:
    """How well the codec fits, 0 at best: mistakes count against it; None if it cannot be."""
    try:
        text = sample.decode(codec)
    except UnicodeDecodeError:
        return None
    if any("\x80" <= char <= "\x9f" for char in text):
        return None
    inside = _INSIDE.findall(text)
    wrong = sum(not char.isalpha() for char in inside)
    wrong += sum(_odd(word) for word in re.findall(r"[^\W\d_]+", text))
    # a sign between letters is a mistake, and so is a word with letters that no language mixes
    return -float(wrong) - len(_signs_at_words(text))


def _signs_at_words(text: str) -> list[str]:
    """Signs that touch a word as no language writes them: `³ó¿ko`."""
    return re.findall(r"(?:(?<=[^\W\d_])[¹³¼¾¿¡±¶×÷¤¦§¨¸¯]|[¹³¼¾±¶×÷¤¦¨¸¯](?=[^\W\d_]))", text)


def _odd(word: str) -> int:
    """How odd a word is: letters of two scripts, capitals amid small letters, many accents."""
    if word.isascii():
        return 0
    latin = sum(char < "\u0250" for char in word)
    if 0 < latin < len(word):
        return 1
    accents = sum("\x7f" < char < "\u0250" for char in word)
    if accents > 2 and accents > 0.6 * len(word):
        return 1
    inner = word[1:]
    return int(not word.isupper() and any(char.isupper() for char in inner))
