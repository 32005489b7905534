"""Takes products through their stages in a thread pool, and stores them in batches."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from vitrina.db.database import Database
from vitrina.enrich import outcomes
from vitrina.enrich.engine import Engine
from vitrina.enrich.in_hand import ALONE, TRIES, Claim, InHand, Work
from vitrina.enrich.joint import JointFilling
from vitrina.enrich.languages import languages_of
from vitrina.enrich.leases import Job, Leases
from vitrina.enrich.totals import Totals
from vitrina.errors import (
    BudgetError,
    BusyError,
    ConfigError,
    DatabaseError,
    FolderError,
    InputError,
    ItemError,
    PictureError,
    ProviderError,
    UnreachableError,
    VitrinaError,
)
from vitrina.models.base import Subject, Term
from vitrina.pictures.decode import Picture
from vitrina.pictures.loader import PictureLoader
from vitrina.spaces.embed import Embedded
from vitrina.spaces.pictures import ImageSpaces

STORERS = 3  # parallel stores: one batch waits for embeddings while another is written
ENDLESS = 2**31 - 1  # tries
EMBED_SECONDS = 60.0  # pause of embedding after a failure


class Pipeline:
    """Enriches jobs with one provider; one thread works on one product.

    The ledger stores the answer of each stage at once. Finished products are stored together in one
    transaction, in parallel with the stages of the next products.

    Args:
        database: the database of the products.
        engine: enriches and embeds; not closed here.
        spaces: embeds pictures.
        loader: loads pictures; closed with the pipeline, as is `joint`.
        joint: embeds stored pictures in joint spaces.
        pictures: how many pictures of a product a model sees.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        spaces: ImageSpaces,
        loader: PictureLoader,
        joint: JointFilling,
        pictures: int = 1,
    ) -> None:
        self._joint = joint
        self._database = database
        self._stages = engine.stages
        self._ledger = engine.ledger
        self._embedder = engine.embedder
        self._spaces = spaces
        self._loader = loader
        self._pictures = pictures
        self._engine = engine
        self._threads = engine.threads
        self._pool = ThreadPoolExecutor(engine.threads, thread_name_prefix="vitrina")
        self._storer = ThreadPoolExecutor(STORERS, thread_name_prefix="vitrina-store")
        self._totals = Totals()
        self._counting = threading.Lock()
        self._owed: dict[int, str] = {}
        self._spoken: dict[str, tuple[str, str]] = {}
        self._embed_after = 0.0

    @property
    def totals(self) -> Totals:
        """The totals so far."""
        with self._counting:
            owed = list(self._owed.values())
        return replace(
            self._totals,
            generations=self._ledger.made,
            reused=self._ledger.reused,
            cost=float(self._ledger.spent + self._joint.spent),
            without_vector=len(owed),
            no_vector=owed[-1] if owed else "",
        )

    def close(self) -> None:
        """Stop the threads after their present work."""
        self._pool.shutdown(cancel_futures=True)
        self._storer.shutdown()
        self._loader.close()
        self._joint.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self._engine.stop()
            self._loader.stop()
        self.close()

    def run(
        self,
        leases: Leases,
        claim: Claim,
        *,
        stop: threading.Event | None = None,
        tick: Callable[[], None] | None = None,
    ) -> None:
        """Work on the jobs of `claim(k, in_hand)` until there are none, keeping all threads busy.

        Args:
            leases: the worker's leases; extended meanwhile.
            claim: leases up to k more jobs, but no product in hand. Asked again after it gave
                none, and a last time when all is stored.
            stop: once set, no further job begins.
            tick: called every second or so, and after each batch.

        Raises ProviderError or BudgetError after storing finished products; the stopped jobs
        stay leased, uncharged, for the caller to release.
        """
        run = InHand(leases, claim, stop)
        while True:
            self._feed(run)
            if run.over:
                break
            at_work: list[Future[Any]] = [*run.active, *run.stores]
            if at_work:
                wait(at_work, timeout=1.0, return_when=FIRST_COMPLETED)
            run.collect()
            if run.to_store:
                self._flush(run)
            run.check_stores()
            leases.beat(run.in_hand)
            if tick is not None:
                tick()
        if tick is not None:
            tick()
        if run.fatal is not None:
            raise run.fatal

    def _feed(self, run: InHand) -> None:
        """Claim and begin a job for every free thread."""
        if not run.may_begin:
            return
        try:
            idle = not run.in_hand
            few = len(run.waiting) < self._threads and not run.suspects
            if few and (idle or time.monotonic() >= run.next_claim):
                run.take(run.claim(2 * self._threads, run.in_hand))
            while jobs := run.next(self._threads - len(run.active)):
                self._begin(run, jobs)
                if not run.may_begin:
                    break
        except (BudgetError, DatabaseError) as exc:
            run.fatal = exc

    def _begin(self, run: InHand, jobs: list[Job]) -> None:
        """Take these jobs in hand, except lost leases and changed products."""
        begun = run.leases.begin(jobs)
        run.in_hand.difference_update(job.product_id for job in jobs if job not in begun)
        for job in begun:
            run.alone = job.deaths >= ALONE
            run.active.add(self._pool.submit(self._work, job))

    def _flush(self, run: InHand) -> None:
        store = self._storer.submit(self._store, run.leases, run.finished)
        run.stores[store] = run.finished
        run.finished = []

    def _work(self, job: Job) -> Work:
        tracer = self._ledger.tracer
        if tracer is None:
            return self._worked(job)
        with tracer.product(job.source, job.external_id, job.title) as output:
            work = self._worked(job)
            if work.enrichment is not None:
                output["caption"] = work.enrichment.caption
            return work

    def _worked(self, job: Job) -> Work:
        work = Work(job)
        if job.stage == "embed":
            return work
        if not self._looked(work):
            return work
        try:
            picture = work.picture
            if picture and picture.sha256 != job.image_embedded:
                work.image_embeddings = self._spaces.embed(picture)
            if job.stage == "picture":
                return work
            url = job.image if job.image and "://" in job.image[:10] else None
            spoken = self._languages(job.source)
            further = self._further(job) if picture and self._pictures > 1 else ()
            subject = Subject(
                job.title, job.attributes, picture, job.text, *spoken, job.asked, further
            )
            work.enrichment = self._stages.enrich(subject, url)
        except (ProviderError, BudgetError, ConfigError, DatabaseError):
            raise
        except ItemError as exc:
            work.error, work.reply = str(exc), exc.reply
        except Exception as exc:  # one product never stops the others
            work.error = f"unexpected {type(exc).__name__}: {exc}"
        return work

    def _looked(self, work: Work) -> bool:
        """Load the picture of a product, if it has one; False if the work ends here."""
        job = work.job
        if job.image is None:
            return True
        again = job.stage == "picture"  # it is had already, or was
        try:
            work.picture = self._loader.load(job.image, job.image_root)
        except FolderError as exc:
            # without its picture the answer would differ, and cost again; for a picture that is
            # fetched again there may come a worker that may read it
            work.error, work.tries = str(exc), ENDLESS if again else 0
            return False
        except BusyError as exc:
            work.error = str(exc)  # nor is it stored without the picture: it is tried again
            return False
        except PictureError as exc:
            if again:
                work.error, work.tries = str(exc), TRIES if exc.transient else 0
                return False
            work.image_error = str(exc)
        return True

    def _further(self, job: Job) -> tuple[Picture, ...]:
        """More pictures of a product, for a model; those that cannot be had are left out."""
        found = []
        for row in self._database.rows(
            "select m.image from vitrina.product_images as m where m.product_id = %s"
            " and m.image is distinct from %s order by m.position limit %s",
            (job.product_id, job.image, self._pictures - 1),
        ):
            with contextlib.suppress(PictureError):
                found.append(self._loader.load(row["image"], job.image_root))
        return tuple(found)

    def _languages(self, source: str) -> tuple[str, str]:
        """The language of a source's titles, and the one to show."""
        if source not in self._spoken:
            self._spoken[source] = languages_of(self._database, source)
        return self._spoken[source]

    def _store(self, leases: Leases, works: list[Work]) -> None:
        """Write the results of these products, embed them, and finish their jobs.

        Skips products that another worker has taken over, or that have changed meanwhile: the
        ledger has their answers.
        """
        held = leases.held([work.job for work in works])
        good = [work for work in works if work.error is None and work.job.product_id in held]
        bad = [work for work in works if work.error is not None and work.job.product_id in held]
        ids = [work.job.product_id for work in good if work.job.stage != "picture"]
        enriched = [work for work in good if work.enrichment is not None]
        embedded = self._learn_and_put(leases.worker, enriched) if enriched else 0
        again = [work for work in good if work.job.stage == "picture"]
        if again:
            embedded += self._database.persist(
                lambda: outcomes.put_pictures(self._database, leases.worker, again)
            )
        made, due = self._embed(ids) if ids else (Embedded(0), None)
        embedded += self._joint.embed([work.job.product_id for work in good if work.picture])
        for work in good:
            work.error = made.refused.get(work.job.product_id)
        bad += [work for work in good if work.error is not None]
        good = [work for work in good if work.error is None]
        failed = self._database.persist(
            lambda: outcomes.finish(self._database, leases.worker, good, bad, due)
        )
        self._count(good, bad, failed=failed, embedded=embedded + made.count)

    def _embed(self, product_ids: list[int]) -> tuple[Embedded, str | None]:
        """Embed products, and keywords without a vector; or say why that is impossible just now."""
        reason: str | None = self._totals.no_vector or "the endpoint gives no vectors"
        if time.monotonic() >= self._embed_after:
            try:
                made = self._embedder.embed_products(product_ids)
                if self._owed:
                    self._embedder.fill_keywords()
            except (ProviderError, ItemError) as exc:
                reason = self._rest(exc)
            else:
                with self._counting:
                    for product_id in product_ids:
                        self._owed.pop(product_id, None)
                return made, None
        with self._counting:
            self._owed.update(dict.fromkeys(product_ids, reason or ""))
        return Embedded(0), reason

    def _rest(self, exc: VitrinaError) -> str:
        """Pause embedding: tags and captions are stored all the same."""
        self._embed_after = time.monotonic() + EMBED_SECONDS
        self._totals.no_vector = str(exc)
        return str(exc)

    def embed_again(self) -> bool:
        """Make the vectors that this pipeline owes due at once; False if there are none."""
        self._embed_after = 0.0
        with self._counting:
            ids = list(self._owed)
        if not ids:
            return False
        self._database.value(
            "select vitrina.retry_jobs(matching => %s, product_ids => %s)",
            (f"{outcomes.NO_VECTOR}%", ids),
        )
        return True

    def _learn_and_put(self, worker: str, works: list[Work]) -> int:
        terms = [term for work in works if work.enrichment for term in work.enrichment.terms]
        try:
            self._learn(terms)
            return self._database.persist(lambda: outcomes.put(self._database, worker, works))
        except UnreachableError:
            raise
        except (InputError, DatabaseError):
            # again: the space in use may have been switched in between
            self._learn(terms)
            return self._database.persist(lambda: outcomes.put(self._database, worker, works))

    def _learn(self, terms: list[Term]) -> None:
        if time.monotonic() >= self._embed_after:
            try:
                return self._embedder.learn(terms)
            except (ProviderError, ItemError) as exc:
                self._rest(exc)
        return self._embedder.learn(terms, vectors=False)

    def _count(self, good: list[Work], bad: list[Work], *, failed: int, embedded: int) -> None:
        with self._counting:
            self._add(good, bad, failed=failed, embedded=embedded)

    def _add(self, good: list[Work], bad: list[Work], *, failed: int, embedded: int) -> None:
        totals = self._totals
        again = sum(work.job.stage == "picture" for work in good)
        totals.products += len(good) - again
        totals.pictures += again
        totals.failed += failed
        totals.retried += len(bad) - failed
        totals.embeddings += embedded
        totals.without_picture += sum(
            work.picture is None for work in good if work.enrichment is not None
        )
        totals.reasons.update(work.image_error for work in good if work.image_error)
        totals.errors.update(work.error for work in bad if work.error)
