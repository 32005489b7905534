"""Pictures: each model's nearest, leave one out, beside the texts'; words that find pictures."""

from __future__ import annotations

import csv
import runpy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.setup import catalog, shared
from vitrina.catalog import Catalog
from vitrina.db.folders import DATA
from vitrina.files import FileOptions, Mapping
from vitrina.models.joint.towers import Towers
from vitrina.pictures.decode import Picture, load
from vitrina.pictures.learned import embedder_of

VISION, TEXT = "colors-vision", "colors-text"
OLDER = (
    "select vitrina.create_space('older', 'local', 'hog-color-1', 'image', 896, threshold => 0.9)"
)

NEAREST = """
select s.name, p.id, p.external_id, n.external_id as nearest, n.same_type
from vitrina.spaces as s
join vitrina.product_embeddings as e on e.space_id = s.id
join vitrina.products as p on p.id = e.product_id
join vitrina.sources as o on o.id = p.source_id and o.name = %(source)s
cross join lateral (
    select p2.external_id, exists (
        select from vitrina.product_keywords as k
        join vitrina.keywords as w on w.id = k.keyword_id and w.facet = 'type'
        join vitrina.product_keywords as k2 on k2.keyword_id = k.keyword_id
        where k.product_id = p.id and k2.product_id = p2.id) as same_type
    from vitrina.product_embeddings as f
    join vitrina.products as p2 on p2.id = f.product_id and p2.source_id = p.source_id
    where f.space_id = s.id and f.product_id <> p.id
    order by f.embedding <=> e.embedding, f.product_id
    limit 1
) as n
order by s.id, p.id
"""

# products whose type another product of their source has too
SHARED_TYPE = """
select distinct k.product_id
from vitrina.product_keywords as k
join vitrina.keywords as w on w.id = k.keyword_id and w.facet = 'type'
join vitrina.products as p on p.id = k.product_id
join vitrina.sources as o on o.id = p.source_id and o.name = %(source)s
where exists (
    select from vitrina.product_keywords as k2
    join vitrina.products as p2 on p2.id = k2.product_id and p2.source_id = p.source_id
    where k2.keyword_id = k.keyword_id and k2.product_id <> k.product_id)
"""

INDEX = """
select s.name,
    pg_relation_size(format('vitrina.product_embeddings_%s_hnsw', s.id)::regclass)::float / (
    select count(*) from vitrina.product_embeddings as e where e.space_id = s.id) as bytes
from vitrina.spaces as s
"""


COLORS = """
select w.name, array_agg(pk.product_id) as products
from vitrina.keywords as w
join vitrina.product_keywords as pk on pk.keyword_id = w.id
join vitrina.products as p on p.id = pk.product_id
join vitrina.sources as o on o.id = p.source_id and o.name = 'demo'
where w.facet = %(facet)s
group by w.name
having count(*) >= 2
order by w.name
"""


def main() -> None:
    folder = shared("fashion")
    with (folder / "styles.csv").open(encoding="utf-8") as file:
        labels = {row["id"]: row for row in csv.DictReader(file)}
    with catalog() as shop, tempfile.TemporaryDirectory() as models:
        shop.database.rows(OLDER)
        write_color_model(Path(models))
        shop.spaces.add(
            "colors", provider="fastembed", model=VISION, text_model=TEXT, model_path=models
        )
        # one run for all: once it is full, the building image space is searched
        shop.sources.load(
            folder / "styles.csv",
            source="fashion",
            options=FileOptions(Mapping(image="{id}.jpg", image_root=folder / "images")),
        )
        shop.sources.load(
            DATA / "demo" / "products.csv",
            source="demo",
            options=FileOptions(Mapping(image_root=DATA / "demo")),
        )
        shop.work()
        shop.spaces.build("colors")
        shop.database.value("select vitrina.index_spaces(1)")
        fashion, drawn = _nearest(shop, "fashion"), _nearest(shop, "demo")
        typed = {row["product_id"] for row in shop.database.rows(SHARED_TYPE, {"source": "demo"})}
        size = {row["name"]: row["bytes"] for row in shop.database.rows(INDEX)}
        pictures = [load(f"images/{key}.jpg", root=folder) for key in list(labels)[:100]]
        towers = Towers(VISION, TEXT, models)
        print(
            "  nearest other product, of the same … | numbers | ms a picture | index, bytes each"
            f" | subCategory | articleType | type, {len(typed)} drawn products"
        )
        for space in shop.spaces.list():
            kinds = []
            rows = fashion[space.name]
            for label in ("subCategory", "articleType"):
                kind = {key: row[label] for key, row in labels.items()}
                same = (kind[row["external_id"]] == kind[row["nearest"]] for row in rows)
                kinds.append(_share(same))
            kinds.append(
                _share(row["same_type"] for row in drawn[space.name] if row["id"] in typed)
            )
            spent = "texts"
            if space.modality == "joint":
                spent = f"{_milliseconds(lambda p: towers.pictures([p.thumbnail]), pictures):.1f}"
            elif space.modality == "image":
                spent = f"{_milliseconds(embedder_of(space.model).embed, pictures):.1f}"
            print(
                f"    {space.model:<21} | {space.dimensions:>4} | {spent:>5} |"
                f" {size[space.name]:>6,.0f} | {' | '.join(kinds)}"
            )
        shop.spaces.activate("colors")
        _print_words_to_pictures(shop)


def write_color_model(folder: Path) -> None:
    """The tiny joint model; see the script."""
    script = Path(__file__).resolve().parents[1] / "scripts" / "make_color_model.py"
    runpy.run_path(str(script))["write"](folder)


def _print_words_to_pictures(shop: Catalog) -> None:
    """Words that find the drawn products by their pictures alone, in the joint space."""
    print("  words → pictures of the drawn products, no text is searched; by chance in brackets")
    print("    (the weights of CLIP cannot be had here: this model knows colours, and no things)")
    total = shop.database.value(
        "select count(*) from vitrina.products as p join vitrina.sources as o"
        " on o.id = p.source_id and o.name = 'demo'"
    )
    for facet, what in (("color", "colours"), ("type", "types of things")):
        right = asked = 0
        chance = 0.0
        rows = shop.database.rows(COLORS, {"facet": facet})
        for row in rows:
            hits = shop.search(
                row["name"], k=min(5, len(row["products"])), mode="vector",
                weights={"vector": 0}, sources=["demo"], log=False,
            )  # fmt: skip
            right += sum(hit.product_id in row["products"] for hit in hits)
            asked += len(hits)
            chance += len(hits) * len(row["products"]) / total
        print(
            f"    {len(rows)} {what}: {right} of the first {asked} have it, {right / asked:.2f}"
            f" ({chance / asked:.2f})"
        )


def _nearest(shop: Catalog, source: str) -> dict[str, list[dict[str, Any]]]:
    """Each product with the nearest other one of its source, by space."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in shop.database.rows(NEAREST, {"source": source}):
        found.setdefault(row["name"], []).append(row)
    return found


def _share(right: Any) -> str:
    given = list(right)
    return f"{sum(given) / len(given):.3f}"


def _milliseconds(embed: Callable[[Picture], object], pictures: list[Picture]) -> float:
    embed(pictures[0])
    begun = time.process_time()
    for picture in pictures:
        embed(picture)
    return 1000 * (time.process_time() - begun) / len(pictures)


if __name__ == "__main__":
    main()
