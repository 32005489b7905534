"""What the library takes and gives is typed: mypy finds a misspelt option, no call gives a dict."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing
from dataclasses import is_dataclass
from decimal import Decimal
from pathlib import Path

import vitrina
from vitrina.batch.api import Batches
from vitrina.catalog import Catalog
from vitrina.costs import Costs
from vitrina.db.database import HalfVector
from vitrina.enrich.jobs import Jobs
from vitrina.evaluation.api import Evaluator
from vitrina.keywords.api import Keywords
from vitrina.products.api import Sources
from vitrina.products.whole import Whole
from vitrina.search.browse import Browse
from vitrina.search.rules import Rules
from vitrina.search.search import Search
from vitrina.spaces.api import Spaces

ROOT = Path(__file__).parents[2]
PARTS = (
    Catalog,
    Keywords,
    Sources,
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

SNIPPET = """\
from vitrina import Catalog, Change, Hit, Keyword, Source, Space, Status

with Catalog("postgresql://localhost/shop") as catalog:
    catalog.ingest("products.csv", mapping={"title": "name"})
    catalog.ingest("products.csv", maping={"title": "name"})
    catalog.search("sofa", price_max=50)
    catalog.search("sofa", price_maximum=50)
    catalog.search("sofa", mode="words")
    catalog.facets("sofa", atribute=["brand"])
    catalog.similar("FU-107", souces=["demo"])
    catalog.recommend(["FU-107"], whith_keywords=["oak"])
    catalog.keywords.merge(["couch"], int="sofa")
    catalog.sources.attach("public.product", tittle="name")
    catalog.spaces.add("large", modle="m")
    catalog.jobs.list(states=["lost"])
    hits: list[Hit] = catalog.search("sofa")
    words: list[Keyword] = catalog.keywords.list()
    changes: list[Change] = catalog.keywords.merge(["couch"], into="sofa")
    sources: list[Source] = catalog.sources.list()
    spaces: list[Space] = catalog.spaces.list()
    status: Status = catalog.status()
    status.prodcts
"""


def test_mypy_finds_what_is_misspelt_and_nothing_else(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir",
         str(ROOT / ".mypy_cache"), str(snippet)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    found = [
        line.rsplit("snippet.py:", 1)[1] for line in done.stdout.splitlines() if "error:" in line
    ]
    wrong = [
        place for place, line in enumerate(SNIPPET.splitlines(), 1)
        if any(slip in line for slip in (
            "maping", "maximum", '"words"', "atribute", "souces", "whith", "int=", "tittle",
            "modle", "lost", "prodcts"))
    ]  # fmt: skip
    assert len(wrong) == 11
    assert sorted({int(line.split(":")[0]) for line in found}) == wrong, done.stdout + done.stderr


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
