"""sql/60-shop: a shop's tables become sources, and are let go again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from rehearsal import filled
from vitrina import embedded
from vitrina.db import schema

SHOP = """
create table product (
    id bigint primary key, title text, picture text, page text, brand text, price numeric,
    stock int, notes json, deleted_at timestamptz);
insert into product
select i, 'Oak table ' || i, '/t' || i || '.jpg', 'https://shop.example/' || i, 'Linden', i, 7, '{}'
from generate_series(1, 3) as i;
create table product_image (id int primary key, product_id bigint, path text, junk text);
insert into product_image select i, i, i || '.jpg' from generate_series(1, 3) as i;
"""


@filled
def shop(db: psycopg.Connection) -> None:
    db.execute("set search_path = public, vitrina")
    db.execute(SHOP)


def rows(db: psycopg.Connection, query: str, *params: Any) -> list[tuple[Any, ...]]:
    return db.execute(query, params or None).fetchall()


def sync(db: psycopg.Connection) -> tuple[Any, ...]:
    """(taken, inserted, updated, removed, rejected, problem) of the only source."""
    ((*counts,),) = rows(
        db, "select taken, inserted, updated, removed, rejected, problem from sync_sources()"
    )
    return tuple(counts)


def noted(db: psycopg.Connection) -> list[str]:
    """The ids noted since the last time, and forget them."""
    found = rows(db, "delete from changes returning external_id")
    return sorted(row[0] for row in found)


def ids(db: psycopg.Connection) -> list[str]:
    return [row[0] for row in rows(db, "select external_id from products order by external_id")]


def test_a_table_is_attached_with_its_columns(shop: psycopg.Connection) -> None:
    shop.execute(
        "select attach_table('product', 'title', image => 'picture', url => 'page',"
        " attributes => '{brand,price}', media_root => 'https://cdn.example/media/')"
    )
    assert sync(shop) == (3, 3, 0, 0, 0, None)
    assert rows(shop, "select * from sync_source('product')") == [(0, 0, 0, 0, 0, 0, 0)]
    assert rows(
        shop, "select external_id, title, image, url, attributes from products order by 1 limit 1"
    ) == [
        ("1", "Oak table 1", "https://cdn.example/media/t1.jpg", "https://shop.example/1",
         {"brand": "Linden", "price": 1})
    ]  # fmt: skip
    assert rows(shop, "select count(*) from jobs") == [(3,)]
    assert rows(shop, "select source, state, follows from source_status") == [
        ("product", "in step", "public.product")
    ]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("insert into product (id, title) values (9, 'New')", ["9"]),
        ("update product set title = 'Other' where id < 3", ["1", "2"]),
        ("update product set title = title", []),
        ("update product set stock = stock - 1, notes = '{\"a\": 1}'", []),
        ("update product set price = price + 1 where id = 3", ["3"]),
        ("update product set deleted_at = now() where id = 1", ["1"]),
        ("update product set id = 30 where id = 3", ["3", "30"]),
        ("delete from product where id = 2", ["2"]),
        ("truncate product", [""]),
        ("insert into product (id, title) values (1, 'Up') on conflict (id) do update"
         " set title = excluded.title", ["1"]),
    ],
)  # fmt: skip
def test_triggers_note_what_matters_and_nothing_else(
    shop: psycopg.Connection, statement: str, expected: list[str]
) -> None:
    shop.execute(
        "select attach_table('product', 'title', attributes => '{price}',"
        " predicate => 'product.deleted_at is null')"
    )
    sync(shop)
    shop.execute(statement)
    assert noted(shop) == expected


def test_deleted_products_leave_in_the_same_transaction(shop: psycopg.Connection) -> None:
    shop.execute("select attach_table('product', 'title')")
    sync(shop)
    with shop.transaction(force_rollback=True):
        shop.execute("delete from product where id = 2")
        assert ids(shop) == ["1", "3"]
        shop.execute("truncate product")
        assert ids(shop) == []
    assert ids(shop) == ["1", "2", "3"], "the shop took its delete back"


def test_json_columns_are_compared_too(shop: psycopg.Connection) -> None:
    shop.execute("select attach_table('product', 'title', attributes => '{notes}')")
    sync(shop)
    shop.execute("update product set notes = '{}' where id = 1")
    assert noted(shop) == []
    shop.execute("update product set notes = '{\"a\": 1}' where id = 1")
    assert noted(shop) == ["1"]


QUERY = """
-- what the shop shows
select p.id, p.title, i.path as image, p.brand, p.price, '{"kind": "table"}'::jsonb as attributes
from product as p left join product_image as i on i.product_id = p.id
where p.deleted_at is null; -- soft deletes
"""


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("update product_image set junk = 'x'", []),
        ("update product_image set path = 'new.jpg' where id = 2", ["2"]),
        ("update product_image set product_id = 1 where id = 2", ["1", "2"]),
        ("insert into product_image values (9, 3, 'more.jpg'), (10, null, 'none.jpg')", ["3"]),
        ("delete from product_image where id = 1", ["1"]),
        ("truncate product_image", [""]),
        ("update product set stock = 1", []),
        ("update product set brand = 'x' where id = 1", ["1"]),
        ("delete from product where id = 2", ["2"]),
        ("update rate set factor = 2", ["1", "2", "3"]),
        ("update rate set comment = 'x'", []),
        ("update rate set brand = 'Linden' where factor = 0", ["1", "2", "3"]),
    ],
)
def test_a_query_is_woken_by_its_tables(
    shop: psycopg.Connection, statement: str, expected: list[str]
) -> None:
    shop.execute("create table rate (brand text, factor int, comment text)")
    shop.execute("insert into rate values ('Linden', 1), ('Other', 0)")
    shop.execute(
        "select attach_query('shop', %s, wake => %s)",
        (QUERY, ["product=id", "product_image=product_id",
                 "rate(factor)=select p.id from changed as c join product as p using (brand)"]),
    )  # fmt: skip
    assert sync(shop)[:2] == (3, 3)
    assert rows(shop, "select attributes from products where external_id = '2'") == [
        ({"kind": "table", "brand": "Linden", "price": 2},)
    ]
    shop.execute(statement)
    assert noted(shop) == expected


@pytest.mark.parametrize(
    ("columns", "values", "expected"),
    [
        ("id uuid primary key, title text", "'{0}-0000-0000-0000-000000000000'", None),
        ("id text primary key, title text", "'a b'", ["a b"]),
        ("id varchar(9) primary key, title text", "'x'", ["x"]),
        ("id char(5) primary key, title text", "'x'", ["x"]),
        ('"Id" date primary key, title text', "'2026-11-24'", ["2026-11-24"]),
        ("a int, b text, title text, primary key (b, a)", r"7, 'x:\y'", [r"x\:\\y:7"]),
        ("a int, b uuid, title text, primary key (a, b)",
         "1, '00000000-0000-0000-0000-00000000000a'", ["1:00000000-0000-0000-0000-00000000000a"]),
    ],
)  # fmt: skip
def test_ids_of_any_kind(
    shop: psycopg.Connection, columns: str, values: str, expected: list[str] | None
) -> None:
    values = values.format("00000000")
    shop.execute('create schema "My Shop"')
    shop.execute(f'create table "My Shop"."Item" ({columns})')
    shop.execute(f'insert into "My Shop"."Item" values ({values}, \'Lamp\')')
    shop.execute("set datestyle = 'German'")
    shop.execute("select attach_table('\"My Shop\".\"Item\"', 'title', name => 'items')")
    sync(shop)
    assert ids(shop) == (expected or ["00000000-0000-0000-0000-000000000000"])
    shop.execute('update "My Shop"."Item" set title = \'Tall lamp\'')
    assert sync(shop)[:3] == (1, 0, 1)
    shop.execute('delete from "My Shop"."Item"')
    assert ids(shop) == []
    assert sync(shop)[:3] == (1, 0, 0)


def test_a_column_named_in_capitals_needs_no_quotes(shop: psycopg.Connection) -> None:
    shop.execute('create table "Goods" ("goodsId" int primary key, "shownName" text)')
    shop.execute("insert into \"Goods\" values (1, 'Lamp')")
    shop.execute("select attach_table('Goods', 'shownName')")
    assert sync(shop)[:2] == (1, 1)
    assert rows(shop, "select source from source_status") == [("Goods",)]


@pytest.mark.once
@pytest.mark.parametrize(
    ("call", "state", "message", "hint"),
    [
        ("attach_table('nothing', 'title')", "VT003", "table nothing not found", "schema"),
        ("attach_table('keyless', 'title')", "VT004", "public.keyless has no primary key", "--id"),
        ("attach_table('shown', 'title')", "VT004", "public.shown is not a table", "--id"),
        ("attach_table('shown', 'title', id => '{id}')", "VT004", "cannot have triggers", "wakes"),
        ("attach_table('product', 'name')", "VT004", "has no column name", "it has: id, title"),
        ("attach_table('product', 'title', attributes => '{colour}')", "VT004",
         "has no column colour", "it has"),
        ("attach_table('product', 'title', predicate => 'gone is null')", "VT004",
         'column "gone" does not exist', "names of tables"),
        ("attach_table('product', 'title', predicate => 'and')", "VT004", "syntax error", "names of tables"),
        ("attach_table('product', 'title', watermark => 'stock')", "VT004",
         "watermark stock has type integer", "timestamp"),
        ("attach_table('product', 'title', name => 'csv')", "VT004", "imported file", "name"),
        ("attach_table('vitrina.products', 'title')", "VT004", "vitrina's own", None),
        ("attach_query('q', 'select 1 as number')", "VT004", "has no column id", "number"),
        ("attach_query('q', 'select id, title from product; delete from product')", "VT004",
         "must be a single query", "one select"),
        ("attach_query('q', 'select id, title from product;; drop table product cascade;')", "VT004",
         "must be a single query", "one select"),
        ("attach_query('q', 'delete from product returning id, title')", "VT004", "source cannot be read",
         "names of tables"),
        ("attach_query('q', 'with d as (delete from product returning *) select id, title from d')",
         "VT004", "source cannot be read", "names of tables"),
        ("attach_query('q', 'select from nowhere')", "VT004", '"nowhere" does not exist', "names of tables"),
        ("attach_query('q', 'select id, title from product', wake => '{product}')", "VT004",
         "cannot read the wake", "TABLE=COLUMN"),
        ("attach_query('q', 'select id, title from product', wake => '{other=id}')", "VT003",
         "table other not found", "schema"),
        ("attach_query('q', 'select id, title from product', wake => '{product=nr}')", "VT004",
         "has no column nr", "it has"),
        ("attach_query('q', 'select id, title from product', wake => '{\"product=id,title\"}')",
         "VT004", "an id has 1 columns", None),
        ("detach('nothing')", "VT003", "source 'nothing' is not attached", "source_status"),
        ("sync_source('csv')", "VT003", "source 'csv' is not attached", "source_status"),
        ("remove_source('kept')", "VT004", "is attached", "detach"),
        ("put_products('kept', '[{\"external_id\": \"1\", \"title\": \"X\"}]')", "VT004", "is attached",
         "change the rows there"),
        ("import_products('kept', '[{\"external_id\": \"1\", \"title\": \"X\"}]')", "VT004", "is attached",
         "change the rows there"),
    ],
)  # fmt: skip
def test_what_cannot_be_attached_says_why_and_the_way_out(
    shop: psycopg.Connection, call: str, state: str, message: str, hint: str | None
) -> None:
    shop.execute("create table keyless (id int, title text)")
    shop.execute("create view shown as select id, title from product")
    shop.execute("select put_source('csv'), attach_table('product', 'title', name => 'kept')")
    with pytest.raises(psycopg.Error) as caught:
        shop.execute(f"select {call}")
    diag = caught.value.diag
    assert diag.sqlstate == state
    assert message in (diag.message_primary or "")
    assert "\n" not in (diag.message_primary or "")
    assert hint is None or hint in (diag.message_hint or "")
    assert rows(shop, "select source from source_status order by 1") == [("csv",), ("kept",)]
    assert rows(shop, "select count(*) > 0 from product") == [(True,)]


def test_two_sources_on_one_table(shop: psycopg.Connection) -> None:
    shop.execute("select attach_table('product', 'title', predicate => 'price < 3')")
    shop.execute("select attach_table('product', 'brand', name => 'brands')")
    shop.execute("select from sync_sources()")
    assert rows(
        shop, "select source, products from source_status where state = 'in step' order by 1"
    ) == [("brands", 3), ("product", 2)]
    shop.execute("delete from product where id = 1")
    assert rows(shop, "select source, products from source_status order by 1") == [
        ("brands", 2), ("product", 1)
    ]  # fmt: skip
    shop.execute("select attach_table('product', 'title', name => 'product_image')")
    with pytest.raises(psycopg.Error, match="source product_image exists already"):
        shop.execute("select attach_table('product_image', 'path')")
    assert rows(shop, "select detach('product')") == [(1,)]
    shop.execute("update product set brand = 'Other' where id = 2")
    assert [row[0] for row in rows(shop, "select external_id from changes")][-1] == "2"


def test_attaching_again_changes_how_and_keeps_what_is_enriched(shop: psycopg.Connection) -> None:
    shop.execute("select attach_table('product', 'title')")
    sync(shop)
    shop.execute("delete from jobs")
    before = rows(shop, "select id from products order by id")
    shop.execute("select attach_table('product', 'title', attributes => '{price}')")
    assert sync(shop) == (3, 0, 3, 0, 0, None)
    assert rows(shop, "select id from products order by id") == before
    assert rows(shop, "select count(*) from jobs") == [(0,)], "a price costs nothing"


def dumped(url: str, server: embedded.Server) -> str:
    """The shop's own schema, as pg_dump writes it."""
    pg_dump = embedded.psql_path(server.version).with_name("pg_dump")
    done = subprocess.run(
        [str(pg_dump), "--schema-only", "--exclude-schema=vitrina*", url],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    # the dump of a newer server has a random key in two lines
    return "\n".join(line for line in done.stdout.splitlines() if "restrict" not in line)


def test_detach_leaves_no_trace(
    shop: psycopg.Connection, database_url: str, server: embedded.Server
) -> None:
    before = dumped(database_url, server)
    functions = rows(shop, "select count(*) from pg_proc")
    shop.execute(
        "select attach_query('shop', %s, wake => '{product=id,product_image=product_id}')", (QUERY,)
    )
    shop.execute("select attach_table('product', 'title')")
    shop.execute("select from sync_sources()")
    assert "vitrina" in dumped(database_url, server)
    assert rows(shop, "select detach('shop'), detach('product', keep_products => true)") == [(3, 0)]
    assert dumped(database_url, server) == before
    assert rows(shop, "select count(*) from pg_proc") == functions
    assert rows(shop, "select source, state, products from source_status") == [
        ("product", "file", 3)
    ]


def test_dropping_vitrina_takes_the_triggers_along(
    shop: psycopg.Connection, database_url: str, server: embedded.Server
) -> None:
    before = dumped(database_url, server)
    shop.execute("select attach_table('product', 'title')")
    shop.execute("set client_min_messages = warning; drop schema vitrina, vitrina_internal cascade")
    assert dumped(database_url, server) == before
    shop.execute("insert into product (id, title) values (9, 'New')")


@pytest.mark.once
def test_an_upgrade_renews_functions_and_missing_triggers(
    shop: psycopg.Connection, database_url: str
) -> None:
    from vitrina.db import schema

    shop.execute("select attach_table('product', 'title')")
    sync(shop)
    shop.execute("drop trigger vitrina_1_1_update on product")
    assert rows(shop, "select state, problem from source_status") == [
        ("broken", "triggers on public.product are missing or disabled: attach the source again")
    ]
    shop.execute("delete from installed where name = 'sql'")
    schema.upgrade(database_url)
    # what changed without the trigger is looked for at once
    assert rows(shop, "select state, problem from source_status") == [("waiting", None)]
    shop.execute("update product set title = 'x' where id = 1")
    assert noted(shop) == ["1"]


@pytest.mark.once
def test_a_step_back_leaves_the_shop_alone_and_a_step_forth_brings_it_in_step(
    shop: psycopg.Connection, database_url: str, server: embedded.Server
) -> None:
    from vitrina.db import schema

    before = dumped(database_url, server)
    shop.execute("select attach_table('product', 'title')")
    sync(shop)
    schema.downgrade(database_url, "0029")
    assert dumped(database_url, server) == before
    shop.execute("update public.product set title = 'While nobody looked' where id = 1")
    schema.upgrade(database_url)
    sync(shop)
    assert rows(shop, "select title from vitrina.products where external_id = '1'") == [
        ("While nobody looked",)
    ]
    shop.execute("update public.product set title = 'Seen at once' where id = 2")
    assert noted(shop) == ["2"]


@pytest.mark.once
def test_a_dump_restores_with_its_attached_sources(
    shop: psycopg.Connection,
    database_url: str,
    empty_database: str,
    server: embedded.Server,
    tmp_path: Any,
) -> None:
    shop.execute("select attach_table('product', 'title')")
    sync(shop)
    tools = embedded.psql_path(server.version).parent
    file = str(tmp_path / "shop.dump")
    subprocess.run([str(tools / "pg_dump"), "-Fc", "-Z0", "-f", file, database_url], check=True)
    subprocess.run(
        [str(tools / "pg_restore"), "--exit-on-error", "-d", empty_database, file], check=True
    )
    with psycopg.connect(empty_database, autocommit=True) as conn:
        conn.execute("set search_path = public, vitrina")
        conn.execute("update product set title = 'Brass lamp' where id = 1")
        conn.execute("delete from product where id = 2")
        assert sync(conn)[:4] == (2, 0, 1, 0)
        assert ids(conn) == ["1", "3"]


def test_whole_rows_and_views_are_followed(shop: psycopg.Connection) -> None:
    shop.execute("create view shown as select id, title, brand from product where stock > 0")
    shop.execute("select attach_table('shown', 'title', id => '{id}', wake => '{product=id}')")
    shop.execute(
        "select attach_query('whole', 'select p.id, p.title, to_jsonb(p) as attributes"
        " from product as p', wake => '{product=id}')"
    )
    assert rows(shop, "select columns from wakes order by source_id") == [
        (["brand", "id", "stock", "title"],), (None,),
    ]  # fmt: skip
    shop.execute("select from sync_sources()")
    shop.execute("delete from changes; update product set stock = 0 where id = 1")
    assert rows(shop, "select count(*), min(external_id) from changes") == [(2, "1")]
    shop.execute("select from sync_sources()")
    assert rows(shop, "select source, products from source_status order by 1") == [
        ("shown", 2), ("whole", 3),
    ]  # fmt: skip


@pytest.mark.parametrize("role", ["vitrina_writer", "vitrina_reader"])
def test_only_the_owner_attaches(
    shop: psycopg.Connection, make_role: Callable[[str], str], role: str
) -> None:
    shop.execute("select attach_table('product', 'title')")
    shop.execute(f"set role {make_role(role)}")
    for call in ("attach_table('product', 'title')", "detach('product')"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            shop.execute(f"select {call}")
    assert rows(shop, "select source from source_status") == [("product",)]
    shop.execute("reset role")


def test_attaching_from_sql_says_that_row_level_security_is_no_part_of_search(
    shop: psycopg.Connection,
) -> None:
    said: list[tuple[str, str]] = []
    shop.add_notice_handler(
        lambda diag: said.append((diag.message_primary or "", diag.message_hint or ""))
    )
    shop.execute("select attach_table('product', 'title')")
    assert said == []
    shop.execute("alter table product enable row level security")
    shop.execute("select attach_table('product', 'title')")
    shop.execute("select attach_query('q', 'select p.id, p.title from product as p')")
    assert [("row-level security of public.product" in m, "sources" in h) for m, h in said] == [
        (True, True)
    ] * 2
    assert "every product of product" in said[0][0]
    assert "every product of q" in said[1][0]


def test_attaching_a_table_with_partitions_says_what_its_triggers_miss(
    shop: psycopg.Connection,
) -> None:
    said: list[str] = []
    shop.add_notice_handler(lambda diag: said.append(diag.message_primary or ""))
    shop.execute(
        "create table item (id int primary key, title text) partition by range (id);"
        " create table item_1 partition of item for values from (0) to (100)"
    )
    shop.execute("select attach_table('item', 'title')")
    assert said == [
        "what is written to a partition of public.item by its own name is found by sweeps only,"
        " every 01:00:00"
    ]
    shop.execute("insert into item values (1, 'Lamp')")
    assert sync(shop)[:2] == (1, 1)
    shop.execute("insert into item_1 values (2, 'Torch')")
    assert noted(shop) == []
    shop.execute("delete from item where id = 1")
    assert ids(shop) == []


@pytest.mark.once
def test_an_upgrade_looks_whose_rows_are_products(
    shop: psycopg.Connection, database_url: str
) -> None:
    shop.execute("create table stock (product_id bigint primary key, quantity int)")
    shop.execute(
        "select attach_query('q', 'select p.id, p.title, s.quantity from product as p left join"
        " stock as s on s.product_id = p.id', '{product=id,stock=product_id}')"
    )
    sync(shop)
    shop.execute("insert into stock values (1, 5)")
    shop.execute("update wakes set is_product = true")
    shop.execute("delete from installed")
    schema.upgrade(database_url)
    assert rows(shop, "select relation from wakes where is_product") == [("public.product",)]
    shop.execute("delete from stock")
    assert ids(shop) == ["1", "2", "3"]


@pytest.mark.once
def test_an_upgrade_looks_which_tables_a_source_attached_before_reads(
    shop: psycopg.Connection, database_url: str
) -> None:
    shop.execute("select attach_query('q', 'select p.id, p.title from product as p')")
    shop.execute("select attach_table('product_image', 'path', name => 'gone')")
    shop.execute("update attachments set reads = '{}'")
    shop.execute("delete from installed")
    shop.execute("alter table product enable row level security")
    shop.execute("drop table product_image")
    schema.upgrade(database_url)
    assert rows(shop, "select s.name, a.reads from attachments as a join sources as s"
                      " on s.id = a.source_id order by s.name") == [
        ("gone", []), ("q", ["public.product"])
    ]  # fmt: skip
    assert rows(shop, "select * from row_secured()") == [("q", "public.product")]


def test_texts_and_codes_are_columns(shop: psycopg.Connection) -> None:
    shop.execute(
        "alter table product add sku text, add ean text, add parts text[], add about text,"
        " add junk text"
    )
    shop.execute(
        "update product set sku = 'OT-' || id, ean = ' 400' || id, parts = array['P' || id, ''],"
        " about = '<p>Solid &amp; heavy.</p><script>x < 1</script><p>Oiled</p>' where id < 3"
    )
    shop.execute(
        "select attach_table('product', 'title', text => 'about', sku => 'sku',"
        " codes => '{ean,parts}')"
    )
    assert sync(shop)[:3] == (3, 3, 0)
    assert rows(shop, "select external_id, text, sku, codes, attributes from products order by 1") == [
        ("1", "Solid & heavy.\nOiled", "OT-1", ["4001", "P1"], {}),
        ("2", "Solid & heavy.\nOiled", "OT-2", ["4002", "P2"], {}),
        ("3", None, None, [], {}),
    ]  # fmt: skip
    assert rows(shop, "select external_id from search('OT-2')") == [("2",)]
    assert rows(shop, "select sweep_source('product')") == [(0,)], "nothing differs"
    for column in ("about", "ean", "sku"):
        shop.execute(f"update product set {column} = 'A9', junk = 'x' where id = 2".encode())
        assert noted(shop) == ["2"]
    shop.execute("update product set junk = 'y'")
    assert noted(shop) == []
    for column in ("about", "ean", "sku"):
        shop.execute("select sync_sources()")
        shop.execute("alter table product disable trigger all")
        shop.execute(f"update product set {column} = 'B1' where id = 2".encode())
        shop.execute("alter table product enable trigger all")
        assert rows(shop, "select sweep_source('product')") == [(1,)], column
        shop.execute("select sync_sources()")
    assert rows(shop, "select text, sku, codes from products where external_id = '2'") == [
        ("B1", "B1", ["B1", "P2"])
    ]


@pytest.mark.once
@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("plain <3 you & me", "plain <3 you & me"),
        ("Caf&eacute; &#39;Luna&#39;", "Café 'Luna'"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<ul><li>a</li>\n<li><b>b</b>c</li></ul>", "a\nbc"),
        ("<!-- <p>hidden</p> -->seen<!-- x --> too", "seen too"),
        ("<style>p > a {}</style>a<SCRIPT src=x>if (a<b) {}</SCRIPT>b", "ab"),
        ("<p>2 < 3</p>", "2 < 3"),
        ("", ""),
        (None, None),
    ],
)
def test_html_is_read_as_its_reader_sees_it(
    db: psycopg.Connection, written: str | None, read: str | None
) -> None:
    assert rows(db, "select vitrina_internal.readable_text(%s)", written) == [(read,)]


@pytest.mark.once
def test_the_time_to_read_html_grows_with_its_length(db: psycopg.Connection) -> None:
    db.execute("set statement_timeout = '60s'")
    for part in ("<script>", "<!--", "<", "&amp;", " \n", "<p>"):
        db.execute("select vitrina_internal.readable_text('<b>' || repeat(%s, 100000))", [part])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("7 as variants", "the column variants of the query has type integer, not jsonb"),
        ("'a' as images", "the column images of the query has type text, not jsonb"),
        ("'a' as codes", r"the column codes of the query has type text, not text\[\] or jsonb"),
    ],
)
def test_parts_of_another_type_are_refused(
    shop: psycopg.Connection, column: str, message: str
) -> None:
    with pytest.raises(psycopg.Error, match=message) as error:
        shop.execute("select attach_query('q', %s)", [f"select id, title, {column} from product"])
    assert error.value.sqlstate == "VT004"
    assert error.value.diag.message_hint


@pytest.mark.once
def test_an_attachment_of_an_earlier_version_goes_on(
    shop: psycopg.Connection, database_url: str
) -> None:
    shop.execute("select attach_query('q', 'select id, title, brand from product', '{product=id}')")
    assert sync(shop)[:2] == (3, 3)
    shop.execute("drop function vitrina_internal.rows_1")
    shop.execute(
        "create function vitrina_internal.rows_1(ids text[] default null,"
        " since timestamptz default null) returns table (external_id text, title text, image text,"
        " image_stamp text, url text, attributes jsonb, watermark timestamptz)"
        " language sql as 'select null, null, null, null, null, null::jsonb, now()'"
    )
    shop.execute("update attachments set parts = default")
    shop.execute("delete from installed where name = 'sql'")
    schema.upgrade(database_url)
    assert rows(shop, "select sweep_source('q')") == [(0,)]
    shop.execute("update product set brand = 'Alder' where id = 2")
    assert sync(shop)[:3] == (1, 0, 1)
    assert rows(shop, "select attributes from products where external_id = '2'") == [
        ({"brand": "Alder"},)
    ]
