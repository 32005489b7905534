"""`vitrina status`."""

from __future__ import annotations

import click

from vitrina.cli._common import emit, open_catalog, output_options


@click.command("status")
@output_options
def command(output: str | None) -> None:
    """Show the contents of the catalogue, the queue, and the cost so far.

    \b
    Example:
      vitrina status
    """
    with open_catalog() as catalog:
        status = catalog.status()
    if output is None:
        emit(
            ({"what": name.replace("_", " "), "value": value} for name, value in status.items()),
            None,
        )
    else:
        emit([status], output)
