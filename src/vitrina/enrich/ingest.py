"""Products in, and enriched: files and objects, what is enriched already, what is queued."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vitrina.context import Context
from vitrina.errors import InputError
from vitrina.pictures.loader import Folders

if TYPE_CHECKING:
    import threading

    from vitrina.enrich.engine import Engine
    from vitrina.enrich.totals import Totals
    from vitrina.files import FileOptions
    from vitrina.products.api import Sources
    from vitrina.products.load import Loaded
    from vitrina.products.load_enriched import Imported
    from vitrina.products.objects import Products
    from vitrina.spaces.api import Step


@dataclass(frozen=True, slots=True)
class Ingested:
    """The result of an ingest: rows read, and work on new or changed products."""

    loaded: Loaded
    totals: Totals


@dataclass(frozen=True, slots=True)
class Ingest:
    """Brings products in, and has them enriched.

    What reads files and asks models is imported on use: a search does without.

    Args:
        context: the catalog's context.
        folders: the folders that pictures may be read from.
        sources: gives the sources of products.
        assemble: builds an engine.
    """

    context: Context
    folders: Folders
    sources: Callable[[], Sources]
    assemble: Callable[[Context], Engine]

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
        from vitrina.products.objects import as_file, in_words_of_python, is_empty, said_of_objects

        options = options or FileOptions()
        if mapping is not None:
            columns = replace(options.mapping, columns=dict(mapping))
            options = replace(options, mapping=columns)
        if format is not None:
            options = replace(options, format=format)
        if prune:
            options = replace(options, prune=True)
        objects = not isinstance(products, str | Path)
        if source is None and objects:
            raise InputError("name the source of these products: ingest(products, source=…)")
        with as_file(products) as path, in_words_of_python(products, path):
            name = source_name(path, source)
            if objects and is_empty(path):
                loaded = _none(name, options)
            else:
                loaded = self.sources().load(path, source=name, options=options, progress=progress)
            if objects:
                loaded.notices = [said_of_objects(text, path) for text in loaded.notices]
        if loaded.nothing:
            from vitrina.enrich.totals import Totals

            return Ingested(loaded, Totals())
        return Ingested(loaded, self.work(sources=[name], progress=on_work, judge=judge))

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
            self.context.database,
            str(path),
            source=source_name(path, source),
            options=self.sources().admitted(options),
            columns=columns,
            space=space,
            model=model,
            provider=provider,
            threshold=threshold,
            use=use,
            progress=progress,
        )
        self.sources().allow_pictures_of(done.loaded)
        index(self.context, done.enriched + done.embedded)
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
        from vitrina.enrich.run import Work

        work = Work(self.context, self.folders, self.sources())
        with self.assemble(self.context) as engine:
            return work.run(
                engine, sources=sources, progress=progress, stop=stop, watch=watch, judge=judge
            )

    def fill_pictures(self, space: str, progress: Step, stop: threading.Event) -> int:
        """See Work.fill_pictures; asks no model."""
        from vitrina.enrich.run import Work

        context = replace(self.context, settings=replace(self.context.settings, provider="local"))
        with self.assemble(context) as engine:
            work = Work(context, self.folders, self.sources())
            return work.fill_pictures(engine, space, progress, stop)


def _none(source: str, options: FileOptions) -> Loaded:
    """The result of loading no products; raises InputError if that were to remove all others."""
    from vitrina.products.load import Loaded

    if options.prune:
        raise InputError(
            f"no products were given, and prune=True would remove all of the source {source}:"
            " if that is right, use sources.remove"
        )
    return Loaded()
