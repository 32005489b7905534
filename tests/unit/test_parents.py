"""Rows of a plain table that belong together: children that name their parent."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitrina.files import Mapping, Product, Reject, Repeat, open_products


def read(
    tmp_path: Path, data: str, name: str = "items.csv", mapping: Mapping | None = None
) -> list[Product | Repeat | Reject]:
    """All that comes out of a file."""
    path = tmp_path / name
    path.write_text(data, "utf-8")
    with open_products(str(path), mapping=mapping) as file:
        return list(file.products())


def only(items: list[Product | Repeat | Reject]) -> Product:
    (product,) = items
    assert isinstance(product, Product)
    return product


@pytest.mark.parametrize(
    ("number", "parent"),
    [("Artikelnummer", "Vaterartikel"), ("sku", "parent sku"), ("id", "parent_id")],
)
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0)])
def test_children_are_variants_of_the_row_they_name(
    tmp_path: Path, number: str, parent: str, order: tuple[int, ...]
) -> None:
    rows = ["V1,Shirt,,,,Nord", "V1-S,Shirt S,29.90,401,V1,Nord", "V1-M,,39.90,402,V1,Nord"]
    data = "\n".join([f"{number},title,price,ean,{parent},brand", *(rows[n] for n in order), ""])
    product = only(read(tmp_path, data))
    assert (product.external_id, product.title) == ("V1", "Shirt")
    assert product.attributes == {"brand": "Nord", "price": 29.9, "price_max": 39.9}
    assert [(v.sku, v.title, v.codes, v.price) for v in product.variants] == [
        ("V1-S", "Shirt S", ("401",), 29.9),
        ("V1-M", None, ("402",), 39.9),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Variation Name 1", "Variation Wert 1"),
        ("option1_name", "option1_value"),
        ("Attribute 1 name", "Attribute 1 value(s)"),
    ],
)
def test_options_in_pairs_of_columns_are_attributes(tmp_path: Path, name: str, value: str) -> None:
    data = f"sku,parent_sku,title,{name},{value}\nA,,Cup,,\nB,A,,Size,S\nC,A,,Size,L\n"
    cup = only(read(tmp_path, data))
    assert cup.attributes == {"Size": ["S", "L"]}
    assert [v.attributes for v in cup.variants] == [{"Size": "S"}, {"Size": "L"}]


def test_a_child_without_a_price_costs_as_much_as_its_parent(tmp_path: Path) -> None:
    data = (
        "id,parent_id,name,price,sale price,sku\na,,Cup,9.99,8.99,C\nb,a,,,,C-1\nc,a,,10.99,,C-2\n"
    )
    product = only(read(tmp_path, data))
    assert [(v.sku, v.price, v.was_price) for v in product.variants] == [
        ("C-1", 8.99, 9.99),
        ("C-2", 10.99, None),
    ]


def test_the_words_of_merchandise_systems_are_known(tmp_path: Path) -> None:
    data = (
        "Artikelnummer;Artikelname;Brutto-VK;Netto-VK;UVP;Vaterartikel\n"
        "V;Hemd;;;;\nV-S;;29,90;25,13;39,90;V\nV-M;;31,90;26,81;39,90;V\n"
    )
    shirt = only(read(tmp_path, data))
    assert [(v.sku, v.price) for v in shirt.variants] == [("V-S", 29.9), ("V-M", 31.9)]
    data = (
        "id,parent_id,product_number,name,price_net,price_gross,cover_media_url\n"
        "a,,SW1,Cup,8.40,9.99,https://x.test/1.jpg\nb,a,SW1.1,,,,https://x.test/2.jpg\n"
        "c,a,SW1.2,,9.23,10.99,\n"
    )
    cup = only(read(tmp_path, data))
    assert [(v.sku, v.price) for v in cup.variants] == [("SW1.1", 9.99), ("SW1.2", 10.99)]
    assert [one.role for one in cup.images] == ["main", "variant"]


def test_parents_without_children_and_repeated_ones_are_read_as_before(tmp_path: Path) -> None:
    data = (
        "sku,parent_sku,title\nA,0,Cup\nB,,Mug\nA,,Cup\nB,,Jug\nC-1,C,Pan small\nC-2,C,Pan large\n"
    )
    items = read(tmp_path, data)
    assert [(type(item).__name__, item.external_id) for item in items] == [
        ("Product", "C"),
        ("Product", "A"),
        ("Repeat", "A"),
        ("Product", "B"),
        ("Reject", "B"),
    ]


REPEATED = """\
id,title,size,color,price,seen,image
1,Tee,S,Red,10,monday,a.jpg
1,Tee,M,Red,12,monday,a.jpg
1,Tee,S,Red,10,tuesday,a.jpg
2,Cap,,Black,5,monday,b.jpg
"""


def test_a_row_that_repeats_an_id_with_another_size_is_a_reject(tmp_path: Path) -> None:
    first, other, same, cap = read(tmp_path, REPEATED)
    assert other == Reject(
        3,
        "1",
        "the id stands on line 2 already, with another size, price"
        " (--map group=id makes such rows variants)",
    )
    assert same == Repeat(4, "1", 2)
    assert isinstance(first, Product)
    assert isinstance(cap, Product)


def test_grouped_by_their_id_repeated_rows_are_variants(tmp_path: Path) -> None:
    tee, cap = read(tmp_path, REPEATED, mapping=Mapping({"group": "id"}))
    assert isinstance(tee, Product)
    assert [v.price for v in tee.variants] == [10, 12, 10]
    assert isinstance(cap, Product)
    assert (cap.external_id, cap.sku) == ("2", None)
