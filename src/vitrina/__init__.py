"""Product search that understands pictures, inside the shop's own Postgres.

>>> from vitrina import Catalog
>>> with Catalog() as catalog:
...     hits = catalog.search("black metal side table", k=5)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["Catalog", "VitrinaError", "__version__"]

if TYPE_CHECKING:
    from vitrina.catalog import Catalog
    from vitrina.errors import VitrinaError


def __getattr__(name: str) -> object:
    """Import on first use: `vitrina --help` must not wait for the database driver."""
    if name == "Catalog":
        from vitrina.catalog import Catalog

        return Catalog
    if name == "VitrinaError":
        from vitrina.errors import VitrinaError

        return VitrinaError
    raise AttributeError(f"module 'vitrina' has no attribute {name!r}")
