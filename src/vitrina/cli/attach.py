"""`vitrina attach`."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from vitrina.cli._common import notice, open_catalog, progress_bar
from vitrina.cli._product import NAMELESS
from vitrina.errors import InputError

if TYPE_CHECKING:
    from vitrina.catalog import Catalog
    from vitrina.products.entries import Synced

URL = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def parse_names(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str] | None:
    """Column names, separated by commas."""
    if value is None:
        return None
    return [name.strip() for name in value.split(",") if name.strip()]


def parse_settings(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> dict[str, str]:
    """--set NAME=VALUE, repeatable."""
    for item in value:
        if "=" not in item:
            raise click.BadParameter(f"{item!r} is not NAME=VALUE")
    return {name: given for name, _, given in (item.partition("=") for item in value)}


def parse_root(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A URL as it is, a folder by its full path; links are kept, as pictures may name them."""
    if value is None or URL.match(value):
        return value
    return str(Path(value).absolute())


def describe_synced(name: str, synced: Synced, rejects: int) -> str:
    """The result of a sync, in one line; `rejects`: the rows that are set aside now."""
    return (
        f"{name}: {synced.inserted:,} new, {synced.updated:,} changed, {synced.removed:,} removed,"
        f" {rejects:,} set aside; {synced.queued:,} queued for `vitrina work`"
    )


@click.command("attach")
@click.argument("table", required=False)
@click.option(
    "--id", callback=parse_names, metavar="COL[,COL…]", help="The columns that identify a product."
)
@click.option("--title", metavar="COL", help="The column of titles.")
@click.option("--image", metavar="COL", help="The column of pictures: URLs, or paths.")
@click.option("--url", metavar="COL", help="The column of the products' own pages.")
@click.option("--attributes", callback=parse_names, metavar="A,B,C", help="Columns to filter by.")
@click.option("--text", metavar="COL", help="The column of descriptions: text or HTML.")
@click.option("--sku", metavar="COL", help="The column of SKUs.")
@click.option(
    "--code", "codes", multiple=True, metavar="COL",
    help="A column of other codes, such as EAN; repeatable.",
)  # fmt: skip
@click.option("--where", metavar="SQL", help="Only rows for which this is true.")
@click.option(
    "--query", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.sql",
    help="A query that gives id, title, image, url, attributes, text, variants …",
)  # fmt: skip
@click.option(
    "--wake", multiple=True, metavar="SPEC", help="TABLE=COLUMN, for each table the query reads."
)
@click.option("--name", metavar="NAME", help="Name of the source [the table's].")
@click.option("--text-config", metavar="NAME", help="Language of text search: english, german …")
@click.option(
    "--media-root",
    callback=parse_root,
    metavar="PATH_OR_URL",
    help="Folder or URL in front of pictures.",
)
@click.option("--no-triggers", is_flag=True, help="Make no triggers; poll for changes.")
@click.option("--watermark", metavar="COL", help="The column with the time of a row's last change.")
@click.option("--preset", metavar="SHOP", help="A known shop: oscar, vendure, medusa.")
@click.option(
    "--set", "presets", multiple=True, callback=parse_settings, metavar="NAME=VALUE",
    help="A setting of the preset; repeatable.",
)  # fmt: skip
def command(
    table: str | None,
    query: Path | None,
    preset: str | None,
    presets: dict[str, str],
    no_triggers: bool,
    **options: Any,
) -> None:
    """Follow a table of the shop as a source of products.

    Triggers on the table note which rows changed; they are cheap and never make the shop's
    statements fail. `vitrina work` takes the changes in. A query over several tables can be a
    source too; name the tables that wake it as TABLE=COLUMN, where the column holds the product's
    id. Run it again to change the settings; `vitrina detach` undoes it. Write column names exactly.

    \b
    Example:
      vitrina attach public.product --title name --image picture --attributes brand,price
      vitrina attach public.product --title name --text description --sku sku --code ean
      vitrina attach public.product --title name --where 'deleted_at is null' --no-triggers
      vitrina attach --name shop --query products.sql --wake public.product=id \\
          --wake 'public.product_image(path, position)=product_id'
    """
    options = {key: value for key, value in options.items() if value not in (None, ())}
    options["triggers"] = not no_triggers
    if query is not None and preset is not None:
        raise click.UsageError("--preset brings its own query: leave --query out")
    if presets and preset is None:
        raise click.UsageError("--set goes with --preset")
    with open_catalog() as catalog:
        if query is not None or preset is not None:
            name = _attach_query(catalog, table, query, preset, presets, options)
        elif table is None:
            raise click.UsageError("name a table, or give --query or --preset")
        elif "title" not in options:
            raise click.UsageError("name the column of titles: --title")
        else:
            name = catalog.sources.attach(table, **options)
        bring_in(catalog, name)


def _attach_query(
    catalog: Catalog,
    table: str | None,
    query: Path | None,
    preset: str | None,
    settings: dict[str, str],
    options: dict[str, Any],
) -> str:
    for name in ("title", "image", "url", "attributes", "text", "sku", "codes"):
        if name in options:
            option = name.removesuffix("s") if name == "codes" else name
            raise click.UsageError(f"a query gives its own columns: leave --{option} out")
    if preset is not None:
        from vitrina.products.presets import load

        known = load(preset, settings)
        options = {"name": preset, **known.options, **options}
        options["wake"] = [*known.options["wake"], *options.get("wake", ())]
        notice(f"preset {preset}: checked with {', '.join(known.checked)}")
        return catalog.sources.attach_query(query=known.query, **options)
    if table is not None:
        key = ",".join(options.get("id", ["id"]))
        options["wake"] = [f"{table}={key}", *options.get("wake", ())]
        options.setdefault("name", table.removeprefix("public."))
    if "name" not in options:
        raise click.UsageError("name the source: --name")
    assert query is not None  # noqa: S101 - the caller checked
    try:
        text = query.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"cannot read {query}: {getattr(exc, 'strerror', None) or exc}") from None
    return catalog.sources.attach_query(query=text, **options)


def bring_in(catalog: Catalog, name: str) -> None:
    """Sync a source with a bar on a terminal, then report the result."""
    with progress_bar("reading") as bar:
        synced = catalog.sources.sync(
            sources=[name],
            progress=lambda done: bar(done.taken, None, f"{done.rejected} set aside"),
        )
    if name in synced.problems:
        raise InputError(f"source {name} is attached, but cannot be read: {synced.problems[name]}")
    # not what the syncs counted: a sweep sets rows without an id aside
    rejects = next(row.rejects for row in catalog.sources.list() if row.source == name)
    notice(describe_synced(name, synced, rejects))
    shown = catalog.sources.rejects(name, k=3)
    for row in shown:
        notice(f"  {row.external_id or NAMELESS}: {row.reason}")
    if rejects > len(shown):
        notice(f"  and {rejects - len(shown):,} more: vitrina sources --rejects {quote(name)}")
