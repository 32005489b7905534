"""`vitrina search`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options, source_option

if TYPE_CHECKING:
    from vitrina.search.hits import Hit

COLUMNS = {
    "score": "score",
    "similarity": "similarity",
    "title": "title",
    "missing": "without",
    "price": "price",
    "keywords": "keywords",
    "matched": "matched",
    "external_id": "id",
    "sku": "sku",
}


def emit_hits(hits: Sequence[Hit], output: str | None) -> None:
    """Print hits; a table has what is missing, and the prices and SKUs that are known."""
    rows = [asdict(hit) for hit in hits]
    columns = COLUMNS
    if output is None:
        for row in rows:
            row["price"] = _price(row["attributes"])
        columns = {
            key: heading
            for key, heading in COLUMNS.items()
            if key not in ("missing", "price", "sku") or any(row[key] for row in rows)
        }
    emit(rows, output, columns=columns)


def _price(attributes: dict[str, Any]) -> str:
    """What a product costs, like "49 to 55 EUR"."""
    price, most = attributes.get("price"), attributes.get("price_max")
    if not isinstance(price, int | float):
        return ""
    said = f"{price:g}" if not isinstance(most, int | float) else f"{price:g} to {most:g}"
    currency = attributes.get("currency")
    return f"{said} {currency}" if isinstance(currency, str) else said


def parse_filter(ctx: click.Context, param: click.Parameter, value: str | None) -> dict[str, Any]:
    """--filter as a JSON object."""
    if value is None:
        return {}
    try:
        parsed = json.loads(value)
    except ValueError as exc:
        raise click.BadParameter(f"not JSON: {exc}") from None
    if not isinstance(parsed, dict):
        raise click.BadParameter('give a JSON object, like \'{"brand": "Acme"}\'')
    return parsed


def parse_weights(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> dict[str, float]:
    """--weight CHANNEL=N, repeatable."""
    weights = {}
    for item in value:
        name, _, number = item.partition("=")
        try:
            weights[name] = float(number)
        except ValueError:
            raise click.BadParameter(f"{item!r} is not CHANNEL=N, like vector=0.5") from None
    return weights


@click.command("search")
@click.argument("query", required=False)
@click.option("--image", metavar="PATH_OR_URL", help="A picture to search by.")
@click.option(
    "-k", default=10, show_default=True, metavar="N", help="How many products, at most 10,000."
)
@click.option("--offset", default=0, metavar="N", help="Skip the first N products.")
@click.option(
    "--filter", callback=parse_filter, metavar="JSON", help="The product's attributes contain this."
)
@click.option("--where", metavar="JSONPATH", help="The attributes satisfy this: '$.price < 50'.")
@click.option(
    "--with",
    "with_keywords",
    multiple=True,
    metavar="KEYWORD",
    help="Only products with this keyword; repeatable.",
)
@click.option(
    "--without",
    "without_keywords",
    multiple=True,
    metavar="KEYWORD",
    help="Only products without this keyword; repeatable.",
)
@click.option(
    "--mode",
    type=click.Choice(["hybrid", "vector", "text"]),
    default="hybrid",
    show_default=True,
    help="Words and vectors, vectors only, or words only.",
)
@click.option(
    "--weight",
    "weights",
    multiple=True,
    callback=parse_weights,
    metavar="CHANNEL=N",
    help="The weight of text, vector or image in the score; repeatable.",
)
@click.option(
    "--group-by",
    metavar="ATTRIBUTE",
    help="Of the products with the same value of this attribute, only the best.",
)
@click.option(
    "--min-relevance",
    type=click.FloatRange(0, 1),
    metavar="N",
    help="Leave out what is less surely an answer, 0 to 1; 0 shows the nearest, whatever they are.",
)
@click.option("--title", default="", metavar="TEXT", help="What the picture shows, if known.")
@click.option("--allow-private-images", is_flag=True, help="Fetch --image from a private address.")
@source_option
@output_options
def command(
    query: str | None,
    image: str | None,
    allow_private_images: bool,
    sources: tuple[str, ...],
    output: str | None,
    **options: Any,
) -> None:
    """Find products by text, by picture, or by both.

    \b
    Example:
      vitrina search "black metal side table"
      vitrina search --image chair.jpg -k 5
      vitrina search "shoe storage" --where '$.price < 50' --json
      vitrina search "red sofa" --image sofa.jpg --weight image=2
    """
    if not query and image is None:
        raise click.UsageError("give words to search for, or --image PATH_OR_URL")
    with open_catalog(allow_private_images=allow_private_images) as catalog:
        hits = catalog.search(query, image=image, sources=sources or None, **options)
        if not hits and query and options["k"] and not options["offset"]:
            nearest = catalog.search(
                query, image=image, sources=sources or None,
                **{**options, "k": 3, "min_relevance": 0},
            )  # fmt: skip
            notice(_nothing(nearest))
            return
    emit_hits(hits, output)


def _nothing(nearest: Sequence[Hit]) -> str:
    """What to say where no product is an answer."""
    if not nearest:
        return "nothing matches"
    named = ", ".join(f"{hit.title[:60]} ({hit.external_id})" for hit in nearest)
    return f"nothing matches; nearest: {named}; show them: --min-relevance 0"
