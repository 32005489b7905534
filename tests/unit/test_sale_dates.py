"""files/dates.py: a sale that is over, or has not begun, lowers no price."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitrina.files import Product, open_products
from vitrina.files.dates import is_on


@pytest.mark.parametrize(
    ("starts", "ends", "on"),
    [
        ("", "", True),
        ("2020-01-01", "", True),
        ("2099-01-01", "", False),
        ("", "2020-01-01", False),
        ("2020-01-01", "2099-12-31", True),
        ("2020-01-01 10:00:00", "2020-02-01 10:00:00", False),
        ("1/31/20", "2/1/20", False),
        ("31/1/2099", "", False),
        ("12/1/20", "12/31/99, 12:00 AM", True),
        ("31.01.2020", "01.02.2020", False),
        ("1. 2. 2099", "", False),
        ("2020-01-01T13:00-0800/2020-02-29T15:30-0800", "", False),
        ("2020-01-01T13:00Z/2099-02-28T15:30Z", "", True),
        ("2099-01-01/2099-02-01", "", False),
        ("0000-00-00", "0000-00-00 00:00:00", True),
        ("soon", "13/13/2020", True),
        ("2020-01-01T00:00:00+14:00", "2099-01-01", True),
    ],
)
def test_whether_a_sale_is_on(starts: str, ends: str, on: bool) -> None:
    assert is_on(starts, ends) is on


def test_the_last_day_belongs_to_the_sale(monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime

    from vitrina.files import dates

    noon = datetime.datetime(2024, 2, 1, 12)
    monkeypatch.setattr(dates, "_now", lambda like: noon)
    assert is_on("2024-02-01", "2024-02-01")
    assert not is_on("", "2024-02-01 11:00")
    assert not is_on("", "1/31/24")


WOO = "ID,Type,SKU,Name,Visibility in catalog,{},Sale price,Regular price"
TYPE = "ID,Typ,Artikelnummer,Name,Sichtbarkeit im Katalog,{},Angebotspreis,Regulärer Preis"


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (WOO.format("Date sale price starts,Date sale price ends"), "1,simple,A,Mug,visible,{0},{1},10,20"),
        (
            TYPE.format('"Datum, an dem Angebotspreis beginnt","Datum, an dem Angebotspreis endet"'),
            "1,simple,A,Mug,visible,{0},{1},10,20",
        ),
        (
            "ID,Type,UGS,Nom,Date de début de promo,Date de fin de promo,Tarif promo,Tarif régulier",
            "1,simple,A,Mug,{0},{1},10,20",
        ),
        (
            "ID,Tipo,SKU,Nombre,Día en que empieza el precio rebajado,"
            "Día en que termina el precio rebajado,Precio rebajado,Precio normal",
            "1,simple,A,Mug,{0},{1},10,20",
        ),
        (
            "ID,Type,SKU,Naam,Startdatum actieprijs,Einddatum actieprijs,Actieprijs,Reguliere prijs",
            "1,simple,A,Mug,{0},{1},10,20",
        ),
        (
            "ID,Typ,SKU,Nazwa,Data rozpoczęcia promocji,Data zakończenia promocji,Cena promocyjna,Cena",
            "1,simple,A,Mug,{0},{1},10,20",
        ),
        (
            "ID,Tipo,SKU,Nome,Data de preço promocional começa em,"
            "Data de preço promocional termina em,Preço promocional,Preço",
            "1,simple,A,Mug,{0},{1},10,20",
        ),
        (
            "ID,タイプ,SKU,名前,セール価格の開始日,セール価格の終了日,セール価格,通常価格",
            "1,simple,A,Mug,{0},{1},10,20",
        ),
        (
            "sku,attribute_set_code,product_type,name,special_price_from_date,special_price_to_date,"
            "special_price,price",
            "1,Default,simple,Mug,{0},{1},10,20",
        ),
        (
            "Product ID;Active (0/1);Name;Categories (x,y,z...);Discount from (yyyy-mm-dd);"
            "Discount to (yyyy-mm-dd);Discount percent;Price tax included",
            "1;1;Mug;Home;{0};{1};50;20",
        ),
        (
            "ID;Actif (0/1);Nom;Catégories (x,y,z...);Réduction à partir du (aaaa-mm-jj);"
            "Réduction jusqu'au (aaaa-mm-jj);Montant de la remise;Prix TTC",
            "1;1;Mug;Home;{0};{1};10;20",
        ),
        (
            "item_sku,item_name,sale_from_date,sale_end_date,sale_price,standard_price",
            "1,Mug,{0},{1},10,20",
        ),
        (
            "contribution_sku#1.value,item_name#1.value,purchasable_offer#1.discounted_price#1.schedule#1.start_at,"
            "purchasable_offer#1.discounted_price#1.schedule#1.end_at,"
            "purchasable_offer#1.discounted_price#1.schedule#1.value_with_tax,"
            "purchasable_offer#1.our_price#1.schedule#1.value_with_tax",
            "1,Mug,{0},{1},10,20",
        ),
        (
            "id,title,image_link,sale_price_effective_date,sale_price,price",
            "1,Mug,a.jpg,{0}/{1},10 EUR,20 EUR",
        ),
        ("id,title,sale start,sale end,sale price,price", "1,Mug,{0},{1},10,20"),
    ],
)  # fmt: skip
def test_a_sale_lowers_the_price_while_it_is_on(tmp_path: Path, header: str, row: str) -> None:
    path = tmp_path / "p.csv"
    found = []
    for span in (
        ("2020-01-01", "2099-01-01"),
        ("2020-01-01", "2020-02-01"),
        ("2099-01-01", "2099-02-01"),
    ):
        path.write_text(f"{header}\n{row.format(*span)}\n", "utf-8")
        with open_products(str(path)) as file:
            (product,) = file.products()
        assert isinstance(product, Product)
        assert not any(
            "20" in str(value)[:2] and "-01" in str(value) for value in product.attributes.values()
        )
        found.append((product.attributes["price"], product.attributes.get("was_price")))
    assert found == [(10.0, 20.0), (20.0, None), (20.0, None)]
