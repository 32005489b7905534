"""files/catalogue.py and reading.py: what a reading says, how it is kept, which rows belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitrina.errors import InputError
from vitrina.files import Mapping, Product, ProductFile, Reading, Reject, Repeat, open_products


def read(path: Path, **options: object) -> tuple[ProductFile, list[Product | Repeat | Reject]]:
    with open_products(str(path), **options) as file:  # type: ignore[arg-type]
        items = list(file.products())
    return file, items


@pytest.mark.parametrize(
    ("header", "row", "title", "external_id", "image", "price"),
    [
        ("Artikelnummer;Bezeichnung;Preis;Bilder", "A1;Lampe;9,90;a.jpg", *(
            "Bezeichnung", "Artikelnummer", "Bilder", "Preis")),
        ("Référence;Nom;Prix TTC;URL des images", "A1;Lampe;9,90;a.jpg", *(
            "Nom", "Référence", "URL des images", "Prix TTC")),
        ("SKU;Nombre;Precio normal;Imágenes", "A1;Lámpara;9,90;a.jpg", *(
            "Nombre", "SKU", "Imágenes", "Precio normal")),
        ("codice;Nome;Prezzo;Immagine", "A1;Lampada;9,90;a.jpg", *(
            "Nome", "codice", "Immagine", "Prezzo")),
        ("Artikelnummer;Naam;Reguliere prijs;Afbeeldingen", "A1;Lamp;9,90;a.jpg", *(
            "Naam", "Artikelnummer", "Afbeeldingen", "Reguliere prijs")),
        ("Indeks;Nazwa;Cena;Zdjęcie", "A1;Lampa;9,90;a.jpg", "Nazwa", "Indeks", "Zdjęcie", "Cena"),
        ("Código;Nome;Preço;Imagens", "A1;Lâmpada;9,90;a.jpg", "Nome", "Código", "Imagens", "Preço"),
        ("商品番号,商品名,販売価格,商品画像", "A1,ランプ,1980,a.jpg", "商品名", "商品番号", "商品画像",
         "販売価格"),
        ("PRODUCT_CODE,Product-Name *,price (EUR),IMAGE1", "A1,Lamp,9.90,a.jpg", "Product-Name *",
         "PRODUCT_CODE", "IMAGE1", "price (EUR)"),
    ],
)  # fmt: skip
def test_columns_in_the_languages_that_shops_export_in(
    tmp_path: Path, header: str, row: str, title: str, external_id: str, image: str, price: str
) -> None:
    path = tmp_path / "p.csv"
    path.write_text(f"{header}\n{row}\n", "utf-8")
    file, (product,) = read(path)
    found = {name: columns[0] for name, columns in file.reading.columns.items()}
    assert (found["title"], found["external_id"], found["image"], found["price"]) == (
        title,
        external_id,
        image,
        price,
    )
    assert isinstance(product, Product)
    assert (product.external_id, product.image) == ("A1", "a.jpg")
    assert product.attributes["price"] in (9.9, 1980.0)


def test_names_of_the_shops_own_come_first(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text(
        "field,language,names\ntitle,en,Model name|Line\nprice,en,Ask\n", "utf-8"
    )
    path = tmp_path / "p.csv"
    path.write_text("id,name,Line,Ask\n1,old,Lamp,$5\n", "utf-8")
    _, (product,) = read(path, mapping=Mapping(names=tmp_path / "names.csv"))
    assert isinstance(product, Product)
    assert (product.title, product.attributes["price"]) == ("Lamp", 5.0)
    (tmp_path / "names.csv").write_text("field,language,names\ncolour,en,Hue\n", "utf-8")
    with pytest.raises(InputError, match="line 2: no field 'colour'"):
        read(path, mapping=Mapping(names=tmp_path / "names.csv"))


def test_pictures_in_one_cell_are_parted_only_where_they_are_pictures(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(
        'id,title,images\n1,a,"https://x.test/a.jpg, https://x.test/b.jpg"\n'
        '2,b,a.jpg|b.jpg;c\n3,c,"photo, old.jpg"\n4,d,"https://x.test/w_1,h_2/a.jpg"\n'
        "5,e,\"['a.jpg', 'b.jpg']\"\n6,f,a.jpg|b.jpg\n",
        "utf-8",
    )
    _, items = read(path)
    assert [len(item.images) for item in items if isinstance(item, Product)] == [2, 1, 1, 1, 2, 2]


def test_a_column_of_pictures_under_another_name_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("id,title,visual front\n1,a,https://x.test/a.jpg\n", "utf-8")
    file, _ = read(path)
    (said,) = file.notices()
    assert "addresses of pictures stand in visual front (--map image=visual front)" in said


def test_nested_values_are_read_by_path(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(
        '{"key": "A", "names": {"long": "Oak bench"}, "media": [{"file": {"src": "a.jpg"}}]}\n',
        "utf-8",
    )
    mapping = Mapping(
        columns={"external_id": "key", "title": "names.long", "image": "media.0.file.src"}
    )
    _, (product,) = read(path, mapping=mapping)
    assert isinstance(product, Product)
    assert (product.title, product.image) == ("Oak bench", "a.jpg")


def test_a_title_that_is_no_text_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"id": 1, "title": {"a": {"b": 1}}}\n', "utf-8")
    _, (reject,) = read(path)
    assert isinstance(reject, Reject)
    assert "the title is not a text" in reject.reason


def test_an_empty_id_falls_back_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("product id,handle,title\n,mug,Mug\n,,Bowl\n7,jar,Jar\n", "utf-8")
    file, items = read(path)
    ids = [item.external_id for item in items if isinstance(item, Product)]
    assert (ids[0], ids[2], len(ids)) == ("mug", "7", 3)
    assert any(said.startswith("product id is empty in 1 row") for said in file.notices())
    assert any("1 product has no id" in said for said in file.notices())


def test_ids_that_are_made_are_said(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("title,price\nLamp,9\n", "utf-8")
    file, _ = read(path)
    assert any("--map external_id=COLUMN" in said for said in file.notices())


def test_a_stored_reading_is_kept_whatever_else_would_be_recognised(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("sku,id,name,title\nS,I,old name,new title\n", "utf-8")
    stored = Reading.from_json(
        {"format": "plain", "columns": {"title": ["name"], "external_id": ["sku"]}}
    )
    file, (product,) = read(path, reading=stored)
    assert isinstance(product, Product)
    assert (product.external_id, product.title) == ("S", "old name")
    assert Reading.from_json(file.reading.as_json()) == file.reading
    with pytest.raises(InputError, match="--remap"):
        Reading.from_json({"format": "plain", "colour": 1})


def test_a_file_that_lacks_the_columns_of_its_source_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("code,title\n1,Lamp\n", "utf-8")
    stored = Reading("plain", {"title": ["title"], "external_id": ["sku"]})
    with pytest.raises(InputError, match="no column 'sku', from which the external_id"):
        read(path, reading=stored)


def test_a_source_of_a_version_without_readings_keeps_its_products(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(
        "Handle,Title,Body (HTML),Option1 Value,Variant Price\nmug,Mug,<p>Blue</p>,Red,7\n", "utf-8"
    )
    file, (product,) = read(path, earlier=True)
    assert isinstance(product, Product)
    assert (product.external_id, product.text, product.variants) == ("mug", None, ())
    assert product.attributes["Body (HTML)"] == "Blue"
    assert any("--remap" in said for said in file.notices())


def test_the_shops_text_is_text_and_no_attribute(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    long = "A bench of solid oak, made to last. " * 10
    path.write_text(
        "id,title,description,care\n"
        f'1,Bench,"<p>Solid&nbsp;<b>o</b>ak</p><style>p{{}}</style><ul><li>Folds</ul>","{long}"\n',
        "utf-8",
    )
    _, (product,) = read(path)
    assert isinstance(product, Product)
    assert product.text == f"Solid oak\nFolds\n{long.strip()}"
    assert product.attributes == {}


def test_codes_are_known_under_any_name(tmp_path: Path) -> None:
    rows = "".join(f"{n},Lamp {n},40063813339{n:02},KX-{n}A,{n * 10}\n" for n in range(10, 40))
    path = tmp_path / "p.csv"
    path.write_text(f"id,title,Kassennummer,Regal,pieces\n{rows}", "utf-8")
    _, items = read(path)
    first = items[0]
    assert isinstance(first, Product)
    assert first.codes == ("4006381333910", "KX-10A")
    assert first.attributes == {"Kassennummer": "4006381333910", "Regal": "KX-10A", "pieces": 100}


def test_a_plain_file_with_groups_is_grouped(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(
        "id,item_group_id,title,color\nT-R,TEE,Tee - red,red\nM,,Mug,\nT-B,TEE,Tee - blue,blue\n",
        "utf-8",
    )
    file, items = read(path)
    products = {item.external_id: item for item in items if isinstance(item, Product)}
    assert set(products) == {"TEE", "M"}
    assert products["TEE"].title == "Tee"
    assert [variant.sku for variant in products["TEE"].variants] == ["T-R", "T-B"]
    assert (file.tally.rows, file.tally.products, file.tally.variants) == (3, 2, 2)


def test_one_product_of_more_rows_than_are_kept_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitrina.files import groups

    monkeypatch.setattr(groups, "MAX_GROUP", 3)
    path = tmp_path / "p.csv"
    rows = "".join(f"mug,{'Mug' if n == 0 else ''},S{n},7\n" for n in range(5))
    path.write_text(f"Handle,Title,Variant SKU,Variant Price\n{rows}", "utf-8")
    _, items = read(path)
    rejects = [item for item in items if isinstance(item, Reject)]
    (product,) = (item for item in items if isinstance(item, Product))
    assert len(product.variants) == 3
    assert len(rejects) == 2
    assert "more than 3 rows of one product" in rejects[0].reason


@pytest.mark.data
def test_the_cases_of_real_exports(shared_data: Path) -> None:
    cases = shared_data.parent / "cases"
    if not cases.is_dir():
        pytest.skip("no cases beside the shared data")
    expected = {
        "02-shopify-variant-rows-rejected/products.csv": (2, 3, 0),
        "06-price-columns-not-english/artikel.csv": (4, 0, 0),
        "08-woo-type-becomes-keyword/products.csv": (4, 1, 0),
        "09-picture-column-not-recognised-silently/platzi.jsonl": (1, 0, 0),
        "10-nested-fields-in-json/abo.jsonl": (2, 0, 0),
        "10-nested-fields-in-json/shopify_api.jsonl": (1, 2, 0),
        "11-empty-sku-loses-the-product/etsy.csv": (2, 0, 0),
        "11-empty-sku-loses-the-product/medusa.csv": (2, 0, 0),
        "17-other-file-kinds-are-misnamed/feed.xml": (1, 0, 0),
        "17-other-file-kinds-are-misnamed/products.csv.gz": (1, 0, 0),
        "17-other-file-kinds-are-misnamed/wrapped.json": (2, 0, 0),
        "19-windows-1252-read-as-latin-1/products.csv": (1, 0, 0),
        "25-bigcommerce-sku-and-rule-rows/products.csv": (1, 1, 0),
        "26-one-product-fills-the-page/products.csv": (3, 12, 0),
    }
    found = {}
    for name in expected:
        file, _ = read(cases / name)
        found[name] = (file.tally.products, file.tally.variants, file.tally.rejected)
    assert found == expected
