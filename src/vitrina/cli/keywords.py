"""`vitrina keywords`: look into the vocabulary, and change it."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from vitrina.cli import _curation, _review
from vitrina.cli._common import emit, open_catalog, output_options
from vitrina.providers.facets import FACETS


@click.group("keywords")
def command() -> None:
    """Look into the vocabulary, and change it; every change can be undone."""


@command.command("list")
@click.option("--facet", type=click.Choice(FACETS), help="Keywords of this facet only.")
@click.option("-k", default=100, show_default=True, metavar="N", help="How many keywords.")
@output_options
def list_(facet: str | None, k: int, output: str | None) -> None:
    """List keywords, most used first, with the aliases that mean the same.

    \b
    Example:
      vitrina keywords list --facet material
    """
    with open_catalog() as catalog:
        emit(catalog.keywords(facet=facet, k=k), output)


@command.command("resolve")
@click.argument("terms", nargs=-1, required=True)
@output_options
def resolve(terms: tuple[str, ...], output: str | None) -> None:
    """Say which keyword each term is; a term that is none becomes one. `-` reads stdin, one a line.

    \b
    Example:
      vitrina keywords resolve "free-standing" "freestanding" "bedside cabinet"
    """
    if terms == ("-",):
        terms = tuple(line.strip() for line in sys.stdin if line.strip())
    with open_catalog() as catalog:
        emit((asdict(row) for row in catalog.resolve(terms)), output)


@command.command("similar")
@click.argument("term")
@click.option("-k", default=10, show_default=True, metavar="N", help="How many keywords.")
@output_options
def similar(term: str, k: int, output: str | None) -> None:
    """Find the keywords nearest to a term.

    \b
    Example:
      vitrina keywords similar "coat rack" -k 5
    """
    with open_catalog() as catalog:
        emit(catalog.similar_keywords(term, k=k), output)


for _more in (*_curation.COMMANDS, *_review.COMMANDS):
    command.add_command(_more)
