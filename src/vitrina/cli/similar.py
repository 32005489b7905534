"""`vitrina similar`."""

from __future__ import annotations

from dataclasses import asdict

import click

from vitrina.cli._common import emit, open_catalog, output_options
from vitrina.cli.search import COLUMNS


@click.command("similar")
@click.argument("product")
@click.option("--source", metavar="NAME", help="Take PRODUCT as an external id of this source.")
@click.option("-k", default=10, show_default=True, metavar="N", help="How many products.")
@output_options
def command(product: str, source: str | None, k: int, output: str | None) -> None:
    """Find the products most like one: by its product id, or --source and external id.

    \b
    Example:
      vitrina similar 17 -k 5
      vitrina similar --source furniture B0CJHKVG6P
    """
    if source is None and not product.isdecimal():
        raise click.UsageError(f"{product!r} is no product id: give --source for an external id")
    with open_catalog() as catalog:
        hits = catalog.similar((source, product) if source is not None else int(product), k=k)
    emit((asdict(hit) for hit in hits), output, columns=COLUMNS)
