"""`vitrina similar`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vitrina.cli._box import box_option
from vitrina.cli._common import open_catalog, output_options, source_option
from vitrina.cli._product import id_options, keys
from vitrina.cli.search import check_columns, columns_option, emit_hits

if TYPE_CHECKING:
    from vitrina.pictures.part import Box


@click.command("similar")
@click.argument("product")
@id_options
@source_option
@click.option("-k", default=10, show_default=True, metavar="N", help="How many products.")
@box_option
@columns_option
@output_options
def command(
    product: str,
    of: str | None,
    numbers: bool,
    k: int,
    box: Box | None,
    sources: tuple[str, ...],
    columns: list[str] | None,
    output: str | None,
) -> None:
    """Find the products most similar to PRODUCT, named by the id that a search shows.

    With --box, those whose picture looks like that part of its picture.

    \b
    Example:
      vitrina similar B0CJHKVG6P -k 5
      vitrina similar 1163 --of styles
      vitrina similar 1163 --box 0.2,0.6,0.6,0.4
    """
    with open_catalog() as catalog:
        check_columns(catalog, columns)
        hits = catalog.similar(
            keys((product,), of, numbers)[0], k=k, sources=sources or None, box=box
        )
    emit_hits(hits, output, columns)
