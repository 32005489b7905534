"""The catalogue as a whole: its counts, and all its products."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from vitrina.db.database import Database
from vitrina.db.standby import Standby
from vitrina.db.unknown import check_names


@dataclass(frozen=True, slots=True)
class Status:
    """Counts of products, jobs, keywords and stored answers, and the spaces in use.

    `queued` includes `leased` jobs; `oldest_lease` is when the first lease ends; `generations` are
    stored answers of models, and `spend` the USD of those at a known price, None for a role that
    may not read them. `next_image_space` is filled, to be searched instead of `image_space`.
    `standby` is how far the replica is behind that all this was read from, None of a primary.
    """

    products: int
    enriched: int
    without_picture: int
    queued: int
    leased: int
    failed: int
    oldest_lease: datetime | None
    keywords: int
    aliases: int
    text_space: str | None
    image_space: str | None
    generations: int
    spend: Decimal | None
    next_image_space: str | None
    standby: Standby | None = None


@dataclass(frozen=True, slots=True)
class ExportedProduct:
    """A product with its enrichment, a row of the view vitrina.catalog.

    Addresses are without secrets; `state` is new, queued, leased, failed or enriched; `images` and
    `variants` are as a file's.
    """

    product_id: int
    source: str
    external_id: str
    title: str
    description: str | None
    caption: str | None
    keywords: list[str]
    url: str | None
    image: str | None
    image_error: str | None
    image_sha256: str | None
    attributes: Mapping[str, Any]
    state: str
    enriched_at: datetime | None
    created_at: datetime
    updated_at: datetime
    text: str | None
    sku: str | None
    codes: list[str]
    images: list[Mapping[str, Any]]
    variants: list[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure for monitoring: a name, a few labels, a value. See metrics in docs/sql.md."""

    name: str
    labels: Mapping[str, str]
    value: float


def status(database: Database, standby: Standby | None) -> Status:
    """The counts of the catalogue."""
    (row,) = database.records(Status, "select * from vitrina.status")
    return replace(row, standby=standby)


def export(database: Database, sources: Sequence[str] | None) -> Iterator[ExportedProduct]:
    """Every product, or those of these sources, ordered by id, in constant memory.

    Raises NotFoundError for an unknown source.
    """
    check_names(database, sources=sources)
    return database.stream(
        ExportedProduct,
        "select c.* from vitrina.catalog as c"
        " where %(sources)s::text[] is null or c.source = any(%(sources)s::text[])"
        " order by c.product_id",
        {"sources": list(sources) if sources is not None else None},
    )


def thumbnails(database: Database, product_ids: Sequence[int]) -> dict[int, bytes]:
    """The thumbnails of these products, by id, if they have any."""
    rows = database.rows(
        "select p.id, i.thumbnail from vitrina.products as p"
        " join vitrina.images as i on i.sha256 = p.image_sha256 where p.id = any(%s)",
        (list(product_ids),),
    )
    return {row["id"]: bytes(row["thumbnail"]) for row in rows}
