"""files/reading.py and formats/fields.py: a file that is read again with the reading of its source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vitrina.files import Mapping, Product, ProductFile, Reading, Reject, Repeat, open_products


def read(path: Path, **options: object) -> tuple[ProductFile, list[Product | Repeat | Reject]]:
    with open_products(str(path), **options) as file:  # type: ignore[arg-type]
        items = list(file.products())
    return file, items


def both(path: Path, **options: object) -> tuple[ProductFile, list[Product | Repeat | Reject]]:
    """What a file gives; read again as its source it gives the same."""
    file, items = read(path, **options)
    stored = Reading.from_json(json.loads(json.dumps(file.reading.as_json())))
    again, later = read(path, reading=stored)
    assert later == items
    assert again.reading == file.reading
    assert again.notices() == file.notices()
    return file, items


def lines(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


FEW = [{"id": n, "title": f"Lamp {n}", "price": 10} for n in range(25)]


@pytest.mark.parametrize(
    "late",
    [
        {"id": 99, "title": "Late", "description": "Warm", "image": "b.jpg", "sale_price": 7},
        {"id": 99, "title": "Late", "image_url": "a.jpg", "image": "b.jpg", "body": "Warm"},
        {"sku": "S9", "name": "Other keys", "regular_price": "9.90", "brand": "Acme"},
        {"sku": "S9", "id": 99, "name": "Full name", "title": "Late"},
    ],
)
def test_a_field_that_only_later_rows_have_is_read_in_each_load(
    tmp_path: Path, late: dict[str, object]
) -> None:
    _, items = both(lines(tmp_path / "p.jsonl", [*FEW, late]))
    last = items[-1]
    assert isinstance(last, Product)
    assert last.external_id in ("99", "S9")
    assert last.title in ("Late", "Other keys")
    if "image" in late:
        assert "b.jpg" in [picture.address for picture in last.images]
        assert last.text == "Warm"


def test_further_pictures_of_later_items_of_a_feed_stay(tmp_path: Path) -> None:
    item = "<item><g:id>{0}</g:id><title>Lamp {0}</title><g:image_link>{0}.jpg</g:image_link>{1}</item>"
    more = "<g:additional_image_link>x.jpg</g:additional_image_link><link>https://a/p</link>"
    items = [item.format(n, "" if n < 24 else more) for n in range(25)]
    path = tmp_path / "p.xml"
    path.write_text(
        '<rss xmlns:g="http://base.google.com/ns/1.0"><channel>'
        + "".join(items)
        + "</channel></rss>",
        "utf-8",
    )
    last = both(path)[1][-1]
    assert isinstance(last, Product)
    assert [picture.address for picture in last.images] == ["24.jpg", "x.jpg"]
    assert last.url == "https://a/p"


def test_columns_that_were_mapped_stay_with_their_fields(tmp_path: Path) -> None:
    rows = [{"id": n, "title": f"Lamp {n}", "summary": "Model A"} for n in range(25)]
    path = lines(tmp_path / "p.jsonl", [*rows, {"id": 99, "title": "x", "summary": "B"}])
    _, items = both(path, mapping=Mapping({"title": "summary"}))
    assert [item.title for item in items[-2:] if isinstance(item, Product)] == ["Model A", "B"]


def test_a_template_of_pictures_is_kept_with_the_source(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("id,title\n7,Lamp\n", "utf-8")
    (product,) = both(path, mapping=Mapping(image="{id}.jpg"))[1]
    assert isinstance(product, Product)
    assert product.image == "7.jpg"


def test_a_field_that_had_no_column_is_found_anew(tmp_path: Path) -> None:
    first, later = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text("id,title,price\n1,Lamp,10\n", "utf-8")
    later.write_text(
        "id,title,price,sale_price,image,item group id\n1,Lamp,10,8,a.jpg,G\n", "utf-8"
    )
    file, (product,) = read(later, reading=read(first)[0].reading)
    assert isinstance(product, Product)
    assert (product.external_id, product.image) == ("1", "a.jpg"), "a group would be another id"
    assert product.attributes["price"] == 8.0
    assert file.notices() == [
        "picture is read from image, which is new",
        "sale price is read from sale_price, which is new",
    ]
    assert file.reading.columns["image"] == ["image"]


def test_nothing_is_found_anew_where_the_ids_are_others(tmp_path: Path) -> None:
    first, later = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text("sku,title\n1,Lamp\n", "utf-8")
    later.write_text("id,sku,title,image\n7,1,Lamp,a.jpg\n", "utf-8")
    _, (product,) = read(later, reading=read(first)[0].reading)
    assert isinstance(product, Product)
    assert (product.external_id, product.image) == ("1", None)


def test_a_column_that_is_gone_is_said(tmp_path: Path) -> None:
    first, later = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text("id,title,price,image,image2\n1,Lamp,10,a.jpg,b.jpg\n", "utf-8")
    later.write_text("id,title,amount due,image2\n1,Lamp,10,b.jpg\n", "utf-8")
    file, _ = read(later, reading=read(first)[0].reading)
    assert file.notices()[:2] == [
        "picture was read from image, which is gone; it is read from image2 now"
        " (--remap reads the columns anew)",
        "price was read from price, which is gone (--remap reads the columns anew)",
    ]
    assert file.reading.columns["price"] == ["price"], "it may come back"


def test_a_source_older_than_readings_has_no_further_fields(tmp_path: Path) -> None:
    path = lines(tmp_path / "p.jsonl", [*FEW, {"id": 99, "title": "Late", "body": "Warm"}])
    file, items = read(path, earlier=True)
    again, later = read(path, reading=file.reading)
    assert later == items
    assert again.reading == file.reading
    assert all(item.text is None for item in items if isinstance(item, Product))


def test_columns_with_full_stops_in_their_names(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("Art.Nr.;Bezeichnung;Artikelnr.\n1;Lampe;7\n", "utf-8")
    (product,) = both(path)[1]
    assert isinstance(product, Product)
    assert product.external_id in ("1", "7")


@pytest.mark.parametrize("name", ["price", "Preis", "precio"])
@pytest.mark.parametrize("value", [7, 7.0, "7,00 €"])
def test_a_price_that_only_late_rows_have(tmp_path: Path, name: str, value: object) -> None:
    rows: list[dict[str, object]] = [{"id": n, "title": f"Lamp {n}"} for n in range(500)]
    _, items = both(lines(tmp_path / "p.jsonl", [*rows, {"id": 501, "title": "x", name: value}]))
    last = items[-1]
    assert isinstance(last, Product)
    assert last.attributes["price"] == 7.0
