"""Options of commands that narrow the catalogue down, as `vitrina search` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from vitrina.cli._common import source_option
from vitrina.cli.search import parse_filter

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = (
    click.option(
        "--filter",
        callback=parse_filter,
        metavar="JSON",
        help="The product's attributes contain this.",
    ),
    click.option(
        "--where", metavar="JSONPATH", help="The attributes satisfy this, like '$.price < 50'."
    ),
    click.option(
        "--with",
        "with_keywords",
        multiple=True,
        metavar="KEYWORD",
        help="Only products with this keyword; repeatable.",
    ),
    click.option(
        "--without",
        "without_keywords",
        multiple=True,
        metavar="KEYWORD",
        help="Only products without this keyword; repeatable.",
    ),
)


def filter_options(command: F) -> F:
    """--filter, --where, --with, --without and --source, under the library's names."""
    command = source_option(command)
    for option in reversed(OPTIONS):
        command = option(command)
    return command
