"""`vitrina demo`: vitrina at work on a catalogue that comes with it."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vitrina.cli._common import emit, notice, open_catalog, progress_bar
from vitrina.cli._report import describe_loaded, describe_totals
from vitrina.printing import counted

if TYPE_CHECKING:
    from vitrina.catalog import Catalog
    from vitrina.cli._page import Section
    from vitrina.search.hits import Hit

SOURCE = "demo"
COLUMNS = {"score": "score", "similarity": "cosine", "title": "title", "matched": "matched"}
QUERIES = ("shoe storage", "black metal side table", "grey couch", "red shoes -heels")
SQL = """vitrina db psql -c "select title, similarity from vitrina.search('shoe storage')\""""
PICTURES = ("armchair", "sneaker", "lamp")


def folder() -> Path:
    """The folder of the demo catalogue: products.csv, pictures/ and queries/."""
    return Path(__file__).parents[1] / "data" / "demo"


@click.command("demo")
@click.option("--open", "open_", is_flag=True, help="Open the page of results in the browser.")
@click.option("--page", metavar="FILE", help="Where to write the page.")
@click.option("--remove", is_flag=True, help="Remove the demo products from the database.")
def command(open_: bool, page: str | None, remove: bool) -> None:
    """See it work: load a catalogue with pictures, search it by text and by picture.

    The pictures are drawn and belong to vitrina; nothing leaves this machine. The products stay in
    the database as the source `demo`, so that you can search on.

    \b
    Example:
      vitrina demo --open
    """
    started = time.monotonic()
    with open_catalog() as catalog:
        if remove:
            notice(f"{counted(catalog.sources.remove(SOURCE), 'product')} removed")
            return
        _bring_in(catalog)
        sections = [_text(catalog, query) for query in QUERIES]
        sections += [_picture(catalog, name) for name in PICTURES]
        target = _write(catalog, sections, page)
    click.echo(f"The same from SQL, without Python:\n\n  {SQL}\n")
    click.echo(f"All results with their pictures: {target}")
    click.echo("Search it as you type, or by a picture: vitrina serve --open")
    notice(f"{time.monotonic() - started:.1f} s")
    if open_:
        click.launch(str(target))


def _bring_in(catalog: Catalog) -> None:
    from vitrina.files import FileOptions, Mapping

    options = FileOptions(Mapping(image_root=folder()))
    with progress_bar("enriching") as bar:
        ingested = catalog.ingest(
            folder() / "products.csv",
            source=SOURCE,
            options=options,
            on_work=lambda totals: bar(totals.products, None, ""),
        )
    notice(describe_loaded(ingested.loaded))
    notice(describe_totals(ingested.totals))


def _show(heading: str, hits: list[Hit]) -> None:
    click.echo(f"\n{heading}")
    emit((asdict(hit) for hit in hits), None, columns=COLUMNS)


def _text(catalog: Catalog, query: str) -> Section:
    from vitrina.cli._page import Section

    hits = catalog.search(query, k=5, sources=[SOURCE], log=False)
    _show(f'vitrina search "{query}"', hits)
    return Section(f"“{query}”", hits)


def _picture(catalog: Catalog, name: str) -> Section:
    from vitrina.cli._page import Section

    path = folder() / "queries" / f"{name}.webp"
    hits = catalog.search(image=path, k=5, sources=[SOURCE])
    _show(f"vitrina search --image {name}.webp", hits)
    return Section("by this picture", hits, catalog.picture(str(path)).thumbnail)


def _write(catalog: Catalog, sections: list[Section], page: str | None) -> Path:
    from vitrina import embedded
    from vitrina.cli._page import render

    ids = [hit.product_id for section in sections for hit in section.hits]
    count = catalog.status().products
    lead = (
        f"{counted(count, 'product')} in {catalog.server()};"
        " tags, captions and vectors made offline."
    )
    target = Path(page) if page else embedded.home() / "demo.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    html = render(
        "vitrina: search that understands pictures", lead, sections, catalog.thumbnails(ids)
    )
    target.write_text(html, "utf-8")
    return target.resolve()
