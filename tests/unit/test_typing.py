"""What the library gives is typed: no call gives a dict. What it takes: typed.py."""

from __future__ import annotations

import inspect
import sys
import typing
from dataclasses import is_dataclass
from decimal import Decimal

import vitrina
from vitrina.batch.api import Batches
from vitrina.catalog import Catalog
from vitrina.costs import Costs
from vitrina.db.database import HalfVector
from vitrina.enrich.ingest import Ingest
from vitrina.enrich.jobs import Jobs
from vitrina.evaluation.api import Evaluator
from vitrina.keywords.api import Keywords
from vitrina.products.api import Sources
from vitrina.products.whole import Whole
from vitrina.search.browse import Browse
from vitrina.search.rules import Rules
from vitrina.search.search import Search
from vitrina.spaces.api import Spaces

PARTS = (
    Catalog,
    Keywords,
    Sources,
    Ingest,
    Spaces,
    Jobs,
    Batches,
    Costs,
    Search,
    Browse,
    Evaluator,
    Rules,
    Whole,
)


def parts_of(given: object) -> list[object]:
    """A type with those it is made of: list[Keyword] | None has Keyword."""
    return [given, *(part for each in typing.get_args(given) for part in parts_of(each))]


def test_every_call_gives_exported_dataclasses_and_simple_values() -> None:
    exported = {name: getattr(vitrina, name) for name in vitrina.__all__}
    simple = {str, int, bytes, float, bool, None, ..., type(None), Decimal, HalfVector}
    seen = set()
    for owner in PARTS:
        names = {**vars(sys.modules[owner.__module__]), **exported}
        for name, method in inspect.getmembers(owner, inspect.isfunction):
            if name.startswith("_") or method.__module__ != owner.__module__:
                continue
            given = method.__annotations__["return"]
            while isinstance(given, str):  # an alias may be one too
                given = eval(given, names)  # noqa: S307
            for part in parts_of(given):
                if part in simple or typing.get_origin(part) is not None:
                    continue
                assert is_dataclass(part), (owner, name, part)
                assert part in exported.values(), f"{part} of {name} is not exported"
                seen.add(part)
    assert len(seen) > 20
