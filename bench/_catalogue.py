"""A large catalogue around the real one: its titles with words swapped, embedded as they are."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

from bench.setup import SHARED, shared
from vitrina.catalog import Catalog
from vitrina.files import FileOptions, Mapping

FASHION = SHARED / "fashion"
FURNITURE = SHARED / "furniture" / "amazon_furniture_dataset.csv"
# attributes that have nothing to do with what a product is: the share of products that has each
SHARES = {"half": 2, "twentieth": 20, "rare": 200, "scarce": 2000}
SWAPPED = 0.2
BATCH = 5_000


@dataclass(frozen=True)
class Model:
    """A real product, to make others like it."""

    title: str
    keywords: list[str]
    description: str
    attributes: dict[str, object]


def ingest(shop: Catalog) -> None:
    """The real catalogues, with pictures and all columns, as `vitrina ingest` takes them."""
    for catalogue in ("fashion", "furniture"):
        shared(catalogue)
    images = Mapping(image="{id}.jpg", image_root=FASHION / "images")
    shop.ingest(FASHION / "styles.csv", source="fashion", options=FileOptions(images))
    shop.ingest(FURNITURE, source="furniture")


def multiply(shop: Catalog, rows: int, *, seed: int = 7) -> None:
    """Fill the catalog up to so many products, each like a real one, with text and vector.

    What is derived is as vitrina derives it, so `vitrina.check()` finds nothing wrong; the title is
    the caption, too.
    """
    models = [
        Model(row.title, row.keywords, row.description, row.attributes) for row in shop.export()
    ]
    shop.database.rows("select vitrina.put_source('many')")
    made = _products(models, rows, random.Random(seed))  # noqa: S311
    for batch in _batches(made):
        with shop.database.transaction() as conn:
            conn.execute(ADD, {"rows": json.dumps(batch)})
    with shop.database.transaction() as conn:
        conn.execute(
            "select vitrina_internal.refresh_text(array_agg(p.id)) from vitrina.products as p"
            " where not exists (select from vitrina.product_text as t where t.product_id = p.id)"
        )


ADD = """
with given as materialized (
    select r.* from jsonb_to_recordset(%(rows)s::jsonb) as r (
        external_id text, title text, keywords text[], description text, attributes jsonb)
),
added as (
    insert into vitrina.products (source_id, external_id, title, keywords, caption, description,
                                  attributes, input_hash, enriched_at)
    select s.id, g.external_id, g.title, g.keywords, g.title, g.description, g.attributes,
           vitrina_internal.enrichment_hash(g.title, null, null, g.attributes, null), now()
    from given as g join vitrina.sources as s on s.name = 'many'
    returning id, keywords, caption
),
said as (
    insert into vitrina.product_terms (product_id, place, term, form, facet)
    select a.id, u.place, k.name, vitrina.normal_form(k.name), k.facet
    from added as a
    cross join lateral unnest(a.keywords) with ordinality as u (name, place)
    join vitrina.keywords as k on k.name = u.name
),
tagged as (
    insert into vitrina.product_keywords (product_id, keyword_id, said)
    select a.id, k.id, k.name
    from added as a
    cross join lateral (select distinct u.name from unnest(a.keywords) as u (name)) as u
    join vitrina.keywords as k on k.name = u.name
),
embedded as (
    select array_agg(a.id order by a.id) as ids,
           array_agg(vitrina.embedding_input(a.keywords, a.caption) order by a.id) as texts
    from added as a
)
insert into vitrina.product_embeddings (space_id, product_id, input_hash, embedding)
select s.id, e.ids[t.ordinal], sha256(convert_to(e.texts[t.ordinal], 'utf8')), t.embedding
from embedded as e
cross join vitrina_internal.embed_all(e.texts) as t
join vitrina.spaces as s on s.name = 'local-text'
"""


def _products(models: list[Model], rows: int, chance: random.Random) -> Iterator[dict[str, object]]:
    words = [word for model in models for word in model.title.split()]
    for number in range(rows - len(models)):
        model = chance.choice(models)
        title = " ".join(
            chance.choice(words) if chance.random() < SWAPPED else word
            for word in model.title.split()
        )
        other = chance.choice(models)
        kept = [word for word in model.keywords if chance.random() > SWAPPED]
        yield {
            "external_id": f"many-{number}",
            "title": title[:2000],
            "keywords": list(dict.fromkeys([*kept, *other.keywords[-1:]])),
            "description": model.description,
            "attributes": model.attributes
            | {name: True for name, share in SHARES.items() if chance.randrange(share) == 0}
            | {"price": round(chance.lognormvariate(4, 0.8), 2)},
        }


def _batches(rows: Iterator[dict[str, object]]) -> Iterator[list[dict[str, object]]]:
    batch: list[dict[str, object]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
