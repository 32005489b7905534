"""The stages of an enrichment: picture, tags and caption, embeddings; a batch of jobs at a time."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vitrina import images
from vitrina.database import Database, HalfVector, Jsonb
from vitrina.errors import ItemError, PictureError
from vitrina.images import Limits, Picture
from vitrina.providers.base import Enrichment, ImageEmbedder, Subject, Term, Vision

STAGE = "enrich"
NOT_AGAIN = "; it failed before, so it was not asked again in this run"
HOST_FAILURES = 5  # a host that failed so often in a row is not asked again in this run


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed product, with what its enrichment reads."""

    product_id: int
    version: int
    attempts: int
    source: str
    external_id: str
    title: str
    attributes: dict[str, object]
    image: str | None
    image_root: str | None
    image_sha256: bytes | None


@dataclass(slots=True)
class Totals:
    """What a run did."""

    products: int = 0
    failed: int = 0
    without_picture: int = 0
    generations: int = 0
    reused: int = 0
    embeddings: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, other: Totals) -> None:
        """Count another batch in."""
        for name in (
            "products",
            "failed",
            "without_picture",
            "generations",
            "reused",
            "embeddings",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons.update(other.reasons)


@dataclass(slots=True)
class _Work:
    job: Job
    picture: Picture | None = None
    image_error: str | None = None
    key: bytes = b""
    enrichment: Enrichment | None = None
    seconds: float | None = None
    image_embedding: Sequence[float] | None = None
    error: str | None = None


class PictureLoader:
    """Loads the pictures of products; gives up on a host that keeps failing."""

    def __init__(self, limits: Limits) -> None:
        from vitrina.fetching import Fetcher

        self._limits = limits
        self._fetcher = Fetcher(limits)
        self._failures: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}
        self._lock = threading.Lock()

    def load(self, reference: str, root: str | None) -> Picture:
        """The picture. Raises PictureError with the reason there is none."""
        host = urlsplit(reference).hostname or "" if "://" in reference[:10] else None
        if host is None:
            if root is None:
                raise PictureError(
                    f"{reference[:120]} is no URL: name the folder it is under with --image-root"
                )
            return images.load(reference, root=Path(root), limits=self._limits)
        if self._failures[host] >= HOST_FAILURES:
            raise PictureError(f"{self._reasons[host]}{NOT_AGAIN}", transient=True)
        try:
            picture = images.load(reference, limits=self._limits, fetcher=self._fetcher)
        except PictureError as exc:
            if exc.transient:
                with self._lock:
                    self._failures[host] += 1
                    self._reasons[host] = str(exc).rpartition(": ")[2]
            raise
        with self._lock:
            self._failures[host] = 0
        return picture

    def close(self) -> None:
        """Close the connections."""
        self._fetcher.close()


class Pipeline:
    """Enriches batches of jobs with one provider.

    Pictures, models and descriptors run in a thread pool; the database is asked once a batch.
    """

    def __init__(
        self,
        database: Database,
        vision: Vision,
        image_embedder: ImageEmbedder | None,
        *,
        limits: Limits | None = None,
        concurrency: int = 8,
    ) -> None:
        self._database = database
        self._vision = vision
        self._image_embedder = image_embedder
        self._loader = PictureLoader(limits or Limits())
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="vitrina")

    def close(self) -> None:
        """Stop the threads, after what they are at."""
        self._pool.shutdown(cancel_futures=True)
        self._loader.close()

    def process(self, worker: str, jobs: Iterable[Job]) -> Totals:
        """Enrich these jobs and finish them; what fails is charged to its own job."""
        works = list(self._pool.map(self._with_picture, jobs))
        self._reuse(works)
        todo = [work for work in works if work.enrichment is None]
        reused = len(works) - len(todo)
        list(self._pool.map(self._enrich, todo))
        self._embed_images(works)
        return self._store(worker, works, reused)

    def _with_picture(self, job: Job) -> _Work:
        work = _Work(job)
        if job.image is not None:
            try:
                work.picture = self._loader.load(job.image, job.image_root)
            except PictureError as exc:
                work.image_error = str(exc)
        work.key = self._key(job, work.picture)
        return work

    def _key(self, job: Job, picture: Picture | None) -> bytes:
        """The hash of what the provider is shown: the same input is never answered twice."""
        texts = {
            name: value
            for name, value in job.attributes.items()
            if not isinstance(value, bool | int | float)
        }
        shown = [job.title, texts, picture.sha256 if picture else None]
        return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).digest()

    def _reuse(self, works: list[_Work]) -> None:
        found = self._database.rows(
            "select * from vitrina.find_generations(%s, %s, %s, %s)",
            (
                STAGE,
                self._vision.model,
                self._vision.prompt_version,
                [work.key for work in works],
            ),
        )
        outputs = {bytes(row["input_hash"]): row["output"] for row in found}
        for work in works:
            if output := outputs.get(work.key):
                work.enrichment = Enrichment(
                    tuple(Term(term["term"], term["facet"]) for term in output["terms"]),
                    output["description"],
                    output["caption"],
                )

    def _enrich(self, work: _Work) -> None:
        started = time.monotonic()
        try:
            work.enrichment = self._vision.enrich(
                Subject(work.job.title, work.job.attributes, work.picture)
            )
        except ItemError as exc:
            work.error = str(exc)
        except Exception as exc:  # one product never stops the others
            work.error = f"unexpected {type(exc).__name__}: {exc}"
        work.seconds = time.monotonic() - started

    def _embed_images(self, works: list[_Work]) -> None:
        embedder = self._image_embedder
        if embedder is None:
            return
        stored = self._database.rows(
            "select e.product_id, e.input_hash from vitrina.product_embeddings as e"
            " join vitrina.spaces as s on s.id = e.space_id"
            " where s.modality = 'image' and s.state = 'active' and e.product_id = any(%s)",
            ([work.job.product_id for work in works],),
        )
        known = {row["product_id"]: bytes(row["input_hash"]).hex() for row in stored}

        def embed(work: _Work) -> None:
            if work.picture is not None and known.get(work.job.product_id) != work.picture.sha256:
                work.image_embedding = embedder.embed(work.picture)

        list(self._pool.map(embed, works))

    def _store(self, worker: str, works: list[_Work], reused: int) -> Totals:
        good = [work for work in works if work.enrichment is not None]
        bad = [work for work in works if work.enrichment is None]
        with self._database.transaction() as conn:

            def call(query: Any, *params: object) -> int:
                row = conn.execute(query, params).fetchone()
                return int(row[0] or 0) if row and isinstance(row[0], int) else 0

            pictures = {work.picture.sha256: work.picture for work in works if work.picture}
            call("select vitrina.put_images(%s)", Jsonb([_image(p) for p in pictures.values()]))
            generations = call(
                "select vitrina.put_generations(%s)",
                Jsonb([self._generation(work) for work in good if work.seconds is not None]),
            )
            call("select vitrina.put_enrichments(%s)", Jsonb([_enrichment(work) for work in good]))
            ids = [work.job.product_id for work in good]
            embeddings = call("select vitrina.embed_products(%s)", ids)
            embeddings += self._put_image_embeddings(call, works)
            call(
                "select vitrina.finish_jobs(%s, %s, %s)",
                worker,
                ids,
                [work.job.version for work in good],
            )
            failed = call(
                "select vitrina.fail_jobs(%s, %s, %s)",
                worker,
                [work.job.product_id for work in bad],
                [work.error for work in bad],
            )
        return Totals(
            products=len(good),
            failed=failed,
            without_picture=sum(work.picture is None for work in good),
            generations=generations,
            reused=reused,
            embeddings=embeddings,
            reasons=Counter(work.image_error for work in good if work.image_error),
        )

    def _put_image_embeddings(self, call: Callable[..., int], works: list[_Work]) -> int:
        embedded = [work for work in works if work.image_embedding is not None and work.picture]
        if not embedded:
            return 0
        return call(
            "select vitrina.put_embeddings("
            "(select s.name from vitrina.spaces as s"
            " where s.modality = 'image' and s.state = 'active'), %s, %s, %s)",
            [work.job.product_id for work in embedded],
            [bytes.fromhex(work.picture.sha256) for work in embedded if work.picture],
            [HalfVector(list(work.image_embedding or ())) for work in embedded],
        )

    def _generation(self, work: _Work) -> dict[str, object]:
        assert work.enrichment is not None  # noqa: S101 - the caller filters
        return {
            "stage": STAGE,
            "input_hash": work.key.hex(),
            "provider": self._vision.provider,
            "model": self._vision.model,
            "prompt_version": self._vision.prompt_version,
            "output": {
                "terms": _terms(work.enrichment),
                "description": work.enrichment.description,
                "caption": work.enrichment.caption,
            },
            "cost": 0 if self._vision.provider == "local" else None,
            "seconds": work.seconds,
        }


def _terms(enrichment: Enrichment) -> list[dict[str, str | None]]:
    return [{"term": term.term, "facet": term.facet} for term in enrichment.terms]


def _image(picture: Picture) -> dict[str, object]:
    return {
        "sha256": picture.sha256,
        "mime": picture.mime,
        "width": picture.width,
        "height": picture.height,
        "bytes": picture.size,
        "thumbnail": base64.b64encode(picture.thumbnail).decode(),
        "dhash": f"{picture.dhash:064b}",
    }


def _enrichment(work: _Work) -> dict[str, object]:
    assert work.enrichment is not None  # noqa: S101 - the caller filters
    return {
        "product_id": work.job.product_id,
        "image_sha256": work.picture.sha256 if work.picture else None,
        "image_error": work.image_error,
        "terms": _terms(work.enrichment),
        "description": work.enrichment.description,
        "caption": work.enrichment.caption,
    }
