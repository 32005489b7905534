"""Products as the database takes them: the one place that says what goes over."""

from __future__ import annotations

from typing import Any

from vitrina.db.database import Jsonb
from vitrina.files import Product, Variant


def rows_of(products: list[Product]) -> list[dict[str, Any]]:
    """Each product as put_products and import_products take it."""
    return [row_of(product) for product in products]


def row_of(product: Product) -> dict[str, Any]:
    """A product with its text, pictures and variants."""
    return {
        "external_id": product.external_id,
        "title": product.title,
        "text": product.text,
        "image": product.image,
        "image_stamp": product.image_stamp,
        "url": product.url,
        "attributes": product.attributes,
        "sku": product.sku,
        "codes": product.codes,
        "images": [{"image": one.address, "role": one.role} for one in product.images],
        "variants": [_variant(variant) for variant in product.variants],
    }


def _variant(variant: Variant) -> dict[str, Any]:
    """A variant; its price, its former price and its stock are attributes of it."""
    known = {
        "price": variant.price,
        "was_price": variant.was_price,
        "in_stock": variant.in_stock,
    }
    return {
        "sku": variant.sku,
        "title": variant.title,
        "codes": variant.codes,
        "image": variant.image,
        "attributes": variant.attributes
        | {name: value for name, value in known.items() if value is not None},
    }


def as_json(rows: list[dict[str, Any]]) -> Jsonb:
    """Rows as a parameter of a statement."""
    return Jsonb(rows)
