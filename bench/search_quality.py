"""nDCG@10 of text search on titles alone: hybrid against full text, vectors and plain RRF.

Real products with labels that the search never sees: only titles go in. A query is what a shopper
types for a group of products ("red casual shoes women"); a product is worth 3 with colour, type and
gender right, 2 with type and one other, 1 with the type alone.
"""

from __future__ import annotations

import csv
import math
import tempfile
from collections import defaultdict
from pathlib import Path

from bench.setup import SHARED, catalog
from vitrina.catalog import Catalog

LABELS = ("articleType", "baseColour", "gender")


def queries(rows: list[dict[str, str]]) -> dict[str, tuple[str, ...]]:
    """One query for each group of at least two products of one type, colour and gender."""
    groups: dict[tuple[str, ...], int] = defaultdict(int)
    for row in rows:
        groups[tuple(row[label] for label in LABELS)] += 1
    return {
        f"{colour} {kind} {gender}".lower(): (kind, colour, gender)
        for (kind, colour, gender), count in groups.items()
        if count >= 2
    }


def gain(row: dict[str, str], wanted: tuple[str, ...]) -> int:
    if row["articleType"] != wanted[0]:
        return 0
    return 1 + (row["baseColour"] == wanted[1]) + (row["gender"] == wanted[2])


def ndcg(gains: list[int], ideal: list[int]) -> float:
    def dcg(values: list[int]) -> float:
        return sum((2**v - 1) / math.log2(place + 2) for place, v in enumerate(values[:10]))

    return dcg(gains) / dcg(sorted(ideal, reverse=True))


def ranked(shop: Catalog, query: str, mode: str) -> list[str]:
    if mode != "rrf":
        return [hit.external_id for hit in shop.search(query, k=10, mode=mode)]  # type: ignore[arg-type]
    places: dict[str, float] = defaultdict(float)
    for channel in ("text", "vector"):
        hits = shop.search(query, k=100, mode=channel)  # type: ignore[arg-type]
        for place, hit in enumerate(hits):
            places[hit.external_id] += 1 / (60 + place + 1)
    return sorted(places, key=lambda name: -places[name])[:10]


def evaluate(shop: Catalog, rows: list[dict[str, str]], mode: str) -> float:
    by_id = {row["id"]: row for row in rows}
    scores = []
    for query, wanted in queries(rows).items():
        ideal = [gain(row, wanted) for row in rows]
        gains = [gain(by_id[name], wanted) for name in ranked(shop, query, mode)]
        scores.append(ndcg(gains, ideal))
    return sum(scores) / len(scores)


def main() -> None:
    with (SHARED / "fashion/styles.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with catalog() as shop, tempfile.TemporaryDirectory() as folder:
        titles = Path(folder) / "titles.csv"
        with titles.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(["id", "title"])
            writer.writerows([row["id"], row["productDisplayName"]] for row in rows)
        shop.ingest(titles)
        text = evaluate(shop, rows, "text")
        print(f"{len(rows)} titles, {len(queries(rows))} queries; nDCG@10, and against full text")
        for mode in ("text", "vector", "rrf", "hybrid"):
            score = evaluate(shop, rows, mode)
            print(f"  {mode:<7} {score:.3f}  {score / text:.3f}x")
        for weight in (0.25, 0.5, 1.0, 2.0):
            with shop.database.transaction() as conn:
                conn.execute(
                    "update vitrina.spaces set weight = %s where name = 'local-text'", (weight,)
                )
            score = evaluate(shop, rows, "hybrid")
            print(f"  hybrid, weight {weight}: {score:.3f}  {score / text:.3f}x")


if __name__ == "__main__":
    main()
