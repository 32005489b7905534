"""files/formats/: each export in the shape that its system writes it."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest

from vitrina.errors import InputError
from vitrina.files import Mapping, Product, ProductFile, Reject, Repeat, open_products
from vitrina.files.formats import FORMATS, named


def read(
    tmp_path: Path, data: str, name: str = "export.csv", **options: str | Mapping
) -> tuple[ProductFile, dict[str, Product]]:
    """The file, read to its end, and its products by id; none of its rows is rejected."""
    path = tmp_path / name
    path.write_text(data, "utf-8")
    with open_products(str(path), **options) as file:  # type: ignore[arg-type]
        items: list[Product | Repeat | Reject] = list(file.products())
    assert [item for item in items if not isinstance(item, Product)] == []
    return file, {item.external_id: item for item in items if isinstance(item, Product)}


def variants(product: Product) -> dict[str | None, tuple[object, ...]]:
    """Options and price of each variant, by SKU."""
    return {
        variant.sku: (*variant.attributes.values(), variant.price) for variant in product.variants
    }


@pytest.mark.parametrize("one", FORMATS, ids=lambda one: one.name)
def test_each_format_reads_its_own_example(tmp_path: Path, one: object) -> None:
    assert one in FORMATS
    chosen = FORMATS[FORMATS.index(one)]  # type: ignore[arg-type]
    name = "export.json" if chosen.example.startswith("{") else "export.csv"
    file, products = read(tmp_path, chosen.example, name)
    assert file.reading.format == chosen.name
    assert products
    assert all(product.title for product in products.values())


def test_an_unknown_format_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean shopify"):
        named("shopifi")


SHOPIFY = """\
Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,\
Option2 Value,Variant SKU,Variant Price,Variant Compare At Price,Variant Barcode,\
Variant Inventory Tracker,Variant Inventory Qty,Image Src,Image Position,Variant Image,Status
stool,Oak stool,<p>Low &amp; strong.</p><script>x()</script>,Linden,Stools,"oak, low",true,Finish,Raw,\
Size,S,ST-RS,49.00,60.00,4006381333931,shopify,0,https://x.test/2.jpg,2,https://x.test/raw.jpg,active
mug,Mug,,Linden,Mugs,,true,Title,Default Title,,,MUG,7.00,,,,,https://x.test/m.jpg,1,,active
stool,,,,,,,,Oiled,,M,ST-OM,55.00,,,shopify,3,https://x.test/1.jpg,1,,
stool,,,,,,,,,,,,,,,,,https://x.test/3.jpg,3,,
lamp,Lamp,,Linden,Lamps,,true,Title,Default Title,,,LMP,9.00,,,,,,,,draft
vase,Vase,,Linden,Vases,,FALSE,Title,Default Title,,,VAS,9.00,,,,,,,,active
"""


def test_shopify_rows_apart_are_one_product(tmp_path: Path) -> None:
    file, products = read(tmp_path, SHOPIFY)
    assert file.reading.format == "shopify"
    assert list(products) == ["mug", "stool"]
    stool = products["stool"]
    assert stool.title == "Oak stool"
    assert stool.text == "Low & strong."
    assert variants(stool) == {"ST-RS": ("Raw", "S", 49.0), "ST-OM": ("Oiled", "M", 55.0)}
    first, second = stool.variants
    assert (first.title, first.codes, first.image) == (
        "Raw / S",
        ("4006381333931",),
        "https://x.test/raw.jpg",
    )
    assert (first.was_price, first.in_stock, second.in_stock) == (60.0, False, True)
    assert stool.attributes == {
        "Vendor": "Linden",
        "Type": "Stools",
        "Tags": "oak, low",
        "Finish": ["Raw", "Oiled"],
        "Size": ["S", "M"],
        "price": 49.0,
        "price_max": 55.0,
        "was_price": 60.0,
        "in_stock": True,
    }
    assert [(one.address, one.role) for one in stool.images] == [
        ("https://x.test/1.jpg", "main"),
        ("https://x.test/2.jpg", "further"),
        ("https://x.test/3.jpg", "further"),
        ("https://x.test/raw.jpg", "variant"),
    ]
    assert products["mug"].variants == ()
    assert products["mug"].sku == "MUG"
    assert dict(file.tally.left_out) == {"draft": 1, "not published": 1}
    assert file.reading.sentence() == (
        "format shopify · title ← Title · id ← Handle · picture ← Image Src"
        " · price ← Variant Price · text ← Body (HTML) · group ← Handle"
    )
    assert file.tally.sentence() == (
        "6 rows → 2 products, 2 variants, 1 left out (draft), 1 left out (not published)"
    )


def test_the_newer_shopify_header(tmp_path: Path) -> None:
    data = (
        "Title,URL handle,Description,Published on online store,Status,SKU,Barcode,Option1 name,"
        "Option1 value,Price,Compare-at price,Product image URL,Variant image URL\n"
        "Tee,tee,Soft.,TRUE,Active,T-S,,Size,S,19.00,,https://x.test/t.jpg,\n"
        ",tee,,,,T-M,,,M,21.00,25.00,,https://x.test/m.jpg\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "shopify"
    tee = products["tee"]
    assert variants(tee) == {"T-S": ("S", 19.0), "T-M": ("M", 21.0)}
    assert (tee.text, tee.image) == ("Soft.", "https://x.test/t.jpg")
    assert (tee.attributes["price"], tee.attributes["price_max"]) == (19.0, 21.0)


WOO = """\
ID,Type,SKU,Name,Published,Visibility in catalog,Short description,In stock?,Sale price,\
Regular price,Categories,Images,Parent,Attribute 1 name,Attribute 1 value(s),Attribute 1 visible
8,variation,MUG-R,Mug - Red,1,visible,,1,,"12,50",,,id:7,Colour,Red,
9,variation,MUG-B,Mug - Blue,1,visible,,0,,"14,50",,https://x.test/b.jpg,mug,Colour,Blue,
7,variable,mug,Mug,1,visible,"Line one\\nline two",1,,,"Home > Kitchen, Gifts, Cups\\, small",\
"https://x.test/a.jpg, https://x.test/c.jpg",,Colour,"Red, Blue",1
10,simple,bowl,Bowl,1,visible,,1,"8,00","10,00",Home,,,,,
11,simple,old,Old bowl,-1,visible,,1,,"10,00",Home,,,,,
12,simple,secret,Secret bowl,1,hidden,,1,,"10,00",Home,,,,,
13,variation,LOST-1,Lost cup - Red,1,visible,,1,,"5,00",,,id:99,Colour,Red,
"""


def test_woocommerce_variations_find_their_product(tmp_path: Path) -> None:
    file, products = read(tmp_path, WOO)
    assert file.reading.format == "woocommerce"
    mug = products["7"]
    assert variants(mug) == {"MUG-R": ("Red", 12.5), "MUG-B": ("Blue", 14.5)}
    assert mug.text == "Line one\nline two"
    assert mug.attributes["Categories"] == ["Home > Kitchen", "Gifts", "Cups, small"]
    assert mug.attributes["Colour"] == ["Red", "Blue"]
    assert mug.attributes["price"] == 12.5
    assert "Type" not in mug.attributes
    assert [one.address for one in mug.images] == [
        "https://x.test/a.jpg",
        "https://x.test/c.jpg",
        "https://x.test/b.jpg",
    ]
    bowl = products["10"]
    assert (bowl.attributes["price"], bowl.attributes["was_price"]) == (8.0, 10.0)
    assert dict(file.tally.left_out) == {"draft": 1, "hidden": 1}
    # its product is not in the file: it is one of its own, and that is said
    assert products["99"].title == "Lost cup - Red"
    assert any("without their product" in said for said in file.notices())


def test_woocommerce_in_german(tmp_path: Path) -> None:
    data = (
        "ID;Typ;Artikelnummer;Name;Veröffentlicht;Regulärer Preis;Kategorien;Bilder;"
        "Übergeordnetes Produkt;Attribut 1 Name;Attribut 1 Wert(e)\n"
        "1;variable;B;Becher;1;;Küche;https://x.test/1.jpg;;Farbe;Rot, Blau\n"
        "2;variation;B-R;Becher - Rot;1;12,50;;;B;Farbe;Rot\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "woocommerce"
    assert variants(products["1"]) == {"B-R": ("Rot", 12.5)}
    assert products["1"].attributes["price"] == 12.5


GOOGLE_TSV = (
    "id\ttitle\tdescription\tlink\timage_link\tadditional_image_link\tprice\tsale_price\t"
    "availability\titem_group_id\tcolor\tsize\tgtin\tproduct_detail\n"
    "B-S\tBoot - S\tWarm.\thttps://x.test/b\thttps://x.test/1.jpg\t"
    "https://x.test/2.jpg,https://x.test/3.jpg\t60.00 EUR\t\tin_stock\tB\tbrown\tS\t"
    "4006381333931\tSole:Height:3 cm\n"
    "S-1\tSock\t\t\thttps://x.test/s.jpg\t\t5.00 EUR\t4.00 EUR\tpreorder\t\tred\t\t\t\n"
    "B-M\tBoot - M\tWarm.\thttps://x.test/b\thttps://x.test/1.jpg\t\t62.00 EUR\t\t"
    "out of stock\tB\tbrown\tM\t4006381333948\t\n"
)


def test_google_items_of_a_group_are_one_product(tmp_path: Path) -> None:
    file, products = read(tmp_path, GOOGLE_TSV, "feed.txt")
    assert file.reading.format == "google-merchant"
    boot = products["B"]
    assert boot.title == "Boot"
    assert variants(boot) == {"B-S": ("S", 60.0), "B-M": ("M", 62.0)}
    assert boot.variants[0].codes == ("4006381333931",)
    assert boot.attributes["color"] == "brown"
    assert boot.attributes["size"] == ["S", "M"]
    assert boot.attributes["Height"] == "3 cm"
    assert (boot.attributes["price"], boot.attributes["price_max"]) == (60.0, 62.0)
    assert (boot.attributes["currency"], boot.attributes["in_stock"]) == ("EUR", True)
    assert (boot.text, boot.url, len(boot.images)) == ("Warm.", "https://x.test/b", 3)
    sock = products["S-1"]
    assert (sock.attributes["price"], sock.attributes["was_price"]) == (4.0, 5.0)
    assert sock.attributes["in_stock"] is False


RSS = """<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
<link>https://x.test</link>
<item><g:id>B-S</g:id><title>Boot S</title><description><![CDATA[<p>Warm</p>]]></description>
<link>https://x.test/b</link><g:image_link>https://x.test/1.jpg</g:image_link>
<g:additional_image_link>https://x.test/2.jpg</g:additional_image_link>
<g:additional_image_link>https://x.test/3.jpg</g:additional_image_link>
<g:price>60.00 EUR</g:price><g:availability>in stock</g:availability>
<g:product_detail><g:attribute_name>Sole</g:attribute_name>
<g:attribute_value>Rubber</g:attribute_value></g:product_detail></item>
<item><g:id>C</g:id><g:title>Clog</g:title><g:price>20.00 EUR</g:price></item>
</channel></rss>"""


def test_google_rss_and_atom(tmp_path: Path) -> None:
    file, products = read(tmp_path, RSS, "feed.xml")
    assert (file.reading.format, file.file.kind) == ("google-merchant", "xml")
    boot = products["B-S"]
    assert (boot.title, boot.text, len(boot.images)) == ("Boot S", "Warm", 3)
    assert boot.attributes["Sole"] == "Rubber"
    assert products["C"].attributes["price"] == 20.0
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">'
        '<title>Shop</title><entry><g:id>1</g:id><title>Lamp</title><link href="https://x.test/l"/>'
        "<g:price>9.00 EUR</g:price><summary>Bright</summary></entry></feed>"
    )
    _, products = read(tmp_path, atom, "atom.xml")
    assert (products["1"].title, products["1"].url) == ("Lamp", "https://x.test/l")


def test_a_product_detail_with_blanks_in_its_name(tmp_path: Path) -> None:
    data = (
        "id\ttitle\timage link\tproduct detail(section name:attribute name:attribute value)\n"
        "1\tBoot\ta.jpg\tGeneral:Sole:Rubber,Care:Wash:By hand\n"
    )
    _, products = read(tmp_path, data, "feed.tsv")
    assert products["1"].attributes == {"Sole": "Rubber", "Wash": "By hand"}


def test_the_summary_of_an_atom_entry_is_its_text(tmp_path: Path) -> None:
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">'
        "<entry><g:id>1</g:id><title>Boot</title><g:price>60 EUR</g:price>"
        '<summary>Warm</summary><content type="html">&lt;p&gt;Of wool&lt;/p&gt;</content></entry></feed>'
    )
    _, products = read(tmp_path, atom, "feed.xml")
    assert products["1"].text == "Warm\nOf wool"


def test_xml_with_entities_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xml"
    path.write_text(
        '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">]><r><p><id>1</id><title>&a;</title></p></r>', "utf-8"
    )
    with pytest.raises(InputError, match="cannot be read as XML"), open_products(str(path)):
        pass


def test_meta_reads_comments_translations_and_nested_cells(tmp_path: Path) -> None:
    data = (
        "# Required | Unique id,# Required,,\n"
        "id,title,price,image[0].url,fb_product_category,override\n"
        "1,Boot,60.00 EUR,https://x.test/1.jpg,Shoes,\n"
        "1,Stiefel,,,,de_DE\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "meta"
    assert products["1"].image == "https://x.test/1.jpg"
    assert dict(file.tally.left_out) == {"translation": 1}


def test_meta_with_each_column_explained_above_its_name(tmp_path: Path) -> None:
    data = (
        "# Required | Unique id,# Required | The title,# Required | A price,# Optional | Picture\n"
        "id,title,price,image_link,fb_product_category\n"
        "1,Boot,60.00 EUR,https://x.test/1.jpg,Shoes\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "meta"
    assert products["1"].attributes["price"] == 60.0
    _, products = read(tmp_path, "#,Name,# of legs\n7,Oak stool,3\n", mapping=Mapping({"sku": "#"}))
    assert [product.title for product in products.values()] == ["Oak stool"]


MAGENTO = '''\
sku,store_view_code,attribute_set_code,product_type,categories,name,price,special_price,\
visibility,product_online,base_image,additional_images,additional_attributes,configurable_variations
TEE-R,,Default,simple,Default/Tees,Tee red,19.0000,,Not Visible Individually,1,https://x.test/r.jpg,,\
"color=Red,care=cold, gentle",
TEE-B,,Default,simple,Default/Tees,Tee blue,21.0000,,Not Visible Individually,1,https://x.test/b.jpg,,\
color=Blue|Navy,
TEE,,Default,configurable,"Default/Tees,Default/New",Tee,,,"Catalog, Search",1,https://x.test/t.jpg,\
"https://x.test/t2.jpg,https://x.test/t3.jpg",brand=Linden,"sku=TEE-R,color=Red|sku=TEE-B,color=Blue"
TEE,de,Default,configurable,,Hemd,,,,,,,,
CAP,,Default,simple,Default/Caps,Cap,"1,100.0000",900.0000,"Catalog, Search",1,,,"size=""M"",care=""a, """"b""""""",
OFF,,Default,simple,Default/Caps,Off,10.0000,,"Catalog, Search",2,,,,
'''


def test_magento_children_are_variants(tmp_path: Path) -> None:
    file, products = read(tmp_path, MAGENTO)
    assert file.reading.format == "magento"
    assert set(products) == {"TEE", "CAP"}
    tee = products["TEE"]
    assert {sku: said[-1] for sku, said in variants(tee).items()} == {"TEE-R": 19.0, "TEE-B": 21.0}
    assert tee.variants[0].attributes["color"] == "Red"
    assert tee.variants[0].attributes["care"] == "cold, gentle"
    assert tee.attributes["color"] == ["Red", "Blue"]
    assert tee.attributes["brand"] == "Linden"
    assert tee.attributes["categories"] == ["Default/Tees", "Default/New"]
    assert "product_type" not in tee.attributes
    assert tee.attributes["price"] == 19.0
    assert [one.role for one in tee.images] == ["main", "further", "further", "variant", "variant"]
    cap = products["CAP"]
    assert (cap.attributes["price"], cap.attributes["was_price"]) == (900.0, 1100.0)
    assert (cap.attributes["size"], cap.attributes["care"]) == ("M", 'a, "b"')
    assert dict(file.tally.left_out) == {"another store view": 1, "disabled": 1}


PRESTASHOP = (
    "Product ID;Active (0/1);Name *;Categories (x,y,z...);Price tax excluded;Discount amount;"
    "Reference #;Manufacturer;EAN13;Description;Tags (x,y,z...);Image URLs (x,y,z...);"
    "Feature(Name:Value:Position)\n"
    "1;1;Oak stool;Home,Stools;49,00;9,00;ST-1;Linden;4006381333931;<p>Strong</p>;oak,low;"
    "https://x.test/1.jpg,https://x.test/2.jpg;Wood:Oak:1,Height:45 cm:2\n"
    "2;0;Old stool;Home;49,00;;ST-0;Linden;;;;;\n"
)


def test_prestashop(tmp_path: Path) -> None:
    file, products = read(tmp_path, PRESTASHOP)
    assert file.reading.format == "prestashop"
    stool = products["1"]
    assert (stool.title, stool.sku, stool.text) == ("Oak stool", "ST-1", "Strong")
    assert stool.codes == ("4006381333931",)
    assert (stool.attributes["price"], stool.attributes["was_price"]) == (40.0, 49.0)
    assert (stool.attributes["Wood"], stool.attributes["Height"]) == ("Oak", "45 cm")
    assert stool.attributes["Categories (x,y,z...)"] == ["Home", "Stools"]
    assert len(stool.images) == 2
    assert dict(file.tally.left_out) == {"not active": 1}
    french = PRESTASHOP.replace("Active (0/1)", "Actif (0/1)").replace("Name *", "Nom *")
    _, products = read(tmp_path, french.replace("Price tax excluded", "Prix TTC"), "fr.csv")
    assert products["1"].title == "Oak stool"


COMBINATIONS = (
    "Product ID*;Product reference;Attribute (Name:Type:Position)*;Value (Value:Position)*;"
    "Reference;EAN13;Impact on price;Quantity;Image URLs (x,y,z...)\n"
    "1;;Colour:color:0, Size:select:1;Blue:0, M:1;ST-BM;4006381333948;2,50;0;https://x.test/b.jpg\n"
    ";ST-1;Colour:color:0, Size:select:1;Red:0, L:1;ST-RL;;-1,00;4;\n"
    "2;;Colour:color:0;Red:0;ST-0R;;;4;\n"
    "9;;Colour:color:0;Red:0;GONE;;;4;\n"
)


@pytest.mark.parametrize("first", [0, 1])
def test_prestashop_combinations_in_one_zip_are_variants(tmp_path: Path, first: int) -> None:
    path = tmp_path / "shop.zip"
    tables = [("a.csv", PRESTASHOP), ("b.csv", COMBINATIONS)]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in tables if not first else reversed(tables):
            archive.writestr(name, data)
    with open_products(str(path)) as file:
        found = list(file.products())
    (stool,) = (item for item in found if isinstance(item, Product))
    assert (stool.external_id, stool.title, stool.sku) == ("1", "Oak stool", "ST-1")
    assert variants(stool) == {"ST-BM": ("Blue", "M", 42.5), "ST-RL": ("Red", "L", 39.0)}
    blue, red = stool.variants
    assert (blue.codes, blue.image, blue.in_stock) == (
        ("4006381333948",),
        "https://x.test/b.jpg",
        False,
    )
    assert (red.was_price, red.in_stock, red.title) == (48.0, True, "Red / L")
    assert (stool.attributes["price"], stool.attributes["price_max"]) == (39.0, 42.5)
    assert stool.attributes["Colour"] == ["Blue", "Red"]
    assert [one.role for one in stool.images] == ["main", "further", "variant"]
    (orphan,) = (item for item in found if isinstance(item, Reject))
    assert orphan.reason == "a combination of product 9, which is not in the file"
    assert file.tally.left_out == {"not active": 2}


def test_prestashop_combinations_alone_say_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "combinations.csv"
    path.write_text(COMBINATIONS, "utf-8")
    with (
        pytest.raises(InputError, match="put it and the file of products into one zip"),
        open_products(str(path)),
    ):
        pass


def test_bigcommerce_legacy_skus_and_rules(tmp_path: Path) -> None:
    data = (
        "Item Type,Product ID,Product Name,Product Type,Product Code/SKU,Brand Name,Price,Category,"
        "Product Visible?,Product Image File - 1,Product Image File - 2\n"
        "Product,77,Brass lamp,P,LMP,Linden,40.00,Home/Lamps;Sale,Y,l1.jpg,l2.jpg\n"
        '  SKU,78,"[S]Finish=Black,[RT]Size=M",,LMP-BM,,,,,,\n'
        "  SKU,79,[CS]Finish=White:#ffffff,,LMP-W,,,,,,\n"
        "  Rule,80,LMP-BM,,LMP-BM,,[FIXED]59.99,,,,\n"
        "  Rule,81,LMP-W,,LMP-W,,[ADD]4,,,,\n"
        "Product,90,Hidden lamp,P,HID,Linden,40.00,Home,N,,\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "bigcommerce-legacy"
    lamp = products["77"]
    assert variants(lamp) == {"LMP-BM": ("Black", "M", 59.99), "LMP-W": ("White", 44.0)}
    assert (lamp.sku, lamp.image, len(lamp.images)) == ("LMP", "l1.jpg", 2)
    assert lamp.attributes["Category"] == ["Home/Lamps", "Sale"]
    assert lamp.attributes["price"] == 44.0
    assert dict(file.tally.left_out) == {"hidden": 1}


def test_bigcommerce_modern(tmp_path: Path) -> None:
    data = (
        "Item,ID,Name,Type,SKU,Options,Price,Is Visible,Image URL (Import),Image is Thumbnail,"
        "Variant Image URL\n"
        "Product,9,Lamp,Physical,L,,40,TRUE,,,\n"
        "Variant,,,,L-B,Type=Swatch|Name=Finish|Value=Black[#000000]Type=Rectangle|Name=Size|Value=M,"
        "45,,,,https://x.test/b.jpg\n"
        "Variant,,,,L-W,Type=Swatch|Name=Finish|Value=White || Type=Rectangle|Name=Size|Value=L,"
        "42,,,,\n"
        "Image,,,,,,,,https://x.test/1.jpg,FALSE,\n"
        "Image,,,,,,,,https://x.test/2.jpg,TRUE,\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "bigcommerce"
    lamp = products["9"]
    assert variants(lamp) == {"L-B": ("Black", "M", 45.0), "L-W": ("White", "L", 42.0)}
    assert lamp.image == "https://x.test/2.jpg"
    assert [one.role for one in lamp.images] == ["main", "further", "variant"]


def test_bigcommerce_variants_have_the_prices_of_their_product(tmp_path: Path) -> None:
    data = (
        "Item,ID,Name,Type,SKU,Options,Price,Sale Price\n"
        "Product,9,Lamp,Physical,L,,40,35\n"
        "Variant,,,,L-B,Type=Swatch|Name=Finish|Value=Black,,\n"
        "Variant,,,,L-W,Type=Swatch|Name=Finish|Value=White,45,42\n"
    )
    lamp = read(tmp_path, data)[1]["9"]
    assert [(v.sku, v.price, v.was_price) for v in lamp.variants] == [
        ("L-B", 35.0, 40.0),
        ("L-W", 42.0, 45.0),
    ]
    data = (
        "Item Type,Product ID,Product Name,Product Code/SKU,Price,Sale Price\n"
        "Product,77,Brass lamp,LMP,40.00,36.00\n"
        "  SKU,78,[S]Finish=Black,LMP-B,,\n  SKU,79,[S]Finish=White,LMP-W,,\n"
        "  SKU,80,[S]Finish=Red,LMP-R,,\n"
        "  Rule,81,LMP-W,LMP-W,[ADD]4,\n  Rule,82,LMP-R,LMP-R,[FIXED]50,\n"
    )
    lamp = read(tmp_path, data)[1]["77"]
    assert [(v.sku, v.price, v.was_price) for v in lamp.variants] == [
        ("LMP-B", 36.0, 40.0),
        ("LMP-W", 40.0, 44.0),
        ("LMP-R", 50.0, None),
    ]


@pytest.mark.parametrize(
    "data",
    [
        "Item,ID,Name,SKU,Options,Price,Custom Fields\nProduct,9,Lamp,L,,40,{}\n",
        "Item Type,Product ID,Product Name,Price,Product Custom Fields\nProduct,9,Lamp,40,{}\n",
    ],
)
def test_bigcommerce_custom_fields_are_attributes(tmp_path: Path, data: str) -> None:
    fields = "Material=Brass;Height=45 cm;Fits=E27;Fits=E14;empty="
    lamp = read(tmp_path, data.format(fields))[1]["9"]
    said = {name: lamp.attributes.get(name) for name in ("Material", "Height", "Fits")}
    assert said == {"Material": "Brass", "Height": "45 cm", "Fits": ["E27", "E14"]}
    assert not [name for name in lamp.attributes if "Custom" in name or name == "empty"]


@pytest.mark.parametrize(
    "header",
    [
        "Product ID;Activo (0/1);Nombre *;Categorías (x,y,z...);Precio impuestos excluidos;"
        "Precio de coste;Importe del descuento;Porcentaje de descuento;Referencia #;Cantidad;"
        "URLs de las imágenes (x,y,z...);Característica (Nombre:Valor:Posición:Personalizada);"
        "URL reescrita",
        "ID;Aktiv (0/1);Name *;Kategorien (x,y,z...);Preis ohne MwSt.;Einkaufspreis;Rabattbetrag;"
        "Rabatt in Prozent;Artikelnummer;Menge;Bild-URLs (x,y,z...);"
        "Eigenschaften (Name:Wert:Position:Individuell);Umgeschriebene URL",
        "ID;Attivo (0/1);Nome *;Categorie (x,y,z...);Prezzo tasse escluse;Prezzo di acquisto;"
        "Importo dello sconto;Percentuale di sconto;Codice #;Quantità;"
        "URL immagini (x,y,z...);Caratteristica (Nome:Valore:Posizione:Personalizzato);"
        "URL riscritto",
        "ID;Actief (0/1);Naam *;Categorieën (x,y,z...);Prijs exclusief btw;Inkoopprijs;"
        "Kortingsbedrag;Kortingspercentage;Artikelnummer #;Voorraad;"
        "Afbeelding URL's (x,y,z...);Kenmerk (Naam:Waarde:Positie:Aangepast);Herschreven URL",
    ],
    ids=["es", "de", "it", "nl"],
)
def test_prestashop_in_other_languages(tmp_path: Path, header: str) -> None:
    pictures = '"https://x.test/1.jpg,https://x.test/2.jpg"'
    data = (
        f"{header}\n1;1;Shirt;Home,Tops;20,50;9;1;10;SH;4;{pictures};Cut:Slim:1,Fit:Wide:2;shirt\n"
    )
    file, products = read(tmp_path, data + "2;0;Hidden;Home;9,50;;;;HI;4;;;\n")
    assert file.reading.format == "prestashop"
    shirt = products["1"]
    assert (shirt.sku, shirt.title, len(shirt.images)) == ("SH", "Shirt", 2)
    known = {name: shirt.attributes[name] for name in ("price", "was_price", "in_stock", "Fit")}
    assert known == {"price": 17.55, "was_price": 20.5, "in_stock": True, "Fit": "Wide"}
    assert ["Home", "Tops"] in shirt.attributes.values()
    assert "shirt" not in shirt.attributes.values()
    assert dict(file.tally.left_out) == {"not active": 1}


def test_square(tmp_path: Path) -> None:
    data = (
        "Token,Item Name,Variation Name,SKU,Description,Price,Category\n"
        "A1,Mug,Small,MUG-S,Blue glaze,$7.00,Kitchen\nA2,,Large,MUG-L,,$9.00,Kitchen\n"
        "B1,Bowl,Regular,,,$5.00,Kitchen\n"
        "C1,Cup,Regular,CUP,,$5.00,Kitchen\nC2,,XL,CUP-XL,,$6.00,Kitchen\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "square"
    assert variants(products["A1"]) == {"MUG-S": ("Small", 7.0), "MUG-L": ("Large", 9.0)}
    assert products["B1"].variants == ()
    assert variants(products["C1"]) == {"CUP": ("Regular", 5.0), "CUP-XL": ("XL", 6.0)}
    assert products["B1"].attributes["price"] == 5.0


def test_wix(tmp_path: Path) -> None:
    hosted = "a1b2c3_" + "0" * 32 + "~mv2.jpg"
    data = (
        "handleId,fieldType,name,description,productImageUrl,collection,sku,price,surcharge,visible,"
        "discountMode,discountValue,inventory,productOptionName1,productOptionType1,"
        "productOptionDescription1,additionalInfoTitle1,additionalInfoDescription1\n"
        f"p1,Product,Mug,<p>Nice</p>,{hosted};https://x.test/2.jpg,Mugs;Sale,M,10,,true,PERCENT,20,"
        "InStock,Color,COLOR,#ff0000:Red;#0000ff:Blue,Care,Wash by hand\n"
        "p1,Variant,,,,,M-R,,0,true,,,3,Color,COLOR,#ff0000:Red,,\n"
        "p1,Variant,,,,,M-B,,2.5,true,,,0,Color,COLOR,#0000ff:Blue,,\n"
        "p2,Product,Hidden,,,,H,10,,false,,,InStock,,,,,\n"
        "p3,Product,Bowl,,,,B,10,,true,AMOUNT,1,OutOfStock,,,,,\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "wix"
    assert dict(file.tally.left_out) == {"hidden": 1}
    mug, bowl = products["p1"], products["p3"]
    assert variants(mug) == {"M-R": ("Red", 8.0), "M-B": ("Blue", 10.0)}
    assert [form.was_price for form in mug.variants] == [10.0, 12.5]
    assert [form.in_stock for form in mug.variants] == [True, False]
    assert (mug.text, mug.sku, mug.image) == (
        "Nice",
        "M",
        f"https://static.wixstatic.com/media/{hosted}",
    )
    assert mug.attributes["collection"] == ["Mugs", "Sale"]
    assert mug.attributes["Care"] == "Wash by hand"
    assert (bowl.attributes["price"], bowl.attributes["in_stock"]) == (9.0, False)


def test_squarespace(tmp_path: Path) -> None:
    data = (
        "Product ID [Non Editable],Variant ID [Non Editable],Title,SKU,Option Name 1,Option Value 1,"
        "Price,Sale Price,On Sale,Stock,Visible,Hosted Image URLs\n"
        "p1,v1,Mug,M-S,Size,S,7.00,5.00,No,3,Yes,https://x.test/1.jpg https://x.test/2.jpg\n"
        ",v2,,M-L,Size,L,9.00,0.00,No,0,,\n"
        "p2,v3,Cup,C,,,6.00,4.00,Yes,Unlimited,Yes,https://x.test/3.jpg\n"
        "p3,v4,Old,O,,,6.00,4.00,No,1,No,\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "squarespace"
    assert dict(file.tally.left_out) == {"hidden": 1}
    mug, cup = products["p1"], products["p2"]
    assert variants(mug) == {"M-S": ("S", 7.0), "M-L": ("L", 9.0)}
    assert [one.address[-5:] for one in mug.images] == ["1.jpg", "2.jpg"]
    assert (cup.sku, cup.attributes["price"], cup.attributes["was_price"]) == ("C", 4.0, 6.0)
    assert cup.attributes["in_stock"] is True


def test_etsy(tmp_path: Path) -> None:
    data = (
        "TITLE,DESCRIPTION,PRICE,CURRENCY_CODE,QUANTITY,TAGS,MATERIALS,IMAGE1,IMAGE2,IMAGE10,"
        "VARIATION 1 TYPE,VARIATION 1 NAME,VARIATION 1 VALUES,SKU\n"
        'Mug &amp; saucer,Speckled,7,EUR,3,"blue_mug,gift","clay,glaze",https://x.test/1.jpg,'
        'https://x.test/2.jpg,https://x.test/10.jpg,Custom,Glaze,"Blue,Grey","M-B,M-G"\n'
        "Spoon,,5,EUR,0,,,,,,,,,\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "etsy"
    mug = products["M-B"]
    assert (mug.title, mug.sku) == ("Mug & saucer", None)
    assert variants(mug) == {"M-B": ("Blue", 7.0), "M-G": ("Grey", 7.0)}
    assert mug.attributes["TAGS"] == ["blue mug", "gift"]
    assert (mug.attributes["currency"], mug.attributes["in_stock"]) == ("EUR", True)
    assert [one.address[-6:] for one in mug.images] == ["/1.jpg", "/2.jpg", "10.jpg"]
    # a listing without an SKU is no loss
    assert sorted(product.title for product in products.values()) == ["Mug & saucer", "Spoon"]
    assert file.tally.made_ids == 1


def test_ebay(tmp_path: Path) -> None:
    data = (
        "#INFO,Version=1.0.0,Template= made for a test,\n"
        "*Action(SiteID=Germany|Country=DE|Currency=EUR|Version=1193),Title,Custom label (SKU),"
        "Relationship,Relationship details,Start price,Item photo URL,P:UPC,C:Brand\n"
        "Add,Tee,TEE,,Color=Red;Blue|Size=S,,https://x.test/t.jpg,,Linden\n"
        ',,TEE-RS,Variation,Color=Red|Size=S,9.00,Red=https://x.test/r.jpg,"=""012345678905""",\n'
        ",,TEE-BS,Variation,Color=Blue|Size=S,8.00,,,\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "ebay"
    tee = products["TEE"]
    assert variants(tee) == {"TEE-RS": ("Red", "S", 9.0), "TEE-BS": ("Blue", "S", 8.0)}
    assert tee.variants[0].codes == ("012345678905",)
    assert tee.variants[0].image == "https://x.test/r.jpg"
    assert (tee.attributes["price"], tee.attributes["currency"]) == (8.0, "EUR")
    assert tee.attributes["Brand"] == "Linden"


def test_amazon_templates_of_both_kinds(tmp_path: Path) -> None:
    old = (
        "TemplateType=fptcustom\tVersion=2024.0101\tfor all\t\t\t\t\t\n"
        "Product Type\tSeller SKU\tTitle\tPrice\tMain image\tParentage\tParent SKU\tPoint\n"
        "feed_product_type\titem_sku\titem_name\tstandard_price\tmain_image_url\tparent_child\t"
        "parent_sku\tbullet_point1\n"
        "shirt\tTEE\tTee\t\t\tparent\t\tSoft\n"
        "shirt\tTEE-R\tTee red\t19.00\thttps://x.test/r.jpg\tchild\tTEE\tSoft\n"
        "shirt\tTEE-B\tTee blue\t18.00\thttps://x.test/b.jpg\tchild\tTEE\tSoft\n"
    )
    file, products = read(tmp_path, old, "old.txt")
    assert file.reading.format == "amazon"
    assert {sku: said[-1] for sku, said in variants(products["TEE"]).items()} == {
        "TEE-R": 19.0,
        "TEE-B": 18.0,
    }
    assert (products["TEE"].text, products["TEE"].image) == ("Soft", "https://x.test/r.jpg")
    new = (
        "contribution_sku#1.value\titem_name[marketplace_id=X][language_tag=en_US]#1.value\t"
        "bullet_point[marketplace_id=X]#1.value\tbullet_point[marketplace_id=X]#2.value\t"
        "main_product_image_locator[marketplace_id=X]#1.media_location\t"
        "purchasable_offer[marketplace_id=X]#1.our_price#1.schedule#1.value_with_tax\n"
        "CAP\tCap\tWarm\tDry\thttps://x.test/c.jpg\t12.00\n"
    )
    _, products = read(tmp_path, new, "new.txt")
    cap = products["CAP"]
    assert (cap.title, cap.image, cap.text) == ("Cap", "https://x.test/c.jpg", "Warm\nDry")
    assert cap.attributes["price"] == 12.0
    report = (
        "item-name\titem-description\tlisting-id\tseller-sku\tprice\tquantity\tproduct-id\tstatus\n"
        "Hat\tWide\tL1\tHAT\t9.50\t2\tB000000001\tActive\nOld hat\t\tL2\tOLD\t9.50\t0\t\tInactive\n"
    )
    file, products = read(tmp_path, report, "report.txt")
    assert list(products) == ["HAT"]
    assert dict(file.tally.left_out) == {"inactive": 1}


def test_abo_takes_the_language_asked_for(tmp_path: Path) -> None:
    record = {
        "item_id": "B1",
        "item_name": [
            {"language_tag": "de_DE", "value": "Bürostuhl"},
            {"language_tag": "en_US", "value": "Office chair"},
        ],
        "bullet_point": [
            {"language_tag": "en_US", "value": "Turns"},
            {"language_tag": "en_US", "value": "Rolls"},
            {"language_tag": "de_DE", "value": "Dreht"},
        ],
        "brand": [{"language_tag": "en_US", "value": "Linden"}],
        "product_type": [{"value": "CHAIR"}],
        "node": [{"node_id": 1, "node_name": "/Home/Chairs"}],
    }
    other = {"item_id": "B2", "item_name": [{"language_tag": "de_DE", "value": "Tisch"}]}
    data = "\n".join(json.dumps(one) for one in (record, other))
    file, products = read(tmp_path, data, "listings.json")
    assert file.reading.format == "abo"
    chair = products["B1"]
    assert (chair.title, chair.text) == ("Office chair", "Turns\nRolls")
    assert chair.attributes == {
        "brand": "Linden",
        "product_type": "CHAIR",
        "category": "/Home/Chairs",
    }
    assert products["B2"].title == "Tisch"
    _, products = read(tmp_path, data, "listings.json", language="de")
    assert (products["B1"].title, products["B1"].text) == ("Bürostuhl", "Dreht")


@pytest.mark.parametrize("packed", [False, True])
def test_abo_pictures_have_their_paths_from_the_list_beside_the_file(
    tmp_path: Path, packed: bool
) -> None:
    records = [
        {"item_id": "B1", "main_image_id": "m1", "other_image_id": ["o1", "gone", "o2"]},
        {"item_id": "B2", "other_image_id": ["o1"]},
        {"item_id": "B3", "main_image_id": "gone"},
    ]
    for record in records:
        record["item_name"] = [{"language_tag": "en_US", "value": "Chair"}]
    data = "\n".join(json.dumps(record) for record in records)
    file, products = read(tmp_path, data, "listings.json")
    assert [product.images for product in products.values()] == [(), (), ()]
    assert any("put images.csv or images.csv.gz beside" in said for said in file.notices())
    listed = b"image_id,height,width,path\nm1,9,9,6d/m1.jpg\no1,9,9,6f/o1.jpg\no2,9,9,6f/o2.jpg\n"
    if packed:
        (tmp_path / "images.csv.gz").write_bytes(gzip.compress(listed))
    else:
        (tmp_path / "images.csv").write_bytes(listed)
    (tmp_path / "6d").mkdir()
    (tmp_path / "6d" / "m1.jpg").write_bytes(b"picture")
    file, products = read(tmp_path, data, "listings.json")
    assert file.reading.columns["image"] == ["main_image_id", "other_image_id"]
    assert file.mapping.image_root == tmp_path
    assert [[one.address for one in product.images] for product in products.values()] == [
        ["6d/m1.jpg", "6f/o1.jpg", "6f/o2.jpg"],
        ["6f/o1.jpg"],
        [],
    ]
    assert products["B1"].image_stamp is not None
    assert not {"main_image_id", "other_image_id"} & products["B1"].attributes.keys()


def test_a_list_of_pictures_is_found_beside_the_folder_of_the_pictures(tmp_path: Path) -> None:
    for folder in ("small", "metadata", "listings"):
        (tmp_path / folder).mkdir()
    (tmp_path / "metadata" / "images.csv").write_text("image_id,path\nm1,m1.jpg\n", "utf-8")
    record = {
        "item_id": "B1",
        "item_name": [{"language_tag": "en_US", "value": "Chair"}],
        "main_image_id": "m1",
    }
    mapping = Mapping(image_root=tmp_path / "small")
    _, products = read(tmp_path / "listings", json.dumps(record), "a.json", mapping=mapping)
    assert products["B1"].image == "m1.jpg"


def test_medusa(tmp_path: Path) -> None:
    data = (
        "Product Id,Product Handle,Product Title,Product Description,Product Status,"
        "Product Thumbnail,Product Image 1 Url,Product Deleted At,Variant SKU,Variant EAN,"
        "Variant Price EUR,Variant Price USD,Variant Option 1 Name,Variant Option 1 Value\n"
        ",mug,Mug,Blue,published,https://x.test/t.jpg,https://x.test/1.jpg,,MUG-S,,7,8,Size,S\n"
        ",mug,Mug,Blue,published,https://x.test/t.jpg,https://x.test/1.jpg,,MUG-L,,9,10,Size,L\n"
        ",cup,Cup,,draft,,,,CUP,,3,4,,\n"
        ",jar,Jar,,published,,,2026-01-01,JAR,,3,4,,\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "medusa"
    mug = products["mug"]
    assert variants(mug) == {"MUG-S": ("S", 7.0), "MUG-L": ("L", 9.0)}
    assert (mug.attributes["price"], mug.attributes["currency"]) == (7.0, "EUR")
    assert (mug.text, len(mug.images)) == ("Blue", 2)
    assert dict(file.tally.left_out) == {"draft": 1, "deleted": 1}
    assert any("Product Id is empty" in said for said in file.notices())


def test_vendure(tmp_path: Path) -> None:
    data = (
        "name:en,name:de,slug:en,slug:de,description:en,assets,facets,optionGroups,optionValues,sku,price,"
        "variantAssets\n"
        "Mug,Becher,mug,becher,Blue,a.jpg|b.jpg,brand:Linden|category:Mugs,Size|Colour,S|Red,M-SR,7,\n"
        ",,,,,,,,L|Red,M-LR,9,c.jpg\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "vendure"
    mug = products["mug"]
    assert variants(mug) == {"M-SR": ("S", "Red", 7.0), "M-LR": ("L", "Red", 9.0)}
    assert (mug.title, mug.attributes["brand"], mug.attributes["category"]) == (
        "Mug",
        "Linden",
        "Mugs",
    )
    assert [one.address for one in mug.images] == ["a.jpg", "b.jpg", "c.jpg"]
    _, products = read(tmp_path, data, language="de")
    assert products["becher"].title == "Becher"


def test_vendure_with_options_by_language(tmp_path: Path) -> None:
    data = (
        "name:en,name:de,slug:en,slug:de,optionGroups:en,optionGroups:de,optionValues:en,"
        "optionValues:de,sku,price\n"
        "Mug,Becher,mug,becher,Size,Größe,Small,Klein,M-S,7\n,,,,,,Large,Groß,M-L,9\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "vendure"
    assert variants(products["mug"]) == {"M-S": ("Small", 7.0), "M-L": ("Large", 9.0)}


def test_saleor(tmp_path: Path) -> None:
    text = json.dumps(
        {"blocks": [{"type": "paragraph", "data": {"text": "Warm &amp; <b>soft</b>"}}]}
    )
    quoted = text.replace('"', '""')
    data = (
        "id,name,description,category,product media,variant sku,colour (variant attribute),"
        "wool (product attribute),web (channel price amount),"
        "web (channel variant currency code),web (channel published)\n"
        f'UA==,Hat,"{quoted}",hats,"https://x.test/1.jpg, https://x.test/2.jpg",H-R,Red,merino,20.0,EUR,True\n'
        f'UA==,Hat,"{quoted}",hats,"https://x.test/1.jpg, https://x.test/2.jpg",H-B,Blue,merino,22.0,EUR,True\n'
        "UB==,Off,,hats,,O,,,9.0,EUR,False\n"
    )
    file, products = read(tmp_path, data)
    assert file.reading.format == "saleor"
    hat = products["UA=="]
    assert hat.text == "Warm & soft"
    assert variants(hat) == {"H-R": ("Red", 20.0), "H-B": ("Blue", 22.0)}
    assert (hat.attributes["wool"], hat.attributes["currency"]) == ("merino", "EUR")
    assert dict(file.tally.left_out) == {"not published": 1}


def test_shopify_json(tmp_path: Path) -> None:
    product = {
        "id": 1,
        "title": "Stool",
        "handle": "stool",
        "body_html": "<p>Strong</p>",
        "vendor": "Linden",
        "product_type": "Stools",
        "tags": "oak, low",
        "options": [{"name": "Finish"}],
        "images": [
            {"id": 5, "src": "https://x.test/1.jpg"},
            {"id": 6, "src": "https://x.test/2.jpg"},
        ],
        "variants": [
            {"sku": "ST-R", "price": "49.00", "option1": "Raw", "image_id": 6, "available": False},
            {"sku": "ST-O", "price": "55.00", "compare_at_price": "60.00", "option1": "Oiled"},
        ],
    }
    hidden = product | {"id": 2, "published_at": None}
    data = json.dumps({"meta": {"pages": [{"n": 1}]}, "products": [product, hidden]}, indent=1)
    file, products = read(tmp_path, data, "products.json")
    assert file.reading.format == "shopify-json"
    stool = products["1"]
    assert variants(stool) == {"ST-R": ("Raw", 49.0), "ST-O": ("Oiled", 55.0)}
    assert stool.variants[0].image == "https://x.test/2.jpg"
    assert stool.variants[1].was_price == 60.0
    assert stool.attributes["tags"] == ["oak", "low"]
    assert stool.attributes["Finish"] == ["Raw", "Oiled"]
    assert (stool.attributes["price"], stool.text, len(stool.images)) == (49.0, "Strong", 2)
    assert dict(file.tally.left_out) == {"not published": 1}


def test_sample_shops(tmp_path: Path) -> None:
    dummy = {
        "products": [
            {
                "id": 1, "title": "Mascara", "description": "Black", "category": "beauty", "price": 9.99,
                "discountPercentage": 7.2, "rating": 4.9, "stock": 5, "tags": ["beauty"], "brand": "Ess",
                "sku": "RCH", "meta": {"barcode": "9164035109868"}, "reviews": [{"comment": "bad"}],
                "images": ["https://x.test/1.png"], "thumbnail": "https://x.test/t.png",
            }
        ],
        "total": 1,
    }  # fmt: skip
    file, products = read(tmp_path, json.dumps(dummy), "dummy.json")
    assert file.reading.format == "dummyjson"
    one = products["1"]
    assert (one.attributes["price"], one.attributes["in_stock"]) == (9.99, True)
    assert "9164035109868" in one.codes
    assert "reviews" not in one.attributes
    platzi = [
        {
            "id": 2, "title": "Shirt", "price": 22, "creationAt": "2026", "category": {"name": "Clothes"},
            "images": ['["https://x.test/1.jpg"', '"https://x.test/2.jpg"]'],
        }
    ]  # fmt: skip
    _, products = read(tmp_path, json.dumps(platzi), "platzi.json")
    assert [one.address for one in products["2"].images] == [
        "https://x.test/1.jpg",
        "https://x.test/2.jpg",
    ]
    assert products["2"].attributes["category"] == "Clothes"


LINKED = {
    "@context": "https://schema.org",
    "@graph": [
        {"@type": "Organization", "name": "Shop"},
        {
            "@type": "ProductGroup",
            "productGroupID": "TEE",
            "name": "Tee",
            "brand": {"@type": "Brand", "name": "Linden"},
            "image": [{"@type": "ImageObject", "url": "https://x.test/1.jpg"}],
            "hasVariant": [{"@id": "#r"}, {"@id": "#b"}],
        },
        {
            "@type": "Product", "@id": "#r", "name": "Tee red", "sku": "TEE-R", "color": "Red",
            "offers": {"price": "19.00", "priceCurrency": "EUR", "availability": "https://schema.org/InStock"},
        },
        {
            "@type": "Product", "@id": "#b", "name": "Tee blue", "sku": "TEE-B", "color": "Blue",
            "offers": [{"price": 18, "priceCurrency": "EUR", "availability": "OutOfStock"}],
        },
        {
            "@type": "Product", "name": "Cap", "sku": "CAP", "description": "Warm",
            "offers": {"@type": "AggregateOffer", "lowPrice": "9", "highPrice": "12", "priceCurrency": "EUR"},
        },
    ],
}  # fmt: skip


@pytest.mark.parametrize("packed", ["json", "html"])
def test_json_ld_in_json_and_in_html(tmp_path: Path, packed: str) -> None:
    data = json.dumps(LINKED)
    if packed == "html":
        data = f'<!doctype html><html><head><script type="application/ld+json">{data}</script></head></html>'
    file, products = read(tmp_path, data, f"page.{packed}")
    assert (file.reading.format, file.file.kind) == ("json-ld", packed)
    assert set(products) == {"TEE", "CAP"}
    tee = products["TEE"]
    assert variants(tee) == {"TEE-R": ("Red", 19.0), "TEE-B": ("Blue", 18.0)}
    assert [one.in_stock for one in tee.variants] == [True, False]
    assert (tee.attributes["brand"], tee.attributes["color"]) == ("Linden", ["Red", "Blue"])
    assert (tee.attributes["price"], tee.attributes["currency"]) == (18.0, "EUR")
    cap = products["CAP"]
    assert (cap.attributes["price"], cap.attributes["price_max"], cap.text) == (9.0, 12.0, "Warm")


def test_rakuten_in_shift_jis(tmp_path: Path) -> None:
    data = (
        "商品管理番号（商品URL）,商品名,商品画像パス1,SKU管理番号,販売価格,バリエーション項目キー1,"
        "バリエーション項目選択肢1\n"
        "mug,青いマグカップ,/a/mug.jpg,,,,\nmug,,,mug-s,1980,サイズ,小\nmug,,,mug-l,2480,サイズ,大\n"
    )
    path = tmp_path / "rakuten.csv"
    path.write_bytes(data.encode("cp932"))
    with open_products(str(path)) as file:
        (mug,) = file.products()
    assert file.reading.format == "rakuten"
    assert any("Shift_JIS" in said for said in file.notices())
    assert isinstance(mug, Product)
    assert (mug.external_id, mug.title, mug.image) == ("mug", "青いマグカップ", "/a/mug.jpg")
    assert variants(mug) == {"mug-s": ("小", 1980.0), "mug-l": ("大", 2480.0)}
    assert mug.attributes["currency"] == "JPY"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (
            "export.txt",
            "item_sku\titem_name\tmain_image_url\tother_image_url1\tparent_child\tparent_sku\n"
            "T\tTee\tmain.jpg\t\tparent\t\nT-R\tTee red\tred.jpg\tback.jpg\tchild\tT\n"
            "T-B\tTee blue\tblue.jpg\t\tchild\tT\n",
        ),
        (
            "export.csv",
            "sku,attribute_set_code,product_type,name,base_image,additional_images,"
            "configurable_variations\n"
            'T-R,Default,simple,Tee red,red.jpg,"red.jpg,back.jpg",\n'
            "T-B,Default,simple,Tee blue,blue.jpg,,\n"
            'T,Default,configurable,Tee,main.jpg,,"sku=T-R,color=Red|sku=T-B,color=Blue"\n',
        ),
        (
            "export.csv",
            "*Action(SiteID=US|Currency=USD),Title,Custom label (SKU),Relationship,"
            "Relationship details,Item photo URL\nAdd,Tee,T,,Color=Red;Blue,https://x.test/main.jpg\n"
            ",,T-R,Variation,Color=Red,Red=https://x.test/red.jpg|https://x.test/back.jpg\n"
            ",,T-B,Variation,Color=Blue,Blue=https://x.test/blue.jpg\n",
        ),
        (
            "export.csv",
            "name,slug,assets,optionGroups,optionValues,sku,price,variantAssets\n"
            "Tee,tee,main.jpg,Colour,Red,T-R,7,red.jpg|back.jpg\n,,,,Blue,T-B,9,blue.jpg\n",
        ),
        (
            "export.json",
            '{"@context":"https://schema.org","@type":"ProductGroup","name":"Tee",'
            '"productGroupID":"T","image":"main.jpg","hasVariant":['
            '{"@type":"Product","sku":"T-R","color":"Red","image":["red.jpg","back.jpg"]},'
            '{"@type":"Product","sku":"T-B","color":"Blue","image":"blue.jpg"}]}\n',
        ),
    ],
    ids=["amazon", "magento", "ebay", "vendure", "json-ld"],
)
def test_each_picture_of_a_variant_is_kept(tmp_path: Path, name: str, data: str) -> None:
    (tee,) = read(tmp_path, data, name)[1].values()
    assert [(one.address.rsplit("/", 1)[-1], one.role) for one in tee.images] == [
        ("main.jpg", "main"),
        ("red.jpg", "variant"),
        ("back.jpg", "variant"),
        ("blue.jpg", "variant"),
    ]
    assert [str(one.image).rsplit("/", 1)[-1] for one in tee.variants] == ["red.jpg", "blue.jpg"]
