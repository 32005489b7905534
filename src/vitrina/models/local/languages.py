"""The little words of each language, by which its titles are read."""

from __future__ import annotations

import re

DENIED = {
    "english": frozenset({"no", "not", "non", "without", "never"}),
    "german": frozenset({"ohne", "kein", "keine", "keinen", "nicht"}),
    "french": frozenset({"sans", "pas", "non"}),
    "spanish": frozenset({"sin", "no"}),
}
RESEMBLES = frozenset({"effet", "aspect", "facon", "efecto", "aspecto", "imitacion"})  # before it
LITTLE = {  # words that tell a language, as they are folded
    "english": frozenset({"with", "for", "and", "of", "the", "in"}),
    "german": frozenset({"mit", "fur", "und", "aus", "ohne", "der", "die", "das", "im"}),
    "french": frozenset({"avec", "pour", "et", "en", "sans", "les", "des", "du", "la", "le"}),
    "spanish": frozenset({"con", "para", "y", "sin", "los", "las", "del", "el", "una"}),
}
# English words in foreign titles that are words of that language
STRANGE = frozenset(
    {
        "boot",
        "fall",
        "cane",
        "throw",
        "chair",
        "robe",
        "plain",
        "slide",
        "plate",
        "glass",
        "large",
        "table",
        "pair",
        "rose",
        "mesa",
        "fits",
        "sport",
        "suit",
        "with",
        "from",
        "that",
        "under",
        "behind",
        "party",
    }
)
# what follows is a part ("with"), or another thing for which the product is ("use")
AFTER = {
    "german": re.compile(
        r"(?<!\S)(?:(?P<use>f(?:ü|ue)r(?!\s+(?:Damen|Herren|Frauen|Männer|Kinder|Mädchen|Jungen|Babys?"
        r"|Erwachsene)\b)|passend|geeignet|kompatibel)|mit|ohne|inkl\.?|inklusive)(?!\S)",
        re.IGNORECASE,
    ),
    "french": re.compile(
        r"(?<!\S)(?:(?P<use>pour(?!\s+(?:hommes?|femmes?|enfants?|bébés?|filles?|garçons?|adultes?)\b)"
        r"|compatible)|avec|sans)(?!\S)",
        re.IGNORECASE,
    ),
    "spanish": re.compile(
        r"(?<!\S)(?:(?P<use>para(?!\s+(?:hombres?|mujer(?:es)?|niñ[oa]s?|bebés?|adultos?)\b)"
        r"|compatible)|con|sin|incluye)(?!\S)",
        re.IGNORECASE,
    ),
}
SETS = {
    "german": re.compile(r"(?<!\w)(\d{1,2})er[\s-]*(?:Set|Pack)(?!\w)", re.IGNORECASE),
    "french": re.compile(r"(?<!\w)(?:lot|set|ensemble) de (\d{1,2})(?!\w)", re.IGNORECASE),
    "spanish": re.compile(r"(?<!\w)(?:juego|set|pack|lote) de (\d{1,2})(?!\w)", re.IGNORECASE),
}
