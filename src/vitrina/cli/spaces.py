"""`vitrina spaces list | use`."""

from __future__ import annotations

import click

from vitrina.cli._common import emit, notice, open_catalog, output_options


@click.group("spaces")
def command() -> None:
    """List the embedding spaces, or switch to another one."""


@command.command("list")
@output_options
def list_(output: str | None) -> None:
    """List the spaces: their models, states, and how many products have a vector in them.

    \b
    Example:
      vitrina spaces list
    """
    with open_catalog() as catalog:
        emit(catalog.spaces(), output)


@command.command("use")
@click.argument("name")
def use(name: str) -> None:
    """Search in another space from now on; the one before is kept.

    \b
    Example:
      vitrina spaces use openai-text-embedding-3-large-3072
    """
    with open_catalog() as catalog:
        catalog.use_space(name)
    notice(f"in use: {name}")
