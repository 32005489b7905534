"""`vitrina work`."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vitrina.cli._common import (
    WAIT_SECONDS,
    notice,
    open_catalog,
    progress_bar,
    source_option,
    wait_option,
)
from vitrina.cli._provider import image_root_option, provider_options, settings
from vitrina.cli._report import describe_judged, describe_totals, show_estimate
from vitrina.cli._signals import stoppable
from vitrina.cli.batch import batch_options, submit
from vitrina.printing import counted

if TYPE_CHECKING:
    from vitrina.catalog import Catalog
    from vitrina.enrich.totals import Totals

F = TypeVar("F", bound=Callable[..., Any])


def judge_option(command: F) -> F:
    """--judge."""
    return click.option(
        "--judge", is_flag=True, help="Then ask the model which near keywords are the same."
    )(command)


def check_judge(judge: bool, *, batch: bool, watch: bool = False, no_enrich: bool = False) -> None:
    """Refuse --judge if the work does not end in this run."""
    if judge and (batch or no_enrich):
        other = "--batch" if batch else "--no-enrich"
        raise click.UsageError(
            f"leave --judge or {other} out: `vitrina keywords judge` judges later"
        )
    if judge and watch:
        raise click.UsageError(
            "--judge judges once the work is done: add --drain, or use `vitrina keywords judge`"
        )


def work(
    catalog: Catalog,
    *,
    sources: list[str] | None,
    watch: bool = False,
    judge: bool = False,
    stop: threading.Event | None = None,
) -> None:
    """Work with a bar on a terminal; always print a summary, even after an early end.

    `stop` ends it; without one, a signal does.
    """
    queued = catalog.status().queued
    last: list[Totals] = []
    stopping = stoppable() if stop is None else contextlib.nullcontext(stop)
    with stopping as stopped, progress_bar("enriching") as bar:

        def progress(totals: Totals) -> None:
            last[:] = [totals]
            note = f"{totals.without_picture} without picture" if totals.without_picture else ""
            if totals.cost:
                note += f"  {totals.cost:.4f} USD"
            done = totals.products + totals.pictures + totals.failed
            bar(done, None if watch or totals.pictures else queued, note)

        try:
            last[:] = [
                catalog.work(
                    sources=sources, progress=progress, stop=stopped, watch=watch, judge=judge
                )
            ]
        finally:
            if last:
                notice(describe_totals(last[0]))
                if judge and catalog.settings.chosen != "local":
                    notice(describe_judged(last[0].judged))
    if stopped.is_set() and stop is None:
        left = catalog.status().queued
        if left:
            notice(f"{counted(left, 'product')} left in the queue; to go on: vitrina work --drain")


@click.command("work")
@source_option
@click.option("--drain", is_flag=True, help="Stop when no due work is left.")
@click.option("--dry-run", is_flag=True, help="Only estimate calls and cost.")
@wait_option
@judge_option
@batch_options
@image_root_option
@provider_options
def command(
    sources: tuple[str, ...],
    drain: bool,
    dry_run: bool,
    wait: float | None,
    judge: bool,
    batch: bool,
    batch_tokens: int | None,
    **options: Any,
) -> None:
    """Follow attached tables and enrich queued products, until stopped.

    Any number of these may run at once, on any number of machines. The first Ctrl-C or SIGTERM
    finishes and stores the work begun; a second gives it back and ends within five seconds. It
    waits for a database that is unavailable or starting up. With --batch it submits the missing
    requests at half the price and returns: answers come within a day, and `vitrina batch collect`
    stores them.

    \b
    Example:
      vitrina work
      vitrina work --dry-run
      vitrina work --drain --max-cost 5 --concurrency 16
      vitrina work --batch
    """
    if batch and drain:
        raise click.UsageError("--batch submits and returns: leave --drain out")
    if batch and options["pictures"] > 1:
        raise click.UsageError("a batch shows the first picture only: leave --pictures out")
    check_judge(judge, batch=batch, watch=not drain)
    if wait is None:
        wait = WAIT_SECONDS if drain or dry_run or batch else math.inf
    with open_catalog(wait=wait, **settings(options)) as catalog:
        if dry_run:
            show_estimate(catalog, catalog.status().queued, batch=batch)
            return
        if batch:
            catalog.sources.sync(sources=list(sources) or None)
            submit(catalog, sources=list(sources) or None, tokens=batch_tokens)
            return
        work(catalog, sources=list(sources) or None, watch=not drain, judge=judge)
