"""Reads cells: text in the chosen language, values by path, yes and no."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any

from vitrina.files.html_text import to_line
from vitrina.files.names import words

NOTHING = frozenset({"", "-", "–", "—", "n/a", "na", "nan", "none", "null", "#n/a"})
_SAID_BY = (
    "value",
    "name",
    "title",
    "label",
    "text",
    "@value",
)  # keys that hold the text of a dict
_YES = words("1 true yes y ja oui si sí sì tak sim on wahr vrai はい enabled published active")
_NO = words("0 false no n nein non nee nie não off falsch faux いいえ disabled -1")
_NO_WORD = (
    r"no|not|non|nie|nem|pas|plus|sin|sem|n[ãa]o|hors|fuera de|fora de|senza|sans|without|ohne"
    r"|kein(?:e|en)?|nicht|niet|geen|zonder|bez|nessun[ao]?|brak|no longer|no hay"
)
_STOCK_WORD = (
    r"stock|avail|dispon|lager|lieferbar|verfügbar|vorrätig|existenc|inventa|estoque|magaz"
    r"|voorraad|leverbaar|dostępn|stanie|giacenz"
)
_GUARDED = re.compile(r"'\d[\w./-]*")
_OUT = re.compile(
    r"out.?of.?stock|sold.?out|unavailable|discontinued|back.?order|pre.?order"
    r"|nicht|ausverkauft|vergriffen|épuis|indisponi|rupture|agotad|esaurit|non disponibile"
    r"|uitverkocht|niet|brak|niedost|esgotad|indispon|在庫なし|在庫無|在庫切|売り切れ|品切|欠品|販売終了"
    # "no stock", "Pas en stock", "Nie na stanie", but not "Plus de 10 disponibles"
    rf"|(?<!\w)(?:{_NO_WORD})\W+(?:[^\W\d]+\W+){{0,2}}(?:{_STOCK_WORD})",
    re.IGNORECASE,
)
_IN = re.compile(
    r"in.?stock|low.?stock|available|limited|online.?only|auf lager|lagernd|lieferbar|verfügbar"
    r"|vorrätig|en stock|disponib|disponív|op voorraad|leverbaar|dostępn|na stanie|em estoque"
    r"|en existencia|in magazzino|在庫あり|在庫有",
    re.IGNORECASE,
)
# a number of pieces: "0 in stock", ">100", "3 pcs", "ca. 20 Stück"; but a time is none: "2-3 days"
_PIECES = re.compile(r"[^\w-]*(?:ca\W+|only\W+|nur\W+|noch\W+)?(\d+(?:[.,]\d+)?)", re.IGNORECASE)
_TIME = re.compile(
    r"\d\W*(?:h\b|hour|hrs|day|week|month|tag|werktag|woche|monat|std|stunde|jour|semaine|mois|heure"
    r"|d[ií]a|semana|m[eê]s\b|mes\b|meses|hora|giorn|settiman|ore\b|dag|werkdag|uur|dni|dzie|tydzie"
    r"|tygod|godz|日|週|時間|か月|ヶ月)",
    re.IGNORECASE,
)


def line_of(value: object, language: str = "en") -> str | None:
    """A value as a line of text; of a list, its first item. None if the value is not a text."""
    if value.__class__ is str:
        return to_line(value)
    if value is None or (isinstance(value, list | dict) and not value):
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, list):
        return line_of(in_language(value, language), language)
    if isinstance(value, dict):
        found = next((value[key] for key in _SAID_BY if isinstance(value.get(key), str)), None)
        return None if found is None else to_line(found)
    return to_line(str(value))


def without_guard(text: str) -> str:
    """A code without the `'` that keeps a spreadsheet from making it a number."""
    return text[1:] if _GUARDED.fullmatch(text) else text


def in_language(items: list[Any], language: str) -> Any:
    """Of texts in several languages, the text in this language, else in English, else the first."""
    if not items:
        return None
    for wanted in (language, language[:2], "en"):
        for item in items:
            if isinstance(item, dict) and _tag(item).replace("-", "_").lower().startswith(
                wanted.lower()
            ):
                return item
    return items[0]


def _tag(item: dict[str, Any]) -> str:
    return str(item.get("language_tag") or item.get("@language") or item.get("language") or "")


def is_said(value: object) -> bool:
    """Whether a value is a list of texts with languages, or of wrapped texts."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and "value" in item for item in value)
    )


def unwrapped(value: object, language: str) -> object:
    """`[{language_tag, value}]` as its texts in one language; anything else as it is."""
    if not is_said(value):
        return value
    items: list[dict[str, Any]] = value  # type: ignore[assignment]
    tagged = {_tag(item) for item in items if _tag(item)}
    if tagged:
        chosen = _tag(in_language(items, language))
        items = [item for item in items if _tag(item) == chosen]
    values = [item["value"] for item in items]
    return values[0] if len(values) == 1 else values


def value_at(values: dict[str, Any], path: str) -> Any:
    """The value of a column, or of a path such as `images.0.src`."""
    if path in values or "." not in path:
        return values.get(path)
    value: Any = values
    for step in path.split("."):
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value


def is_there(path: str, columns: Container[str]) -> bool:
    """Whether there is such a column, or the column in which a path such as `images.0` begins."""
    return path in columns or path.partition(".")[0] in columns


def is_yes(value: object, empty: bool = True) -> bool | None:
    """Yes or no as files write it; `empty` for an empty cell, None for any other word."""
    if isinstance(value, bool):
        return value
    text = str(value if value is not None else "").strip().lower()
    if text == "":
        return empty
    return True if text in _YES else False if text in _NO else None


def in_stock(value: object) -> bool | None:
    """Whether a product can be had now, from words, yes and no, or a number of pieces."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value > 0
    text = line_of(value) or ""
    if text.lower() in NOTHING:
        return None
    try:
        return float(text.replace(",", ".")) > 0
    except ValueError:
        said = is_yes(text)
        return _stock_in(text) if said is None else said


def _stock_in(text: str) -> bool | None:
    """The same from words: first those that deny it, then a number of pieces."""
    if _OUT.search(text):
        return False
    if (pieces := _PIECES.match(text)) and not _TIME.search(text):
        return float(pieces[1].replace(",", ".")) > 0
    return True if _IN.search(text) else None
