"""`vitrina ingest`."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import WAIT_SECONDS, notice, open_catalog, progress_bar, wait_option
from vitrina.cli._provider import provider_options, settings
from vitrina.cli._report import describe_loaded, describe_reading, show_estimate
from vitrina.cli._signals import stoppable
from vitrina.cli.batch import batch_options, submit
from vitrina.cli.work import check_judge, judge_option, work
from vitrina.errors import VitrinaError

if TYPE_CHECKING:
    import threading

    from vitrina.catalog import Catalog
    from vitrina.files import FileOptions
    from vitrina.products.load import Loaded


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_every(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """--every 6h, in seconds."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)([smhd])", value.strip().lower())
    if found is None or not (seconds := float(found[1]) * _SECONDS[found[2]]):
        raise click.BadParameter(f"{value!r} is not a time, like 30m, 6h or 1d")
    return seconds


def parse_map(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """--map FIELD=COLUMN, given any number of times."""
    pairs = {}
    for item in value:
        name, equals, column = item.partition("=")
        if not (name and equals and column):
            raise click.BadParameter(f"{item!r} is not FIELD=COLUMN, like title=product_name")
        pairs[name] = column
    return pairs


@click.command("ingest")
@click.argument("file", required=False)
@click.option("--source", metavar="NAME", help="Name of the source; the file's name without it.")
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
@click.option("--remap", is_flag=True, help="Recognise the columns again; drop the stored reading.")
@click.option("--prune", is_flag=True, help="Remove the products that the file lacks.")
@click.option("--yes", is_flag=True, help="Let --prune remove over 30 % of them.")
@click.option(
    "--every",
    callback=parse_every,
    metavar="TIME",
    help="Again after 30m, 6h, 1d …, until stopped.",
)
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
    prune: bool,
    yes: bool,
    every: float | None,
    retry_images: bool,
    no_enrich: bool,
    dry_run: bool,
    wait: float | None,
    judge: bool,
    batch: bool,
    batch_tokens: int | None,
    **options: Any,
) -> None:
    """Bring in the products of a shop's export, `-` for stdin, and enrich them.

    The file may be CSV, JSON, XML or a sheet, packed or not; its format and its columns are
    recognised, and said. Products are matched by source and external id: new ones come in, changed
    ones are updated, and only what changed is tagged, captioned and embedded again. Other columns
    become attributes. An address is fetched, if it has changed since the last time; a Weave
    Dataset comes in by its reference.
    With --batch they are tagged and captioned within a day, at half the price: see `vitrina batch`.

    \b
    Example:
      vitrina ingest products.csv
      vitrina ingest styles.csv --image-root photos --image '{id}.jpg' --map title=name
      vitrina ingest https://shop.example/feed.xml --prune --every 6h
      vitrina ingest --retry-images --source products
      vitrina ingest weave:///team/shop/object/products:latest
    """
    _check(
        file,
        retry_images=retry_images,
        no_enrich=no_enrich,
        batch=batch,
        prune=prune,
        every=every,
        dry_run=dry_run,
        options=options,
    )
    check_judge(judge, batch=batch, no_enrich=no_enrich)
    seconds = WAIT_SECONDS if wait is None else wait
    with open_catalog(wait=seconds, **settings(options)) as catalog:
        run = _Run(
            catalog,
            file,
            _read_as(options),
            source,
            dry_run=dry_run,
            prune=prune,
            yes=yes,
            retry_images=retry_images,
            no_enrich=no_enrich,
            judge=judge,
            batch=batch,
            batch_tokens=batch_tokens,
        )
        if every is not None:
            _repeat(run, every)
        elif not run.once():
            notice("give --rejects FILE to keep the rejected rows with their reasons")
            ctx.exit(1)


def _check(
    file: str | None,
    *,
    retry_images: bool,
    no_enrich: bool,
    batch: bool,
    prune: bool,
    every: float | None,
    dry_run: bool,
    options: dict[str, Any],
) -> None:
    """Refuse options that do not go together."""
    if file is None and not retry_images:
        raise click.UsageError("name a file, or give --retry-images")
    if file is None and prune:
        raise click.UsageError("--prune removes what a file lacks: name the file")
    if every is not None and (file in (None, "-") or dry_run):
        raise click.UsageError(
            "--every reads an address or a file again: name it, without --dry-run"
        )
    if batch and no_enrich:
        raise click.UsageError("--no-enrich only queues the products: leave it or --batch out")
    if prune and options["limit"] is not None:
        raise click.UsageError(
            "a part of a file cannot say what is gone: leave --prune or --limit out"
        )
    if options["delimiter"] is not None and len(options["delimiter"]) != 1:
        raise click.UsageError("--delimiter is one character")


def _read_as(options: dict[str, Any]) -> FileOptions:
    """How the file is read, out of the command's options."""
    from vitrina.files import FileOptions, Mapping

    root, names = options.pop("image_root"), options.pop("names")
    mapping = Mapping(
        columns=options.pop("columns"),
        image=options.pop("image"),
        image_root=Path(root) if root else None,
        names=Path(names) if names else None,
    )
    return FileOptions(mapping, language=options.pop("file_language"), **options)


@dataclass(slots=True)
class _Run:
    """What one ingest does, any number of times."""

    catalog: Catalog
    file: str | None
    read_as: FileOptions
    source: str | None
    dry_run: bool
    prune: bool
    yes: bool
    retry_images: bool
    no_enrich: bool
    judge: bool
    batch: bool
    batch_tokens: int | None

    def once(self, stop: threading.Event | None = None) -> bool:
        """Load the file and work on its products; whether nobody needs to look at rejects."""
        from vitrina.products.api import source_name

        started = time.monotonic()
        name = self.source or (source_name(self.file, None) if self.file else None)
        loaded = self._load(self.file, name) if self.file else None
        if self.dry_run:
            show_estimate(self.catalog, loaded.queued if loaded else 0, batch=self.batch)
            return True
        if self.retry_images:
            count = self.catalog.jobs.retry_images(sources=[name] if name else None)
            notice(f"{count:,} products queued to retry pictures")
        if self.batch:
            submit(self.catalog, sources=[name] if name else None, tokens=self.batch_tokens)
        elif not self.no_enrich:
            work(self.catalog, sources=[name] if name else None, judge=self.judge, until=stop)
        notice(f"{time.monotonic() - started:.1f} s")
        return not (loaded and loaded.rejected and not self.read_as.rejects)

    def _load(self, file: str, name: str | None) -> Loaded:
        from vitrina.products.load import MOST_PRUNED

        with progress_bar("reading") as bar:
            loaded = self.catalog.sources.load(
                file,
                source=name,
                options=self.read_as,
                dry_run=self.dry_run,
                prune=self.prune,
                most=1.0 if self.yes else MOST_PRUNED,
                progress=lambda done: bar(done.read, None, f"{done.rejected} rejected"),
            )
        for said in describe_reading(loaded):
            notice(said)
        notice(describe_loaded(loaded, dry_run=self.dry_run))
        return loaded


def _repeat(run: _Run, seconds: float) -> None:
    """Run again and again, until stopped; what fails is said, and tried again at its next time."""
    with stoppable() as stop:
        while not stop.is_set():
            started = time.monotonic()
            try:
                run.once(stop)
            except VitrinaError as exc:
                notice(str(exc))
            left = max(seconds - (time.monotonic() - started), 0.0)
            if not stop.is_set():
                due = datetime.now().astimezone() + timedelta(seconds=left)
                notice(f"again at {due:%Y-%m-%d %H:%M}")
            stop.wait(left)
