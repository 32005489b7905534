"""vitrina as a library: a catalog in a Postgres database, with the verbs of the command line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from vitrina import embedded, schema, worker
from vitrina.config import Settings
from vitrina.database import Database, HalfVector, Jsonb
from vitrina.errors import NotFoundError, SchemaError
from vitrina.images import Limits, Picture
from vitrina.images import load as load_picture

if TYPE_CHECKING:
    from vitrina.ingest import Loaded
    from vitrina.pipeline import Pipeline, Totals
    from vitrina.sources import Mapping as ColumnMapping

Mode = Literal["hybrid", "vector", "text"]


@dataclass(frozen=True, slots=True)
class Hit:
    """One product a search found.

    `score` orders the hits; `similarity` is the cosine, None where no vector took part; `matched`
    names the channels that found it (code, text, vector, image).
    """

    product_id: int
    source: str
    external_id: str
    title: str
    caption: str | None
    keywords: list[str]
    url: str | None
    image: str | None
    score: float
    similarity: float | None
    text_rank: float | None
    matched: list[str]


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a term is in the vocabulary, and how that was decided."""

    ordinal: int
    term: str
    keyword: str | None
    facet: str | None
    method: str | None
    similarity: float | None
    veto: str | None


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest did: rows read, and work done on what was new or changed."""

    loaded: Loaded
    totals: Totals


class Catalog:
    """A catalog of products in Postgres.

    Args:
        dsn: a libpq URL or key=value string. None: VITRINA_DATABASE_URL, and without it the
            embedded Postgres, which is started and kept up to date as needed.
        settings: more settings; from the environment without it.
        notice: called with one line when the embedded Postgres is used.

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
        url = dsn or self.settings.database_url
        if url is None:
            url = _embedded_url(notice)
        self.database = Database(url, size=self.settings.concurrency)
        if not self.database.value("select to_regclass('vitrina.installed') is not null"):
            self.database.close()
            raise SchemaError("vitrina is not installed in this database: run `vitrina db upgrade`")

    # -- search --------------------------------------------------------------------------------

    def search(
        self,
        query: str | None = None,
        *,
        image: str | Path | None = None,
        k: int = 10,
        offset: int = 0,
        filter: Mapping[str, object] | None = None,
        where: str | None = None,
        with_keywords: Sequence[str] = (),
        without_keywords: Sequence[str] = (),
        sources: Sequence[str] | None = None,
        mode: Mode = "hybrid",
    ) -> list[Hit]:
        """The k products that match best, by words, by picture, or both.

        Args:
            query: words; "a phrase" must stand as it is, -word must not.
            image: a picture to search by: a path or an http(s) URL.
            k: how many, 1 to 1000.
            offset: how many to pass over first.
            filter: attributes must contain this.
            where: a jsonpath predicate over attributes, like '$.price < 50'.
            with_keywords: products must have all of these.
            without_keywords: and none of these.
            sources: products of these sources only.
            mode: words and vectors, vectors alone, or words alone.

        Raises:
            PictureError: the picture cannot be used.
            InputError: an argument is out of range.
        """
        vector = self._image_vector(str(image)) if image is not None else None
        return self._hits(
            'select * from vitrina.search(query => %(query)s, k => %(k)s, "offset" => %(offset)s,'
            " filter => %(filter)s, where_path => %(where)s::jsonpath,"
            " with_keywords => %(with)s::text[], without_keywords => %(without)s::text[],"
            " sources => %(sources)s::text[], mode => %(mode)s, image_embedding => %(image)s)",
            {
                "query": query,
                "k": k,
                "offset": offset,
                "filter": Jsonb(dict(filter or {})),
                "where": where,
                "with": list(with_keywords),
                "without": list(without_keywords),
                "sources": list(sources) if sources is not None else None,
                "mode": mode,
                "image": vector,
            },
        )

    def similar(self, product: int | tuple[str, str], *, k: int = 10) -> list[Hit]:
        """The k products most like one: its id, or (source, external id).

        Raises NotFoundError where there is no such product.
        """
        if isinstance(product, tuple):
            found = self.database.value(
                "select c.product_id from vitrina.catalog as c"
                " where c.source = %s and c.external_id = %s",
                product,
            )
            if found is None:
                raise NotFoundError(f"no product {product[1]!r} in the source {product[0]!r}")
            product = int(found)
        return self._hits("select * from vitrina.similar_products(%s, %s)", (product, k))

    def _hits(self, query: Any, params: Any) -> list[Hit]:
        return [Hit(**row) for row in self.database.rows(query, params)]

    def _image_vector(self, reference: str) -> HalfVector:
        from vitrina.providers.descriptor import LocalImageEmbedder

        return HalfVector(list(LocalImageEmbedder().embed(self.picture(reference))))

    def picture(self, reference: str) -> Picture:
        """Load a picture the user named: any local path, or a URL within the limits."""
        return load_picture(reference, limits=self._limits())

    def _limits(self) -> Limits:
        return Limits(allow_private=self.settings.allow_private_images)

    # -- products ------------------------------------------------------------------------------

    def ingest(
        self,
        path: str | Path,
        *,
        source: str | None = None,
        mapping: ColumnMapping | None = None,
        enrich: bool = True,
        limit: int | None = None,
        rejects: str | None = None,
        encoding: str = "utf-8",
        delimiter: str | None = None,
        text_config: str | None = None,
        on_load: Callable[[Loaded], None] | None = None,
        on_work: Callable[[Totals], None] | None = None,
    ) -> Ingested:
        """Bring in the products of a CSV or JSON Lines file and enrich what is new or changed.

        Args:
            path: the file; `-` is standard input.
            source: its name; the file's own name without one.
            mapping: which columns are what; recognised by name without one.
            enrich: work on them now; else they stay queued for `work`.
            limit: at most so many rows.
            rejects: a CSV file for rows that cannot be used, with line and reason.
            encoding, delimiter: of the file.
            text_config: the text-search configuration of the source (english, german, simple …).
            on_load, on_work: called with the counts so far.

        Raises InputError where the file cannot be used at all.
        """
        from vitrina.ingest import load_file
        from vitrina.pipeline import Totals

        name = source or ("stdin" if str(path) == "-" else Path(path).stem)
        loaded = load_file(
            self.database,
            str(path),
            source=name,
            mapping=mapping,
            encoding=encoding,
            delimiter=delimiter,
            text_config=text_config,
            limit=limit,
            rejects=rejects,
            progress=on_load,
        )
        totals = self.work(sources=[name], progress=on_work) if enrich else Totals()
        return Ingested(loaded, totals)

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
    ) -> Totals:
        """Enrich every queued product that is due; with `watch`, go on until `stop` is set."""
        pipeline = self._pipeline()
        try:
            if watch:
                stop = stop or threading.Event()
                return worker.watch(
                    self.database, pipeline, stop, sources=sources, progress=progress
                )
            return worker.drain(
                self.database, pipeline, sources=sources, progress=progress, stop=stop
            )
        finally:
            pipeline.close()

    def _pipeline(self) -> Pipeline:
        from vitrina.pipeline import Pipeline
        from vitrina.providers.descriptor import LocalImageEmbedder
        from vitrina.providers.local import LocalVision

        return Pipeline(
            self.database,
            LocalVision(),
            LocalImageEmbedder(),
            limits=self._limits(),
            concurrency=self.settings.concurrency,
        )

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

    # -- vocabulary ----------------------------------------------------------------------------

    def keywords(self, *, facet: str | None = None, k: int = 1000) -> list[dict[str, Any]]:
        """The vocabulary, most used first: keyword, facet, products, aliases."""
        return self.database.rows(
            "select w.name as keyword, w.facet, w.pinned,"
            " (select count(*) from vitrina.product_keywords as pk where pk.keyword_id = w.id)"
            "     as products,"
            " (select array_agg(a.alias order by a.alias) from vitrina.keyword_aliases as a"
            "   where a.keyword_id = w.id and a.method <> 'new') as aliases"
            " from vitrina.keywords as w"
            " where %(facet)s::text is null or w.facet = %(facet)s"
            " order by products desc, w.name limit %(k)s",
            {"facet": facet, "k": k},
        )

    def resolve(
        self, said: Sequence[str], *, facets: Sequence[str] | None = None
    ) -> list[Resolved]:
        """The keyword each term is; terms that are none become keywords."""
        rows = self.database.rows(
            "select * from vitrina.resolve_keywords(%s::text[], null, %s::text[])",
            (list(said), list(facets) if facets is not None else None),
        )
        return [Resolved(**row) for row in rows]

    def similar_keywords(self, term: str, *, k: int = 10) -> list[dict[str, Any]]:
        """The k keywords nearest to a term: keyword, facet, similarity."""
        return self.database.rows("select * from vitrina.similar_keywords(%s, %s)", (term, k))

    # -- state ---------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Counts of products, jobs, keywords and generations, the spaces in use, the spend."""
        (row,) = self.database.rows("select * from vitrina.status")
        return row

    def server(self) -> str:
        """What the database runs on, in a few words."""
        return str(
            self.database.value(
                "select 'Postgres ' || split_part(current_setting('server_version'), ' ', 1)"
                " || ' with pgvector ' || e.extversion"
                " from pg_extension as e where e.extname = 'vector'"
            )
        )

    def close(self) -> None:
        """Close the connections; an embedded Postgres goes on running."""
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


HIT_COLUMNS = tuple(column.name for column in fields(Hit))
