"""`vitrina status`."""

from __future__ import annotations

from dataclasses import asdict

import click

from vitrina.cli._common import emit, open_catalog, output_options
from vitrina.cli._table import emit_fields, shown


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
    if output is not None:
        emit([status], output)
        return
    counts = {name.replace("_", " "): shown(value) for name, value in asdict(status).items()}
    counts["standby"] = "" if status.standby is None else status.standby.said
    counts["spend"] = "unknown" if status.spend is None else f"{counts['spend']} USD"
    emit_fields([(name, text) for name, text in counts.items() if text])
