"""What programs leave in cells: entities, guards of spreadsheets, words for nothing, floats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vitrina.files import Product, Reading, Reject, open_products
from vitrina.files.html_text import to_plain, unescaped


def read(
    tmp_path: Path, data: str, name: str = "p.csv", reading: Reading | None = None
) -> list[Product]:
    """The products of a file; none of its rows is rejected, but for broken ones."""
    path = tmp_path / name
    path.write_text(data, "utf-8")
    with open_products(str(path), reading=reading) as file:
        return [item for item in file.products() if isinstance(item, Product)]


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("H&amp;M", "H&M"),
        ("30&deg;", "30°"),
        ("A&#38;B &#x26; C", "A&B & C"),
        ("<b>Oak</b> &amp; <i>ash</i>", "Oak & ash"),
        ("Home > Sofas < 3 m", "Home > Sofas < 3 m"),
        ("R&D", "R&D"),
        (["a &amp; b", {"name": "c &lt; d"}, 3], ["a & b", {"name": "c < d"}, 3]),
        (7, 7),
    ],
)
def test_an_attribute_has_no_entities(said: object, plain: object) -> None:
    assert to_plain(said) == plain


def test_an_address_keeps_what_only_looks_like_an_entity() -> None:
    assert unescaped("https://a/?x=1&amp;y=2&copy=3") == "https://a/?x=1&y=2&copy=3"


def test_entities_in_attributes_options_and_pictures(tmp_path: Path) -> None:
    data = (
        "ID,Type,SKU,Name,Visibility in catalog,Categories,Brands,Images,Parent,Attribute 1 name,"
        "Attribute 1 value(s),Meta: care\n"
        '1,variable,S,Shirt &amp; tie,visible,"Clothing &amp; Shoes > Tops, Sale",H&amp;M,'
        "https://w/1.jpg?a=1&amp;b=2,,Fabric,Cotton &amp; wool|Silk,Wash at 30&deg;\n"
        "2,variation,S-1,Shirt,visible,,,https://w/2.jpg?a=1&amp;b=2,S,Fabric,Cotton &amp; wool,\n"
        "3,variation,S-2,Shirt,visible,,,,S,Fabric,Silk,\n"
    )
    (shirt,) = read(tmp_path, data)
    assert shirt.attributes["Categories"] == ["Clothing & Shoes > Tops", "Sale"]
    assert shirt.attributes["Brands"] == "H&M"
    assert shirt.attributes["Meta: care"] == "Wash at 30°"
    assert shirt.image == "https://w/1.jpg?a=1&b=2"
    first = shirt.variants[0]
    assert (first.attributes, first.image) == (
        {"Fabric": "Cotton & wool"},
        "https://w/2.jpg?a=1&b=2",
    )


def test_entities_in_nested_json(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "title": "A", "tags": ["x &amp; y"], "images": [{"src": "https://w/?a&amp;b"}]}
    ]
    (product,) = read(tmp_path, json.dumps(rows), "p.json")
    assert product.attributes["tags"] == ["x & y"]
    assert product.image == "https://w/?a&b"


@pytest.mark.parametrize("guard", ["'{}", '"=""{}"""', '="{}"'])
def test_codes_have_no_guards_of_spreadsheets(tmp_path: Path, guard: str) -> None:
    sku, ean = guard.format("0012"), guard.format("0400638133393")
    (lamp, chair) = read(tmp_path, f"sku,title,ean\n{sku},Lamp,{ean}\n0013,Chair,\n")
    assert (lamp.external_id, lamp.sku, lamp.codes) == ("0012", "0012", ("0400638133393",))
    assert lamp.attributes["ean"] == "0400638133393"
    assert chair.external_id == "0013"


def test_an_apostrophe_of_a_name_stays(tmp_path: Path) -> None:
    (car,) = read(tmp_path, "id,title,note\n1,'68 coupe,'s avonds\n")
    assert (car.title, car.attributes["note"]) == ("'68 coupe", "'s avonds")


def test_a_rejected_row_does_not_change_the_kinds_of_columns(tmp_path: Path) -> None:
    data = "id,title,weight,year\n1,Lamp,0.9,2020\n2,Chair, oak,1.5,2021\n3,Table,3.5,2022\n"
    found = read(tmp_path, data)
    assert [product.attributes for product in found] == [
        {"weight": 0.9, "year": 2020},
        {"weight": 3.5, "year": 2022},
    ]


@pytest.mark.parametrize("nothing", ["nan", "NULL", "N/A", "None"])
def test_a_word_for_nothing_is_no_title_picture_or_code(tmp_path: Path, nothing: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(
        f"id,title,image,ean,url\n1,Lamp,{nothing},{nothing},{nothing}\n2,{nothing},a.jpg,7,x\n",
        "utf-8",
    )
    with open_products(str(path)) as file:
        lamp, untitled = file.products()
    assert isinstance(lamp, Product)
    assert (lamp.image, lamp.codes, lamp.url) == (None, (), None)
    assert untitled == Reject(3, "2", "no title")


def test_what_a_program_writes_for_no_value_is_no_attribute(tmp_path: Path) -> None:
    (lamp,) = read(tmp_path, "id,title,brand,pattern\n1,Lamp,nan,None\n")
    assert lamp.attributes == {"pattern": "None"}


FLOATS = "id,title,ean,version\n1.0,Lamp,4006381333931.0,1.0\n2.0,Chair,,1.5\n"


def test_ids_and_codes_that_a_data_frame_made_numbers(tmp_path: Path) -> None:
    lamp, chair = read(tmp_path, FLOATS)
    assert (lamp.external_id, lamp.codes) == ("1", ("4006381333931",))
    assert (lamp.attributes["ean"], chair.attributes["version"]) == ("4006381333931", 1.5)
    lamp, other = read(tmp_path, "id,title\n1.0,Lamp\n1.5,Chair\n")
    assert (lamp.external_id, other.external_id) == ("1.0", "1.5"), "these are no whole numbers"


def test_a_source_keeps_the_ids_that_it_has(tmp_path: Path) -> None:
    older = Reading("plain", {"title": ["title"], "external_id": ["id"], "ean": ["ean"]})
    assert read(tmp_path, FLOATS, reading=older)[0].external_id == "1.0"


def test_words_and_countries_are_no_codes(tmp_path: Path) -> None:
    data = (
        "id,title,currency code,tax code,slug,mpn,part id\n"
        "1,Lamp,EUR,A1,lamp-1,Does not apply,P-7\n2,Chair,EUR,A1,chair-2,M-8,P-8\n"
        "3,Table,USD,A1,table-3,,P-9\n"
    )
    lamp, chair, table = read(tmp_path, data)
    assert (lamp.codes, chair.codes, table.codes) == (("P-7",), ("M-8", "P-8"), ("P-9",))
    assert lamp.attributes["tax code"] == "A1"


def test_a_list_of_numbers_is_no_decimal_number(tmp_path: Path) -> None:
    data = "id;title;categories;related_ids;width\n1;Lamp;20,28;4,5;1,5\n2;Chair;20;;2\n"
    lamp, chair = read(tmp_path, data)
    assert (lamp.attributes["categories"], chair.attributes["categories"]) == ("20,28", "20")
    assert lamp.attributes["related_ids"] == "4,5"
    assert lamp.attributes["width"] == 1.5
