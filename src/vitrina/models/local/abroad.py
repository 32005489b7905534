"""Reads products in German, French or Spanish, and tells of them with the names of a language."""

from __future__ import annotations

import re
import unicodedata

from vitrina.errors import ItemError
from vitrina.models.base import FACETS, Enrichment, Facet, Subject, Term
from vitrina.models.local import lexicon, named
from vitrina.models.local.facts import Facts
from vitrina.models.local.tagger import choose, fits, values
from vitrina.pictures import colors

_ROLES = {
    "brand": "brand marke hersteller marque fabricant marca",
    "color": "color colour farbe couleur coloris",
    "material": "material materials fabric stoff obermaterial matiere materiau tissu tejido",
    "style": "style stil muster form motif forme estilo estampado forma",
    "audience": "gender zielgruppe geschlecht genre sexe public genero publico",
    "usage": "usage occasion season anlass saison raum einsatzbereich piece saison uso ocasion"
    " temporada habitacion estancia",
    "feature": "feature features merkmale eigenschaften caracteristiques caracteristicas",
    "size": "size grosse taille talla tamano",
    "type": "type producttype produkttyp produktart artikelart typeproduit tipo tipoproducto",
    "category": "category categories kategorie warengruppe categorie rayon categoria",
}
_ROLE_OF = {name: role for role, names in _ROLES.items() for name in names.split()}
_LONG = 2000  # characters of the shop's text that are read
_FREE: dict[str, Facet] = {"color": "color", "material": "material"}
_WORDS = re.compile(r"[^\W\d_]{2,}(?:[ '’-]+[^\W\d_]+){0,2}")


def enrich(subject: Subject) -> Enrichment:
    """Terms and sentences in the language to show. Raises ItemError if there are no words."""
    facts = read(subject)
    chosen = choose(facts)
    caption = " ".join(subject.title.split()[:20])
    if not caption and not any(chosen.values()):
        raise ItemError(
            "the product has no title, no readable attributes and no picture: add one of these"
        )
    spoken = {
        facet: [named.shown(term, subject.shown) for term in chosen[facet]] for facet in FACETS
    }
    # no words but the product's: they are searched
    told = ", ".join(term for facet in FACETS for term in spoken[facet])
    caption = caption or told
    description = f"{caption}. {told}." if told else f"{caption}."
    terms = tuple(Term(term, facet) for facet in FACETS for term in spoken[facet])
    return Enrichment(terms, description, caption)


def read(subject: Subject) -> Facts:
    """The facts in title, attributes and text; the colours of the picture if none is named."""
    facts, title, language = Facts(), subject.title, subject.language
    attributes = [
        (role, said)
        for name, value in subject.attributes.items()
        if (role := _role(name)) and role != "brand" and (said := list(values(value)))
    ]
    title = _without_brands(subject)
    matches = lexicon.match(title, language)
    zones = lexicon.zones(title, matches, language)
    _read_type(facts, matches, zones, attributes, language)
    parts = []
    for found, zone in zip(matches, zones, strict=True):
        entry = found.entry
        if entry.facet == "type" or not fits(entry, facts.domain):
            continue
        if zone == "use" and entry.facet not in {"audience", "other"}:
            continue
        if zone == "with" and entry.facet in {"color", "material"}:
            parts.append(entry)
        else:
            facts.add(entry.canonical, entry.facet)
    for term, facet in lexicon.quantities(title, language):
        facts.add(term, facet)
    for role, said in attributes:
        if role not in {"type", "category"}:
            _read_values(facts, role, said, language)
    for entry in parts:
        facts.add(entry.canonical, entry.facet)
    _read_text(facts, subject)
    if not facts.terms["color"] and subject.picture is not None:
        facts.terms["color"] = [name for name, _ in colors.measure(subject.picture)[:2]]
    return facts


def _read_text(facts: Facts, subject: Subject) -> None:
    """Takes from the shop's text the type, material and colour that are still open.

    A picture tells the colour better.
    """
    open_to = {facet for facet in ("type", "material", "color") if not facts.terms[facet]}
    open_to -= {"color"} if subject.picture is not None else set()
    text = (subject.text or "")[:_LONG]
    matches = lexicon.match(text, subject.language)
    for found, zone in zip(matches, lexicon.zones(text, matches, subject.language), strict=True):
        entry = found.entry
        if zone == "main" and entry.facet in open_to and fits(entry, facts.domain):
            facts.add(entry.canonical, entry.facet)
            open_to.discard(entry.facet)


def _read_type(
    facts: Facts,
    matches: list[lexicon.Match],
    zones: list[str],
    attributes: list[tuple[str, list[str]]],
    language: str,
) -> None:
    """The type: the first in the title that is the product itself, and those of the shop."""
    typed = [(m.entry, z) for m, z in zip(matches, zones, strict=True) if m.entry.facet == "type"]
    heads = [entry for entry, zone in typed if zone == "main"]
    shop = [
        m.entry
        for role, said in attributes
        if role in {"type", "category"}
        for value in said[-1:]
        for m in lexicon.match(value, language)[:1]
        if m.entry.facet == "type"
    ]
    others = [entry for entry, _ in typed]
    for entry in [*heads[:1], *shop, *(others[:1] if not heads and not shop else [])]:
        if fits(entry, facts.domain):
            facts.add(entry.canonical, "type")
            facts.domain = facts.domain or entry.domain


def _read_values(facts: Facts, role: str, said: list[str], language: str) -> None:
    """The terms in one attribute's values."""
    if role == "audience" and facts.terms["audience"]:
        return  # the title already says it
    for value in said:
        found = [m.entry for m in lexicon.match(value, language)]
        for entry in found:
            belongs = entry.facet in {"color", "size"} or role != "color"
            if entry.facet != "type" and belongs and fits(entry, facts.domain):
                facts.add(entry.canonical, entry.facet)
        if role in _FREE and not found and _WORDS.fullmatch(value):
            facts.add(" ".join(value.lower().split()), _FREE[role])


def _without_brands(subject: Subject) -> str:
    """The title with its brands blanked out: places stay the same."""
    title = subject.title
    for name, value in subject.attributes.items():
        if _role(name) == "brand":
            for brand in [b for b in values(value) if len(b) > 1]:
                written = re.compile(rf"(?<!\w){re.escape(brand)}(?!\w)", re.IGNORECASE)
                title = written.sub(lambda hit: " " * len(hit[0]), title)
    return title


def _role(name: str) -> str | None:
    """The role of an attribute by the words of its name: "Farbe" → "color"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ")
    plain = unicodedata.normalize("NFKD", spaced.casefold())
    words = "".join(c for c in plain if not unicodedata.combining(c)).split()
    if not words:
        return None
    # the kind is named first in French ("couleur principale"), last in English ("base colour")
    parts = ("".join(words), words[-1], words[0])
    return next((_ROLE_OF[part] for part in parts if part in _ROLE_OF), None)
