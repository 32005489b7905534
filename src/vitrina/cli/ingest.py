"""`vitrina ingest`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import notice, open_catalog, progress_bar

if TYPE_CHECKING:
    from vitrina.ingest import Loaded
    from vitrina.pipeline import Totals


def parse_map(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """--map FIELD=COLUMN, given any number of times."""
    pairs = {}
    for item in value:
        name, equals, column = item.partition("=")
        if not (name and equals and column):
            raise click.BadParameter(f"{item!r} is not FIELD=COLUMN, like title=product_name")
        pairs[name] = column
    return pairs


def describe_loaded(loaded: Loaded) -> str:
    """Rows by outcome, in one line."""
    return (
        f"{loaded.read:,} rows: {loaded.inserted:,} new, {loaded.updated:,} changed,"
        f" {loaded.unchanged:,} unchanged, {loaded.rejected:,} rejected"
        + (f", {loaded.repeated:,} repeated an earlier row" if loaded.repeated else "")
    )


def describe_totals(totals: Totals) -> str:
    """Work done, in one line, and the commonest reasons for a missing picture."""
    lines = [
        f"{totals.products:,} products enriched: {totals.generations:,} generations"
        f" ({totals.reused:,} reused), {totals.embeddings:,} embeddings"
        + (f", {totals.failed:,} failed" if totals.failed else "")
    ]
    missing = sum(totals.reasons.values())
    if missing:
        lines.append(
            f"{missing:,} pictures could not be had; `vitrina ingest --retry-images` tries again:"
        )
        lines += [f"  {count:,} × {reason}" for reason, count in _grouped(totals).items()]
    return "\n".join(lines)


def _grouped(totals: Totals) -> dict[str, int]:
    """Reasons without the picture's own name, the three commonest first."""
    from vitrina.pipeline import NOT_AGAIN

    counts: dict[str, int] = {}
    for reason, count in totals.reasons.items():
        key = reason.removesuffix(NOT_AGAIN).rpartition(": ")[2]
        counts[key] = counts.get(key, 0) + count
    return dict(sorted(counts.items(), key=lambda item: -item[1])[:3])


@click.command("ingest")
@click.argument("file", required=False)
@click.option("--source", metavar="NAME", help="Name of the source; the file's name without it.")
@click.option(
    "--map",
    "columns",
    multiple=True,
    callback=parse_map,
    metavar="FIELD=COLUMN",
    help="Read title, external_id, image or url from this column; may be given again.",
)
@click.option("--image-root", metavar="DIR", help="The folder of pictures that are no URLs.")
@click.option("--image", metavar="TEMPLATE", help="A picture's name or URL, like '{id}.jpg'.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many rows.")
@click.option("--rejects", metavar="FILE", help="Write rows that cannot be used here, as CSV.")
@click.option("--encoding", default="utf-8", show_default=True, help="Of the file.")
@click.option("--delimiter", metavar="CHAR", help="Of a CSV; found in its header without it.")
@click.option(
    "--text-config", metavar="NAME", help="Text search in this language: english, german …"
)
@click.option("--no-enrich", is_flag=True, help="Only queue the products, for `vitrina work`.")
@click.option("--retry-images", is_flag=True, help="Try again for pictures that could not be had.")
@click.option("--concurrency", default=8, show_default=True, metavar="N", help="Products at once.")
@click.option(
    "--allow-private-images", is_flag=True, help="Fetch pictures from private addresses too."
)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    file: str | None,
    source: str | None,
    retry_images: bool,
    no_enrich: bool,
    concurrency: int,
    allow_private_images: bool,
    **options: Any,
) -> None:
    """Bring in the products of a CSV or JSON Lines file, `-` for stdin, and enrich them.

    Products are matched by source and external id: new ones come in, changed ones are updated,
    and only what changed is tagged, captioned and embedded again. Columns that are not the title,
    id, picture or url become attributes.

    \b
    Example:
      vitrina ingest products.csv
      vitrina ingest styles.csv --image-root photos --image '{id}.jpg' --map title=name
      vitrina ingest --retry-images --source products
    """
    if file is None and not retry_images:
        raise click.UsageError("name a file, or give --retry-images")
    delimiter = options["delimiter"]
    if delimiter is not None and len(delimiter) != 1:
        raise click.UsageError("--delimiter is one character")
    started = time.monotonic()
    with open_catalog(
        concurrency=concurrency, allow_private_images=allow_private_images
    ) as catalog:
        loaded = None
        if file is not None:
            loaded = _load(catalog, file, source, options)
        names = [source or ("stdin" if file == "-" else Path(file).stem)] if file else None
        names = names or ([source] if source else None)
        if retry_images:
            notice(f"{catalog.retry_images(sources=names):,} products queued to retry pictures")
        if not no_enrich:
            queued = catalog.status()["queued"]
            with progress_bar("enriching") as bar:
                totals = catalog.work(
                    sources=names,
                    progress=lambda t: bar(
                        t.products + t.failed, queued, f"{t.without_picture} without picture"
                    ),
                )
            notice(describe_totals(totals))
    notice(f"{time.monotonic() - started:.1f} s")
    if loaded is not None and loaded.rejected and not options["rejects"]:
        notice("give --rejects FILE to keep the rejected rows with their reasons")
        ctx.exit(1)


def _load(catalog: Any, file: str, source: str | None, options: dict[str, Any]) -> Loaded:
    from vitrina.sources import Mapping

    root = options.pop("image_root")
    mapping = Mapping(
        columns=options.pop("columns"),
        image=options.pop("image"),
        image_root=Path(root) if root else None,
    )
    with progress_bar("reading") as bar:
        result = catalog.ingest(
            file,
            source=source,
            mapping=mapping,
            enrich=False,
            on_load=lambda done: bar(done.read, None, f"{done.rejected} rejected"),
            **options,
        )
    loaded: Loaded = result.loaded
    notice(describe_loaded(loaded))
    for reject in loaded.rejects:
        notice(f"  line {reject.line}: {reject.reason}")
    if loaded.rejected > len(loaded.rejects):
        notice(f"  and {loaded.rejected - len(loaded.rejects):,} more")
    return loaded
