"""One round of a run: asks for what its products lack, finishes those that lack nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any
from uuid import uuid4

from vitrina.batch.means import Means
from vitrina.batch.missing import Asker, KeptPictures, Request
from vitrina.batch.run import Batched, Run, cost_of
from vitrina.db.database import Database, Jsonb
from vitrina.enrich import worker
from vitrina.enrich.joint import JointFilling
from vitrina.enrich.leases import Job, Leases
from vitrina.enrich.pipeline import Pipeline
from vitrina.errors import BudgetError, ItemError, ProviderError
from vitrina.models.openai.batch import Part, Planner, Sized
from vitrina.models.openai.batch_client import BatchClient, RefusedBatchError, Remote
from vitrina.models.outcomes import Usage
from vitrina.models.pricing import OUTPUT_TOKENS
from vitrina.models.prompts import Stage
from vitrina.pictures.limits import Limits as PictureLimits
from vitrina.printing import counted
from vitrina.spaces.pictures import ImageSpaces

PAGE = 32  # products examined together: their pictures are in memory


@dataclass(slots=True)
class _Spool:
    """The file of one batch while it is written."""

    part: Part
    batch: int
    token: str
    path: Path
    file: IO[bytes]
    pending: list[tuple[dict[str, object], bytes]] = field(default_factory=list)
    written: int = 0


class Round:
    """A round of a run, for one use.

    Args:
        means: what it is made with.
        run: the run's settings.
        client: where batches go.
        done: counts what happens here.
        check: raises if another process may work on batches by now.
        progress: called after each page of products.
    """

    def __init__(
        self,
        means: Means,
        run: Run,
        client: BatchClient,
        done: Batched,
        *,
        check: Callable[[], None],
        progress: Callable[[Batched], None] | None = None,
    ) -> None:
        database = means.context.database
        self._database, self._run, self._client, self._done = database, run, client, done
        self._context = replace(means.context, settings=run.settings)
        self._check, self._progress = check, progress
        settings = run.settings
        self._engine = means.assemble(self._context)
        asking = self._engine.asking
        assert asking is not None  # noqa: S101 - a run's provider is openai
        self._pictures = KeptPictures(
            PictureLimits(allow_private=settings.allow_private_images), means.folders
        )
        self._asker = Asker(
            database,
            asking,
            self._pictures,
            one_call=settings.one_call,
            threads=settings.concurrency,
        )
        self._asker.provider.learn(run.found)
        self._leases = Leases(database, seconds=settings.lease)
        queued = database.rows("select * from vitrina.queued_tokens(%s)", (run.base_url,))
        self._planner = Planner(run.limits, {row["model"]: row["tokens"] for row in queued})
        self._allowance: Decimal | None = database.value(
            "select vitrina.batch_allowance(%s, %s)", (run.id, settings.max_cost)
        )
        self._spools: dict[str, _Spool] = {}
        self._full = False
        self._stopped: str | None = None

    def go(self) -> bool:
        """Pass over the products of the run; False where the queue had no room for all.

        Raises ProviderError; what it leaves unfinished the next process takes up.
        """
        with (
            self._leases,
            contextlib.closing(self._engine),
            contextlib.closing(self._asker),
            Pipeline(
                self._database,
                self._engine,
                ImageSpaces(self._database),
                self._pictures,
                JointFilling(self._context, self._engine.ledger),
            ) as pipeline,
            TemporaryDirectory(prefix="vitrina-") as folder,
        ):
            self._leases.free_dead()  # a killed round's: nobody else may come for minutes
            try:
                for touched in (True, False):
                    self._pass(touched, pipeline, Path(folder))
                for spool in list(self._spools.values()):
                    self._send(spool)
            finally:
                for spool in self._spools.values():
                    spool.file.close()
                self._done.enriched += pipeline.totals
            if pipeline.totals.products:
                self._backfill(pipeline)
                worker.index_spaces(self._database)
        self._done.full = self._done.full or self._full
        self._done.stopped = self._done.stopped or self._stopped
        return not self._full

    def _backfill(self, pipeline: Pipeline) -> None:
        """Embed what has no vector; where that fails, the answers stay and the vectors are due."""
        try:
            self._engine.backfill()
        except (ProviderError, ItemError) as exc:
            count = pipeline.totals.without_vector
            what = counted(count, "product has", "products have") if count else "some products have"
            self._done.failures.append(f"{what} no vector yet: {exc}; `vitrina work` tries again")

    def _pass(self, touched: bool, pipeline: Pipeline, folder: Path) -> None:
        """Look at the products this run has asked about before, or at the others."""
        after = 0
        while touched or not (self._full or self._stopped):
            rows = self._database.rows(
                "select * from vitrina.products_to_batch(%s, %s, %s::text[], %s, %s)",
                (self._run.id, touched, self._run.sources, after, PAGE),
            )
            if not rows:
                break
            after = rows[-1]["product_id"]
            self._pictures.forget()
            checked = self._asker.check(rows)
            self._finish(checked.ready, pipeline)
            self._leave(checked.hopeless)
            self._place(checked.requests, folder)
            if self._progress is not None:
                self._progress(self._done)

    def _finish(self, ready: list[tuple[int, int]], pipeline: Pipeline) -> None:
        """Take products through the normal pipeline, which finds every answer stored."""
        if not ready:
            return
        ids, versions = [one[0] for one in ready], [one[1] for one in ready]
        claimed = False

        def claim(_: int, in_hand: Collection[int]) -> list[Job]:
            nonlocal claimed
            if claimed:
                return []
            claimed = True
            return self._leases.claim_products(ids, versions)

        try:
            self._database.rows("select vitrina.check_budget()")
            pipeline.run(self._leases, claim)
        except BudgetError as exc:
            self._stopped = str(exc)
        finally:
            self._leases.release()
        if self._stopped:
            self._free(ids)

    def _leave(self, product_ids: list[int]) -> None:
        """Give products back to any worker."""
        if product_ids:
            self._done.left += len(product_ids)
            self._free(product_ids)

    def _free(self, product_ids: list[int]) -> None:
        """Let these wait for no batch any more."""
        self._database.value("select vitrina.make_due(%s)", (product_ids,))

    def _place(self, requests: list[Request], folder: Path) -> None:
        """Put requests into files, as far as queue and budget allow."""
        asked: set[int] = set()
        wanted = requests if not (self._full or self._stopped) else []
        for request, (raw, tokens) in zip(wanted, self._asker.written(wanted), strict=True):
            sized = Sized(request.custom_id, request.question.model, len(raw), tokens)
            if self._planner.oversized(sized):
                self._leave([request.product_id])
                continue
            cost = self._estimate(request, tokens)
            if self._allowance is not None and cost is not None and cost > self._allowance:
                self._stopped = (
                    "the budget has no room for more requests: raise --max-cost or"
                    " `vitrina cost --budget`; submitted requests continue"
                )
                break
            part = self._planner.place(sized)
            if part is None:
                self._full = True
                break
            if self._allowance is not None and cost is not None:
                self._allowance -= cost
            self._done.estimate += cost or 0
            row = {"tokens": tokens, "estimate": str(cost) if cost is not None else None}
            self._spool(part, folder).pending.append((request.row() | row, raw))
            asked.add(request.product_id)
        for spool in self._spools.values():
            self._flush(spool)
        if self._stopped:  # the others wait for no batch
            self._free(sorted({request.product_id for request in requests} - asked))

    def _estimate(self, request: Request, tokens: int) -> Decimal | None:
        stage: Stage = request.question.stage  # type: ignore[assignment]
        usage = Usage(tokens, 0, OUTPUT_TOKENS[stage])
        return cost_of(self._asker.provider.settings, request.question.model, usage)

    def _spool(self, part: Part, folder: Path) -> _Spool:
        """The file of a part; a new part of a model sends the last one off."""
        spool = self._spools.get(part.model)
        if spool is not None and spool.part is part:
            return spool
        if spool is not None:
            self._send(spool)
        token = uuid4().hex
        run = replace(self._run, found=self._asker.provider.capabilities)
        batch = self._database.value(
            "select vitrina.open_batch(%s, %s, %s, %s, %s)",
            (token, run.id, Jsonb(run.stored()), run.base_url, part.model),
        )
        path = folder / f"{token}.jsonl"
        spool = _Spool(part, batch, token, path, path.open("wb"))
        self._spools[part.model] = spool
        return spool

    def _flush(self, spool: _Spool) -> None:
        """Take possession of the pending requests, and write those that are ours."""
        if not spool.pending:
            return
        rows = self._database.rows(
            "select vitrina.add_requests(%s, %s) as id",
            (spool.batch, Jsonb([row for row, _ in spool.pending])),
        )
        ours = {row["id"] for row in rows}
        for row, raw in spool.pending:
            if row["custom_id"] in ours:
                ours.remove(row["custom_id"])
                spool.file.write(raw)
                spool.written += 1
        spool.pending.clear()

    def _send(self, spool: _Spool) -> None:
        """Upload the file and begin its batch."""
        self._flush(spool)
        spool.file.close()
        del self._spools[spool.part.model]
        if not spool.written:
            settle(self._database, spool.batch, "abandoned", "nothing was left to ask")
            return
        self._check()
        try:
            input_file = self._client.upload(spool.path)
        except ProviderError as exc:
            settle(self._database, spool.batch, "abandoned", str(exc))
            raise
        spool.path.unlink()
        note(self._database, spool.batch, state="creating", input_file=input_file)
        begin(self._database, self._client, spool.batch, spool.token, input_file)
        self._done.batches += 1
        self._done.requests += spool.written


def begin(database: Database, client: BatchClient, batch: int, token: str, input_file: str) -> None:
    """Have the endpoint begin a batch whose file it has. Raises ProviderError."""
    try:
        remote = client.create(input_file, token)
    except RefusedBatchError as exc:
        settle(database, batch, "failed", str(exc))
        raise
    submitted(database, batch, remote)


def submitted(database: Database, batch: int, remote: Remote) -> None:
    """The endpoint has it."""
    note(database, batch, state="submitted", remote_id=remote.id, status=remote.status)


def note(database: Database, batch: int, **facts: Any) -> None:
    """Store the facts of a batch."""
    known = {name: value for name, value in facts.items() if value is not None}
    database.rows("select vitrina.note_batch(%s, %s)", (batch, Jsonb(known)))


def settle(database: Database, batch: int, state: str, error: str | None = None) -> int:
    """A batch has ended; how many of its requests have no answer."""
    return int(database.value("select vitrina.settle_batch(%s, %s, %s)", (batch, state, error)))
