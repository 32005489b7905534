"""`vitrina facets`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import emit, open_catalog, output_options
from vitrina.cli._filters import filter_options

if TYPE_CHECKING:
    from vitrina.search.browse import Bin

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
@click.option(
    "--histogram", metavar="NAME", help="Count the numbers of this attribute in equal bins instead."
)
@filter_options
@output_options
def command(
    query: str | None,
    k: int,
    attributes: tuple[str, ...],
    histogram: str | None,
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
      vitrina facets "side table" --histogram price
      vitrina facets "side table" --where '$.price < 100' --attribute brand --attribute price
    """
    with open_catalog() as catalog:
        if histogram is not None:
            bins = catalog.histogram(histogram, query, sources=sources or None, **options)
            emit(([asdict(each) for each in bins] if output else drawn(bins)), output)
            return
        rows = catalog.facets(
            query, k=k, attributes=attributes or None, sources=sources or None, **options
        )
    shown = [asdict(row) for row in rows]
    columns = COLUMNS
    if output is None:
        for row in shown:
            row["chosen"] = "chosen" if row["chosen"] else ""
            row["products"] = about(row["products"], row["estimated"])
        if not any(row["chosen"] for row in shown):
            columns = {key: name for key, name in COLUMNS.items() if key != "chosen"}
    emit(shown, output, columns=columns)


def about(products: int, estimated: bool) -> str:
    """A count as a person reads it."""
    return f"about {products:,}" if estimated else str(products)


def drawn(bins: Sequence[Bin]) -> list[dict[str, object]]:
    """Bins as rows with bars."""
    most = max((each.products for each in bins), default=1) or 1
    return [
        {
            "from": f"{each.low:g}",
            "to": f"{each.high:g}",
            "products": about(each.products, each.estimated),
            "": "█" * -(-30 * each.products // most),
        }
        for each in bins
    ]
