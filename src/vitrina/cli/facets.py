"""`vitrina facets`."""

from __future__ import annotations

from typing import Any

import click

from vitrina.cli._common import emit, open_catalog, output_options
from vitrina.cli._filters import filter_options

COLUMNS = {"kind": "kind", "facet": "facet", "value": "value", "products": "products"}


@click.command("facets")
@click.argument("query", required=False)
@click.option("-k", default=10, show_default=True, metavar="N", help="Values of each facet.")
@click.option(
    "--attribute",
    "attributes",
    multiple=True,
    metavar="NAME",
    help="Count this attribute only; repeatable [all whose values repeat].",
)
@filter_options
@output_options
def command(
    query: str | None,
    k: int,
    attributes: tuple[str, ...],
    sources: tuple[str, ...],
    output: str | None,
    **options: Any,
) -> None:
    """Count the keywords (by facet) and attributes (by value) of products.

    Counts all products that match the filters and, with QUERY, have its words.

    \b
    Example:
      vitrina facets
      vitrina facets "side table" --where '$.price < 100' --attribute brand --attribute price
    """
    with open_catalog() as catalog:
        rows = catalog.facets(
            query, k=k, attributes=attributes or None, sources=sources or None, **options
        )
    emit(rows, output, columns=COLUMNS)
