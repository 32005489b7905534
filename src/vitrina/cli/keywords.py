"""`vitrina keywords`: show and change the vocabulary."""

from __future__ import annotations

import sys

import click

from vitrina.cli import _curation, _review, _suggested
from vitrina.cli._common import emit, open_catalog, output_options
from vitrina.db.facets import FACETS


@click.group("keywords")
def command() -> None:
    """Show and change the vocabulary; every change can be undone.

    \b
    Example:
      vitrina keywords list --facet material
      vitrina keywords merge settee --into sofa
      vitrina keywords undo
    """


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
        emit(catalog.keywords.list(facet=facet, k=k), output)


@command.command("resolve")
@click.argument("terms", nargs=-1, required=True)
@click.option("--learn", is_flag=True, help="Make keywords of the unknown terms.")
@output_options
def resolve(terms: tuple[str, ...], learn: bool, output: str | None) -> None:
    """Show the keyword of each term; the method "new" means that it would become one.

    `-` reads terms from stdin.

    \b
    Example:
      vitrina keywords resolve "free-standing" "freestanding" "bedside cabinet"
    """
    if terms == ("-",):
        terms = tuple(line.strip() for line in sys.stdin if line.strip())
    with open_catalog() as catalog:
        emit(catalog.keywords.resolve(terms, learn=learn), output)


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
        emit(catalog.keywords.similar(term, k=k), output)


@command.command("explain")
@click.argument("term")
@click.option("--facet", type=click.Choice(FACETS), help="The facet of the term.")
@output_options
def explain(term: str, facet: str | None, output: str | None) -> None:
    """Explain which keyword a term would be: the decision, then the nearest keywords.

    \b
    Example:
      vitrina keywords explain "white coat rack"
    """
    with open_catalog() as catalog:
        emit(catalog.keywords.explain(term, facet=facet), output)


@command.command("policy")
@click.argument("mode", type=click.Choice(("strict", "plain")), required=False)
@click.option(
    "--narrower/--no-narrower", default=None, help='Whether "office chair" may join "chair".'
)
@click.option(
    "--language",
    type=click.Choice(("source", "english", "german", "french", "spanish")),
    help="Of the names of new keywords; source: that of all sources, else English.",
)
@output_options
def policy(
    mode: str | None, narrower: bool | None, language: str | None, output: str | None
) -> None:
    """Show how keywords are decided, or change it for new terms.

    \b
    Example:
      vitrina keywords policy strict --no-narrower
    """
    chosen = "" if language == "source" else language
    with open_catalog() as catalog:
        emit([catalog.keywords.policy(mode, merge_narrower=narrower, language=chosen)], output)


for _more in (*_curation.COMMANDS, *_review.COMMANDS, *_suggested.COMMANDS):
    command.add_command(_more)
