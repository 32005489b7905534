"""`vitrina eval`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options, progress_bar
from vitrina.cli.search import in_space_option
from vitrina.printing import counted

if TYPE_CHECKING:
    from vitrina.evaluation.api import Evaluated, Mode


DOUBTED = {"query": "query", "source": "source", "external_id": "id", "reason": "reason"}
KEPT = ("query", "source", "external_id", "grade")


@click.command("eval")
@click.argument("file", required=False)
@click.option("--keep", is_flag=True, help="Also store the judgements of FILE in the database.")
@click.option("--show", is_flag=True, help="Print the stored judgements, as FILE has them.")
@click.option(
    "--doubts", is_flag=True, help="Print the products of which nobody could tell, and why."
)
@click.option(
    "--mode",
    "modes",
    type=click.Choice(["hybrid", "vector", "text"]),
    multiple=True,
    help="This mode of search only; repeatable.",
)
@click.option(
    "-k",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    metavar="N",
    help="The k of recall@k.",
)
@in_space_option
@click.option("--worst", type=click.IntRange(1), metavar="N", help="Also show the N worst queries.")
@click.option(
    "--weave",
    metavar="PROJECT",
    envvar="VITRINA_WEAVE_PROJECT",
    help="Also log a Weave Evaluation for each mode.",
)
@output_options
def command(
    file: str | None,
    keep: bool,
    show: bool,
    doubts: bool,
    modes: tuple[Mode, ...],
    k: int,
    in_spaces: tuple[str, ...],
    worst: int | None,
    weave: str | None,
    output: str | None,
) -> None:
    """Measure searches against judgements: nDCG@10, MRR and recall@k in each mode.

    FILE has the columns query, external_id and grade (0 not relevant, more is better), and source
    where external ids repeat; `-` is stdin. Without FILE the judgements count that the database
    has: kept from a file, or graded in `vitrina serve --edit`. Products without a judgement count
    as 0.

    \b
    Example:
      vitrina eval judgements.csv
      vitrina eval judgements.csv --mode hybrid --worst 10 --json
      vitrina eval --in-space large
      vitrina eval --show --csv
    """
    if keep and file is None:
        raise click.UsageError("--keep needs a FILE of judgements")
    if keep and file == "-":
        raise click.UsageError("--keep reads its FILE twice: standard input will not do")
    if show:
        with open_catalog() as catalog:
            kept = [asdict(one) for one in catalog.judgements.list()]
        emit(({name: row[name] for name in KEPT} for row in kept), output)
        return
    if doubts:
        with open_catalog() as catalog:
            emit(catalog.judgements.doubts(), output, columns=DOUBTED)
        return
    with open_catalog() as catalog, progress_bar("searching") as bar:
        if keep and file is not None:
            notice(f"{counted(catalog.judgements.load(file), 'judgement')} kept")
        done = catalog.evaluate(
            file,
            k=k,
            in_spaces=list(in_spaces) or None,
            progress=lambda seen, of: bar(seen, of, ""),
            **({"modes": modes} if modes else {}),
        )
        status = catalog.status()
    _describe(done)
    _print(done, worst, output)
    if weave:
        from vitrina import __version__
        from vitrina.evaluation import weave as evaluation_log

        model = {"vitrina": __version__, "text_space": status.text_space}
        count = evaluation_log.publish(weave, done, model=model)
        notice(f"{counted(count, 'evaluation')} logged to {weave}")


def _describe(done: Evaluated) -> None:
    """Report which part of the file was used."""
    queries = len(done.evaluations[0].scores)
    notice(f"{counted(done.judgements, 'judgement')}, {counted(queries, 'query', 'queries')}")
    if done.unknown:
        more = ", …" if len(done.unknown) > 5 else ""
        notice(
            f"{counted(len(done.unknown), 'product is', 'products are')} not in this catalogue"
            f" and {'was' if len(done.unknown) == 1 else 'were'} left out:"
            f" {', '.join(done.unknown[:5])}{more}"
        )
    if done.skipped:
        more = ", …" if len(done.skipped) > 5 else ""
        notice(
            f"{counted(len(done.skipped), 'query has', 'queries have')} no relevant product in it:"
            f" {', '.join(done.skipped[:5])}{more}"
        )


def _print(done: Evaluated, worst: int | None, output: str | None) -> None:
    from vitrina.evaluation.api import rows

    if output != "json":
        emit(rows(done), output)
        for one in done.evaluations if worst else ():
            scores = ({"mode": one.mode, **asdict(score)} for score in one.worst(worst or 0))
            emit(scores, output)
        return
    for row, one in zip(rows(done), done.evaluations, strict=True):
        said = {"worst": [asdict(score) for score in one.worst(worst)]} if worst else {}
        emit([{**row, **said}], output)
