"""files/numbers.py and survey.py: numbers and prices, each column judged whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vitrina.files import Product, open_products
from vitrina.files.numbers import Price, mark, parse_number, parse_price


@pytest.mark.parametrize(
    ("text", "decimal", "price"),
    [
        ("$24.99", ".", Price(24.99, None, "$")),
        ("$1,299.00", ".", Price(1299.0, None, "$")),
        ("24,99 €", ".", Price(24.99, None, "EUR")),
        ("1.299,00 €", ".", Price(1299.0, None, "EUR")),
        ("CHF 1'200", ".", Price(1200.0, None, "CHF")),
        ("1'299.-", ".", Price(1299.0)),
        ("49,-", ",", Price(49.0)),
        ("1 299,50 kr", ".", Price(1299.5)),
        ("£5", ".", Price(5.0, None, "GBP")),
        ("1,299", ".", Price(1299.0)),
        ("1.299", ",", Price(1299.0)),
        ("1.299", ".", Price(1.299)),
        ("Rs. 499", ".", Price(499.0)),
        ("1,29,999.00", ".", Price(129999.0)),
        ("12 zł", ".", Price(12.0, None, "PLN")),
        ("Kč 1 299", ",", Price(1299.0, None, "CZK")),
        ("￥1,980", ".", Price(1980.0, None, "JPY")),
        ("1980円", ".", Price(1980.0, None, "JPY")),
        ("R$ 1.299,90", ",", Price(1299.9, None, "BRL")),
        ("US$5", ".", Price(5.0, None, "USD")),
        (".99", ".", Price(0.99)),
        ("$.99", ".", Price(0.99, None, "$")),
        (",49 €", ",", Price(0.49, None, "EUR")),
        ("ca.20", ".", Price(20.0)),
        ("Rs.500", ".", Price(500.0)),
        ("-.99", ".", None),
        ("from $5.00", ".", Price(5.0, None, "$")),
        ("ab 19,90", ",", Price(19.9)),
        ("à partir de 19,90 €", ",", Price(19.9, None, "EUR")),
        ("$10 - $20", ".", Price(10.0, 20.0, "$")),
        ("10,00 € bis 20,00 €", ",", Price(10.0, 20.0, "EUR")),
        ("12,50 €/m²", ",", Price(12.5, None, "EUR")),
        ("19.99 EUR", ".", Price(19.99, None, "EUR")),
        ("free", ".", None),
        ("", ".", None),
        ("3 for 2", ".", None),
        ("-5.00", ".", None),
        ("20%", ".", None),
        ("1,2,3,4,5", ".", None),
    ],
)
def test_prices_become_numbers(text: str, decimal: str, price: Price | None) -> None:
    assert parse_price(text, decimal) == price


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("0,91", ",", 0.91),
        ("0,91", ".", 0.91),
        ("1.250", ".", 1.25),
        ("1.250", ",", 1250),
        ("2012.0", ".", 2012),
        ("-1.5", ".", -1.5),
        ("10 000", ",", 10000),
        ("042", ".", None),
        ("36,37,38", ".", None),
        ("123456789012345678", ".", None),
        ("10 kg", ".", None),
        (".5", ".", 0.5),
        (",75", ",", 0.75),
        ("1e5", ".", None),
    ],
)
def test_a_number_is_nothing_else(text: str, decimal: str, number: float | None) -> None:
    assert parse_number(text, decimal) == number


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1.5", "."),
        ("1,50", ","),
        (",50", ","),
        ("1.249,00", ","),
        ("1.234.567", ","),
        ("1.299", "?."),
        ("1,299", "?,"),
        ("0.125", "."),
        ("12", None),
        ("49,-", ","),
    ],
)
def test_a_value_says_what_its_mark_is(text: str, said: str | None) -> None:
    assert mark(text) == said


def columns_of(tmp_path: Path, data: str) -> dict[str, list[object]]:
    """The attributes of all products, by name."""
    path = tmp_path / "p.csv"
    path.write_text(data, "utf-8")
    found: dict[str, list[object]] = {}
    with open_products(str(path)) as file:
        for product in file.products():
            assert isinstance(product, Product)
            for name, value in product.attributes.items():
                found.setdefault(name, []).append(value)
    return found


def test_a_doubtful_value_follows_its_column_and_the_file(tmp_path: Path) -> None:
    german = "Artikelnummer;Name;Preis;Gewicht;Länge\nA;a;1.249;0,91;1.000\nB;b;34,95;1,2;20\n"
    found = columns_of(tmp_path, german)
    assert found["Preis"] == [1249.0, 34.95]
    assert found["Gewicht"] == [0.91, 1.2]
    assert found["Länge"] == [1000, 20]
    english = 'id,title,price,length\nA,a,34.95,1.125\nB,b,"1,249",20\n'
    found = columns_of(tmp_path, english)
    assert found["price"] == [34.95, 1249.0]
    assert found["length"] == [1.125, 20]
    # nothing else in the file tells: a price has no three decimals
    assert columns_of(tmp_path, "id;title;Preis\nA;a;1.249\n")["Preis"] == [1249.0]


def test_a_column_is_of_one_type(tmp_path: Path) -> None:
    data = "id,title,size,upc,serial,rank,note\n1,a,42,0012345,00123,7,1\n2,b,M,99,456,n/a,two\n"
    found = columns_of(tmp_path, data)
    assert found["size"] == ["42", "M"]
    assert found["upc"] == ["0012345", "99"]
    assert found["serial"] == ["00123", "456"]  # one of them has a leading zero
    assert found["rank"] == [7]
    assert found["note"] == ["1", "two"]


def test_the_mark_is_decided_by_rows_far_below(tmp_path: Path) -> None:
    rows = "".join(f"{n};Lampe {n};1.299\n" for n in range(1, 900))
    found = columns_of(tmp_path, f"id;title;Masse\n{rows}900;Lampe;12,5\n")
    assert found["Masse"][0] == 1299
    assert found["Masse"][-1] == 12.5


def test_prices_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("id,title,price\n1,a,9.90\n2,b,on request\n3,c,-\n", "utf-8")
    with open_products(str(path)) as file:
        products = [item for item in file.products() if isinstance(item, Product)]
    assert [product.attributes.get("price") for product in products] == [9.9, None, None]
    assert any(
        "1 price is not a number: line 3, price: 'on request'" in said for said in file.notices()
    )


def test_prices_that_are_no_texts(tmp_path: Path) -> None:
    """As sheets and JSON have them."""
    path = tmp_path / "p.json"
    rows = [
        {"id": 1, "title": "a", "regular_price": 10, "sale_price": 8.5, "Preis": True},
        {"id": 2, "title": "b", "regular_price": 12.5, "sale_price": None, "weight": 3},
        {"id": 3, "title": "c", "regular_price": -1, "in_stock": True},
    ]
    path.write_text(json.dumps(rows), "utf-8")
    with open_products(str(path)) as file:
        found = [item.attributes for item in file.products() if isinstance(item, Product)]
    assert [one.get("price") for one in found] == [8.5, 12.5, None]
    assert found[0]["was_price"] == 10.0
    assert found[1]["weight"] == 3


def test_what_a_buyer_pays_now(tmp_path: Path) -> None:
    data = (
        "id,title,Regular price,Sale price,was price,currency\n"
        "1,a,10.00,8.00,,EUR\n2,b,10.00,,12.00,EUR\n3,c,10.00,,9.00,EUR\n4,d,$5 - $9,,,\n"
    )
    found = columns_of(tmp_path, data)
    assert found["price"] == [8.0, 10.0, 10.0, 5.0]
    assert found["was_price"] == [10.0, 12.0]
    assert found["price_max"] == [9.0]
    assert found["currency"] == ["EUR", "EUR", "EUR", "$"]


def test_a_code_beside_the_sign_of_dollars_says_which_they_are(tmp_path: Path) -> None:
    data = "id,title,price,currency\n1,a,$5.00,CAD\n2,b,$1 - $2,\n3,c,$6 USD,\n4,d,7.00,$\n5,e,8,\n"
    assert columns_of(tmp_path, data)["currency"] == ["CAD", "$", "USD", "$"]


def test_a_recommended_price_is_a_former_price(tmp_path: Path) -> None:
    found = columns_of(tmp_path, "id;title;UVP;Preis\n1;a;30,00;20,00\n2;b;30,00;30,00\n")
    assert (found["price"], found["was_price"]) == ([20.0, 30.0], [30.0])
    found = columns_of(tmp_path, "id,title,MSRP,price\n1,a,30.00,\n")
    assert "price" not in found


def test_names_with_product_or_item_before_them(tmp_path: Path) -> None:
    found = columns_of(
        tmp_path,
        "product_sku,product_title,product_price,item_sale_price,item_stock\n7,a,20,15,0\n",
    )
    assert (found["price"], found["was_price"], found["in_stock"]) == ([15.0], [20.0], [False])
    both = columns_of(tmp_path, "id,title,product_price,price\n1,a,5,6\n")
    assert both["price"] == [6.0], "the plain name is the surer"
    path = tmp_path / "models.csv"
    path.write_text("title,item_model_number\na,M-1\nb,M-1\n", "utf-8")
    with open_products(str(path)) as file:
        assert all(isinstance(item, Product) for item in file.products())
    assert "external_id" not in file.reading.columns


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("id,title,price_eur,price_usd\n1,a,10,11\n", "price_eur, price_usd"),
        ("id;title;Preis netto;Länge\n1;a;9,90;3\n", "Preis netto"),
        ("id,title,MSRP\n1,a,9.90\n", "MSRP"),
        ("id,title,MSRP,net price\n1,a,9.90,8\n", "net price"),
        ("id,title,price,price_usd\n1,a,10,11\n", None),
        ("id,title,price,price_usd\n1,a,,11\n", None),
        ("id,title,price group,length\n1,a,B,3\n", None),
    ],
)
def test_columns_that_may_be_the_price_are_said(
    tmp_path: Path, data: str, said: str | None
) -> None:
    path = tmp_path / "p.csv"
    path.write_text(data, "utf-8")
    with open_products(str(path)) as file:
        assert len(list(file.products())) == 1
    notices = [notice for notice in file.notices() if "known as the price" in notice]
    assert notices == (
        [f"no column is known as the price, but {said} may be (--map price=COLUMN)"] if said else []
    )
