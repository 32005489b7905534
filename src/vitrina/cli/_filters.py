"""Options of commands that narrow the catalogue down, under the library's names."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from vitrina.cli._common import source_option

F = TypeVar("F", bound=Callable[..., Any])


def parse_filter(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> list[dict[str, Any]]:
    """--filter as JSON objects."""
    return [_object(each) for each in value]


def _object(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except ValueError as exc:
        raise click.BadParameter(f"not JSON: {exc}") from None
    if not isinstance(parsed, dict):
        raise click.BadParameter('give a JSON object, like \'{"brand": "Acme"}\'')
    return parsed


def parse_attr(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> dict[str, str]:
    """--attr NAME=VALUE, repeatable."""
    given: dict[str, str] = {}
    for item in value:
        name, equals, wanted = item.partition("=")
        if not (name.strip() and equals):
            raise click.BadParameter(f"{item!r} is not NAME=VALUE, like gender=Women")
        if given.get(name.strip(), wanted) != wanted:
            raise click.BadParameter(f"{name.strip()} cannot have two values: give one")
        given[name.strip()] = wanted
    return given


def parse_any(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> dict[str, list[str]]:
    """--any FACET=KEYWORD,…, repeatable; of a facet that is named twice, the keywords add up."""
    given: dict[str, list[str]] = {}
    for item in value:
        facet, _, names = item.partition("=")
        wanted = [name.strip() for name in names.split(",") if name.strip()]
        if not (facet.strip() and wanted):
            raise click.BadParameter(f"{item!r} is not FACET=KEYWORD,…, like color=black,white")
        given.setdefault(facet.strip(), []).extend(wanted)
    return given


OPTIONS = (
    click.option(
        "--attr",
        multiple=True,
        callback=parse_attr,
        metavar="NAME=VALUE",
        help="Only products whose attribute has this value; repeatable.",
    ),
    click.option("--price-min", type=float, metavar="PRICE", help="Only products from this price."),
    click.option(
        "--price-max", type=float, metavar="PRICE", help="Only products up to this price."
    ),
    click.option(
        "--filter",
        multiple=True,
        callback=parse_filter,
        metavar="JSON",
        help="Only products whose attributes contain this object; repeatable.",
    ),
    click.option(
        "--where",
        multiple=True,
        metavar="JSONPATH",
        help="Only products whose attributes meet this, like '$.price < 50'; repeatable.",
    ),
    click.option(
        "--with",
        "with_keywords",
        multiple=True,
        metavar="KEYWORD",
        help="Only products with this keyword; repeatable.",
    ),
    click.option(
        "--any",
        "any_keywords",
        multiple=True,
        callback=parse_any,
        metavar="FACET=KEYWORD,…",
        help="Only products with any of these keywords of a facet, like color=black,white;"
        " repeatable.",
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
    """The options of OPTIONS, and --source."""
    command = source_option(command)
    for option in reversed(OPTIONS):
        command = option(command)
    return command
