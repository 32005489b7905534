"""--box: search by a part of a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vitrina.errors import InputError

if TYPE_CHECKING:
    from vitrina.pictures.part import Box

F = TypeVar("F", bound=Callable[..., Any])


def box_option(command: F) -> F:
    """--box X,Y,W,H, in fractions of the picture."""
    return click.option(
        "--box",
        callback=_parsed,
        metavar="X,Y,W,H",
        help="By this part of the picture only: left, upper, width and height, in fractions of it.",
    )(command)


def _parsed(ctx: click.Context, param: click.Parameter, value: str | None) -> Box | None:
    from vitrina.pictures.part import Box

    if value is None:
        return None
    try:
        return Box.of(value)
    except InputError as error:
        raise click.BadParameter(str(error)) from None
