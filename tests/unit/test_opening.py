"""files/opening.py, raw.py, encodings.py, tables.py: from bytes to rows, by evidence."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from vitrina.errors import InputError
from vitrina.files import BadRow, Product, Row, open_file, open_products, open_rows
from vitrina.files.depth import MOST, Depth


def rows_of(path: Path | str, **options: str) -> list[Row | BadRow]:
    with open_rows(str(path), **options) as rows:
        return list(rows)


MANIFEST = (
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    '<manifest:file-entry manifest:full-path="/"'
    ' manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
)
LAMP = [Row(2, {"id": "1", "title": "Lamp"})]


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        ("id;title\n1;Tasse \u2013 \u201eCafé\u201c\n", "cp1252", "Windows-1252"),
        ("id;title\n1;Größe für Füße\n", "latin-1", "Windows-1252"),
        ("id;title\n1;Szafka żółta, łóżko, kość\n", "cp1250", "Windows-1250"),
        ("id;title\n1;Szafka żółta, łóżko, kość\n", "iso8859-2", "ISO 8859-2"),
        ("id;title\n1;Настольная лампа из дуба\n", "cp1251", "Windows-1251"),
        ("id;title\n1;青いマグカップ\n", "cp932", "Shift_JIS"),
        ("id;title\n1;青いマグカップ\n", "euc-jp", "EUC-JP"),
        ("id;title\n1;Café\n", "utf-16", "UTF-16"),
        ("id;title\n1;Lampe de bureau pour le café\n", "utf-16-le", "UTF-16-LE"),
        ("id;title\n1;Café\n", "utf-8-sig", None),
        ("id;title\n1;Café\n", "utf-8", None),
    ],
)
def test_the_encoding_is_decided_by_evidence_and_said(
    tmp_path: Path, text: str, encoding: str, said: str | None
) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(text.encode(encoding))
    title = text.splitlines()[1].partition(";")[2]
    with open_file(str(path)) as file:
        assert list(file.read()) == [Row(2, {"id": "1", "title": title})]
    assert file.columns == ["id", "title"]
    if said is None:
        assert file.said == []
    else:
        assert said in " ".join(file.said)


def test_a_broken_row_of_utf8_is_named_and_the_rest_read(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(
        "id,title\n1,Café\n2,Crème brûlée, no\n".encode() + b"3,caf\xe9\n" + "4,Thé\n".encode()
    )
    first, _, bad, last = rows_of(path)
    assert first == Row(2, {"id": "1", "title": "Café"})
    assert isinstance(bad, BadRow)
    assert "not valid UTF-8" in bad.reason
    assert last == Row(5, {"id": "4", "title": "Thé"})


def test_a_given_encoding_wins(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes("id,title\n1,café\n".encode("cp1252"))
    (bad,) = rows_of(path, encoding="utf-8")
    assert isinstance(bad, BadRow)
    assert rows_of(path, encoding="cp1252") == [Row(2, {"id": "1", "title": "café"})]
    with pytest.raises(InputError, match="unknown encoding"):
        rows_of(path, encoding="klingon")


def test_packed_files_are_unpacked(tmp_path: Path) -> None:
    plain = b"id,title\n1,Lamp\n"
    (tmp_path / "p.csv.gz").write_bytes(gzip.compress(plain))
    assert rows_of(tmp_path / "p.csv.gz") == LAMP
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("export/products.csv", plain)
        archive.writestr("export/images/1.jpg", b"\xff\xd8")
        archive.writestr("__MACOSX/products.csv", b"x")
    assert rows_of(tmp_path / "p.zip") == LAMP
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", plain)
        archive.writestr("b.csv", plain)
    with pytest.raises(InputError, match=r"holds 2 tables \(a.csv, b.csv\)"):
        rows_of(tmp_path / "two.zip")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(plain * 100)[:40])
    with pytest.raises(InputError, match="packed and damaged"):
        rows_of(tmp_path / "cut.csv.gz")


def test_a_pipe_is_read_more_than_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"id,title\n1,Lamp\n"))
    writer.start()
    with open_file(str(pipe)) as file:
        assert list(file.read()) == list(file.read()) == LAMP
    writer.join()


def test_standard_input_is_read_more_than_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Standard:
        buffer = io.BytesIO(b"id,title\n1,Lamp\n")

    monkeypatch.setattr(sys, "stdin", Standard())
    with open_file("-") as file:
        assert list(file.read()) == list(file.read()) == LAMP


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("sep=;\nid;title,long;price\n1;Lamp;9,90\n", ";"),
        ("id;title;price\n1;Lamp, big;9,90\n2;Mug, small;7,50\n", ";"),
        ('id,title\n1,"a;b;c\nd;e"\n2,"f;g"\n', ","),
        ("id|title, short\n1|Lamp, red\n", "|"),
        ("title\nLamp\n", ","),
    ],
)
def test_the_delimiter_is_decided_over_several_rows(
    tmp_path: Path, text: str, delimiter: str
) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text, "utf-8")
    with open_file(str(path)) as file:
        assert file.delimiter == delimiter
        assert all(isinstance(row, Row) for row in file.read())


def test_a_heading_above_the_header_is_no_header(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("Export of today,,\n,,\nid,title,price\n1,Lamp,9\n", "utf-8")
    assert rows_of(path) == [Row(4, {"id": "1", "title": "Lamp", "price": "9"})]


def test_a_column_that_is_there_twice_is_a_list(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("id,image,image,image\n1,a.jpg,,b.jpg\n2,c.jpg,,\n", "utf-8")
    assert [row.values["image"] for row in rows_of(path) if isinstance(row, Row)] == [
        ["a.jpg", "b.jpg"],
        "c.jpg",
    ]


@pytest.mark.parametrize(
    "document",
    [
        [{"id": 1, "title": "Lamp"}],
        {"products": [{"id": 1, "title": "Lamp"}], "total": 1},
        {"meta": {"links": [{"href": "x"}]}, "data": {"items": [{"id": 1, "title": "Lamp"}]}},
        {"data": {"products": {"edges": [{"node": {"id": 1, "title": "Lamp"}}]}}},
        {"id": 1, "title": "Lamp"},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_products_are_found_at_any_depth_of_a_document(
    tmp_path: Path, document: object, indent: int | None
) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps(document, indent=indent), "utf-8")
    assert rows_of(path) == [Row(1, {"id": 1, "title": "Lamp"})]


def test_a_document_that_breaks_off_is_read_so_far(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text('{"products": [{"id": 1, "title": "Lamp"}, {"id": 2, "ti', "utf-8")
    first, bad = rows_of(path)
    assert first == Row(1, {"id": 1, "title": "Lamp"})
    assert isinstance(bad, BadRow)
    assert "the rest was not read" in bad.reason


def test_any_xml_with_a_list_of_elements_is_read(tmp_path: Path) -> None:
    path = tmp_path / "p.xml"
    path.write_text(
        "<shop><name>Shop</name><offers>"
        '<offer id="1"><title>Lamp</title><picture>a.jpg</picture><picture>b.jpg</picture>'
        '<param name="Colour">red</param></offer>'
        '<offer id="2"><title>Mug</title></offer></offers></shop>',
        "utf-8",
    )
    assert rows_of(path) == [
        Row(1, {"id": "1", "title": "Lamp", "picture": ["a.jpg", "b.jpg"], "Colour": "red"}),
        Row(2, {"id": "2", "title": "Mug"}),
    ]


def test_a_sheet_of_opendocument_is_read(tmp_path: Path) -> None:
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="{kind}" {value}><text:p>{text}</text:p></table:table-cell>'
            for kind, value, text in row
        )
        + "</table:table-row>"
        for row in (
            [("string", "", "id"), ("string", "", "title"), ("string", "", "price")],
            [
                ("float", 'office:value="10002"', "10002"),
                ("string", "", "Lamp"),
                ("float", 'office:value="9.9"', "9,90"),
            ],
        )
    )
    content = (
        '<?xml version="1.0"?><office:document-content'
        ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
        ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
        ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body>'
        f'<office:spreadsheet><table:table table:name="Products">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(tmp_path / "p.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", MANIFEST)
    with open_file(str(tmp_path / "p.ods")) as file:
        assert (file.kind, file.columns) == ("sheet", ["id", "title", "price"])
        assert list(file.read()) == [Row(2, {"id": 10002, "title": "Lamp", "price": 9.9})]


def test_a_workbook_of_excel_is_read_by_its_sheet_with_titles(tmp_path: Path) -> None:
    """Two sheets, the first of notes; texts inline, numbers as numbers, an empty cell left out."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"

    def sheet(*rows: tuple[str | float | None, ...]) -> str:
        written = ""
        for number, row in enumerate(rows, 1):
            cells = ""
            for letter, cell in zip("ABCD", row, strict=False):
                at = f'r="{letter}{number}"'
                if isinstance(cell, str):
                    cells += f'<c {at} t="inlineStr"><is><t>{cell}</t></is></c>'
                elif cell is not None:
                    cells += f"<c {at}><v>{cell}</v></c>"
            written += f'<row r="{number}">{cells}</row>'
        return f'<worksheet xmlns="{main}"><sheetData>{written}</sheetData></worksheet>'

    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet2.xml" ContentType="{kind}.worksheet+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1"'
        f' Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Notes" sheetId="1" r:id="r1"/><sheet name="Items" sheetId="2" r:id="r2"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{office}/worksheet" Target="worksheets/sheet2.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": sheet(("Made in November",)),
        "xl/worksheets/sheet2.xml": sheet(
            ("sku", "title", "price", "color"), (7, "Lamp", 9.9, None), ("A-8", "Mug", 5, "red")
        ),
    }
    with zipfile.ZipFile(tmp_path / "p.xlsx", "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + text)
    with open_file(str(tmp_path / "p.xlsx")) as file:
        told = "read the sheet 'Items'; to read another: --sheet 'Notes'"
        assert (file.kind, file.said, file.sheet) == ("sheet", [told], "Items")
        assert list(file.read()) == [
            Row(2, {"sku": 7, "title": "Lamp", "price": 9.9, "color": ""}),
            Row(3, {"sku": "A-8", "title": "Mug", "price": 5, "color": "red"}),
        ]

    with open_file(str(tmp_path / "p.xlsx"), sheet="Notes") as file:
        assert file.columns == ["Made in November"]
    with pytest.raises(InputError, match="no sheet 'Item' with rows: give --sheet 'Notes' or 'Ite"):
        with open_file(str(tmp_path / "p.xlsx"), sheet="Item"):
            pass


def test_a_sheet_beyond_the_stated_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitrina.files import sheets

    monkeypatch.setattr(sheets, "MAX_SIZE", 10)
    (tmp_path / "p.xls").write_bytes(b"\xd0\xcf\x11\xe0" + b"\0" * 100)
    with pytest.raises(InputError, match="save it as CSV"):
        rows_of(tmp_path / "p.xls")


@pytest.mark.parametrize(
    "text",
    [
        '{"items":[{"id":1,"title":"Lamp"},\n{"id":2,"title":"Chair"}]}',
        '{"items":[\n{"id":1,"title":"Lamp"},\n{"id":2,"title":"Chair"}\n]}',
        '{"items":[\n{"id":1,"title":"Lamp"}\n]}',
        '{"n":2,"items":[{"id":1,"title":"Lamp"}\n,{"id":2,"title":"Chair"}]}',
    ],
)
def test_a_document_with_a_product_a_line_is_a_document(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(text, "utf-8")
    rows = rows_of(path)
    assert rows[0] == Row(1, {"id": 1, "title": "Lamp"})
    assert [type(row) for row in rows] == [Row] * text.count("id")


@pytest.mark.parametrize("first", ['{"id":1,"title":"La', '{"id":1,,}', '{"id":NaN}'])
def test_lines_of_which_the_first_is_broken_are_lines(tmp_path: Path, first: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(first + '\n{"id":2,"title":"Chair"}\n', "utf-8")
    bad, row = rows_of(path)
    assert isinstance(bad, BadRow)
    assert row == Row(2, {"id": 2, "title": "Chair"})


@pytest.mark.parametrize(
    ("declared", "encoding", "text"),
    [
        ("", "cp1252", "Café – 5 €"),
        ('<?xml version="1.0" encoding="UTF-8"?>', "cp1250", "Łóżko"),
        ('<?xml version="1.0" encoding="utf-8"?>', "cp932", "青いマグカップ"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?>', "utf-8", "Café"),
    ],
)
def test_xml_in_the_encoding_that_is_given(
    tmp_path: Path, declared: str, encoding: str, text: str
) -> None:
    path = tmp_path / "p.xml"
    item = "<item><id>{}</id><title>{}</title></item>"
    data = f"{declared}<items>{item.format(1, text)}{item.format(2, 'x')}</items>"
    path.write_bytes(data.encode(encoding))
    assert rows_of(path, encoding=encoding)[0] == Row(1, {"id": "1", "title": text})


def test_elements_with_a_currency_or_a_language(tmp_path: Path) -> None:
    path = tmp_path / "p.xml"
    path.write_text(
        '<items><item><name xml:lang="de">Lampe</name><name xml:lang="en">Lamp</name>'
        '<price currency="EUR">9,90</price><cost currency="EUR">5 USD</cost>'
        '<weight unit="kg">2</weight><note lang="de">Neu</note></item>'
        "<item><name>Stuhl</name><price>5</price></item></items>",
        "utf-8",
    )
    first, second = rows_of(path)
    assert first == Row(
        1,
        {
            "name": [
                {"language": "de", "value": "Lampe"},
                {"language": "en", "value": "Lamp"},
            ],
            "price": "9,90 EUR",
            "cost": "5 USD",
            "weight": "2",
            "note": "Neu",
        },
    )
    assert second == Row(2, {"name": "Stuhl", "price": "5"})
    for language, title in (("de", "Lampe"), ("en", "Lamp"), ("fr", "Lamp")):
        with open_products(str(path), language=language) as file:
            lamp = next(iter(file.products()))
        assert isinstance(lamp, Product)
        assert lamp.title == title
        assert (lamp.attributes["price"], lamp.attributes["currency"]) == (9.9, "EUR")


def test_a_damaged_file_is_one_clear_line(tmp_path: Path) -> None:
    """Wherever it is damaged: a zip's parts, a letter of two bytes, a quote in the header."""
    with zipfile.ZipFile(tmp_path / "good.zip", "w") as archive:
        archive.writestr("p.csv", "id,title\n1,Lamp\n")
    good = (tmp_path / "good.zip").read_bytes()
    name, directory = good.index(b"p.csv"), good.index(b"PK\x01\x02")
    for place in (name, directory + 42, directory + 46, len(good) - 6):
        spoilt = bytearray(good)
        spoilt[place : place + 4] = b"\xff\xff\xff\x7f"
        (tmp_path / "p.zip").write_bytes(spoilt)
        with pytest.raises(InputError, match=r"p\.zip"):
            rows_of(tmp_path / "p.zip")
    lines = '{"id": "1", "title": "Lamp"}\n'.encode("utf-16")
    (tmp_path / "p.jsonl").write_bytes(lines + lines[2:-1])
    first, last = rows_of(tmp_path / "p.jsonl")
    assert first == Row(1, {"id": "1", "title": "Lamp"})
    assert isinstance(last, BadRow)
    assert "the rest was not read" in last.reason
    (tmp_path / "p.csv").write_text('"id","title\n1,Lamp\n')
    with pytest.raises(InputError, match="a quote left open"):
        rows_of(tmp_path / "p.csv")


@pytest.mark.parametrize("many", [20, 5_000])
def test_a_number_of_many_digits_ends_no_document(tmp_path: Path, many: int) -> None:
    """One of 20 digits is read as it is; one of 5,000 is a reason, and the process lives."""
    number = "9" * many
    rows = f'{{"id": 1, "title": "Lamp"}}, {{"id": {number}, "title": "Mug"}}, {{"id": 3, "title": "Cup"}}'
    (tmp_path / "p.json").write_text(f'{{"shop": {{"items": [{rows}]}}}}')
    found = rows_of(tmp_path / "p.json")
    assert found[0] == Row(1, {"id": 1, "title": "Lamp"})
    if many == 20:
        assert found[1:] == [
            Row(2, {"id": int(number), "title": "Mug"}),
            Row(3, {"id": 3, "title": "Cup"}),
        ]
    else:
        assert isinstance(found[1], BadRow)
        assert "4300 digits" in found[1].reason
        assert "the rest was not read" in found[1].reason
    (tmp_path / "one.json").write_text(f'{{"title": "Lamp", "made": {number}}}')
    if many == 20:
        assert rows_of(tmp_path / "one.json") == [Row(1, {"title": "Lamp", "made": int(number)})]
    else:
        with pytest.raises(InputError, match="4300 digits"):
            rows_of(tmp_path / "one.json")


def test_what_nests_without_end_is_no_row(tmp_path: Path) -> None:
    """It is refused where it begins: reading on takes gigabytes."""
    deep = "[" * 100_000 + "]" * 100_000
    good = '{"id": 1, "title": "Lamp [[["}'
    (tmp_path / "p.json").write_text(f'{{"n": {deep}, "products": [{good}, {good}]}}')
    with pytest.raises(InputError, match="nests more than 500 deep"):
        rows_of(tmp_path / "p.json")
    (tmp_path / "p.json").write_text(f'[{good}, {{"id": 2, "title": "Mug", "n": {deep}}}]')
    with pytest.raises(InputError, match="nests more than 500 deep"):
        rows_of(tmp_path / "p.json")
    many = ", ".join([good] * 9_000)  # beyond what is looked at first
    (tmp_path / "p.json").write_text(f'[{many}, {{"id": 2, "title": "Mug", "n": {deep}}}]')
    last = rows_of(tmp_path / "p.json")[-1]
    assert isinstance(last, BadRow)
    assert "nests more than 500 deep; the rest was not read" in last.reason
    item, inner = "<item><id>1</id><title>Lamp</title>{}</item>", "<a>" * 300 + "</a>" * 300
    rss = f"<rss><channel>{item.format(inner)}{item.format('')}</channel></rss>"
    (tmp_path / "p.xml").write_text(rss)
    assert rows_of(tmp_path / "p.xml") == [
        BadRow(1, "it nests more than 200 deep"),
        Row(2, {"id": "1", "title": "Lamp"}),
    ]
    (tmp_path / "p.xml").write_text("<item>" * 20_000 + "</item>" * 20_000)
    with pytest.raises(InputError, match="no element looks like a product"):
        rows_of(tmp_path / "p.xml")


def test_depth_counts_no_brackets_in_texts() -> None:
    """Wherever its parts are cut; quotes and backslashes in texts are escaped."""
    said = json.dumps([{"a\\": ['"[', "\\", '\\"[[', "]"], "b": [[]]}, "[", ["]"]]).encode()
    for size in range(1, len(said)):
        depth = Depth()
        for start in range(0, len(said), size):
            depth.add(said[start : start + size])
        depth.add(b"[" * MOST + b"]" * MOST)  # nothing is open
        with pytest.raises(ValueError, match="deep"):
            depth.add(b"[" * (MOST + 1))


@pytest.mark.parametrize("encoding", ["shift_jis", "no-such"])
def test_xml_in_an_encoding_that_is_not_read_says_so(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "p.xml").write_text(f'<?xml version="1.0" encoding="{encoding}"?><rss></rss>')
    with pytest.raises(InputError, match=r"cannot be read as XML: .* save it as UTF-8"):
        rows_of(tmp_path / "p.xml")


def test_a_number_that_cannot_be_stored_is_named_with_its_product(tmp_path: Path) -> None:
    """In JSON-LD, too, which is read at once; the other product comes in."""
    nodes = '{"@type": "Product", "name": "Lamp", "n": %s}, {"@type": "Product", "name": "Mug"}'
    for number in ("1e999", "NaN", "-Infinity", "9" * 400):
        graph = f'{{"@context": "x", "@graph": [{nodes % number}]}}'
        page = f'<html><script type="application/ld+json">{graph}</script></html>'
        for name, text in (("p.json", graph), ("p.html", page)):
            (tmp_path / name).write_text(text)
            first, second = rows_of(tmp_path / name)
            assert first == BadRow(1, "a number that is NaN, infinite or beyond 1e308")
            assert second == Row(2, {"@type": "Product", "name": "Mug"})
