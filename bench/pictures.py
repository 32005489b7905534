"""Search by picture, leave one out: the older model, the present one, and the products' texts."""

from __future__ import annotations

import csv
import time
from typing import Any

from bench.setup import catalog, shared
from vitrina.catalog import Catalog
from vitrina.db.folders import DATA
from vitrina.files import FileOptions, Mapping
from vitrina.pictures.decode import load
from vitrina.pictures.learned import embedder_of

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
    pg_relation_size(format('vitrina.product_embeddings_%%s_hnsw', s.id)::regclass)::float / (
    select count(*) from vitrina.product_embeddings as e where e.space_id = s.id) as bytes
from vitrina.spaces as s where s.modality = %(modality)s
"""


def main() -> None:
    folder = shared("fashion")
    with (folder / "styles.csv").open(encoding="utf-8") as file:
        labels = {row["id"]: row for row in csv.DictReader(file)}
    with catalog() as shop:
        shop.database.rows(OLDER)
        # one run for both: once it is full, the building space is searched
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
        shop.database.value("select vitrina.index_spaces(1)")
        spaces = {space.name: space for space in shop.spaces.list()}
        fashion, drawn = _nearest(shop, "fashion"), _nearest(shop, "demo")
        typed = {row["product_id"] for row in shop.database.rows(SHARED_TYPE, {"source": "demo"})}
        size = {
            row["name"]: row["bytes"] for row in shop.database.rows(INDEX, {"modality": "image"})
        }
        pictures = [load(f"images/{key}.jpg", root=folder) for key in list(labels)[:100]]
        for name, rows in fashion.items():
            space = spaces[name]
            shares = []
            for label in ("subCategory", "articleType"):
                kind = {key: row[label] for key, row in labels.items()}
                same = _share(kind[row["external_id"]] == kind[row["nearest"]] for row in rows)
                shares.append(f"same {label} {same}")
            of_demo = _share(row["same_type"] for row in drawn[name] if row["id"] in typed)
            print(f"  {space.model:<21} {space.dimensions:>4} dimensions, {', '.join(shares)}")
            print(f"    same type among {len(typed)} drawn products that share one: {of_demo}")
            if space.modality == "image":
                spent = _milliseconds(space.model, pictures)
                print(
                    f"    {spent:.1f} ms a picture on one core, index {size[name]:,.0f} bytes each"
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


def _milliseconds(model: str, pictures: list[Any]) -> float:
    embedder = embedder_of(model)
    embedder.embed(pictures[0])
    begun = time.process_time()
    for picture in pictures:
        embedder.embed(picture)
    return 1000 * (time.process_time() - begun) / len(pictures)


if __name__ == "__main__":
    main()
