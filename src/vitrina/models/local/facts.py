"""Facts of a product from its words and its colours."""

from __future__ import annotations

from dataclasses import dataclass, field

from vitrina.models.base import FACETS, Facet

WEARABLE = frozenset({"fashion", "beauty", "sports"})
BROAD = frozenset({"apparel", "footwear", "topwear", "bottomwear", "furniture", "home decor"})


@dataclass(slots=True)
class Facts:
    """Facts of a product: terms by facet in order of weight, and their origin."""

    terms: dict[Facet, list[str]] = field(default_factory=lambda: {facet: [] for facet in FACETS})
    domain: str | None = None
    titled: set[str] = field(default_factory=set)  # terms in the title, of the product itself
    parts: set[str] = field(default_factory=set)  # colours and materials of only a part

    def add(self, term: str, facet: Facet) -> None:
        """Keeps a term once."""
        if term and not any(term in terms for terms in self.terms.values()):
            self.terms[facet].append(term)
