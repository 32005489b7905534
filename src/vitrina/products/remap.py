"""Carries the products of a source over to the ids that another reading gives them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from vitrina.db.database import Database, Jsonb
from vitrina.files import Product, ProductFile
from vitrina.printing import counted
from vitrina.products.payload import as_json

_BATCH = 20_000  # each is compared with all products of the source
_NAMED = 10


def carry_over(
    database: Database, source: str, file: ProductFile, *, dry_run: bool = False
) -> list[str]:
    """Give products their new ids before the file is loaded; returns what to say of it.

    A product of the file that has the code, the address, or the title and picture of a product of
    the source is that product: it keeps its row, its enrichment and its vectors.
    """
    if not database.rows(
        "select from vitrina.products as p join vitrina.sources as s on s.id = p.source_id"
        " where s.name = %s limit 1",
        (source,),
    ):
        return []
    pairs: list[dict[str, str]] = []
    for batch in _batches(file):
        pairs += database.rows(
            "select r.external_id, r.was from vitrina.propose_renames(%s, %s) as r",
            (source, as_json([_compared(product) for product in batch])),
        )
    done = database.rows(
        "select r.external_id, r.was, r.outcome from vitrina.rename_products(%s, %s, %s) as r",
        (source, Jsonb(pairs), dry_run),
    )
    counts = Counter(row["outcome"] for row in done)
    said = []
    if count := counts["renamed"]:
        would = "would be kept" if dry_run else "kept"
        said.append(f"{counted(count, 'product')} {would} under new ids")
    for outcome, reason in (
        ("ambiguous", "several products are alike"),
        ("taken", "another product has the new id"),
    ):
        named = sorted({row["was"] for row in done if row["outcome"] == outcome})
        if named:
            more = f" and {len(named) - _NAMED:,} more" if len(named) > _NAMED else ""
            said.append(
                f"{counted(len(named), 'product')} not carried over, as {reason}: "
                f"{', '.join(named[:_NAMED])}{more}"
            )
    return said


def _batches(file: ProductFile) -> Iterator[list[Product]]:
    batch: list[Product] = []
    for product in file.products():
        if isinstance(product, Product):
            batch.append(product)
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _compared(product: Product) -> dict[str, object]:
    """What a product is compared by."""
    return {
        "external_id": product.external_id,
        "title": product.title,
        "image": product.image,
        "url": product.url,
        "sku": product.sku,
        "codes": product.codes,
    }
