"""vitrina as a library: a catalog in a Postgres database, with the verbs of the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import cached_property, partial
from typing import TYPE_CHECKING

from vitrina import embedded
from vitrina.closing import Closing
from vitrina.context import Context, Sides
from vitrina.costs import Costs
from vitrina.db import schema
from vitrina.enrich.ingest import Ingest
from vitrina.enrich.jobs import Jobs
from vitrina.errors import AccessError, SchemaError
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
from vitrina.spaces.api import Spaces
from vitrina.weave import datasets

if TYPE_CHECKING:
    from vitrina.assembly import Purpose
    from vitrina.batch.api import Batches
    from vitrina.enrich.engine import Engine
    from vitrina.keywords.judge import Judge
    from vitrina.models.openai.settings import OpenAISettings
    from vitrina.products.api import Sources
    from vitrina.spaces.embed import TextEmbedder

ALL = 2**31 - 1


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

        self._add_verbs()
        self._add_searches(writes=remembered)
        self._add_whole()

    def _add_verbs(self) -> None:
        """What writes: products, and what is known of them."""
        context = self._context
        ingest = Ingest(context, self._folders, lambda: self.sources, _assemble)
        self.ingest = ingest.ingest
        self.import_enriched = ingest.import_enriched
        self.work = ingest.work
        self.keywords = Keywords(context, self._queries, self._judges)
        self.spaces = Spaces(context, self._space_embedder, ingest.fill_pictures)
        self.jobs = Jobs(context)
        self.costs = Costs(context)
        self.rules = Rules(self.database)
        self.judgements = StoredJudgements(context)

    def _add_searches(self, *, writes: bool) -> None:
        """What finds products; `writes`: searches are logged."""
        reading = self._sides.reading
        self.image_vector = self._queries.image_vector
        self.knows_vector = self._queries.knows
        self.pictures = ProductPictures(reading, self._folders)
        asking = Asking(reading, self._queries, self.picture)
        self.searches = Searches(self._context, self._writer, writes=writes)
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
        evaluator = Evaluator(self._context, partial(self.search, log=False))
        self.evaluate = evaluator.evaluate
        self.compare = evaluator.compare

    def _add_whole(self) -> None:
        """What tells of the catalog as a whole."""
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
