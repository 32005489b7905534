"""Keyword dedupe on labelled pairs: vitrina's decisions against the plain rule cosine > 0.6.

The pairs were at hand while the lexicon was written, so the figures say how much the order of
decisions helps, not how well it does on another shop's words.
"""

from __future__ import annotations

import csv

from bench.setup import SHARED, catalog
from vitrina.catalog import Catalog

PLAIN = 0.6


def together(shop: Catalog, one: str, other: str) -> bool:
    """Whether an empty vocabulary makes one keyword of two terms."""
    with shop.database.transaction() as conn:
        conn.execute("truncate vitrina.keywords cascade")
    first, second = shop.resolve([one, other])
    return first.keyword == second.keyword


def near(shop: Catalog, one: str, other: str) -> bool:
    return bool(
        shop.database.value(
            "select 1 - (e.embedding <=> f.embedding) > %s"
            " from (select vitrina.embed_text(%s) as embedding) as e,"
            " (select vitrina.embed_text(%s) as embedding) as f",
            (PLAIN, one, other),
        )
    )


def main() -> None:
    with (SHARED / "keywords/furniture_pairs.csv").open(encoding="utf-8") as file:
        pairs = [(row["a"], row["b"], row["label"] == "same") for row in csv.DictReader(file)]
    with catalog() as shop:
        for name, rule in (("plain rule", near), ("vitrina", together)):
            said = [(rule(shop, one, other), same) for one, other, same in pairs]
            merged = sum(found for found, _ in said)
            right = sum(found and same for found, same in said)
            every = sum(same for _, same in said)
            print(
                f"  {name:<10}  {merged} merges, {merged - right} wrong:"
                f" precision {right / merged:.2f}, recall {right / every:.2f}"
            )


if __name__ == "__main__":
    main()
