"""`vitrina recommend`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import emit, open_catalog, output_options
from vitrina.cli._filters import filter_options
from vitrina.cli.search import COLUMNS

if TYPE_CHECKING:
    from vitrina.browsing import Key


@click.command("recommend")
@click.argument("liked", nargs=-1, required=True)
@click.option("--not", "disliked", multiple=True, metavar="ID", help="Away from this one.")
@click.option("--of", metavar="NAME", help="Take the ids as external ids of this source.")
@click.option("-k", default=10, show_default=True, metavar="N", help="How many products.")
@filter_options
@output_options
def command(
    liked: tuple[str, ...],
    disliked: tuple[str, ...],
    of: str | None,
    k: int,
    sources: tuple[str, ...],
    output: str | None,
    **options: Any,
) -> None:
    """Find products like several that are LIKED, by product id, or by external id with --of.

    \b
    Example:
      vitrina recommend 17 23 --not 5
      vitrina recommend --of furniture B0CJHKVG6P B0B9WRFDRF --where '$.price < 100'
    """
    with open_catalog() as catalog:
        hits = catalog.recommend(
            [_key(given, of) for given in liked],
            [_key(given, of) for given in disliked],
            k=k,
            sources=sources or None,
            **options,
        )
    emit((asdict(hit) for hit in hits), output, columns=COLUMNS)


def _key(given: str, of: str | None) -> Key:
    if of is not None:
        return of, given
    if not given.isdecimal() or int(given) >= 2**63:
        raise click.UsageError(f"{given!r} is no product id: give --of SOURCE for external ids")
    return int(given)
