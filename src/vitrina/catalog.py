"""vitrina as a library: a catalog in a Postgres database, with the verbs of the command line."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from vitrina import embedded
from vitrina.closing import Closing
from vitrina.context import Context, Sides
from vitrina.costs import Costs
from vitrina.db import schema
from vitrina.enrich.jobs import Jobs
from vitrina.errors import AccessError, InputError, SchemaError
from vitrina.evaluation.api import Evaluator
from vitrina.evaluation.stored import StoredJudgements
from vitrina.keywords.api import Keywords
from vitrina.keywords.entries import Keyword
from vitrina.pictures.decode import Picture
from vitrina.pictures.given import PictureLike, picture_of
from vitrina.pictures.limits import Limits
from vitrina.pictures.loader import Folders
from vitrina.pictures.part import Box, part_of
from vitrina.products.whole import ExportedProduct, Whole
from vitrina.search.asked import Asking
from vitrina.search.browse import Browse
from vitrina.search.generations import Generation, generations
from vitrina.search.log import Searches
from vitrina.search.product import Key, Product, get, named
from vitrina.search.product_pictures import ProductPictures
from vitrina.search.query_vectors import Queries
from vitrina.search.rules import Rules
from vitrina.search.search import Search
from vitrina.settings import Settings
from vitrina.spaces.api import Spaces, Step
from vitrina.weave import datasets

if TYPE_CHECKING:
    from vitrina.assembly import Purpose
    from vitrina.batch.api import Batches
    from vitrina.enrich.engine import Engine
    from vitrina.enrich.totals import Totals
    from vitrina.files import FileOptions
    from vitrina.keywords.judge import Judge
    from vitrina.models.openai.settings import OpenAISettings
    from vitrina.products.api import Sources
    from vitrina.products.load import Loaded
    from vitrina.products.load_enriched import Imported
    from vitrina.products.objects import Products
    from vitrina.spaces.embed import TextEmbedder

ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Ingested:
    """The result of an ingest: rows read, and work on new or changed products."""

    loaded: Loaded
    totals: Totals


class Catalog(Closing):
    """A catalog of products in Postgres.

    Its parts: `keywords`, `spaces`, `sources`, `rules`, `jobs`, `batches` and `costs`.

    Args:
        dsn: a libpq URL or key=value string. None: VITRINA_DATABASE_URL or, if that is unset, the
            embedded Postgres, which is started and upgraded as needed.
        settings: more settings; default: from the environment. With its `read_url`, a replica,
            searches, exports and what they show read that; all else reads and writes `dsn`, which
            is opened on use. On a hot standby nothing is written: vectors of queries are kept in
            memory, and searches are not logged.
        notice: called with one line when a substitute is used, like the embedded Postgres.
        read_only: every statement runs in a read-only transaction, at most `statement_seconds`.
            What is remembered all the same (vectors of queries, each paid once) goes through a
            connection of its own, and is left out with `remembers=False`.
        remembers: see read_only.
        statement_seconds: the time that a statement may take; None: any.

    Raises:
        UnreachableError, AccessError: the database is unavailable.
        SchemaError: vitrina is not installed in it; run `vitrina db upgrade`.

    >>> with Catalog("postgresql://localhost/shop") as catalog:
    ...     for hit in catalog.search("shoe storage", k=3):
    ...         print(hit.title, hit.similarity)
    """

    def __init__(
        self,
        dsn: str | None = None,
        *,
        settings: Settings | None = None,
        notice: Callable[[str], None] | None = None,
        read_only: bool = False,
        remembers: bool = True,
        statement_seconds: float | None = None,
    ) -> None:
        self.settings = settings or Settings.from_environment(dsn)
        say = notice or (lambda _: None)
        url = dsn or self.settings.database_url
        if url is None:
            url = _embedded_url(notice)
        self._sides = sides = Sides.opened(
            url,
            self.settings,
            say,
            read_only=read_only,
            remembers=remembers,
            statement_seconds=statement_seconds,
        )
        self.reads, self.database = sides.reading.database, sides.writing.database
        _check_installed(sides)
        context, reading = sides.writing, sides.reading
        self._context, self._writer = context, sides.writer
        self._folders = Folders(self.settings.image_roots, self._trusted_roots)
        remembered = not read_only or self._writer is not None
        self._queries = Queries(reading, self._reader if remembered else None, self._writer)

        self.keywords = Keywords(context, self._queries, self._judges)
        self.spaces = Spaces(context, self._space_embedder, self._fill_pictures)
        self.jobs = Jobs(context)
        self.costs = Costs(context)
        self.pictures = ProductPictures(reading, self._folders)
        self.image_vector = self._queries.image_vector
        self.knows_vector = self._queries.knows
        self.rules = Rules(self.database)

        asking = Asking(reading, self._queries, self.picture)
        self.searches = Searches(context, self._writer, writes=remembered)
        searching = Search(self.reads, asking, self.searches, self.pictures)
        self.search = searching.search
        self.count_matches = searching.count_matches
        self.explain = searching.explain
        self.similar = searching.similar
        self.read_query = searching.read_query
        browsing = Browse(self.reads, asking)
        self.facets = browsing.facets
        self.histogram = browsing.histogram
        self.overview = browsing.overview
        self.suggest = browsing.suggest
        self.recommend = browsing.recommend
        self.duplicates = browsing.duplicates
        self.nearest_by_image = browsing.nearest_by_image
        evaluator = Evaluator(context, partial(self.search, log=False))
        self.evaluate = evaluator.evaluate
        self.compare = evaluator.compare
        self.judgements = StoredJudgements(context)
        whole = Whole(self.reads, self.database)
        self.status = whole.status
        self.replication = whole.replication
        self.metrics = whole.metrics
        self.check = whole.check
        self.revision = whole.revision
        self.server = whole.server
        self.export = whole.export
        self.thumbnails = whole.thumbnails

    # made on use: a search does without files and models, which take long to import

    @cached_property
    def sources(self) -> Sources:
        """The sources of products: files and attached tables."""
        from vitrina.products.api import Sources

        return Sources(self._context, self._folders.allow)

    @cached_property
    def batches(self) -> Batches:
        """Answers at half the price, within a day."""
        from vitrina.batch.api import Batches
        from vitrina.batch.means import Means

        return Batches(Means(self._context, self._folders, _assemble))

    def picture(self, given: PictureLike) -> Picture:
        """Load a picture that the user named or has: any local path, a URL within the limits, …"""
        return picture_of(given, Limits(allow_private=self.settings.allow_private_images))

    def crop(self, given: PictureLike, box: Box | str | Sequence[float]) -> Picture:
        """A part of a picture, as a picture to search by: search(image=catalog.crop(…)).

        Args:
            given: as for search, but no vector.
            box: left, upper, width and height in fractions of the picture, 0 to 1.

        Raises PictureError if the picture cannot be used, InputError for another box.
        """
        return part_of(self.picture(given), Box.of(box))

    def _reader(self, space: str | None) -> Engine:
        context = self._writer.context() if self._writer else self._sides.reading
        return _assemble(context, "search", space)

    def _space_embedder(self, space: str, endpoint: OpenAISettings | None) -> TextEmbedder:
        from vitrina.assembly import space_embedder

        return space_embedder(self._context, space, endpoint)

    @contextlib.contextmanager
    def _judges(self) -> Iterator[Judge]:
        with _assemble(self._context, "judge") as engine:
            assert engine.judge is not None  # noqa: S101 - an engine that judges has a judge
            yield engine.judge

    def _trusted_roots(self) -> list[str]:
        """The picture folders that the owner of the schema named."""
        try:
            rows = self.reads.rows(
                "select distinct s.trusted_root as folder from vitrina.sources as s"
                " where s.trusted_root is not null"
            )
        except AccessError:  # a read-only role enriches nothing
            return []
        return [row["folder"] for row in rows]

    def ingest(
        self,
        products: Products,
        *,
        source: str | None = None,
        mapping: Mapping[str, str] | None = None,
        format: str | None = None,
        options: FileOptions | None = None,
        prune: bool = False,
        progress: Callable[[Loaded], None] | None = None,
        on_work: Callable[[Totals], None] | None = None,
        judge: bool = False,
    ) -> Ingested:
        """Load a file or objects, then enrich the new and changed products of the source.

        Args:
            products: a file, as for sources.load, or an iterable of mappings, each a product, with
                the names that a file's columns may have. Objects need `source`.
            source: the source's name; default: the file's name, or the feed's host.
            mapping: a product's field to a column, like {"title": "displayName"}; other columns are
                recognised by name.
            format: the name of the file's format; recognised without it.
            options: more about how to read a file.
            prune: the file is the whole catalogue: remove the products that it lacks.
            progress: as for sources.load.
            on_work: called with the enrichment counts so far.
            judge: as for work.

        Raises what sources.load and work raise.
        """
        from vitrina.files import FileOptions
        from vitrina.products.api import source_name
        from vitrina.products.objects import as_file

        options = options or FileOptions()
        if mapping is not None:
            columns = replace(options.mapping, columns=dict(mapping))
            options = replace(options, mapping=columns)
        if format is not None:
            options = replace(options, format=format)
        if prune:
            options = replace(options, prune=True)
        if source is None and not isinstance(products, str | Path):
            raise InputError("name the source of these products: ingest(products, source=…)")
        with as_file(products) as path:
            name = source_name(path, source)
            loaded = self.sources.load(path, source=name, options=options, progress=progress)
        if loaded.nothing:
            from vitrina.enrich.totals import Totals

            return Ingested(loaded, Totals())
        return Ingested(loaded, self.work(sources=[name], progress=on_work, judge=judge))

    def get(self, product: Key) -> Product:
        """Everything known of an id (a number), an external id, or (source, external id).

        Raises NotFoundError if it is not found, and names the nearest; InputError if several
        sources have it.
        """
        return get(self.reads, product)

    def generations(self, product: Key) -> list[Generation]:
        """The answers of models that a product was made of, with tokens, cost and time.

        Raises as `get` does, and AccessError for a role that may not see what was spent.
        """
        return generations(self.reads, product)

    def delete(self, products: Sequence[Key]) -> int:
        """Delete these products, each named as for `get`; returns how many.

        Raises as `get` does, and InputError for products of an attached source; then no product of
        that source is deleted.
        """
        chosen: dict[str, set[str]] = {}
        for found in [named(self.database, product) for product in products]:
            chosen.setdefault(found.source, set()).add(found.external_id)
        return sum(self.sources.delete(source, sorted(ids)) for source, ids in chosen.items())

    def import_enriched(
        self,
        path: str | Path,
        *,
        source: str | None = None,
        options: FileOptions | None = None,
        columns: Mapping[str, str] | None = None,
        space: str | None = None,
        model: str = "text-embedding-3-large",
        provider: str = "openai",
        threshold: float = 0.6,
        use: bool = False,
        progress: Callable[[Imported], None] | None = None,
    ) -> Imported:
        """Import products that are already tagged, captioned and embedded; costs nothing.

        Args:
            path, source, options: as for sources.load.
            columns: maps keywords, description, caption or embedding to a column; others are
                recognised by name.
            space: the text space of the embeddings, created on first use; default: named after the
                provider, model and dimensions.
            model, provider: the origin of the embeddings.
            threshold: for a new space, the cosine above which two keywords are the same.
            use: search in that space from now on.
            progress: called with the counts so far.

        Raises InputError if the file, or that space for it, cannot be used; AccessError if this
        role may not create or use the space, saying who may.
        """
        from vitrina.enrich.run import index
        from vitrina.products.api import source_name
        from vitrina.products.load_enriched import import_file

        done = import_file(
            self.database,
            str(path),
            source=source_name(path, source),
            options=self.sources.admitted(options),
            columns=columns,
            space=space,
            model=model,
            provider=provider,
            threshold=threshold,
            use=use,
            progress=progress,
        )
        self.sources.allow_pictures_of(done.loaded)
        index(self._context, done.enriched + done.embedded)
        return done

    def work(
        self,
        *,
        sources: Sequence[str] | None = None,
        progress: Callable[[Totals], None] | None = None,
        stop: threading.Event | None = None,
        watch: bool = False,
        judge: bool = False,
    ) -> Totals:
        """Enrich every queued product that is due; with `watch`, continue until `stop` is set.

        Attached sources are synced before and meanwhile. With `judge`, a model then decides which
        of the near keywords are the same.

        Raises ProviderError if the provider is unavailable, BudgetError if the budget is spent;
        finished work is stored first.
        """
        from vitrina.enrich.run import Work  # on use: a search does without

        work = Work(self._context, self._folders, self.sources)
        with _assemble(self._context) as engine:
            return work.run(
                engine, sources=sources, progress=progress, stop=stop, watch=watch, judge=judge
            )

    def _fill_pictures(self, space: str, progress: Step, stop: threading.Event) -> int:
        """See Work.fill_pictures; asks no model."""
        from vitrina.enrich.run import Work

        context = replace(self._context, settings=replace(self._context.settings, provider="local"))
        with _assemble(context) as engine:
            work = Work(context, self._folders, self.sources)
            return work.fill_pictures(engine, space, progress, stop)

    def publish(
        self,
        name: str,
        *,
        project: str,
        what: datasets.What = "products",
        sources: Sequence[str] | None = None,
    ) -> str:
        """Publish products or the vocabulary as a Weave Dataset; returns its reference.

        Args:
            name: the dataset's name.
            project: "entity/project" or "project".
            what: the rows: products, as in the view vitrina.catalog, or keywords.
            sources: products of these sources only.

        Raises as datasets.publish does.
        """
        rows: Iterable[ExportedProduct | Keyword]
        rows = self.export(sources=sources) if what == "products" else self.keywords.list(k=ALL)
        return datasets.publish(map(asdict, rows), name, project=project, what=what)

    def close(self) -> None:
        """Close the connections; an embedded Postgres keeps running."""
        self._queries.close()
        self._sides.close()


def _check_installed(sides: Sides) -> None:
    if not sides.reading.database.value("select to_regclass('vitrina.installed') is not null"):
        sides.close()
        raise SchemaError("vitrina is not installed in this database: run `vitrina db upgrade`")


def _assemble(context: Context, purpose: Purpose = "enrich", space: str | None = None) -> Engine:
    from vitrina.assembly import assemble

    return assemble(context, purpose, space)


def _embedded_url(notice: Callable[[str], None] | None) -> str:
    """The embedded Postgres, running and up to date."""
    server = embedded.start()
    url = server.url()
    if notice is not None and embedded.first_today(server):
        notice(
            f"using the embedded Postgres in {server.data}; "
            "set VITRINA_DATABASE_URL to use the shop's own"
        )
    if not schema.check(url).current:
        schema.upgrade(url)
    return url
