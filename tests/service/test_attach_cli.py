"""`vitrina attach`, `sources`, `detach` and presets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result

from vitrina.products import presets


@pytest.fixture
def shop(database_url: str) -> str:
    """The URL of a database with a shop's tables."""
    with psycopg.connect(database_url) as conn:
        conn.execute(
            "create table product (id int primary key, title text, photo text, price numeric,"
            " gone boolean not null default false)"
        )
        conn.execute("create table photo (product_id int, path text)")
        conn.execute(
            "insert into product values (1, 'Oak table', 'a.jpg', 9, false),"
            " (2, 'Sofa', 'b.jpg', 8, false), (3, null, null, 7, false),"
            " (4, 'Old lamp', null, 6, true)"
        )
    return database_url


def products(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as conn:
        return conn.execute(
            "select source, external_id, image, attributes from vitrina.catalog order by 1, 2"
        ).fetchall()


def test_a_table_is_attached_worked_on_and_detached(
    shop: str, vitrina: Callable[..., Result]
) -> None:
    done = vitrina(
        "attach", "public.product", "--title", "title", "--image", "photo", "--attributes", "price",
        "--where", "not gone", "--media-root", "https://cdn.example", url=shop,
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert done.stderr.splitlines() == [
        "product: 2 new, 0 changed, 0 removed, 1 set aside; 2 queued for `vitrina work`",
        "  3: it has no title",
    ]
    assert products(shop) == [
        ("product", "1", "https://cdn.example/a.jpg", {"price": 9}),
        ("product", "2", "https://cdn.example/b.jpg", {"price": 8}),
    ]
    listed = json.loads(vitrina("sources", "--json", url=shop).stdout)
    assert (listed["state"], listed["products"], listed["rejects"]) == ("in step", 2, 1)
    rejects = vitrina("sources", "--rejects", "product", "--json", url=shop).stdout
    assert json.loads(rejects)["external_id"] == "3"
    assert "2 products removed" in vitrina("detach", "product", url=shop).stderr
    again = vitrina("detach", "product", url=shop)
    assert again.exit_code == 1
    assert again.stderr.startswith("Error: source 'product' is not attached")


@pytest.mark.parametrize("command", [("ingest",), ("ingest", "--dry-run"), ("import",)])
def test_no_file_comes_into_an_attached_source(
    shop: str, vitrina: Callable[..., Result], tmp_path: Path, command: tuple[str, ...]
) -> None:
    assert vitrina("attach", "public.product", "--title", "title", url=shop).exit_code == 0
    before = products(shop)
    file = tmp_path / "product.csv"
    file.write_text("id,title\n1,Overwritten\nX9,Intruder\n", "utf-8")
    refused = vitrina(command[0], str(file), *command[1:], "--source", "product", url=shop)
    assert refused.exit_code == 1
    assert "source product is attached" in refused.stderr
    assert "vitrina detach product" in " ".join(refused.stderr.split())
    assert products(shop) == before


def test_all_ways_count_the_rows_that_were_set_aside_alike(
    shop: str, vitrina: Callable[..., Result], tmp_path: Path
) -> None:
    query = tmp_path / "products.sql"
    query.write_text(
        "select * from (values ('1', 'Sofa'), ('2', 'Lamp'), ('2', 'Desk'), (null, 'Rug'),"
        " (null, 'Bed'), ('5', ''), ('6', ' '), ('7', null)) as v (id, title)"
    )
    done = vitrina("attach", "--query", str(query), "--name", "my shop", url=shop)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.splitlines()[0].startswith("my shop: 1 new, 0 changed, 0 removed, 5 set as")
    assert done.stderr.splitlines()[-1] == "  and 2 more: vitrina sources --rejects 'my shop'"
    assert len(done.stderr.splitlines()) == 5
    assert json.loads(vitrina("sources", "--json", url=shop).stdout)["rejects"] == 5
    table = vitrina("sources", "--rejects", "my shop", url=shop).stdout
    assert "(no id)" in table
    listed = vitrina("sources", "--rejects", "my shop", "--json", url=shop).stdout.splitlines()
    assert sorted(json.loads(row)["external_id"] for row in listed) == ["", "2", "5", "6", "7"]


def test_a_query_is_attached_with_what_wakes_it(
    shop: str, vitrina: Callable[..., Result], tmp_path: Path
) -> None:
    query = tmp_path / "products.sql"
    query.write_text(
        "select p.id, p.title, f.path as image from product as p"
        " left join photo as f on f.product_id = p.id where p.title is not null;"
    )
    done = vitrina(
        "attach", "public.product", "--query", str(query), "--wake", "photo=product_id",
        "--where", "title <> 'Sofa'", "--media-root", str(tmp_path), url=shop,
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    with psycopg.connect(shop, autocommit=True) as conn:
        conn.execute("insert into photo values (1, 'one.jpg')")
        conn.execute("delete from product where id = 4")
        assert conn.execute("select config from vitrina.sources").fetchone() == (
            {"image_root": str(tmp_path)},
        )
    vitrina("sources", "--sync", url=shop)
    assert products(shop) == [("product", "1", "one.jpg", {})]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["attach"], 2, "name a table"),
        (["attach", "product"], 2, "--title"),
        (["attach", "product", "--title", "name"], 1, "public.product has no column name; it has"),
        (["attach", "nothing", "--title", "name"], 1, "table nothing not found; name it with"),
        (["attach", "photo", "--title", "path"], 1, "public.photo has no primary key; name the"),
        (["attach", "--query", "FILE", "--name", "q"], 1, "cannot read"),
        (["attach", "--query", "FILE", "--title", "x"], 2, "leave --title out"),
        (["attach", "product", "--title", "title", "--set", "a=b"], 2, "--set goes with --preset"),
        (["attach", "--preset", "nothing"], 1, "preset 'nothing' not found"),
        (["attach", "--preset", "x", "--query", "FILE"], 2, "leave --query out"),
        (["sources", "--sweep", "nothing"], 1, "source 'nothing' is not attached"),
    ],
)
def test_misuse_says_what_to_do(
    shop: str,
    vitrina: Callable[..., Result],
    tmp_path: Path,
    arguments: list[str],
    exit_code: int,
    message: str,
) -> None:
    arguments = [str(tmp_path / "none.sql") if item == "FILE" else item for item in arguments]
    done = vitrina(*arguments, url=shop)
    assert done.exit_code == exit_code, done.stderr
    assert message in done.stderr
    if exit_code == 1:
        assert len(done.stderr.splitlines()) == 1


def test_a_sweep_that_would_remove_most_products_asks_for_yes(
    shop: str, vitrina: Callable[..., Result]
) -> None:
    with psycopg.connect(shop, autocommit=True) as conn:
        conn.execute("insert into product select i, 'Lamp ' || i from generate_series(10, 30) as i")
    vitrina("attach", "product", "--title", "title", "--no-triggers", url=shop)
    vitrina("sources", "--sync", url=shop)
    with psycopg.connect(shop, autocommit=True) as conn:
        conn.execute("delete from product")
    refused = vitrina("sources", "--sweep", "product", url=shop)
    assert refused.exit_code == 1
    assert "vitrina sources --sweep product --yes" in refused.stderr
    assert vitrina("sources", "--sweep", "product", "--yes", url=shop).exit_code == 0
    assert products(shop) == []
    assert vitrina("sources", "--yes", url=shop).exit_code == 2


def test_doctor_names_sources_that_are_broken(shop: str, vitrina: Callable[..., Result]) -> None:
    vitrina("attach", "product", "--title", "title", url=shop)
    with psycopg.connect(shop, autocommit=True) as conn:
        conn.execute("alter table product rename to item")
    found = vitrina("doctor", "--json", url=shop)
    checks = {row["check"]: row for row in map(json.loads, found.stdout.splitlines())}
    assert checks["source product"]["level"] == "wrong"
    assert "public.product is public.item now" in checks["source product"]["found"]
    assert "attach" in checks["grants"]["found"]
    assert found.exit_code == 1


def test_doctor_tries_only_pictures_again_that_there_are(
    shop: str, vitrina: Callable[..., Result]
) -> None:
    def pictures() -> list[tuple[str, str]]:
        found = map(json.loads, vitrina("doctor", "--json", url=shop).stdout.splitlines())
        return [(row["found"], row["do"]) for row in found if row["check"] == "pictures"]

    rows = ["attach", "product", "--title", "title", "--where", "not gone"]
    vitrina(*rows, url=shop)
    without = ("2 products have no picture in their source", "nothing")
    assert pictures() == [without]
    vitrina(*rows, "--image", "photo", "--name", "b", url=shop)
    assert pictures() == [without], "the others wait"
    with psycopg.connect(shop, autocommit=True) as conn:
        conn.execute("update vitrina.products set image_error = 'gone' where image = 'b.jpg'")
    retry = ("1 product has no usable picture", "vitrina ingest --retry-images")
    assert pictures() == [retry, without]


def test_doctor_looks_at_tables_of_schemas_that_its_role_may_not_use(
    shop: str, vitrina: Callable[..., Result], make_role: Callable[..., str]
) -> None:
    with psycopg.connect(shop, autocommit=True) as conn:
        conn.execute("create schema sales create table item (id int primary key, title text)")
    vitrina("attach", "sales.item", "--title", "title", "--name", "item", url=shop)
    reader = shop.replace("postgres@", f"{make_role('vitrina_reader')}@", 1)
    found = vitrina("doctor", "--json", url=reader)
    checks = {row["check"]: row for row in map(json.loads, found.stdout.splitlines())}
    assert checks["source item"]["level"] == "ok"


@pytest.mark.parametrize("way", ["table", "view", "query", "query without triggers"])
def test_row_level_security_is_said_not_to_carry_over(
    shop: str,
    vitrina: Callable[..., Result],
    tmp_path: Path,
    way: str,
    make_role: Callable[..., str],
) -> None:
    with psycopg.connect(shop, autocommit=True) as conn:
        conn.execute("create view public.shown as select * from product")
        conn.execute("create view public.listed as select s.*, f.path from shown as s, photo as f")
        conn.execute("alter table photo enable row level security")
    query = tmp_path / "q.sql"
    query.write_text("select id, title from public.listed")
    options = {
        "table": ["public.photo", "--id", "product_id", "--title", "path"],
        "view": ["public.listed", "--id", "id", "--title", "title", "--no-triggers"],
        "query": ["--query", str(query), "--wake", "public.product=id"],
        "query without triggers": ["--query", str(query), "--no-triggers"],
    }[way]
    done = vitrina("attach", *options, "--name", "mine", url=shop)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.count("search ignores the row-level security of public.photo") == 1
    assert "search(…, sources => '{…}')" in " ".join(done.stderr.split()), "with SQL's own way out"
    assert vitrina("attach", "product", "--title", "title", url=shop).stderr.count("security") == 0

    def notes(url: str) -> list[str]:
        found = map(json.loads, vitrina("doctor", "--json", url=url).stdout.splitlines())
        return [row["check"] for row in found if "row-level security" in row["found"]]

    assert notes(shop) == ["source mine"]
    reader = shop.replace("postgres@", f"{make_role('vitrina_reader')}@", 1)
    assert notes(reader) == ["source mine"], vitrina("doctor", url=reader).output
    with psycopg.connect(shop, autocommit=True) as conn:
        conn.execute("alter table photo disable row level security")
        # looked up when it is asked: this one came later
        conn.execute("alter table product enable row level security")
    assert "source product" in notes(shop)
    assert ("source mine" in notes(shop)) == (way != "table")


def test_every_preset_can_be_read() -> None:
    for name in presets.names():
        preset = presets.load(name)
        assert preset.query
        assert preset.checked
