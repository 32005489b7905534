"""`vitrina export`."""

from __future__ import annotations

import click

from vitrina.cli._common import emit, open_catalog, source_option


@click.command("export")
@source_option
@click.option("--csv", "as_csv", is_flag=True, help="CSV instead of JSON Lines.")
def command(sources: tuple[str, ...], as_csv: bool) -> None:
    """Write the catalogue to stdout as JSON Lines or CSV, one line a product.

    \b
    Example:
      vitrina export --source furniture > furniture.jsonl
    """
    with open_catalog() as catalog:
        emit(catalog.export(sources=sources or None), "csv" if as_csv else "json")
