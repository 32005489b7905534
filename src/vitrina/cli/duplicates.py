"""`vitrina duplicates`."""

from __future__ import annotations

import click

from vitrina.cli._common import emit, open_catalog, output_options, source_option

COLUMNS = {
    "external_id": "id",
    "source": "source",
    "title": "title",
    "of_external_id": "is like",
    "of_source": "source ",
    "of_title": "title ",
    "reasons": "by",
    "confidence": "sure",
}


@click.command("duplicates")
@click.option("-k", default=100, show_default=True, metavar="N", help="How many products.")
@click.option(
    "--max-distance",
    type=click.IntRange(0, 64),
    default=20,
    show_default=True,
    metavar="BITS",
    help="Of 64 bits, how many may differ between the hashes of two pictures.",
)
@click.option(
    "--min-picture",
    type=click.FloatRange(0.8, 1),
    default=0.99,
    show_default=True,
    metavar="COSINE",
    help="Least cosine between the layouts of two pictures; below 0.99 others come in too.",
)
@click.option(
    "--min-looks",
    type=click.FloatRange(0.8, 1),
    metavar="COSINE",
    help="Show other pictures that look much alike too, from this cosine on, like 0.95.",
)
@click.option(
    "--min-similarity",
    type=click.FloatRange(0.8, 1),
    default=0.97,
    show_default=True,
    metavar="COSINE",
    help="Least cosine between two texts; their titles must be nearly the same too.",
)
@click.option(
    "--by",
    type=click.Choice(["picture", "text", "both"]),
    default="both",
    show_default=True,
    help="What to compare.",
)
@source_option
@output_options
def command(
    k: int,
    max_distance: int,
    min_picture: float,
    min_looks: float | None,
    min_similarity: float,
    by: str,
    sources: tuple[str, ...],
    output: str | None,
) -> None:
    """Find products nearly the same as an earlier product, by picture or by text.

    By picture: the same one, or a copy of it that was saved again, resized or cropped a little.
    Texts count only where the pictures of two products cannot be compared, or are copies; --by text
    leaves pictures out. --min-looks adds products whose pictures only look alike: the same product
    from another side, or two products. Look at both, and delete the one you do not want: `vitrina
    show`, `vitrina delete`.

    \b
    Example:
      vitrina duplicates
      vitrina duplicates --by text --source styles
      vitrina duplicates --by picture --min-looks 0.95 --csv
    """
    with open_catalog() as catalog:
        rows = catalog.duplicates(
            k=k,
            max_distance=None if by == "text" else max_distance,
            min_similarity=None if by == "picture" else min_similarity,
            sources=sources or None,
            min_picture=min_picture,
            min_looks=None if by == "text" else min_looks,
        )
    across = any(row.source != row.of_source for row in rows)
    emit(
        rows,
        output,
        columns={
            key: heading
            for key, heading in COLUMNS.items()
            if across or key not in ("source", "of_source")
        },
    )
