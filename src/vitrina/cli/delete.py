"""`vitrina delete`."""

from __future__ import annotations

import click

from vitrina.cli._common import notice, open_catalog
from vitrina.cli._product import id_options, keys
from vitrina.printing import counted


@click.command("delete")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@id_options
def command(ids: tuple[str, ...], of: str | None, numbers: bool) -> None:
    """Delete products, with all that is known of them.

    Answers of models stay stored: a product that comes back costs nothing. Products of an attached
    source follow the shop's own table; delete them there.

    \b
    Example:
      vitrina delete FU-107 FU-108
      vitrina delete 1163 --of styles
    """
    with open_catalog() as catalog:
        count = catalog.delete(keys(ids, of, numbers))
    notice(f"deleted {counted(count, 'product')}")
