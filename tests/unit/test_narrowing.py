"""Filters of searches: several add up, and what no product can meet is an error."""

from __future__ import annotations

from decimal import Decimal
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
