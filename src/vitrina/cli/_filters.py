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
        "--filter", callback=parse_filter, metavar="JSON", help="Attributes contain this."
    ),
    click.option(
        "--where", metavar="JSONPATH", help="Attributes satisfy this, like '$.price < 50'."
    ),
    click.option(
        "--with", "with_keywords", multiple=True, metavar="KEYWORD", help="Has this keyword."
    ),
    click.option(
        "--without", "without_keywords", multiple=True, metavar="KEYWORD", help="Has it not."
    ),
)


def filter_options(command: F) -> F:
    """--filter, --where, --with, --without and --source, under the names the library has."""
    command = source_option(command)
    for option in reversed(OPTIONS):
        command = option(command)
    return command
