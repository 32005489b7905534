"""`vitrina jobs list | failures | retry | again | drop`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options, source_option
from vitrina.cli._product import id_options, keys
from vitrina.printing import counted

if TYPE_CHECKING:
    from vitrina.catalog import Catalog

F = TypeVar("F", bound=Callable[..., Any])
STATES = ("queued", "leased", "failed")
COLUMNS = {
    "source": "source",
    "external_id": "id",
    "title": "title",
    "state": "state",
    "attempts": "attempts",
    "error": "error",
}


def filters(command: F) -> F:
    """--source, --matching and products by id."""
    command = id_options(click.argument("products", nargs=-1, metavar="[ID]...")(command))
    command = click.option(
        "--matching", metavar="PATTERN", help="Only jobs whose error is like this: '%timed out%'."
    )(command)
    return source_option(command)


def chosen(
    catalog: Catalog,
    sources: tuple[str, ...],
    matching: str | None,
    products: tuple[str, ...],
    of: str | None,
    numbers: bool,
) -> dict[str, Any]:
    """The filters, as the library takes them."""
    named = [catalog.get(key).product_id for key in keys(products, of, numbers)]
    return {"sources": list(sources) or None, "matching": matching, "product_ids": named or None}


@click.group("jobs")
def command() -> None:
    """List, explain, retry or drop the jobs in the queue.

    \b
    Example:
      vitrina jobs list --state failed
      vitrina jobs retry
    """


@command.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(STATES),
    help="Only jobs in this state; repeatable.",
)
@click.option("-k", default=100, show_default=True, metavar="N", help="How many jobs.")
@filters
@output_options
def list_(states: tuple[Any, ...], k: int, output: str | None, **which: Any) -> None:
    """List jobs, failed ones first, with the reason; --json adds the model's reply.

    \b
    Example:
      vitrina jobs list --state failed
      vitrina jobs list --state failed --json
    """
    with open_catalog() as catalog:
        rows = catalog.jobs.list(states=list(states) or None, k=k, **chosen(catalog, **which))
    emit(rows, output, columns=COLUMNS)


@command.command("failures")
@click.option("-k", default=20, show_default=True, metavar="N", help="How many reasons.")
@output_options
def failures(k: int, output: str | None) -> None:
    """List why jobs failed, each reason once, with an example.

    \b
    Example:
      vitrina jobs failures
      vitrina jobs retry --matching '%timed out%'
    """
    with open_catalog() as catalog:
        rows = [asdict(reason) for reason in catalog.jobs.failures(k=k)]
    columns = {"jobs": "jobs", "error": "error", "external_id": "id", "matching": "matching"}
    emit(rows, output, columns=columns)


@command.command("retry")
@filters
def retry(**which: Any) -> None:
    """Make failed jobs due again: all of them, or those that match.

    \b
    Example:
      vitrina jobs retry
      vitrina jobs retry --matching '%timed out%'
      vitrina jobs retry FU-107 FU-108
    """
    with open_catalog() as catalog:
        count = catalog.jobs.retry(**chosen(catalog, **which))
    notice(f"{counted(count, 'job is', 'jobs are')} due again: `vitrina work` continues")


@command.command("again")
@click.argument("products", nargs=-1, required=True, metavar="ID...")
@id_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def again(products: tuple[str, ...], of: str | None, numbers: bool, yes: bool) -> None:
    """Have models asked about products again, although nothing has changed.

    That costs again; what it will cost is said before. The earlier answers stay stored, and
    keywords that a person set stay.

    \b
    Example:
      vitrina jobs again FU-107
      vitrina show FU-107 --generations
    """
    with open_catalog() as catalog:
        named = [catalog.get(key).product_id for key in keys(products, of, numbers)]
        guess = catalog.costs.estimate(len(named))
        if guess is None:
            cost = "offline, for nothing"
        else:
            usd = "at an unknown price" if guess.cost is None else f"about {guess.cost:.4f} USD"
            cost = f"{counted(guess.calls, 'call')}, {usd}"
        question = f"ask again about {counted(len(named), 'product')} ({cost})"
        if not yes:
            click.confirm(f"{question}?", abort=True, err=True)
        count = catalog.jobs.ask_again(named)
    notice(f"{counted(count, 'product is', 'products are')} queued: `vitrina work` asks ({cost})")


@command.command("drop")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(STATES[::2]),
    help="Only jobs in this state [failed]; repeatable.",
)
@filters
def drop(states: tuple[Any, ...], **which: Any) -> None:
    """Remove jobs from the queue; their products stay as they are until they change.

    \b
    Example:
      vitrina jobs drop --matching '%refused%'
    """
    with open_catalog() as catalog:
        count = catalog.jobs.drop(states=list(states) or ["failed"], **chosen(catalog, **which))
    notice(f"{counted(count, 'job')} dropped")
