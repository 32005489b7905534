"""The colours that keywords name, to be shown beside them."""

from __future__ import annotations

import csv
import functools
from importlib import resources

SPELLINGS = {"grey": "gray", "silver": "light gray", "multicolor": "", "multicoloured": ""}


@functools.cache
def _known() -> dict[str, str]:
    text = resources.files("vitrina").joinpath("data/colors.csv").read_text("utf-8")
    shades: dict[str, str] = {}
    for row in csv.DictReader(text.splitlines()):
        shades.setdefault(row["name"], row["hex"])  # the first is the purest
    return shades


def swatch(keyword: str) -> str | None:
    """The colour that a keyword names, as #rrggbb; of "navy blue" that of its last known word."""
    known = _known()
    words = [keyword, *reversed(keyword.split())]
    for word in words:
        said = SPELLINGS.get(word, word)
        if said in known:
            return known[said]
    return None
