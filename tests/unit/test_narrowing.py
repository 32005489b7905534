"""Filters of searches: several add up, and what no product can meet is an error."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from vitrina.errors import InputError
from vitrina.search.narrowing import Narrowing


def params(**given: Any) -> dict[str, Any]:
    found = Narrowing(**given).params()
    return {"filter": found["filter"].obj, "where": found["where"]}


def test_filters_add_up() -> None:
    given = params(
        filter=[{"a": {"b": 1}, "tags": ["x"]}, {"a": {"c": 2}, "tags": "y"}],
        attr={"gender": "Women", "size": " 42", "new": True},
        where=["$.x > 1", "lax $.y < 2"],
        price_min=10,
        price_max=Decimal("49.90"),
    )
    assert given["filter"] == {
        "a": {"b": 1, "c": 2}, "tags": ["x", "y"], "gender": "Women", "new": True,
    }  # fmt: skip
    assert given["where"] == (
        'lax ($.x > 1) && ($.y < 2) && ($."size" == 42 || $."size" == " 42")'
        " && ($.price >= 10 || $.price_max >= 10) && ($.price <= 49.90)"
    )
    assert params() == {"filter": {}, "where": None}
    assert params(where="strict $.a == 1")["where"] == "strict $.a == 1"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"filter": [{"a": "x"}, {"a": "y"}]}, "no product has both"),
        ({"filter": {"a": "x"}, "attr": {"a": "y"}}, "no product has both"),
        ({"where": ["strict $.a == 1", "$.b == 1"]}, "strict and lax"),
        ({"sources": "demo"}, "list of names"),
        ({"with_keywords": "sofa"}, "list of names"),
    ],
)
def test_what_cannot_be_met_is_an_error(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        params(**given)


SNIPPET = """
from vitrina import Catalog, Hit

def all_is_known(catalog: Catalog) -> list[Hit]:
    catalog.ingest([{"id": 1, "title": "Sofa"}], source="s", mapping={"title": "title"})
    catalog.ingest("a.csv", maping={"title": "t"})
    catalog.search("sofa", atr={"a": "b"})
    catalog.facets(sorces=["a"])
    catalog.recommend(["a"], price_mx=3)
    catalog.similar("a", source="b")
    catalog.search(image=b"...", price_max=3, attr={"a": 1}, sources=["a"])
    return catalog.search("sofa").rows
"""


# reading the packages that vitrina uses takes most of the time, and says nothing of its own options
SKIPPED = """
[mypy-alembic.*,httpx.*,numpy.*,openai.*,PIL.*,psutil.*,pydantic.*,requests.*,rich.*,skimage.*,sqlalchemy.*,weave.*]
follow_imports = skip
"""


def test_misspelt_options_fail_in_mypy(tmp_path: Path) -> None:
    (tmp_path / "mypy.ini").write_text("[mypy]" + SKIPPED)
    path = tmp_path / "snippet.py"
    path.write_text(SNIPPET)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", path],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={"MYPYPATH": str(root / "src"), "PATH": ""},
    )  # fmt: skip
    wrong = {int(line.split(":")[1]) for line in done.stdout.splitlines() if "snippet.py" in line}
    assert wrong == {6, 7, 8, 9, 10, 12}, done.stdout + done.stderr
