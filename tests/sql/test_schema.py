"""db/schema.py and sql/: install, upgrade, race, print, take back, dump and restore, least privilege."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from click.testing import Result
from psycopg import sql
from psycopg.types.json import Jsonb

import small_shop
from soundness import assert_sound
from vitrina import embedded
from vitrina.catalog import Catalog
from vitrina.db import behaviour, schema
from vitrina.errors import AccessError, DatabaseError, ExtensionError, SchemaError

DEFINITIONS = """
select p.oid::regprocedure::text as name, pg_get_functiondef(p.oid) as body, p.proacl::text
from pg_proc as p
where p.pronamespace in ('vitrina'::regnamespace, 'vitrina_internal'::regnamespace)
union all
select c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod) || a.attnotnull, null
from pg_attribute as a join pg_class as c on c.oid = a.attrelid
where c.relnamespace = 'vitrina'::regnamespace and a.attnum > 0 and c.relkind in ('r', 'p', 'v')
union all
select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), null
from pg_index as i join pg_class as c on c.oid = i.indexrelid
where c.relnamespace = 'vitrina'::regnamespace
order by 1
"""


def definitions(url: str) -> list[tuple]:
    with psycopg.connect(url) as conn:
        return conn.execute(DEFINITIONS).fetchall()


def counts(url: str) -> dict[str, int]:
    with psycopg.connect(url) as conn:
        return {
            table: conn.execute(
                sql.SQL("select count(*) from vitrina.{}").format(sql.Identifier(table))
            ).fetchone()[0]
            for table in ("word_pieces", "thesaurus", "contrasts", "spaces", "installed")
        }


@pytest.fixture
def role(server: embedded.Server) -> Iterator[Callable[..., str]]:
    """A function that makes a login role and returns its name."""
    made: list[str] = []

    def make(prefix: str, options: str = "") -> str:
        name = f"{prefix}_{uuid4().hex[:8]}"
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            conn.execute(f"create role {name} login {options}")
        made.append(name)
        return name

    yield make
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        for name in made:
            for (database,) in conn.execute(
                "select distinct d.datname from pg_shdepend as s"
                " join pg_database as d on d.oid = s.dbid where s.refobjid = %s::regrole",
                [name],
            ).fetchall():
                with psycopg.connect(server.url(database), autocommit=True) as inner:
                    inner.execute(f"drop owned by {name} cascade")
            conn.execute(f"drop role {name}")


def as_role(url: str, name: str) -> str:
    return url.replace("//postgres@", f"//{name}@")


@pytest.mark.once
def test_upgrades_that_race_all_succeed_and_one_works(empty_database: str) -> None:
    """Processes, as in a deploy of several workers: an upgrade's Alembic context is a global."""
    run = [sys.executable, "-m", "vitrina", "--database-url", empty_database, "db", "upgrade"]
    with ThreadPoolExecutor(4) as pool:
        done = list(
            pool.map(lambda _: subprocess.run(run, capture_output=True, text=True), range(4))
        )
    assert [result.returncode for result in done] == [0] * 4, [result.stderr for result in done]
    assert sorted(result.stderr.split(":")[0].strip() for result in done) == [
        "up to date", "up to date", "up to date", "upgraded",
    ]  # fmt: skip


@pytest.mark.once
def test_the_printed_sql_installs_the_same(
    empty_database: str, database_url: str, tmp_path: Path, server: embedded.Server
) -> None:
    script = tmp_path / "vitrina.sql"
    with script.open("w") as out:
        schema.write_sql(out)
    psql = [embedded.psql_path(server.version), empty_database, "-qX", "-v", "ON_ERROR_STOP=1"]
    done = subprocess.run([*psql, "-f", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert definitions(empty_database) == definitions(database_url)
    assert counts(empty_database) == counts(database_url)
    assert schema.check(empty_database).current


@pytest.mark.once
def test_printing_is_repeatable_and_needs_no_database() -> None:
    one, other = io.StringIO(), io.StringIO()
    schema.write_sql(one, data=False)
    schema.write_sql(other, data=False)
    assert one.getvalue() == other.getvalue()
    assert "copy vitrina.word_pieces" not in one.getvalue()


@pytest.mark.once
def test_a_wrong_cost_of_before_stays_and_a_new_one_is_refused(database_url: str) -> None:
    add = ("insert into vitrina.generations (stage, input_hash, provider, model, prompt_version, output, cost)"
           " values ('tag', %s, 'openai', 'm', '1', '[]', -1)")  # fmt: skip
    schema.downgrade(database_url, "0035")
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(add, [b"before"])
        schema.upgrade(database_url)
        assert conn.execute("select cost from vitrina.generations").fetchall() == [(-1,)]
        with pytest.raises(psycopg.errors.CheckViolation):
            conn.execute(add, [b"after"])


@pytest.mark.once
def test_downgrade_leaves_nothing(database_url: str) -> None:
    schema.downgrade(database_url)
    with psycopg.connect(database_url) as conn:
        assert conn.execute("select to_regnamespace('vitrina')").fetchone() == (None,)
    with pytest.raises(SchemaError, match="nothing to downgrade"):
        schema.downgrade(database_url)
    schema.upgrade(database_url)
    assert schema.check(database_url).current


def test_changed_behaviour_is_replaced_and_data_stays(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("update vitrina.installed set sha256 = 'older' where name = 'sql'")
        conn.execute("drop function vitrina.embed_text(text)")
        conn.execute("insert into vitrina.thesaurus values ('settle', 'bench')")
    assert schema.check(database_url).behind == ("sql",)
    assert schema.upgrade(database_url) == ["functions and views"]
    with psycopg.connect(database_url) as conn:
        assert conn.execute("select vitrina.embed_text('lamp') is not null").fetchone() == (True,)
        row = conn.execute(
            "select canonical from vitrina.thesaurus where term = 'settle'"
        ).fetchone()
        assert row == ("bench",)


@pytest.mark.once
def test_without_rights_the_error_names_the_statement(
    empty_database: str, role: Callable[..., str]
) -> None:
    owner = role("shop_app")
    app = as_role(empty_database, owner)
    with pytest.raises(ExtensionError, match="create extension vector;"):
        schema.upgrade(app)
    with psycopg.connect(empty_database, autocommit=True) as dba:
        dba.execute("create extension vector")
    with pytest.raises(
        AccessError, match=f"vitrina authorization {owner}; create schema vitrina_internal"
    ):
        schema.upgrade(app)
    with psycopg.connect(empty_database, autocommit=True) as dba:
        dba.execute(f"create schema vitrina authorization {owner}")
    # of two that are missing both are named, of one that one
    with pytest.raises(AccessError, match="run in this database: create schema vitrina_internal"):
        schema.upgrade(app)
    with psycopg.connect(empty_database, autocommit=True) as dba:
        dba.execute(f"create schema vitrina_internal authorization {owner}")
    schema.upgrade(app)
    assert schema.check(app).current


def test_an_old_pgvector_is_refused(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as conn:
        conn.execute("create extension vector")
        conn.execute("update pg_extension set extversion = '0.7.4' where extname = 'vector'")
    with pytest.raises(ExtensionError, match=r"0\.7\.4; .*alter extension vector update;"):
        schema.upgrade(empty_database)


def test_install_dump_restore_search(
    empty_database: str,
    make_database: Callable[[str], str],
    tmp_path: Path,
    server: embedded.Server,
) -> None:
    """With the extension in a schema of its own. An upgrade says what it did, and then nothing."""
    assert not schema.check(empty_database).installed
    with psycopg.connect(empty_database, autocommit=True) as conn:
        conn.execute("create schema extensions")
        conn.execute("create extension vector schema extensions")
    assert schema.upgrade(empty_database)[0] == f"schema none -> {schema.head()}"
    assert schema.check(empty_database).current
    assert schema.upgrade(empty_database) == []
    products = [{"external_id": "1", "title": "Oak shoe rack"}]
    work = [{"product_id": 1, "terms": [{"term": "shoe rack"}], "caption": "An oak shoe rack."}]
    with psycopg.connect(empty_database, autocommit=True) as conn:
        conn.execute("select vitrina.put_source('shop')")
        conn.execute("select vitrina.put_products('shop', %s)", [json.dumps(products)])
        conn.execute("select vitrina.put_enrichments(%s)", [json.dumps(work)])
        conn.execute("select vitrina.embed_products('{1}')")
    restored = make_database("template0")
    dump = tmp_path / "shop.dump"
    binaries = embedded.bin_dir(server.version)
    subprocess.run([binaries / "pg_dump", "-Fc", "-Z0", "-f", dump, empty_database], check=True)
    done = subprocess.run(
        [binaries / "pg_restore", "-d", restored, dump], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert definitions(restored) == definitions(empty_database)
    with psycopg.connect(restored) as conn:
        row = conn.execute(
            "select title, similarity > 0.5, matched from vitrina.search('shoe storage')"
        ).fetchone()
        assert row == ("Oak shoe rack", True, ["text", "vector"])
        assert conn.execute("select count(*) from vitrina.similar_keywords('rack')").fetchone() == (
            1,
        )
    assert schema.check(restored).current


def test_the_reader_searches_and_changes_nothing(
    database_url: str, role: Callable[..., str]
) -> None:
    reader = as_role(database_url, role("shop_reader", "in role vitrina_reader"))
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("select vitrina.put_source('shop')")
        conn.execute('select vitrina.put_products(\'shop\', \'[{"external_id":"1","title":"A"}]\')')
    with psycopg.connect(reader, autocommit=True) as conn:
        for query in (
            "select * from vitrina.search('lamp -black', with_keywords => '{x}')",
            "select * from vitrina.search(embedding => vitrina.embed_text('lamp'))",
            "select * from vitrina.similar_products(1)",
            "select * from vitrina.similar_keywords('lamp')",
            "select * from vitrina.catalog",
            "select * from vitrina.status",
        ):
            conn.execute(query)
        for query in (
            "insert into vitrina.sources (name, kind) values ('x', 'file')",
            "delete from vitrina.products",
            "select vitrina.put_source('x')",
            "select vitrina.resolve_keywords('{lamp}')",
            "select vitrina.claim_jobs('x')",
            "select * from vitrina.generations",
            "select * from vitrina.jobs",
            "select vitrina.create_space('x', 'x', 'x', 'text', 3)",
            "create table vitrina.mine (x int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(query)


def test_the_writer_ingests_and_does_not_change_the_schema(
    database_url: str, role: Callable[..., str]
) -> None:
    writer = as_role(database_url, role("shop_writer", "in role vitrina_writer"))
    work = [{"product_id": 1, "terms": [{"term": "lamp"}], "caption": "A lamp."}]
    with psycopg.connect(writer, autocommit=True) as conn:
        conn.execute("select vitrina.put_source('shop')")
        conn.execute('select vitrina.put_products(\'shop\', \'[{"external_id":"1","title":"A"}]\')')
        conn.execute("select vitrina.claim_jobs('w')")
        conn.execute("select vitrina.put_enrichments(%s)", [json.dumps(work)])
        conn.execute("select vitrina.embed_products('{1}')")
        assert conn.execute("select vitrina.finish_jobs('w', '{1}', '{1}')").fetchone() == (1,)
        assert conn.execute("select count(*) from vitrina.search('lamp')").fetchone() == (1,)
        conn.execute("select vitrina.remove_source('shop')")
        for query in (
            "select vitrina.create_space('x', 'x', 'x', 'text', 3)",
            "select vitrina.use_space('local-text')",
            "update vitrina.spaces set threshold = 0",
            "truncate vitrina.products",
            "drop table vitrina.products",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(query)


def test_everybody_else_gets_nothing(database_url: str, role: Callable[..., str]) -> None:
    nobody = role("shop_stranger")
    stranger = as_role(database_url, nobody)
    with psycopg.connect(stranger, autocommit=True) as conn:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("select * from vitrina.search('lamp')")
    with psycopg.connect(database_url) as conn:
        open_to_all = conn.execute(
            "select p.oid::regprocedure::text from pg_proc as p"
            " where p.pronamespace in ('vitrina'::regnamespace, 'vitrina_internal'::regnamespace)"
            " and has_function_privilege(%s, p.oid, 'execute')",
            [nobody],
        ).fetchall()
    assert open_to_all == []


@pytest.mark.once
def test_every_function_pins_its_path_and_is_invoker(database_url: str) -> None:
    """Bodies parsed at creation (`return …`) need no path; all others end theirs in pg_temp."""
    with psycopg.connect(database_url) as conn:
        rows = conn.execute(
            "select p.oid::regprocedure::text, p.prosecdef, p.proconfig, p.prosqlbody is not null"
            " from pg_proc as p"
            " where p.pronamespace in ('vitrina'::regnamespace, 'vitrina_internal'::regnamespace)"
        ).fetchall()
    assert len(rows) > 30
    for name, definer, config, parsed in rows:
        # a role that only searches may log, and nothing else
        assert definer == (name == "vitrina.log_searches(jsonb)"), name
        path = [item for item in config or [] if item.startswith("search_path=")]
        assert parsed or path == ["search_path=vitrina, vitrina_internal, pg_temp"], (name, config)


@pytest.mark.once
def test_no_index_keeps_a_list_that_every_search_reads(database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        found = conn.execute(
            "select c.relname from pg_class as c join pg_am as a on a.oid = c.relam"
            " where a.amname = 'gin' and c.relnamespace in ('vitrina'::regnamespace,"
            " 'vitrina_internal'::regnamespace)"
            " and not coalesce(c.reloptions @> '{fastupdate=off}', false)"
        ).fetchall()
    assert found == []


def test_every_foreign_key_has_an_index(database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        missing = conn.execute(
            "select c.conrelid::regclass::text, a.attname from pg_constraint as c"
            " join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]"
            " where c.contype = 'f' and c.connamespace = 'vitrina'::regnamespace"
            " and not exists (select from pg_index as i where i.indrelid = c.conrelid"
            "                 and i.indkey[0] = c.conkey[1])"
            " order by 1, 2"
        ).fetchall()
    # an embedding goes with its product or keyword, found by (space, id), one probe a space
    assert {column for _, column in missing} <= {"product_id", "keyword_id"}
    assert {table.split("_embeddings")[0] for table, _ in missing} <= {
        "vitrina.product", "vitrina.keyword",
    }  # fmt: skip


def fill(url: str) -> None:
    """A small catalogue, an attached table, an index over signs and one over vectors."""
    with psycopg.connect(url, autocommit=True) as conn:
        small_shop.put(conn, small_shop.CATALOGUE)
        conn.execute("create table public.product (id int primary key, title text)")
        conn.execute("insert into public.product values (1, 'Pine bench')")
        conn.execute("select vitrina.attach_table('public.product', 'title')")
        conn.execute("select vitrina.sync_sources()")
        conn.execute("select vitrina.index_spaces(1)")
        conn.execute(
            "select vitrina.create_space('signs', 'local', 'm', 'text', 256, quantized => true)"
        )
        conn.execute("select vitrina.embed_keywords('signs')")
        conn.execute("select vitrina.embed_products('{1,2,3,4,5,6,7}', 'signs')")
        conn.execute("select vitrina.index_spaces(1)")


def works(url: str) -> None:
    """Searches, keeps in step with what is attached, and makes spaces."""
    with psycopg.connect(url, autocommit=True) as conn:
        found = conn.execute(
            "select title, matched from vitrina.search('shoe storage', min_relevance => 0)"
        ).fetchone()
        assert found == ("Bamboo shoe rack", ["text", "vector"])
        assert conn.execute("select * from vitrina.similar_keywords('couch', 1)").fetchone()
        conn.execute("insert into public.product values (2, 'Tin lamp')")
        conn.execute("select vitrina.sync_sources()")
        titles = conn.execute("select title from vitrina.catalog where source = 'product'")
        assert titles.fetchall() == [("Pine bench",), ("Tin lamp",)]
        conn.execute("select vitrina.create_space('more', 'local', 'n', 'text', 256)")
        conn.execute("select vitrina.embed_products('{1,2}', 'more')")
        conn.execute("select vitrina.index_spaces(1)")
        paths = conn.execute(
            "select distinct c from pg_proc as p cross join unnest(p.proconfig) as c"
            " where p.pronamespace in ('vitrina'::regnamespace, 'vitrina_internal'::regnamespace)"
            " and c like 'search_path=%'"
        ).fetchall()
    assert {path for (path,) in paths} == {
        "search_path=vitrina, vitrina_internal, pg_temp", "search_path=pg_catalog, pg_temp",
    }  # fmt: skip


@pytest.mark.once
def test_a_moved_extension_is_noticed_and_an_upgrade_follows_it(
    database_url: str, vitrina: Callable[..., Result]
) -> None:
    fill(database_url)
    for schema_name in ('"My Extensions"', "public"):
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute(f"create schema if not exists {schema_name}")
            conn.execute(f"alter extension vector set schema {schema_name}")
        checked = vitrina("db", "check", url=database_url)
        assert checked.exit_code == 1
        assert f"to {schema_name}: run `vitrina db upgrade`" in " ".join(checked.output.split())
        told = vitrina("doctor", "--json", url=database_url)
        assert told.exit_code == 1
        (finding,) = [
            line for line in map(json.loads, told.stdout.splitlines()) if line["check"] == "schema"
        ]
        assert finding["found"].endswith(f"to {schema_name}")
        assert finding["do"] == "vitrina db upgrade"
        with pytest.raises(SchemaError, match="run `vitrina db upgrade`"):
            with Catalog(database_url) as catalog:
                catalog.search("shoe storage")
        assert schema.upgrade(database_url) == ["functions and views"]
        assert schema.check(database_url).current
        assert vitrina("doctor", url=database_url).exit_code == 0
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute("delete from public.product where id = 2")
            conn.execute("select vitrina.sync_sources()")
            conn.execute("select vitrina.drop_space(s.name) from vitrina.spaces as s"
                         " where s.name = 'more'")  # fmt: skip
        works(database_url)
        with Catalog(database_url) as catalog:
            assert catalog.search("shoe storage")


PLACES = ["absent", "same", "elsewhere"]


@pytest.mark.once
@pytest.mark.parametrize("place", PLACES)
def test_a_dump_is_restored_wherever_the_extension_is(
    database_url: str,
    make_database: Callable[[str], str],
    tmp_path: Path,
    server: embedded.Server,
    place: str,
) -> None:
    """As docs/install.md says: the extension is put where the dump has it, and back afterwards."""
    format = "plain" if place == "same" else "custom"
    fill(database_url)
    restored = make_database("template0")
    with psycopg.connect(restored, autocommit=True) as conn:
        conn.execute("create schema ext")
        if place != "absent":
            where = "public" if place == "same" else "ext"
            conn.execute(f"create extension vector schema {where}")
        if place == "elsewhere":
            conn.execute("alter extension vector set schema public")
    binaries = embedded.bin_dir(server.version)
    dump = tmp_path / "shop.dump"
    subprocess.run(
        [binaries / "pg_dump", "-F", format[0], "-Z0", "-f", dump, database_url], check=True
    )
    tool = (
        [embedded.psql_path(server.version), restored, "-qX", "-v", "ON_ERROR_STOP=1", "-f", dump]
        if format == "plain"
        else [binaries / "pg_restore", "--exit-on-error", "-d", restored, dump]
    )
    done = subprocess.run(tool, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert definitions(restored) == definitions(database_url)
    assert schema.check(restored).current
    if place == "elsewhere":
        with psycopg.connect(restored, autocommit=True) as conn:
            conn.execute("alter extension vector set schema ext")
        assert not schema.check(restored).current
        schema.upgrade(restored)
    works(restored)


def test_doctor_names_who_may_create_beside_the_extension(
    make_role: Callable[..., str], database_url: str, vitrina: Callable[..., Result]
) -> None:
    one = make_role()
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("revoke create on schema public from public")
        assert (
            "may create in the schema" not in vitrina("doctor", "--json", url=database_url).output
        )
        conn.execute("grant create on schema public to public")
        conn.execute(f"grant create, usage on schema vitrina to {one}")
    told = vitrina("doctor", "--json", url=database_url)
    assert told.exit_code == 1
    assert "revoke create on schema public from public;" in told.output
    assert f"revoke create on schema vitrina from {one};" in told.output


def test_a_schema_name_that_cannot_stand_in_a_text_is_refused(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as conn:
        conn.execute("""create schema "o'brien" """)
        conn.execute("""create extension vector schema "o'brien" """)
    with pytest.raises(ExtensionError, match="set schema public;"):
        schema.upgrade(empty_database)


# As revision 0010 had it: one schema, helpers with a _ before their names, and the extension's schema
# in every path.
OLDER = """
do $older$
declare
    _function regprocedure;
    _name text;
begin
    set local search_path = pg_catalog;
    for _function, _name in
        select p.oid::regprocedure, p.proname
        from pg_proc as p where p.pronamespace = 'vitrina_internal'::regnamespace
    loop
        execute format('alter function %s rename to %I', _function, '_' || _name);
        execute format('alter function %s set schema vitrina', _function);
    end loop;
    for _function in
        select p.oid from pg_proc as p
        where p.pronamespace = 'vitrina'::regnamespace and p.proconfig::text like '%vitrina_internal%'
    loop
        execute format('alter function %s set search_path = vitrina, public, pg_temp', _function);
    end loop;
end
$older$;
alter function vitrina._media_address rename to _media;
update vitrina.attachments set query = replace(query, 'vitrina_internal.media_address(', 'vitrina._media(');
drop function vitrina._vector_schema();
alter table vitrina.generations drop constraint generations_cost_check;
alter table vitrina.batches drop constraint batches_cost_check, drop constraint batches_estimate_check;
drop type vitrina_internal.filters cascade;
drop type vitrina_internal.typed_query cascade;
drop type vitrina_internal.reading cascade;
drop type vitrina_internal.demand cascade;
drop type vitrina_internal.hits cascade;
drop type vitrina_internal.steering cascade;
create type vitrina.query_filters as (filter jsonb);
create type vitrina.query_reading as (rank text);
drop schema vitrina_internal;
drop table vitrina.left_products, vitrina.picture_embeddings, vitrina.judgement_doubts, vitrina.generation_uses, vitrina.judgements, vitrina.product_images, vitrina.variants, vitrina.search_policy, vitrina.rules cascade;
alter table vitrina.attachments drop column parts;
alter table vitrina.thesaurus drop column domain;
alter table vitrina.spaces
    drop column background_mean, drop column background_deviation, drop column background_products,
    drop column background_last,
    drop column settings, drop column picture_mean, drop column picture_deviation,
    drop constraint spaces_modality_check,
    add constraint spaces_modality_check check (modality in ('text', 'image'));
drop index vitrina.spaces_active_idx;
create unique index spaces_active_idx on vitrina.spaces (modality) where state = 'active';
alter table vitrina.products drop column text, drop column sku, drop column codes, drop column parts_hash,
    drop column asked;
drop table vitrina.condition_words, vitrina.searches;
delete from vitrina.installed where name = 'condition_words';
drop trigger keep_decisions on vitrina.products;
drop table vitrina.spellings, vitrina.catalogue_words, vitrina.given_keywords, vitrina.related_terms;
alter table vitrina.keywords drop column kinds;
alter table vitrina.images drop column layout;
delete from vitrina.seeded_words where target = 'related_terms';
alter table vitrina.seeded_words drop constraint seeded_words_target_check,
    add constraint seeded_words_target_check check (target in ('thesaurus', 'contrasts'));
delete from vitrina.installed where name = 'full text';
alter table vitrina.product_text drop column version;
alter table vitrina.sources drop column text_config_due;
alter table vitrina.keyword_policy drop column language, drop column keys_language;
delete from vitrina.seeded_words where language <> '';
alter table vitrina.seeded_words drop column language, add primary key (target, term, value);
alter table vitrina.thesaurus disable trigger user;
delete from vitrina.thesaurus where language <> '';
alter table vitrina.thesaurus enable trigger user;
alter table vitrina.thesaurus drop column language, add primary key (term);
update vitrina.installed set sha256 = 'older' where name = 'sql';
alter table vitrina.jobs
    drop constraint jobs_stage_check,
    add constraint jobs_stage_check check (stage in ('enrich', 'embed'));
update vitrina.alembic_version set version_num = '0010';
"""


def older(conn: psycopg.Connection) -> None:
    """Take a database back to how an older vitrina had its functions."""
    conn.execute(OLDER.encode())


@pytest.mark.once
def test_an_upgrade_moves_the_helpers_out_of_the_schema(
    database_url: str, make_database: Callable[[str], str], template: str
) -> None:
    fill(database_url)
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("create table public.chair (id int primary key, title text, picture text)")
        conn.execute("insert into public.chair values (1, 'Oak chair', 'a.png')")
        conn.execute("select vitrina.attach_table('public.chair', 'title', image => 'picture',"
                     " media_root => 'https://shop.example/m')")  # fmt: skip
        conn.execute("select vitrina.sync_sources()")
        # cannot be read while the upgrade runs
        conn.execute("create table public.lost (id int primary key, title text)")
        conn.execute("select vitrina.attach_table('public.lost', 'title')")
        conn.execute("alter table public.lost rename to found")
        older(conn)
        conn.execute("create function vitrina.shops_own() returns int language sql return 1")
    schema.upgrade(database_url)
    with psycopg.connect(database_url, autocommit=True) as conn:
        assert conn.execute("select vitrina.shops_own()").fetchone() == (1,)
        conn.execute("drop function vitrina.shops_own()")
        conn.execute("insert into public.chair values (2, 'Pine chair', 'b.png')")
        conn.execute("alter table public.found rename to lost")
        conn.execute("insert into public.lost values (1, 'Tin box')")
        conn.execute("select vitrina.sync_sources()")
        found = (
            "select title, image from vitrina.catalog where source in ('chair', 'lost') order by 1"
        )
        assert conn.execute(found).fetchall() == [
            ("Oak chair", "https://shop.example/m/a.png"),
            ("Pine chair", "https://shop.example/m/b.png"),
            ("Tin box", None),
        ]
        assert_sound(conn)
        for source in ("chair", "lost"):
            conn.execute("select vitrina.detach(%s)", [source])
    works(database_url)
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("select vitrina.detach('product')")
    fresh = make_database(template)
    assert functions(database_url) == functions(fresh)


def functions(url: str) -> list[tuple]:
    """Every function, who may call it and what is said of it."""
    with psycopg.connect(url) as conn:
        return conn.execute(
            "select p.oid::regprocedure::text, pg_get_functiondef(p.oid), p.proacl::text,"
            " obj_description(p.oid, 'pg_proc') from pg_proc as p"
            " where p.pronamespace in ('vitrina'::regnamespace, 'vitrina_internal'::regnamespace)"
            " order by 1"
        ).fetchall()


@pytest.mark.once
def test_the_schema_holds_what_people_call_and_says_what_it_is(database_url: str) -> None:
    public = [found["name"] for found in behaviour.public_objects() if found["kind"] == "function"]
    with psycopg.connect(database_url) as conn:
        there = conn.execute(
            "select p.proname::text from pg_proc as p"
            " where p.pronamespace = 'vitrina'::regnamespace order by 1"
        ).fetchall()
        silent = conn.execute(
            "select p.proname::text from pg_proc as p where p.pronamespace = 'vitrina'::regnamespace"
            " and obj_description(p.oid, 'pg_proc') is null"
            " union all select c.relname from pg_class as c"
            " where c.relnamespace = 'vitrina'::regnamespace and c.relkind in ('r', 'p', 'v')"
            " and obj_description(c.oid, 'pg_class') is null"
            " union all select t.typname from pg_type as t join pg_class as c on c.oid = t.typrelid"
            " where t.typnamespace = 'vitrina'::regnamespace and c.relkind = 'c'"
            " and obj_description(t.oid, 'pg_type') is null"
        ).fetchall()
        bare = conn.execute(
            "select c.relname, a.attname from pg_class as c"
            " join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0"
            " where c.relnamespace = 'vitrina'::regnamespace and c.relkind in ('r', 'p', 'v')"
            " and not a.attisdropped and col_description(c.oid, a.attnum) is null"
        ).fetchall()
        said = conn.execute("select obj_description('vitrina.suggest'::regproc)").fetchone()
    assert [name for (name,) in there] == sorted(public)
    assert silent == []
    assert bare == []
    assert said is not None
    assert said[0].startswith("suggest(prefix, k) → keywords for a query that is being typed")


def test_what_an_older_version_had_goes(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(
            "create function vitrina_internal.forgotten() returns int language sql return 1"
        )
        conn.execute(
            "create function vitrina.search(words text) returns int language sql"
            " set search_path = vitrina, pg_temp as 'select 1'"
        )
        conn.execute("update vitrina.installed set sha256 = 'older' where name = 'sql'")
    schema.upgrade(database_url)
    with psycopg.connect(database_url) as conn:
        left = conn.execute(
            "select to_regprocedure('vitrina_internal.forgotten()'),"
            " to_regprocedure('vitrina.search(text)')"
        ).fetchone()
    assert left == (None, None)


@pytest.mark.once
def test_an_upgrade_takes_the_extension_out_of_every_path(database_url: str) -> None:
    fill(database_url)
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute('create text search configuration public."Shop" (copy = german)')
        conn.execute("select vitrina.put_source('shop', text_config => 'public.\"Shop\"')")
        # as an older vitrina kept it, which found it on its path
        conn.execute("update vitrina.sources set text_config = '\"Shop\"' where name = 'shop'")
        older(conn)
    assert not schema.check(database_url).current
    schema.upgrade(database_url)
    assert schema.check(database_url).current
    works(database_url)
    with psycopg.connect(database_url) as conn:
        assert dict(conn.execute("select name, text_config from vitrina.sources").fetchall()) == {
            "shop": 'public."Shop"', "product": "english",
        }  # fmt: skip


def test_only_a_missing_type_is_put_down_to_a_moved_extension(database_url: str) -> None:
    with Catalog(database_url) as catalog:
        with pytest.raises(SchemaError, match="run `vitrina db upgrade`"):
            catalog.database.value("select 'x'::extensions_that_moved")
        with pytest.raises(DatabaseError, match="klingon") as raised:
            catalog.database.value("select 'klingon'::regconfig")
        assert "upgrade" not in str(raised.value)


@pytest.mark.once
def test_an_upgrade_drops_words_of_descriptions_about_themselves(database_url: str) -> None:
    said = {
        "lamp": "This is a brass lamp. Also noted: round. Listed under: office."
        " Composed from the title and attributes; colours measured in the picture.",
        "thing": "Zanzibar. No keyword was recognised in the title.",
        "own": "Composed from the title and attributes. Or so they say.",
    }
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("select vitrina.put_source('shop')")
        rows = [{"external_id": name, "title": name} for name in said]
        conn.execute("select vitrina.put_products('shop', %s)", [Jsonb(rows)])
        conn.execute(
            "select vitrina.put_enrichments(jsonb_agg(jsonb_build_object('product_id', p.id,"
            " 'terms', '[]'::jsonb, 'caption', p.title, 'description', %s::jsonb -> p.external_id)))"
            " from vitrina.products as p",
            [Jsonb(said)],
        )
        conn.execute(
            "update vitrina.installed set sha256 = 'older' where name in ('sql', 'full text')"
        )
        conn.execute("update vitrina.product_text set version = 0")
    schema.upgrade(database_url)
    with psycopg.connect(database_url, autocommit=True) as conn:
        found = conn.execute("select external_id, description from vitrina.products").fetchall()
        assert dict(found) == said | {
            "lamp": "This is a brass lamp. round. office.",
            "thing": "Zanzibar.",
        }
        query = "select external_id from vitrina.search(%s, mode => 'text', min_relevance => 0)"
        for words, names in (
            ("measured picture", []),
            ("noted", []),
            ("recognised title", ["own"]),
            ("round office", ["lamp"]),
        ):
            assert [row[0] for row in conn.execute(query, [words])] == names, words
