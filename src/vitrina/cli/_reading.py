"""What a command says of how it read a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrina.cli._common import notice

if TYPE_CHECKING:
    from vitrina.catalog import Catalog


def tell_reading(catalog: Catalog, query: str) -> None:
    """Say on stderr which words are read as others, and which are conditions."""
    read = catalog.read_query(query)
    if read.said:
        notice(
            f"showing results for {', '.join(read.corrected)};"
            f" search instead for {', '.join(read.said)}: --exact"
        )
    if read.conditions:
        pairs = zip(read.conditions, read.meanings, strict=True)
        told = "; ".join(f"{said} → {meaning}" for said, meaning in pairs)
        notice(f"{told}; search literally: --exact")
