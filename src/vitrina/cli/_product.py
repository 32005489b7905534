"""Options that name products."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from vitrina.search.product import Key

F = TypeVar("F", bound=Callable[..., Any])
NAMELESS = "(no id)"  # in place of the id of rows that have none


def of_option(command: F) -> F:
    """--of: the source of the ids."""
    return click.option(
        "--of", metavar="NAME", help="The source of the ids, if several sources have them."
    )(command)


def id_options(command: F) -> F:
    """--of and --product-id: how to read ids."""
    command = click.option(
        "--product-id",
        "numbers",
        is_flag=True,
        help="The ids are product ids, numbers of the database, as --json shows them.",
    )(command)
    return of_option(command)


def keys(ids: tuple[str, ...], of: str | None, numbers: bool = False) -> list[Key]:
    """The products that these ids name."""
    if numbers and of is not None:
        raise click.UsageError("a product id needs no --of: it is unique in the database")
    if not numbers:
        return [given if of is None else (of, given) for given in ids]
    for given in ids:
        if not given.isdecimal():
            raise click.UsageError(f"{given!r} is no product id: a product id is a number")
    return [int(given) for given in ids]
