"""`vitrina cost`."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options
from vitrina.cli._provider import parse_usd
from vitrina.costs import By, Period

if TYPE_CHECKING:
    from vitrina.catalog import Catalog


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
@click.option("--drop-answers", is_flag=True, help="Count stored answers; drop them with --yes.")
@click.option("--stage", metavar="NAME", help="With --drop-answers: of this stage alone.")
@click.option("--model", metavar="NAME", help="With --drop-answers: of this model alone.")
@click.option(
    "--before", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), metavar="DATE",
    help="With --drop-answers: stored before this, like 2026-01-31.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="With --drop-answers: drop them.")
@output_options
def command(
    by: By | None,
    budget: Decimal | None,
    no_budget: bool,
    period: Period,
    drop_answers: bool,
    output: str | None,
    **chosen: Any,
) -> None:
    """Show what models have cost, by day, stage and model; or set a standing budget.

    A standing budget is kept in the database: no worker claims paid work once it is spent.

    Answers of models are stored, so that the same is never paid for twice. --drop-answers drops
    them: products keep what was made of them, and budgets stay as they are.

    \b
    Example:
      vitrina cost --by model
      vitrina cost --budget 20 --period month
      vitrina cost --drop-answers --before 2026-01-31 --yes
    """
    if not drop_answers and any(chosen.values()):
        raise click.UsageError("--stage, --model, --before and --yes go with --drop-answers")
    if drop_answers and (by or budget is not None or no_budget):
        raise click.UsageError("--drop-answers goes without --by, --budget and --no-budget")
    with open_catalog() as catalog:
        if drop_answers:
            _drop(catalog, **chosen)
            return
        if budget is not None or no_budget:
            catalog.costs.set_budget(None if no_budget else budget, period)
            notice("budget removed" if no_budget else f"budget: {budget} USD ({period})")
            return
        emit(catalog.costs.spent(by=by), output)


def _drop(catalog: Catalog, *, yes: bool, **which: Any) -> None:
    """Drop answers, or say which would be."""
    found = catalog.costs.drop_answers(**which, dry_run=not yes)
    unpriced = f", {found['unpriced']:,} of them of unknown price" if found["unpriced"] else ""
    text = f"{found['answers']:,} answers that cost {found['usd']:.4f} USD{unpriced}"
    notice(f"dropped {text}" if yes else f"{text}; --yes drops them")
