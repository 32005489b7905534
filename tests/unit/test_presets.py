"""Presets: what is filled in, and what is refused. tests/real_shops run them on real shops."""

from __future__ import annotations

import re

import pytest

from vitrina.errors import InputError
from vitrina.products.presets import load, names


def test_every_preset_has_a_query_and_wakes_and_versions() -> None:
    assert names() == ["medusa", "oscar", "vendure"]
    for name in names():
        preset = load(name)
        assert preset.checked
        assert preset.query.startswith("-- ")
        assert not re.search(r"""[^:]:['"]""", preset.query)
        assert all(spec.startswith('"public".') for spec in preset.options["wake"])


def test_settings_are_quoted_once_each() -> None:
    given = {"schema": 'a"b', "language": ":'channel'", "channel": "o'clock", "base_url": "\\"}
    preset = load("vendure", given)
    assert 'from "a""b".product as p' in preset.query
    assert "h.code = 'o''clock'" in preset.query
    assert """t."languageCode" = ':''channel''' desc""" in preset.query
    assert r" E'\\' || t.slug as url" in preset.query
    assert preset.options["wake"][0].startswith('"a""b".product(enabled')


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("shopify", {}, "preset 'shopify' not found: use one of medusa, oscar, vendure"),
        ("oscar", {"langauge": "de"}, "no setting 'langauge': it has base_url, schema"),
    ],
)
def test_what_is_not_there_is_said(name: str, settings: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        load(name, settings)
