"""The vocabulary as the library gives it: keywords, aliases, decisions and changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword of the vocabulary: how many products have it, and the aliases that mean it.

    A `pinned` one is renamed or merged away by a person only.
    """

    keyword: str
    facet: str
    pinned: bool
    products: int
    aliases: list[str]


@dataclass(frozen=True, slots=True)
class NearKeyword:
    """A keyword near a term; `similarity` is a cosine."""

    keyword: str
    facet: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Resolved:
    """The keyword of a term, and how that was decided.

    `method` is new, form, thesaurus, embedding, judge or manual; `veto` says why the nearest
    keyword is another thing.
    """

    ordinal: int
    term: str
    keyword: str | None
    facet: str | None
    method: str | None
    similarity: float | None
    veto: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the decision about a term: the decision first, then the nearest keywords.

    `step` is empty for these; `verdict` is what the step came to.
    """

    step: str | None
    keyword: str | None
    facet: str | None
    similarity: float | None
    threshold: float | None
    verdict: str | None
    veto: str | None


@dataclass(frozen=True, slots=True)
class Alias:
    """A term that means a keyword, how and when that was decided, and how many products say it.

    `said` is the term as it is said most.
    """

    keyword: str
    facet: str
    pinned: bool
    alias: str
    method: str
    similarity: float | None
    decided_at: datetime
    products: int
    said: str | None


@dataclass(frozen=True, slots=True)
class KeywordPolicy:
    """How terms become keywords: `mode` strict or plain; `language` of new keywords' names."""

    mode: str
    merge_narrower: bool
    language: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """What a change did to one term: its keyword `before` and `after`, None for no keyword.

    `change` is its number in the history, by which it is undone; `products` say the term.
    """

    change: int
    alias: str
    before: str | None
    after: str | None
    products: int


@dataclass(frozen=True, slots=True)
class PastChange:
    """A change of the history, with the role that made it and the count of `terms` it changed.

    `state` says whether it holds, or by which change it was undone.
    """

    id: int
    at: datetime
    role: str
    action: str
    arguments: Mapping[str, Any]
    terms: int
    state: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """A doubtful decision: `command` mends it, `keep` settles that it is right as it is."""

    problem: str
    keyword: str
    term: str
    similarity: float | None
    products: int
    reason: str
    command: str
    keep: str


@dataclass(frozen=True, slots=True)
class Redecision:
    """A term that would be decided in another way now; `note` says why it stays as it is."""

    term: str
    before: str | None
    after: str | None
    method: str | None
    similarity: float | None
    veto: str | None
    products: int
    note: str | None


@dataclass(frozen=True, slots=True)
class TermProduct:
    """A product that shows what `term` means; `image_sha256` is None without a stored picture."""

    term: str
    product_id: int
    source: str
    external_id: str
    title: str
    image_sha256: str | None


# names for lists in a class whose method is called `list`
Vocabulary: TypeAlias = list[Keyword]
Near: TypeAlias = list[NearKeyword]
Resolutions: TypeAlias = list[Resolved]
Steps: TypeAlias = list[Step]
Aliases: TypeAlias = list[Alias]
Changes: TypeAlias = list[Change]
History: TypeAlias = list[PastChange]
Doubts: TypeAlias = list[Doubt]
Redecisions: TypeAlias = list[Redecision]
