"""`vitrina similar`."""

from __future__ import annotations

import click

from vitrina.cli._common import open_catalog, output_options
from vitrina.cli.search import emit_hits


@click.command("similar")
@click.argument("product")
@click.option("--source", metavar="NAME", help="The source of PRODUCT, if several sources have it.")
@click.option("-k", default=10, show_default=True, metavar="N", help="How many products.")
@output_options
def command(product: str, source: str | None, k: int, output: str | None) -> None:
    """Find the products most similar to PRODUCT, named by the id that a search shows.

    \b
    Example:
      vitrina similar B0CJHKVG6P -k 5
      vitrina similar 1163 --source styles
    """
    with open_catalog() as catalog:
        hits = catalog.similar((source, product) if source is not None else product, k=k)
    emit_hits(hits, output)
