"""Figures for Prometheus, at /metrics: of the database, read every few seconds; of this server."""

from __future__ import annotations

import platform
import threading
import time
from dataclasses import dataclass, field

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from vitrina import __version__
from vitrina.errors import VitrinaError
from vitrina.products.whole import Metric
from vitrina.web.exposition import CONTENT_TYPE, Family, exposed
from vitrina.web.services import METRICS_PATH, Services, services

router = APIRouter(include_in_schema=False)
NAV = None
CACHE_SECONDS = 5.0
SHARE = 20  # reading takes at most a twentieth of the time

# the figures of vitrina.metrics(), all gauges, and what each says
STORED = {
    "jobs": "Jobs in the queue by state and stage.",
    "oldest_due_seconds": "Wait of the oldest due job.",
    "job_failures": "Jobs with an error by its reason.",
    "workers": "Workers with a heartbeat within two minutes.",
    "changes_seconds": "Wait of the oldest change of a shop's table.",
    "products": "Products.",
    "products_enriched": "Products that are enriched.",
    "coverage_products": "Products that have it, by space too.",
    "coverage_of": "Products that should have it.",
    "spend_usd": "USD spent this day, this month, in total.",
    "budget_usd": "Budgets in USD by period.",
    "budget_spent_usd": "USD spent of each budget.",
}


@router.get(METRICS_PATH)
def metrics(request: Request) -> Response:
    """All figures; where the database is away, those of this server."""
    shared = services(request)
    state = request.app.state
    if not hasattr(state, "stored"):
        state.stored = Stored(shared)
    stored: Stored = state.stored
    body = exposed([*stored.families(), *shared.meter.families()])
    return Response(body, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


@dataclass
class Stored:
    """The figures of the database: one reader of it, whoever asks how often."""

    services: Services
    reads: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _until: float = 0.0
    _families: list[Family] = field(default_factory=list)

    def families(self) -> list[Family]:
        """The latest figures, at most five seconds old, or twenty times what reading takes."""
        with self._lock:
            began = time.monotonic()
            if began >= self._until:
                self._families = self._read()
                ended = time.monotonic()
                self._until = ended + max(CACHE_SECONDS, SHARE * (ended - began))
            return self._families

    def _read(self) -> list[Family]:
        self.reads += 1
        build = {"version": __version__, "python": platform.python_version()}
        catalog = self.services.catalog
        began = time.monotonic()
        try:
            build |= {"server": catalog.server(), "schema": catalog.revision()}
            behind = catalog.replication()
        except VitrinaError:
            return [_build(build), _up(0)]
        rows: list[Metric] = []
        complete = True
        try:
            rows = catalog.metrics()
        except VitrinaError:  # it takes too long, or is not there yet: the database is
            complete = False
        taken = time.monotonic() - began
        found = [
            _build(build),
            _up(1),
            _gauge("read_seconds", "Time to read these figures.", taken),
            _gauge("figures_complete", "Whether they could be read.", float(complete)),
        ]
        for name, text in STORED.items():
            samples = [(row.labels, row.value) for row in rows if row.name == name]
            found.append(Family(name, "gauge", text, samples))
        found.append(_gauge("standby", "Whether a hot standby is read.", float(behind is not None)))
        if behind is not None:
            found.append(
                _gauge("standby_follows", "Whether it has its primary.", float(behind.follows))
            )
            if behind.seconds is not None:
                found.append(_gauge("standby_lag_seconds", "Age of what it shows.", behind.seconds))
            if behind.bytes is not None:
                found.append(_gauge("standby_lag_bytes", "Log that it lacks.", behind.bytes))
        return found


def _build(labels: dict[str, str]) -> Family:
    return Family("build_info", "gauge", "The versions in use.", [(labels, 1)])


def _up(value: int) -> Family:
    return _gauge("database_up", "Whether the database answers.", value)


def _gauge(name: str, text: str, value: float) -> Family:
    return Family(name, "gauge", text, [({}, value)])
