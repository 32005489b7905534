"""`vitrina facets`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from vitrina.cli._common import emit, open_catalog, output_options
from vitrina.cli._filters import filter_options

COLUMNS = {
    "kind": "kind",
    "facet": "facet",
    "value": "value",
    "products": "products",
    "chosen": "",
}


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

    Counts all products that a search with QUERY and these filters finds: a count is that of the
    products it finds when the value is chosen too.

    \b
    Example:
      vitrina facets
      vitrina facets "side table" --any color=black --attribute price
      vitrina facets "side table" --where '$.price < 100' --attribute brand --attribute price
    """
    with open_catalog() as catalog:
        rows = catalog.facets(
            query, k=k, attributes=attributes or None, sources=sources or None, **options
        )
    shown = [asdict(row) for row in rows]
    columns = COLUMNS
    if output is None:
        for row in shown:
            row["chosen"] = "chosen" if row["chosen"] else ""
        if not any(row["chosen"] for row in shown):
            columns = {key: name for key, name in COLUMNS.items() if key != "chosen"}
    emit(shown, output, columns=columns)
