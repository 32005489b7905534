"""Reads English titles, attributes and texts, measures colours, and composes sentences.

It is a baseline and says so: it knows the words of the lexicon, the names of attributes, and only
the colours of the picture. It states only what is written or measured.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterable, Iterator

from vitrina.db.retail_words import Entry
from vitrina.errors import ItemError
from vitrina.models.base import FACETS, Enrichment, Facet, Subject, Term
from vitrina.models.local import lexicon
from vitrina.models.local.facts import BROAD, WEARABLE, Facts
from vitrina.models.local.sentences import compose
from vitrina.pictures import colors

_LIMITS = dict(zip(FACETS, (3, 3, 3, 3, 4, 2, 2, 3), strict=True))
_LONG = 2000  # a longer attribute, in characters, is prose
_MOST = 12  # keywords of one product
# of the shop's text, how many of a facet
_TEXT_FACETS: dict[Facet, int] = {"type": 1, "material": 1, "style": 1, "color": 1, "feature": 2}
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")
_FEW = 4  # below this the broad category ("footwear") also is a keyword
_MIXED = frozenset({"multi", "assorted", "mixed", "various", "multiple colors", "multiple colours"})
_EMPTY = re.compile(
    r"(n/?a|nan|none|null|no|yes|true|false|other|others|misc|miscellaneous|unknown|default|standard"
    r"|generic|various|new|sale|not applicable|free (items?|gifts?)|accessories|multiple .*)",
    re.IGNORECASE,
)
_FREE = re.compile(r"[^\W\d_]{2,}(?:[ '’&-]+[^\W\d_]+){0,3}")  # up to four words, no digits
_ROLES: dict[str, tuple[str, ...]] = {
    "brand": ("brand", "manufacturer", "vendor", "maker", "seller", "designer", "label"),
    "color": ("color", "colour", "colors", "colours"),
    "material": ("material", "materials", "fabric", "composition"),
    "style": ("style", "pattern", "shape", "design", "fit", "neck", "sleeve"),
    "audience": ("gender", "audience", "department", "sex"),
    "usage": ("usage", "use", "occasion", "season", "room", "activity"),
    "feature": ("feature", "features"),
    "size": ("size",),
    "category": ("category", "categories", "subcategory", "taxonomy"),
}
_TYPE_NAMES = frozenset({"type", "articletype", "producttype", "itemtype", "garmenttype"})
_FREE_FACETS: dict[str, Facet] = {
    "color": "color",
    "material": "material",
    "style": "style",
    "audience": "audience",
    "usage": "other",
}


def enrich(subject: Subject) -> Enrichment:
    """Terms, description and caption of one product. Raises ItemError if it has no words."""
    facts = read(subject)
    chosen = choose(facts)
    if not any(chosen.values()):
        return _unknown(subject)
    caption, description = compose(chosen, facts)
    terms = tuple(Term(term, facet) for facet in FACETS for term in chosen[facet])
    return Enrichment(terms=terms, description=description, caption=caption)


def _unknown(subject: Subject) -> Enrichment:
    """For a product without a known word: its unchanged title, and no keywords."""
    words = subject.title.split()
    if not words:
        raise ItemError(
            "the product has no title, no readable attributes and no picture: add one of these"
        )
    caption = " ".join(words[:20])
    return Enrichment((), caption, caption)


def read(subject: Subject) -> Facts:
    """The facts in a product's title, attributes, text and, if no colour is named, its picture."""
    attributes = [
        (role, said)
        for name, value in subject.attributes.items()
        if (role := _role(name)) and role != "brand" and (said := list(values(value)))
    ]
    facts, title = Facts(), subject.title
    matches = lexicon.match_title(title, _brands(subject))
    _read_types(facts, title, matches, attributes)
    parts = _read_title(facts, matches, lexicon.zones(title, matches))
    for term, facet in lexicon.quantities(title):
        facts.add(term, facet)
    for role, said in attributes:
        if role not in {"type", "category"}:
            _read_values(facts, role, said, title)
    for entry in parts:  # "with gold legs" counts less than gold
        if not any(entry.canonical in terms for terms in facts.terms.values()):
            facts.parts.add(entry.canonical)
        facts.add(entry.canonical, entry.facet)
    _read_text(facts, subject)
    if not facts.terms["color"] and subject.picture is not None:
        facts.terms["color"] = [name for name, _ in colors.measure(subject.picture)[:2]]
    if sum(map(len, facts.terms.values())) < _FEW:
        for role, said in attributes:
            if role == "category":
                _read_values(facts, role, said, title)
    return facts


def _read_text(facts: Facts, subject: Subject) -> None:
    """Takes from the shop's text what title and attributes leave open.

    The colours there are often those of other products, so a picture is better.
    """
    open_to = [
        facet
        for facet in _TEXT_FACETS
        if not facts.terms[facet] and not (facet == "color" and subject.picture is not None)
    ]
    for sentence in _SENTENCE.split((subject.text or "")[:_LONG]) if open_to else ():
        matches = lexicon.match(sentence)
        for found, zone in zip(matches, lexicon.zones(sentence, matches), strict=True):
            entry = found.entry
            few = len(facts.terms[entry.facet]) < _TEXT_FACETS.get(entry.facet, 0)
            if zone == "main" and entry.facet in open_to and few and fits(entry, facts.domain):
                facts.add(entry.canonical, entry.facet)


def _brands(subject: Subject) -> list[str]:
    """The maker of the product, from the attributes: "Black & Decker" is one name."""
    said = [value for name, value in subject.attributes.items() if _role(name) == "brand"]
    listed = [value if isinstance(value, list) else [value] for value in said]
    made = [str(name).strip() for names in listed for name in names]
    return [name for name in made if 1 < len(name) <= 60 and not _EMPTY.fullmatch(name)]


def _read_title(facts: Facts, matches: list[lexicon.Match], zones: list[str]) -> list[Entry]:
    """Takes the facts in the title; returns colours and materials of the product's parts."""
    parts: list[Entry] = []
    for found, zone in zip(matches, zones, strict=True):
        entry = found.entry
        if entry.facet == "type" or (zone == "use" and entry.facet not in {"audience", "other"}):
            continue
        # "spring" and "fall" in a title are often not seasons
        if not fits(entry, facts.domain) or entry.canonical in {"spring", "fall"}:
            continue
        if zone == "with" and entry.facet in {"color", "material"}:
            parts.append(entry)
        else:
            facts.add(entry.canonical, entry.facet)
            facts.titled.add(entry.canonical)
    return parts


def _read_types(
    facts: Facts,
    title: str,
    matches: list[lexicon.Match],
    attributes: list[tuple[str, list[str]]],
) -> None:
    """The type of the product: the head of its title, then its types in attributes."""
    zones = lexicon.zones(title, matches)
    typed = [(m, z) for m, z in zip(matches, zones, strict=True) if m.entry.facet == "type"]
    clauses = [cut.start() for cut in lexicon.CLAUSE.finditer(title)] + [len(title)]
    named = [_typed(v) for role, vs in attributes if role == "type" for v in vs]
    shelved = [_typed(vs[-1], known=True) for role, vs in attributes if role == "category"]
    heads: list[str] = []
    for begin, end in zip([0, *clauses], clauses, strict=False):
        inside = [m for m, zone in typed if zone == "main" and begin <= m.start < end]
        said = [m.entry.canonical for m in inside]
        # the last noun is the product, unless the shop's category is another noun of the title
        agreed = [t for t in said if any(k and _same_kind(k, t) for k in (*named, *shelved))]
        for head in (agreed or said)[-1:]:
            heads += ([t for t in said if t.endswith(" " + head)] or [head])[-1:]
    tail = [m.entry.canonical for m, zone in typed if zone == "with"][-1:]
    if any(t.endswith(" part") for t in shelved):
        heads = []  # "for sofa" is not a sofa
    candidates = [*heads[:1], *named, *shelved, *(h for h in heads[1:] if not lexicon.group(h))]
    shop = next((d for d in map(_domain, [*named, *shelved]) if d), None)
    for term in candidates if any(candidates) else tail:
        trade = shop or facts.domain
        entry = lexicon.lookup(term)
        if not term or (entry and not fits(entry, trade)):
            continue  # the "cap" of a bed slat
        if any(_same_kind(term, other) for other in facts.terms["type"]):
            continue
        if term in shelved and lexicon.group(term).intersection(facts.terms["type"]):
            continue  # "heels" need not also be "shoes"
        broader = [other for other in facts.terms["type"] if term.endswith(" " + other)]
        if broader:  # "shoe" in the title, "casual shoe" in the attribute
            facts.terms["type"][facts.terms["type"].index(broader[0])] = term
        else:
            facts.add(term, "type")
        facts.domain = facts.domain or _domain(term)


def _domain(term: str) -> str | None:
    return entry.domain if (entry := lexicon.lookup(term)) else None


def _same_kind(term: str, other: str) -> bool:
    return term == other or other.endswith(" " + term) or other.endswith("-" + term)


def _typed(value: str, *, known: bool = False) -> str:
    """A type from an attribute's value: a keyword of the lexicon, else (not `known`) the value."""
    found = [m for m in lexicon.match(value) if m.entry.facet == "type"]
    if found and (known or lexicon.lookup(value)):
        return found[-1].entry.canonical
    if known or lexicon.lookup(value) or not _FREE.fullmatch(value):
        return ""
    *front, last = value.lower().split()
    return " ".join([*front, lexicon.singular(last)])


def _read_values(facts: Facts, role: str, values: Iterable[str], title: str) -> None:
    """The terms in the values of one attribute, under the facet its name suggests."""
    if role == "audience" and facts.terms["audience"]:
        return  # the title already says it
    for value in values:
        if role == "color" and value.lower() in _MIXED:
            facts.add("multicolor", "color")
            continue
        found = [m.entry for m in lexicon.match(value)]
        for entry in found:
            finish = lexicon.lookup(f"{entry.canonical} finish") if role == "color" else None
            if finish:
                facts.add(finish.canonical, "color")
            elif _belongs(entry, role, facts.domain):
                facts.add(entry.canonical, entry.facet)
        facet = _FREE_FACETS.get(role)
        # this attribute often has the picture's subject instead: the title has it too
        doubtful = role == "color" and (value.lower() in title.lower() or len(value.split()) > 2)
        if facet and not found and not doubtful and _FREE.fullmatch(value):
            facts.add(" ".join(value.lower().split()), facet)


def _belongs(entry: Entry, role: str, domain: str | None) -> bool:
    """Whether an attribute of this role may supply a word of the lexicon."""
    if entry.facet == "type" or not fits(entry, domain):
        return False
    if role == "category":
        return entry.canonical in BROAD
    return role != "color" or entry.facet in {"color", "size"}


def fits(entry: Entry, domain: str | None) -> bool:
    """Whether a word of one trade can occur in a product of another."""
    if domain is None or entry.domain in {"general", domain} or domain == "general":
        return True
    return (entry.domain in WEARABLE) == (domain in WEARABLE) and entry.domain != "electronics"


def choose(facts: Facts) -> dict[Facet, list[str]]:
    """At most `_MOST` terms and no facet beyond its limit: the last of the longest are dropped."""
    chosen = {facet: facts.terms[facet][: _LIMITS[facet]] for facet in FACETS}
    while sum(map(len, chosen.values())) > _MOST:
        max(reversed(list(chosen.values())), key=len).pop()
    return chosen


def _role(name: str) -> str | None:
    """The role of an attribute, by its name: "baseColour" → "color"; None for other names."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").lower()
    parts = words.split()
    if not parts:
        return None
    if "".join(parts) in _TYPE_NAMES:
        return "type"
    return next((role for role, names in _ROLES.items() if parts[-1] in names), None)


def values(value: object) -> Iterator[str]:
    """The short, wordy values in an attribute, in any form of list."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("[") and text.endswith("]") and len(text) < _LONG:
            with contextlib.suppress(ValueError, SyntaxError, MemoryError, RecursionError):
                yield from values(ast.literal_eval(text))
            return
        for part in re.split(r"[,;|>/+&\n]|\band\b", text[:_LONG]):
            clean = part.strip(" .\"'()")
            wordy = clean and len(clean) <= 60 and len(clean.split()) <= 6
            if wordy and not _EMPTY.fullmatch(clean):
                yield clean
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from values(item)
