"""`vitrina keywords audit | rebuild | judge`: what the machine proposes about the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options, progress_bar
from vitrina.cli._provider import judge_options, settings
from vitrina.cli._report import describe_judged

if TYPE_CHECKING:
    from vitrina.catalog import Catalog
    from vitrina.keywords.judge import Judged

above_option = click.option(
    "--above",
    type=click.FloatRange(0, 1),
    metavar="COSINE",
    help="How near two keywords are at least [0.15 below the space's threshold].",
)


@click.command("audit")
@click.option("-k", default=30, show_default=True, metavar="N", help="How many rows.")
@above_option
@output_options
def audit(k: int, above: float | None, output: str | None) -> None:
    """List what deserves a look: merges that may be wrong, keywords that may be one.

    \b
    Example:
      vitrina keywords audit -k 10
    """
    with open_catalog() as catalog:
        emit(catalog.keywords.audit(k=k, above=above), output)


@click.command("rebuild")
@click.option("--apply", is_flag=True, help="Do it; without this only say what it would change.")
@output_options
def rebuild(apply: bool, output: str | None) -> None:
    """Decide again, from what was said, all that nobody decided by hand. Asks no model.

    After the policy, the thesaurus or the contrasts have changed. Workers wait while it runs.

    \b
    Example:
      vitrina keywords rebuild
      vitrina keywords rebuild --apply
    """
    with open_catalog() as catalog:
        rows = catalog.keywords.rebuild(dry_run=not apply)
    if not rows:
        notice("nothing would be decided otherwise")
        return
    emit(rows, output)
    changed = sum(row["note"] is None for row in rows)
    if apply:
        notice(f"{changed:,} terms changed; to take it back: vitrina keywords undo")
    else:
        notice(f"{changed:,} terms would change: give --apply to change them")


@click.command("judge")
@above_option
@click.option("--dry-run", is_flag=True, help="Only list the pairs, and say what it would cost.")
@judge_options
@output_options
def judge(above: float | None, dry_run: bool, output: str | None, **options: Any) -> None:
    """Have a model say which keywords that are near each other are one, many pairs a call.

    Only pairs that the rules leave open. What it finds the same is merged, what it finds different
    is kept apart and never asked again; both are in the history.

    \b
    Example:
      vitrina keywords judge --dry-run
      vitrina keywords judge --max-cost 1
    """
    with open_catalog(**settings(options)) as catalog:
        if dry_run:
            _show_pairs(catalog, above, output)
            return
        last: list[Judged] = []
        with progress_bar("judging") as bar:

            def progress(done: Judged) -> None:
                last[:] = [done]
                bar(done.done, done.pairs, f"{done.cost:.4f} USD" if done.cost else "")

            try:
                last[:] = [catalog.keywords.judge(above=above, progress=progress)]
            finally:
                if last:
                    notice(describe_judged(last[0]))


def _show_pairs(catalog: Catalog, above: float | None, output: str | None) -> None:
    from vitrina.keywords.judge import AT_ONCE

    pairs = catalog.keywords.pairs(above=above)
    emit((pair.row() for pair in pairs), output)
    calls = -(-len(pairs) // AT_ONCE)
    if catalog.settings.chosen == "local":
        notice(f"{len(pairs):,} pairs; no model to ask is set up: they wait")
        return
    cost = catalog.keywords.estimate(pairs)
    usd = "at a price that is not known" if cost is None else f"about {cost:.4f} USD"
    notice(f"{len(pairs):,} pairs, {calls:,} calls, {usd}")


COMMANDS = (audit, rebuild, judge)
