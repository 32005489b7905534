"""What JSON nests: prices with a currency, named values, variants, and the layers of GraphQL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vitrina.files import Product, ProductFile, Reading, open_products


def read(
    tmp_path: Path, document: object, reading: Reading | None = None
) -> tuple[ProductFile, dict[str, Product]]:
    """The file of a document, read to its end, and its products by id."""
    path = tmp_path / "items.json"
    path.write_text(json.dumps(document), "utf-8")
    with open_products(str(path), reading=reading) as file:
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


SOLD = [
    {"sku": "T-S", "price": 10, "size": "S", "ean": "401", "image": "https://x.test/s.jpg"},
    {"sku": "T-M", "price": {"amount": 12}, "attributes": [{"name": "size", "value": "M"}]},
    {"id": 7, "ean": "403", "size": "L"},
]


@pytest.mark.parametrize("column", ["variants", "Variations", "skus", "children"])
def test_variants_in_a_row_are_variants(tmp_path: Path, column: str) -> None:
    document = {"products": [{"id": 1, "name": "Tee", "price": 11, "color": "Red", column: SOLD}]}
    file, products = read(tmp_path, document)
    assert file.reading.format == "plain"
    _, again = read(tmp_path, document, file.reading)
    assert again == products
    tee = products["1"]
    assert [(v.sku, v.price, v.codes, v.image) for v in tee.variants] == [
        ("T-S", 10, ("401",), "https://x.test/s.jpg"),
        ("T-M", 12, (), None),
        ("7", 11, ("403",), None),
    ]
    assert tee.attributes == {
        "color": "Red",
        "size": ["S", "M", "L"],
        "price": 10.0,
        "price_max": 12.0,
    }


def test_lists_of_other_things_are_no_variants(tmp_path: Path) -> None:
    said = {"variants": ["red", "blue"], "related": [{"sku": "R", "price": 1}], "children": []}
    tee = read(tmp_path, [{"id": 1, "name": "Tee", **said}])[1]["1"]
    assert tee.variants == ()
    assert tee.attributes["variants"] == ["red", "blue"]


def graphql(nodes: list[object], layer: str) -> object:
    return {"nodes": nodes} if layer == "nodes" else {"edges": [{"node": node} for node in nodes]}


@pytest.mark.parametrize("layer", ["edges", "nodes"])
def test_shopify_graphql_is_read_through_its_layers(tmp_path: Path, layer: str) -> None:
    variant = {
        "id": "gid://shop/V/1",
        "sku": "S-1",
        "price": {"amount": "49.0", "currencyCode": "EUR"},
        "compareAtPrice": {"amount": "60.0", "currencyCode": "EUR"},
        "availableForSale": False,
        "selectedOptions": [{"name": "Color", "value": "Red"}],
    }
    product = {
        "id": "gid://shop/P/1",
        "title": "Bag",
        "handle": "bag",
        "descriptionHtml": "<p>Nice</p>",
        "images": graphql(
            [{"url": "https://x.test/1.jpg"}, {"url": "https://x.test/2.jpg"}], layer
        ),
        "variants": graphql([variant, {**variant, "sku": "S-2"}], layer),
    }
    file, products = read(tmp_path, {"data": {"products": graphql([product], layer)}})
    assert file.reading.format == "shopify-json"
    (bag,) = products.values()
    assert bag.text == "Nice"
    assert [one.address[-5:] for one in bag.images] == ["1.jpg", "2.jpg"]
    assert bag.attributes == {
        "handle": "bag",
        "Color": "Red",
        "price": 49.0,
        "was_price": 60.0,
        "currency": "EUR",
        "in_stock": False,
    }
    assert [(v.sku, v.title, v.image) for v in bag.variants] == [
        ("S-1", "Red", None),
        ("S-2", "Red", None),
    ]


def test_products_in_categories_are_the_products(tmp_path: Path) -> None:
    categories = [
        {"name": "Empty", "products": []},
        {"name": "Home", "products": [{"id": 1, "name": "Lamp"}, {"id": 2, "name": "Chair"}]},
        {"name": "Garden", "products": [{"id": 3, "name": "Spade"}]},
    ]
    file, products = read(tmp_path, {"shop": "x", "categories": categories})
    assert file.file.said == ["the products stand under categories.item.products"]
    assert [product.title for product in products.values()] == ["Lamp", "Chair", "Spade"]
    # categories without products are what the file is about
    _, products = read(tmp_path, {"categories": [{"id": 1, "name": "Home"}]})
    assert [product.title for product in products.values()] == ["Home"]
