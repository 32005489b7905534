"""`vitrina work`."""

from __future__ import annotations

import signal
import threading

import click

from vitrina.cli._common import notice, open_catalog, progress_bar, source_option
from vitrina.cli.ingest import describe_totals


@click.command("work")
@source_option
@click.option("--watch", is_flag=True, help="Go on looking for work until stopped.")
@click.option("--concurrency", default=8, show_default=True, metavar="N", help="Products at once.")
@click.option(
    "--allow-private-images", is_flag=True, help="Fetch pictures from private addresses too."
)
def command(
    sources: tuple[str, ...], watch: bool, concurrency: int, allow_private_images: bool
) -> None:
    """Enrich the products that are queued, until none is left that is due.

    Any number of these may run at once, on any number of machines. Stopped, it stores what it is
    at first.

    \b
    Example:
      vitrina work --watch --concurrency 16
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with (
        open_catalog(concurrency=concurrency, allow_private_images=allow_private_images) as catalog,
        progress_bar("enriching") as bar,
    ):
        queued = catalog.status()["queued"]
        totals = catalog.work(
            sources=sources or None,
            progress=lambda t: bar(t.products + t.failed, None if watch else queued, ""),
            stop=stop,
            watch=watch,
        )
    notice(describe_totals(totals))
