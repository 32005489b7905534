"""`vitrina rules`: pin, hide and boost products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options
from vitrina.cli._product import keys, of_option
from vitrina.printing import counted

if TYPE_CHECKING:
    from vitrina.search.product import Key
    from vitrina.search.rules import PutRule, Rule

IDS = click.argument("ids", nargs=-1, required=True, type=int, metavar="RULE...")


@click.group("rules")
def command() -> None:
    """Pin, hide and boost products, for a query or for all searches."""


def parse_boosts(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> list[tuple[str, float]]:
    """--boost NAME=WEIGHT, repeatable."""
    given = []
    for item in value:
        name, _, weight = item.rpartition("=")
        try:
            given.append((name.strip(), float(weight)))
        except ValueError:
            raise click.BadParameter(f"{item!r} is not NAME=WEIGHT, like in_stock=1.2") from None
        if not name.strip():
            raise click.BadParameter(f"{item!r} names no product or attribute, like in_stock=1.2")
    return given


@command.command("add")
@click.argument("query", required=False)
@click.option("--all", "everywhere", is_flag=True, help="For all searches, in place of a query.")
@click.option(
    "--pin", multiple=True, metavar="ID", help="A product that comes first; repeatable, in order."
)
@click.option(
    "--hide",
    multiple=True,
    metavar="NAME",
    help="What is not shown: a product, an attribute like discontinued, or a value like"
    " brand:Acme; repeatable.",
)
@click.option(
    "--boost",
    "boosts",
    multiple=True,
    callback=parse_boosts,
    metavar="NAME=WEIGHT",
    help="Multiply the score of a product, or of those with an attribute or a value; repeatable.",
)
@of_option
@click.option("--from", "valid_from", metavar="DATE", help="When the rules begin to hold [now].")
@click.option("--to", "valid_to", metavar="DATE", help="When the rules end [never].")
def add(
    query: str | None,
    everywhere: bool,
    pin: tuple[str, ...],
    hide: tuple[str, ...],
    boosts: Sequence[tuple[str, float]],
    of: str | None,
    **dates: Any,
) -> None:
    """Pin, hide or boost for a QUERY and all that mean the same, or for all searches.

    Pinned products come first, as long as the filters of a search leave them. A rule that was
    there already is changed.

    \b
    Example:
      vitrina rules add "sofa" --pin FU-107 --hide FU-3 --boost in_stock=1.2
      vitrina rules add --all --boost brand:Linden=1.5 --from 2026-12-01 --to 2027-01-01
    """
    if everywhere == (query is not None):
        raise click.UsageError("give a query, or --all for all searches")
    if not (pin or hide or boosts):
        raise click.UsageError("give --pin, --hide or --boost")

    def target(name: str) -> Key:
        return name if of is None else (of, name)

    with open_catalog() as catalog:
        done = catalog.rules.add(
            query,
            pin=keys(pin, of),
            hide=[target(name) for name in hide],
            boost={target(name): weight for name, weight in boosts},
            **dates,
        )
    tell(done)


def tell(done: Sequence[PutRule], removed: int = 0) -> None:
    """Say what became of rules, and how to take them back."""
    for state in ("added", "changed", "unchanged"):
        ids = [str(rule.id) for rule in done if rule.state == state]
        if ids:
            shown = ", ".join(ids[:20]) + (" …" if len(ids) > 20 else "")
            notice(f"{state}: {counted(len(ids), 'rule')} ({shown})")
    remarks = [f"rule {rule.id}: {rule.remark}" for rule in done if rule.remark]
    for remark in remarks[:20]:
        notice(remark)
    if len(remarks) > 20:
        notice(f"so it is with {counted(len(remarks) - 20, 'more rule')}")
    if removed:
        notice(f"removed: {counted(removed, 'rule')}; to see them: vitrina rules list --removed")
    added = [str(rule.id) for rule in done if rule.state == "added"]
    if 0 < len(added) <= 20:
        notice(f"to undo: vitrina rules remove {' '.join(added)}")


@command.command("list")
@click.argument("query", required=False)
@click.option("--removed", is_flag=True, help="The removed rules instead, the latest first.")
@output_options
def list_(query: str | None, removed: bool, output: str | None) -> None:
    """List rules: all of them, or those that hold now for a search of QUERY.

    \b
    Example:
      vitrina rules list
      vitrina rules list "grey couch"
    """
    with open_catalog() as catalog:
        rules = catalog.rules.list(query, removed=removed)
    if output is not None:
        emit((asdict(rule) for rule in rules), output)
    elif rules:
        emit([_shown(rule) for rule in rules], None)
    else:
        notice("no rules")


def _shown(rule: Rule) -> dict[str, object]:
    """A rule as a person reads it."""
    amount = {"boost": f" × {rule.weight:g}" if rule.weight is not None else "", "hide": ""}
    about = f"{rule.title} ({rule.external_id})" if rule.external_id else rule.attribute
    if rule.value is not None:
        about = f"{about}: {rule.value}"
    times = [
        f"{word} {time:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
        for word, time in (("from", rule.valid_from), ("to", rule.valid_to))
        if time is not None
    ]
    return {
        "rule": rule.id,
        "query": rule.query if rule.query is not None else "(all)",
        "does": rule.action + amount.get(rule.action, f" {rule.position}"),
        "about": about,
        "state": " ".join([rule.state, *times]),
    }


@command.command("remove")
@IDS
def remove(ids: tuple[int, ...]) -> None:
    """Remove rules, by the numbers that `rules list` shows; they can be restored.

    \b
    Example:
      vitrina rules remove 4 7
    """
    with open_catalog() as catalog:
        count = catalog.rules.remove(ids)
    notice(f"removed {counted(count, 'rule')}; to undo: vitrina rules restore {_said(ids)}")


@command.command("restore")
@IDS
def restore(ids: tuple[int, ...]) -> None:
    """Restore removed rules, by the numbers that `rules list --removed` shows.

    \b
    Example:
      vitrina rules restore 4
    """
    with open_catalog() as catalog:
        count = catalog.rules.restore(ids)
    notice(f"restored {counted(count, 'rule')}; to undo: vitrina rules remove {_said(ids)}")


def _said(ids: Sequence[int]) -> str:
    return " ".join(str(each) for each in ids)


@command.command("import")
@click.argument("file")
@click.option("--prune", is_flag=True, help="The file has all rules: remove those that it lacks.")
def import_(file: str, prune: bool) -> None:
    """Add or change the rules of a CSV or JSON FILE, as `rules export` writes it.

    Its columns are query (empty: all searches), action (pin, hide, boost), source and external_id,
    or attribute and value, weight, position, valid_from, valid_to. `-` reads stdin.

    \b
    Example:
      vitrina rules import rules.csv
    """
    with open_catalog() as catalog:
        before = {rule.id for rule in catalog.rules.list()}
        done = catalog.rules.load(file, prune=prune)
    tell(done, len(before - {rule.id for rule in done}) if prune else 0)


@command.command("export")
@output_options
def export(output: str | None) -> None:
    """Write all rules to stdout, as `rules import` reads them: CSV, or JSON Lines with --json.

    \b
    Example:
      vitrina rules export > rules.csv
    """
    from vitrina.search.rules import FIELDS

    with open_catalog() as catalog:
        rules = catalog.rules.list()
    rows = ({name: getattr(rule, name) for name in FIELDS} for rule in rules)
    emit(rows, output or "csv")
