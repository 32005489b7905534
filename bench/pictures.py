"""Search by picture, leave one out, over real photographs; beside it, by the products' texts."""

from __future__ import annotations

import csv

from bench.setup import catalog, shared
from vitrina.files import FileOptions, Mapping

NEAREST = """
select p.external_id, n.external_id as nearest
from vitrina.products as p
join vitrina.product_embeddings as e on e.product_id = p.id
join vitrina.spaces as s on s.id = e.space_id and s.modality = %s and s.state = 'active'
cross join lateral (
    select o.external_id
    from vitrina.product_embeddings as f
    join vitrina.products as o on o.id = f.product_id
    where f.space_id = e.space_id and f.product_id <> p.id
    order by f.embedding <=> e.embedding, f.product_id
    limit 1
) as n
"""


def main() -> None:
    folder = shared("fashion")
    with (folder / "styles.csv").open(encoding="utf-8") as file:
        labels = {row["id"]: row for row in csv.DictReader(file)}
    with catalog() as shop:
        shop.ingest(
            folder / "styles.csv",
            options=FileOptions(Mapping(image="{id}.jpg", image_root=folder / "images")),
        )
        for modality in ("text", "image"):
            rows = shop.database.rows(NEAREST, (modality,))
            for label in ("subCategory", "articleType"):
                right = sum(
                    labels[row["external_id"]][label] == labels[row["nearest"]][label]
                    for row in rows
                )
                print(f"  {modality:<6} same {label:<12} {right / len(rows):.3f} of {len(rows)}")


if __name__ == "__main__":
    main()
