"""`vitrina export`."""

from __future__ import annotations

import click
from click.core import ParameterSource

from vitrina.cli._common import emit, notice, open_catalog, source_option


@click.command("export")
@source_option
@click.option("--csv", "as_csv", is_flag=True, help="CSV instead of JSON Lines.")
@click.option(
    "--formulas",
    type=click.Choice(["defuse", "keep"]),
    default="defuse",
    show_default=True,
    help="With --csv: cells that a spreadsheet would run get an apostrophe, or are kept.",
)
@click.option("--dataset", metavar="NAME", help="Publish a Weave Dataset of this name instead.")
@click.option(
    "--what",
    type=click.Choice(["products", "vocabulary"]),
    default="products",
    show_default=True,
    help="With --dataset: its rows.",
)
@click.option(
    "--weave",
    "weave_project",
    envvar="VITRINA_WEAVE_PROJECT",
    metavar="PROJECT",
    help="With --dataset: the Weave project [VITRINA_WEAVE_PROJECT].",
)
def command(
    sources: tuple[str, ...],
    as_csv: bool,
    formulas: str,
    dataset: str | None,
    what: str,
    weave_project: str | None,
) -> None:
    """Write the catalogue to stdout as JSON Lines or CSV, one line per product.

    CSV cells that begin like a formula get an apostrophe, which ingest and import remove.
    With --dataset the rows become a Dataset of a Weave project, and its reference is printed:
    `vitrina ingest` reads it.

    \b
    Example:
      vitrina export --source furniture > furniture.jsonl
      vitrina export --dataset products --weave team/shop
      vitrina export --dataset words --what vocabulary
    """
    if dataset is None:
        given = click.get_current_context().get_parameter_source("weave_project")
        if what != "products" or given is ParameterSource.COMMANDLINE:
            raise click.UsageError("--what and --weave go with --dataset NAME")
        with open_catalog() as catalog:
            emit(
                catalog.export(sources=sources or None),
                "csv" if as_csv else "json",
                formulas=formulas,
            )
        return
    if as_csv or not weave_project:
        raise click.UsageError(
            "--csv does not go with --dataset" if as_csv else "--dataset needs --weave PROJECT"
        )
    if sources and what == "vocabulary":
        raise click.UsageError("the vocabulary is the same for all sources: leave --source out")
    with open_catalog() as catalog:
        reference = catalog.publish(
            dataset,
            project=weave_project,
            what="vocabulary" if what == "vocabulary" else "products",
            sources=sources or None,
        )
    notice(f"published to {weave_project}")
    click.echo(reference)
