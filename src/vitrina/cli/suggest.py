"""`vitrina suggest`."""

from __future__ import annotations

import click

from vitrina.cli._common import emit, open_catalog, output_options


@click.command("suggest")
@click.argument("prefix")
@click.option("-k", default=10, show_default=True, metavar="N", help="How many suggestions.")
@output_options
def command(prefix: str, k: int, output: str | None) -> None:
    """Suggest keywords for a query that is being typed, most used first.

    An alias is shown with its keyword.

    \b
    Example:
      vitrina suggest "sho"
    """
    with open_catalog() as catalog:
        emit(catalog.suggest(prefix, k=k), output)
