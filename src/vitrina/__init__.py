"""Product search that understands pictures, inside the shop's own Postgres.

>>> from vitrina import Catalog
>>> with Catalog() as catalog:
...     hits = catalog.search("black metal side table", k=5)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from vitrina.catalog import Catalog, Ingested
    from vitrina.errors import (
        AccessError,
        BudgetError,
        ConfigError,
        DatabaseError,
        EmbeddedError,
        ExtensionError,
        FetchError,
        InputError,
        ItemError,
        NotFoundError,
        PictureError,
        ProviderError,
        ReadOnlyError,
        SchemaError,
        SlowError,
        UnreachableError,
        VitrinaError,
    )
    from vitrina.files import FileOptions
    from vitrina.search.browse import Duplicate, Facet, Suggestion
    from vitrina.search.explain import Explanation
    from vitrina.search.hits import Hit
    from vitrina.search.narrowing import Filters
    from vitrina.search.product import Product
    from vitrina.search.rules import PutRule, Rule
    from vitrina.search.search import Reading
    from vitrina.settings import Settings

# name to module
_EXPORTS = {
    "Catalog": "catalog",
    "Ingested": "catalog",
    "FileOptions": "files",
    "Duplicate": "search.browse",
    "Facet": "search.browse",
    "Suggestion": "search.browse",
    "Explanation": "search.explain",
    "Hit": "search.hits",
    "Filters": "search.narrowing",
    "Product": "search.product",
    "PutRule": "search.rules",
    "Rule": "search.rules",
    "Reading": "search.search",
    "Settings": "settings",
    "AccessError": "errors",
    "BudgetError": "errors",
    "ConfigError": "errors",
    "DatabaseError": "errors",
    "EmbeddedError": "errors",
    "ExtensionError": "errors",
    "FetchError": "errors",
    "InputError": "errors",
    "ItemError": "errors",
    "NotFoundError": "errors",
    "PictureError": "errors",
    "ProviderError": "errors",
    "ReadOnlyError": "errors",
    "SchemaError": "errors",
    "SlowError": "errors",
    "UnreachableError": "errors",
    "VitrinaError": "errors",
}
__all__ = [
    "AccessError",
    "BudgetError",
    "Catalog",
    "ConfigError",
    "DatabaseError",
    "Duplicate",
    "EmbeddedError",
    "Explanation",
    "ExtensionError",
    "Facet",
    "FetchError",
    "FileOptions",
    "Filters",
    "Hit",
    "Ingested",
    "InputError",
    "ItemError",
    "NotFoundError",
    "PictureError",
    "Product",
    "ProviderError",
    "PutRule",
    "ReadOnlyError",
    "Reading",
    "Rule",
    "SchemaError",
    "Settings",
    "SlowError",
    "Suggestion",
    "UnreachableError",
    "VitrinaError",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Import on first use: `vitrina --help` must not wait for the database driver."""
    module = _EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module 'vitrina' has no attribute {name!r}")
    return getattr(importlib.import_module(f"vitrina.{module}"), name)
