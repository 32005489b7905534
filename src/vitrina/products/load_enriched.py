"""Brings in products that are tagged, captioned and embedded already, without paying again."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Columns
from dataclasses import dataclass, field

from vitrina.db.database import Database
from vitrina.db.retries import retried
from vitrina.errors import InputError
from vitrina.files import FileOptions, Product, Reading, Reject, Repeat
from vitrina.files.enrichments import Enrichments, Said
from vitrina.products.load import BATCH, KEPT_REJECTS, Loaded, opened, register, reject_writer
from vitrina.products.payload import as_json, row_of
from vitrina.products.picture_folder import OwnPictures


@dataclass(slots=True)
class Imported:
    """What an import did.

    `enriched` and `embedded` count what was new or changed, `queued` the products left to enrich;
    `refused` counts enrichments and embeddings that could not be used, though their product came
    in; they stand among the rejects. `space` is the one the embeddings went into.
    """

    loaded: Loaded = field(default_factory=Loaded)
    enriched: int = 0
    embedded: int = 0
    queued: int = 0
    refused: int = 0
    space: str | None = None

    def count(self, counts: Columns[str, int]) -> None:
        """Add what import_products returns."""
        self.loaded.count(counts)
        self.enriched += counts["enriched"]
        self.embedded += counts["embedded"]
        self.queued += counts["queued"]

    def report(self, reject: Reject, write: Callable[[Reject], None]) -> None:
        """Keep a reject: the first few here, all of them in the file."""
        if len(self.loaded.rejects) < KEPT_REJECTS:
            self.loaded.rejects.append(reject)
        write(reject)

    def refuse(self, product: Product, reason: str, write: Callable[[Reject], None]) -> None:
        """Report a part of a row that its product came in without."""
        self.refused += 1
        reason += "; the rest of the row came in"
        self.report(Reject(product.line, product.external_id, reason), write)


_Batch = list[tuple[Product, Said]]


def import_file(
    database: Database,
    path: str,
    *,
    source: str,
    options: FileOptions | None = None,
    columns: Columns[str, str] | None = None,
    space: str | None = None,
    model: str = "text-embedding-3-large",
    provider: str = "openai",
    threshold: float = 0.6,
    use: bool = False,
    progress: Callable[[Imported], None] | None = None,
) -> Imported:
    """Bring in products with what is known of them: keywords, description, caption, embedding.

    A product with keywords and a caption is enriched, and one that an export calls enriched with a
    caption alone; others are queued. Embeddings go into a
    text space of their own, made on first use. Each batch is one transaction.

    Args:
        database: where to.
        path, source, options: as for load_file.
        columns: keywords, description, caption or embedding to its column; the rest is recognised.
        space: the name of the text space; of provider, model and dimensions without it.
        model, provider: what made the vectors.
        threshold: of a space that is made: the cosine above which two keywords are one.
        use: make the space the active one at the end.
        progress: called after each batch.

    Raises:
        InputError: the file cannot be used, or not with this space, or the source is attached;
            nothing was written then.
        AccessError: the space is not there, or not in use, and this role may not change that.
    """
    options = options or FileOptions()
    database.value("select vitrina_internal.refuse_attached(%s)", (source,))
    done = Imported()
    target = _Target(database, source, options, space, provider, model, threshold, use)
    enrichments = Enrichments(columns or {}, options.mapping)
    with (
        opened(database, path, source=source, options=options) as file,
        reject_writer(options.rejects) as write_reject,
    ):
        done.loaded.reading, done.loaded.tally = file.reading, file.tally
        pictures = OwnPictures.of(database, source, file, options)
        target.options, done.loaded.image_root = pictures.settled(options), pictures.root
        read = file.file.read
        products = file.products(lambda first: enrichments.strip(read(), keep=not first))
        for batch in _batches(products, enrichments, done, write_reject):
            found = _dimensions(said for _, said in batch)
            if not target.registered:
                enrichments.check(file.file.name)
                target.reading = file.reading
                if found is None:
                    found = enrichments.look_ahead(itertools.islice(read(), options.limit))
                if found is None and use:
                    raise InputError(f"no embedding in {path}, so no space to use (--use)")
            done.space = target.settle(found)
            for product, said in batch:
                for reason in _flaws(said, target.dimensions):
                    done.refuse(product, reason, write_reject)
            pictures.unpack(product for product, _ in batch)
            target.put(batch, done)
            if progress is not None:
                progress(done)
        done.loaded.read = file.tally.rows
        done.loaded.notices = [*file.notices(), *pictures.notices()]
    if use:
        target.make_active()
    return done


@dataclass(slots=True)
class _Target:
    """The source that products go into, and the text space that their vectors go into."""

    database: Database
    source: str
    options: FileOptions
    space: str | None
    provider: str
    model: str
    threshold: float
    use: bool
    dimensions: int | None = None
    registered: bool = False
    reading: Reading | None = None

    def settle(self, dimensions: int | None) -> str | None:
        """Find or make both; the space, once there is one, stays. Returns its name."""
        if self.dimensions is None and dimensions is not None:
            self.space = self.database.value(
                "select vitrina.import_space(%s, %s, %s, %s, %s::real, %s)",
                (self.space, self.provider, self.model, dimensions, self.threshold, self.use),
            )
            self.dimensions = dimensions
        if not self.registered:
            register(self.database, self.source, self.options, self.reading)
            self.registered = True
        return self.space if self.dimensions is not None else None

    def put(self, batch: _Batch, done: Imported) -> None:
        """Write a batch in one transaction, and count what it did."""
        rows = [
            {
                **row_of(product),
                "keywords": said.keywords,
                "description": said.description,
                "caption": said.caption,
            }
            for product, said in batch
        ]
        vectors = [said.embedding for _, said in batch]
        params = (
            self.source,
            as_json(rows),
            self.space,
            vectors if any(vector is not None for vector in vectors) else None,
        )
        # a worker may hold some of the same products
        (counts,) = retried(
            lambda: self.database.rows(
                "select * from vitrina.import_products(%s, %s, %s, %b)", params
            )
        )
        done.count(counts)

    def make_active(self) -> None:
        """Make the space the active one of its modality."""
        if self.dimensions is None:
            raise InputError("no embedding found, so there is no space to use (--use)")
        self.database.value("select vitrina.use_space(%s)", (self.space,))


def _batches(
    items: Iterable[Product | Repeat | Reject],
    enrichments: Enrichments,
    done: Imported,
    write_reject: Callable[[Reject], None],
) -> Iterator[_Batch]:
    """Products with their enrichments, a batch at a time; the rest is counted."""
    batch: _Batch = []
    for item in items:
        said = enrichments.by_line.pop(item.line, Said())
        done.loaded.read += 1
        if isinstance(item, Repeat):
            done.loaded.repeated += 1
        elif isinstance(item, Reject):
            done.loaded.rejected += 1
            done.report(item, write_reject)
        else:
            batch.append((item, said))
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _dimensions(enrichments: Iterable[Said]) -> int | None:
    """How many numbers most of the vectors have; None without any."""
    counts = Counter(
        said.embedding.dimensions() for said in enrichments if said.embedding is not None
    )
    return counts.most_common(1)[0][0] if counts else None


def _flaws(said: Said, dimensions: int | None) -> list[str]:
    """Why parts of an enrichment cannot be used; a vector of other dimensions is dropped."""
    if said.embedding is not None and said.embedding.dimensions() != dimensions:
        said.flaws.append(
            f"the embedding has {said.embedding.dimensions():,} numbers, the space {dimensions:,}"
        )
        said.embedding = None
    return said.flaws
