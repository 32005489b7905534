"""Single products of a catalog: found by their names, with everything known of them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from vitrina.db.database import Database
from vitrina.db.unknown import unknown_names
from vitrina.errors import InputError, NotFoundError

Key: TypeAlias = int | str | tuple[str, str]
ID_END = 2**63  # no id is so large


@dataclass(frozen=True, slots=True)
class ProductKeyword:
    """A keyword of a product: the word that was said, and how that became the keyword.

    `method` is new, form, thesaurus, embedding, judge or manual; `similarity` belongs to embedding.
    """

    keyword: str
    facet: str
    said: str
    method: str | None
    similarity: float | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProductImage:
    """A picture of a product; `width`, `height` and `mime` are known once it is fetched."""

    image: str
    role: str
    width: int | None
    height: int | None
    mime: str | None


@dataclass(frozen=True, slots=True)
class Variant:
    """A form of a product that is sold, with its own SKU."""

    sku: str | None
    title: str | None
    codes: list[str]
    attributes: Mapping[str, Any]
    image: str | None


@dataclass(frozen=True, slots=True)
class Product:
    """Everything known of a product.

    `text` is the shop's own; `by_hand` says that a person set the keywords; `state` is new, queued,
    leased, failed or enriched; `error` is that of a failed job. Addresses are without secrets.
    """

    product_id: int
    source: str
    external_id: str
    sku: str | None
    codes: list[str]
    title: str
    text: str | None
    description: str | None
    caption: str | None
    keywords: list[ProductKeyword]
    by_hand: bool
    attributes: Mapping[str, Any]
    url: str | None
    image: str | None
    image_error: str | None
    images: list[ProductImage]
    variants: list[Variant]
    state: str
    error: str | None
    enriched_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Named:
    """A product by all its names."""

    product_id: int
    source: str
    external_id: str


def get(database: Database, product: Key) -> Product:
    """Everything known of one product; raises as `named` does."""
    found = database.rows(
        "select * from vitrina.get_products(%s::bigint[])",
        ([named(database, product).product_id],),
    )
    if not found:  # it has just been deleted
        raise NotFoundError(f"product {product!r} not found")
    row = found[0]
    row["keywords"] = [
        ProductKeyword(**{**word, "decided_at": _time(word["decided_at"])})
        for word in row["keywords"]
    ]
    row["images"] = [ProductImage(**image) for image in row["images"]]
    row["variants"] = [Variant(**variant) for variant in row["variants"]]
    return Product(**row)


def product_id(database: Database, product: Key) -> int:
    """The id of a product; raises as `named` does. A number is returned as it is."""
    if isinstance(product, int):
        if abs(product) >= ID_END:
            raise NotFoundError(f"product {product} not found")
        return product
    return named(database, product).product_id


def named(database: Database, product: Key) -> Named:
    """The product with this id (a number), external id (a text), or (source, external id).

    Raises NotFoundError if it is not found, and names the nearest; InputError if several sources
    have it, or the key is of another type.
    """
    if isinstance(product, int) and not isinstance(product, bool):
        return _by_id(database, product)
    source, external_id = product if isinstance(product, tuple) else (None, product)
    if not isinstance(external_id, str) or not isinstance(source, str | None):
        raise InputError(
            f"a product is named by its id, a number, by its external id, a text, or by (source,"
            f" external id), not by {product!r}"
        )
    found = database.rows(
        "select p.id as product_id, s.name as source, p.external_id from vitrina.products as p"
        " join vitrina.sources as s on s.id operator(pg_catalog.=) p.source_id"
        " where p.external_id operator(pg_catalog.=) %(id)s::text"
        " and (%(source)s::text is null or s.name operator(pg_catalog.=) %(source)s::text)"
        " order by s.name limit 5",
        {"id": external_id, "source": source},
    )
    if len(found) > 1:
        names = ", ".join(str(row["source"]) for row in found)
        raise InputError(
            f"several sources have a product {external_id!r}: name one of {names}:"
            f" --of {shlex.quote(found[0]['source'])} on the command line, of=… in a request,"
            f" ({found[0]['source']!r}, {external_id!r}) in Python"
        )
    if not found:
        raise NotFoundError(_not_found(database, external_id, source))
    return Named(**found[0])


def _by_id(database: Database, product: int) -> Named:
    found = database.rows(
        "select p.id as product_id, s.name as source, p.external_id from vitrina.products as p"
        " join vitrina.sources as s on s.id operator(pg_catalog.=) p.source_id"
        " where p.id operator(pg_catalog.=) %s::bigint",
        (product if abs(product) < ID_END else -1,),
    )
    if found:
        return Named(**found[0])
    as_text = database.rows(
        "select p.id from vitrina.products as p"
        " where p.external_id operator(pg_catalog.=) %s::text limit 1",
        (str(product),),
    )
    hint = f'; its external id is a text: give "{product}"' if as_text else ""
    raise NotFoundError(f"product {product} not found{hint}")


def _not_found(database: Database, external_id: str, source: str | None) -> str:
    """The message for an unknown external id, with the nearest known names."""
    unknown = unknown_names(database, sources=[source] if source is not None else [])
    if unknown:
        return unknown
    place = f" in source {source!r}" if source is not None else ""
    message = f"product {external_id!r} not found{place}"
    near = database.value("select vitrina.near_products(%s::text, %s::text)", (external_id, source))
    if near:
        message += f"; nearest: {', '.join(near)}"
    if external_id.isdecimal() and len(external_id) < 19:
        same = database.rows(
            "select p.external_id from vitrina.products as p"
            " where p.id operator(pg_catalog.=) %s::bigint",
            (int(external_id),),
        )
        if same:
            message += f"; {external_id} is the product id of {same[0]['external_id']!r}"
    return message


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
