"""files/: rows, and products of plain tables."""

from __future__ import annotations

import json
import os
import tracemalloc
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
    open_products,
    open_rows,
)


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
    with open_products(str(path), mapping=mapping) as file:
        return list(file.products())


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
        ("a.csv", b",,\n,,\n", "no column names"),
        ("a.json", b"[1, 2", "broken JSON"),
        ("a.xml", b"<a><b>1</b></a>", "no element looks like a product"),
        ("a.zip", b"PK\x03\x04 and no more", "is a zip that cannot be read"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0 and no more", "cannot be read as a sheet"),
        ("a.html", b"<html><body>Lamp</body></html>", "without products in JSON-LD"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        rows_of(tmp_path, name, data)


def test_an_address_is_no_file_and_the_way_to_read_it_is_said() -> None:
    with (
        pytest.raises(InputError, match=r"is an address: only `vitrina ingest` reads one"),
        open_rows("https://shop.example/feed.xml"),
    ):
        pass


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
    tmp_path: Path,
    header: str,
    title: str,
    external_id: str,
    image: str | None,
    url: str | None,
) -> None:
    columns = header.split(",")
    path = tmp_path / "p.csv"
    path.write_text(f"{header}\n{','.join('x' for _ in columns)}\n", "utf-8")
    with open_products(str(path), format="plain") as file:
        found = {name: named[0] for name, named in file.reading.columns.items()}
    assert found.get("title") == title
    assert found.get("external_id") == external_id
    assert found.get("image") == image
    assert found.get("url") == url


def test_the_rest_becomes_attributes(tmp_path: Path) -> None:
    (product,) = products_of(tmp_path, 'id,title,price,color,tags\n7,Lamp,"$1,250",,"[\'a\']"\n')
    assert isinstance(product, Product)
    assert (product.external_id, product.title) == ("7", "Lamp")
    assert product.attributes == {"price": 1250.0, "currency": "$", "tags": ["a"]}


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
        ({"names": Path("/no/such/file")}, "--names"),
        ({"image": "{nope}.jpg"}, "no column 'nope' for --image"),
        ({"image_root": Path("/no/such/folder")}, "no such folder"),
        ({}, "with --map title=COLUMN"),
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
    with open_products(str(shared_data / "furniture/amazon_furniture_dataset.csv")) as file:
        furniture = list(file.products())
    products = [item for item in furniture if isinstance(item, Product)]
    assert len(furniture) == 312
    # seven rows were scraped twice
    assert (len(products), sum(isinstance(item, Repeat) for item in furniture)) == (305, 7)
    first = products[0]
    assert first.external_id == "B0CJHKVG6P"
    assert first.attributes["price"] == 24.99
    assert first.attributes["categories"][-1] == "Free Standing Shoe Racks"  # type: ignore[index]
    assert first.text is not None
    assert "Multiple layers" in first.text
    assert len(first.images) == 5
    with open_products(str(shared_data / "furniture/items_tagged_and_captioned.csv")) as file:
        tagged = [item for item in file.products() if isinstance(item, Product)]
    assert len({item.external_id for item in tagged}) == 312


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    with path.open("w") as out:
        for number in range(8_000):
            out.write(json.dumps({"id": number, "title": f"Lamp {number}", "n": "x" * 600}) + "\n")
    with open_products(str(path)) as file:
        products = file.products()
        next(products)
        tracemalloc.start()
        for _ in products:
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 3_000_000


@pytest.mark.parametrize("name", ["blank.csv", "blank.jsonl", "blank.xml"])
@pytest.mark.parametrize("text", ["", "\n", "\n\n", "\ufeff \r\n\t\r\n"])
def test_a_file_of_blank_lines_is_empty(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=f"{name} is empty"), open_rows(str(path)) as rows:
        list(rows)
