"""`vitrina keywords audit | rebuild | judge`: the machine's proposals about the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options, progress_bar
from vitrina.cli._provider import judge_options, settings
from vitrina.cli._report import describe_judged
from vitrina.printing import counted

if TYPE_CHECKING:
    from vitrina.catalog import Catalog
    from vitrina.keywords.judge import Judged

above_option = click.option(
    "--above",
    type=click.FloatRange(0, 1),
    metavar="COSINE",
    help="Least cosine between the two keywords [0.15 below the space's threshold].",
)


AUDITED = {
    "problem": "problem",
    "keyword": "keyword",
    "term": "term",
    "products": "products",
    "reason": "reason",
}


@click.command("audit")
@click.option("-k", default=30, show_default=True, metavar="N", help="How many rows.")
@above_option
@output_options
def audit(k: int, above: float | None, output: str | None) -> None:
    """List merges that may be wrong, and keywords that may be the same.

    Under each are two commands: the first mends it, the second settles that it is right as it is.

    \b
    Example:
      vitrina keywords audit -k 10
    """
    with open_catalog() as catalog:
        rows = catalog.keywords.audit(k=k, above=above)
    if not rows and output is None:
        notice("nothing doubtful in the vocabulary")
        return
    emit(rows, output, columns=AUDITED, below=("command", "keep"))


@click.command("rebuild")
@click.option("--apply", is_flag=True, help="Make the changes; without this they are only listed.")
@output_options
def rebuild(apply: bool, output: str | None) -> None:
    """Decide all terms again that no person decided. Asks no model.

    Run it after the policy, the thesaurus or the contrasts changed. Workers wait meanwhile.

    \b
    Example:
      vitrina keywords rebuild
      vitrina keywords rebuild --apply
    """
    with open_catalog() as catalog:
        rows = catalog.keywords.rebuild(dry_run=not apply)
    if not rows:
        notice("no decision would change")
        return
    emit(rows, output)
    changed = sum(row.note is None for row in rows)
    if apply:
        notice(f"{counted(changed, 'term')} changed; to undo it: vitrina keywords undo")
    else:
        notice(f"{counted(changed, 'term')} would change: add --apply")


@click.command("judge")
@above_option
@click.option("--dry-run", is_flag=True, help="Only list the pairs, and estimate the cost.")
@judge_options
@output_options
def judge(above: float | None, dry_run: bool, output: str | None, **options: Any) -> None:
    """Ask a model which near keywords are the same; one call judges many pairs.

    Only pairs that the rules leave open are asked about. Equal keywords are merged, different ones
    are kept apart and never asked about again; the history has both.

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
        notice(f"{counted(len(pairs), 'pair')} left for later: no model is set up")
        return
    cost = catalog.keywords.estimate(pairs)
    usd = "at an unknown price" if cost is None else f"about {cost:.4f} USD"
    notice(f"{counted(len(pairs), 'pair')}, {counted(calls, 'call')}, {usd}")


COMMANDS = (audit, rebuild, judge)
