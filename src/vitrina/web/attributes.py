"""The attributes that a catalogue's products share, to choose among."""

from __future__ import annotations

import threading
import time
from collections import Counter

from vitrina.catalog import Catalog
from vitrina.errors import SlowError

VALUES = 24
ATTRIBUTES = 6
PRICE = "price"
KEPT_SECONDS = 300.0
# of these each product has its own, or another part of the page shows them
NOT_FACETS = {"price", "price_max", "price_min", "currency", "sale_price", "compare_at_price"}


class Attributes:
    """The attributes that most products have, looked up now and then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: list[str] | None = None
        self._priced = False
        self._until = 0.0

    def names(self, catalog: Catalog) -> list[str]:
        """At most ATTRIBUTES names, the most common first."""
        # those of before do while another request looks them up
        if time.monotonic() > self._until and self._lock.acquire(blocking=self._names is None):
            try:
                if time.monotonic() > self._until:
                    self._names, self._priced = _common(catalog)
                    self._until = time.monotonic() + KEPT_SECONDS
            finally:
                self._lock.release()
        return self._names or []

    def priced(self, catalog: Catalog) -> bool:
        """Whether products have prices."""
        self.names(catalog)
        return self._priced


def _common(catalog: Catalog) -> tuple[list[str], bool]:
    try:
        rows = catalog.facets(k=VALUES)
    except SlowError:
        return [], False
    having: Counter[str] = Counter()
    values: Counter[str] = Counter()
    for row in rows:
        if row.kind == "attribute" and row.low == row.high and row.facet not in NOT_FACETS:
            having[row.facet] += row.products
            values[row.facet] += 1
    names = [name for name, _ in having.most_common() if values[name] > 1][:ATTRIBUTES]
    return names, any(row.facet == PRICE and row.low is not None for row in rows)
