"""Plain, misspelt and unanswerable queries: nDCG@10 and how often search says no, against tantivy.

Fashion comes in with titles and pictures alone, because the other columns are what answers are
graded by; furniture with all columns; each in a catalog of its own. Peers read the same columns.
The queries are in tests/data/queries: what shoppers type for a type, with a colour, a material or a
gender (`plain`), the same with seeded slips of typing (`misspelt`), and what neither catalogue has
(`unanswerable`). Grades come from the labels of the catalogues: `meaning` is conditions like
`type=Sports Shoes|Casual Shoes; color=Black`, each of several labels or, after `~`, of words in the
title. A product is worth the conditions beside the type that it meets, without its type nothing.
Half of the types are `tune`, for choosing rules by; `held` tells whether they hold.

`python -m bench.answers --worst 20` lists the queries that are answered worst.
"""

from __future__ import annotations

import argparse
import ast
import csv
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean

from bench._catalogue import FASHION, FURNITURE
from bench._peers import Grades, Ranking, ndcg, tantivy
from bench.setup import catalog, shared
from vitrina.catalog import Catalog
from vitrina.files import FileOptions, Mapping

QUERIES = Path(__file__).parents[1] / "tests" / "data" / "queries"
CATALOGUES = ("fashion", "furniture")
HALVES = ("tune", "held")
LABELS = {
    "fashion": {
        "type": "articleType", "color": "baseColour", "gender": "gender", "usage": "usage",
    },
    "furniture": {"type": "categories", "color": "color", "material": "material"},
}  # fmt: skip
TITLES = {"fashion": "productDisplayName", "furniture": "title"}


@dataclass(frozen=True)
class Query:
    kind: str
    half: str
    query: str
    meaning: str


def queries(name: str) -> list[Query]:
    with (QUERIES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [Query(**row) for row in csv.DictReader(file)]


@dataclass(frozen=True)
class Rows:
    """A catalogue's rows by external id."""

    name: str
    rows: dict[str, dict[str, str]]

    def known(self) -> dict[str, dict[str, str]]:
        """What search and its peers may read."""
        if self.name == "furniture":
            return self.rows
        title = TITLES[self.name]
        return {key: {"id": key, title: row[title]} for key, row in self.rows.items()}

    def meets(self, row: dict[str, str], label: str, values: list[str]) -> bool:
        title = row[TITLES[self.name]].lower()
        said = row[LABELS[self.name][label]]
        if label == "type" and self.name == "furniture":
            path = ">".join(ast.literal_eval(said or "[]")) + ">"
            labelled = any(f">{value}>" in f">{path}" for value in values)
        elif self.name == "furniture":
            either = f"{said} {title}".lower()
            labelled = any(re.search(rf"\b{re.escape(value)}", either) for value in values)
        else:
            labelled = said in values
        return labelled or any(value[1:] in title for value in values if value.startswith("~"))


def catalogue(name: str) -> Rows:
    path, key = (FASHION / "styles.csv", "id") if name == "fashion" else (FURNITURE, "asin")
    with path.open(encoding="utf-8") as file:
        return Rows(name, {row[key]: row for row in csv.DictReader(file)})


def graded(rows: Rows, meaning: str) -> Grades:
    """What each product is worth: those that are worth something."""
    conditions = [condition.split("=", 1) for condition in meaning.split("; ")]
    (_, types), *others = [(label, values.split("|")) for label, values in conditions]
    grades = {
        key: sum(rows.meets(row, label, values) for label, values in others) if others else 1
        for key, row in rows.rows.items()
        if rows.meets(row, "type", types)
    }
    return {key: grade for key, grade in grades.items() if grade}


SEARCH = (
    "select s.external_id from vitrina.search(%(q)s, sources => array[%(s)s]) as s",
    "select s.external_id from vitrina.search(%(q)s, sources => array[%(s)s], min_relevance => 0)"
    " as s",
)


def ingest(shop: Catalog, name: str) -> None:
    """The catalogue as far as search may know it."""
    if name == "furniture":
        shop.ingest(FURNITURE, source=name)
        return
    with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8", newline="") as file:
        known = list(catalogue(name).known().values())
        writer = csv.DictWriter(file, list(known[0]))
        writer.writeheader()
        writer.writerows(known)
        file.flush()
        images = Mapping(image="{id}.jpg", image_root=FASHION / "images")
        shop.ingest(file.name, source=name, options=FileOptions(images))


def searches(shop: Catalog, source: str) -> tuple[Ranking, Ranking | None]:
    """Search as it is, and without the floor of relevance where it has one."""

    def found(statement: str, query: str) -> list[str]:
        rows = shop.database.rows(statement, {"q": query, "s": source})
        return [row["external_id"] for row in rows]

    has_floor = shop.database.rows(
        "select from pg_catalog.pg_proc as p"
        " where p.oid = 'vitrina.search'::regproc and 'min_relevance' = any (p.proargnames)"
    )
    return partial(found, SEARCH[0]), partial(found, SEARCH[1]) if has_floor else None


def lost(asked: list[tuple[Query, Grades]], search: Ranking, without: Ranking) -> float:
    """The share of right rows that the floor leaves out."""
    right = kept = 0
    for query, grades in asked:
        rows = {key for key in without(query.query) if key in grades}
        right += len(rows)
        kept += len(rows.intersection(search(query.query)))
    return 1 - kept / max(right, 1)


def table(shop: Catalog, name: str, worst: int) -> Iterator[str]:
    """A line a peer and kind."""
    rows = catalogue(name)
    asked: dict[str, list[tuple[Query, Grades]]] = {}
    for query in queries(name):
        grades = graded(rows, query.meaning) if query.meaning else {}
        asked.setdefault(query.kind, []).append((query, grades))
    search, without = searches(shop, name)
    known = rows.known()
    peers: dict[str, Ranking] = {
        "tantivy": tantivy(known, fuzzy=False),
        "tantivy, fuzzy": tantivy(known, fuzzy=True),
        "vitrina": search,
    }
    for kind in ("plain", "misspelt"):
        yield f"  {name}, {kind}: nDCG@10 of {len(asked[kind])} queries"
        for peer, ranking in peers.items():
            scores = [(ndcg(ranking(q.query), grades), q) for q, grades in asked[kind]]
            yield figures(peer, [(q.half, score) for score, q in scores])
        if worst:
            bad = sorted(scores, key=lambda pair: pair[0])[:worst]
            yield "      worst: " + "; ".join(f"{q.query} {score:.2f}" for score, q in bad)
    none = [query for query, _ in asked["unanswerable"]]
    yield f"  {name}, unanswerable: share of {len(none)} queries without a row"
    for peer, ranking in peers.items():
        yield figures(peer, [(q.half, float(not ranking(q.query))) for q in none])
    if worst:
        yield "      answered: " + "; ".join(q.query for q in none if search(q.query))
    if without is None:
        yield "      search has no floor: no right row is left out"
    else:
        share = lost(asked["plain"] + asked["misspelt"], search, without)
        yield f"      right rows that the floor leaves out: {share:.1%}"


def figures(peer: str, values: list[tuple[str, float]]) -> str:
    each = [mean(value for half, value in values if half == wanted) for wanted in HALVES]
    halves = ", ".join(f"{half} {value:.3f}" for half, value in zip(HALVES, each, strict=True))
    return f"    {peer:<15} {mean(value for _, value in values):.3f}  ({halves})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--worst", type=int, default=0)
    worst = parser.parse_known_args()[0].worst
    for name in CATALOGUES:
        shared(name)
        with catalog() as shop:
            ingest(shop, name)
            for said in table(shop, name, worst):
                print(said, flush=True)


if __name__ == "__main__":
    main()
