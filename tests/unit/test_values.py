"""files/values.py: lists written out in one cell."""

from __future__ import annotations

import pytest

from vitrina.files.values import parse_list


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('["a", "b"]', ["a", "b"]),
        ("['a ', ' b']", ["a", "b"]),
        ("[]", []),
        ("[{'Brand': ' X '}]", [{"Brand": " X "}]),
        ("[1, 2.5]", [1, 2.5]),
        ("['it\\'s', 'b']", ["it's", "b"]),
        ("[\"it's\", 'b']", ["it's", "b"]),
        ("[True, None]", [True, None]),
        ("[oops]", None),
        ("[NaN]", None),
        ("['it's']", None),
        ("[__import__('os')]", None),
        ("(1, 2)", None),
        ("[b'x']", None),
        ("[" * 5000 + "]" * 5000, None),
    ],
)
def test_lists_written_out_are_read(text: str, items: list[object] | None) -> None:
    assert parse_list(text) == items
