"""Catalogue and work: sources, coverage, the queue as it goes, failures, spend, spaces, health."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from vitrina import doctor
from vitrina.enrich.jobs import Failure, Progress
from vitrina.errors import AccessError
from vitrina.printing import counted, defused
from vitrina.web import chart, pages
from vitrina.web.filters import money
from vitrina.web.how import How, python_call, shell, sql_call, sql_text
from vitrina.web.posted import Fields, done, editor, needed
from vitrina.web.services import Services, services
from vitrina.web.uploads import Uploads

router = APIRouter(include_in_schema=False)
edit_router = APIRouter(include_in_schema=False)
NAV = ("Catalogue", "/work")
REJECTS = 100_000


@router.get("/work")
def work(request: Request, doctor: bool = False) -> Response:
    """The page: how the catalogue and its queue are; with what `vitrina doctor` says, if asked."""
    findings = _findings(request) if doctor else None
    return pages.page(request, "work.html", _context(request) | {"findings": findings})


@router.get("/part/work")
def part(request: Request) -> Response:
    """What changes while work goes on."""
    return pages.page(request, "work_parts.html", _context(request))


@router.get("/part/work/doctor")
def health(request: Request) -> Response:
    """What `vitrina doctor` says: takes a moment, as it asks the model's server."""
    return pages.page(request, "doctor_parts.html", {"findings": _findings(request)})


@router.get("/events/work")
def events(request: Request) -> Response:
    """The progress as server-sent events, at most one a second, when it changes."""
    watch = services(request).watch
    if watch.full:
        return pages.failure(request, 503, "too many pages watch the work")
    return StreamingResponse(
        watch.listen(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get("/work/rejects.csv")
def rejects(request: Request, source: str) -> Response:
    """The rows of an attached source that cannot be products, each with its reason."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["external_id", "reason", "rejected_at"])
    for row in services(request).catalog.sources.rejects(source, k=REJECTS):
        at = row.rejected_at.isoformat()
        writer.writerow([defused(row.external_id), defused(row.reason), at])
    answer = pages.tagged(request, text.getvalue().encode(), "text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="rejects.csv"'
    return answer


@edit_router.post("/work/retry")
def retry(request: Request, given: Fields) -> Response:
    """Make the jobs of one reason due again."""
    number = editor(request).jobs.retry(matching=needed(given, "matching"))
    return done(request, given, {"retried": number})


@edit_router.post("/work/pictures")
def retry_pictures(request: Request, given: Fields) -> Response:
    """Queue the products whose picture was unavailable."""
    return done(request, given, {"retried": editor(request).jobs.retry_images()})


@edit_router.post("/work/file")
async def upload(request: Request, name: str = "products") -> Response:
    """Take a file of products; the body is the file itself. Gives its id."""
    kept = await _uploads(request).take(name, request.stream())
    return done(request, {}, {"id": kept.id})


@edit_router.get("/work/file/{id}")
async def look(request: Request, id: str, source: str = "") -> Response:
    """How a file would be read, ten of its products, and what loading it would do."""
    named = source.strip()[:100] or None
    kept = _uploads(request).get(id)
    catalog = editor(request)
    preview = await run_in_threadpool(catalog.sources.preview, kept.path, source=named)
    loaded = preview.loaded
    from vitrina.products.api import source_name  # on use: the formats of files take long to import

    estimate = catalog.costs.estimate(loaded.queued)
    return pages.page(
        request,
        "file.html",
        {
            "id": id,
            "name": kept.path.name,
            "source": source_name(kept.path, named),
            "reading": loaded.reading,
            "loaded": loaded,
            "products": preview.products,
            "estimate": estimate,
            "how": How(
                sql="",
                cli=shell(
                    "vitrina", "ingest", *(["--source", named] if named else []), kept.path.name
                ),
                python=python_call(
                    "ingest",
                    [repr(kept.path.name), *([f"source={named!r}"] if named else [])],
                ),
                note="SQL takes products as JSON: vitrina.put_products.",
            ),
        },
    )


@edit_router.post("/work/ingest")
def ingest(request: Request, given: Fields) -> Response:
    """Load a file that was looked at, and enrich its products, in the background."""
    _uploads(request).load(editor(request), needed(given, "id"), needed(given, "source"))
    return done(request, given, {"loading": 1})


def _findings(request: Request) -> list[doctor.Finding]:
    catalog = services(request).catalog
    reading = services(request).editor is None
    return list(doctor.examine(catalog.database.dsn, catalog.settings, reading=reading))


def _context(request: Request) -> dict[str, Any]:
    shared = services(request)
    catalog = shared.catalog
    progress = catalog.jobs.progress()
    failures = catalog.jobs.failures(k=20)
    sources = catalog.sources.list()
    uploads = _uploads(request)
    retried = request.query_params.get("retried", "")
    return {
        "progress": progress,
        "failures": failures,
        "retry_costs": [_cost_again(shared, each) for each in failures],
        "standby": catalog.replication(),
        "coverage": catalog.jobs.coverage(),
        "sources": sources,
        "spaces": catalog.spaces.list(),
        "spend": _spend(shared, progress),
        "said": uploads.said,
        "loading": uploads.loading,
        "load_failed": uploads.failed,
        "retried": counted(int(retried), "job") if re.fullmatch(r"[0-9]{1,9}", retried) else "",
        "how": How(
            sql=";\n".join(
                sql_call(name, {}).removesuffix(";")
                for name in ("work_progress", "job_failures", "coverage", "space_status")
            )
            + ";\nselect * from vitrina.source_status;\n"
            + sql_call("cost", {"by": sql_text("day")}),
            cli="\n".join(
                shell("vitrina", *words)
                for words in (
                    ("status",), ("jobs", "failures"), ("sources",), ("spaces", "list"),
                    ("cost", "--by", "day"), ("doctor",),
                )
            ),
            python="\n".join(
                python_call(name, given)
                for name, given in (
                    ("jobs.progress", []), ("jobs.failures", []), ("jobs.coverage", []),
                    ("spaces.list", []), ("sources.list", []), ("costs.spent", ["by='day'"]),
                )
            ),
        ),
    }  # fmt: skip


def _cost_again(shared: Services, failure: Failure) -> str:
    """What it may cost to try the jobs of a reason again; "" if no model is asked."""
    guess = shared.catalog.costs.estimate(failure.jobs)
    if guess is None or failure.stage == "picture":
        return ""
    stages = [each for each in guess.stages if failure.stage != "embed" or each.stage == "embed"]
    costs = [each.cost for each in stages]
    known = [each for each in costs if each is not None]
    if len(known) < len(costs):
        return "at an unknown price"
    return f"for up to {money(sum(known, Decimal(0)))}"


def _spend(shared: Services, progress: Progress) -> chart.Chart | None:
    """The spend of the last days; None if there was none, or this role may not see it."""
    budget: Decimal | None = progress.budget if progress.budget_period == "day" else None
    try:
        rows = shared.catalog.costs.spent()
    except AccessError:
        return None
    return chart.spend(rows, datetime.now(UTC).date(), budget)


def _uploads(request: Request) -> Uploads:
    state = request.app.state
    if not hasattr(state, "uploads"):
        state.uploads = Uploads()
    found: Uploads = state.uploads
    return found
