"""sql/70-search: what the index finds is what an exact search finds, and it is the index."""

from __future__ import annotations

import random
from collections.abc import Iterator

import psycopg
import pytest

import servers
from vitrina import embedded
from waiting import eventually

ROWS, DIMENSIONS = 4000, 16
Vector = str


@pytest.fixture(scope="module")
def catalogue(server: embedded.Server) -> Iterator[str]:
    """A database of 4,000 products in clusters, in a space that counts as a large one."""
    name = servers.create(server, servers.TEMPLATE)
    url = server.url(name)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("set search_path = vitrina, public")
        db.execute("select put_source('big'), put_source('other'), setseed(0.5)")
        # a cluster of 400 products each: what is in one is far from what is in another, yet not so
        # far that the graph of an index falls apart
        db.execute(
            "insert into products (source_id, external_id, title, attributes, input_hash)"
            " select s.id, i::text, 'Product number ' || i || ' of kind ' || i / 400,"
            "        jsonb_build_object('n', i, 'cluster', i / 400, 'even', i %% 2 = 0), ''"
            " from generate_series(0, %s - 1) as i"
            " join sources as s on s.name = case when i %% 7 = 0 then 'other' else 'big' end",
            [ROWS],
        )
        db.execute("select vitrina_internal.refresh_text(array_agg(id)) from products")
        db.execute("select create_space('tiny', 'test', 'm', 'text', 16), use_space('tiny')")
        db.execute(
            "insert into product_embeddings (space_id, product_id, input_hash, embedding)"
            " select s.id, p.id, '', v.embedding"
            " from spaces as s cross join products as p"
            " cross join lateral ("
            "   select array_agg(1.6 * (random() - 0.5) + 0 * p.id"
            "          + sin((p.attributes ->> 'cluster')::int * 7 + i * i))::halfvec(16) as embedding"
            "   from generate_series(1, 16) as i) as v"
            " where s.name = 'tiny'"
        )
        db.execute(
            "insert into keywords (name) values ('common'), ('scarce');"
            "insert into keyword_aliases (alias, keyword_id, method)"
            " select w.name, w.id, 'new' from keywords as w;"
            "insert into product_keywords (product_id, keyword_id, said)"
            " select p.id, w.id, w.name from products as p join keywords as w"
            " on p.id % case w.name when 'common' then 3 else 500 end = 0"
        )
        db.execute("select index_spaces(1)")
        db.execute("analyze products, product_embeddings, product_keywords")
        db.execute(
            "update pg_class set reltuples = 1000000 where oid = ("
            " select ('product_embeddings_' || s.id)::regclass from spaces as s"
            " where s.name = 'tiny')"
        )
    yield url
    servers.drop(server, name)


@pytest.fixture
def large(catalogue: str) -> Iterator[psycopg.Connection]:
    conn = psycopg.connect(catalogue, autocommit=True)
    conn.execute("set search_path = vitrina, public")
    yield conn
    conn.close()


def vectors(db: psycopg.Connection, count: int) -> list[Vector]:
    return [
        row[0]
        for row in db.execute(
            "select e.embedding::text from product_embeddings as e"
            " order by md5(e.product_id::text) limit %s",
            [count],
        ).fetchall()
    ]


FILTERS = {
    "": "true",
    "filter => '{\"even\": true}'": "(p.attributes ->> 'even')::boolean",
    "where_path => '$.n < 200'": "(p.attributes ->> 'n')::int < 200",
    "where_path => '$.n == 1717'": "(p.attributes ->> 'n')::int = 1717",
    "where_path => '$.n < 0'": "false",
    "where_path => '$.n >= 0'": "true",
    # near one of the vectors, far from the others
    "filter => '{\"cluster\": 3}'": "(p.attributes ->> 'cluster')::int = 3",
    "where_path => '$.cluster != 3'": "(p.attributes ->> 'cluster')::int <> 3",
    "with_keywords => '{common}'": "p.id %% 3 = 0",
    "with_keywords => '{common, scarce}'": "p.id %% 1500 = 0",
    "without_keywords => '{common}'": "p.id %% 3 <> 0",
    "sources => '{other}'": "p.source_id = (select id from sources where name = 'other')",
    "sources => '{other}', with_keywords => '{common}', filter => '{\"even\": true}'":
        "p.source_id = (select id from sources where name = 'other') and p.id %% 3 = 0"
        " and (p.attributes ->> 'even')::boolean",
}  # fmt: skip


@pytest.mark.parametrize("arguments", FILTERS)
def test_filtered_searches_find_what_brute_force_finds(
    large: psycopg.Connection, arguments: str
) -> None:
    found = wanted = 0
    for vector in vectors(large, 20):
        exact = large.execute(
            "select p.id, e.embedding <=> %s::halfvec from products as p"
            " join product_embeddings as e on e.product_id = p.id"
            f" where {FILTERS[arguments]} order by 2, 1 limit 10",
            [vector],
        ).fetchall()
        rows = large.execute(
            "select product_id, 1 - similarity from search("
            f"mode => 'vector', embedding => %s{', ' + arguments if arguments else ''})",
            [vector],
        ).fetchall()
        assert len(rows) == len(exact), "not full"
        assert [row[1] for row in rows] == sorted(row[1] for row in rows)
        wanted += len(exact)
        found += sum(distance <= exact[-1][1] + 1e-5 for _, distance in rows)
    assert found >= 0.98 * wanted


@pytest.mark.once
def test_random_filters_on_a_small_catalogue_are_exact(
    large: psycopg.Connection,
) -> None:
    chance = random.Random(3)  # noqa: S311
    with large.transaction(force_rollback=True):
        large.execute(
            "update pg_class set reltuples = 100 where relname like 'product_embeddings%'"
        )
        for vector in vectors(large, 12):
            chosen = chance.sample(list(FILTERS.items())[1:], 2)
            names = [argument.partition(" =>")[0] for argument, _ in chosen]
            if names[0] == names[1] or "sources" in names:
                chosen = chosen[:1]
            k, offset = chance.choice([1, 7, 150]), chance.choice([0, 3, 120])
            rows = large.execute(
                f"select product_id from search(mode => 'vector', embedding => %s, k => {k},"
                f' "offset" => {offset}, {", ".join(argument for argument, _ in chosen)})',
                [vector],
            ).fetchall()
            exact = large.execute(
                "select p.id from products as p join product_embeddings as e on e.product_id = p.id"
                f" where {' and '.join(condition for _, condition in chosen)}"
                f" order by e.embedding <=> %s::halfvec, p.id limit {k} offset {offset}",
                [vector],
            ).fetchall()
            assert rows == exact, chosen


@pytest.mark.once
@pytest.mark.parametrize(
    "arguments", ["mode => 'vector'", "query => 'product of kind 3', min_relevance => 0"]
)
@pytest.mark.parametrize(
    "filters", ["", ", filter => '{\"even\": true}'", ", where_path => '$.n < 900'"]
)
def test_pages_have_no_gaps_and_repeat_nothing(
    large: psycopg.Connection, arguments: str, filters: str
) -> None:
    (vector,) = vectors(large, 1)

    def page(k: int, offset: int) -> list[int]:
        return [
            row[0]
            for row in large.execute(
                f'select product_id from search(embedding => %s, k => {k}, "offset" => {offset},'
                f" {arguments}{filters})",
                [vector],
            ).fetchall()
        ]

    whole = page(10000, 0)
    assert len(whole) == len(set(whole)) == {"": 4000, ", f": 2000, ", w": 900}[filters[:3]]
    assert sum((page(15, offset) for offset in range(0, 150, 15)), []) == whole[:150]
    assert page(90, 60) == whole[60:150]
    assert page(10, len(whole) - 5) == whole[-5:]


@pytest.mark.once
def test_pages_of_answers_are_as_many_as_are_counted(large: psycopg.Connection) -> None:
    (vector,) = vectors(large, 1)
    asked = "embedding => %s, query => 'product of kind 3'"
    (count,) = large.execute(f"select count_matches({asked})", [vector]).fetchone()
    pages = [
        row
        for offset in range(0, count + 200, 200)
        for row in large.execute(
            f'select product_id from search({asked}, k => 200, "offset" => {offset})', [vector]
        ).fetchall()
    ]
    assert 0 < count < 4000
    assert len(pages) == len(set(pages)) == count


def index_scans(db: psycopg.Connection) -> int:
    # a session of the test before counts what it has read when it ends, which nobody waits for
    eventually(
        lambda: (
            db.execute(
                "select from pg_stat_activity where datname = current_database()"
                " and pid <> pg_backend_pid() limit 1"
            ).fetchone()
            is None
        )
    )
    db.execute("select pg_stat_force_next_flush()")
    return db.execute(
        "select sum(idx_scan) from pg_stat_user_indexes"
        " where indexrelname like 'product_embeddings_%_hnsw'"
    ).fetchone()[0]


@pytest.mark.parametrize("prepare", [True, None])
@pytest.mark.parametrize("role", ["none", "vitrina_reader"])
@pytest.mark.parametrize("call", [
    "search(embedding => %s, mode => 'vector')",
    "search(embedding => %s, k => 100)",
    "search(embedding => %s, query => 'kind')",
    "search(embedding => %s, filter => '{\"even\": true}')",
])  # fmt: skip
def test_the_index_is_used_every_time(
    large: psycopg.Connection, role: str, prepare: bool | None, call: str
) -> None:
    large.prepare_threshold = None if prepare is None else 1
    large.execute(f"set role {role}")
    before = index_scans(large)
    for vector in vectors(large, 8):
        assert large.execute(f"select product_id from {call}", [vector], prepare=prepare).fetchall()
    assert index_scans(large) - before == 8


def test_what_is_far_is_not_searched_by_the_index_alone(large: psycopg.Connection) -> None:
    """The walk gives up after some 200 products, then the search is exact."""
    vector = large.execute(
        "select e.embedding::text from product_embeddings as e join products as p"
        " on p.id = e.product_id where p.attributes @> '{\"cluster\": 0}' limit 1"
    ).fetchone()[0]
    walked = (
        "select cardinality(ids) from vitrina_internal.walk_index(vitrina_internal.active_space('text'), %s::halfvec, 10,"
        " vitrina_internal.filters_of(%s::jsonb, null, '{}', '{}', null))"
    )
    near, far = '{"cluster": 0}', '{"cluster": 5}'
    assert large.execute(walked, [vector, near]).fetchone()[0] == 20
    assert large.execute(walked, [vector, far]).fetchone()[0] == 0
    found = large.execute(
        "select count(*) from search(embedding => %s, filter => %s, mode => 'vector')",
        [vector, far],
    )
    assert found.fetchone()[0] == 10


def test_of_many_that_match_far_from_the_query_only_the_nearest_are_looked_at(
    large: psycopg.Connection,
) -> None:
    vector, near = large.execute(
        "select e.embedding::text, (p.attributes ->> 'cluster')::int from product_embeddings as e"
        " join products as p on p.id = e.product_id order by p.id limit 1"
    ).fetchone()
    broad = (
        "select b.ids from vitrina_internal.nearest_broad(vitrina_internal.active_space('text'), %s::halfvec, 25, %s,"
        " vitrina_internal.filters_of('{}', %s::jsonpath, '{}', '{}', null)) as b"
    )
    exact = [row[0] for row in large.execute(
        "select p.id from products as p join product_embeddings as e on e.product_id = p.id"
        " where (p.attributes ->> 'cluster')::int <> %s order by e.embedding <=> %s::halfvec, p.id limit 30",
        [near, vector],
    )]  # fmt: skip
    most = f"$.cluster != {near}"
    assert large.execute(broad, [vector, [], most]).fetchone()[0] == exact[:25]
    assert large.execute(broad, [vector, exact[:5], most]).fetchone()[0] == exact[5:]
    # few: it is faster to collect them
    assert large.execute(broad, [vector, [], "$.n == 1717"]).fetchone()[0] == []


def test_settings_of_the_index_do_not_leak(large: psycopg.Connection) -> None:
    def show() -> str:
        return large.execute("show hnsw.ef_search").fetchone()[0]

    large.execute("select '[1]'::vector")
    before = show()
    with large.transaction():
        large.execute("select * from search(embedding => %s)", vectors(large, 1))
        assert show() == before
