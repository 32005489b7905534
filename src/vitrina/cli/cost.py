"""`vitrina cost`."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options
from vitrina.cli._provider import parse_usd
from vitrina.costs import By, Period
from vitrina.printing import counted

if TYPE_CHECKING:
    from vitrina.catalog import Catalog


@click.command("cost")
@click.option("--by", type=click.Choice(["day", "stage", "model"]), help="Sum by this only.")
@click.option("--budget", callback=parse_usd, metavar="USD", help="Set the most a period may cost.")
@click.option("--no-budget", is_flag=True, help="Remove the budget of the period.")
@click.option(
    "--period",
    type=click.Choice(["day", "month", "total"]),
    default="total",
    show_default=True,
    help="Period of the budget.",
)
@click.option(
    "--drop-answers", is_flag=True, help="Count the stored answers; with --yes, drop them."
)
@click.option("--stage", metavar="NAME", help="With --drop-answers: of this stage only.")
@click.option("--model", metavar="NAME", help="With --drop-answers: of this model only.")
@click.option(
    "--before", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), metavar="DATE",
    help="With --drop-answers: stored before this day, like 2026-01-31.",
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
    """Show the cost of models by day, stage and model, and the budget; or set a standing budget.

    The database keeps a standing budget: once it is spent, no worker claims paid work.

    Answers of models are stored, so that none is paid for twice. --drop-answers drops them:
    products keep their tags, captions and vectors, and budgets stay as they are.

    \b
    Example:
      vitrina cost --by model
      vitrina cost --budget 20 --period month
      vitrina cost --drop-answers --before 2026-01-31 --yes
    """
    if not drop_answers and any(chosen.values()):
        raise click.UsageError("--stage, --model, --before and --yes go with --drop-answers")
    if drop_answers and (by or budget is not None or no_budget):
        raise click.UsageError(
            "--drop-answers cannot be combined with --by, --budget and --no-budget"
        )
    with open_catalog() as catalog:
        if drop_answers:
            _drop(catalog, **chosen)
            return
        if budget is not None or no_budget:
            catalog.costs.set_budget(None if no_budget else budget, period)
            notice("budget removed" if no_budget else f"budget: {budget} USD ({period})")
            return
        spent = [asdict(row) for row in catalog.costs.spent(by=by)]
        budgets = catalog.costs.budgets()
    left_out = {"day", "stage", "model"} - {by} if by else set()
    if spent or output is not None:
        emit(({k: v for k, v in row.items() if k not in left_out} for row in spent), output)
    else:
        notice("nothing was spent: no model was called")
    for each in budgets:
        notice(each.sentence())


def _drop(catalog: Catalog, *, yes: bool, **which: Any) -> None:
    """Drop answers, or count them."""
    found = catalog.costs.drop_answers(**which, dry_run=not yes)
    unpriced = f", {found.unpriced:,} of them at an unknown price" if found.unpriced else ""
    text = f"{counted(found.answers, 'answer')} that cost {found.usd:.4f} USD{unpriced}"
    notice(f"dropped {text}" if yes else f"{text}; add --yes to drop them")
