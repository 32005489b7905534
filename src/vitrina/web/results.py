"""What a state finds: the products, and the same question in other languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vitrina.search.hits import Hit
from vitrina.web.asking import arguments
from vitrina.web.how import How
from vitrina.web.services import Services
from vitrina.web.state import State
from vitrina.web.wording import how_of


@dataclass(frozen=True, slots=True)
class Found:
    """The page of products of a state."""

    state: State
    hits: list[Hit]
    total: int
    how: How

    def context(self) -> dict[str, Any]:
        """Itself, for a template."""
        return {"found": self, "state": self.state, "how": self.how}


def found(services: Services, state: State) -> Found:
    """What the catalogue has for a state. Raises as Catalog.search does."""
    catalog = services.catalog
    asked = arguments(state)
    hits = catalog.search(k=state.n, offset=state.first, **asked)
    total = catalog.count_matches(**asked)
    return Found(state, hits, total, how_of(services, state))
