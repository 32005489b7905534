"""Product search that understands pictures, inside the shop's own Postgres.

>>> from vitrina import Catalog
>>> with Catalog() as catalog:
...     hits = catalog.search("black metal side table", k=5)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.2.0"

if TYPE_CHECKING:
    from vitrina.batch.api import Batch
    from vitrina.batch.run import Batched
    from vitrina.catalog import Catalog
    from vitrina.costs import Budget, Cost, DroppedAnswers
    from vitrina.db.standby import Standby
    from vitrina.enrich.ingest import Ingested
    from vitrina.enrich.jobs import Coverage, Failure, Job, Progress
    from vitrina.enrich.totals import Totals
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
    from vitrina.evaluation.api import Evaluated, Evaluation, Score
    from vitrina.evaluation.compare import Compared
    from vitrina.evaluation.stored import Judgement
    from vitrina.files import FileOptions
    from vitrina.keywords.entries import (
        Alias,
        Change,
        Doubt,
        Keyword,
        KeywordPolicy,
        NearKeyword,
        PastChange,
        Redecision,
        Resolved,
        Step,
        TermProduct,
    )
    from vitrina.keywords.judge import Judged
    from vitrina.keywords.suggest import SuggestedKeyword
    from vitrina.models.openai.verdicts import Pair
    from vitrina.models.pricing import Estimate, StageEstimate
    from vitrina.pictures.decode import Picture
    from vitrina.products.entries import Preview, RejectedRow, Source, Synced
    from vitrina.products.invariants import Check
    from vitrina.products.load import Loaded
    from vitrina.products.load_enriched import Imported
    from vitrina.products.whole import ExportedProduct, Metric, Status
    from vitrina.search.browse import Bin, Duplicate, Facet, Overview, Suggestion
    from vitrina.search.explain import Explanation
    from vitrina.search.generations import Generation
    from vitrina.search.hits import Hit
    from vitrina.search.log import LoggedSearch, SearchPolicy
    from vitrina.search.narrowing import Filters
    from vitrina.search.product import Key, Product, ProductImage, ProductKeyword, Variant
    from vitrina.search.reading import Reading
    from vitrina.search.rules import PutRule, Rule
    from vitrina.settings import Settings
    from vitrina.spaces.api import Space
    from vitrina.spaces.fill import Filled

# name to module
_EXPORTS = {
    "Batch": "batch.api",
    "Batched": "batch.run",
    "Catalog": "catalog",
    "Budget": "costs",
    "Cost": "costs",
    "DroppedAnswers": "costs",
    "Standby": "db.standby",
    "Ingested": "enrich.ingest",
    "Coverage": "enrich.jobs",
    "Failure": "enrich.jobs",
    "Job": "enrich.jobs",
    "Progress": "enrich.jobs",
    "Totals": "enrich.totals",
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
    "Evaluated": "evaluation.api",
    "Evaluation": "evaluation.api",
    "Score": "evaluation.api",
    "Compared": "evaluation.compare",
    "Judgement": "evaluation.stored",
    "FileOptions": "files",
    "Alias": "keywords.entries",
    "Change": "keywords.entries",
    "Doubt": "keywords.entries",
    "Keyword": "keywords.entries",
    "KeywordPolicy": "keywords.entries",
    "NearKeyword": "keywords.entries",
    "PastChange": "keywords.entries",
    "Redecision": "keywords.entries",
    "Resolved": "keywords.entries",
    "Step": "keywords.entries",
    "TermProduct": "keywords.entries",
    "Judged": "keywords.judge",
    "SuggestedKeyword": "keywords.suggest",
    "Pair": "models.openai.verdicts",
    "Estimate": "models.pricing",
    "StageEstimate": "models.pricing",
    "Picture": "pictures.decode",
    "Preview": "products.entries",
    "RejectedRow": "products.entries",
    "Source": "products.entries",
    "Synced": "products.entries",
    "Check": "products.invariants",
    "Loaded": "products.load",
    "Imported": "products.load_enriched",
    "ExportedProduct": "products.whole",
    "Metric": "products.whole",
    "Status": "products.whole",
    "Bin": "search.browse",
    "Duplicate": "search.browse",
    "Facet": "search.browse",
    "Overview": "search.browse",
    "Suggestion": "search.browse",
    "Explanation": "search.explain",
    "Generation": "search.generations",
    "Hit": "search.hits",
    "LoggedSearch": "search.log",
    "SearchPolicy": "search.log",
    "Filters": "search.narrowing",
    "Key": "search.product",
    "Product": "search.product",
    "ProductImage": "search.product",
    "ProductKeyword": "search.product",
    "Variant": "search.product",
    "Reading": "search.reading",
    "PutRule": "search.rules",
    "Rule": "search.rules",
    "Settings": "settings",
    "Space": "spaces.api",
    "Filled": "spaces.fill",
}
__all__ = [
    "AccessError",
    "Alias",
    "Batch",
    "Batched",
    "Bin",
    "Budget",
    "BudgetError",
    "Catalog",
    "Change",
    "Check",
    "Compared",
    "ConfigError",
    "Cost",
    "Coverage",
    "DatabaseError",
    "Doubt",
    "DroppedAnswers",
    "Duplicate",
    "EmbeddedError",
    "Estimate",
    "Evaluated",
    "Evaluation",
    "Explanation",
    "ExportedProduct",
    "ExtensionError",
    "Facet",
    "Failure",
    "FetchError",
    "FileOptions",
    "Filled",
    "Filters",
    "Generation",
    "Hit",
    "Imported",
    "Ingested",
    "InputError",
    "ItemError",
    "Job",
    "Judged",
    "Judgement",
    "Key",
    "Keyword",
    "KeywordPolicy",
    "Loaded",
    "LoggedSearch",
    "Metric",
    "NearKeyword",
    "NotFoundError",
    "Overview",
    "Pair",
    "PastChange",
    "Picture",
    "PictureError",
    "Preview",
    "Product",
    "ProductImage",
    "ProductKeyword",
    "Progress",
    "ProviderError",
    "PutRule",
    "ReadOnlyError",
    "Reading",
    "Redecision",
    "RejectedRow",
    "Resolved",
    "Rule",
    "SchemaError",
    "Score",
    "SearchPolicy",
    "Settings",
    "SlowError",
    "Source",
    "Space",
    "StageEstimate",
    "Standby",
    "Status",
    "Step",
    "SuggestedKeyword",
    "Suggestion",
    "Synced",
    "TermProduct",
    "Totals",
    "UnreachableError",
    "Variant",
    "VitrinaError",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Import on first use: `vitrina --help` must not wait for the database driver."""
    module = _EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module 'vitrina' has no attribute {name!r}")
    return getattr(importlib.import_module(f"vitrina.{module}"), name)
