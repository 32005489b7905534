"""Where the real catalogues are, if they are; the demo catalogue in a database."""

from __future__ import annotations

import os
from pathlib import Path

from vitrina.catalog import Catalog
from vitrina.cli.demo import SOURCE, folder
from vitrina.files import FileOptions, Mapping
from vitrina.settings import Settings

SHARED = Path(
    os.environ.get("VITRINA_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data"
).resolve()


def bring_in_demo(url: str) -> None:
    """Bring the demo catalogue into a database, as `vitrina demo` does."""
    with Catalog(settings=Settings(database_url=url)) as catalog:
        catalog.ingest(
            folder() / "products.csv",
            source=SOURCE,
            options=FileOptions(Mapping(image_root=folder())),
        )
