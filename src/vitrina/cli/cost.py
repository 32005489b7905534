"""`vitrina cost`."""

from __future__ import annotations

from decimal import Decimal

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options
from vitrina.cli._provider import parse_usd
from vitrina.upkeep import By, Period


@click.command("cost")
@click.option("--by", type=click.Choice(["day", "stage", "model"]), help="Add up by this alone.")
@click.option("--budget", callback=parse_usd, metavar="USD", help="Set what a period may cost.")
@click.option("--no-budget", is_flag=True, help="Take the budget of the period away.")
@click.option(
    "--period",
    type=click.Choice(["day", "month", "total"]),
    default="total",
    show_default=True,
    help="Of the budget.",
)
@output_options
def command(
    by: By | None, budget: Decimal | None, no_budget: bool, period: Period, output: str | None
) -> None:
    """Show what models have cost, by day, stage and model; or set a standing budget.

    A standing budget is kept in the database: no worker claims paid work once it is spent.

    \b
    Example:
      vitrina cost --by model
      vitrina cost --budget 20 --period month
    """
    with open_catalog() as catalog:
        if budget is not None or no_budget:
            catalog.set_budget(None if no_budget else budget, period)
            notice("budget removed" if no_budget else f"budget: {budget} USD ({period})")
            return
        emit(catalog.costs(by=by), output)
