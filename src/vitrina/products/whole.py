"""The catalogue as a whole: its counts, its health, and all its products."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from vitrina.db.database import Database
from vitrina.db.standby import Standby, standby_of
from vitrina.db.unknown import check_names
from vitrina.products.invariants import CHECK, Check


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


class Whole:
    """What can be asked of a catalogue as a whole.

    Args:
        reads: the database that searches read.
        database: the one that is written to; the same unless a replica is read.
    """

    def __init__(self, reads: Database, database: Database) -> None:
        self._reads = reads
        self._database = database

    def status(self) -> Status:
        """Counts of products, jobs, keywords and answers, the spaces in use, the spend.

        Of a standby that is read, also how far it is behind; see replication.
        """
        (row,) = self._reads.records(Status, "select * from vitrina.status")
        return replace(row, standby=self.replication())

    def replication(self) -> Standby | None:
        """How far the standby that searches read is behind; None where they read a primary."""
        return standby_of(
            self._reads, self._database if self._database is not self._reads else None
        )

    def metrics(self) -> list[Metric]:
        """Figures for monitoring: what this role may see of vitrina.metrics()."""
        return self._reads.records(Metric, "select * from vitrina.metrics()")

    def check(self) -> list[Check]:
        """What must always be true of the data, and how many rows break it; reads every product.

        Raises AccessError for a role that may only search.
        """
        return self._database.records(Check, CHECK)

    def revision(self) -> str:
        """The revision of the schema in the database."""
        return str(self._reads.value("select v.version_num from vitrina.alembic_version as v"))

    def server(self) -> str:
        """The versions of Postgres and pgvector."""
        return str(
            self._reads.value(
                "select 'Postgres ' || split_part(current_setting('server_version'), ' ', 1)"
                " || ' with pgvector ' || e.extversion"
                " from pg_extension as e where e.extname = 'vector'"
            )
        )

    def export(self, *, sources: Sequence[str] | None = None) -> Iterator[ExportedProduct]:
        """Every product with its enrichment, as a stream in constant memory, ordered by id.

        Raises NotFoundError for an unknown source.
        """
        check_names(self._reads, sources=sources)
        return self._reads.stream(
            ExportedProduct,
            "select c.* from vitrina.catalog as c"
            " where %(sources)s::text[] is null or c.source = any(%(sources)s::text[])"
            " order by c.product_id",
            {"sources": list(sources) if sources is not None else None},
        )

    def thumbnails(self, product_ids: Sequence[int]) -> dict[int, bytes]:
        """The thumbnails (WebP, at most 320 px) of these products, by id, if they have any."""
        rows = self._reads.rows(
            "select p.id, i.thumbnail from vitrina.products as p"
            " join vitrina.images as i on i.sha256 = p.image_sha256 where p.id = any(%s)",
            (list(product_ids),),
        )
        return {row["id"]: bytes(row["thumbnail"]) for row in rows}
