"""The names of keywords in a language, and the language of titles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from vitrina.db import names
from vitrina.db.retail_words import entries
from vitrina.models.local import languages, lexicon


@cache
def _shown(language: str) -> dict[str, str]:
    return {name.canonical: name.name for name in reversed(names.names(language))}


def shown(term: str, language: str) -> str:
    """The name of a keyword in this language; the term itself if it has none."""
    if language == "english":
        return term
    count = re.fullmatch(r"set of (\d+)", term)
    if count and language in languages.SETS:
        pattern = {"german": "{}er-Set", "french": "lot de {}", "spanish": "juego de {}"}
        return pattern[language].format(count[1])
    return _shown(language).get(term, term)


def language_of(titles: Iterable[str]) -> str:
    """The language whose names these titles use most; English if none is ahead of it."""
    counts = dict.fromkeys(("english", *names.LANGUAGES), 0)
    for title in titles:
        words = list(lexicon.words_of(title))
        for language in names.LANGUAGES:
            own = _own_words(language)
            counts[language] += sum(word.raw in own for word in words)
        english = _own_words("english")
        counts["english"] += sum(word.raw in english or word.single in english for word in words)
    return max(counts, key=lambda language: counts[language])


@cache
def _own_words(language: str) -> frozenset[str]:
    """The words of the names in this language that no other language has, and its little words."""
    spoken = {
        one: {word.raw for form in _forms(one) for word in lexicon.words_of(form)}
        for one in ("english", *names.LANGUAGES)
    }
    others = set[str]().union(*(spoken[one] for one in spoken if one != language))
    return frozenset((spoken[language] - others) | languages.LITTLE[language])


def _forms(language: str) -> Iterator[str]:
    if language == "english":
        yield from (entry.term for entry in entries())
    else:
        yield from (form for name in names.names(language) for form in name.forms)
