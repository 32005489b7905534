"""The built-in retail lexicon: terms with facets, true synonyms, and contrasts.

The data files are vitrina's own tables; a shop extends the copies in its database.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple, cast

from vitrina.db import names
from vitrina.db.facets import Facet
from vitrina.db.retail_words import Entry, contrasts, entries, word_bases
from vitrina.models.local import languages

_WORD = re.compile(r"[^\W_]+(?:['’ʼ][^\W\d_]+)?")
_POSSESSIVE = re.compile(r"['’ʼ](?:s)?$")
_JOINED = re.compile(r"[\s\-‐‑_]*")  # separators between the words of one term
# what normal_form in SQL knows as well, less what is another thing in the singular ("glasses"): the
# words around it tell
_SPELLINGS = word_bases("spelling")
_SINGULARS = word_bases("plural", "unit", "invariant")
_NUMBERS = {word: base for word, base in word_bases("number").items() if int(base) <= 12}
_MEASURED = re.compile(
    r"\d\s*(?:\"|”|″|'{1,2}|’|in|inch|inches|cm|mm|ft|feet)\.?\s*$", re.IGNORECASE
)
MASS = re.compile(
    r"\b(footwear|apparel|furniture|decor|luggage|bedding|jewelry|art|kajal|mascara|perfume|soap"
    r"|deodorant|shampoo|conditioner|sunscreen|storage|incense|wallpaper|swimwear)$"
)
_APPEARANCE = frozenset({"look", "like", "effect", "inspired", "imitation", "lookalike"})
_APPEARANCE |= {"optik", "dekor", "nachbildung", "imitat", "effekt"}
_SCENT = frozenset({"infused", "infusion", "scent", "scented", "fragrance", "flavor", "oil"})
_COUNTED = (
    "drawer|shelf|tier|hook|door|pocket|compartment|cube|panel|seater|bottle|burner|layer|speed"
)
_NUMBER = rf"(\d{{1,3}}|{'|'.join(_NUMBERS)})"
_FEW = rf"([2-9]|1[0-2]|{'|'.join(_NUMBERS)})"  # "24 piece set": parts of one thing
_QUANTITIES: tuple[tuple[re.Pattern[str], str, Facet], ...] = tuple(
    (re.compile(rf"(?<![\w.,])(?:{pattern})(?!\w)", re.IGNORECASE), shape, cast("Facet", facet))
    for pattern, shape, facet in (
        (rf"set\s+of\s+{_NUMBER}", "set of {}", "size"),
        (rf"{_FEW}[\s-]*(?:piece|pc|pcs)[\s-]+(?:\w+\s+){{0,2}}?set", "set of {}", "size"),
        (rf"{_NUMBER}[\s-]*(?:pieces?|pcs?)", "{}-piece", "size"),
        (rf"(?:pack|qty)\s+of\s+{_NUMBER}", "pack of {}", "size"),
        (rf"{_NUMBER}[\s-]*(?:packs?|pk\.?)", "pack of {}", "size"),
        (
            rf"{_NUMBER}[\s-]*(?:double\s+|open\s+|storage\s+|fabric\s+)?({_COUNTED})s?",
            "{}-{}",
            "feature",
        ),
        (rf"{_NUMBER}[\s-]*(?:open\s+|storage\s+)?shelves", "{}-shelf", "feature"),
        (rf"{_NUMBER}[\s-]*in[\s-]*(?:1|one)", "{}-in-1", "feature"),
        (
            r"(?<![x×]\s)(?<![x×])(\d{1,3}(?:\.\d+)?)[\s-]*inch(?:es)?(?!\s*(?:x|×|h\b|w\b|l\b|d\b|high|wide|deep))",
            "{}-inch",
            "size",
        ),
        (r"(\d{1,4})[\s-]*(gb|tb|ml|mah|oz)", "{} {}", "size"),
    )
)

CLAUSE = re.compile(r"[,;|:()\[\]{}，、]|\s[-–—]\s|\s/\s")
_WEARERS = r"her|him|(?:wo)?men|boys?|girls?|kids|children|adults|teens|toddlers"
AFTER = re.compile(
    rf"(?<!\S)(?:w/(?=\s|\d)|(?:(?P<use>for(?!\s+(?:{_WEARERS})\b)|fits?|compatible|suitable|ideal"
    r"|perfect|designed|under|behind)"
    r"|with|without|in|from|on|that|featuring|includes?|including|has)(?!\S))",
    re.IGNORECASE,
)


class Match(NamedTuple):
    """An entry found in a text, and where: `text[start:end]`."""

    entry: Entry
    start: int
    end: int


def match(text: str, language: str = "english") -> list[Match]:
    """The terms in `text`, longest first at each word, without overlaps, in order of place.

    Ignores case, hyphens, spaces and plurals. A term that is denied ("without wheels",
    "non toxic", "handle-free") or only resembled ("marble look") is left out, unless the lexicon
    has the whole phrase.
    """
    words = list(words_of(text))
    return [
        Match(entry, words[i].start, words[j - 1].end)
        for i, j, entry in _spans(text, words, language)
        if not _unsaid(text, words, i, j, entry, language)
    ]


def match_title(title: str, brands: Iterable[str] = ()) -> list[Match]:
    """Like `match`, without likely brands: "Urban Yoga Men Shirt" is about no yoga.

    A brand is up to four words before "Men", "Women" and the like, not all known to the
    lexicon; or a colour before a strange name, if the title names another colour.
    `brands` are known brands.
    """
    for brand in brands:
        name = re.sub(r"\s+(store|inc|llc|ltd)\.?$", "", brand, flags=re.IGNORECASE)
        if len(name) > 1:
            found_name = re.compile(rf"(?<!\w){re.escape(name)}(?:['’]s)?(?!\w)", re.IGNORECASE)
            title = found_name.sub(lambda hit: " " * len(hit[0]), title)  # places stay the same
    matches = match(title)
    start = 0
    for found in matches:
        if found.entry.facet == "type":
            break
        if found.entry.canonical in group("men women"):
            lead = title[: found.start]
            words = sum(word.raw != "and" for word in words_of(lead))
            covered = sum(
                len(list(words_of(title[m.start : m.end]))) for m in matches if m.end <= found.start
            )
            if covered < words <= 4 and not AFTER.search(lead):
                start = found.start
            break
    named = [m for m in matches if m.entry.facet == "color"]
    if not start and len(named) > 1 and not title[: named[0].start].strip():
        follow = re.match(r"\s+([A-Z][\w.]*)", title[named[0].end :])
        if follow and not match(follow[1]):  # "Red Tape Brown Shoes"
            start = named[0].end
    return [m for m in matches if m.start >= start]


def zones(title: str, matches: list[Match], language: str = "english") -> list[str]:
    """The role of every match: "main", "with" (of a part) or "use" (its purpose)."""
    cuts = [
        (word.start(), "use" if word["use"] else "with")
        for word in (AFTER if language == "english" else languages.AFTER[language]).finditer(title)
        if not any(m.start < word.start() < m.end for m in matches)
        # "compatible induction" is a feature
        and not (
            word["use"] and language != "english" and any(m.start == word.start() for m in matches)
        )
    ]
    clauses = [0] + [cut.end() for cut in CLAUSE.finditer(title)]
    found_in = []
    for found in matches:
        clause = max(begin for begin in clauses if begin <= found.start)
        own = [zone for at, zone in cuts if clause <= at <= found.start]
        before = any(zone == "use" for at, zone in cuts if at < clause)
        listed = before and found.entry.facet == "type"  # "for sofa, chair, table"
        found_in.append(own[-1] if own else "use" if listed else "main")
    return found_in


def quantities(text: str, language: str = "english") -> list[tuple[str, Facet]]:
    """Counted things in `text` as (term, facet): "set of 2", "3-tier", "5-drawer", "128 gb"."""
    found: dict[str, tuple[int, Facet]] = {}
    taken: list[tuple[int, int]] = []
    for hit in languages.SETS[language].finditer(text) if language in languages.SETS else ():
        taken.append(hit.span())
        if hit[1] not in {"0", "1"}:
            found[f"set of {hit[1]}"] = (hit.start(), "size")
    for pattern, shape, facet in _QUANTITIES:
        for hit in pattern.finditer(text):
            if any(start < hit.end() and hit.start() < end for start, end in taken):
                continue
            taken.append(hit.span())
            parts = [part.lower() for part in hit.groups()]
            parts[0] = _NUMBERS.get(parts[0], parts[0])
            if parts[0] not in {"0", "1"}:
                found.setdefault(shape.format(*parts), (hit.start(), facet))
    return [(term, facet) for term, (_, facet) in sorted(found.items(), key=lambda f: f[1])]


def lookup(term: str) -> Entry | None:
    """The entry that the whole `term` spells, or None."""
    words = list(words_of(term))
    spans = _spans(term, words)
    return spans[0][2] if len(spans) == 1 and spans[0][:2] == (0, len(words)) else None


def facet_of(term: str) -> Facet | None:
    """The facet of a term, None if the lexicon does not know it."""
    entry = lookup(term)
    return entry.facet if entry else None


@cache
def group(name: str) -> frozenset[str]:
    """The terms of one contrast group."""
    return frozenset(term for term, group_name in contrasts() if group_name == name)


def singular(word: str) -> str:
    """A lower-case English word without its plural ending: "shelves" → "shelf"."""
    if word in _SINGULARS or len(word) < 4 or word.endswith(("ss", "us", "is")):
        return _SINGULARS.get(word, word)
    if word.endswith(("shelves", "wolves", "scarves", "loaves", "hooves", "thieves", "dwarves")):
        return word[:-3] + "f"
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zzes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") else word


def plural(kind: str) -> str:
    """The plural of a type: "bookshelf" → "bookshelves", "jeans" → "jeans"."""
    if MASS.search(kind) or (kind.endswith("s") and not kind.endswith(("ss", "us", "lens"))):
        return kind
    if kind.endswith(("ss", "us", "x", "ch", "sh", "lens")):
        return kind + "es"
    if kind.endswith(("shelf", "scarf", "knife")):
        return re.sub("fe?$", "ves", kind)
    return kind[:-1] + "ies" if re.search(r"[^aeiou]y$", kind) else kind + "s"


class _Word(NamedTuple):
    raw: str
    single: str
    start: int
    end: int


def words_of(text: str) -> Iterator[_Word]:
    """The words of a text in lower case, as written and in the singular."""
    for found in _WORD.finditer(text):
        plain = _POSSESSIVE.sub("", found[0]).casefold().replace("’", "'")
        if not plain.isascii():
            plain = unicodedata.normalize("NFKD", plain)
            plain = "".join(c for c in plain if not unicodedata.combining(c))
        plain = _SPELLINGS.get(plain, plain)
        yield _Word(plain, singular(plain), found.start(), found.end())


def _spans(
    text: str, words: list[_Word], language: str = "english"
) -> list[tuple[int, int, Entry]]:
    """(first word, word after the last, entry) of the longest terms, left to right."""
    index, longest = _index(language)
    spans: list[tuple[int, int, Entry]] = []
    i = 0
    while i < len(words):
        ends = [i + 1]
        while len(ends) < longest and ends[-1] < len(words):
            gap = text[words[ends[-1] - 1].end : words[ends[-1]].start]
            if not _JOINED.fullmatch(gap):
                break
            ends.append(ends[-1] + 1)
        for j in reversed(ends):
            entry = index.get("".join(word.raw for word in words[i:j]))
            # the material has no plural: "glasses" alone are eyewear
            if not entry and (j > i + 1 or words[i].raw != "glasses"):
                entry = index.get("".join(word.single for word in words[i:j]))
            if entry:
                spans.append((i, j, entry))
                i = j
                break
        else:
            if language == "german":
                spans += [(i, i + 1, entry) for entry in _compound(words[i].raw, index)]
            i += 1
    return spans


def _compound(word: str, index: dict[str, Entry]) -> list[Entry]:
    """The known parts of a German compound: "metallregal" is a shelf of metal."""
    tails: list[Entry] = []
    for cut in range(3, len(word) - 3):
        what = index.get(word[cut:])
        if what is None or what.facet != "type":
            continue
        first = word[:cut]
        stems = [first, *(first.removesuffix(end) for end in ("s", "n", "en", "es"))]
        part = next((index[stem] for stem in stems if len(stem) > 2 and stem in index), None)
        if part is not None:
            return [what] if part.facet == "type" else [part, what]
        if len(word) - cut > 4:
            tails.append(what)
    return tails[:1]


def _unsaid(
    text: str, words: list[_Word], i: int, j: int, entry: Entry, language: str = "english"
) -> bool:
    """Whether the words around a term say that the product does not have it."""
    before = words[i - 1].raw if i else ""
    near = i > 0 and _JOINED.fullmatch(text[words[i - 1].end : words[i].start])
    resembled = entry.facet == "material" and before in languages.RESEMBLES
    if near and (resembled or before in languages.DENIED[language]):
        return True
    if entry.facet == "size" and _MEASURED.search(text[: words[i].start]):
        return True  # 20" wide
    if j == len(words) or not _JOINED.fullmatch(text[words[j - 1].end : words[j].start]):
        return False
    after = words[j].raw
    if entry.facet == "material" and after in _APPEARANCE:
        return True
    if entry.facet == "color" and after in _SCENT:
        return True
    return (after == "free" and text[words[j].start - 1] == "-") or (
        after == "not" and words[j + 1 : j + 2] != [] and words[j + 1].raw == "included"
    )


@cache
def _index(language: str = "english") -> tuple[dict[str, Entry], int]:
    """Entries by their letters without spaces, and the number of words of the longest term."""
    if language != "english":
        return _foreign_index(language)
    exact: dict[str, Entry] = {}
    loose: dict[str, Entry] = {}
    longest = 1
    facets = {entry.term: entry for entry in entries()}
    for entry in entries():
        words = list(words_of(entry.term))
        longest = max(longest, len(words) + 1)  # "flipflop" may be written as two words
        target = facets[entry.canonical]
        exact.setdefault("".join(word.raw for word in words), target)
        if len(words) > 1:
            loose.setdefault("".join(word.single for word in words), target)
    return {**loose, **exact}, longest


def _foreign_index(language: str) -> tuple[dict[str, Entry], int]:
    """The names in this language, then the English words that shops use in any."""
    english, longest = _index()
    index = {
        key: entry
        for key, entry in english.items()
        # short ones are words of every language: "für", "man", "red"
        if (len(key) > 3 or not re.search("[aeiou]", key)) and key not in languages.STRANGE
    }
    facets = {entry.term: entry for entry in entries()}
    known: dict[str, Entry] = {}
    for name in names.names(language):
        if re.match(r"(?:Damen|Herren)[a-z]", name.name):
            continue  # a compound of an audience and a type, which say more apart
        for form in name.forms:
            words = list(words_of(form))
            longest = max(longest, len(words) + 1)
            known.setdefault("".join(word.raw for word in words), facets[name.canonical])
    return {**index, **known}, longest
