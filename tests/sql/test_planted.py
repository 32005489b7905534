"""Functions and operators that a plain role planted in the schema of the extension never run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from click.testing import Result

import servers
import small_shop
from planted import plant
from vitrina import embedded
from vitrina.db import schema

pytestmark = pytest.mark.once

WRITES = """\
select vitrina.put_source('other')
select vitrina.put_products('other', '[{"external_id": "x:1", "title": "Red oak desk",
    "image": "https://shop.example/a.png", "attributes": {"price": 3, "tags": ["a", "b"], "brand": null}}]')
select vitrina.queue_products('{1,2,3}')
select * from vitrina.claim_jobs('w', 2)
select vitrina.beat_worker('w', '{1}')
select vitrina.leasing_workers()
select vitrina.fail_jobs('w', '{1}', '{broken}', replies => '{reply}')
select vitrina.finish_jobs('w', '{2}', '{1}')
select vitrina.release_jobs('w')
select * from vitrina.list_jobs(matching => 'broken')
select vitrina.retry_jobs(matching => 'broken')
select vitrina.drop_jobs('{queued}', product_ids => '{3}')
select * from vitrina.claim_products('w', '{4}', '{1}')
select vitrina.retry_images()
select vitrina.put_images('[{"sha256": "%(sha)s", "mime": "image/png", "width": 1, "height": 1, "bytes": 1,
    "thumbnail": "AA==", "dhash": "%(bits)s"}]')
select vitrina.put_enrichments('[{"product_id": 8, "terms": [{"term": "red"}, {"term": "desks",
    "facet": "type"}, {"term": "3-tier shelf"}], "description": "A desk.", "caption": "A red desk.",
    "image_sha256": "%(sha)s"}]')
select vitrina.embed_products('{8}')
select * from vitrina.missing_embeddings('{1,8}')
select vitrina.put_embeddings('local-image-2', '{8,1}', '{"\\\\x00","\\\\x00"}', '{"%(image)s","%(image)s"}')
select vitrina.put_generations('[{"stage": "tag", "input_hash": "%(sha)s", "provider": "p", "model": "m",
    "prompt_version": "1", "output": {}, "cost": 0.1, "seconds": 1}]')
select * from vitrina.find_generations('tag', 'm', '1', '{"\\\\x%(sha)s"}')
select vitrina.check_budget()
select * from vitrina.missing_keyword_embeddings('local-text')
select * from vitrina.missing_in_space('local-text')
select * from vitrina.keyword_hints('Oak side table with drawers')
select * from vitrina.resolve_keywords('{sofa couch,dark-green,lamps,4-tier shelf}', facets => '{type,null,null,null}')
select * from vitrina.unknown_terms('{lamp,zebra print}')
select vitrina.put_query_embedding('local-text', 'sofa', vitrina.embed_text('sofa'))
select * from vitrina.import_products('other', '[{"external_id": "9", "title": "Tin lamp", "keywords":
    ["lamp"], "caption": "A lamp.", "description": ""}]')
select * from vitrina.merge_keywords('{velvet}', 'fabric')
select * from vitrina.undo_keyword_change()
select * from vitrina.rename_keyword('velvet', 'plush')
select * from vitrina.split_keyword('velvet')
select * from vitrina.pin_keyword('oak')
select * from vitrina.set_facet('oak', 'style')
select * from vitrina.drop_keyword('brass')
select * from vitrina.distinguish_keywords('sofa', 'side table')
select * from vitrina.seed_keywords('[{"keyword": "ottoman", "facet": "type", "aliases": ["pouffe"], "line": 1}]')
select * from vitrina.judge_pairs()
select * from vitrina.apply_judgements()
select * from vitrina.audit_keywords()
select * from vitrina.rebuild_keywords(false)
select vitrina.lock_batches()
select * from vitrina.products_to_batch('r', false)
select vitrina.open_batch('t', 'r', '{}', 'http://m', 'm')
select * from vitrina.add_requests(1, '[{"custom_id": "c", "product_id": 1, "version": 1, "stage": "tag", "input_hash": "%(sha)s",
    "model": "m", "prompt_version": "2", "attempts": 0, "tokens": 5}]')
select * from vitrina.queued_tokens('http://m')
select vitrina.batch_allowance('r', 1)
select * from vitrina.find_requests('[{"product_id": 1, "version": 1, "stage": "tag", "input_hash": "%(sha)s",
    "model": "m", "prompt_version": "2"}]')
select vitrina.put_batch_answers(1, '[{"custom_id": "c", "state": "done", "provider": "p", "output": {},
    "input_tokens": 1, "cached_tokens": 0, "output_tokens": 1, "cost": 0.1}]')
select vitrina.note_batch(1, '{"status": "done"}')
select * from vitrina.list_batches()
select vitrina.settle_batch(1, 'failed', 'it was')
select vitrina.make_due('{1}')
select vitrina.remove_source('other')
"""

READS = """\
select * from vitrina.search('black metal side table')
select * from vitrina.search('sofa -grey "green velvet"', filter => '{"price": {"gte": 3}, "brand": ["Linden"], "tags": "x"}')
select * from vitrina.search('shoe rack', filter => '{"price": {"lte": 60}}', with_keywords => '{shoe rack}', without_keywords => '{metal}', sources => '{shop}')
select * from vitrina.search('rack', where_path => '$.price > 3', weights => '{"text": 2, "vector": 1}')
select * from vitrina.search('rack', mode => 'vector')
select * from vitrina.search('rack-1', mode => 'text')
select * from vitrina.search(embedding => vitrina.embed_text('lamp'), image_embedding => '%(image)s')
select * from vitrina.search('lamp', embedding => vitrina.embed_text('lamp'), "offset" => 2)
select * from vitrina.search(filter => '{"brand": "Linden"}')
select * from vitrina.facets('table', filter => '{"price": {"gte": 3}}')
select * from vitrina.facets(attributes => '{price,brand,tags,stocked}')
select * from vitrina.suggest('s')
select * from vitrina.similar_products(1)
select * from vitrina.recommend('{1,2}', '{4}')
select * from vitrina.duplicates(min_similarity => 0.8)
select * from vitrina.nearest_by_image(dhash => b'%(bits)s')
select * from vitrina.nearest_by_image('%(image)s')
select * from vitrina.similar_keywords('couch')
select * from vitrina.explain_keyword('dark green 3-tier velvet couch cover')
select * from vitrina.list_keywords()
select * from vitrina.show_keyword('oak')
select * from vitrina.keyword_history()
select * from vitrina.space_status()
select * from vitrina.embed_texts('{lamp,"Größe, tablétops 家具"}')
select vitrina.normal_form('Two-seater Sofas, 1 kg')
select vitrina.query_embedding('lamp')
select * from vitrina.query_to_embed('lamp')
select * from vitrina.catalog
select * from vitrina.status
select * from vitrina.source_status
select * from vitrina.row_secured()
"""

OWNS = """\
select vitrina.create_space('second', 'local', 'm', 'text', 256)
select vitrina.embed_keywords('second')
select vitrina.embed_products('{1,2,3,4,5,6,7}', 'second')
select * from vitrina.index_statements('second', 1)
select vitrina.index_spaces(1)
select vitrina.create_space('signs', 'elsewhere', 'm', 'text', 256, quantized => true)
select vitrina.put_embeddings('signs', '{1,2}', '{"\\\\x00","\\\\x00"}', array[vitrina.embed_text('a'), vitrina.embed_text('b')])
select n.* from vitrina.spaces as s cross join lateral vitrina_internal.nearest_quantized(
    s, vitrina.embed_text('a'), 2) as n where s.name = 'signs'
select vitrina.import_space('mine', 'elsewhere', 'm', 3)
select vitrina.activate_space('second', true)
select * from vitrina.search('lamp')
select vitrina.use_space('local-text')
select vitrina.drop_space('second')
select * from vitrina.drop_answers('none')
select vitrina.set_keyword_policy('plain')
select vitrina.set_keyword_policy('strict')
select vitrina.set_keyword_threshold(0.7, 'type', 'local-text')
select vitrina.set_budget(10, 'day')
insert into vitrina.thesaurus (term, canonical) values ('settle', 'bench')
insert into vitrina.contrasts (term, contrast_group) values ('towering', 'height')
select * from vitrina.cost('model')
"""
VALUES = {
    "%(sha)s": "ab" * 32,
    "%(bits)s": "01" * 32,
    "%(image)s": f"[{','.join(['0.1'] * 512)}]",
}


def statements(text: str) -> list[str]:
    for name, value in VALUES.items():
        text = text.replace(name, value)
    return text.replace("\n    ", " ").splitlines()


def called(url: str) -> int:
    """How often anything planted was called."""
    with psycopg.connect(url) as conn:
        row = conn.execute("select s.last_value, s.is_called from public.planted as s").fetchone()
        assert row is not None
        return int(row[0]) if row[1] else 0


@pytest.fixture(scope="module")
def made(server: embedded.Server) -> Iterator[tuple[str, str]]:
    """Databases to copy: in one everything is planted, in the other vitrina is installed then."""
    role = f"planter_{uuid4().hex[:12]}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute(f"create role {role} login")
    bare = servers.create(server, "template0")
    url = server.url(bare)
    assert plant(url, role) > 20_000
    with psycopg.connect(url, autocommit=True) as conn:
        assert conn.execute("show search_path").fetchone() == ('"$user", public',)
        with pytest.raises(psycopg.errors.RaiseException, match="planted: format"):
            conn.execute("select format('%s', 'a'::text)")
        with pytest.raises(psycopg.errors.RaiseException, match="planted: an operator"):
            conn.execute("select 'a'::text || 1")
        conn.execute("alter sequence public.planted restart")
    installed = servers.create(server, bare)
    schema.upgrade(server.url(installed))
    assert called(server.url(installed)) == 0
    yield bare, installed
    servers.drop(server, bare, installed)
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute(f"drop role {role}")


@pytest.fixture
def planted(made: tuple[str, str], make_database: Callable[[str], str]) -> str:
    """A database into which vitrina was installed after everything had been planted."""
    return make_database(made[1])


def run(url: str, *parts: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in all_of(parts):
            try:
                conn.execute(statement.encode())
            except psycopg.Error as exc:
                raise AssertionError(f"{statement}\n{exc}") from exc


def all_of(parts: tuple[str, ...]) -> list[str]:
    return [statement for part in parts for statement in statements(part)]


def test_no_statement_of_a_superuser_or_a_member_runs_what_was_planted(
    make_role: Callable[..., str], planted: str
) -> None:
    with psycopg.connect(planted, autocommit=True) as conn:
        small_shop.put(conn, small_shop.CATALOGUE)
    run(planted, READS, OWNS)
    for member_of, parts in (("vitrina_writer", (WRITES, READS)), ("vitrina_reader", (READS,))):
        run(planted.replace("//postgres@", f"//{make_role(member_of)}@"), *parts)
    assert called(planted) == 0


def test_an_attached_table_and_its_triggers_run_nothing_planted(
    make_role: Callable[..., str], planted: str
) -> None:
    shop = make_role()
    with psycopg.connect(planted, autocommit=True) as conn:
        for statement in (
            "create table public.product (id int, part varchar, title text, price numeric,"
            " tags text[], at timestamptz, primary key (id, part))",
            "create table public.label (product int primary key, name text)",
            f"grant all on public.product, public.label to {shop}",
            "insert into public.product values (1, 'a', 'Oak desk', 3, '{x,y}', null)",
            "select vitrina.attach_table('public.product', 'title', attributes => '{price,tags,at}')",
            "select vitrina.attach_query('second', 'select p.id, p.title, l.name from public.product"
            " as p join public.label as l on l.product operator(pg_catalog.=) p.id',"
            " wake => '{label=product,product=select c.id from changed as c}')",
            "select * from vitrina.sync_sources()",
        ):
            conn.execute(statement.encode())
        with psycopg.connect(planted.replace("//postgres@", f"//{shop}@"), autocommit=True) as own:
            own.execute("create temp table products (id int, source_id int, external_id text)")
            own.execute("insert into public.product values (2, 'b', 'Tin lamp', 4, null, null)")
            own.execute("insert into public.label values (2, 'new')")
            own.execute("update public.product set title = 'Tin reading lamp' where price > 3.5")
            own.execute("delete from public.product where title = 'Oak desk'")
            # nothing was lost to an error that a trigger swallows
            conn.execute("select * from vitrina.sync_sources()")
        found = conn.execute("select c.source, c.title from vitrina.catalog as c order by 1, 2")
        assert found.fetchall() == [("product", "Tin reading lamp"), ("second", "Tin reading lamp")]
        for name in ("product", "second"):
            conn.execute("select * from vitrina.sweep_source(%s)", [name])
            conn.execute("select * from vitrina.detach(%s)", [name])
    assert called(planted) == 0


def test_no_command_runs_what_was_planted(
    planted: str, vitrina: Callable[..., Result], tmp_path: Path
) -> None:
    with psycopg.connect(planted, autocommit=True) as conn:
        small_shop.put(conn, small_shop.CATALOGUE)
        conn.execute("create table public.product (id int primary key, title text, price int)")
        conn.execute("insert into public.product values (1, 'Pine bench', 3)")
    products = tmp_path / "products.csv"
    products.write_text("id,title,price\n1,Red velvet armchair,3\n2,Pine bench,4\n", "utf-8")
    enriched = tmp_path / "enriched.jsonl"
    enriched.write_text(
        json.dumps({"id": "7", "title": "Tin box", "keywords": ["box"], "caption": "A box."}),
        "utf-8",
    )
    for arguments in (
        ["ingest", str(products), "--source", "file"],
        ["import", str(enriched), "--source", "more"],
        ["attach", "public.product", "--title", "title", "--attributes", "price"],
        ["work", "--drain"],
        ["sources"],
        ["jobs", "list"],
        ["search", "velvet armchair", "--json"],
        ["similar", "lamp-1"],
        ["recommend", "lamp-1"],
        ["facets"],
        ["suggest", "s"],
        ["duplicates"],
        ["keywords", "list"],
        ["keywords", "explain", "velvet couch"],
        ["keywords", "audit"],
        ["keywords", "rebuild"],
        ["keywords", "history"],
        ["status"],
        ["cost"],
        ["spaces", "list"],
        ["spaces", "add", "again", "--provider", "local"],
        ["spaces", "build", "again"],
        ["spaces", "drop", "again"],
        ["export"],
        ["db", "check"],
        ["db", "upgrade"],
        ["detach", "product"],
    ):
        done = vitrina(*arguments, url=planted)
        assert done.exit_code == 0, (arguments, done.output, done.exception)
        assert "planted" not in done.output
    assert "planted" not in vitrina("doctor", url=planted).output
    assert called(planted) == 0


def test_the_printed_sql_runs_nothing_planted(
    made: tuple[str, str],
    make_database: Callable[[str], str],
    tmp_path: Path,
    server: embedded.Server,
) -> None:
    url = make_database(made[0])
    script = tmp_path / "vitrina.sql"
    with script.open("w") as out:
        schema.write_sql(out)
    psql = [embedded.psql_path(server.version), url, "-qX", "-v", "ON_ERROR_STOP=1"]
    done = subprocess.run(
        [*psql, "-f", script], capture_output=True, text=True, env={**os.environ, "PGOPTIONS": ""}
    )
    assert done.returncode == 0, done.stderr
    assert called(url) == 0
    assert schema.check(url).current


def test_temporary_tables_stand_for_none_of_vitrinas(
    make_role: Callable[..., str], database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        small_shop.put(conn, small_shop.CATALOGUE)
        named = conn.execute(
            "select c.relname from pg_class as c where c.relnamespace = 'vitrina'::regnamespace"
            " and c.relkind in ('r', 'p', 'v')"
        ).fetchall()
        expected = conn.execute(
            "select * from vitrina.search('side table', min_relevance => 0)"
        ).fetchall()
        assert len(expected) > 2
    reader = database_url.replace("//postgres@", f"//{make_role('vitrina_reader')}@")
    with psycopg.connect(reader, autocommit=True) as conn:
        # each also makes a type of that name
        for (name,) in [*named, ("halfvec",), ("filters",), ("pg_class",), ("pg_type",)]:
            conn.execute(f'create temp table "{name}" (id int, name text, state text)')
        for path in ('"$user", public', "pg_temp, public", "pg_temp, pg_catalog, vitrina"):
            conn.execute("select pg_catalog.set_config('search_path', %s, false)", [path])
            assert (
                conn.execute(
                    "select * from vitrina.search('side table', min_relevance => 0)"
                ).fetchall()
                == expected
            )
            for statement in statements(READS):
                conn.execute(statement.encode())
