"""Brings the products of a file into the database, in batches, and keeps the rejects."""

from __future__ import annotations

import contextlib
import csv
import itertools
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from vitrina.db.database import Database, Jsonb
from vitrina.errors import InputError
from vitrina.files import FileOptions, Product, ProductFile, Reading, Reject, Repeat, Tally
from vitrina.files.catalogue import open_products
from vitrina.files.formats import OWN
from vitrina.files.options import PRUNE_MOST
from vitrina.files.rows import Row
from vitrina.printing import counted, defused
from vitrina.products.feed import fetched, is_address
from vitrina.products.payload import as_json, rows_of
from vitrina.products.picture_folder import OwnPictures
from vitrina.products.remap import carry_over
from vitrina.weave.datasets import OPENERS

BATCH = 500
KEPT_REJECTS = 20


@dataclass(slots=True)
class Loaded:
    """What reading a file did: rows by outcome, and the first rejects.

    `reading` says how it was read, `tally` what came out, `notices` what a person should know.
    `removed` counts the products that the file no longer has; `skipped`: the feed is unchanged.
    `image_root`: the folder of the pictures, where the file itself settled it.
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
    text_config: str | None = None  # where it was detected by this file
    notices: list[str] = field(default_factory=list)
    removed: int = 0
    skipped: bool = False
    image_root: Path | None = None

    @property
    def nothing(self) -> bool:
        """Whether it was read and no row of it is a product: then a new source is not there."""
        return not (self.skipped or self.inserted or self.updated or self.unchanged)

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
    """The products of a file, or of a Weave Dataset, read as the source was read before."""
    before, has_products = (None, False) if options.remap else _before(database, source)
    with open_products(
        path,
        name=name,
        mapping=options.mapping,
        format=options.format,
        language=options.language,
        encoding=options.encoding,
        delimiter=options.delimiter,
        sheet=options.sheet,
        limit=options.limit,
        reading=before,
        earlier=has_products and before is None and options.format is None,
        openers=OPENERS,
    ) as file:
        _check_one_source(file)
        yield file


def _check_one_source(file: ProductFile) -> None:
    """Raises InputError for an export of several sources: an id is that of one product in each."""
    if file.format.name != OWN:
        return
    found: dict[str, None] = {}
    with contextlib.closing(file.file.read()) as rows:
        for row in rows:
            if isinstance(row, Row):
                found[str(row.values.get("source"))] = None
    if len(found) > 1:
        named = list(found)[:5]
        raise InputError(
            f"{file.file.name} has the products of several sources ({', '.join(named)}):"
            f" bring each in by itself, as of vitrina export --source {shlex.quote(named[0])}"
        )


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
    allow_private: bool = False,
    progress: Callable[[Loaded], None] | None = None,
) -> Loaded:
    """Upsert the products of a file by (source, external id); what changed is queued.

    Reads as a stream: memory does not grow with the file, but for the ids if products that are gone
    are removed. Each batch is one transaction.

    Args:
        database: where to.
        path: a file of any kind that open_file reads; `-` is standard input; the address of a feed.
        source: the name of the source, made on first use.
        options: how to read it.
        dry_run: write nothing; count what would be queued.
        allow_private: allow feeds of the private network.
        progress: called after each batch.

    Raises:
        InputError: the file cannot be used at all, or the source is attached; nothing was written
            then.
    """
    options = options or FileOptions()
    if options.limit is not None and options.prune:
        raise InputError("a part of a file does not say what is gone: leave --limit or --prune out")
    database.value("select vitrina_internal.refuse_attached(%s)", (source,))
    loaded = Loaded()
    load = _Load(database, source, options, loaded, dry_run, progress)
    if not is_address(path):
        load.run(path)
        return loaded
    always = dry_run or options.remap or options.prune_most > PRUNE_MOST
    with fetched(
        database,
        path,
        source=source,
        options=options,
        allow_private=allow_private,
        always=always,
    ) as feed:
        if feed.path is None:
            loaded.notices.append(
                f"{feed.name} is unchanged since the last ingest: nothing to load"
            )
            loaded.skipped = True
        else:
            load.run(feed.path, feed.name)
            if not dry_run:
                feed.remember(database, source)
    return loaded


@dataclass(slots=True)
class _Load:
    """One file on its way into the database."""

    database: Database
    source: str
    options: FileOptions
    loaded: Loaded
    dry_run: bool
    progress: Callable[[Loaded], None] | None
    kept: list[str] = field(default_factory=list)
    unnamed: int = 0  # rejects without an id
    registered: bool = False
    pictures: OwnPictures = field(default_factory=OwnPictures)

    def run(self, path: str, name: str | None = None) -> None:
        """Load the file at `path`, that people call `name`."""
        loaded, options, began = self.loaded, self.options, time.time()
        with (
            opened(self.database, path, source=self.source, options=options, name=name) as file,
            reject_writer(options.rejects) as write_reject,
        ):
            if options.remap:
                loaded.notices += carry_over(
                    self.database, self.source, file.again(), dry_run=self.dry_run
                )
            loaded.reading, loaded.tally = file.reading, file.tally
            if not self.dry_run:
                self.pictures = OwnPictures.of(self.database, self.source, file, options)
                self.options, loaded.image_root = self.pictures.settled(options), self.pictures.root
            batch: list[Product] = []
            for product in itertools.chain(file.products(), [None]):
                if isinstance(product, Reject):
                    self._reject(product)
                    write_reject(product)
                elif isinstance(product, Repeat):
                    loaded.read += 1
                    loaded.repeated += 1
                elif product is not None:
                    loaded.read += 1
                    batch.append(product)
                if batch and (product is None or len(batch) >= BATCH):
                    self._put(batch, file.reading)
                    batch.clear()
            loaded.read = file.tally.rows
            loaded.notices += file.notices()
            loaded.notices += self.pictures.notices()
        if self._compares():
            self._prune()
        self.pictures.prune(self.database, self.source, began)

    def _compares(self) -> bool:
        """Whether to tell which products the file no longer has."""
        return self.options.prune or self.options.remap

    def _reject(self, reject: Reject) -> None:
        self.loaded.read += 1
        self.loaded.rejected += 1
        if len(self.loaded.rejects) < KEPT_REJECTS:
            self.loaded.rejects.append(reject)
        if not reject.external_id:
            self.unnamed += 1
        elif self._compares():
            self.kept.append(reject.external_id)

    def _put(self, batch: list[Product], reading: Reading) -> None:
        if self._compares():
            self.kept += [product.external_id for product in batch]
        due = None
        if not self.registered and not self.dry_run:
            register(self.database, self.source, self.options, reading)
            self.registered = True
            due = _text_config(self.database, self.source, due=True)
        self.pictures.unpack(batch)
        _put(self.database, self.source, batch, self.loaded, dry_run=self.dry_run)
        if due is not None:
            self.loaded.text_config = _text_config(self.database, self.source, due=False)
        if self.progress is not None:
            self.progress(self.loaded)

    def _prune(self) -> None:
        """Remove the products that the file no longer has; without --prune only count them."""
        wanted = self.options.prune
        say = self.loaded.notices.append
        if not self.database.rows(
            "select from vitrina.sources as s where s.name = %s", (self.source,)
        ):
            return
        if wanted and not self.loaded.tally.products:
            say("removed no product: the file has no products, so it is hardly complete")
            return
        if wanted and self.unnamed:
            rows = "a row" if self.unnamed == 1 else counted(self.unnamed, "row")
            say(
                f"removed no product: {rows} without an id cannot be read, so any may be among them"
            )
            return
        count = self.database.value(
            "select vitrina.prune_products(%s, %s::text[], %s::real, %s)",
            (self.source, self.kept, self.options.prune_most, self.dry_run or not wanted),
        )
        products = counted(count, "product")
        is_are = "is" if count == 1 else "are"
        if wanted and self.dry_run:
            say(f"{products} of the source {is_are} not in the file, and would be removed")
        elif wanted and count:
            self.loaded.removed = count
            say(f"removed {products} that the file no longer has")
        elif count and not wanted:
            it = "it" if count == 1 else "them"
            say(f"{products} of the source {is_are} not in the file (--prune removes {it})")


def register(
    database: Database, source: str, options: FileOptions, reading: Reading | None = None
) -> None:
    """Make the source of a file, or change it; how it is read is kept with it."""
    config: dict[str, object] = {}
    if options.mapping.image_root is not None:
        config["image_root"] = str(options.mapping.image_root.absolute())
    # an export is known by itself; how the shop's files are read stays as it is
    if reading is not None and reading.format != OWN:
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
        (counts,) = database.rows(
            "select * from vitrina.compare_products(%s, %s)", (source, payload)
        )
        loaded.count(counts)
        return
    (counts,) = database.rows("select * from vitrina.put_products(%s, %s)", (source, payload))
    loaded.count(counts)
