"""search/browse.py, its commands, and joins with vitrina.catalog."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from PIL import Image, ImageDraw

from small_shop import CATALOGUE, put
from vitrina.catalog import Catalog
from vitrina.errors import InputError, NotFoundError
from vitrina.files import FileOptions, Mapping
from vitrina.search.product import product_id
from vitrina.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def catalog(database_url: str) -> Iterator[Catalog]:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("set search_path = vitrina, public")
        put(conn, CATALOGUE)
        put(conn, CATALOGUE[:1], source="other")
    with Catalog(settings=Settings(database_url=database_url)) as catalog:
        yield catalog


def lines(result: Result) -> list[dict]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_facets(catalog: Catalog, vitrina: Run, database_url: str) -> None:
    rows = lines(
        vitrina(
            "facets", "table", "--where", "$.price < 100", "--source", "shop", "-k", "3",
            "--attribute", "price", "--json", url=database_url,
        )
    )  # fmt: skip
    assert {(row["facet"], row["value"], row["products"]) for row in rows} == {
        ("type", "side table", 1), ("material", "metal", 1), ("color", "black", 1),
        ("price", "60", 1), ("price", "120", 1),
    }  # fmt: skip
    library = catalog.facets(
        "table", where="$.price < 100", sources=["shop"], k=3, attributes=["price"]
    )
    assert [row.value for row in library] == [row["value"] for row in rows]
    assert library[-1].low == library[-1].high == 120
    chosen = catalog.facets(any_keywords={"material": ["metal"]}, attributes=[])
    assert [(row.value, row.chosen) for row in chosen if row.chosen] == [("metal", True)]
    shown = vitrina("facets", "--any", "material=metal,oak", url=database_url).stdout
    assert shown.count("chosen") == 2
    bins = catalog.histogram("price", "table", bins=2, where="$.price < 100")
    assert [(each.low, each.high, each.products) for each in bins] == [(60, 90, 1), (90, 120, 1)]
    drawn = vitrina("facets", "--histogram", "price", "--price-max", "100", url=database_url).stdout
    assert drawn.count("█" * 30) >= 1
    with pytest.raises(NotFoundError, match="facet 'colour' not found: use one of type"):
        catalog.facets(any_keywords={"colour": ["black"]})
    with pytest.raises(NotFoundError, match="'prise' not found; nearest: price"):
        catalog.histogram("prise")
    table = vitrina("facets", url=database_url).stdout
    assert "shoe rack" in table
    assert "brand" in table


def test_suggest(catalog: Catalog, vitrina: Run, database_url: str) -> None:
    (row,) = lines(vitrina("suggest", "Shoe-r", "--json", url=database_url))
    assert row == {
        "suggestion": "shoe rack", "keyword": "shoe rack", "facet": "type", "products": 2,
    }  # fmt: skip
    nothing = vitrina("suggest", "%", url=database_url)
    assert (nothing.exit_code, nothing.stderr) == (0, "nothing found\n")


def test_recommend(catalog: Catalog, vitrina: Run, database_url: str) -> None:
    arguments = ("recommend", "--of", "shop", "rack-1", "table-1", "--not", "lamp-1", "-k", "2")
    rows = lines(vitrina(*arguments, "--source", "shop", "--json", url=database_url))
    liked = [("shop", "rack-1"), ("shop", "table-1")]
    hits = catalog.recommend(liked, [("shop", "lamp-1")], k=2, sources=["shop"])
    assert [row["external_id"] for row in rows] == [hit.external_id for hit in hits]
    assert {"rack-1", "table-1", "lamp-1"}.isdisjoint(row["external_id"] for row in rows)
    ids = [product_id(catalog.database, key) for key in liked]
    assert catalog.recommend(ids, k=3) == catalog.recommend(liked, k=3)
    with pytest.raises(InputError, match="at least one"):
        catalog.recommend([])


def test_duplicates(catalog: Catalog, vitrina: Run, database_url: str) -> None:
    (row,) = lines(vitrina("duplicates", "--json", url=database_url))
    assert (row["external_id"], row["source"]) == ("lamp-1", "other")
    assert (row["of_external_id"], row["of_source"]) == ("lamp-1", "shop")
    assert (row["reasons"], row["distance"], row["similarity"]) == (["text"], None, 1)
    text = vitrina("duplicates", "--by", "text", "--csv", url=database_url).stdout
    assert next(csv.DictReader(io.StringIO(text)))["reasons"] == '["text"]'
    assert lines(vitrina("duplicates", "--by", "picture", "--json", url=database_url)) == []
    assert "lamp-1  other   Brass" in vitrina("duplicates", url=database_url).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("facets", "--filter", "nope"), 2, "not JSON"),
        (("facets", "--filter", "[1]"), 2, "JSON object"),
        (("facets", "--where", "price < 5"), 1, "syntax error"),
        (("facets", "-k", "0"), 1, "k must be 1 to 1000"),
        (("suggest",), 2, "PREFIX"),
        (("suggest", "a", "-k", "5000"), 1, "k must be 1 to 1000"),
        (("recommend",), 2, "LIKED"),
        (("recommend", "abc"), 1, "product 'abc' not found"),
        (("recommend", "99999999999999999999"), 1, "product '99999999999999999999' not found"),
        (("recommend", "999"), 1, "product '999' not found"),
        (("recommend", "rack-1", "--not", "998"), 1, "product '998' not found"),
        (("recommend", "--of", "shop", "gone"), 1, "product 'gone' not found in source 'shop'"),
        (("recommend", "rack-1", "-k", "0"), 1, "k must be"),
        (("duplicates", "--max-distance", "65"), 2, "--max-distance"),
        (("duplicates", "--min-picture", "0.5"), 2, "--min-picture"),
        (("duplicates", "--min-looks", "2"), 2, "--min-looks"),
        (("duplicates", "--min-similarity", "0.1"), 2, "--min-similarity"),
        (("duplicates", "-k", "0"), 1, "k must be"),
    ],
)
def test_what_cannot_be_is_one_clear_line(
    catalog: Catalog,
    vitrina: Run,
    database_url: str,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    result = vitrina(*arguments, url=database_url)
    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr
    assert "Traceback" not in result.stderr


def drawn(path: Path, color: str, *, tall: bool) -> Path:
    picture = Image.new("RGB", (96, 96), "white")
    box = (36, 8, 60, 88) if tall else (8, 36, 88, 60)
    ImageDraw.Draw(picture).rectangle(box, fill=color)
    picture.save(path)
    return path


def test_nearest_by_image(catalog: Catalog, tmp_path: Path) -> None:
    for code, color, tall in (("a", "red", True), ("b", "blue", False), ("c", "green", True)):
        drawn(tmp_path / f"{code}.png", color, tall=tall)
    rows = "id,title,image\n" + "".join(f"{c},Thing {c},{c}.png\n" for c in "abc")
    (tmp_path / "things.csv").write_text(rows)
    catalog.ingest(tmp_path / "things.csv", options=FileOptions(Mapping(image_root=tmp_path)))
    query = drawn(tmp_path / "query.png", "red", tall=True)
    hits = catalog.nearest_by_image(query, k=3)
    assert hits[0].external_id == "a"
    assert hits[0].similarity == pytest.approx(1, abs=1e-3)
    assert [hit.external_id for hit in hits][-1] == "b"
    assert [hit.external_id for hit in catalog.nearest_by_image(query, k=1, sources=["shop"])] == []
    catalog.database.rows("update vitrina.spaces set state = 'retired' where modality = 'image'"
                          " returning 1")  # fmt: skip
    with pytest.raises(NotFoundError, match="no image space is in use"):
        catalog.nearest_by_image(query)


@pytest.mark.committed
def test_a_join_with_the_catalog_looks_up_one_row_at_a_time(db: psycopg.Connection) -> None:
    put(db, [(f"p{n:04}", f"Lamp {n}", [], {}) for n in range(3000)])
    db.execute(
        "create table shop_orders as select 'p' || to_char(n, 'FM0000') as sku"
        " from generate_series(0, 2) as n"
    )
    db.execute("select queue_products(array(select id from products))")
    db.execute("vacuum analyze")
    for query in (
        "select * from vitrina.catalog where source = 'shop' and external_id = 'p0007'",
        "select o.sku, c.title from shop_orders as o"
        " join vitrina.catalog as c on c.source = 'shop' and c.external_id = o.sku",
        "select s.title, c.attributes from vitrina.search('lamp', k => 3) as s"
        " join vitrina.catalog as c on (c.source, c.external_id) = (s.source, s.external_id)",
        "select c.title from vitrina.catalog as c where c.product_id = 7",
    ):
        plan = "\n".join(row[0] for row in db.execute(f"explain {query}").fetchall())
        assert "Seq Scan on products" not in plan, plan
        assert "Seq Scan on jobs" not in plan, plan
    rows = db.execute(
        "select o.sku, c.title from shop_orders as o"
        " join catalog as c on c.source = 'shop' and c.external_id = o.sku order by 1"
    ).fetchall()
    assert rows == [("p0000", "Lamp 0"), ("p0001", "Lamp 1"), ("p0002", "Lamp 2")]
