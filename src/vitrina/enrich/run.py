"""One run of work: all due jobs, then the follow-up work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from vitrina.context import Context
from vitrina.enrich import worker
from vitrina.enrich.engine import Engine
from vitrina.enrich.filling import Filling
from vitrina.enrich.further import FurtherPictures
from vitrina.enrich.jobs import Jobs
from vitrina.enrich.joint import JointFilling
from vitrina.enrich.outcomes import NO_VECTOR
from vitrina.enrich.pipeline import Pipeline
from vitrina.enrich.totals import Totals
from vitrina.errors import ProviderError
from vitrina.keywords.judge import JUDGE_ADVICE
from vitrina.pictures.limits import Limits
from vitrina.pictures.loader import NO_FOLDER, Folders, PictureLoader
from vitrina.printing import counted
from vitrina.products.api import Sources
from vitrina.spaces.pictures import ImageSpaces

Go = Callable[[], Totals]


@dataclass(frozen=True, slots=True)
class Work:
    """Enriches the queued products of a catalog.

    Args:
        context: the catalog's context.
        folders: the folders that pictures may be read from.
        attached: the sources to sync.
    """

    context: Context
    folders: Folders
    attached: Sources

    def run(
        self,
        engine: Engine,
        *,
        sources: Sequence[str] | None = None,
        progress: Callable[[Totals], None] | None = None,
        stop: threading.Event | None = None,
        watch: bool = False,
        judge: bool = False,
    ) -> Totals:
        """See Catalog.work; the engine is not closed here."""
        database, settings = self.context.database, self.context.settings
        loader, spaces = self._loader(), ImageSpaces(database)
        joint = JointFilling(self.context, engine.ledger)
        further = FurtherPictures(
            database,
            spaces,
            loader,
            threads=settings.concurrency,
            sources=sources,
            stored=joint.owe,
        )
        filling = Filling(database, self.context.notice, sources=sources, further=further)
        with Pipeline(database, engine, spaces, loader, joint, self._pictures) as pipeline:
            for waiting in (f"{NO_VECTOR}%", f"%{NO_FOLDER}%"):
                Jobs(self.context).retry(sources=sources, matching=waiting)
            go = partial(worker.drain, database, pipeline)
            if watch:
                go = partial(worker.watch, database, pipeline, idle=partial(joint.catch_up, stop))
            again = partial(
                go,
                follow=worker.Follow(self.attached, sources, self.context.notice),
                filling=filling,
                sources=sources,
                paid=engine.paid,
                progress=progress,
                stop=stop,
                lease=settings.lease,
            )
            filling.lay_out()
            totals = again()
            if not (stop and stop.is_set()):
                if pipeline.embed_again():  # again, as the endpoint may work by now
                    totals = again()
                totals.embeddings += joint.catch_up(stop)
                totals = self._settle(engine, totals, go if judge else None)
                filling.settle(ended=True)
                totals = replace(totals, further=further.run(stop))
                totals.embeddings += joint.catch_up(stop)
            if totals.without_vector:
                what = counted(totals.without_vector, "product has", "products have")
                raise ProviderError(
                    f"{what} no vector yet: {totals.no_vector};"
                    " they are found by their words, and `vitrina work` tries again"
                )
            return totals

    def fill_pictures(
        self,
        engine: Engine,
        space: str,
        progress: Callable[[str, int, int], None],
        stop: threading.Event,
    ) -> int:
        """Fetch the pictures again that have no vector in a local image space, and embed them.

        No other work is done. Those that are permanently without a picture stay so; see `Jobs`.
        Returns how many it embedded; `progress` is as for Spaces.build.
        """
        database = self.context.database
        missing = int(
            database.value("select s.missing_products from vitrina.space_status(%s) as s", (space,))
        )
        joint = JointFilling(self.context, engine.ledger)
        loader, spaces = self._loader(), ImageSpaces(database, also=space)
        with Pipeline(database, engine, spaces, loader, joint) as pipeline:
            Jobs(self.context).retry(matching=f"%{NO_FOLDER}%")
            further = FurtherPictures(database, spaces, loader, threads=engine.threads)
            done = worker.drain(
                database,
                pipeline,
                filling=Filling(database, self.context.notice, space=space),
                stages=["picture"],
                progress=lambda totals: progress("pictures", totals.pictures, missing),
                stop=stop,
                lease=self.context.settings.lease,
            )
            further.run(stop)
        return done.pictures

    @property
    def _pictures(self) -> int:
        """How many pictures of a product a model sees; the local provider sees one."""
        return 1 if self.context.settings.chosen == "local" else self.context.settings.pictures

    def _loader(self) -> PictureLoader:
        private = self.context.settings.allow_private_images
        return PictureLoader(Limits(allow_private=private), self.folders)

    def _settle(self, engine: Engine, totals: Totals, go: Go | None) -> Totals:
        """Fill and index the spaces, delete what is unused; with `go`, judge keywords."""
        if not totals.without_vector:
            totals.embeddings += engine.backfill()
        self.context.database.value("select vitrina.collect_images()")
        # reads all of the vocabulary, for words that nobody is in a hurry to see gone; the type is
        # given so that no operator of another schema matches better
        self.context.database.value(
            "select case when random() < float8 '0.1' then vitrina.collect_words() end"
        )
        index(self.context, totals.embeddings)
        if go is None:
            return totals
        if engine.judge is None:
            self.context.notice(JUDGE_ADVICE)
            return totals
        judged = engine.judge.run()
        if judged.same:  # embed the products with changed keywords
            totals = replace(go(), embeddings=totals.embeddings)
        return replace(totals, judged=judged, cost=float(engine.ledger.spent))


def index(context: Context, embeddings: int) -> None:
    """Index the spaces without an index; if this role may not, say so if any vector is new."""
    advice = worker.index_spaces(context.database)
    if advice is not None and embeddings:
        context.notice(f"some spaces have no index yet: {advice}")
