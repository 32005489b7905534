"""`vitrina detach`."""

from __future__ import annotations

import click

from vitrina.cli._common import notice, open_catalog
from vitrina.printing import counted


@click.command("detach")
@click.argument("name")
@click.option("--keep-products", is_flag=True, help="Leave its products in the catalogue.")
def command(name: str, keep_products: bool) -> None:
    """Stop following a table of the shop: remove its triggers, and its products from the catalogue.

    Nothing of vitrina stays in the shop's schema. Answers of models stay stored, so that attaching
    again costs nothing.

    \b
    Example:
      vitrina detach product
    """
    with open_catalog() as catalog:
        removed = catalog.sources.detach(name, keep_products=keep_products)
    notice(f"{name} is detached; {counted(removed, 'product')} removed")
