"""`vitrina import`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import notice, open_catalog, progress_bar
from vitrina.cli._report import describe_loaded, describe_reading
from vitrina.cli.ingest import parse_map
from vitrina.printing import counted

if TYPE_CHECKING:
    from vitrina.products.load_enriched import Imported

ENRICHMENT = ("keywords", "description", "caption", "embedding")


def _describe(done: Imported) -> None:
    """Print rows by outcome, the first rejects, and what the other rows brought."""
    notice(describe_loaded(done.loaded))
    into = f" into the space {done.space}" if done.space else ""
    notice(
        f"{done.enriched:,} enriched as they are, {counted(done.embedded, 'embedding')}{into},"
        f" {done.queued:,} queued for `vitrina work`"
    )
    if done.refused:
        were = ("enrichment or embedding was", "enrichments or embeddings were")
        notice(f"{counted(done.refused, *were)} refused")


def _describe_space(done: Imported, active: str | None, model: str) -> None:
    """Say whether searches use the imported vectors, and what that needs."""
    if done.space is None:
        return
    if done.space == active:
        notice(
            f"searches use {done.space}: queries by text are embedded by {model}, which needs"
            " OPENAI_API_KEY or OPENAI_BASE_URL; products without a vector there match by words"
        )
    else:
        notice(f"searches use {active} as before; to switch: vitrina spaces activate {done.space}")


@click.command("import")
@click.argument("file")
@click.option("--source", metavar="NAME", help="Name of the source [the file's name].")
@click.option(
    "--map",
    "columns",
    multiple=True,
    callback=parse_map,
    metavar="FIELD=COLUMN",
    help="Read title, external_id, image, url, keywords, description, caption or embedding from"
    " this column; repeatable.",
)
@click.option("--space", metavar="NAME", help="Text space of the embeddings; created on first use.")
@click.option(
    "--model",
    default="text-embedding-3-large",
    show_default=True,
    metavar="NAME",
    help="The model that made the embeddings.",
)
@click.option(
    "--provider", default="openai", show_default=True, metavar="NAME", help="Provider of the model."
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.6,
    show_default=True,
    metavar="COSINE",
    help="For a new space: the cosine above which two keywords are the same.",
)
@click.option("--use", is_flag=True, help="Search by these embeddings from now on.")
@click.option("--image-root", metavar="DIR", help="The folder of pictures without a URL.")
@click.option("--image", metavar="TEMPLATE", help="A picture's name or URL, like '{id}.jpg'.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Read at most N rows.")
@click.option("--rejects", metavar="FILE", help="Write unusable rows and values to this CSV file.")
@click.option("--encoding", metavar="NAME", help="Encoding of the file [decided by evidence].")
@click.option("--delimiter", metavar="CHAR", help="Delimiter of a CSV [found in its first rows].")
@click.option("--sheet", metavar="NAME", help="Of a workbook [the first with titles].")
@click.option("--text-config", metavar="NAME", help="Language of text search: english, german …")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    file: str,
    columns: dict[str, str],
    image_root: str | None,
    image: str | None,
    limit: int | None,
    rejects: str | None,
    encoding: str | None,
    delimiter: str | None,
    sheet: str | None,
    text_config: str | None,
    **options: Any,
) -> None:
    """Import products that are already tagged, captioned and embedded; `-` for stdin.

    Products with keywords and a caption come in enriched, embeddings as they are, so nothing is
    paid for twice; the other products are queued for `vitrina work`. Lists may be JSON or Python
    literals.

    \b
    Example:
      vitrina import enriched.csv
      vitrina import enriched.csv --map keywords=tags_ai --map caption=alt_text
      vitrina import enriched.jsonl --model text-embedding-3-small --use
    """
    if delimiter is not None and len(delimiter) != 1:
        raise click.UsageError("--delimiter must be one character")
    from vitrina.files import FileOptions, Mapping

    started = time.monotonic()
    mapping = Mapping(
        columns={name: column for name, column in columns.items() if name not in ENRICHMENT},
        image=image,
        image_root=Path(image_root) if image_root else None,
    )
    with open_catalog() as catalog, progress_bar("reading") as bar:
        done = catalog.import_enriched(
            file,
            options=FileOptions(
                mapping, encoding, delimiter, text_config, limit, rejects, sheet=sheet
            ),
            columns={name: column for name, column in columns.items() if name in ENRICHMENT},
            progress=lambda done: bar(done.loaded.read, None, f"{done.enriched} enriched"),
            **options,
        )
        active = catalog.status().text_space
    for said in describe_reading(done.loaded):
        notice(said)
    _describe(done)
    _describe_space(done, active, options["model"])
    notice(f"{time.monotonic() - started:.1f} s")
    if (done.loaded.rejected or done.refused) and not rejects:
        notice("add --rejects FILE to keep the unusable rows and values with their reasons")
        ctx.exit(1)
