"""`vitrina similar`."""

from __future__ import annotations

import click

from vitrina.cli._common import open_catalog, output_options, source_option
from vitrina.cli._product import id_options, keys
from vitrina.cli.search import columns_option, emit_hits


@click.command("similar")
@click.argument("product")
@id_options
@source_option
@click.option("-k", default=10, show_default=True, metavar="N", help="How many products.")
@columns_option
@output_options
def command(
    product: str,
    of: str | None,
    numbers: bool,
    k: int,
    sources: tuple[str, ...],
    columns: list[str] | None,
    output: str | None,
) -> None:
    """Find the products most similar to PRODUCT, named by the id that a search shows.

    \b
    Example:
      vitrina similar B0CJHKVG6P -k 5
      vitrina similar 1163 --of styles
    """
    with open_catalog() as catalog:
        hits = catalog.similar(keys((product,), of, numbers)[0], k=k, sources=sources or None)
    emit_hits(hits, output, columns)
