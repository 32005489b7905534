"""`vitrina keywords show | merge | split | …`: change the vocabulary by hand, and undo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options
from vitrina.cli._product import keys, of_option
from vitrina.db.facets import FACETS

if TYPE_CHECKING:
    from vitrina.keywords.entries import Change

TERM = click.argument("term")
PAST = {
    "id": "id",
    "at": "at",
    "role": "by",
    "action": "change",
    "arguments": "of",
    "terms": "terms",
    "state": "state",
}


def print_change(rows: Sequence[Change], output: str | None, *, undone: bool = False) -> None:
    """Print the effect of a change and how to undo it, or how to redo an undone one."""
    if not rows:
        notice("nothing to change")
        return
    shown = {"alias": "term", "before": "was", "after": "is", "products": "products"}
    emit(rows, output, columns=shown)
    number = rows[0].change
    way_back = "redo it" if undone else "undo it"
    notice(f"change {number}; to {way_back}: vitrina keywords undo {number}")


@click.command("show")
@TERM
@output_options
def show(term: str, output: str | None) -> None:
    """Show the keyword of a term: its aliases, how and when each was decided, its products.

    \b
    Example:
      vitrina keywords show couch
    """
    with open_catalog() as catalog:
        emit(catalog.keywords.show(term), output)


@click.command("merge")
@click.argument("terms", nargs=-1, required=True)
@click.option("--into", required=True, metavar="KEYWORD", help="The keyword to merge them into.")
@output_options
def merge(terms: tuple[str, ...], into: str, output: str | None) -> None:
    """Merge terms into one keyword; a keyword brings its aliases along.

    \b
    Example:
      vitrina keywords merge settee couch --into sofa
    """
    with open_catalog() as catalog:
        rows = catalog.keywords.merge(terms, into)
    print_change(rows, output)
    for row in rows:
        if row.before is None and not row.products:
            notice(f"no product says {row.alias!r}: it is kept for searches and for new products")


@click.command("set")
@click.argument("product", metavar="ID")
@click.argument("terms", nargs=-1, metavar="[KEYWORD]...")
@of_option
@click.option("--new", "add_new", is_flag=True, help="Unknown keywords become keywords.")
@click.option("--reset", is_flag=True, help="Take the keywords back that a person set.")
@output_options
def set_(
    product: str,
    terms: tuple[str, ...],
    of: str | None,
    add_new: bool,
    reset: bool,
    output: str | None,
) -> None:
    """Set the keywords of a product by hand; later enrichments keep them.

    \b
    Example:
      vitrina keywords set FU-107 sofa linen gray
      vitrina keywords set FU-107 --reset
    """
    if bool(terms) == reset:
        raise click.UsageError("give keywords, or --reset")
    with open_catalog() as catalog:
        found = catalog.get(keys((product,), of)[0])
        name = [(found.source, found.external_id)]
        if reset:
            rows = catalog.keywords.reset(name)
        else:
            rows = catalog.keywords.set(name, terms, add_new=add_new)
        print_change(rows, output)


@click.command("split")
@TERM
@click.option("--as", "as_keyword", metavar="NAME", help="The keyword's name, if not the term.")
@output_options
def split(term: str, as_keyword: str | None, output: str | None) -> None:
    """Split an alias off its keyword: it becomes a keyword of its own, permanently.

    Also brings a dropped term back.

    \b
    Example:
      vitrina keywords split "end table"
    """
    with open_catalog() as catalog:
        print_change(catalog.keywords.split(term, as_keyword), output)


@click.command("rename")
@TERM
@click.argument("name")
@output_options
def rename(term: str, name: str, output: str | None) -> None:
    """Rename a keyword; the old name stays an alias.

    \b
    Example:
      vitrina keywords rename couch sofa
    """
    with open_catalog() as catalog:
        print_change(catalog.keywords.rename(term, name), output)


@click.command("pin")
@TERM
@output_options
def pin(term: str, output: str | None) -> None:
    """Pin a keyword: only a person can rename it or merge it away.

    \b
    Example:
      vitrina keywords pin sofa
    """
    with open_catalog() as catalog:
        print_change(catalog.keywords.pin(term), output)


@click.command("unpin")
@TERM
@output_options
def unpin(term: str, output: str | None) -> None:
    """Unpin a keyword: it may be merged away again.

    \b
    Example:
      vitrina keywords unpin sofa
    """
    with open_catalog() as catalog:
        print_change(catalog.keywords.pin(term, pinned=False), output)


@click.command("facet")
@TERM
@click.argument("facet", type=click.Choice(FACETS))
@output_options
def facet(term: str, facet: str, output: str | None) -> None:
    """Move a keyword into a facet.

    \b
    Example:
      vitrina keywords facet walnut material
    """
    with open_catalog() as catalog:
        print_change(catalog.keywords.facet(term, facet), output)


@click.command("drop")
@TERM
@output_options
def drop(term: str, output: str | None) -> None:
    """Remove a keyword, or one alias, from all products; new products do not bring it back.

    \b
    Example:
      vitrina keywords drop "best seller"
    """
    with open_catalog() as catalog:
        print_change(catalog.keywords.drop(term), output)


@click.command("distinct")
@click.argument("a")
@click.argument("b")
@output_options
def distinct(a: str, b: str, output: str | None) -> None:
    """Mark two terms as different things: they never become one keyword.

    \b
    Example:
      vitrina keywords distinct "side table" "end table"
    """
    with open_catalog() as catalog:
        print_change(catalog.keywords.distinct(a, b), output)


@click.command("seed")
@click.argument("file")
@output_options
def seed(file: str, output: str | None) -> None:
    """Load the shop's own vocabulary: a CSV or JSON Lines file of keyword, facet and aliases.

    Separate aliases by `;` or `|`. The keywords are pinned. If a line is wrong, every problem is
    listed and nothing is changed.

    \b
    Example:
      vitrina keywords seed vocabulary.csv
    """
    with open_catalog() as catalog:
        print_change(catalog.keywords.seed(file), output)


@click.command("history")
@click.option("-k", default=20, show_default=True, metavar="N", help="How many changes.")
@output_options
def history(k: int, output: str | None) -> None:
    """List the latest changes, newest first.

    \b
    Example:
      vitrina keywords history
    """
    with open_catalog() as catalog:
        changes = catalog.keywords.history(k=k)
    if not changes and output is None:
        notice("the vocabulary was not changed by hand yet")
        return
    emit(changes, output, columns=PAST)


@click.command("undo")
@click.argument("change", type=int, required=False)
@output_options
def undo(change: int | None, output: str | None) -> None:
    """Undo a change: the latest that still holds, or the change with this number.

    Undoing an undo redoes the change.

    \b
    Example:
      vitrina keywords undo
      vitrina keywords undo 12
    """
    with open_catalog() as catalog:
        print_change(catalog.keywords.undo(change), output, undone=True)


COMMANDS = (
    show, set_, merge, split, rename, pin, unpin, facet, drop, distinct, seed, history, undo,
)  # fmt: skip
