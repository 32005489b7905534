"""`vitrina batch`, and the option `--batch` of other commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options, progress_bar
from vitrina.cli._provider import OPTIONS, image_root_option, settings
from vitrina.cli._report import describe_totals
from vitrina.cli._signals import stoppable
from vitrina.errors import BudgetError, ProviderError
from vitrina.printing import counted

if TYPE_CHECKING:
    from vitrina.batch.run import Batched
    from vitrina.catalog import Catalog

F = TypeVar("F", bound=Callable[..., Any])

COLUMNS = {
    "id": "id",
    "remote_id": "batch",
    "model": "model",
    "stages": "stages",
    "state": "state",
    "status": "endpoint says",
    "requests": "requests",
    "answered": "answered",
    "unanswered": "unanswered",
    "cost": "USD",
    "error": "error",
}


def batch_options(command: F) -> F:
    """--batch and --batch-tokens, for commands that enrich."""
    command = click.option(
        "--batch-tokens",
        type=click.IntRange(1),
        metavar="N",
        help="Tokens the account may queue per model [2000000].",
    )(command)
    return click.option(
        "--batch", is_flag=True, help="Half the price, answers within a day; see vitrina batch."
    )(command)


def describe_batched(done: Batched) -> str:
    """The result of submitting or collecting, in a few lines."""
    lines = []
    if done.answered or done.unanswered:
        paid = f", {done.cost:.4f} USD" if done.cost else ""
        again = f", {done.unanswered:,} without an answer" if done.unanswered else ""
        lines.append(f"{counted(done.answered, 'answer')} stored{again}{paid}")
    if done.batches:
        cost = f", about {done.estimate:.4f} USD" if done.estimate else ""
        lines.append(
            f"{counted(done.requests, 'request')} submitted (batches: {done.batches:,}){cost}"
        )
    if done.enriched.products or done.enriched.failed or done.enriched.retried:
        lines.append(describe_totals(done.enriched))
    if done.full:
        lines.append("the endpoint's queue is full: the rest is submitted as it empties")
    if done.left:
        lines.append(
            f"{counted(done.left, 'product gets', 'products get')} no answer from a batch:"
            " run `vitrina work`"
        )
    lines.append(
        f"open batches: {done.open:,}; `vitrina batch collect` stores their answers"
        if done.open
        else "no batch is open"
    )
    return "\n".join(lines)


def finish(done: Batched) -> None:
    """Report the result. Raises ProviderError or BudgetError if not all was done."""
    notice(describe_batched(done))
    if done.failures:
        hint = ""
        if any("token" in reason for reason in done.failures):
            hint = "; a lower --batch-tokens submits less at a time"
        raise ProviderError(f"{'; '.join(done.failures)}{hint}; `vitrina work --batch` tries again")
    if done.stopped is not None:
        raise BudgetError(done.stopped)


def submit(catalog: Catalog, *, sources: list[str] | None, tokens: int | None) -> None:
    """Submit the missing requests of queued products, with a bar on a terminal."""
    with progress_bar("submitting") as bar:
        done = catalog.batches.submit(
            sources=sources,
            tokens=tokens,
            progress=lambda done: bar(done.requests, None, counted(done.batches, "batch")),
        )
    finish(done)


@click.group("batch")
def command() -> None:
    """List and collect the batches of `vitrina work --batch`: half the price, within a day.

    \b
    Example:
      vitrina work --batch --max-cost 10
      vitrina batch list
      vitrina batch collect --wait
    """


@command.command("list")
@click.option("--open", "open_only", is_flag=True, help="Only batches that are not done.")
@output_options
def list_(open_only: bool, output: str | None) -> None:
    """List the batches, newest first; asks no endpoint.

    \b
    Example:
      vitrina batch list --open
    """
    with open_catalog() as catalog:
        rows = catalog.batches.list(open_only=open_only)
        emit(rows, output, columns=COLUMNS)


@command.command("collect")
@click.option("--wait", is_flag=True, help="Continue until no batch is open.")
@click.option(
    "--poll",
    type=click.FloatRange(min=0.01),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between two checks.",
)
@OPTIONS["concurrency"]
@OPTIONS["max_cost"]
@OPTIONS["allow_private_images"]
@image_root_option
def collect(wait: bool, poll: float, **options: Any) -> None:
    """Store the answers of batches, submit the next round, finish complete products.

    Run it now and then, from any machine: each batch keeps the settings it was submitted with. The
    key and the address of the endpoint come from the environment; the lower --max-cost counts.

    \b
    Example:
      vitrina batch collect
      vitrina batch collect --wait
    """
    with (
        open_catalog(**settings(options)) as catalog,
        stoppable() as stop,
        progress_bar("collecting") as bar,
    ):
        done = catalog.batches.collect(
            wait=wait,
            seconds=poll,
            stop=stop,
            progress=lambda done: bar(
                done.answered, None, counted(done.enriched.products, "product")
            ),
        )
    finish(done)
