"""A small catalogue with keywords, captions, attributes, vectors and pictures, put in by SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import psycopg

Row = tuple[str, str, Sequence[tuple[str, str]], Mapping[str, object]]

# by external id, the order in which they get their ids
CATALOGUE: list[Row] = [
    ("lamp-1", "Brass reading lamp", [("lamp", "type"), ("brass", "material")],
     {"price": 80, "brand": "Linden"}),
    ("rack-1", "Bamboo shoe rack", [("shoe rack", "type"), ("bamboo", "material")],
     {"price": 35, "brand": "Linden", "stocked": True, "tags": ["sale", "new", "sale"]}),
    ("rack-2", "Metal shoe rack with hooks", [("shoe rack", "type"), ("metal", "material")],
     {"price": 48.5, "brand": "Alder", "tags": ["sale"]}),
    ("sofa-1", "Green velvet sofa", [("sofa", "type"), ("velvet", "material"), ("green", "color")],
     {"price": 900, "brand": "Linden", "stocked": True}),
    ("sofa-2", "Grey fabric sofa bed", [("sofa", "type"), ("fabric", "material")],
     {"price": 700, "brand": "Alder", "stocked": False}),
    ("table-1", "Black metal side table", [("side table", "type"), ("metal", "material"),
                                           ("black", "color")],
     {"price": 60, "brand": "Linden", "tags": "sale"}),
    ("table-2", "Oak side table", [("side table", "type"), ("oak", "material")],
     {"price": 120, "brand": None, "size": {"width": 40}}),
]  # fmt: skip


def put(db: psycopg.Connection, rows: Sequence[Row], source: str = "shop") -> dict[str, int]:
    """Bring rows in, enriched and embedded by the local model; ids by external id."""
    db.execute("select vitrina.put_source(%s)", [source])
    products = [
        {"external_id": code, "title": title, "attributes": attributes}
        for code, title, _, attributes in rows
    ]
    db.execute("select vitrina.put_products(%s, %s)", [source, json.dumps(products)])
    ids = dict(
        db.execute(
            "select external_id, product_id from vitrina.catalog where source = %s"
            " order by product_id",
            [source],
        ).fetchall()
    )
    enrichments = [
        {
            "product_id": ids[code],
            "terms": [{"term": term, "facet": facet} for term, facet in terms],
            "description": "",
            "caption": f"{title}.",
        }
        for code, title, terms, _ in rows
    ]
    db.execute("select vitrina.put_enrichments(%s)", [json.dumps(enrichments)])
    db.execute("select vitrina.embed_products(%s)", [list(ids.values())])
    db.execute("delete from vitrina.jobs")
    return ids


def put_picture(db: psycopg.Connection, product: int, dhash: int, *, number: int) -> None:
    """Give a product a picture with this difference hash; number: which picture it is."""
    db.execute(
        "insert into vitrina.images values (sha256(%(n)s::text::bytea), 'image/png', 8, 8, 9, '',"
        " %(hash)s::bit(64)) on conflict do nothing",
        {"n": number, "hash": f"{dhash:064b}"},
    )
    db.execute(
        "update vitrina.products set image_sha256 = sha256(%s::text::bytea) where id = %s",
        [number, product],
    )
