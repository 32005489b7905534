"""sql/85-check: each invariant names what breaks it, with its counts, and its remedy mends it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

import small_shop
from rehearsal import filled
from soundness import assert_sound, assert_sound_at
from vitrina.catalog import Catalog
from vitrina.files import FileOptions, Mapping

pytestmark = pytest.mark.once

PICTURE, OTHER, FURTHER = ("ab" * 32, "cd" * 32, "ef" * 32)
KEY = "'\\x" + "11" * 32 + "'::bytea"
MENDS = ("select", "update", "delete", "insert")


class Break(NamedTuple):
    """What is done, and what the check says of it; family: the function that the check is in."""

    family: str
    check: str
    done: str
    wrong: int
    example: str
    mended: bool = True  # by the statements that it names


def a(external_id: str) -> str:
    return f"(select p.id from products as p where p.external_id = '{external_id}')"


BREAKS = [
    Break("sources", "products of attached tables",
          "alter table public.chair disable trigger user;"
          " insert into public.chair values (4, 'Ash chair'), (5, 'Elm chair')", 2, "chair 4", False),
    Break("sources", "products of attached tables",
          "delete from products where external_id = '2'", 1, "chair 2", False),
    Break("sources", "products of attached tables",
          "update products set title = 'Another' where external_id = '1'", 1, "chair 1", False),
    Break("sources", "products of attached tables",
          "insert into rejects (source_id, external_id, reason)"
          " select p.source_id, '1', 'doubled' from products as p where p.external_id = '1'",
          1, "chair 1", False),
    Break("products", "products to enrich",
          "delete from jobs", 3, "product "),
    Break("products", "hashes of what is enriched",
          f"update products set attributes = '{{\"color\": \"red\"}}' where id in ({a('sofa-1')}, {a('sofa-2')})",
          2, "product "),
    Break("products", "own pictures",
          f"update product_images set image_sha256 = null where position = 1 and product_id = {a('lamp-1')}",
          1, "product "),
    Break("texts", "full text of products",
          f"update product_text set tsv = 'wrong' where product_id in ({a('rack-1')}, {a('rack-2')})",
          2, "product "),
    Break("texts", "full text of products",
          f"update product_text set version = 1 where product_id = {a('rack-1')}", 1, "product "),
    Break("texts", "full text of products",
          f"delete from product_text where product_id = {a('rack-1')}", 1, "product "),
    Break("texts", "full text of products",
          f"update variants set sku = 'SKU-9' where product_id = {a('lamp-1')}", 1, "product "),
    Break("texts", "full text of products",
          "update sources set text_config = 'simple' where name = 'shop'", 4, "product "),
    Break("texts", "words of the catalogue",
          "delete from catalogue_words where word in ('velvet', 'brass')", 2, "brass"),
    Break("texts", "words to correct to",
          "delete from spellings where word in ('velvet', 'zebra')", 2, "velvet"),
    Break("texts", "words to correct to",
          "update spellings set keys = '{wrong}' where word = 'velvet'", 1, "velvet"),
    Break("words", "forms, marks and kinds of keywords",
          "update keywords set kinds = '{wrong}' where name in ('sofa', 'green')", 2, "green"),
    Break("words", "keys of aliases",
          "update keyword_aliases set key = 'wrong' where alias = 'velvet'", 1, "velvet"),
    Break("words", "keywords without an alias",
          "delete from keyword_aliases where alias = 'bamboo'", 1, "bamboo"),
    Break("words", "keys of the thesaurus",
          "update thesaurus set key = 'wrong' where term in ('sofa', 'couch') and language = ''", 2, "couch"),
    Break("words", "keys of contrasts",
          "alter table contrasts disable trigger user;"
          " update contrasts set key = 'wrong' where term = 'black';"
          " alter table contrasts enable trigger user", 2, "black"),
    Break("words", "keys of related terms",
          "update related_terms set related_key = 'wrong' where (term, related) in"
          " (select r.term, r.related from related_terms as r order by 1, 2 limit 2)", 2, ""),
    Break("words", "terms told apart",
          "insert into keyword_distinctions (term_a, term_b, method) values ('Black Sofas', 'teal', 'manual')",
          1, "Black Sofas"),
    Break("words", "words of conditions",
          "insert into condition_words (phrase, kind, value) values ('OHNE', 'without', '')", 1, "OHNE"),
    Break("words", "forms of rules",
          "update rules set forms = '{wrong}'", 1, "rule "),
    Break("words", "queries of judgements",
          "update judgements set query = 'Grey  SOFA'", 1, "Grey  SOFA"),
    Break("keywords", "terms of products",
          "update product_terms set form = 'wrong' where term = 'velvet'", 1, "velvet"),
    Break("keywords", "keywords of products",
          f"update products set keywords = '{{sofa}}' where id = {a('sofa-1')};"
          f" delete from product_keywords where product_id = {a('rack-1')}", 2, "product "),
    Break("keywords", "keywords of products",
          f"insert into product_keywords (product_id, keyword_id, said) select {a('rack-1')}, w.id, 'velvet'"
          " from keywords as w where w.name = 'velvet'", 1, "product "),
    Break("keywords", "keywords set by a person",
          "update given_keywords set terms = '{velvet}'", 1, "product "),
    Break("keywords", "history of the vocabulary",
          "update keyword_changes set undone_at = now()", 1, "change ", False),
    Break("vectors", "vectors of texts",
          f"update products set caption = 'Another.' where id in ({a('sofa-1')}, {a('sofa-2')})",
          2, "local-text", False),
    Break("vectors", "vectors of texts",
          f"delete from product_embeddings as e where e.product_id = {a('table-1')} and e.space_id = 1",
          1, "local-text", False),
    Break("vectors", "vectors of pictures",
          "update product_embeddings set input_hash = '' where space_id = 2", 1, "local-image", False),
    Break("vectors", "vectors of further pictures",
          f"update product_images set image = 'a.png', image_sha256 = '\\x{PICTURE}' where position = 2",
          1, "local-image", False),
    Break("keyword_vectors", "vectors of keywords",
          "update keyword_embeddings as e set embedding = o.embedding from keyword_embeddings as o"
          " join keywords as u on u.id = o.keyword_id and u.name = 'sofa', keywords as w"
          " where w.id = e.keyword_id and w.name in ('velvet', 'brass')", 2, "brass"),
    Break("keyword_vectors", "vectors of keywords",
          "delete from keyword_embeddings as e using keywords as w"
          " where w.id = e.keyword_id and w.name = 'velvet'", 1, "velvet"),
    Break("work", "jobs",
          "update jobs set state = 'failed' where product_id ="
          " (select min(j.product_id) from jobs as j)", 1, "product ", False),
    Break("work", "leases",
          "update jobs set state = 'leased', worker = 'gone', lease_until = now() - interval '2 hours'",
          3, "product ", False),
    Break("work", "requests of batches",
          "update batch_requests set state = 'open'", 1, "batch "),
    Break("work", "answers of batches",
          f"delete from generations where input_hash = {KEY}", 1, "batch ", False),
    Break("answers", "answers of models",
          "update generations set output = '{\"error\": \"useless\", \"reason\": \"no JSON\"}'", 1,
          "answer ", False),
    Break("answers", "answers of models",
          "update generation_uses set used_at = now() + interval '1 day'", 1, "answer ", False),
    Break("answers", "spend and budgets",
          "update budgets set usd = 0.01; insert into generations (stage, input_hash, provider, model,"
          " prompt_version, output, cost, seconds, created_at) select 'tag', sha256(i::text::bytea), 'openai',"
          " 'm', '1', '{}', 1, 2, date_trunc('day', now()) + i * interval '1 minute'"
          " from generate_series(1, 3) as i", 1, "budget a day", False),
    Break("references", "references between tables",
          "alter table jobs disable trigger all; set session_replication_role = replica;"
          f" delete from products where id = {a('sofa-1')}; reset session_replication_role",
          8, "", False),
    Break("numbers", "numbers of new rows",
          "alter sequence products_id_seq restart with 1", 1, "products"),
    Break("schema", "constraints, indexes and triggers",
          "alter table thesaurus disable trigger words_met", 1, "words_met", False),
    Break("schema", "constraints, indexes and triggers",
          "alter table public.chair disable trigger user", 4, "vitrina_", False),
    Break("schema", "parts of spaces",
          "set session_replication_role = replica; drop table keyword_embeddings_1;"
          " reset session_replication_role", 1, "keyword_embeddings_1", False),
    Break("schema", "parts of attached tables",
          "do $$ begin execute (select format('drop trigger %I on public.chair', min(t.tgname))"
          " from pg_trigger as t where t.tgrelid = 'public.chair'::regclass"
          " and not t.tgisinternal); end $$", 1, "vitrina_", False),
    Break("schema", "what is installed",
          "delete from installed where name in ('word_pieces', 'sql')", 2, "sql", False),
]  # fmt: skip


def picture(sha256: str) -> dict[str, Any]:
    return {
        "sha256": sha256, "mime": "image/png", "width": 8, "height": 8, "bytes": 80,
        "thumbnail": "aaaa", "dhash": "01" * 32,
    }  # fmt: skip


@filled
def shop(db: psycopg.Connection) -> None:
    """Something in every table: products of a file and of a table, work, answers, rules, judgements."""
    small_shop.put(db, small_shop.CATALOGUE)
    lamp = {
        "external_id": "lamp-1", "title": "Brass reading lamp", "attributes": {"brand": "Linden"},
        "images": [{"image": "a.png"}, {"image": "b.png"}],
        "variants": [{"sku": "SKU-1", "title": "Brass", "attributes": {"price": 80}}],
    }  # fmt: skip
    db.execute("select put_products('shop', %s)", [json.dumps([lamp])])
    db.execute("select put_images(%s)", [json.dumps([picture(PICTURE), picture(OTHER)])])
    answer = {"stage": "tag", "input_hash": "11" * 32, "model": "m", "prompt_version": "1"}
    rest = {"provider": "openai", "output": {"tags": []}, "cost": "0.5", "seconds": 1}
    db.execute("select put_generations(%s)", [json.dumps([answer | rest])])
    (lamp_id,) = db.execute(f"select {a('lamp-1')}").fetchone()
    said = {
        "product_id": lamp_id, "image_sha256": PICTURE, "caption": "A lamp.", "answers": [answer],
        "terms": [{"term": "lamp", "facet": "type"}, {"term": "brass"}],
    }  # fmt: skip
    db.execute("select put_enrichments(%s)", [json.dumps([said])])
    db.execute("select embed_products(%s)", [[lamp_id]])
    db.execute("delete from jobs")
    vector = "[" + ",".join(["1"] * 512) + "]"
    db.execute("select put_embeddings('local-image-2', %s, %s, %s::halfvec[])",
               [[lamp_id], [bytes.fromhex(PICTURE)], [vector]])  # fmt: skip
    db.execute("update product_images set image_sha256 = %s where position = 2",
               [bytes.fromhex(OTHER)])  # fmt: skip
    db.execute("select put_picture_embeddings('local-image-2', %s, '{2}', %s, %s::halfvec[])",
               [[lamp_id], [bytes.fromhex(OTHER)], [vector]])  # fmt: skip
    db.execute("select * from set_keywords('shop', '{table-2}', '{oak}')")
    db.execute("select put_rules('[{\"query\": \"grey couch\", \"action\": \"hide\","
               " \"source\": \"shop\", \"external_id\": \"sofa-2\"}]')")  # fmt: skip
    db.execute("select put_judgements('[{\"query\": \"grey sofa\", \"source\": \"shop\","
               " \"external_id\": \"sofa-2\", \"grade\": 3}]')")  # fmt: skip
    db.execute("select set_budget(100, 'day')")
    db.execute(
        "with b as (insert into batches (token, run, settings, base_url, model, endpoint, state)"
        " values ('t', 'r', '{}', 'https://models.example', 'm', '/v1', 'collected') returning id)"
        " insert into batch_requests (batch_id, custom_id, product_id, version, stage, input_hash,"
        f" model, prompt_version, state, attempts) select b.id, 'c', {lamp_id}, 1, 'tag', {KEY}, 'm',"
        " '1', 'done', 1 from b"
    )
    db.execute("create table public.chair (id int primary key, title text)")
    db.execute(
        "insert into public.chair values (1, 'Oak chair'), (2, 'Pine chair'), (3, 'Beech chair')"
    )
    db.execute("select attach_table('public.chair', 'title')")
    db.execute("select sweep_source('chair'), sync_source('chair')")


def found(db: psycopg.Connection, family: str) -> dict[str, tuple[int, str, str]]:
    """What is wrong by the checks of one function, with examples and remedies."""
    rows = db.execute(
        f"select c.name, c.wrong, c.example, c.remedy from vitrina_internal.checked_{family}() as c"
        " where c.wrong > 0"
    ).fetchall()
    return {name: (wrong, example, remedy) for name, wrong, example, remedy in rows}


def test_a_shop_with_something_in_every_table_is_sound(shop: psycopg.Connection) -> None:
    assert_sound(shop)
    rows = shop.execute('select c."check", c.looked from "check"() as c').fetchall()
    assert len({name for name, _ in rows}) == len(rows)
    assert {one.check for one in BREAKS} == {name for name, _ in rows}


AT_ONCE = ("texts", "words")  # families that look through the built-in words, which takes time


def rounds(family: str) -> Iterator[list[Break]]:
    """What is broken at once: the first alone, then one of each check, or one."""
    left = of_family = [one for one in BREAKS if one.family == family]
    while left:
        each = {one.check: one for one in reversed(left)}.values()
        first = each if family in AT_ONCE and len(left) < len(of_family) else left[:1]
        yield [one for one in left if one in first]
        left = [one for one in left if one not in first]


@pytest.mark.parametrize("family", dict.fromkeys(one.family for one in BREAKS))
def test_what_is_broken_is_named_with_its_count(shop: psycopg.Connection, family: str) -> None:
    for at_once in rounds(family):
        with shop.transaction(force_rollback=True):
            for one in at_once:
                shop.execute(one.done)
            broken = found(shop, family)
            for one in at_once:
                assert one.check in broken, one
                wrong, example, remedy = broken[one.check]
                assert (wrong, one.example in example) == (one.wrong, True), (one, wrong, example)
                if one.mended:
                    assert remedy.startswith(MENDS)
                    shop.execute(remedy)
            mended = {one.check for one in at_once if one.mended}
            assert not mended or not mended & set(found(shop, family)), at_once


def test_the_demo_is_sound(make_database: Callable[[str], str], demo_template: str) -> None:
    assert_sound_at(make_database(demo_template))


def third_of(file: Path, folder: Path) -> Path:
    """The header and each third row of a CSV file."""
    part = folder / file.name
    with file.open(newline="", encoding="utf-8") as whole, part.open("w", newline="") as out:
        header, *rows = csv.reader(whole)
        csv.writer(out).writerows([header, *rows[::3]])
    return part


@pytest.mark.data
def test_the_real_catalogues_are_sound(
    database_url: str, shared_data: Path, tmp_path: Path
) -> None:
    """Each third product of them."""
    fashion, furniture = shared_data / "fashion", shared_data / "furniture"
    with Catalog(database_url) as catalog:
        mapping = Mapping(image="{id}.jpg", image_root=fashion / "images")
        for source, file, options in (
            ("fashion", fashion / "styles.csv", FileOptions(mapping)),
            ("furniture", furniture / "amazon_furniture_dataset.csv", None),
        ):
            catalog.ingest(third_of(file, tmp_path), source=source, options=options)
        found = {one.check: one for one in catalog.check()}
    assert [one for one in found.values() if one.wrong] == []
    texts = found["full text of products"]
    assert (texts.level, texts.found, texts.looked > 300) == (
        "ok",
        f"0 of {texts.looked} wrong",
        True,
    )


# what is changed at once: of what is changed, nothing else hangs on the same word
CHANGES = [
    (
        "update thesaurus set term = 'settee of old' where term = 'couch'",
        "update contrasts set contrast_group = 'my ' || contrast_group where term = 'black'",
        "update related_terms set related = 'rings of towels' where related = 'towel ring'",
        "select set_keyword_policy(language => 'german')",
    ),
    (
        "update thesaurus set canonical = 'bench' where term = 'couch'",
        "update contrasts set term = 'blackest' where term = 'black' and contrast_group ="
        " (select min(c.contrast_group) from contrasts as c where c.term = 'black')",
        "select put_source('shop', text_config => 'german')",
    ),
    (
        "delete from thesaurus where term = 'couch'",
        "insert into thesaurus (term, canonical, facet) values ('greyish', 'grey', 'color')",
    ),
]


def test_what_a_shop_changes_reaches_all_that_is_derived_from_it(shop: psycopg.Connection) -> None:
    shop.execute("select resolve_keywords('{couch cover,black chair,towel ring,rot}')")
    shop.execute("select put_rules('[{\"query\": \"greyish couch\", \"action\": \"hide\","
                 " \"source\": \"shop\", \"external_id\": \"sofa-1\"}]')")  # fmt: skip
    for changes in CHANGES:
        with shop.transaction(force_rollback=True):
            for change in changes:
                shop.execute(change.encode())
            for family in ("texts", "words", "keywords"):
                assert found(shop, family) == {}, changes
