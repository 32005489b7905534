"""Brings the products of a file into the database, in batches, and keeps the rejects."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from vitrina.db.database import Database, Jsonb
from vitrina.errors import InputError
from vitrina.files import FileOptions, Product, ProductFile, Reading, Reject, Repeat, Tally
from vitrina.files.catalogue import open_products
from vitrina.printing import defused
from vitrina.products.feed import is_address, keep_mark, opened_feed
from vitrina.products.payload import as_json, rows_of
from vitrina.weave.datasets import OPENERS

BATCH = 500
KEPT_REJECTS = 20
MOST_PRUNED = 0.3  # of a source's products


@dataclass(slots=True)
class Loaded:
    """What reading a file did: rows by outcome, and the first rejects.

    `reading` says how it was read, `tally` what came out, `notices` what a person should know.
    `pruned` products were removed, because the file lacks them. `same_feed`: nothing has changed at
    the address since the source was last loaded from it, so nothing was read.
    """

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    queued: int = 0
    rejected: int = 0
    pruned: int = 0
    same_feed: bool = False
    rejects: list[Reject] = field(default_factory=list)
    reading: Reading | None = None
    tally: Tally = field(default_factory=Tally)
    text_config: str | None = None  # where it was detected by this file
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
    database: Database, path: str, *, source: str, options: FileOptions, name: str | None = None
) -> Iterator[ProductFile]:
    """The products of a file, or of a Weave Dataset, read as the source was read before.

    `name` is what people call the file, if not by its path.
    """
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
        name=name,
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


def load(
    database: Database,
    path: str,
    *,
    source: str,
    options: FileOptions | None = None,
    dry_run: bool = False,
    prune: bool = False,
    most: float = MOST_PRUNED,
    allow_private: bool = False,
    progress: Callable[[Loaded], None] | None = None,
) -> Loaded:
    """Upsert the products of a file by (source, external id); what changed is queued.

    Reads as a stream: memory does not grow with the file, except for the ids that `prune` needs.
    Each batch is one transaction.

    Args:
        database: where to.
        path: a file of any kind that open_file reads; `-` is standard input; or the address of a
            feed, which is fetched unless it is unchanged since the source was last loaded from it.
        source: the name of the source, made on first use.
        options: how to read it.
        dry_run: write nothing; count what would be queued, and removed.
        prune: the file is the whole catalogue: remove the products of the source that it lacks.
        most: the share of a source's products that may be removed so.
        allow_private: fetch a feed from the private network too.
        progress: called after each batch.

    Raises:
        InputError: the file cannot be used at all; nothing was written then. Or more products than
            `most` would be removed; then none was.
    """
    options = options or FileOptions()
    if prune and options.limit is not None:
        raise InputError("a part of a file cannot say what is gone: leave prune or limit out")
    kept: set[str] | None = set() if prune else None

    def read(file: str, name: str | None = None) -> Loaded:
        with opened(database, file, source=source, options=options, name=name) as products:
            loaded = _loaded(database, products, source, options, dry_run, progress, kept)
        if kept is not None:
            loaded.pruned = _pruned(database, source, loaded, kept, most, dry_run=dry_run)
        return loaded

    if not is_address(path):
        return read(path)
    with opened_feed(
        database, path, source=source, options=options, allow_private=allow_private
    ) as feed:
        if feed.file is None:
            return Loaded(same_feed=True)
        loaded = read(str(feed.file), feed.name)
        if not dry_run and options.limit is None:
            keep_mark(database, source, feed.mark)
        return loaded


def _pruned(
    database: Database,
    source: str,
    loaded: Loaded,
    kept: set[str],
    most: float,
    *,
    dry_run: bool,
) -> int:
    """Remove the products that a file lacks; how many."""
    if not loaded.tally.products:
        raise InputError("the file has no products: nothing was removed (--prune)")
    count: int = database.value(
        "select vitrina.prune_products(%s, %s::text[], %s::real, %s)",
        (source, list(kept), most, dry_run),
    )
    return count


def _loaded(
    database: Database,
    file: ProductFile,
    source: str,
    options: FileOptions,
    dry_run: bool,
    progress: Callable[[Loaded], None] | None,
    kept: set[str] | None,
) -> Loaded:
    """Load an open file; `kept` collects the ids of its rows, those of rejects too."""
    loaded = Loaded(reading=file.reading, tally=file.tally)
    registered = False
    with reject_writer(options.rejects) as write_reject:
        for batch in _batches(file.products(), loaded, write_reject, kept):
            if not registered and not dry_run:
                register(database, source, options, file.reading)
            due = not registered and not dry_run and _text_config(database, source, due=True)
            _put(database, source, batch, loaded, dry_run=dry_run)
            if due:
                loaded.text_config = _text_config(database, source, due=False)
            registered = True
            if progress is not None:
                progress(loaded)
    loaded.read = file.tally.rows
    loaded.notices = file.notices()
    return loaded


def _batches(
    found: Iterator[Product | Repeat | Reject],
    loaded: Loaded,
    write_reject: Callable[[Reject], None],
    kept: set[str] | None,
) -> Iterator[list[Product]]:
    """The products in batches; all else is counted."""
    batch: list[Product] = []
    for item in found:
        loaded.read += 1
        if kept is not None and item.external_id is not None:
            kept.add(item.external_id)
        if isinstance(item, Repeat):
            loaded.repeated += 1
        elif isinstance(item, Reject):
            loaded.rejected += 1
            if len(loaded.rejects) < KEPT_REJECTS:
                loaded.rejects.append(item)
            write_reject(item)
        else:
            batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


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


def _text_config(database: Database, source: str, *, due: bool) -> str | None:
    """The text-search configuration of a source, if its first products decide it, or have."""
    name: str | None = database.value(
        "select s.text_config from vitrina.sources as s"
        " where s.name = %s and s.text_config_due = %s",
        (source, due),
    )
    return name


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
