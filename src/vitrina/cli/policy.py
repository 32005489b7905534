"""`vitrina policy`: how searches behave."""

from __future__ import annotations

from dataclasses import asdict

import click

from vitrina.cli._common import emit, open_catalog, output_options


@click.group("policy")
def command() -> None:
    """Show or change how searches behave.

    \b
    Example:
      vitrina policy searches on --days 30
      vitrina policy relevance 0.4
    """


@command.command("searches")
@click.argument("state", type=click.Choice(["on", "off"]), required=False)
@click.option("--days", type=int, metavar="N", help="For how many days searches are kept.")
@output_options
def searches(state: str | None, days: int | None, output: str | None) -> None:
    """Log searches or do not; without a state, show whether they are logged.

    \b
    Example:
      vitrina policy searches on --days 30
    """
    with open_catalog() as catalog:
        log = None if state is None else state == "on"
        emit([asdict(catalog.searches.policy(log=log, keep_days=days))], output)


@command.command("relevance")
@click.argument("least", type=click.FloatRange(0, 1), metavar="N")
@output_options
def relevance(least: float, output: str | None) -> None:
    """Set the relevance, 0 to 1, below which a search leaves products out.

    \b
    Example:
      vitrina policy relevance 0.4
    """
    with open_catalog() as catalog:
        emit([asdict(catalog.searches.policy(min_relevance=least))], output)
