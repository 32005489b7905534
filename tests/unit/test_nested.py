"""What JSON nests: prices with a currency, named values, variants, and the layers of GraphQL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vitrina.files import Product, ProductFile, open_products


def read(tmp_path: Path, document: object) -> tuple[ProductFile, dict[str, Product]]:
    """The file of a document, read to its end, and its products by id."""
    path = tmp_path / "items.json"
    path.write_text(json.dumps(document), "utf-8")
    with open_products(str(path)) as file:
        items = list(file.products())
    assert [item for item in items if not isinstance(item, Product)] == []
    return file, {item.external_id: item for item in items if isinstance(item, Product)}


@pytest.mark.parametrize(
    ("price", "known"),
    [
        ({"amount": "12.50", "currencyCode": "EUR"}, {"price": 12.5, "currency": "EUR"}),
        ({"value": 12.5, "currency": "eur"}, {"price": 12.5, "currency": "EUR"}),
        ({"gross": 12.5, "net": 10}, {"price": 12.5}),
        ([{"amount": "12.50 €"}], {"price": 12.5, "currency": "EUR"}),
        (
            {"value": {"centAmount": 1250, "currencyCode": "USD", "fractionDigits": 2}},
            {"price": 12.5, "currency": "USD"},
        ),
        (
            {"price": "1250", "currency_minor_unit": 2, "currency_code": "EUR"},
            {"price": 12.5, "currency": "EUR"},
        ),
        ({"min": 10, "max": 12.5}, {"price": 10.0, "price_max": 12.5}),
        (12, {"price": 12.0}),
    ],
)
def test_a_nested_price_is_a_price(tmp_path: Path, price: object, known: object) -> None:
    (lamp,) = read(tmp_path, [{"id": 1, "title": "Lamp", "price": price}])[1].values()
    assert lamp.attributes == known


def test_a_number_in_a_column_called_like_a_price_is_one(tmp_path: Path) -> None:
    rows = [{"id": 1, "title": "Lampe", "Preis": 40, "Angebotspreis": {"gross": 35}}]
    lamp = read(tmp_path, rows)[1]["1"]
    assert (lamp.attributes["price"], lamp.attributes["was_price"]) == (35.0, 40.0)


def test_what_is_no_price_stays_as_it_is(tmp_path: Path) -> None:
    price = {"label": "ask us", "amount": True}
    lamp = read(tmp_path, [{"id": 1, "title": "Lamp", "price": price}])[1]["1"]
    assert lamp.attributes["price"] == price


def test_lists_of_names_and_values_are_attributes(tmp_path: Path) -> None:
    said = {
        "attributes": [
            {"name": "Color", "value": "Red"},
            {"name": "Size", "options": ["S", "M"]},
            {"name": "Color", "value": "Blue"},
        ],
        "custom_attributes": [
            {"attribute_code": "description", "value": "<p>Soft &amp; warm</p>"},
            {"attribute_code": "care", "value": "word " * 60},
            {"attribute_code": "material", "value": {"label": "Wool"}},
            {"attribute_code": "color", "value": ""},
        ],
        "meta_data": [{"key": "_internal", "value": "1"}],
        "tags": [{"language_tag": "en_US", "value": "warm"}],
        "categories": [{"id": 1, "name": "Home"}],
    }
    hat = read(tmp_path, [{"id": 1, "name": "Hat", **said}])[1]["1"]
    assert hat.attributes == {
        "Color": ["Red", "Blue"],
        "Size": ["S", "M"],
        "material": "Wool",
        "tags": "warm",
        "categories": [{"id": 1, "name": "Home"}],
    }
    assert hat.text is not None
    assert hat.text.startswith("Soft & warm\nword word")
