"""sql/60-shop: products follow the shop, and nothing of vitrina's can stop the shop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from rehearsal import filled

SHOP = """
create table product (
    id bigint primary key, title text, price numeric, color text, changed_at timestamptz,
    deleted_at timestamptz);
insert into product select i, 'Oak table ' || i, i, 'brown', now() from generate_series(1, 20) as i;
"""


def open_shop(db: psycopg.Connection) -> None:
    db.execute("set search_path = public, vitrina")
    db.execute(SHOP)


shop = filled(open_shop)


@filled
def attached(db: psycopg.Connection) -> None:
    """A shop whose table is attached and in step, with no work left."""
    open_shop(db)
    db.execute(
        "select attach_table('product', 'title', attributes => '{price,color}',"
        " predicate => 'deleted_at is null')"
    )
    db.execute("select from sync_sources()")
    db.execute("delete from jobs")


def rows(db: psycopg.Connection, query: str, *params: Any) -> list[tuple[Any, ...]]:
    return db.execute(query, params or None).fetchall()


def sync(db: psycopg.Connection) -> tuple[Any, ...]:
    """(taken, inserted, updated, removed, rejected, queued) of the first source."""
    return rows(
        db, "select taken, inserted, updated, removed, rejected, queued from sync_sources()"
    )[0]


def in_step(db: psycopg.Connection) -> bool:
    """Whether products are exactly what the shop shows."""
    return rows(
        db,
        "select bool_and(s is not distinct from p) from"
        " (select id::text as id, title, price, color from product where deleted_at is null"
        "  and title <> '') as s full join (select external_id as id, title,"
        "  (attributes ->> 'price')::numeric as price, attributes ->> 'color' as color"
        "  from vitrina.products) as p using (id)",
    ) in ([(True,)], [(None,)])


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("update product set price = price * 2", (20, 0, 20, 0, 0, 0)),
        ("update product set color = 'black' where id < 6", (5, 0, 5, 0, 0, 5)),
        ("update product set title = title || '!' where id = 1", (1, 0, 1, 0, 0, 1)),
        ("insert into product (id, title) values (99, 'New')", (1, 1, 0, 0, 0, 1)),
        ("update product set deleted_at = now() where id = 3", (1, 0, 0, 1, 0, 0)),
        ("delete from product where id in (1, 2)", (2, 0, 0, 0, 0, 0)),
        ("update product set id = 77 where id = 7", (2, 1, 0, 1, 0, 1)),
        ("update product set title = null where id = 4", (1, 0, 0, 1, 1, 0)),
    ],
)
def test_a_change_comes_in_and_only_a_changed_input_is_work(
    attached: psycopg.Connection, statement: str, expected: tuple[int, ...]
) -> None:
    attached.execute(statement)
    assert sync(attached) == expected
    assert in_step(attached)
    assert sync(attached) == (0, 0, 0, 0, 0, 0)


def test_a_row_that_is_no_product_is_set_aside_and_others_go_on(
    attached: psycopg.Connection,
) -> None:
    attached.execute(
        "insert into product (id, title) values (30, ' '), (31, 'Fine'), (32, repeat('x', 2001)),"
        " (33, null)"
    )
    assert sync(attached) == (4, 1, 0, 0, 3, 1)
    assert rows(attached, "select external_id, reason from rejects order by 1") == [
        ("30", "it has no title"),
        ("32", "its title is longer than 2,000 characters"),
        ("33", "it has no title"),
    ]
    attached.execute("update product set title = 'Named' where id = 30")
    attached.execute("delete from product where id = 32")
    assert sync(attached)[:2] == (2, 1)
    assert rows(attached, "select external_id from rejects") == [("33",)]
    assert rows(attached, "select sweep_source('product')") == [(0,)], "it is known already"
    attached.execute("alter table product disable trigger all")
    attached.execute("delete from product where id = 33")
    attached.execute("select sweep_source('product')")
    assert rows(attached, "select count(*) from rejects") == [(0,)]


@pytest.mark.parametrize(
    ("query", "reasons"),
    [
        ("select id, title from product union all select 1, 'Twin'",
         [("1", "several rows have this id")]),
        ("select nullif(id, 2) as id, title from product", [("", "it has no id")]),
        ("select case id when 2 then '' else id::text end as id, title from product",
         [("", "it has no id")]),
        ("select repeat('x', case id when 2 then 600 else 1 end) || id as id, title from product",
         [("x" * 500, "its id is longer than 500 characters")]),
        ("select id, title, case when id = 2 then '[1]'::jsonb else '{}' end as attributes"
         " from product", [("2", "its attributes are not a JSON object")]),
        ("select id, title, case when id = 2 then '{\"n\": 1e4999}'::jsonb else '{}' end as attributes"
         " from product", [("2", "its attributes nest 500 deep, or have a number beyond 1e308")]),
        ("select id, title, jsonb_build_object('x', case when id = 2 then"
         " (repeat('[', 3000) || repeat(']', 3000))::jsonb end) as attributes from product",
         [("2", "its attributes nest 500 deep, or have a number beyond 1e308")]),
    ],
)  # fmt: skip
def test_rows_of_a_query_are_set_aside(
    shop: psycopg.Connection, query: str, reasons: list[tuple[str, str]]
) -> None:
    shop.execute("select attach_query('shop', %s)", (query,))
    assert sync(shop)[1] == 19
    assert rows(shop, "select external_id, reason from rejects") == reasons
    assert rows(shop, "select state, rejects from source_status") == [("in step", 1)]
    shop.execute("select sweep_source('shop')")
    assert sync(shop)[1:] == (0, 0, 0, 0, 0)


def test_a_row_that_cannot_be_read_does_not_stop_the_others(shop: psycopg.Connection) -> None:
    shop.execute(
        "select attach_query('shop', 'select id, title, 100 / price as share from product',"
        " wake => '{product=id}')"
    )
    sync(shop)
    shop.execute("update product set price = price - 1 where id < 4")
    assert sync(shop) == (3, 0, 2, 0, 1, 0)
    assert rows(shop, "select external_id, reason from rejects") == [("1", "division by zero")]


def test_batches_are_bounded(attached: psycopg.Connection) -> None:
    attached.execute("update product set price = price + 1")
    taken = []
    while not taken or taken[-1]:
        taken += [row[0] for row in rows(attached, "select taken from sync_source('product', 8)")]
    assert taken == [8, 8, 4, 0]
    assert in_step(attached)


def test_a_sweep_finds_both_ways_what_triggers_missed(attached: psycopg.Connection) -> None:
    attached.execute("alter table product disable trigger all")
    attached.execute("delete from product where id = 1")
    attached.execute("insert into product (id, title) values (50, 'Unseen')")
    attached.execute("update product set title = 'Otherwise' where id = 2")
    assert sync(attached)[0] == 0
    assert rows(attached, "select sweep_source('product')") == [(3,)]
    assert sync(attached) == (3, 1, 1, 1, 0, 2)
    assert in_step(attached)


def test_sweeps_come_by_themselves(attached: psycopg.Connection) -> None:
    attached.execute("alter table product disable trigger all")
    attached.execute("update product set title = 'Otherwise' where id = 2")
    attached.execute("update attachments set swept_at = swept_at - sweep_every")
    assert sync(attached)[:3] == (1, 0, 1)


@pytest.mark.committed
def test_without_triggers_all_rows_are_compared(shop: psycopg.Connection) -> None:
    shop.execute(
        "select attach_table('product', 'title', attributes => '{price,color}', triggers => false,"
        " predicate => 'deleted_at is null', sweep_every => '1 microsecond')"
    )
    assert sync(shop)[:2] == (20, 20)
    assert rows(shop, "select count(*) from pg_trigger where tgrelid = 'product'::regclass") == [
        (0,)
    ]
    shop.execute(
        "update product set title = 'Other' where id = 1; delete from product where id = 2"
    )
    assert sync(shop)[:4] == (2, 0, 1, 1)
    assert in_step(shop)


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp"])
def test_a_watermark_is_followed_and_late_transactions_too(
    shop: psycopg.Connection, kind: str
) -> None:
    shop.execute(f"alter table product alter changed_at type {kind}")
    shop.execute(
        "select attach_table('product', 'title', attributes => '{price,color}', triggers => false,"
        " predicate => 'deleted_at is null', watermark => 'changed_at', sweep_every => '1 day')"
    )
    assert sync(shop)[:2] == (20, 20)
    assert sync(shop)[0] == 0
    shop.execute("update product set title = 'Other', changed_at = now() where id = 1")
    shop.execute(
        "update product set title = 'Late', changed_at = now() - interval '2 minutes' where id = 2"
    )
    shop.execute("update product set title = 'Never', changed_at = now() - interval '1 hour'"
                 " where id = 3")  # fmt: skip
    shop.execute("set timezone = 'Pacific/Auckland'")
    assert sync(shop)[:3] == (2, 0, 2)
    assert rows(shop, "select sweep_source('product')") == [(1,)]
    assert sync(shop)[:3] == (1, 0, 1)
    assert in_step(shop)


@pytest.fixture
def shopper(
    attached: psycopg.Connection, database_url: str, make_role: Callable[..., str]
) -> Iterator[psycopg.Connection]:
    """The shop's own role: it may write its table, and nothing else."""
    role = make_role()
    attached.execute(
        sql.SQL("grant select, insert, update, delete, truncate on product to {}").format(
            sql.Identifier(role)
        )
    )
    with psycopg.connect(database_url.replace("postgres@", f"{role}@"), autocommit=True) as conn:
        assert rows(conn, "select current_user") == [(role,)]
        yield conn
    attached.execute(sql.SQL("drop owned by {}").format(sql.Identifier(role)))


def write(conn: psycopg.Connection) -> None:
    """One of each statement, as a shop runs them."""
    conn.execute("insert into product (id, title) values (60, 'New'), (61, 'Newer')")
    conn.execute("update product set title = 'Better', price = 3 where id in (1, 60)")
    conn.execute("delete from product where id in (2, 61)")


def test_the_shops_role_needs_no_right_of_vitrinas(
    attached: psycopg.Connection, shopper: psycopg.Connection
) -> None:
    write(shopper)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shopper.execute("select * from vitrina.changes_1")
    assert sync(attached)[:3] == (4, 1, 1)
    assert in_step(attached)


BREAKS = [
    "alter table vitrina.changes_1 rename to elsewhere",
    "drop table vitrina.changes cascade",
    "drop table vitrina.products cascade",
    "alter schema vitrina rename to elsewhere",
    "drop schema vitrina cascade",
    "drop schema vitrina_internal cascade",
    "alter schema vitrina_internal rename to elsewhere",
    "revoke all on vitrina.changes_1, vitrina.products from postgres",
    "create or replace function vitrina_internal.wake_1_1() returns trigger language plpgsql"
    " security definer as 'begin perform 1 / 0; return null; exception when others then"
    " return null; end'",
    "alter table vitrina.changes add column more int not null",
    "alter table product rename title to name; alter table product add column title text",
    "alter table product drop column price",
    "alter table product alter price type text",
]


@pytest.mark.parametrize("statement", BREAKS)
def test_a_broken_vitrina_never_breaks_the_shop(
    attached: psycopg.Connection, shopper: psycopg.Connection, statement: str
) -> None:
    attached.execute("set client_min_messages = warning; " + statement)
    statements = [
        "insert into product (id, title) values (60, 'New')",
        "update product set title = 'Better' where id in (1, 60)",
        "delete from product where id = 2",
        "truncate product",
    ]
    for written in statements:
        shopper.execute(written)
    assert rows(shopper, "select count(*) from product") == [(0,)]


@pytest.mark.parametrize("table", ["changes", "changes_1", "products", "attachments", "sources"])
def test_an_upgrade_that_holds_locks_delays_the_shop_a_little_and_the_sweep_repairs(
    attached: psycopg.Connection, shopper: psycopg.Connection, database_url: str, table: str
) -> None:
    with psycopg.connect(database_url) as upgrade:
        upgrade.execute(f"lock table vitrina.{table} in access exclusive mode")
        started = time.monotonic()
        write(shopper)
        assert time.monotonic() - started < 60, "it waited for the lock"
    attached.execute("select sweep_source('product')")
    sync(attached)
    assert in_step(attached)


def test_a_worker_that_stores_a_product_does_not_hold_up_its_deletion(
    attached: psycopg.Connection, shopper: psycopg.Connection, database_url: str
) -> None:
    with psycopg.connect(database_url) as worker:
        worker.execute("update vitrina.products set caption = 'x' where external_id = '5'")
        shopper.execute("delete from product where id = 5")
    assert sync(attached) == (1, 0, 0, 1, 0, 0)
    assert in_step(attached)


def test_a_rolled_back_change_leaves_nothing(
    attached: psycopg.Connection, shopper: psycopg.Connection
) -> None:
    with shopper.transaction():
        with shopper.transaction(force_rollback=True):
            shopper.execute("update product set title = 'no'")
        shopper.execute("update product set title = 'yes' where id = 1")
    assert sync(attached)[:3] == (1, 0, 1)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("alter table product drop column title", 'column "title" does not exist'),
        ("alter table product rename to item", "public.product is public.item now"),
        ("alter table product set schema archive", "public.product is archive.product now"),
        ("drop table product", "public.product is gone"),
        ("alter table product drop constraint product_pkey; alter table product"
         " alter id type uuid using gen_random_uuid()", "operator does not exist: uuid = bigint"),
    ],
)  # fmt: skip
def test_a_source_that_breaks_says_so_in_a_line_and_the_others_go_on(
    attached: psycopg.Connection, statement: str, problem: str
) -> None:
    attached.execute("create schema archive; create table other (id int primary key, title text)")
    attached.execute("select attach_table('other', 'title')")
    attached.execute("update product set title = 'x' where id = 1")
    attached.execute("insert into other values (1, 'Lamp')")
    attached.execute(statement)
    found = rows(attached, "select source, taken, problem from sync_sources()")
    assert found[1] == ("other", 1, None)
    assert problem in found[0][2]
    assert "attach" in found[0][2]
    assert "\n" not in found[0][2]
    assert rows(attached, "select source, state, products from source_status order by 1") == [
        ("other", "in step", 1), ("product", "broken", 20),
    ]  # fmt: skip
    assert rows(attached, "select noted from source_status where source = 'product'") >= [(1,)]


def test_attached_again_after_its_id_type_changed(attached: psycopg.Connection) -> None:
    attached.execute("update product set title = 'x' where id = 1")
    attached.execute("alter table product alter id type text")
    attached.execute("update product set id = 'p' || id")
    assert "text = bigint" in rows(attached, "select problem from sync_sources()")[0][0]
    attached.execute(
        "select attach_table('product', 'title', attributes => '{price,color}',"
        " predicate => 'deleted_at is null')"
    )
    assert sync(attached)[:4] == (40, 20, 0, 20)
    assert in_step(attached)
    assert rows(attached, "select state, problem from source_status") == [("in step", None)]


def test_two_syncs_at_once_do_not_wait_for_each_other(
    attached: psycopg.Connection, database_url: str
) -> None:
    attached.execute("update product set price = 0")
    with psycopg.connect(database_url) as other:
        other.execute("set search_path = vitrina, public")
        assert rows(other, "select taken from sync_source('product')") == [(20,)]
        assert sync(attached)[0] == 0
        other.commit()
    assert in_step(attached)


def test_a_big_update_after_small_ones_is_not_compared_row_by_row(
    attached: psycopg.Connection,
) -> None:
    """The trigger's plan is made by the first, small update and kept."""
    started = time.monotonic()
    attached.execute(
        "insert into product select i, 'Oak ' || i from generate_series(100, 5100) as i"
    )
    inserted = time.monotonic() - started
    for i in range(1, 11):
        attached.execute("update product set title = title || '!' where id = %s", (i,))
    started = time.monotonic()
    attached.execute("update product set price = 1")
    attached.execute("update product set title = title || '?'")
    assert time.monotonic() - started < 40 * inserted, "5,000 × 5,000 comparisons"
    assert rows(attached, "select count(distinct external_id) from changes") == [(5021,)]


def test_a_writer_syncs_without_any_right_on_the_shops_table(
    attached: psycopg.Connection, database_url: str, make_role: Callable[..., str]
) -> None:
    attached.execute("update product set title = 'x' where id = 1")
    role = make_role("vitrina_writer")
    with psycopg.connect(database_url.replace("postgres@", f"{role}@"), autocommit=True) as writer:
        writer.execute("set search_path = vitrina, public")
        assert sync(writer) == (1, 0, 1, 0, 0, 1)
        assert rows(writer, "select sweep_source('product')") == [(0,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            writer.execute("update attachments set query = 'select 1'")
    reader = make_role("vitrina_reader")
    with psycopg.connect(database_url.replace("postgres@", f"{reader}@"), autocommit=True) as conn:
        assert rows(conn, "select state from vitrina.source_status") == [("in step",)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("select * from vitrina_internal.rows_1()")


def test_nobody_but_the_owner_may_fire_a_trigger_function_by_himself(
    attached: psycopg.Connection,
) -> None:
    """It runs with its owner's rights: on a table of a writer's own it would run his casts with them."""
    allowed = rows(
        attached,
        "select r.rolname from pg_proc as p cross join pg_roles as r"
        " where p.proname ~ '^wake_[0-9]' and not r.rolsuper and r.oid <> p.proowner"
        " and has_function_privilege(r.oid, p.oid, 'execute')",
    )
    assert allowed == []
    assert rows(attached, "select to_regprocedure('vitrina_internal.wake_1_1()') is not null") == [
        (True,)
    ]


def test_the_settings_of_a_shops_session_change_no_id(shop: psycopg.Connection) -> None:
    shop.execute("create table variant (pid int, lang text, title text, primary key (pid, lang))")
    shop.execute("create table blob (id bytea primary key, title text)")
    shop.execute("insert into blob values ('\\x01ff', 'Hexed lamp')")
    shop.execute("select attach_table('variant', 'title'), attach_table('blob', 'title')")
    shop.execute("select from sync_sources()")
    shop.execute("set bytea_output = 'escape'")
    shop.execute("delete from blob")
    shop.execute("reset bytea_output")
    assert rows(shop, "select count(*) from products") == [(0,)]
    shop.execute("set escape_string_warning = off")
    shop.execute("set standard_conforming_strings = off")
    shop.execute("insert into variant values (3, 'a:b', 'Colon chair')")
    shop.execute("reset standard_conforming_strings")
    shop.execute("select from sync_sources()")
    assert rows(shop, "select external_id from products") == [("3:a\\:b",)]


@pytest.mark.committed
def test_a_serializable_delete_is_left_to_the_next_sync(attached: psycopg.Connection) -> None:
    with attached.transaction():
        attached.execute("set transaction isolation level serializable")
        attached.execute("delete from product where id = 7")
    assert not in_step(attached)
    sync(attached)
    assert in_step(attached)


def test_a_writer_cannot_take_an_attached_source_away(attached: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        attached.execute("delete from sources where kind = 'table'")


VARIANTS = """
create table form (
    product_id bigint, sku text, size text, price numeric, stock int, path text, name text);
create index on form (product_id);
insert into form
select p.id, 'T' || p.id || '-' || s, s, p.price + 1, 3, s || p.id || '.jpg', p.title || ' ' || s
from product as p cross join unnest('{S,L}'::text[]) as s;
"""
WITH_VARIANTS = """
select p.id, p.title, array['C' || p.id] as codes,
       (select jsonb_agg(jsonb_build_object(
            'sku', f.sku, 'title', f.name, 'image', f.path, 'attributes', jsonb_build_object(
                'size', f.size, 'price', f.price, 'in_stock', f.stock > 0)) order by f.sku desc)
        from form as f where f.product_id = p.id) as variants,
       (select jsonb_agg(f.path order by f.sku desc) from form as f where f.product_id = p.id) as images
from product as p
"""


@filled
def with_variants(db: psycopg.Connection) -> None:
    """A shop attached by a query that gives variants, in step."""
    open_shop(db)
    db.execute(VARIANTS.encode())
    db.execute(
        "select attach_query('shop', %s, '{product=id,form=product_id}',"
        " media_root => 'https://cdn.example/')",
        [WITH_VARIANTS],
    )
    assert sync(db) == (20, 20, 0, 0, 0, 20)
    db.execute("delete from jobs")


def test_variants_of_a_query_come_in(with_variants: psycopg.Connection) -> None:
    found = (
        "select p.image, p.codes, p.attributes, v.position, v.sku, v.title, v.image, v.attributes"
        " from products as p join variants as v on v.product_id = p.id"
        " where p.external_id = '2' order by v.position"
    )
    attributes = {"size": ["S", "L"], "price": 3, "in_stock": True}
    cdn = "https://cdn.example/"
    assert rows(with_variants, found) == [
        (f"{cdn}S2.jpg", ["C2"], attributes, place, f"T2-{size}", f"Oak table 2 {size}",
         f"{cdn}{size}2.jpg", {"size": size, "price": 3, "in_stock": True})
        for place, size in enumerate(("S", "L"), start=1)
    ]  # fmt: skip
    assert rows(
        with_variants,
        "select i.image, i.role from product_images as i join products as p on p.id = i.product_id"
        " where p.external_id = '2' order by i.position",
    ) == [(f"{cdn}S2.jpg", "main"), (f"{cdn}L2.jpg", "further")]
    assert rows(with_variants, "select external_id, sku from search('T7-L', 1)") == [("7", "T7-L")]
    assert rows(with_variants, "select sweep_source('shop')") == [(0,)], "nothing differs"
    assert sync(with_variants) == (0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("by", ["trigger", "sweep"])
@pytest.mark.parametrize(
    ("statement", "queued", "seen"),
    [
        ("update form set price = 1 where sku = 'T2-L'", 0,
         {"size": ["S", "L"], "price": 1, "price_max": 3, "in_stock": True}),
        ("update form set stock = 0 where product_id = 2", 0,
         {"size": ["S", "L"], "price": 3, "in_stock": False}),
        ("update form set sku = 'T2-K', name = 'Big' where sku = 'T2-L'", 0,
         {"size": ["S", "L"], "price": 3, "in_stock": True}),
        ("update form set size = 'XL' where sku = 'T2-L'", 1,
         {"size": ["S", "XL"], "price": 3, "in_stock": True}),
        ("delete from form where sku = 'T2-L'", 1, {"size": "S", "price": 3, "in_stock": True}),
        ("delete from form where product_id = 2", 1, {}),
    ],
)  # fmt: skip
def test_a_change_of_a_variant_comes_in(
    with_variants: psycopg.Connection, statement: str, queued: int, seen: dict[str, Any], by: str
) -> None:
    if by == "sweep":
        with_variants.execute("alter table form disable trigger all")
    with_variants.execute(statement.encode())
    if by == "sweep":
        assert rows(with_variants, "select sweep_source('shop')") == [(1,)]
    assert sync(with_variants) == (1, 0, 1, 0, 0, queued)
    assert rows(with_variants, "select attributes from products where external_id = '2'") == [
        (seen,)
    ]
    asked = "select sku, title, (attributes ->> 'price')::numeric, attributes ->> 'size' from "
    assert set(
        rows(
            with_variants,
            asked + "variants as v where v.product_id ="
            " (select p.id from products as p where p.external_id = '2')",
        )
    ) == set(rows(with_variants, "select sku, name, price, size from form where product_id = 2"))
    assert rows(with_variants, "select sweep_source('shop')") == [(0,)]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("""'[{"sku": ["a"]}]'::jsonb as variants""",
         "its variants are not a list of objects with sku, title, codes, image and attributes"),
        ("""'{}'::jsonb as variants""",
         "its variants are not a list of objects with sku, title, codes, image and attributes"),
        ("""'[{"image": "a", "role": "best"}]'::jsonb as images""",
         "its images are not a list of objects with an image and its role: main, further or variant"),
        ("""'[{"a": 1}]'::jsonb as codes""", "its codes are not a list of texts"),
        ("repeat('x', 1048577) as text", "its text is longer than 1 MB"),
        ("repeat('x', 1048577) as url",
         'its url must be a text of 1 MB at most, not "' + "x" * 59),
    ],
)  # fmt: skip
def test_a_row_whose_parts_cannot_be_is_set_aside(
    shop: psycopg.Connection, column: str, reason: str
) -> None:
    value, _, name = column.rpartition(" as ")
    kind = "text" if name in ("text", "url") else "jsonb"
    shop.execute(
        "select attach_query('shop', %s)",
        [f"select id, title, case id when 2 then {value} else null::{kind} end as {name}"
         " from product"],
    )  # fmt: skip
    assert sync(shop) == (20, 19, 0, 0, 1, 19)
    assert rows(shop, "select external_id, reason from rejects") == [("2", reason)]


def test_a_json_null_is_no_part(shop: psycopg.Connection) -> None:
    shop.execute(
        "select attach_query('shop', %s)",
        ["select id, title, 'null'::jsonb as images, 'null'::json as variants,"
         " 'null'::jsonb as codes, null as text, null::int as sku from product"],
    )  # fmt: skip
    assert sync(shop)[1] == 20
    assert rows(shop, "select sweep_source('shop')") == [(0,)]


@pytest.mark.parametrize("statement", ["delete from stock where product_id = 1", "truncate stock"])
def test_a_product_outlives_its_row_of_a_side_table(
    shop: psycopg.Connection, statement: str
) -> None:
    shop.execute("create table stock (product_id bigint primary key, quantity int)")
    shop.execute("insert into stock values (1, 5), (2, 6)")
    shop.execute(
        "select attach_query('shop', 'select p.id, p.title, coalesce(s.quantity, 0) > 0 as in_stock"
        " from product as p left join stock as s on s.product_id = p.id',"
        " '{product=id,stock=product_id}')"
    )
    sync(shop)
    before = rows(shop, "select external_id, id from products order by 1")
    shop.execute(statement.encode())
    assert rows(shop, "select external_id, id from products order by 1") == before
    for _ in range(2):  # what truncate notes is a sweep
        sync(shop)
    assert rows(shop, "select external_id, id from products order by 1") == before
    assert rows(shop, "select attributes from products where external_id = '1'") == [
        ({"in_stock": False},)
    ]
    shop.execute("delete from product where id = 3")
    assert rows(shop, "select count(*) from products") == [(19,)], "its own row takes it along"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select id, title from product", True),
        ("select p.id, p.title from product as p left join product as o on o.id = p.id + 1", True),
        ("select p.id, min(p.title) as title from product as p group by p.id", True),
        ("with w as (select id, title from product) select id, title from w", True),
        ("select x.id_1 as id, p.title from product as p"
         " cross join lateral (select p.id as id_1) as x", True),
        ("select id, title from product union select 0, 'Always there'", False),
        ("select id + 1 as id, title from product", False),
        ("select price::bigint as id, title from product", False),
        ("select o.id, p.title from product as p join other as o using (id)", False),
    ],
)  # fmt: skip
def test_only_rows_of_the_table_that_gives_the_ids_are_products(
    shop: psycopg.Connection, query: str, expected: bool
) -> None:
    shop.execute("create table other (id bigint primary key, title text)")
    shop.execute("select attach_query('shop', %s, '{product=id}')", [query])
    assert rows(shop, "select is_product from wakes") == [(expected,)]


def test_a_role_without_a_right_on_the_shops_schema_reads_problems_and_the_others_go_on(
    shop: psycopg.Connection, database_url: str, make_role: Callable[..., str]
) -> None:
    shop.execute("create schema sales; create table sales.item (id int primary key, title text)")
    shop.execute("select attach_table('sales.item', 'title', name => 'item')")
    shop.execute("select attach_table('product', 'title')")
    shop.execute("alter table sales.item rename to goods")
    problem = "sales.item is sales.goods now: attach it again by that name"
    for kind in ("vitrina_writer", "vitrina_reader"):
        role = make_role(kind)
        url = database_url.replace("postgres@", f"{role}@")
        with psycopg.connect(url, autocommit=True) as conn:
            if kind == "vitrina_writer":
                assert rows(
                    conn, "select source, taken, problem from vitrina.sync_sources() order by 1"
                ) == [("item", 0, problem), ("product", 20, None)]
            assert rows(conn, "select source, problem from vitrina.source_status order by 1") == [
                ("item", problem), ("product", None),
            ]  # fmt: skip


def test_of_two_tables_that_change_places_the_one_of_the_name_is_followed(
    attached: psycopg.Connection,
) -> None:
    attached.execute("create table fresh (like product including all)")
    attached.execute("insert into fresh select * from product where id > 1")
    attached.execute("alter table product rename to stale")
    attached.execute("alter table fresh rename to product")
    assert rows(attached, "select state, problem from source_status") == [
        ("broken", "triggers on public.product are missing or disabled: attach the source again")
    ]
    attached.execute("delete from stale where id = 2")
    attached.execute("truncate stale")
    assert rows(attached, "select count(*) from changes") == [(0,)]
    assert rows(attached, "select count(*) from products") == [(20,)]
    attached.execute(
        "select attach_table('product', 'title', attributes => '{price,color}',"
        " predicate => 'deleted_at is null')"
    )
    assert sync(attached)[:4] == (1, 0, 0, 1)
    assert rows(attached, "select state, problem from source_status") == [("in step", None)]
    attached.execute("delete from product where id = 2")
    assert in_step(attached)
    assert rows(attached, "select count(*) from pg_trigger where tgrelid = 'stale'::regclass") == [
        (0,)
    ]


def test_a_sweep_that_would_remove_most_products_stops_and_says_how_to_go_on(
    attached: psycopg.Connection,
) -> None:
    problem = (
        "11 of the 20 products of source product would be removed, more than 30 %: if that is right,"
        " run vitrina sources --sweep product --yes, or sweep_source('product', 1)"
    )
    attached.execute("alter table product disable trigger all")
    attached.execute("delete from product where id < 12")
    attached.execute("update attachments set swept_at = swept_at - sweep_every")
    assert rows(attached, "select taken, problem from sync_sources()") == [(0, problem)]
    attached.execute("alter table product enable trigger all")
    attached.execute("update product set title = 'Elm table' where id = 20")
    # changes go on, and the problem stays until a sweep has gone through
    assert rows(attached, "select taken, removed, problem from sync_sources()") == [(1, 0, problem)]
    attached.execute(
        "select attach_table('product', 'title', attributes => '{price,color}',"
        " predicate => 'deleted_at is null')"
    )
    assert rows(attached, "select taken, problem from sync_sources()") == [(0, problem)]
    with pytest.raises(psycopg.Error, match="more than 54 %") as caught:
        attached.execute("select sweep_source('product', 0.54)")
    assert caught.value.sqlstate == "VT004"
    assert rows(attached, "select sweep_source('product', 1)") == [(11,)]
    assert rows(attached, "select removed, problem from sync_sources()") == [(11, None)]
    assert in_step(attached)
    # a handful may go
    attached.execute("alter table product disable trigger all")
    attached.execute("delete from product")
    assert rows(attached, "select sweep_source('product')") == [(9,)]


def test_another_query_may_have_any_other_products(attached: psycopg.Connection) -> None:
    attached.execute("select attach_table('product', 'title', predicate => 'price > 15')")
    assert sync(attached)[:4] == (20, 0, 5, 15)


def test_rows_hidden_by_a_policy_are_not_gone(
    shop: psycopg.Connection, database_url: str, make_role: Callable[..., str]
) -> None:
    role = make_role()
    shop.execute("select attach_table('product', 'title')")
    shop.execute(f"grant select on product to {role}")
    shop.execute(
        f"grant usage on schema vitrina, vitrina_internal to {role};"
        f" grant execute on all functions in schema vitrina_internal to {role};"
        f" alter function vitrina_internal.rows_1 owner to {role}".encode()
    )
    assert sync(shop)[1] == 20
    shop.execute("alter table product enable row level security")
    shop.execute("update product set title = 'Elm table' where id = 1")
    assert "row-level security" in rows(shop, "select problem from sync_sources()")[0][0]
    assert rows(shop, "select count(*) from products") == [(20,)]
    shop.execute("drop function vitrina_internal.rows_1 cascade")


@pytest.mark.parametrize("key", ["", "primary key"])
@pytest.mark.parametrize("wake", ["form=product_id", "form=select c.product_id from changed as c"])
def test_an_update_of_many_rows_wakes_those_that_changed(
    shop: psycopg.Connection, key: str, wake: str
) -> None:
    """They are joined: `not in` would compare each with each where they outgrow its memory."""
    shop.execute(f"create table form (id int {key}, product_id bigint, size text)".encode())
    shop.execute("insert into form select i, i % 20, 'x' from generate_series(1, 6000) as i")
    if not key:
        shop.execute("insert into form values (0, 1, 'twin'), (0, 1, 'twin')")
    shop.execute(
        "select attach_query('shop', 'select p.id, p.title, (select max(f.size) from form as f"
        " where f.product_id = p.id) as size from product as p', %s)",
        [["product=id", wake]],
    )
    shop.execute("set work_mem = '64kB'")
    assert rows(
        shop,
        "select count(*) from pg_proc where proname ~ '^wake_' and prosrc ~ 'not in|<> all'",
    ) == [(0,)]
    shop.execute("update form set size = size || '!'")
    assert len(set(rows(shop, "delete from changes returning external_id"))) == 20
    shop.execute("update form set size = size")
    assert rows(shop, "select * from changes") == []
    shop.execute("update form set product_id = 3 where id = 5")
    assert sorted(rows(shop, "delete from changes returning external_id")) == [("3",), ("5",)]
    if not key:
        shop.execute(
            "update form set size = 'other' where ctid = (select max(ctid) from form where id = 0)"
        )
        assert rows(shop, "select external_id from changes") == [("1",)]


@pytest.mark.once
def test_an_id_column_that_is_widened_is_followed(attached: psycopg.Connection) -> None:
    attached.execute("create table item (id int primary key, title text)")
    attached.execute(
        "create table part (a int, b smallint, title text, primary key (a, b));"
        " insert into item select i, 'Lamp' from generate_series(1, 2000) as i; analyze item"
    )
    attached.execute("select attach_table('item', 'title'), attach_table('part', 'title')")
    plan = rows(attached, "explain select from item where id = any ('{5}'::bigint[])")
    assert "Index" in plan[0][0]
    attached.execute("alter table item alter id type bigint")
    attached.execute("alter table part alter a type bigint, alter b type int")
    attached.execute("insert into item values (3000000000, 'Lamp')")
    attached.execute("insert into part values (3000000000, 40000, 'Shade')")
    attached.execute("select sync_sources(5000)")
    assert rows(attached, "select * from rejects") == []
    assert rows(attached, "select external_id from products where title = 'Shade'") == [
        ("3000000000:40000",)
    ]
    assert rows(attached, "select count(*) from products where title = 'Lamp'") == [(2001,)]
    attached.execute("update item set title = 'Torch' where id = 3000000000")
    attached.execute("select sync_sources()")
    assert rows(attached, "select external_id from products where title = 'Torch'") == [
        ("3000000000",)
    ]


@pytest.mark.once
@pytest.mark.parametrize("kind", ["timestamptz", "timestamp"])
@pytest.mark.parametrize("future", ["2099-01-01", "infinity"])
def test_a_watermark_in_the_future_does_not_end_polling(
    shop: psycopg.Connection, kind: str, future: str
) -> None:
    shop.execute(f"alter table product alter changed_at type {kind}".encode())
    shop.execute("update product set changed_at = %s where id = 1", [future])
    shop.execute(
        "select attach_table('product', 'title', triggers => false, watermark => 'changed_at',"
        " sweep_every => '1 day')"
    )
    assert sync(shop)[:2] == (20, 20)
    shop.execute("update product set changed_at = %s where id = 2", [future])
    sync(shop)
    shop.execute("update product set title = 'Other', changed_at = now() where id = 3")
    assert sync(shop)[:3] == (1, 0, 1)


@pytest.mark.once
@pytest.mark.parametrize(
    ("statement", "column"),
    [
        ("alter table product drop column price", "price"),
        ("alter table product rename column color to colour", "color"),
    ],
)
def test_a_lost_column_is_said_before_the_next_sweep(
    attached: psycopg.Connection, make_role: Callable[..., str], statement: str, column: str
) -> None:
    attached.execute(statement.encode())
    attached.execute(f"set role {make_role('vitrina_reader')}".encode())
    assert rows(attached, "select state, problem from source_status") == [
        ("broken", f"public.product has no column {column} any more: attach the source again")
    ]
    attached.execute("reset role")
