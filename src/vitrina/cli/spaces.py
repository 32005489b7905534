"""`vitrina spaces list | add | build | activate | drop`."""

from __future__ import annotations

from typing import Any

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options, progress_bar
from vitrina.cli._provider import parse_usd
from vitrina.cli._signals import stoppable
from vitrina.printing import counted

COLUMNS = {
    "name": "name",
    "modality": "of",
    "model": "model",
    "dimensions": "dimensions",
    "state": "state",
    "products": "products",
    "missing_products": "to embed",
    "keywords": "keywords",
    "missing_keywords": "to embed ",
    "index": "index",
}


@click.group("spaces")
def command() -> None:
    """Embedding models side by side: list, add, build, activate, drop.

    \b
    Switch to another model, without a break:
      vitrina spaces add large --model text-embedding-3-large --dimensions 1024
      vitrina spaces build large
      vitrina spaces activate large

    \b
    Words that find pictures, by a joint model of both:
      vitrina spaces add --provider fastembed
      vitrina spaces build clip-vit-b-32-vision
      vitrina spaces activate clip-vit-b-32-vision
    """


@command.command("list")
@output_options
def list_(output: str | None) -> None:
    """List the spaces: model, state, vectors present and missing, and the index.

    An index is `none` while reading every vector is as fast.

    \b
    Example:
      vitrina spaces list
    """
    with open_catalog() as catalog:
        spaces = catalog.spaces.list()
    whole = not any(space.missing_products or space.missing_keywords for space in spaces)
    emit(
        spaces,
        output,
        columns={
            key: name for key, name in COLUMNS.items() if not (whole and key.startswith("missing"))
        },
    )


@command.command("add")
@click.argument("name", required=False)
@click.option(
    "--provider",
    default="openai",
    show_default=True,
    metavar="NAME",
    help="openai (or a compatible endpoint), local, or a name of your own if you fill it by SQL;"
    " of joint models: fastembed on this machine, or an endpoint in the form of jina, cohere,"
    " voyage or vllm.",
)
@click.option(
    "--model",
    "--image-model",
    "model",
    metavar="NAME",
    help="Embedding model [text-embedding-3-large]; of fastembed, its tower of pictures"
    " [Qdrant/clip-ViT-B-32-vision].",
)
@click.option(
    "--text-model",
    metavar="NAME",
    help="Of fastembed, the tower of words [Qdrant/clip-ViT-B-32-text].",
)
@click.option(
    "--model-path",
    metavar="DIR",
    help="Of fastembed, a folder with the files of both towers, each in a folder called as the last"
    " part of its name: for a machine without internet.",
)
@click.option("--dimensions", type=int, metavar="N", help="Dimensions to ask the model for.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.6,
    show_default=True,
    metavar="COSINE",
    help="The cosine above which two keywords are the same.",
)
@click.option(
    "--price",
    callback=parse_usd,
    metavar="USD",
    help="What a joint endpoint asks for a million tokens: counted as cost.",
)
@click.option(
    "--quantized",
    is_flag=True,
    help="Index only the signs of vectors, 16 times smaller; order the matches exactly.",
)
@output_options
def add(name: str | None, output: str | None, **options: Any) -> None:
    """Create an empty space for a model, beside the space in use. Asks the model for one vector.

    A joint space may have the name of its model.

    \b
    Example:
      vitrina spaces add large --model text-embedding-3-large --dimensions 1024
      vitrina spaces add local-two --provider local
      vitrina spaces add --provider fastembed --model-path /srv/models
    """
    with open_catalog() as catalog:
        space = catalog.spaces.add(name, **options)
    emit([space], output, columns=COLUMNS)
    notice(f"created: {space.name}; to fill and index it: vitrina spaces build {space.name}")


@command.command("build")
@click.argument("name")
@click.option("--max-cost", callback=parse_usd, metavar="USD", help="Stop once this much is spent.")
@click.option(
    "--memory",
    type=click.IntRange(1, 2**21),
    default=1024,
    show_default=True,
    metavar="MB",
    help="Most memory for building an index.",
)
@click.pass_context
def build(ctx: click.Context, name: str, max_cost: Any, memory: int) -> None:
    """Embed the products and keywords missing in a space, then index it.

    Searches and workers continue meanwhile. Run it again after a stop to continue. Nothing is
    embedded twice, and no vision model is asked.

    \b
    Example:
      vitrina spaces build large --max-cost 2
    """
    with (
        open_catalog(max_cost=max_cost) as catalog,
        stoppable() as stop,
        progress_bar(name) as bar,
    ):
        done = catalog.spaces.build(
            name,
            most_memory=memory,
            progress=lambda what, seen, of: bar(seen, of, what),
            stop=stop,
        )
        (status,) = (row for row in catalog.spaces.list() if row.name == name)
    notice(f"{counted(done.products, 'product')} and {counted(done.keywords, 'keyword')} embedded")
    if done.refused:
        product, reason = next(iter(done.refused.items()))
        notice(
            f"{counted(len(done.refused), 'product has', 'products have')} no vector:"
            f" product {product}: {reason}"
        )
    missing = status.missing_products, status.missing_keywords
    if any(missing) or status.index in ("missing", "invalid"):
        notice(
            f"not complete: {counted(missing[0], 'product')} and"
            f" {counted(missing[1], 'keyword')} without a vector,"
            f" index: {status.index}"
        )
        ctx.exit(1)
    notice(f"complete, index: {status.index}; to search in it: vitrina spaces activate {name}")


@command.command("activate")
@click.argument("name")
@click.option("--force", is_flag=True, help="Activate it even if products have no vector in it.")
def activate(name: str, force: bool) -> None:
    """Search in another space from now on; the previous space is kept, to go back to.

    \b
    Example:
      vitrina spaces activate large
    """
    with open_catalog() as catalog:
        before = catalog.spaces.activate(name, force=force)
    notice(
        f"in use: {name}" + (f"; to go back: vitrina spaces activate {before}" if before else "")
    )


@command.command("drop")
@click.argument("name")
def drop(name: str) -> None:
    """Delete a space with all its vectors; the space in use cannot be dropped.

    \b
    Example:
      vitrina spaces drop large
    """
    with open_catalog() as catalog:
        catalog.spaces.drop(name)
    notice(f"dropped: {name}")
