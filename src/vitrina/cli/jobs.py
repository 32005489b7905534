"""`vitrina jobs list | failures | retry | drop`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options, source_option
from vitrina.printing import counted

F = TypeVar("F", bound=Callable[..., Any])
STATES = ("queued", "leased", "failed")
COLUMNS = {
    "product_id": "product",
    "source": "source",
    "external_id": "id",
    "title": "title",
    "state": "state",
    "attempts": "attempts",
    "error": "error",
}


def filters(command: F) -> F:
    """--source, --matching and products by id."""
    command = click.argument("products", nargs=-1, type=int, metavar="[PRODUCT…]")(command)
    command = click.option(
        "--matching", metavar="PATTERN", help="Only jobs whose error is like this: '%timed out%'."
    )(command)
    return source_option(command)


def chosen(sources: tuple[str, ...], products: tuple[int, ...]) -> dict[str, Any]:
    """The filters, as the library takes them."""
    return {"sources": list(sources) or None, "product_ids": list(products) or None}


@click.group("jobs")
def command() -> None:
    """List, explain, retry or drop the jobs in the queue."""


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
def list_(
    states: tuple[Any, ...],
    sources: tuple[str, ...],
    matching: str | None,
    products: tuple[int, ...],
    k: int,
    output: str | None,
) -> None:
    """List jobs, failed ones first, with the reason; --json adds the model's reply.

    \b
    Example:
      vitrina jobs list --state failed
      vitrina jobs list --state failed --json
    """
    with open_catalog() as catalog:
        rows = catalog.jobs.list(
            states=list(states) or None, matching=matching, k=k, **chosen(sources, products)
        )
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
def retry(sources: tuple[str, ...], matching: str | None, products: tuple[int, ...]) -> None:
    """Make failed jobs due again: all of them, or those that match.

    \b
    Example:
      vitrina jobs retry
      vitrina jobs retry --matching '%timed out%'
      vitrina jobs retry 4711 4712
    """
    with open_catalog() as catalog:
        count = catalog.jobs.retry(matching=matching, **chosen(sources, products))
    notice(f"{counted(count, 'job is', 'jobs are')} due again: `vitrina work` continues")


@command.command("drop")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES[::2]), help="[failed]")
@filters
def drop(
    states: tuple[Any, ...],
    sources: tuple[str, ...],
    matching: str | None,
    products: tuple[int, ...],
) -> None:
    """Remove jobs from the queue; their products stay as they are until they change.

    \b
    Example:
      vitrina jobs drop --matching '%refused%'
    """
    with open_catalog() as catalog:
        count = catalog.jobs.drop(
            states=list(states) or ["failed"], matching=matching, **chosen(sources, products)
        )
    notice(f"{counted(count, 'job')} dropped")
