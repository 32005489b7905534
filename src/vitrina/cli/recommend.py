"""`vitrina recommend`."""

from __future__ import annotations

from typing import Any

import click

from vitrina.cli._common import open_catalog, output_options
from vitrina.cli._filters import filter_options
from vitrina.cli._product import id_options, keys
from vitrina.cli.search import check_columns, columns_option, emit_hits


@click.command("recommend")
@click.argument("liked", nargs=-1, required=True)
@click.option(
    "--not",
    "disliked",
    multiple=True,
    metavar="ID",
    help="Rank products similar to this one lower; repeatable.",
)
@id_options
@click.option("-k", default=10, show_default=True, metavar="N", help="How many products.")
@filter_options
@columns_option
@output_options
def command(
    liked: tuple[str, ...],
    disliked: tuple[str, ...],
    of: str | None,
    numbers: bool,
    k: int,
    sources: tuple[str, ...],
    columns: list[str] | None,
    output: str | None,
    **options: Any,
) -> None:
    """Find products similar to the LIKED ones, named by the ids that a search shows.

    \b
    Example:
      vitrina recommend B0CJHKVG6P B0B9WRFDRF --where '$.price < 100'
      vitrina recommend --of styles 1163 1855 --not 2131
    """
    with open_catalog() as catalog:
        check_columns(catalog, columns)
        hits = catalog.recommend(
            keys(liked, of, numbers),
            keys(disliked, of, numbers),
            k=k,
            sources=sources or None,
            **options,
        )
    emit_hits(hits, output, columns)
