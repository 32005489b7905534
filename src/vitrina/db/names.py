"""The German, French and Spanish names of the lexicon's keywords, and the forms shops write."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from vitrina.db.facets import Facet
from vitrina.db.folders import DATA
from vitrina.db.retail_words import entries

LANGUAGES = ("german", "french", "spanish")  # as Postgres names its text-search configurations

_ADJECTIVES = frozenset({"color", "style", "feature", "size", "material"})
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_GERMAN_UNBENT = frozenset({"rosa", "lila", "creme", "mint", "pink", "beige", "orange", "retro"})
# what stands behind these words keeps its form: "tables de chevet", "mesas de centro"
_OF = {
    "french": re.compile(r"^(?:d['’].*|de|du|des|à|au|aux|en|sur|sous|pour|sans|avec|et)$"),
    "spanish": re.compile(r"^(?:de|del|para|con|sin|a|en|y|sobre|por)$"),
}
_FEMININE = {
    "blanc": "blanche", "doux": "douce", "long": "longue", "sec": "sèche", "ancien": "ancienne",
    "moyen": "moyenne", "violet": "violette", "mignon": "mignonne", "brun": "brune",
    "moelleux": "moelleuse", "rigolo": "rigolote", "bas": "basse", "gros": "grosse",
    "léger": "légère", "industriel": "industrielle", "traditionnel": "traditionnelle",
    "multifonctionnel": "multifonctionnelle", "manuel": "manuelle", "végétalien": "végétalienne",
}  # fmt: skip
_ACCENTED = str.maketrans("áéíóú", "aeiou")


@dataclass(frozen=True, slots=True)
class Name:
    """A name of a keyword in a language.

    `own`: it means another thing in English or in another language ("Rock" is a skirt), so it
    counts only where the language is known.
    """

    name: str
    canonical: str
    facet: Facet
    language: str
    own: bool

    @property
    def forms(self) -> tuple[str, ...]:
        """The name in lower case as a shop may write it: plurals, endings, spellings."""
        bent = _BENT[self.language](self.name, self.facet)
        return tuple(dict.fromkeys(form.lower() for form in (self.name, *bent)))


@cache
def names(language: str) -> tuple[Name, ...]:
    """Every name in this language; the first of a keyword is the one to show."""
    facets = {entry.canonical: entry.facet for entry in entries()}
    return tuple(
        Name(
            row["name"],
            row["canonical"],
            facets[row["canonical"]],
            language,
            row["only"] == "language",
        )
        for row in _read("names.csv")
        if row["language"] == language
    )


def german_forms(name: str, facet: str) -> list[str]:
    """Plurals by the last part of a compound, endings of adjectives, ä as ae and ß as ss."""
    forms = [name]
    last = re.split(r"[ -]", name)[-1]
    ending = next((e for e in _endings(last.lower()) if e in _german_plurals()), None)
    if name[:1].isupper() and ending and not name.startswith(("mit ", "aus ", "ohne ")):
        forms.append(name[: len(name) - len(ending)] + _german_plurals()[ending])
    elif name.islower() and facet in _ADJECTIVES and " " not in name:
        forms += _german_adjective(name)
    return [*forms, *(form.translate(_SPELT_OUT) for form in forms)]


def _german_adjective(name: str) -> list[str]:
    if name in _GERMAN_UNBENT:
        return [name + "farben", name + "farbene", name + "farbener", name + "farbenes"]
    stem = name.removesuffix("e")
    stem = re.sub(r"el$", "l", stem)
    stem = "hoh" if stem == "hoch" else stem
    return [stem + ending for ending in ("e", "er", "es", "en", "em")]


def _endings(word: str) -> list[str]:
    return [word[i:] for i in range(len(word) - 2)]  # the longest first


@cache
def _german_plurals() -> dict[str, str]:
    return {row["ending"]: row["plural"] for row in _read("german_plurals.csv")}


def french_forms(name: str, facet: str) -> list[str]:
    """The plural of the words before "de", "à" …, and the feminine of adjectives."""
    masculine = name.replace("œ", "oe")
    if facet == "material":
        return [masculine]
    forms = [masculine, _each(masculine, _french_plural, "french")]
    if facet in _ADJECTIVES and name.islower():
        feminine = _each(name, _french_feminine, "french")
        forms += [feminine, _each(feminine, _french_plural, "french")]
    return forms


def _french_plural(word: str) -> str:
    if word.endswith(("s", "x", "z")) or not word.isalpha() or word.isupper():
        return word
    if word.endswith(("eau", "au", "eu")) and word != "bleu":
        return word + "x"
    if word.endswith("al"):
        return word[:-1] + "ux"
    return word + "s"


def _french_feminine(word: str) -> str:
    if word in _FEMININE:
        return _FEMININE[word]
    if word.endswith("eux"):
        return word[:-1] + "se"
    if word.endswith("f"):
        return word[:-1] + "ve"
    # "or", "argent", "marron" and the like are nouns that colours took over
    if word in {"or", "argent", "marron", "bordeaux", "corail", "émail", "olive"}:
        return word
    return word + "e" if re.search(r"[^e\W]$", word) and word.isalpha() else word


def spanish_forms(name: str, facet: str) -> list[str]:
    """The plural of the words before "de", "para" …, and the feminine of adjectives."""
    if facet == "material":
        return [name]
    forms = [name, _each(name, _spanish_plural, "spanish")]
    if facet in _ADJECTIVES and name.islower():
        feminine = _each(name, _spanish_feminine, "spanish")
        forms += [feminine, _each(feminine, _spanish_plural, "spanish")]
    return forms


def _spanish_plural(word: str) -> str:
    if word == "gris":
        return "grises"
    if not word.isalpha() or word.endswith(("s", "x")) or word.isupper():
        return word
    if word.endswith("z"):
        return word[:-1] + "ces"
    if word[-1] in "aeiouáéó":
        return word + "s"
    if re.search(r"[áéíóú][nrl]$", word) and word.endswith("n"):
        return word[:-2] + word[-2:].translate(_ACCENTED) + "es"  # sillón, sillones
    return word + "es"


def _spanish_feminine(word: str) -> str:
    return word[:-1] + "a" if word.endswith("o") else word


def _each(name: str, bend: Callable[[str], str], language: str) -> str:
    """The name with each word bent, up to a word such as "de"."""
    words = name.split(" ")
    for place, word in enumerate(words):
        if _OF[language].match(word.lower()):
            break
        head, dash, tail = word.partition("-")
        words[place] = bend(head) + dash + tail
    return " ".join(words)


_BENT = {"german": german_forms, "french": french_forms, "spanish": spanish_forms}


def _read(file: str) -> list[dict[str, str]]:
    with (DATA / file).open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))
