"""Composes the caption and the description of a product from its facts."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vitrina.models.base import FACETS, Facet
from vitrina.models.local import lexicon
from vitrina.models.local.facts import BROAD, WEARABLE, Facts

_OWNERS = {"men": "men's", "women": "women's", "unisex": "unisex"}
_OWNERS |= {"boys": "boys'", "girls": "girls'", "kids": "kids'"}
_PURPOSES = {"sports": "for sports", "party wear": "for parties"}
_PAIRS = re.compile(
    r"(shoe|sandal|sneaker|boot|loafer|slipper|moccasin|clog|espadrille|floater|flop|slide"
    r"|ballerina|jutti|mojari|cufflink)$"
)
_FILLINGS = frozenset({"foam", "memory foam", "sponge"})
_DESCRIBES = re.compile(
    r"^(?!with )(\d[\w.]*-\w+|\w*(able|proof|ing|less|resistant|standing)|wall mounted|portable"
    r"|ergonomic|swivel|upholstered|padded|modular|reversible|wireless|nonstick|insulated)$"
)
_NAMES = "Adirondack French Moroccan Scandinavian T-shirt TV USB LED DVD CD RV HDMI PVC MDF"
_CAPITALS = {word.lower(): word for word in _NAMES.split()}


def compose(terms: dict[Facet, list[str]], facts: Facts) -> tuple[str, str]:
    """The caption and the description, from the chosen terms only."""
    kind = (terms["type"] or [t for t in terms["other"] if t in BROAD] or ["item"])[0]
    count = next((t for t in terms["size"] if re.match(r"(set|pack) of \d", t)), "")
    paired = bool(_PAIRS.search(kind))
    noun = lexicon.plural(kind) if count or paired else kind
    phrase = _phrase(terms, facts, kind, noun)
    caption = f"{count} {phrase}" if count else phrase
    begin = f"This is {_article(caption)} "
    if not count and lexicon.MASS.search(noun):
        begin = "This is "
    elif not count and noun == lexicon.plural(kind):
        begin = "These are "
    told = _words_of(caption) | _words_of(kind)
    for term in terms["audience"]:
        if _OWNERS.get(term, term) in phrase.split():
            told |= _words_of(term)
    sentences = [begin + caption]  # beside stop words only the product's: they are searched
    rest = [t for facet in FACETS[:-2] for t in terms[facet] if not _words_of(t) <= told]
    usage = lexicon.group("usage")
    if noted := [t for t in rest if t not in usage]:
        sentences.append(_listed(noted))
    under = [*terms["audience"], *terms["other"]]
    listed = [t for t in under if t not in BROAD and not _words_of(t) <= told]
    if listed := [*listed, *(t for t in rest if t in usage)]:
        sentences.append(_listed(listed))
    return _sentence(caption), " ".join(_sentence(text) for text in sentences)


def _phrase(terms: dict[Facet, list[str]], facts: Facts, kind: str, noun: str) -> str:
    """The product in English word order: "small round black wood table for the …"."""
    used = _words_of(kind)

    def take(candidates: Iterable[str]) -> list[str]:
        """The first candidate without a repeated word."""
        for term in candidates:
            if not _words_of(term) & used:
                used.update(_words_of(term))
                return [term]
        return []

    worn = facts.domain in WEARABLE
    usage, pattern = lexicon.group("usage"), lexicon.group("pattern")
    styles = [t for t in terms["style"] if t not in usage and lexicon.facet_of(t)]
    owners = [_OWNERS[t] for t in terms["audience"] if t in _OWNERS]
    sizes = lexicon.group("scale word") | lexicon.group("bed size")
    palette = [t for t in terms["color"] if t in facts.titled] or terms["color"]
    unfit = facts.parts | (_FILLINGS - facts.titled) | ({"two-tone"} if palette[1:] else set())
    words = [
        *take(t for t in terms["size"] if t in sizes),
        *take(t for t in terms["feature"] if _DESCRIBES.search(t)),
        *take(t for t in styles if t not in pattern),
        " and ".join([t for term in palette if term not in unfit for t in take([term])][:2]),
        *take(t for t in styles if t in pattern),
        *(
            "wooden" if t == "wood" else t
            for t in take(t for t in terms["material"] if t not in unfit)
        ),
        *take(owners if worn and len(owners) == 1 else []),
        noun,
        *map(_with, take(t for t in terms["feature"] if t.startswith("with "))),
    ]
    if worn:
        wear = take(t for t in terms["style"] if t in usage)
        words += [_PURPOSES.get(t, f"for {t} wear") for t in wear]
    else:
        words += [f"for the {t}" for t in take(t for t in terms["other"] if t in _rooms())]
    return " ".join(word for word in words if word)


def _rooms() -> frozenset[str]:
    return lexicon.group("room") | {"office"}


def _with(feature: str) -> str:
    """ "with charging station" → "with a charging station"."""
    thing = feature.removeprefix("with ")
    bare = thing.endswith("s") or thing in {"storage", "lighting"}
    return feature if bare else f"with {_article(thing)} {thing}"


def _words_of(term: str) -> set[str]:
    words = re.split(r"[ -]", term.replace("wooden", "wood"))
    return {lexicon.singular(word) for word in words} - {"with", "and", "a", "of", "the"}


def _article(phrase: str) -> str:
    return "an" if re.match(r"[aeio]|8|1[18]\b|un(?!i)|u[^nst]", phrase) else "a"


def _listed(terms: list[str]) -> str:
    return terms[0] if len(terms) == 1 else ", ".join(terms[:-1]) + " and " + terms[-1]


def _sentence(text: str) -> str:
    said = " ".join(_CAPITALS.get(word, word) for word in text.split(" "))
    return said[:1].upper() + said[1:] + "."
