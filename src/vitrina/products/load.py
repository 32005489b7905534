"""Brings the products of a file into the database, in batches, and keeps the rejects."""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from vitrina.db.database import Database, Jsonb
from vitrina.errors import InputError
from vitrina.files import Mapping, Product, Reject, Repeat, open_rows, read_products
from vitrina.printing import defused

BATCH = 500
KEPT_REJECTS = 20


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


@contextlib.contextmanager
def _reject_writer(path: str | None) -> Iterator[Callable[[Reject], None]]:
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


def load_file(
    database: Database,
    path: str,
    *,
    source: str,
    mapping: Mapping | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    text_config: str | None = None,
    limit: int | None = None,
    rejects: str | None = None,
    dry_run: bool = False,
    progress: Callable[[Loaded], None] | None = None,
) -> Loaded:
    """Upsert the products of a file by (source, external id); what changed is queued.

    Reads as a stream: memory does not grow with the file. Each batch is one transaction.

    Args:
        database: where to.
        path: CSV or JSON Lines; `-` is standard input.
        source: the name of the source, made on first use.
        mapping: which columns are what; recognised by name without one.
        encoding: of the file.
        delimiter: of a CSV; found in its header without one.
        text_config: the text-search configuration of the source (english, german, simple …).
        limit: at most so many rows.
        rejects: a CSV file to write rows to that cannot be used, with line and reason.
        dry_run: write nothing; count what would be queued.
        progress: called after each batch.

    Raises:
        InputError: the file cannot be used at all; nothing was written then.
    """
    mapping = mapping or Mapping()
    loaded = Loaded()
    with (
        open_rows(path, encoding=encoding, delimiter=delimiter) as rows,
        _reject_writer(rejects) as write_reject,
    ):
        name = "standard input" if path == "-" else path
        products = read_products(itertools.islice(rows, limit), mapping, name=name)
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
                    _register(database, source, mapping, text_config)
                    registered = True
                _put(database, source, batch, loaded, dry_run=dry_run)
                batch.clear()
                if progress is not None:
                    progress(loaded)
    return loaded


def _register(database: Database, source: str, mapping: Mapping, text_config: str | None) -> None:
    root = mapping.image_root
    config = {"image_root": str(root.absolute())} if root is not None else {}
    database.value(
        "select vitrina.put_source(%s, 'file', %s, %s)", (source, Jsonb(config), text_config)
    )


def _put(
    database: Database, source: str, batch: list[Product], loaded: Loaded, *, dry_run: bool
) -> None:
    rows = [
        {
            "external_id": product.external_id,
            "title": product.title,
            "image": product.image,
            "image_stamp": product.image_stamp,
            "url": product.url,
            "attributes": product.attributes,
        }
        for product in batch
    ]
    payload = Jsonb(rows, dumps=lambda value: json.dumps(value, ensure_ascii=False))
    if dry_run:
        loaded.queued += database.value("select vitrina.count_to_queue(%s, %s)", (source, payload))
        return
    (counts,) = database.rows("select * from vitrina.put_products(%s, %s)", (source, payload))
    for name, count in counts.items():
        setattr(loaded, name, getattr(loaded, name) + count)
