"""`vitrina searches`: what the log of searches says."""

from __future__ import annotations

from dataclasses import asdict

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options

COLUMNS = {"query": "query", "searches": "searches", "results": "results", "corrected": "read as"}


@click.command("searches")
@click.argument("which", type=click.Choice(["top", "empty", "corrected"]), default="top")
@click.option(
    "-k", default=20, show_default=True, metavar="N", help="How many queries, at most 10,000."
)
@click.option(
    "--days", default=30, show_default=True, metavar="N", help="Of the last N days, at most 3650."
)
@output_options
def command(which: str, k: int, days: int, output: str | None) -> None:
    """List what was searched for most: all, what found nothing, or what was misspelt.

    \b
    Example:
      vitrina policy searches on
      vitrina searches empty --days 7
    """
    with open_catalog() as catalog:
        listed = {
            "top": catalog.searches.top,
            "empty": catalog.searches.empty,
            "corrected": catalog.searches.corrected,
        }[which](k=k, days=days)
        if not listed and not catalog.searches.policy().log:
            notice("searches are not logged: `vitrina policy searches on`")
            return
    emit([asdict(search) for search in listed], output, columns=COLUMNS)
