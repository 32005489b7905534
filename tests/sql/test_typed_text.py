"""sql/10-text/140, sql/40-products/400: a product is found however its words are typed."""

import json

import psycopg
import pytest

from rehearsal import filled

pytestmark = pytest.mark.once

TITLES = {
    "english": [
        "Contactor LC1/D09 24V", "Contactor LC1/D12 24V", "Relay D09 socket", "Filter ABC/123",
        "Café table in walnut", "Crème fraîche spoon", "Décor wall panel", "10.5 mm drill bit",
        "Nike Air Max 90 size 10.5", "Bosch GSR 12V-15 cordless drill", "WD-40 spray",
        "Phone 15 Pro Max 256GB blue", 'Table 36" x 48" oak', "C++ programming mug", "C# poster",
        "USB-C cable 2 m", "Nut &amp; bolt set", "Bowl &#8220;Sa&iuml;gon&#8221;", "T-shirt white",
        "Wi-Fi socket", "A4 paper, 1,000 sheets", "Frame 10,5 x 4 inch", "foo.bar/baz_qux sticker",
        "Ring ½ inch", "Version 2.0 kit", "Set of 4 glasses", "Salt\u00adshaker",
    ],
    "german": [
        "Bürostühle für Kälte", "Straßenlaterne", "Buerolampe", "Fußmatte \u201eÄpfel\u201c",
        "Gefäß aus Ton",
    ],
    "french": ["Nappe brodée", "Cœur en bois", "Étagère d\u2019angle"],
    "danish": ["Rødgrød skål", "Ålborg æske"],
    "turkish": ["Kırmızı İpek şal"],
    "russian": ["Чёрный зелёный чайник", "Йогурт белый"],
    "greek": ["Τραπέζι σαλονιού"],
    "simple": [
        "łóżko sosnowe", "ＵＳＢケーブル", "ﾜﾝﾋﾟｰｽ 黒", "わかめスープ", "がっき", "黑色金属边桌", "검은색 테이블",
        "โต๊ะข้างโลหะ",
    ],
}  # fmt: skip


@filled
def shop(db: psycopg.Connection) -> None:
    for config, titles in TITLES.items():
        db.execute("select put_source(%s, text_config => %s)", [config, config])
        rows = [{"external_id": title, "title": title} for title in titles]
        db.execute("select put_products(%s, %s)", [config, json.dumps(rows)])


def found(db: psycopg.Connection, query: str) -> list[str]:
    rows = db.execute("select title from search(%s, mode => 'text')", [query]).fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("queries", "title"),
    [
        (["LC1/D09", "lc1d09", "lc1-d09", "LC1 D09", "lc1_d09", "LC1.D09"], "Contactor LC1/D09 24V"),
        (["ABC/123", "abc123", "abc 123", "abc#123"], "Filter ABC/123"),
        (["cafe table", "café", "CAFÉ", "cafe\u0301"], "Café table in walnut"),
        (["creme fraiche", "crème fraiche"], "Crème fraîche spoon"),
        (["decor", "DÉCOR"], "Décor wall panel"),
        (["10.5mm", "10.5 mm", "10,5mm", "drill 10.5-mm"], "10.5 mm drill bit"),
        (["gsr12v-15", "GSR 12V-15", "gsr12v15", "gsr-12v-15"], "Bosch GSR 12V-15 cordless drill"),
        (["wd40", "WD-40", "wd 40"], "WD-40 spray"),
        (["256gb", "256 GB", "256-gb"], "Phone 15 Pro Max 256GB blue"),
        (["table 36x48", "36 x 48", "36×48", "36 X 48"], 'Table 36" x 48" oak'),
        (["c++", "C++ mug"], "C++ programming mug"),
        (["c#", "C# poster"], "C# poster"),
        (["usb-c", "USBC", "usb c cable"], "USB-C cable 2 m"),
        (["nut & bolt", "nut bolt"], "Nut &amp; bolt set"),
        (["saigon", "Saïgon"], "Bowl &#8220;Sa&iuml;gon&#8221;"),
        (["tshirt", "t-shirt", "T-Shirts", "tshirts"], "T-shirt white"),
        (["wifi", "wi-fi", "wi fi"], "Wi-Fi socket"),
        (["a4", "A4 paper", "1000 sheets", "1,000 sheets", "a-4"], "A4 paper, 1,000 sheets"),
        (["10.5 x 4 inch", "10,5x4"], "Frame 10,5 x 4 inch"),
        (["baz", "foo bar", "qux sticker"], "foo.bar/baz_qux sticker"),
        (["1/2 inch", "½ inch"], "Ring ½ inch"),
        (["version 2", "version 2.0"], "Version 2.0 kit"),
        (["saltshaker"], "Salt\u00adshaker"),
        (["Bürostuhl", "burostuhl", "buerostuhl", "BÜROSTÜHLE"], "Bürostühle für Kälte"),
        (["strassenlaterne", "Straßenlaterne", "STRASSENLATERNE"], "Straßenlaterne"),
        (["Bürolampe", "buerolampe"], "Buerolampe"),
        (["äpfel", "apfel", "aepfel"], "Fußmatte „Äpfel“"),
        (["brodé", "brodee", "brodées"], "Nappe brodée"),
        (["coeur", "cœur"], "Cœur en bois"),
        (["etagere", "étagères d'angle"], "Étagère d’angle"),
        (["rodgrod", "roedgroed", "rødgrød"], "Rødgrød skål"),
        (["aalborg", "alborg", "aeske", "æske"], "Ålborg æske"),
        (["kirmizi", "KIRMIZI", "kırmızı", "ipek", "sal"], "Kırmızı İpek şal"),
        (["черный", "чёрный", "ЧЁРНЫЙ зеленый"], "Чёрный зелёный чайник"),
        (["йогурт"], "Йогурт белый"),
        (["τραπεζι", "τραπέζι"], "Τραπέζι σαλονιού"),
        (["lozko", "łóżko", "ŁÓŻKO", "lozko sosnowe"], "łóżko sosnowe"),
        (["usbケーブル", "USB ｹｰﾌﾞﾙ", "けーぶる"], "ＵＳＢケーブル"),
        (["ワンピース", "わんぴーす", "ﾜﾝﾋﾟｰｽ"], "ﾜﾝﾋﾟｰｽ 黒"),
        (["ワカメ", "わかめ スープ"], "わかめスープ"),
        (["边桌", "黑色边桌", '"黑色金属"'], "黑色金属边桌"),
        (["테이블", '"테이블"'], "검은색 테이블"),
        (["โลหะ", '"โลหะ"'], "โต๊ะข้างโลหะ"),
        (['"lc1-d09"', '"cordless drill"', '"10.5 mm"'], None),
    ],
)  # fmt: skip
def test_a_title_is_found_however_it_is_typed(
    shop: psycopg.Connection, queries: list[str], title: str | None
) -> None:
    for query in queries:
        assert found(shop, query)[:1] == [title] if title else found(shop, query), query


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("a4", "Set of 4 glasses"),
        ("c++", "C# poster"),
        ("c++", "USB-C cable 2 m"),
        ("か", "がっき"),
        ("lc1/d09 -relay", "Relay D09 socket"),
        ("cordless -gsr12v15", "Bosch GSR 12V-15 cordless drill"),
        ("white -t-shirt", "T-shirt white"),
        ("spoon -creme", "Crème fraîche spoon"),
        ("桌 -黑色", "黑色金属边桌"),
        ('"drill 10.5"', "10.5 mm drill bit"),
        ("12 inch", "½"),
    ],
)
def test_what_is_another_thing_is_not_found(
    shop: psycopg.Connection, query: str, title: str
) -> None:
    rows = found(shop, query)
    assert title not in rows[:1] if query == "a4" else title not in rows


def test_a_whole_code_is_before_those_that_differ_in_a_letter(shop: psycopg.Connection) -> None:
    codes = [f"SMD0590-I-30/8HP{end}" for end in ("T", "TM", "X", "TA", "TB", "", "2", "S")] + [
        "SMD0591-I-30/8HPT",
        "SMD0590-I-30/9HPT",
        "30 tube 8",
    ]
    rows = [{"external_id": c, "title": f"LED tube {c} clear"} for c in codes]
    shop.execute("select put_products('english', %s)", [json.dumps(rows)])
    for code in codes[:-1]:
        for query in (code, code.replace("-", " "), code.replace("/", "").lower()):
            assert found(shop, query)[0] == f"LED tube {code} clear", query


@pytest.mark.parametrize(
    "text",
    ["&#0; &#xD800; &#99999999; &#x110000; &bogus; &amp", "a" * 1900 + "-1", "-./_#\\@+&", "1,2,3,4",
     "\u0301\u0301", "٣٤٥", "1.2.3.4.5", "&" * 500, "C" + "+" * 100],
)  # fmt: skip
def test_odd_texts_are_indexed_and_searched(db: psycopg.Connection, text: str) -> None:
    db.execute("select put_source('odd')")
    row = {"external_id": "1", "title": text}
    db.execute("select put_products('odd', %s)", [json.dumps([row])])
    found(db, text)
    found(db, f'"{text}" -{text}')


def test_plain_text_is_not_rewritten(db: psycopg.Connection) -> None:
    text = "Two seater sofa in green velvet, with oak legs"
    assert db.execute(
        "select vitrina_internal.clean_text(%(t)s) = %(t)s, vitrina_internal.parted_text(%(t)s) = %(t)s,"
        " vitrina_internal.joined_words(%(t)s) is null, vitrina_internal.folded_text(%(t)s) = %(t)s",
        {"t": text},
    ).fetchone() == (True, True, True, True)


CODES = {
    "1": {"Artikelnummer": "10002", "Reference #": "LMP-1", "Model": "GSR 12V-15", "Part No.": "PN-77",
          "商品番号": "AB-9920", "Kurzbez.": 77123, "size": "XL36-40"},
    "2": {"Artikelnummer": "20002", "Model": "X200", "power": "18V", "Maße": "36x48", "date": "2024-05-01"},
} | {f"t{n}": {"bulb": "GU10-LED", "Jahr": "2019", "preis": "1999", "socket": "E2700"} for n in range(9)}  # fmt: skip


@pytest.mark.parametrize(
    ("query", "code"),
    [("10002", "1"), ("lmp1", "1"), ("GSR 12V-15", "1"), ("gsr12v15", "1"), ("PN_77", "1"),
     ("ＡＢ9920", "1"), ("77123", "1"), ("x-200", "2"),
     # measures, sizes, dates and prices are no codes, nor is what many products have
     ("18v", None), ("36x48", None), ("xl36-40", None), ("2024-05-01", None), ("gu10-led", None),
     ("e2700", None), ("2019", None), ("1999", None)],
)  # fmt: skip
def test_codes_are_found_whatever_they_are_called(
    db: psycopg.Connection, query: str, code: str | None
) -> None:
    db.execute("select put_source('shop', text_config => 'english')")
    rows = [
        {"external_id": f"p{c}", "title": f"Lamp {c}", "attributes": a} for c, a in CODES.items()
    ]
    db.execute("select put_products('shop', %s)", [json.dumps(rows)])
    hits = db.execute("select external_id, matched from search(%s)", [query]).fetchall()
    coded = [name for name, matched in hits if "code" in matched]
    assert coded == ([f"p{code}"] if code else [])
    if code:
        assert hits[0][0] == f"p{code}"


COMPOUNDS = {
    "german": ["Bürostuhl schwarz", "Stuhl Eiche", "Hocker fürs Büro", "Stuhl für Büro", "Küchentisch",
               "Tisch für Küche", "praktisch verpackt", "Kinderbett", "Bett für Kinder", "Wanduhr",
               "Uhr für Wand", "Ruhrgebiet Poster"],
    "dutch": ["Bureaustoel zwart", "Stoel eiken", "Stoel voor bureau"],
    "swedish": ["Kontorsstol svart", "Stol i ek", "Stol för kontor"],
    "english": ["Tablecloth", "Cloth for table"],
}  # fmt: skip


@pytest.mark.parametrize("backwards", [False, True])
def test_compounds_find_their_parts_and_are_found_by_their_head(
    db: psycopg.Connection, backwards: bool
) -> None:
    def seek(source: str, query: str) -> list[str]:
        rows = db.execute(
            "select title from search(%s, mode => 'text', sources => array[%s])", [query, source]
        )
        return [row[0] for row in rows.fetchall()]

    for config, titles in COMPOUNDS.items():
        db.execute("select put_source(%s, text_config => %s)", [config, config])
        for title in titles[:: -1 if backwards else 1]:
            row = {"external_id": title, "title": title}
            db.execute("select put_products(%s, %s)", [config, json.dumps([row])])
    stuhl = seek("german", "stuhl")
    assert set(stuhl[:2]) == {"Stuhl Eiche", "Stuhl für Büro"}, "exact words count more"
    assert stuhl[2:] == ["Bürostuhl schwarz"]
    assert seek("german", "Bürostühle")[:2] == ["Bürostuhl schwarz", "Stuhl für Büro"]
    assert "Hocker fürs Büro" not in seek("german", "Bürostuhl")
    assert set(seek("german", "tisch")) == {"Tisch für Küche", "Küchentisch"}
    assert seek("german", "Küchentisch") == ["Küchentisch", "Tisch für Küche"]
    assert seek("german", "kinderbett") == ["Kinderbett", "Bett für Kinder"]
    assert seek("german", "uhr") == ["Uhr für Wand", "Wanduhr"]
    assert set(seek("dutch", "stoel")) == set(COMPOUNDS["dutch"])
    assert set(seek("dutch", "bureaustoel")) == {"Bureaustoel zwart", "Stoel voor bureau"}
    assert set(seek("swedish", "stol")) == set(COMPOUNDS["swedish"])
    assert seek("english", "cloth") == ["Cloth for table"]


def test_the_name_of_a_category_finds_its_products_first(db: psycopg.Connection) -> None:
    db.execute("select put_source('shop', text_config => 'english')")
    path = [
        "Home & Kitchen",
        "Furniture",
        "Accent Furniture for every room of the house",
        "Coffee Tables",
    ]
    attributes = {
        "Coffee table book": {"category": "Books"},
        "Coffee table tray": {"categories": ["Kitchen", "Trays"]},
        "Oak piece": {"categories": path},
        "Pine piece": {"Product Type": "Coffee table"},
        "Walnut piece": {"category": " > ".join(path)},
        "Coffee": {"category": "the"},
    }  # fmt: skip
    rows = [{"external_id": t, "title": t, "attributes": a} for t, a in attributes.items()]
    db.execute("select put_products('shop', %s)", [json.dumps(rows)])
    for query in ("Coffee Tables", "coffee-table", "tables coffee"):
        assert set(found(db, query)[:3]) == {"Oak piece", "Pine piece", "Walnut piece"}, query
    assert found(db, "the") == []
    assert found(db, "coffee table book")[0] == "Coffee table book"
