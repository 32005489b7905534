"""`vitrina search`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vitrina.cli._box import box_option
from vitrina.cli._common import emit, notice, open_catalog, output_options
from vitrina.cli._filters import filter_options
from vitrina.cli._reading import tell_reading
from vitrina.cli._table import number, shown

if TYPE_CHECKING:
    from vitrina.catalog import Catalog
    from vitrina.pictures.part import Box
    from vitrina.search.hits import Hit

F = TypeVar("F", bound=Callable[..., Any])

# options that choose products, without words too
NARROWING = (
    "attr", "price_min", "price_max", "filter", "where", "with_keywords", "any_keywords",
    "without_keywords",
)  # fmt: skip
COLUMNS = {
    "score": "score",
    "title": "title",
    "missing": "without",
    "price": "price",
    "keywords": "keywords",
    "matched": "matched",
    "external_id": "id",
    "sku": "sku",
}


def columns_option(command: F) -> F:
    """--columns: what to print of each hit."""
    return click.option(
        "--columns",
        callback=parse_columns,
        metavar="NAME,…",
        help="What to print: columns as --json names them, or attributes, like title,price,brand.",
    )(command)


def parse_columns(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> list[str] | None:
    """--columns as names."""
    if value is None:
        return None
    names = [name.strip() for name in value.split(",") if name.strip()]
    if not names:
        raise click.BadParameter("name columns, like title,price")
    return names


def check_columns(catalog: Catalog, columns: Sequence[str] | None) -> None:
    """Refuse unknown columns before the search, which may cost money; raises NotFoundError."""
    from vitrina.search import hits  # on use: --help does without the database

    if columns is not None:
        hits.check_columns(catalog.reads, columns)


def chosen(hit: dict[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """These columns of a hit; a name that is none is an attribute."""
    short = {"id": "external_id"}
    return {
        name: hit[short.get(name, name)]
        if short.get(name, name) in hit
        else hit["attributes"].get(name)
        for name in columns
    }


def emit_hits(hits: Sequence[Hit], output: str | None, only: Sequence[str] | None = None) -> None:
    """Print hits, `only` these columns; a table has what is missing, prices and SKUs."""
    rows = [asdict(hit) for hit in hits]
    if only is not None:
        for row in rows if output is None else ():
            row["attributes"] = {name: number(value) for name, value in row["attributes"].items()}
        emit([chosen(row, only) for row in rows], output)
        return
    columns = COLUMNS
    if output is None:
        for row in rows:
            row["price"] = _price(row["attributes"])
        columns = {
            key: heading
            for key, heading in COLUMNS.items()
            if key not in ("missing", "price", "sku")
            or any(row[key] not in ("", None, [], row["external_id"]) for row in rows)
        }
    emit(rows, output, columns=columns)


def _price(attributes: dict[str, Any]) -> str:
    """What a product costs, like "49 to 55 EUR" or "$49 to 55"."""
    price, most = attributes.get("price"), attributes.get("price_max")
    if not isinstance(price, int | float):
        return ""
    said = shown(number(price))
    if isinstance(most, int | float):
        said += f" to {shown(number(most))}"
    currency = attributes.get("currency")
    if currency == "$":
        return f"${said}"
    return f"{said} {currency}" if isinstance(currency, str) else said


def in_space_option(command: F) -> F:
    """--in-space: other spaces than those in use."""
    return click.option(
        "--in-space",
        "in_spaces",
        multiple=True,
        metavar="NAME",
        help="Search in this space instead of the one in use, to compare them; of texts, or of"
        " pictures; repeatable.",
    )(command)


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


def channel_options(command: F) -> F:
    """--mode and --weight: which channels find products, and how much each counts."""
    mode = click.option(
        "--mode",
        type=click.Choice(["hybrid", "vector", "text"]),
        default="hybrid",
        show_default=True,
        help="Words and vectors, vectors only, or words only. With a joint space, vectors are those"
        " of texts and of pictures.",
    )
    weight = click.option(
        "--weight",
        "weights",
        multiple=True,
        callback=parse_weights,
        metavar="CHANNEL=N",
        help="The weight of text, vector or image in the score; repeatable. image: a picture, or in"
        " a joint space the words, compared with pictures.",
    )
    return mode(weight(command))


@click.command("search")
@click.argument("query", required=False)
@click.option("--image", metavar="PATH_OR_URL", help="A picture to search by.")
@box_option
@click.option(
    "-k", default=10, show_default=True, metavar="N", help="How many products, at most 10,000."
)
@click.option("--offset", default=0, metavar="N", help="Skip the first N products.")
@filter_options
@channel_options
@in_space_option
@click.option(
    "--sort",
    default="relevance",
    show_default=True,
    metavar="ORDER",
    help="relevance, newest, oldest, or an attribute: price, or =-price from the greatest.",
)
@click.option(
    "--group-by",
    metavar="ATTRIBUTE",
    help="Of the products with the same value of this attribute, only the first.",
)
@click.option(
    "--exact",
    is_flag=True,
    help="Require each word as it is typed: correct none, and read no conditions.",
)
@click.option(
    "--min-relevance",
    type=click.FloatRange(0, 1),
    metavar="N",
    help="Leave out what is less surely an answer, 0 to 1; 0 shows the nearest, whatever they are.",
)
@click.option("--title", default="", metavar="TEXT", help="What the picture shows, if known.")
@click.option("--allow-private-images", is_flag=True, help="Fetch --image from a private address.")
@columns_option
@output_options
def command(
    query: str | None,
    image: str | None,
    box: Box | None,
    exact: bool,
    allow_private_images: bool,
    sources: tuple[str, ...],
    in_spaces: tuple[str, ...],
    columns: list[str] | None,
    output: str | None,
    **options: Any,
) -> None:
    """Find products by text, by picture, or by both; with filters alone, all that meet them.

    \b
    Example:
      vitrina search "black metal side table"
      vitrina search --image chair.jpg -k 5
      vitrina search --image room.jpg --box 0.5,0.4,0.3,0.5
      vitrina search "shoe storage" --price-max 50 --attr brand=Linden
      vitrina search "side table" --any color=black,white --sort price
      vitrina search "shoe storage" --columns id,title,price --csv
      vitrina search "red sofa" --image sofa.jpg --weight image=2
    """
    if not query and image is None and not (sources or any(options[name] for name in NARROWING)):
        raise click.UsageError("give words to search for, --image PATH_OR_URL, or a filter")
    if box is not None and image is None:
        raise click.UsageError("--box is a part of a picture: give --image PATH_OR_URL too")
    options["in_spaces"] = list(in_spaces) or None
    with open_catalog(allow_private_images=allow_private_images) as catalog:
        check_columns(catalog, columns)
        if query and exact:
            from vitrina.search.reading import literal

            query = literal(query)
        elif query:
            tell_reading(catalog, query)
        picture = catalog.crop(image, box) if image is not None and box is not None else image
        hits = catalog.search(query, image=picture, sources=sources or None, **options)
        if catalog.searches.problem and click.get_current_context().find_root().params["verbose"]:
            notice(f"the search was not logged: {catalog.searches.problem}")
        if not hits and query and options["k"] and not options["offset"]:
            nearest = catalog.search(
                query, image=picture, sources=sources or None,
                **{**options, "k": 3, "min_relevance": 0, "log": False},
            )  # fmt: skip
            notice(_nothing(nearest))
            return
    emit_hits(hits, output, columns)


def _nothing(nearest: Sequence[Hit]) -> str:
    """What to say where no product is an answer."""
    if not nearest:
        return "nothing matches"
    named = ", ".join(f"{hit.title[:60]} ({hit.external_id})" for hit in nearest)
    return f"nothing matches; nearest: {named}; show them: --min-relevance 0"
