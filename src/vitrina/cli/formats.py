"""`vitrina formats`."""

from __future__ import annotations

import click

from vitrina.cli._common import emit, output_options


@click.command("formats")
@output_options
def command(output: str | None) -> None:
    """List the kinds of file that ingest recognises, how it does, and the start of such a file.

    \b
    Example:
      vitrina formats
      vitrina formats --json
      vitrina ingest export.csv --format shopify
    """
    from vitrina.files.formats import FORMATS

    emit(
        (
            {"format": one.name, "recognised by": one.known_by, "example": one.example.rstrip()}
            for one in FORMATS
        ),
        output,
        columns={"format": "format", "recognised by": "recognised by"},
    )
