"""`vitrina keywords suggest | accept`: keywords that products may have."""

from __future__ import annotations

import click

from vitrina.cli._common import emit, open_catalog, output_options, source_option
from vitrina.cli._curation import print_change
from vitrina.cli._product import id_options, keys, of_option
from vitrina.db.facets import FACETS
from vitrina.keywords.api import FACETS as SUGGESTED

COLUMNS = {
    "external_id": "id",
    "title": "title",
    "keyword": "keyword",
    "facet": "facet",
    "confidence": "sure",
    "by": "by",
    "agree": "agree",
    "compared": "of",
}


@click.command("suggest")
@click.argument("products", nargs=-1, metavar="[ID]...")
@id_options
@click.option("-k", default=20, show_default=True, metavar="N", help="How many suggestions.")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0.8,
    show_default=True,
    metavar="N",
    help="Least share of the products with the nearest pictures that have the keyword.",
)
@click.option(
    "--facet",
    "facets",
    type=click.Choice(FACETS),
    multiple=True,
    help="Of these facets [type, audience, color]; repeatable.",
)
@source_option
@output_options
def suggest(
    products: tuple[str, ...],
    of: str | None,
    numbers: bool,
    k: int,
    min_confidence: float,
    facets: tuple[str, ...],
    sources: tuple[str, ...],
    output: str | None,
) -> None:
    """Suggest keywords that products may have, as the products with the nearest pictures have them.

    Without ID for products that lack a type or an audience. With ID, colours come too, measured
    from the picture. Nothing is stored: `vitrina keywords accept` says that one is right.

    \b
    Example:
      vitrina keywords suggest
      vitrina keywords suggest FU-107 --min-confidence 0.5
    """
    with open_catalog() as catalog:
        ids = [catalog.get(key).product_id for key in keys(products, of, numbers)] or None
        rows = catalog.keywords.suggest(
            ids,
            k=k,
            min_confidence=min_confidence,
            sources=sources or None,
            facets=facets or SUGGESTED,
        )
    emit(rows, output, columns=COLUMNS)


@click.command("accept")
@click.argument("product", metavar="ID")
@click.argument("keyword", metavar="KEYWORD")
@of_option
@output_options
def accept(product: str, keyword: str, of: str | None, output: str | None) -> None:
    """Give a product one more keyword by hand, like one that was suggested; it can be undone.

    \b
    Example:
      vitrina keywords accept FU-107 sofa
    """
    with open_catalog() as catalog:
        found = catalog.get(keys((product,), of)[0])
        print_change(catalog.keywords.accept((found.source, found.external_id), keyword), output)


COMMANDS = (suggest, accept)
