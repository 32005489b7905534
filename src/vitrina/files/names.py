"""The names of shops' columns, in nine languages: `names.csv`, a table that people can extend.

Names are compared without case, accents, blanks, signs and what stands in brackets, so that
`Image_URL`, `image url` and `Image URL (1)` are one.
"""

from __future__ import annotations

import csv
import functools
import re
import unicodedata
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from vitrina.errors import InputError

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "pt", "ja")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_NO_LETTER = re.compile(r"[\W_]+")
_IDS = ("external_id", "group")  # an item_model_number is not the id of a product
_PREFIXES = ("product", "item", "article")  # product_price is a price
_NUMBERED = re.compile(r"(.*?\D)(\d{1,2})")


@functools.lru_cache(maxsize=20_000)
def plain(name: str) -> str:
    """A column's name as it is compared: `Categoría (x,y) *` is `categoria`."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    bare = _BRACKETS.sub("", folded)
    letters = unicodedata.normalize("NFKD", bare if _NO_LETTER.sub("", bare) else folded)
    return _NO_LETTER.sub("", letters)


def numbered(name: str) -> tuple[str, int]:
    """A name and the number it ends in: `IMAGE2`, `Product Image File - 2`; 0 without a number."""
    match = _NUMBERED.fullmatch(plain(name))
    return (match[1], int(match[2])) if match else (plain(name), 0)


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


class Names:
    """The names of each field, best first; a file of the shop's own comes before the built-in."""

    def __init__(self, rows: Iterable[dict[str, str]]) -> None:
        self.by_field: dict[str, dict[str, int]] = {}
        for row in rows:
            ranks = self.by_field.setdefault(row["field"].strip(), {})
            for name in row["names"].split("|"):
                if word := plain(name):
                    ranks.setdefault(word, len(ranks))

    def columns(self, field: str, columns: Iterable[str]) -> list[str]:
        """Those of the columns that are called so, best first."""
        found = [
            (r, n, c) for n, c in enumerate(columns) if (r := self._rank(field, plain(c))) >= 0
        ]
        return [column for _, _, column in sorted(found)]

    def numbered_columns(self, field: str, columns: Iterable[str]) -> list[str]:
        """The same, with names that end in a number: image1, image2 …"""
        found = []
        for place, column in enumerate(columns):
            word, number = numbered(column)
            if (rank := self._rank(field, plain(column))) >= 0:
                found.append((rank, 0, place, column))
            elif (rank := self._rank(field, word)) >= 0:
                found.append((rank, number, place, column))
        return [column for *_, column in sorted(found)]

    def _rank(self, field: str, word: str) -> int:
        """Which of the names of a field a word is; with `product` before it, a later one; or -1."""
        ranks = self.by_field.get(field, {})
        if word in ranks:
            return ranks[word]
        for prefix in _PREFIXES:
            bare = word.removeprefix(prefix)
            if bare != word and bare in ranks and field not in _IDS:
                return len(ranks) + ranks[bare]
        return -1

    def is_called(self, field: str, column: str) -> bool:
        """Whether a column is called like a field."""
        return plain(column) in self.by_field.get(field, {})


@functools.cache
def built_in() -> Names:
    """The names that come with vitrina."""
    return Names(_built_in_rows())


def extended(path: Path) -> Names:
    """The built-in names with those of a CSV file of field, language and names before them.

    Raises InputError if the file has other columns.
    """
    known = {row["field"] for row in _built_in_rows()}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as exc:
        raise InputError(f"cannot read {path}: {exc.strerror or exc} (--names)") from None
    for number, row in enumerate(rows, 2):
        if not (row.get("field") and row.get("names")):
            raise InputError(f"{path}, line {number}: each row has field, language, names")
        if row["field"] not in known:
            raise InputError(
                f"{path}, line {number}: no field {row['field']!r};"
                f" they are {', '.join(sorted(known))}"
            )
    return Names([*rows, *_built_in_rows()])


def is_title(column: str) -> bool:
    """Whether a column is called like a title."""
    return is_called("title", column)


def is_called(field: str, column: str) -> bool:
    """Whether a column is called like a field, by the built-in names."""
    return built_in().is_called(field, column)


def _built_in_rows() -> list[dict[str, str]]:
    text = resources.files("vitrina.files").joinpath("names.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))
