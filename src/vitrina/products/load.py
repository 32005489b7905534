"""Brings the products of a file into the database, in batches, and keeps the rejects."""

from __future__ import annotations

import contextlib
import csv
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from vitrina.db.database import Database, Jsonb
from vitrina.errors import InputError
from vitrina.files import FileOptions, Product, ProductFile, Reading, Reject, Repeat, Tally
from vitrina.files.catalogue import open_products
from vitrina.printing import defused
from vitrina.products.payload import as_json, rows_of
from vitrina.weave.datasets import OPENERS

BATCH = 500
KEPT_REJECTS = 20


@dataclass(slots=True)
class Loaded:
    """What reading a file did: rows by outcome, and the first rejects.

    `reading` says how it was read, `tally` what came out, `notices` what a person should know.
    """

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    queued: int = 0
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list)
    reading: Reading | None = None
    tally: Tally = field(default_factory=Tally)
    notices: list[str] = field(default_factory=list)

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


@contextlib.contextmanager
def opened(
    database: Database, path: str, *, source: str, options: FileOptions
) -> Iterator[ProductFile]:
    """The products of a file, or of a Weave Dataset, read as the source was read before."""
    before, has_products = (None, False) if options.remap else _before(database, source)
    with open_products(
        path,
        mapping=options.mapping,
        format=options.format,
        language=options.language,
        encoding=options.encoding,
        delimiter=options.delimiter,
        limit=options.limit,
        reading=before,
        earlier=has_products and before is None and options.format is None,
        openers=OPENERS,
    ) as file:
        yield file


def _before(database: Database, source: str) -> tuple[Reading | None, bool]:
    """How a source was read when it was first loaded, and whether it has products."""
    rows = database.rows(
        # others may have made an operator of that name for the types of a bare one
        "select s.config operator(pg_catalog.->) 'reading' as reading,"
        " exists (select from vitrina.products as p where p.source_id = s.id) as filled"
        " from vitrina.sources as s where s.name = %s and s.kind = 'file'",
        (source,),
    )
    if not rows:
        return None, False
    stored = rows[0]["reading"]
    return (Reading.from_json(stored) if stored else None), bool(rows[0]["filled"])


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
        path: a file of any kind that open_file reads; `-` is standard input.
        source: the name of the source, made on first use.
        options: how to read it.
        dry_run: write nothing; count what would be queued.
        progress: called after each batch.

    Raises:
        InputError: the file cannot be used at all; nothing was written then.
    """
    options = options or FileOptions()
    loaded = Loaded()
    with (
        opened(database, path, source=source, options=options) as file,
        reject_writer(options.rejects) as write_reject,
    ):
        loaded.reading, loaded.tally = file.reading, file.tally
        products = file.products()
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
                    register(database, source, options, file.reading)
                    registered = True
                _put(database, source, batch, loaded, dry_run=dry_run)
                batch.clear()
                if progress is not None:
                    progress(loaded)
        loaded.read = file.tally.rows
        loaded.notices = file.notices()
    return loaded


def register(
    database: Database, source: str, options: FileOptions, reading: Reading | None = None
) -> None:
    """Make the source of a file, or change it; how it is read is kept with it."""
    config: dict[str, object] = {}
    if options.mapping.image_root is not None:
        config["image_root"] = str(options.mapping.image_root.absolute())
    if reading is not None:
        config["reading"] = reading.as_json()
    database.value(
        "select vitrina.put_source(%s, 'file', %s, %s)",
        (source, Jsonb(config), options.text_config),
    )


def _put(
    database: Database, source: str, batch: list[Product], loaded: Loaded, *, dry_run: bool
) -> None:
    payload = as_json(rows_of(batch))
    if dry_run:
        queued = database.value("select vitrina.count_to_queue(%s, %s)", (source, payload))
        known = database.value(
            "select count(*) from vitrina.products as p"
            " join vitrina.sources as s on s.id = p.source_id"
            " where s.name = %s and p.external_id = any(%s)",
            (source, [product.external_id for product in batch]),
        )
        loaded.queued += queued
        loaded.inserted += len(batch) - known
        loaded.updated += queued - (len(batch) - known)
        loaded.unchanged += len(batch) - queued
        return
    (counts,) = database.rows("select * from vitrina.put_products(%s, %s)", (source, payload))
    loaded.count(counts)
