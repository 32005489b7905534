"""`vitrina ingest` with files as shops' systems export them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image

from vitrina.catalog import Catalog

Run = Callable[..., Result]

SHOPIFY = (
    "Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src\n"
    "tee,Tee,<p>Soft</p>,Color,Red,TEE-RED-1,19.00,\ntee,,,,Blue,TEE-BLU-1,17.00,\n"
)


def test_an_export_comes_in_without_an_option_and_says_how(
    vitrina: Run, catalog: Catalog, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    path.write_text(SHOPIFY, "utf-8")
    planned = vitrina("ingest", str(path), "--dry-run", url=database_url)
    assert "1 product: 1 new, 0 changed, 0 unchanged" in planned.stderr
    result = vitrina("ingest", str(path), url=database_url)
    assert result.exit_code == 0, result.stderr
    assert "format shopify · title ← Title · id ← Handle" in result.stderr
    assert "2 rows → 1 product, 2 variants" in result.stderr
    found = vitrina("search", "TEE-BLU-1", "--mode", "text", "--json", url=database_url)
    (hit,) = (json.loads(line) for line in found.stdout.splitlines())
    assert hit["external_id"] == "tee"
    (row,) = (json.loads(line) for line in vitrina("export", url=database_url).stdout.splitlines())
    assert row["attributes"]["price"] == 17
    assert sorted(row["attributes"]["Color"]) == ["Blue", "Red"]


def test_a_source_keeps_the_reading_it_was_first_loaded_with(
    vitrina: Run, catalog: Catalog, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "p.csv"
    path.write_text("code,label,title\n1,Lamp,x\n", "utf-8")
    vitrina("ingest", str(path), "--map", "title=label", url=database_url)
    path.write_text("code,label,title\n1,Lamp,x\n2,Mug,y\n", "utf-8")
    again = vitrina("ingest", str(path), url=database_url)
    assert "title ← label" in again.stderr
    assert "1 new, 0 changed, 1 unchanged" in again.stderr
    anew = vitrina("ingest", str(path), "--remap", url=database_url)
    assert "title ← title" in anew.stderr
    assert "2 changed" in anew.stderr


def test_an_export_comes_into_its_own_source_and_only_one_at_a_time(
    vitrina: Run, database_url: str, tmp_path: Path
) -> None:
    file, out = tmp_path / "e.csv", tmp_path / "e.jsonl"
    file.write_text("external_id,title,price,brand\nA1,Teal vase,30,Acme\n", "utf-8")
    assert vitrina("ingest", str(file), "--source", "e", url=database_url).exit_code == 0
    before = vitrina("export", "--source", "e", url=database_url).stdout
    out.write_text(before, "utf-8")
    again = vitrina("ingest", str(out), "--source", "e", url=database_url)
    assert "0 new, 0 changed, 1 unchanged" in again.stderr, again.stderr
    assert vitrina("export", "--source", "e", url=database_url).stdout == before
    # the shop's file is read as it was
    file.write_text("external_id,title,price,brand\nA1,Teal vase,31,Acme\n", "utf-8")
    shops = vitrina("ingest", str(file), "--source", "e", url=database_url)
    assert "0 new, 1 changed" in shops.stderr, shops.stderr
    # an id is another product in another source
    assert vitrina("ingest", str(file), "--source", "f", url=database_url).exit_code == 0
    out.write_text(vitrina("export", url=database_url).stdout, "utf-8")
    refused = vitrina("ingest", str(out), "--source", "all", url=database_url)
    assert refused.exit_code == 1
    assert "the products of several sources (e, f)" in " ".join(refused.stderr.split())
    assert "vitrina export --source e" in " ".join(refused.stderr.split())


def test_a_source_of_a_version_without_readings_renames_no_product(
    vitrina: Run, catalog: Catalog, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "p.csv"
    path.write_text("Artikelnummer;title;Preis\nA1;Lamp;9,90\n", "utf-8")
    vitrina("ingest", str(path), url=database_url)
    # as that version left it: no reading, and an id made of the title
    catalog.database.value(
        "with s as (update vitrina.sources set config = config - 'reading' returning id)"
        " update vitrina.products as p set external_id = 'made' from s where p.source_id = s.id"
        " returning p.id"
    )
    result = vitrina("ingest", str(path), url=database_url)
    assert "id ←" not in result.stderr
    assert "--remap" in result.stderr


def test_what_is_exported_comes_in_again_the_same(
    vitrina: Run, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(
        "Handle,Title,Body (HTML),Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Barcode,"
        "Variant Price,Image Src\n"
        "shirt,Linen Shirt,<p>Airy.</p>,Northwind,Color,White,LS-W,4006381333931,49.00,"
        "http://127.0.0.1:1/a.jpg\n"
        "shirt,,,,,Indigo,LS-I,,52.50,http://127.0.0.1:1/b.jpg\n"
        "cap,Wool Cap,=Warm,Northwind,Title,Default Title,WC-1,,19.00,\n"
    )
    ingest = ("ingest", "--no-enrich", "--source", "shop")
    assert vitrina(*ingest, str(path), url=database_url).exit_code == 0
    first = exported(vitrina, database_url)
    assert [(row["sku"], len(row["variants"]), len(row["images"])) for row in first] == [
        ("WC-1", 0, 0),
        (None, 2, 2),
    ]
    assert first[1]["text"] == "Airy."
    assert first[1]["variants"][1]["attributes"] == {"Color": "Indigo", "price": 52.5}
    for name, option in (("again.jsonl", ()), ("again.csv", ("--csv",))):
        copy = tmp_path / name
        copy.write_text(vitrina("export", *option, url=database_url).stdout)
        with Catalog(database_url) as catalog:
            assert catalog.sources.remove("shop") == 2
        done = vitrina(*ingest, str(copy), url=database_url)
        assert done.exit_code == 0, done.stderr
        assert "format vitrina" in done.stderr
        assert exported(vitrina, database_url) == first
    assert "2 unchanged" in vitrina(*ingest, str(copy), url=database_url).stderr


def exported(vitrina: Run, url: str) -> list[dict[str, object]]:
    """The catalogue, without what a new row has anew."""
    rows = [json.loads(line) for line in vitrina("export", url=url).stdout.splitlines()]
    new = ("product_id", "created_at", "updated_at")
    return [{name: value for name, value in row.items() if name not in new} for row in rows]


def test_pictures_of_a_zip_are_unpacked_once_for_the_products_that_name_them(
    vitrina: Run,
    catalog: Catalog,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, home = tmp_path / "shop.zip", tmp_path / "home"
    monkeypatch.setenv("VITRINA_HOME", str(home))

    def ingest(colour: str, *options: str, name: str = "a") -> Result:
        picture = io.BytesIO()
        Image.new("RGB", (64, 64), colour).save(picture, "PNG")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("shop/products.csv", f"id,title,image\n1,Lamp,images/{name}.png\n")
            archive.writestr(f"shop/images/{name}.png", picture.getvalue())
            archive.writestr("shop/images/unused.png", picture.getvalue())
        return vitrina("ingest", str(path), *options, url=database_url)

    planned = ingest("red", "--dry-run")
    assert planned.exit_code == 0, planned.stderr
    assert not home.exists()
    first = ingest("red")
    assert first.exit_code == 0, first.stderr
    assert "1 product enriched" in first.stderr
    assert [one.name for one in home.rglob("*.png")] == ["a.png"]
    again = ingest("red")
    assert "0 new, 0 changed, 1 unchanged" in again.stderr
    assert "0 products enriched" in again.stderr
    other = ingest("black")
    assert "0 new, 1 changed, 0 unchanged" in other.stderr
    (row,) = (json.loads(line) for line in vitrina("export", url=database_url).stdout.splitlines())
    assert row["image_error"] is None
    assert "black" in row["keywords"]
    renamed = ingest("black", name="b")
    assert renamed.exit_code == 0, renamed.stderr
    assert [one.name for one in home.rglob("*.png")] == ["b.png"], "that of no product is gone"
    catalog.sources.remove("shop")
    assert [one for one in home.rglob("*") if one.is_file()] == []


def test_an_import_brings_the_pictures_of_its_zip_too(
    vitrina: Run,
    catalog: Catalog,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, home = tmp_path / "shop.zip", tmp_path / "home"
    monkeypatch.setenv("VITRINA_HOME", str(home))
    with zipfile.ZipFile(path, "w") as archive:
        rows = "id,title,image,keywords,caption\n1,Lamp,a.png,lamp|brass,A lamp.\n"
        archive.writestr("products.csv", rows)
        archive.writestr("images/a.png", b"picture")
    done = vitrina("import", str(path), url=database_url)
    assert done.exit_code == 0, done.stderr
    (unpacked,) = home.rglob("*.png")
    (row,) = catalog.database.rows("select s.config from vitrina.sources as s")
    assert row["config"]["image_root"] == str(unpacked.parent)
