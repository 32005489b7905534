"""vitrina as a library: a catalog in a Postgres database, with the verbs of the command line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from vitrina import embedded
from vitrina.batch.api import Batches
from vitrina.costs import Upkeep
from vitrina.db import schema
from vitrina.db.database import Database
from vitrina.enrich import worker
from vitrina.enrich.jobs import Jobs
from vitrina.errors import AccessError, ProviderError, SchemaError
from vitrina.evaluation.api import Evaluating
from vitrina.keywords.curate import Curation
from vitrina.keywords.look import Vocabulary
from vitrina.pictures.decode import Limits, Picture
from vitrina.pictures.decode import load as load_picture
from vitrina.pictures.loader import Folders, PictureLoader
from vitrina.products.attach import Attachments
from vitrina.search.browse import Browsing
from vitrina.search.hits import Ingested
from vitrina.search.query_vectors import Queries
from vitrina.search.search import Searching
from vitrina.settings import Settings
from vitrina.spaces.api import Spaces

if TYPE_CHECKING:
    from vitrina.assembly import Engine
    from vitrina.enrich.pipeline import Totals
    from vitrina.files import Mapping as ColumnMapping
    from vitrina.products.load import Loaded
    from vitrina.products.load_enriched import Imported


class Catalog(
    Searching,
    Browsing,
    Vocabulary,
    Curation,
    Spaces,
    Evaluating,
    Upkeep,
    Batches,
    Attachments,
    Jobs,
):
    """A catalog of products in Postgres.

    Args:
        dsn: a libpq URL or key=value string. None: VITRINA_DATABASE_URL, and without it the
            embedded Postgres, which is started and kept up to date as needed.
        settings: more settings; from the environment without it.
        notice: called with one line about what is used in place of something else.

    Raises:
        UnreachableError, AccessError: the database cannot be used.
        SchemaError: it has no vitrina; run `vitrina db upgrade`.

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
    ) -> None:
        self.settings = settings or Settings.from_environment(dsn)
        self._notice = notice or (lambda _: None)
        url = dsn or self.settings.database_url
        if url is None:
            url = _embedded_url(notice)
        self.database = Database(
            url, size=self.settings.concurrency, wait=self.settings.wait, notice=self._notice
        )
        if not self.database.value("select to_regclass('vitrina.installed') is not null"):
            self.database.close()
            raise SchemaError("vitrina is not installed in this database: run `vitrina db upgrade`")
        self._folders = Folders(self.settings.image_roots, self._trusted_roots)
        self._queries = Queries(self.database, self.settings, self._notice)

    # -- work ----------------------------------------------------------------------------------

    def engine(self) -> Engine:
        """The provider in use, with all it takes to enrich; close it."""
        from vitrina.assembly import Engine

        return Engine.build(self.database, self.settings, notice=self._notice)

    def picture(self, reference: str) -> Picture:
        """Load a picture the user named: any local path, or a URL within the limits."""
        return load_picture(reference, limits=self._limits())

    def _trusted_roots(self) -> list[str]:
        """The folders of pictures that the owner of the schema has named."""
        try:
            rows = self.database.rows(
                "select distinct s.trusted_root as folder from vitrina.sources as s"
                " where s.trusted_root is not null"
            )
        except AccessError:  # a role that only reads enriches nothing
            return []
        return [row["folder"] for row in rows]

    def _allow(self, mapping: ColumnMapping | None) -> None:
        """Who names a folder to this process lets it read there."""
        if mapping is not None and mapping.image_root is not None:
            self._folders.allow(mapping.image_root)

    def _limits(self) -> Limits:
        return Limits(allow_private=self.settings.allow_private_images)

    # -- products ------------------------------------------------------------------------------

    def load(
        self,
        path: str | Path,
        *,
        source: str | None = None,
        mapping: ColumnMapping | None = None,
        limit: int | None = None,
        rejects: str | None = None,
        encoding: str = "utf-8",
        delimiter: str | None = None,
        text_config: str | None = None,
        dry_run: bool = False,
        progress: Callable[[Loaded], None] | None = None,
    ) -> Loaded:
        """Bring in the products of a CSV or JSON Lines file; new and changed ones are queued.

        Args:
            path: the file; `-` is standard input.
            source: its name; the file's own name without one.
            mapping: which columns are what; recognised by name without one.
            limit: at most so many rows.
            rejects: a CSV file for rows that cannot be used, with line and reason.
            encoding, delimiter: of the file.
            text_config: the text-search configuration of the source (english, german, simple …).
            dry_run: write nothing, only count.
            progress: called with the counts so far.

        Raises InputError where the file cannot be used at all.
        """
        from vitrina.products.load import load_file

        self._allow(mapping)
        return load_file(
            self.database,
            str(path),
            source=_source_name(path, source),
            mapping=mapping,
            encoding=encoding,
            delimiter=delimiter,
            text_config=text_config,
            limit=limit,
            rejects=rejects,
            dry_run=dry_run,
            progress=progress,
        )

    def ingest(
        self,
        path: str | Path,
        *,
        source: str | None = None,
        on_work: Callable[[Totals], None] | None = None,
        judge: bool = False,
        **options: Any,
    ) -> Ingested:
        """Load a file, then enrich what is new or changed in its source; see load and work."""
        name = _source_name(path, source)
        loaded = self.load(path, source=name, **options)
        return Ingested(loaded, self.work(sources=[name], progress=on_work, judge=judge))

    def import_enriched(
        self,
        path: str | Path,
        *,
        source: str | None = None,
        mapping: ColumnMapping | None = None,
        columns: Mapping[str, str] | None = None,
        space: str | None = None,
        model: str = "text-embedding-3-large",
        provider: str = "openai",
        threshold: float = 0.6,
        use: bool = False,
        limit: int | None = None,
        rejects: str | None = None,
        encoding: str = "utf-8",
        delimiter: str | None = None,
        text_config: str | None = None,
        progress: Callable[[Imported], None] | None = None,
    ) -> Imported:
        """Bring in products that are tagged, captioned and embedded already: nothing is paid again.

        Args:
            path, source, mapping, limit, rejects, encoding, delimiter, text_config: as for load.
            columns: keywords, description, caption or embedding to its column; the rest is
                recognised by name.
            space: the text space of the embeddings, made on first use; named after provider,
                model and dimensions without it.
            model, provider: what made the embeddings.
            threshold: of a space that is made: the cosine above which two keywords are one.
            use: search by that space from now on.
            progress: called with the counts so far.

        Raises InputError where the file cannot be used, or not with that space; AccessError where
        this role may not make or use the space, saying who may.
        """
        from vitrina.products.load_enriched import import_file

        self._allow(mapping)
        done = import_file(
            self.database,
            str(path),
            source=_source_name(path, source),
            mapping=mapping,
            columns=columns,
            space=space,
            model=model,
            provider=provider,
            threshold=threshold,
            use=use,
            encoding=encoding,
            delimiter=delimiter,
            text_config=text_config,
            limit=limit,
            rejects=rejects,
            progress=progress,
        )
        self._index(done.enriched + done.embedded)
        return done

    def retry_images(self, *, sources: Sequence[str] | None = None) -> int:
        """Queue products whose picture could not be had; returns how many."""
        names = list(sources) if sources is not None else None
        return int(self.database.value("select vitrina.retry_images(%s::text[])", (names,)))

    def work(
        self,
        *,
        sources: Sequence[str] | None = None,
        progress: Callable[[Totals], None] | None = None,
        stop: threading.Event | None = None,
        watch: bool = False,
        judge: bool = False,
    ) -> Totals:
        """Enrich every queued product that is due; with `watch`, go on until `stop` is set.

        Attached sources are brought in step before and meanwhile. With `judge`, a model then says
        which of the keywords that are near each other are one.

        Raises ProviderError where the provider cannot be used, BudgetError where the budget is
        spent; what is finished is stored first.
        """
        from vitrina.enrich.pipeline import NO_VECTOR, Pipeline
        from vitrina.pictures.descriptor import LocalImageEmbedder

        loader = PictureLoader(self._limits(), self._folders)
        with (
            self.engine() as engine,
            Pipeline(self.database, engine, LocalImageEmbedder(), loader) as pipeline,
        ):
            self.retry_jobs(sources=sources, matching=f"{NO_VECTOR}%")
            go = partial(worker.watch if watch else worker.drain, self.database, pipeline)
            again = partial(
                go,
                follow=worker.Follow(self, sources, self._notice),
                sources=sources,
                paid=engine.paid,
                progress=progress,
                stop=stop,
                lease=self.settings.lease,
            )
            totals = again()
            if not (stop and stop.is_set()):
                if pipeline.embed_again():  # once more, where the endpoint may be well by now
                    totals = again()
                if not totals.without_vector:
                    totals.embeddings += engine.backfill()
                self.database.value("select vitrina.collect_images()")
                self._index(totals.embeddings)
                if judge:
                    totals = self._judged(engine, totals, go)
            if totals.without_vector:
                raise ProviderError(
                    f"{totals.without_vector:,} products have no vector yet: {totals.no_vector};"
                    " they are found by their words, and `vitrina work` tries again"
                )
            return totals

    def _index(self, embeddings: int) -> None:
        """Index the spaces that have none; where this role may not, say so if any is new."""
        advice = worker.index_spaces(self.database)
        if advice is not None and embeddings:
            self._notice(f"some spaces have no index yet: {advice}")

    def export(self, *, sources: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Every product with its enrichment, as a stream of dicts, by id."""
        return self.database.stream(
            "select c.* from vitrina.catalog as c"
            " where %(sources)s::text[] is null or c.source = any(%(sources)s::text[])"
            " order by c.product_id",
            {"sources": list(sources) if sources is not None else None},
        )

    def thumbnails(self, product_ids: Sequence[int]) -> dict[int, bytes]:
        """The thumbnails (WebP, at most 160 px) of these products that have one, by id."""
        rows = self.database.rows(
            "select p.id, i.thumbnail from vitrina.products as p"
            " join vitrina.images as i on i.sha256 = p.image_sha256 where p.id = any(%s)",
            (list(product_ids),),
        )
        return {row["id"]: bytes(row["thumbnail"]) for row in rows}

    def remove_source(self, name: str) -> int:
        """Delete a source and its products; returns how many there were. Keywords stay."""
        return int(self.database.value("select vitrina.remove_source(%s)", (name,)))

    def close(self) -> None:
        """Close the connections; an embedded Postgres goes on running."""
        self._queries.close()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _source_name(path: str | Path, given: str | None) -> str:
    if given is None and str(path).startswith("weave:///"):
        from vitrina.weave.datasets import name_of

        return name_of(str(path))
    return given or ("stdin" if str(path) == "-" else Path(path).stem)


def _embedded_url(notice: Callable[[str], None] | None) -> str:
    """The embedded Postgres, running and up to date."""
    server = embedded.start()
    url = server.url()
    if notice is not None:
        notice(
            f"using the embedded Postgres in {server.data}; "
            "set VITRINA_DATABASE_URL to use the shop's own"
        )
    if not schema.check(url).current:
        schema.upgrade(url)
    return url
