"""files/: rows, values and mapping."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from vitrina.errors import InputError
from vitrina.files import (
    BadRow,
    Mapping,
    Product,
    Reject,
    Repeat,
    Row,
    open_rows,
    read_products,
)
from vitrina.files.values import parse_list, parse_price, typed


def rows_of(tmp_path: Path, name: str, data: bytes, **options: str) -> list[Row | BadRow]:
    path = tmp_path / name
    path.write_bytes(data)
    with open_rows(str(path), **options) as rows:
        return list(rows)


def products_of(
    tmp_path: Path, data: str, mapping: Mapping | None = None, name: str = "p.csv"
) -> list[Product | Repeat | Reject]:
    path = tmp_path / name
    path.write_text(data, "utf-8")
    with open_rows(str(path)) as rows:
        return list(read_products(rows, mapping or Mapping(), name=name))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$24.99", 24.99),
        ("$1,299.00", 1299.0),
        ("24,99 €", 24.99),
        ("1.299,00 €", 1299.0),
        ("CHF 1'200", 1200.0),
        ("1 299,50 kr", 1299.5),
        ("£5", 5.0),
        ("1,299", 1299.0),
        ("Rs. 499", 499.0),
        ("12", 12.0),
        ("from 5", None),
        ("$10 - $20", None),
        ("free", None),
        ("", None),
        ("1,2,3,4,5", 12345.0),
    ],
)
def test_prices_become_numbers(text: str, number: float | None) -> None:
    assert parse_price(text) == number


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('["a", "b"]', ["a", "b"]),
        ("['a ', ' b']", ["a", "b"]),
        ("[]", []),
        ("[{'Brand': ' X '}]", [{"Brand": " X "}]),
        ("[1, 2.5]", [1, 2.5]),
        ("[oops]", None),
        ("[__import__('os')]", None),
        ("(1, 2)", None),
        ("[b'x']", None),
        ("[" * 5000 + "]" * 5000, None),
    ],
)
def test_lists_written_out_are_read(text: str, items: list[object] | None) -> None:
    assert parse_list(text) == items


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("price", "$5.00", 5.0),
        ("list_price", "5", 5.0),
        ("salePrice", "5", 5.0),
        ("year", "2012.0", 2012),
        ("width", "-1.5", -1.5),
        ("upc", "0012345", "0012345"),
        ("sku", "12345", "12345"),
        ("item_model_number", "6543", "6543"),
        ("size", "042", "042"),
        ("note", "  ", None),
        ("color", " Black ", "Black"),
        ("priceless", "abc", "abc"),
        ("serial", "123456789012345678", "123456789012345678"),
    ],
)
def test_fields_take_the_type_they_mean(column: str, text: str, value: object) -> None:
    assert typed(column, text) == value


def test_csv_rows_carry_their_first_line(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "a.csv", b'id,title\n1,"two\nlines"\n\n2,b\n')
    assert rows == [
        Row(2, {"id": "1", "title": "two\nlines"}),
        Row(5, {"id": "2", "title": "b"}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(tmp_path: Path, delimiter: str) -> None:
    data = f"id{delimiter}title\n1{delimiter}a\n".encode()
    assert rows_of(tmp_path, "a.csv", data) == [Row(2, {"id": "1", "title": "a"})]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"id,title\n1\n", "only 1 fields where the header has 2"),
        (b"id,title\n1,a,b\n", "3 fields where the header has 2"),
        (b"id,title\n1,caf\xe9\n", "not valid UTF-8"),
        (b"id,title\n1,a\0b\n", "a NUL byte in title"),
        (b'id,title\n1,"open\n2,b\n', "a quote left open"),
    ],
)
def test_a_bad_csv_row_is_named(tmp_path: Path, data: bytes, reason: str) -> None:
    (row,) = rows_of(tmp_path, "a.csv", data)
    assert isinstance(row, BadRow)
    assert row.line == 2
    assert reason in row.reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id": 1,', "broken JSON"),
        (b"[1]", "a JSON list where an object was expected"),
        (b'"x"', "a JSON str where an object was expected"),
        (b'{"n": NaN}', "NaN is not JSON"),
        (b'{"n": 1e999}', "too large"),
        (b'{"t": "a\\u0000b"}', "a NUL character"),
        (b'{"t": "\\ud800"}', "surrogate"),
        (b'{"t": "caf\xe9"}', "not valid UTF-8"),
        (b"[" * 100_000, "broken JSON"),
    ],
)
def test_a_bad_json_line_is_named_and_the_next_is_read(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    good = b'{"id": 1, "title": "a"}\n'
    first, bad, last = rows_of(tmp_path, "a.jsonl", good + line + b"\n" + good)
    assert isinstance(bad, BadRow)
    assert bad.line == 2
    assert reason in bad.reason
    assert isinstance(first, Row)
    assert last == Row(3, {"id": 1, "title": "a"})


def test_an_escaped_backslash_is_no_nul(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, "a.jsonl", b'{"t": "\\\\u0000"}\n')
    assert row == Row(1, {"t": "\\u0000"})


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\xff\xfei\0d\0", "give --encoding utf-16"),
        ("a.csv", b",,\n1,2,3\n", "no column names"),
        ("a.csv", b"id,id\n1,2\n", "stands twice"),
        ("a.json", b'[{"id": 1}]', "one JSON array"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        rows_of(tmp_path, name, data)


def test_other_encodings_are_read(tmp_path: Path) -> None:
    latin = rows_of(tmp_path, "a.csv", "id,title\n1,café\n".encode("latin-1"), encoding="latin-1")
    assert latin == [Row(2, {"id": "1", "title": "café"})]
    wide = rows_of(tmp_path, "b.csv", "id,title\n1,café\n".encode("utf-16"), encoding="utf-16")
    assert wide == latin
    marked = rows_of(tmp_path, "c.csv", "\ufeffid,title\n1,café\n".encode())
    assert marked == latin


@pytest.mark.parametrize(
    ("header", "title", "external_id", "image", "url"),
    [
        ("id,title,image,url", "title", "id", "image", "url"),
        ("SKU,Product Name,Image URL,Link", "Product Name", "SKU", "Image URL", "Link"),
        ("asin,title,primary_image,images,url", "title", "asin", "primary_image", "url"),
        ("id,productDisplayName,articleType", "productDisplayName", "id", None, None),
        ("Handle,Title,Image Src,Vendor", "Title", "Handle", "Image Src", None),
        ("product-id,name,picture", "name", "product-id", "picture", None),
    ],
)
def test_common_columns_are_recognised(
    header: str, title: str, external_id: str, image: str | None, url: str | None
) -> None:
    found = Mapping().resolve(header.split(","))
    assert found.get("title") == title
    assert found.get("external_id") == external_id
    assert found.get("image") == image
    assert found.get("url") == url


def test_the_rest_becomes_attributes(tmp_path: Path) -> None:
    (product,) = products_of(tmp_path, 'id,title,price,color,tags\n7,Lamp,"$1,250",,"[\'a\']"\n')
    assert isinstance(product, Product)
    assert (product.external_id, product.title) == ("7", "Lamp")
    assert product.attributes == {"price": 1250.0, "tags": ["a"]}


def test_a_mapped_column_wins_over_a_recognised_one(tmp_path: Path) -> None:
    mapping = Mapping(columns={"title": "name", "external_id": "code"})
    (product,) = products_of(tmp_path, "id,code,title,name\n1,c1,T,N\n", mapping)
    assert isinstance(product, Product)
    assert (product.external_id, product.title) == ("c1", "N")
    assert product.attributes == {"id": "1", "title": "T"}


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"columns": {"title": "nope"}}, "no column 'nope' for title; there are: id, t"),
        ({"columns": {"colour": "t"}}, "the fields are external_id, title, image, url"),
        ({"image": "{nope}.jpg"}, "no column 'nope' for --image"),
        ({"image_root": Path("/no/such/folder")}, "no such folder"),
        ({}, "say which: --map title=COLUMN"),
    ],
)
def test_a_mapping_that_cannot_work_is_explained(
    tmp_path: Path, mapping: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        products_of(tmp_path, "id,t\n1,a\n", Mapping(**mapping))  # type: ignore[arg-type]


def test_a_picture_template_is_filled_from_the_row(tmp_path: Path) -> None:
    (tmp_path / "7.jpg").write_bytes(b"x")
    mapping = Mapping(image="{id}.jpg", image_root=tmp_path)
    (product,) = products_of(tmp_path, "id,title,image\n7,Lamp,ignored.png\n", mapping)
    assert isinstance(product, Product)
    assert product.image == "7.jpg"
    first = product.image_stamp
    os.utime(tmp_path / "7.jpg", ns=(1, 1))
    (again,) = products_of(tmp_path, "id,title,image\n7,Lamp,ignored.png\n", mapping)
    assert isinstance(again, Product)
    assert first is not None
    assert again.image_stamp != first


def test_repeats_conflicts_and_unusable_rows(tmp_path: Path) -> None:
    data = (
        "id,title,image\n1,Lamp,a.jpg\n1,Lamp,a.jpg\n1,Sofa,a.jpg\n,Desk,\n4,,\n"
        f"5,{'x' * 2001},\n{'9' * 501},Rug,\n"
    )
    kinds = products_of(tmp_path, data)
    assert isinstance(kinds[0], Product)
    assert kinds[1] == Repeat(3, "1", 2)
    reasons = [item.reason for item in kinds[2:] if isinstance(item, Reject)]
    assert reasons == [
        "the id stands on line 2 already, with another title or picture",
        "no id: the id is empty",
        "no title",
        "the title has 2,001 characters, more than 2,000",
        "the id is longer than 500 characters",
    ]


def test_rows_without_ids_are_told_apart_and_keep_their_id(tmp_path: Path) -> None:
    data = "title,link\nLamp,u1\nLamp,u2\nLamp,u1\n"
    first = [item.external_id for item in products_of(tmp_path, data) if isinstance(item, Product)]
    again = [item.external_id for item in products_of(tmp_path, data) if isinstance(item, Product)]
    assert len(set(first)) == 3
    assert first == again
    assert first[2] == f"{first[0]}-2"


def test_header_only_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rows below its header"):
        products_of(tmp_path, "id,title\n")


@pytest.mark.data
def test_the_real_catalogues_are_mapped_as_they_are(shared_data: Path) -> None:
    with open_rows(str(shared_data / "furniture/amazon_furniture_dataset.csv")) as rows:
        furniture = list(read_products(rows, Mapping()))
    products = [item for item in furniture if isinstance(item, Product)]
    assert len(furniture) == 312
    # seven rows were scraped twice
    assert (len(products), sum(isinstance(item, Repeat) for item in furniture)) == (305, 7)
    assert products[0].external_id == "B0CJHKVG6P"
    assert products[0].attributes["price"] == 24.99
    assert products[0].attributes["categories"][-1] == "Free Standing Shoe Racks"  # type: ignore[index]
    with open_rows(str(shared_data / "furniture/items_tagged_and_captioned.csv")) as rows:
        tagged = list(read_products(rows, Mapping()))
    assert len({item.external_id for item in tagged if isinstance(item, Product)}) == 312


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    with path.open("w") as file:
        for number in range(15_000):
            file.write(json.dumps({"id": number, "title": f"Lamp {number}", "n": "x" * 600}) + "\n")
    import tracemalloc

    with open_rows(str(path)) as rows:
        products = read_products(rows, Mapping())
        next(products)
        tracemalloc.start()
        for _ in products:
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 3_000_000
