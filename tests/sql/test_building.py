"""sql/20-spaces: what a space lacks, its indexes, and switching to it."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import dict_row

from rehearsal import filled
from small_shop import CATALOGUE, put


@filled
def shop(db: psycopg.Connection) -> None:
    put(db, CATALOGUE)


def status(db: psycopg.Connection, name: str) -> dict:
    with db.cursor(row_factory=dict_row) as cur:
        (row,) = cur.execute("select * from space_status(%s)", [name]).fetchall()
    return row


def fill(db: psycopg.Connection, name: str, dimensions: int, products: int | None = None) -> None:
    """Vectors of an own kind for products, all or the first, and all keywords."""
    db.execute(
        "select put_embeddings(%(name)s, array_agg(p.id order by p.id),"
        "  array_agg(sha256(convert_to(embedding_input(p.keywords, p.caption), 'utf8'))"
        "            order by p.id),"
        "  array_agg((select array_agg(sin(p.id * n)) from generate_series(1, %(size)s) as n)"
        "            ::halfvec order by p.id))"
        " from (select * from products order by id limit %(first)s) as p",
        {"name": name, "size": dimensions, "first": products},
    )
    db.execute(
        "select put_keyword_embeddings(%s, array_agg(w.id), array_agg("
        " (select array_agg(cos(w.id * n)) from generate_series(1, %s) as n)::halfvec))"
        " from keywords as w",
        [name, dimensions],
    )


@pytest.mark.once
def test_the_status_counts_what_is_there_and_what_is_missing(shop: psycopg.Connection) -> None:
    words = shop.execute("select count(*) from keywords").fetchone()[0]
    local = status(shop, "local-text")
    assert (local["products"], local["missing_products"]) == (7, 0)
    assert (local["keywords"], local["missing_keywords"]) == (words, 0)
    assert (local["state"], local["index"], local["quantized"]) == ("active", "none", False)
    shop.execute("select create_space('new', 'openai', 'm', 'text', 8, quantized => true)")
    new = status(shop, "new")
    assert (new["missing_products"], new["missing_keywords"]) == (7, words)
    assert (new["state"], new["quantized"]) == ("building", True)
    image = status(shop, "local-image-2")
    assert (image["missing_products"], image["missing_keywords"]) == (0, 0), "there are no pictures"
    names = [row[0] for row in shop.execute("select name from space_status()")]
    assert names == ["local-text", "local-image-2", "new"]
    assert shop.execute("select * from space_status('nowhere')").fetchall() == []


@pytest.mark.once
def test_what_is_missing_comes_text_by_text(shop: psycopg.Connection) -> None:
    shop.execute("select create_space('new', 'openai', 'm', 'text', 8)")
    put(shop, [("again", "Oak side table", CATALOGUE[-1][2], {})], source="other")
    rows = shop.execute("select * from missing_in_space('new')").fetchall()
    assert len(rows) == 8
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    fill(shop, "new", 8)
    assert shop.execute("select * from missing_in_space('new')").fetchall() == []
    shop.execute("update products set caption = 'Another.' where external_id = 'sofa-1'")
    changed = shop.execute("select count(*) from missing_in_space('new')").fetchone()
    assert changed == (1,)
    shop.execute("update products set enriched_at = null")
    assert shop.execute("select count(*) from missing_in_space('new')").fetchone() == (0,)
    for name in ("nowhere", "local-image-2", None):
        assert shop.execute("select * from missing_in_space(%s)", [name]).fetchall() == []


def test_a_second_local_space_is_filled_in_sql(shop: psycopg.Connection) -> None:
    shop.execute("select create_space('two', 'local', 'minilm-word-pieces-1', 'text', 256)")
    ids = [row[0] for row in shop.execute("select id from products").fetchall()]
    assert shop.execute("select embed_products(%s, 'two')", [ids]).fetchone() == (7,)
    assert shop.execute("select embed_products(%s, 'two')", [ids]).fetchone() == (0,)
    words = shop.execute("select count(*) from keywords").fetchone()[0]
    assert shop.execute("select embed_keywords('two')").fetchone() == (words,)
    assert shop.execute("select embed_keywords('two')").fetchone() == (0,)
    assert shop.execute(
        "select count(*) from product_embeddings as l join product_embeddings as r"
        " using (product_id, input_hash) where l.space_id < r.space_id"
        " and l.embedding = r.embedding"
    ).fetchone() == (7,)


@pytest.mark.once
@pytest.mark.parametrize(
    "query",
    [
        "select embed_keywords('new')",
        "select embed_keywords('nowhere')",
        "select embed_keywords('local-image-2')",
        "select embed_products('{1}', 'new')",
        "select embed_products('{1}', 'nowhere')",
        "select embed_products('{1}', 'local-image-2')",
    ],
)
def test_only_the_local_model_is_in_the_database(shop: psycopg.Connection, query: str) -> None:
    shop.execute("select create_space('new', 'openai', 'm', 'text', 8)")
    with pytest.raises(
        psycopg.DatabaseError, match="is not a space of the local text model"
    ) as caught:
        shop.execute(query)
    assert caught.value.sqlstate == "VT004"


# -- switching -----------------------------------------------------------------------------------


def test_a_space_that_lacks_vectors_is_not_activated(shop: psycopg.Connection) -> None:
    shop.execute("select create_space('new', 'openai', 'm', 'text', 8)")
    fill(shop, "new", 8, products=5)
    shop.execute("delete from keyword_embeddings where space_id = 3 and keyword_id in (1, 2, 3)")
    with pytest.raises(
        psycopg.DatabaseError, match="2 of 7 products and 3 keywords have no vector"
    ) as caught:
        shop.execute("select activate_space('new')")
    assert caught.value.sqlstate == "VT004"
    assert "vitrina spaces build new" in caught.value.diag.message_hint
    assert status(shop, "local-text")["state"] == "active"
    assert shop.execute("select activate_space('new', true)").fetchone() == ("local-text",)
    assert status(shop, "new")["state"] == "active"


def test_going_back_is_activating_the_earlier_one(shop: psycopg.Connection) -> None:
    shop.execute("select create_space('new', 'openai', 'm', 'text', 8)")
    fill(shop, "new", 8)
    assert shop.execute("select activate_space('new')").fetchone() == ("local-text",)
    assert status(shop, "local-text")["state"] == "retired"
    assert shop.execute("select activate_space('local-text')").fetchone() == ("new",)
    assert shop.execute("select activate_space('local-text')").fetchone() == (None,)
    assert shop.execute("select count(*) from spaces where state = 'active'").fetchone() == (2,)


def test_switches_at_once_take_turns(shop: psycopg.Connection, database_url: str) -> None:
    for name in ("one", "two"):
        shop.execute("select create_space(%s, 'test', 'm', 'text', 3)", [name])
    with psycopg.connect(database_url) as first, psycopg.connect(database_url) as second:
        first.execute("select vitrina.use_space('one')")
        shop.execute("set statement_timeout = '100ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            shop.execute("select use_space('two')")
        shop.execute("set statement_timeout = 0")
        first.commit()
        second.execute("select vitrina.use_space('two')")
    assert status(shop, "two")["state"] == "active"
    assert status(shop, "one")["state"] == "retired"


def test_a_statement_sees_one_space_from_its_begin_to_its_end(
    shop: psycopg.Connection, database_url: str
) -> None:
    shop.execute("select create_space('new', 'openai', 'm', 'text', 8)")
    fill(shop, "new", 8)
    with psycopg.connect(database_url) as reader:
        reader.execute("set transaction isolation level repeatable read")
        reader.execute("select 1 from vitrina.spaces").fetchall()
        shop.execute("select activate_space('new')")
        seen = reader.execute("select (vitrina_internal.active_space('text')).name").fetchone()
    assert seen == ("local-text",)
    assert shop.execute("select (vitrina_internal.active_space('text')).name").fetchone() == (
        "new",
    )


def test_a_space_held_by_a_long_statement_is_not_waited_for_for_ever(
    shop: psycopg.Connection, database_url: str
) -> None:
    shop.execute("select create_space('old', 'test', 'm', 'text', 3)")
    limits = "select p.proconfig from pg_proc as p where p.oid = 'drop_space'::regproc"
    assert "lock_timeout=5s" in shop.execute(limits).fetchone()[0]
    shop.execute("alter function drop_space set lock_timeout = '100ms'")
    with psycopg.connect(database_url) as reader:
        reader.execute("select count(*) from vitrina.product_embeddings")
        with pytest.raises(psycopg.DatabaseError, match="could not be dropped") as caught:
            shop.execute("select drop_space('old')")
        assert caught.value.sqlstate == "VT004"
    shop.execute("alter function drop_space set lock_timeout = '5s'")
    shop.execute("select drop_space('old')")


def test_a_space_is_made_while_a_long_search_runs(
    shop: psycopg.Connection, database_url: str
) -> None:
    with psycopg.connect(database_url) as reader:
        reader.execute("select count(*) from vitrina.search('lamp')")
        shop.execute("set lock_timeout = '1s'")
        shop.execute("select create_space('new', 'test', 'm', 'text', 3)")
        assert reader.execute("select count(*) from vitrina.search('lamp')").fetchone() != (0,)


def test_partitions_are_checked_plain_and_go_with_their_products(shop: psycopg.Connection) -> None:
    shop.execute("select create_space('new', 'test', 'm', 'text', 3)")
    rows = shop.execute(
        "select c.relname, a.attstorage from pg_class as c join pg_attribute as a"
        " on a.attrelid = c.oid and a.attname = 'embedding'"
        " where c.relname in ('product_embeddings_3', 'keyword_embeddings_3') order by 1"
    ).fetchall()
    assert rows == [("keyword_embeddings_3", "p"), ("product_embeddings_3", "p")]
    fill(shop, "new", 3)
    with pytest.raises(psycopg.errors.CheckViolation):
        shop.execute("insert into product_embeddings values (3, 1, 'x', '[1,2]')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        shop.execute("insert into product_embeddings values (3, 1, 'x', '[1,2,3]')")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        shop.execute("insert into product_embeddings values (3, 999, 'x', '[1,2,3]')")
    shop.execute("delete from products where id = 1")
    assert shop.execute("select count(*) from product_embeddings_3").fetchone() == (6,)


# -- indexes -------------------------------------------------------------------------------------


def statements(db: psycopg.Connection, arguments: str) -> list[tuple[str, str]]:
    rows = db.execute(f"select name, statement from index_statements({arguments})").fetchall()
    return [(name, statement.split(" on ")[0]) for name, statement in rows]


@pytest.mark.committed
@pytest.mark.parametrize("quantized", [False, True])
def test_statements_make_what_is_missing_and_no_more(
    shop: psycopg.Connection, quantized: bool
) -> None:
    shop.execute("select create_space('new', 'test', 'm', 'text', 8, quantized => %s)", [quantized])
    fill(shop, "new", 8)
    name = "product_embeddings_3_hnsw" + ("_bits" if quantized else "")
    assert statements(shop, "'new'") == [], "so small a space is read as a whole"
    assert statements(shop, "'new', 1000") == [], "rows by dimensions"
    create = "create index concurrently if not exists"
    assert statements(shop, "'new', 1") == [
        (name, f"{create} {name}"),
        ("keyword_embeddings_3_hnsw", f"{create} keyword_embeddings_3_hnsw"),
    ]
    shop.execute("reset search_path")  # a statement stands for itself
    for (statement,) in shop.execute(
        "select statement from vitrina.index_statements('new', 1)"
    ).fetchall():
        shop.execute(statement)
    shop.execute("set search_path = vitrina, public")
    assert statements(shop, "'new', 1") == []
    assert status(shop, "new")["index"] == "ready"
    shop.execute("update spaces set quantized = not quantized where name = 'new'")
    other = "product_embeddings_3_hnsw" + ("" if quantized else "_bits")
    assert statements(shop, "'new', 1") == [
        (other, f"{create} {other}"),
        (other, f"drop index concurrently if exists vitrina.{name}"),
    ]


@pytest.mark.committed
def test_what_was_filled_is_analyzed_first(db: psycopg.Connection) -> None:
    put(db, [(f"p{n:04}", f"Thing {n}", [], {}) for n in range(1100)])
    db.execute("select create_space('new', 'test', 'm', 'text', 3)")
    fill(db, "new", 3)
    (first,) = statements(db, "'new'")
    assert first[1] == "vacuum (analyze) vitrina.product_embeddings_3"
    db.execute(first[1])
    assert statements(db, "'new'") == []


@pytest.mark.committed
def test_an_index_that_was_left_invalid_is_built_again(shop: psycopg.Connection) -> None:
    shop.execute("select create_space('new', 'test', 'm', 'text', 8)")
    fill(shop, "new", 8)
    # what a build that fails leaves behind
    shop.execute(
        "create index product_embeddings_3_hnsw on product_embeddings_3"
        " using hnsw ((embedding::halfvec(8)) halfvec_cosine_ops);"
        " update pg_index set indisvalid = false"
        " where indexrelid = 'product_embeddings_3_hnsw'::regclass"
    )
    assert status(shop, "new")["index"] == "invalid"
    with pytest.raises(psycopg.DatabaseError, match="and its index is not built"):
        shop.execute("select activate_space('new')")
    assert [row[1].split(" vitrina.")[0] for row in statements(shop, "'new', 1")][:2] == [
        "drop index concurrently if exists",
        "create index concurrently if not exists product_embeddings_3_hnsw",
    ]
    for (statement,) in shop.execute("select statement from index_statements('new', 1)").fetchall():
        shop.execute(statement)
    assert status(shop, "new")["index"] == "ready"
    shop.execute(
        "update pg_index set indisvalid = false"
        " where indexrelid = 'product_embeddings_3_hnsw'::regclass"
    )
    assert shop.execute("select index_spaces(1)").fetchone()[0] >= 1
    assert status(shop, "new")["index"] == "ready"


def test_memory_is_what_the_graph_takes_within_bounds(shop: psycopg.Connection) -> None:
    shop.execute("select create_space('new', 'test', 'm', 'text', 8)")
    fill(shop, "new", 8)
    floor = shop.execute(
        "select pg_size_bytes(current_setting('maintenance_work_mem')) / 1024"
    ).fetchone()[0]
    rows = shop.execute("select memory from index_statements('new', 1)").fetchall()
    assert {row[0] for row in rows} == {floor}, "never less than the session has"
    shop.execute("set maintenance_work_mem = '1MB'")
    rows = shop.execute("select memory from index_statements('new', 1, 1100)").fetchall()
    assert all(1024 < row[0] <= 1100 for row in rows)


@pytest.mark.parametrize(
    "call",
    ["activate_space('local-txt')", "drop_space('local-txt')", "index_statements('local-txt')",
     "measure_background('local-txt')", "put_embeddings('local-txt', '{}', '{}', '{}')",
     "put_keyword_embeddings('local-txt', '{}', '{}')", "queue_pictures(9, 'local-txt')",
     "put_picture_embeddings('local-txt', '{}', '{}', '{}', '{}')", "use_space('local-txt')",
     "set_keyword_threshold(0.5, space => 'local-txt')"],
)  # fmt: skip
def test_an_unknown_space_is_an_error_that_names_the_nearest(
    db: psycopg.Connection, call: str
) -> None:
    with pytest.raises(psycopg.DatabaseError, match="space 'local-txt' not found") as caught:
        db.execute(f"select {call}")
    assert caught.value.sqlstate == "VT003"
    assert str(caught.value.diag.message_hint).startswith("nearest: local-text")


def test_a_space_without_a_name_is_not_found(db: psycopg.Connection) -> None:
    with pytest.raises(psycopg.DatabaseError, match="space NULL not found") as caught:
        db.execute("select use_space(null)")
    assert "local-text" in str(caught.value.diag.message_hint)


def test_the_nearest_of_a_quantised_space_are_in_their_true_order(db: psycopg.Connection) -> None:
    put(db, [(f"p{n:03}", f"Thing {n}", [], {"even": n % 2 == 0}) for n in range(300)])
    db.execute("select create_space('new', 'test', 'm', 'text', 64, quantized => true)")
    fill(db, "new", 64)
    db.execute("select index_spaces(1)")
    db.execute("set enable_seqscan = off; set enable_sort = off")
    query = "(select e.embedding from product_embeddings_3 as e where e.product_id = 5)"
    space = "(select s from spaces as s where s.name = 'new')"
    rows = db.execute(
        f"select * from vitrina_internal.nearest_quantized({space}, {query}, 10)"
    ).fetchall()
    exact = db.execute(
        f"select e.product_id, e.embedding <=> {query} from product_embeddings_3 as e"
        " order by 2, 1 limit 10"
    ).fetchall()
    assert rows[0] == exact[0]
    assert len(rows) == 10
    assert len(set(rows) & set(exact)) >= 7
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    plan = db.execute(
        "explain select 1 from product_embeddings_3 as e"
        " order by binary_quantize(e.embedding)::bit(64) <~> repeat('1', 64)::bit(64) limit 40"
    ).fetchall()
    assert "product_embeddings_3_hnsw_bits" in str(plan)


def test_roles_may_do_what_they_should(shop: psycopg.Connection) -> None:
    shop.execute("set role vitrina_reader")
    assert len(shop.execute("select * from space_status()").fetchall()) == 2
    for query in ("select use_space('local-text')", "select activate_space('local-text')",
                  "select drop_space('local-text')", "select index_spaces()"):  # fmt: skip
        for role in ("vitrina_reader", "vitrina_writer"):
            shop.execute(f"reset role; set role {role}")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                shop.execute(query)
