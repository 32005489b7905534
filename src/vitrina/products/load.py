"""Brings the products of a file into the database, in batches, and keeps the rejects."""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from vitrina.db.database import Database, Jsonb
from vitrina.errors import InputError
from vitrina.files import (
    BadRow,
    FileOptions,
    Product,
    Reject,
    Repeat,
    Row,
    open_rows,
    read_products,
)
from vitrina.printing import defused
from vitrina.weave.datasets import OPENERS

BATCH = 500
KEPT_REJECTS = 20
Rows = Iterator[Row | BadRow]


@dataclass(slots=True)
class Loaded:
    """What reading a file did: rows by outcome, and the first rejects."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    queued: int = 0
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list)

    def count(self, counts: Mapping[str, int]) -> None:
        """Add what a batch of products came to in the database."""
        self.inserted += counts["inserted"]
        self.updated += counts["updated"]
        self.unchanged += counts["unchanged"]
        self.queued += counts["queued"]


@contextlib.contextmanager
def reject_writer(path: str | None) -> Iterator[Callable[[Reject], None]]:
    """Writes rejects to a CSV file of line, external_id and reason; created with the first one."""
    file: TextIO | None = None

    def write(reject: Reject) -> None:
        nonlocal file
        if path is None:
            return
        if file is None:
            try:
                file = Path(path).open("w", encoding="utf-8", newline="")  # noqa: SIM115
            except OSError as exc:
                raise InputError(f"cannot write {path}: {exc.strerror} (--rejects)") from None
            csv.writer(file).writerow(["line", "external_id", "reason"])
        csv.writer(file).writerow(
            [reject.line, defused(reject.external_id or ""), defused(reject.reason)]
        )

    try:
        yield write
    finally:
        if file is not None:
            file.close()


def opened(path: str, options: FileOptions) -> contextlib.AbstractContextManager[Rows]:
    """The rows of a file, or of a Weave Dataset."""
    return open_rows(path, encoding=options.encoding, delimiter=options.delimiter, openers=OPENERS)


def load_file(
    database: Database,
    path: str,
    *,
    source: str,
    options: FileOptions | None = None,
    dry_run: bool = False,
    progress: Callable[[Loaded], None] | None = None,
) -> Loaded:
    """Upsert the products of a file by (source, external id); what changed is queued.

    Reads as a stream: memory does not grow with the file. Each batch is one transaction.

    Args:
        database: where to.
        path: CSV or JSON Lines; `-` is standard input.
        source: the name of the source, made on first use.
        options: how to read it.
        dry_run: write nothing; count what would be queued.
        progress: called after each batch.

    Raises:
        InputError: the file cannot be used at all; nothing was written then.
    """
    options = options or FileOptions()
    loaded = Loaded()
    with opened(path, options) as rows, reject_writer(options.rejects) as write_reject:
        name = "standard input" if path == "-" else path
        products = read_products(itertools.islice(rows, options.limit), options.mapping, name=name)
        batch: list[Product] = []
        registered = False
        for product in itertools.chain(products, [None]):
            if isinstance(product, Repeat):
                loaded.read += 1
                loaded.repeated += 1
                continue
            if isinstance(product, Reject):
                loaded.read += 1
                loaded.rejected += 1
                if len(loaded.rejects) < KEPT_REJECTS:
                    loaded.rejects.append(product)
                write_reject(product)
                continue
            if product is not None:
                loaded.read += 1
                batch.append(product)
            if batch and (product is None or len(batch) >= BATCH):
                if not registered and not dry_run:
                    register(database, source, options)
                    registered = True
                _put(database, source, batch, loaded, dry_run=dry_run)
                batch.clear()
                if progress is not None:
                    progress(loaded)
    return loaded


def register(database: Database, source: str, options: FileOptions) -> None:
    """Make the source of a file, or change it."""
    root = options.mapping.image_root
    config = {"image_root": str(root.absolute())} if root is not None else {}
    database.value(
        "select vitrina.put_source(%s, 'file', %s, %s)",
        (source, Jsonb(config), options.text_config),
    )


def _put(
    database: Database, source: str, batch: list[Product], loaded: Loaded, *, dry_run: bool
) -> None:
    rows = [row_of(product) for product in batch]
    payload = Jsonb(rows, dumps=lambda value: json.dumps(value, ensure_ascii=False))
    if dry_run:
        loaded.queued += database.value("select vitrina.count_to_queue(%s, %s)", (source, payload))
        return
    (counts,) = database.rows("select * from vitrina.put_products(%s, %s)", (source, payload))
    loaded.count(counts)


def row_of(product: Product) -> dict[str, Any]:
    """A product as the functions that put products take it."""
    return {
        "external_id": product.external_id,
        "title": product.title,
        "image": product.image,
        "image_stamp": product.image_stamp,
        "url": product.url,
        "attributes": product.attributes,
    }
