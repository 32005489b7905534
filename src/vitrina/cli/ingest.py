"""`vitrina ingest`."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import WAIT_SECONDS, notice, open_catalog, progress_bar, wait_option
from vitrina.cli._provider import provider_options, settings
from vitrina.cli._report import describe_loaded, describe_reading, show_estimate
from vitrina.cli._signals import stoppable, telling_left
from vitrina.cli.batch import batch_options, submit
from vitrina.cli.work import check_judge, judge_option, work
from vitrina.errors import VitrinaError
from vitrina.printing import counted

if TYPE_CHECKING:
    from vitrina.catalog import Catalog
    from vitrina.products.load import Loaded


def parse_map(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """--map FIELD=COLUMN, given any number of times."""
    pairs = {}
    for item in value:
        name, equals, column = item.partition("=")
        if not (name and equals and column):
            raise click.BadParameter(f"{item!r} is not FIELD=COLUMN, like title=product_name")
        pairs[name] = column
    return pairs


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_every(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """--every 6h, in seconds."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,6})([smhd])", value.strip().lower())
    if found is None or not int(found[1]):
        raise click.BadParameter(f"{value!r} is not a time like 90s, 30m, 6h or 1d")
    return int(found[1]) * _UNITS[found[2]]


@click.command("ingest")
@click.argument("file", required=False)
@click.option("--source", metavar="NAME", help="Name of the source [the file's name or the host].")
@click.option(
    "--every",
    callback=parse_every,
    metavar="TIME",
    help="Do it again after this time (30m, 6h, 1d), until stopped.",
)
@click.option("--prune", is_flag=True, help="Remove products that the file no longer has.")
@click.option("--yes", is_flag=True, help="Let --prune remove more than 30 % of the products.")
@click.option(
    "--map",
    "columns",
    multiple=True,
    callback=parse_map,
    metavar="FIELD=COLUMN",
    help="Read title, external_id, image, price … from this column; repeatable.",
)
@click.option("--image-root", metavar="DIR", help="The folder of pictures without a URL.")
@click.option("--image", metavar="TEMPLATE", help="A picture's name or URL, like '{id}.jpg'.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Read at most N rows.")
@click.option("--rejects", metavar="FILE", help="Write unusable rows to this CSV file.")
@click.option("--format", metavar="NAME", help="Format of the file; `vitrina formats` lists them.")
@click.option("--file-language", metavar="TAG", help="Preferred language of texts in several.")
@click.option("--names", metavar="FILE", help="Your own column names: field,language,names.")
@click.option("--encoding", metavar="NAME", help="Of the file; default: found in its content.")
@click.option("--delimiter", metavar="CHAR", help="Of a CSV; default: found in its first rows.")
@click.option("--sheet", metavar="NAME", help="Of a workbook [the first with titles].")
@click.option("--remap", is_flag=True, help="Read the columns anew; products keep their rows.")
@click.option("--text-config", metavar="NAME", help="Text search in: english, german …")
@click.option("--no-enrich", is_flag=True, help="Only queue the products for `vitrina work`.")
@click.option("--retry-images", is_flag=True, help="Try unavailable pictures again.")
@click.option("--dry-run", is_flag=True, help="Only estimate calls and cost.")
@wait_option
@judge_option
@batch_options
@provider_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    file: str | None,
    source: str | None,
    every: int | None,
    retry_images: bool,
    no_enrich: bool,
    dry_run: bool,
    wait: float | None,
    judge: bool,
    batch: bool,
    batch_tokens: int | None,
    yes: bool,
    **options: Any,
) -> None:
    """Bring in the products of a shop's export, `-` for stdin, and enrich them.

    The file may be CSV, JSON, XML or a sheet, packed or not; its format and its columns are
    recognised, and said. Products are matched by source and external id: new ones come in, changed
    ones are updated, and only what changed is tagged, captioned and embedded again. Other columns
    become attributes. A feed comes in by its address, if it has changed since the last time; a
    Weave Dataset by its reference. With --batch products are tagged and captioned within a day, at
    half the price: see `vitrina batch`.

    \b
    Example:
      vitrina ingest products.csv
      vitrina ingest styles.csv --image-root photos --image '{id}.jpg' --map title=name
      vitrina ingest https://shop.example/feed.xml --every 6h --prune
      vitrina ingest --retry-images --source products
      vitrina ingest weave:///team/shop/object/products:latest
    """
    if file is None and not retry_images:
        raise click.UsageError("name a file, or give --retry-images")
    if batch and no_enrich:
        raise click.UsageError("--no-enrich only queues the products: leave it or --batch out")
    if batch and options["pictures"] > 1:
        raise click.UsageError("a batch shows the first picture only: leave --pictures out")
    check_judge(judge, batch=batch, no_enrich=no_enrich)
    if options["delimiter"] is not None and len(options["delimiter"]) != 1:
        raise click.UsageError("--delimiter is one character")
    if yes and not options["prune"]:
        raise click.UsageError("--yes belongs to --prune: give both")
    if yes:
        options["prune_most"] = 1.0
    if every is not None and (file in (None, "-") or dry_run or retry_images):
        raise click.UsageError("--every reads a feed or file again and again: name one")
    seconds = WAIT_SECONDS if wait is None else wait

    def run(stop: threading.Event | None = None) -> Loaded | None:
        """One ingest, with a catalog of its own."""
        chosen = dict(options)
        loaded, name, started = None, source, time.monotonic()
        with open_catalog(wait=seconds, **settings(chosen)) as catalog, telling_left(catalog):
            if file is not None:
                from vitrina.products.api import source_name

                name = source_name(file, source)
                loaded = _load(catalog, file, name, dry_run, chosen)
            if dry_run:
                show_estimate(catalog, loaded.queued if loaded else 0, batch=batch)
                return None
            if retry_images:
                count = catalog.jobs.retry_images(sources=[name] if name else None)
                notice(f"{counted(count, 'product')} queued to retry pictures")
            if loaded is not None and loaded.nothing and not retry_images:
                return loaded
            if batch:
                submit(catalog, sources=[name] if name else None, tokens=batch_tokens)
            elif not no_enrich:
                work(catalog, sources=[name] if name else None, judge=judge, stop=stop)
        notice(f"{time.monotonic() - started:.1f} s")
        return loaded

    if every is not None:
        _repeat(run, every)
        return
    loaded = run()
    if loaded is not None and loaded.rejected and not options["rejects"]:
        notice("give --rejects FILE to keep the rejected rows with their reasons")
        ctx.exit(1)


def _repeat(run: Callable[[threading.Event], object], every: int) -> None:
    """Run again and again until a signal; what fails is said, and tried again the next time."""
    with stoppable() as stop:
        while not stop.is_set():
            begun = time.monotonic()
            try:
                run(stop)
            except VitrinaError as exc:
                notice(f"Error: {exc}")
            if stop.is_set():
                return
            left = max(0.0, begun + every - time.monotonic())
            then = datetime.now().astimezone() + timedelta(seconds=left)
            notice(f"again at {then:%Y-%m-%d %H:%M:%S}; Ctrl-C stops")
            stop.wait(left)


def _load(
    catalog: Catalog, file: str, name: str | None, dry_run: bool, options: dict[str, Any]
) -> Loaded:
    from vitrina.files import FileOptions, Mapping

    root = options.pop("image_root")
    mapping = Mapping(
        columns=options.pop("columns"),
        image=options.pop("image"),
        image_root=Path(root) if root else None,
        names=Path(names) if (names := options.pop("names")) else None,
    )
    read = FileOptions(mapping, language=options.pop("file_language"), **options)
    with progress_bar("reading") as bar:
        loaded = catalog.sources.load(
            file,
            source=name,
            options=read,
            dry_run=dry_run,
            progress=lambda done: bar(done.read, None, f"{done.rejected} rejected"),
        )
    for said in describe_reading(loaded):
        notice(said)
    if not loaded.skipped:
        notice(describe_loaded(loaded))
    return loaded
