"""The demo catalogue after some weeks of work, so that no screen of the page is empty."""

from __future__ import annotations

from decimal import Decimal

import psycopg

from vitrina.catalog import Catalog
from vitrina.settings import Settings

QUERIES = ("grey sofa", "chair")
SEARCHED = [
    *[{"query": "grey sofa", "results": 12}] * 3,
    {"query": "gren velvet sofa", "results": 3, "corrected": "green velvet sofa"},
    {"query": "aquarium", "results": 0},
]
# merges that nobody has settled, failures of two reasons, queued work, a picture that is there twice, and
# answers that cost something
FILL = """
    insert into vitrina.keyword_aliases (alias, keyword_id, method, similarity)
        select a.alias, w.id, 'embedding', 0.61 from vitrina.keywords as w
        cross join (values ('garden seat'), ('long chair')) as a (alias) where w.name = 'sofa';
    insert into vitrina.jobs (product_id, state, attempts, stage, error)
        select p.id, 'failed', 5, 'picture', format('HTTP 500 from https://cdn.example/%s.jpg', p.external_id)
        from vitrina.products as p order by p.id limit 3;
    insert into vitrina.jobs (product_id, state, attempts, stage, error)
        select p.id, 'failed', 3, 'enrich', 'the answer is not JSON' from vitrina.products as p
        order by p.id desc limit 1;
    insert into vitrina.jobs (product_id, state, run_after)
        select p.id, 'queued', now() + interval '1 day' from vitrina.products as p order by p.id offset 10 limit 5;
    update vitrina.products as p set image_sha256 = o.image_sha256 from vitrina.products as o
        where p.external_id = 'FU-109' and o.external_id = 'FU-107';
    update vitrina.generations as g set cost = 0.02, created_at = now() - g.id % 20 * interval '1 day';
"""


def fill(url: str) -> None:
    """Make a copy of the demo catalogue look like a shop at work."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(FILL)
    with Catalog(settings=Settings(database_url=url)) as catalog:
        catalog.costs.set_budget(Decimal(5), "day")
        catalog.searches.policy(log=True)
        catalog.searches.log(SEARCHED)
        catalog.keywords.merge(["lounge chair"], "armchair")
        catalog.keywords.rename("dining chair", "kitchen chair")
        catalog.rules.add("grey sofa", pin=["FU-107"])
        catalog.rules.add(None, hide=["FU-110"])
        for query in QUERIES:
            for place, hit in enumerate(catalog.search(query, k=6)):
                catalog.judgements.grade(query, hit.product_id, float(3 - place % 4))
