"""Has the stages of queued products answered through the Batch API, in rounds that outlive us.

A batch only fills generations. What is under way stands in the database before the endpoint hears
of it, so any process on any machine can continue after another was killed, and asks nothing twice.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from vitrina.batch.means import Means
from vitrina.batch.round import Round, begin, note, settle, submitted
from vitrina.batch.run import Batched, Run, cost_of, learn
from vitrina.db.connection import connect, fetch_value
from vitrina.db.database import Database, Jsonb
from vitrina.db.faults import mapped
from vitrina.enrich.stages import dump_enrichment, dump_terms
from vitrina.errors import ConfigError, ProviderError, UnreachableError, VitrinaError
from vitrina.models.openai.batch import Limits, Outcome, read_line
from vitrina.models.openai.batch_client import (
    FINAL,
    BatchClient,
    NoBatchError,
    PassingError,
    RefusedBatchError,
)
from vitrina.models.openai.capabilities import Capabilities
from vitrina.models.openai.provider import OpenAIProvider
from vitrina.models.openai.settings import OpenAISettings

STORE = 200  # answers stored together
GONE = timedelta(hours=48)  # a batch its endpoint does not know is given up after so long
DUMPS: dict[str, Callable[[Any], Any]] = {
    "tag": dump_terms,
    "describe": str,
    "caption": str,
    "enrich": dump_enrichment,
}
Row = dict[str, Any]
Progress = Callable[[Batched], None]


class BusyError(VitrinaError):
    """Another process is submitting or collecting batches: try again when it is done."""


@contextlib.contextmanager
def alone(database: Database) -> Iterator[Callable[[], None]]:
    """Be the only process that works on batches; yields a check that raises if that has ended."""
    with mapped(), connect(database.dsn) as conn:
        if not fetch_value(conn, "select vitrina.lock_batches()"):
            raise BusyError

        def check() -> None:
            conn.execute("select 1")

        yield check


def submit(
    means: Means,
    *,
    sources: Sequence[str] | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Batched:
    """Submit the requests that queued products lack, and return; see Batches.submit."""
    database, settings = means.context.database, means.context.settings
    run = Run.begin(settings, list(sources) if sources is not None else None, limits or Limits())
    done = Batched()
    with (
        alone(database) as check,
        contextlib.closing(BatchClient(OpenAISettings.of(settings))) as client,
    ):
        desk = _Desk(means, client, done, check, progress)
        desk.recover()
        Round(means, run, client, done, check=check, progress=progress).go()
        done.open = len(desk.batches("submitted"))
    return done


def collect(
    means: Means,
    *,
    progress: Progress | None = None,
) -> Batched:
    """Store the answers and begin the next round; see Batches.collect."""
    database, settings = means.context.database, means.context.settings
    if settings.chosen == "local":
        raise ConfigError("batches are at an endpoint: set OPENAI_API_KEY or OPENAI_BASE_URL")
    done = Batched()
    with (
        alone(database) as check,
        contextlib.closing(BatchClient(OpenAISettings.of(settings))) as client,
    ):
        desk = _Desk(means, client, done, check, progress)
        desk.recover()
        for batch in desk.batches("submitted"):
            desk.ask(batch)
            if progress is not None:
                progress(done)
        desk.follow_up()
        done.open = len(desk.batches("submitted", "answered"))
    return done


def wait(
    means: Means,
    *,
    seconds: float = 60.0,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
) -> Batched:
    """Collect every so often until no batch is open, or `stop` is set.

    An endpoint or a database that goes away for a while is waited for, and so is another process.
    """
    stop = stop or threading.Event()
    total = Batched()
    begun = False
    while True:
        try:
            part = collect(means, progress=progress)
        except (BusyError, PassingError, UnreachableError) as exc:
            if not begun and not isinstance(exc, BusyError):
                raise
            means.context.notice(str(exc))
            part = Batched(open=max(total.open, 1))
        begun = True
        total.add(part)
        if not part.open or stop.wait(seconds):
            return total


class _Desk:
    """Knows the batches of one endpoint."""

    def __init__(
        self,
        means: Means,
        client: BatchClient,
        done: Batched,
        check: Callable[[], None],
        progress: Progress | None,
    ) -> None:
        self._means, self._client, self._done = means, client, done
        self._check, self._progress = check, progress
        self._database = means.context.database
        self._notice = means.context.notice
        self._endpoint = OpenAISettings.of(means.context.settings)
        self._found: dict[str, Capabilities] = {}

    def batches(self, *states: str) -> list[Row]:
        """This endpoint's batches in these states, oldest first."""
        rows = self._database.rows("select * from vitrina.list_batches(%s)", (list(states),))
        return [row for row in reversed(rows) if row["base_url"] == self._endpoint.url]

    def recover(self) -> None:
        """Take up what a process left when it was killed between two steps.

        We hold the lock, so no other process works on unfinished batches.
        """
        for batch in self.batches("preparing"):
            settle(self._database, batch["id"], "abandoned", "its process ended before sending it")
        for batch in self.batches("creating"):
            try:
                remote = self._client.find(batch["token"], batch["created_at"].timestamp())
            except NoBatchError as exc:
                self._unknown(batch, exc)
                continue
            if remote is not None:
                submitted(self._database, batch["id"], remote)
                continue
            self._check()
            with contextlib.suppress(RefusedBatchError):  # its file is gone: settled as failed
                begin(
                    self._database, self._client, batch["id"], batch["token"], batch["input_file"]
                )

    def _unknown(self, batch: Row, exc: ProviderError) -> None:
        """The endpoint does not know a batch; that may pass, or it is another account's."""
        if datetime.now(UTC) - batch["created_at"] > GONE:
            settle(self._database, batch["id"], "failed", str(exc))
            self._done.failures.append(str(exc))
        else:
            self._notice(f"batch {batch['remote_id'] or batch['token']}: {exc}")

    def ask(self, batch: Row) -> None:
        """Ask how a batch is doing; store its answers once it has ended."""
        try:
            remote = self._client.retrieve(batch["remote_id"])
        except NoBatchError as exc:
            self._unknown(batch, exc)
            return
        note(
            self._database,
            batch["id"],
            status=remote.status,
            output_file=remote.output_file,
            error_file=remote.error_file,
        )
        if remote.status not in FINAL:
            return
        stored = 0
        provider = OpenAIProvider(self._endpoint)
        for file_id in (remote.output_file, remote.error_file):
            if file_id is not None:
                stored += self._store(batch, provider, file_id)
        if remote.status in ("failed", "cancelled") and not stored:
            reason = remote.error or "the endpoint does not say why"
            settle(self._database, batch["id"], "failed", reason)
            self._done.failures.append(f"batch {remote.id} {remote.status}: {reason}")
            return
        reason = "the batch ended without an answer"
        ended = reason if remote.status == "completed" else f"the batch is {remote.status}"
        self._done.unanswered += settle(self._database, batch["id"], "answered", ended)

    def _store(self, batch: Row, provider: OpenAIProvider, file_id: str) -> int:
        """Store what a file answers; how many requests it settles."""
        settled = 0
        try:
            lines = (raw for raw in self._client.lines(file_id) if raw.strip())
            for page in iter(lambda: list(itertools.islice(lines, STORE)), []):
                outcomes = [read_line(provider, raw) for raw in page]
                known = [outcome for outcome in outcomes if outcome is not None]
                if len(known) < len(page):
                    self._notice(f"{len(page) - len(known)} lines of {file_id} are unreadable")
                settled += self._put(batch, self._lowered(batch, known))
        except NoBatchError as exc:
            self._notice(f"{file_id}: {exc}")
        return settled

    def _lowered(self, batch: Row, outcomes: list[Outcome]) -> list[Outcome]:
        """Release what was refused for a parameter that can be left out: it is asked again without.

        The settings of the next batch keep what is found here; where this process ends before that,
        one more round finds it again.
        """
        model = batch["model"]
        asked = Capabilities(self._endpoint.official)
        learn(asked, batch["settings"])
        refused = {outcome.parameter for outcome in outcomes if outcome.parameter}
        less = {name: asked.profile(model).lowered(name, asked.official) for name in refused}
        for profile in filter(None, less.values()):
            self._known(batch["run"]).learn(model, asdict(profile))
        return [
            replace(outcome, state="released") if less.get(outcome.parameter or "") else outcome
            for outcome in outcomes
        ]

    def _known(self, run: str) -> Capabilities:
        """The accepted parameters that the batches of a run have found."""
        if run not in self._found:
            known = self._found[run] = Capabilities(self._endpoint.official)
            for batch in self._database.rows(
                "select b.settings from vitrina.batches as b where b.run = %s", (run,)
            ):
                learn(known, batch["settings"])
        return self._found[run]

    def _put(self, batch: Row, outcomes: list[Outcome]) -> int:
        rows = [self._row(batch["model"], outcome) for outcome in outcomes]
        before = self._counts(batch)
        settled = self._database.value(
            "select vitrina.put_batch_answers(%s, %s)", (batch["id"], Jsonb(rows))
        )
        after = self._counts(batch)
        self._done.answered += after["answered"] - before["answered"]
        self._done.unanswered += after["unanswered"] - before["unanswered"]
        self._done.cost += (after["cost"] or 0) - (before["cost"] or 0)
        return int(settled)

    def _counts(self, batch: Row) -> Row:
        (row,) = self._database.rows(
            "select b.answered, b.unanswered, b.cost from vitrina.batches as b where b.id = %s",
            (batch["id"],),
        )
        return row

    def _row(self, model: str, outcome: Outcome) -> Row:
        stage = outcome.custom_id.partition(":")[0]
        cost = cost_of(self._endpoint, model, outcome.usage)
        good = outcome.state == "done"
        return {
            "custom_id": outcome.custom_id,
            "state": outcome.state,
            "error": outcome.error,
            "provider": OpenAIProvider.provider,
            "output": DUMPS[stage](outcome.value) if good else None,
            "input_tokens": outcome.usage.input_tokens,
            "cached_tokens": outcome.usage.cached_tokens,
            "output_tokens": outcome.usage.output_tokens,
            "cost": str(cost) if cost is not None else None,
        }

    def _at_work(self, run: str) -> bool:
        """Whether a worker, perhaps one that has died, has products of this run in hand."""
        return bool(
            self._database.value(
                "select exists (select from vitrina.jobs as j"
                " join vitrina.batch_requests as r"
                " on r.product_id = j.product_id and r.version = j.version"
                " join vitrina.batches as b on b.id = r.batch_id and b.run = %s"
                " where j.state = 'leased')",
                (run,),
            )
        )

    def _trusted(self, ids: list[int]) -> bool:
        """Whether the owner of the schema submitted all of these."""
        return bool(
            self._database.value(
                "select bool_and(coalesce(pg_has_role(to_regrole(quote_ident(b.opened_by)),"
                " n.nspowner, 'usage'), false)) from vitrina.batches as b"
                " join pg_namespace as n on n.nspname = 'vitrina' where b.id = any(%s)",
                (ids,),
            )
        )

    def follow_up(self) -> None:
        """Give every run with answers its next round: missing requests, complete products."""
        answered: dict[str, list[Row]] = {}
        for batch in self.batches("answered"):
            answered.setdefault(batch["run"], []).append(batch)
        for run_id, batches in answered.items():
            run = Run.resume(
                run_id,
                batches[0]["settings"],
                self._means.context.settings,
                trusted=self._trusted([batch["id"] for batch in batches]),
            )
            run = replace(run, found=self._known(run_id).found)
            whole = Round(
                self._means,
                run,
                self._client,
                self._done,
                check=self._check,
                progress=self._progress,
            ).go()
            waiting = [batch["run"] for batch in self.batches("submitted")]
            # cut short by the batches of other runs, it has its turn when they are done
            if (whole or run_id in waiting or not waiting) and not self._at_work(run_id):
                for batch in batches:
                    note(self._database, batch["id"], state="collected")
