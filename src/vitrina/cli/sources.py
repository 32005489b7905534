"""`vitrina sources`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options
from vitrina.cli._product import NAMELESS
from vitrina.files.options import PRUNE_MOST
from vitrina.printing import counted

if TYPE_CHECKING:
    from vitrina.products.entries import RejectedRow

COLUMNS = {
    "source": "source",
    "state": "state",
    "follows": "follows",
    "products": "products",
    "enriched": "enriched",
    "queued": "queued",
    "failed": "failed",
    "noted": "changes",
    "rejects": "set aside",
}


@click.group("sources", invoke_without_command=True)
@click.option("--sync", is_flag=True, help="First sync the attached sources.")
@click.option(
    "--sweep", metavar="NAME", help="First compare all rows of this source with its products."
)
@click.option("--yes", is_flag=True, help="Let --sweep remove more than 30 % of the products.")
@click.option("--rejects", metavar="NAME", help="List the rows of a source that were set aside.")
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    sync: bool,
    sweep: str | None,
    yes: bool,
    rejects: str | None,
    output: str | None,
) -> None:
    """List the sources of products, their state and their problems.

    \b
    Example:
      vitrina sources
      vitrina sources --sync
      vitrina sources --rejects product --csv
    """
    if ctx.invoked_subcommand is not None:
        return
    if yes and sweep is None:
        raise click.UsageError("--yes belongs to --sweep: give both")
    with open_catalog() as catalog:
        if sweep is not None:
            differ = catalog.sources.sweep(sweep, most=1.0 if yes else PRUNE_MOST)
            notice(f"{sweep}: {counted(differ, 'row differs', 'rows differ')}")
        if sync or sweep is not None:
            catalog.sources.sync(sources=None if sync or sweep is None else [sweep])
        if rejects is not None:
            emit_rejects(catalog.sources.rejects(rejects, k=1_000_000), output)
            return
        rows = catalog.sources.list()
    emit(rows, output, columns=COLUMNS)
    for row in rows:
        if output is None and row.problem:
            notice(f"{row.source}: {row.problem}")


def emit_rejects(rows: Sequence[RejectedRow], output: str | None) -> None:
    """Print rows that were set aside; those without an id are one, which a table names."""
    if output is None:
        rows = [replace(row, external_id=row.external_id or NAMELESS) for row in rows]
    emit(rows, output)


@command.command("list")
@output_options
@click.pass_context
def list_(ctx: click.Context, output: str | None) -> None:
    """List the sources, as `vitrina sources` alone does.

    \b
    Example:
      vitrina sources list --json
    """
    ctx.invoke(command, sync=False, sweep=None, yes=False, rejects=None, output=output)


@command.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Remove a source with all its products; the vocabulary stays.

    An attached source is detached instead, with `vitrina detach`.

    \b
    Example:
      vitrina sources remove demo
    """
    with open_catalog() as catalog:
        if not yes:
            products = next(
                (row.products for row in catalog.sources.list() if row.source == name), 0
            )
            if products:
                click.confirm(f"remove {counted(products, 'product')}?", abort=True, err=True)
        count = catalog.sources.remove(name)
    notice(f"removed {name} with {counted(count, 'product')}")
