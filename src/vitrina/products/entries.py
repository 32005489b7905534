"""What is known of sources: their state, rejected rows, syncs, and previews of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from vitrina.files import Product
from vitrina.products.load import Loaded


@dataclass(frozen=True, slots=True)
class Source:
    """A source of products, with its state, its counts, and its problem.

    `state` is file, in step, behind, waiting or broken; `follows` the table of the shop; `noted`
    counts changes that are not synced yet, the oldest of `noted_since`; `rejects` rows that cannot
    be products; `changed_at` is the latest change of a product.
    """

    source: str
    state: str
    follows: str | None
    triggers: bool | None
    products: int
    enriched: int
    queued: int
    failed: int
    noted: int
    noted_since: datetime | None
    rejects: int
    problem: str | None
    synced_at: datetime | None
    swept_at: datetime | None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row of an attached source that cannot be a product, and why."""

    external_id: str
    reason: str
    rejected_at: datetime


SourceList: TypeAlias = list[Source]
RejectedRows: TypeAlias = list[RejectedRow]


@dataclass(slots=True)
class Synced:
    """The result of syncs: rows by outcome, and the problems by source."""

    taken: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    queued: int = 0
    removed: int = 0
    rejected: int = 0
    problems: dict[str, str] = field(default_factory=dict)

    def count(self, row: Mapping[str, int]) -> None:
        """Add the result of one batch of one source."""
        self.taken += row["taken"]
        self.inserted += row["inserted"]
        self.updated += row["updated"]
        self.unchanged += row["unchanged"]
        self.queued += row["queued"]
        self.removed += row["removed"]
        self.rejected += row["rejected"]


@dataclass(frozen=True, slots=True)
class Preview:
    """The first products of a file, and what loading it would do; see Loaded."""

    products: list[Product]
    loaded: Loaded
