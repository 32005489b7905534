"""Arguments that nobody should give to the functions of schema vitrina, by their type and by their name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

import psycopg
from psycopg import sql

import small_shop

FUNCTIONS = """
    select p.oid::regprocedure::text, p.proname, coalesce(p.proargnames[1:p.pronargs], '{}'),
           array(select format_type(t.oid, null)
                 from unnest(p.proargtypes) with ordinality as u (oid, place)
                 join pg_type as t on t.oid = u.oid order by u.place),
           p.pronargs - p.pronargdefaults
    from pg_proc as p
    where p.pronamespace = 'vitrina'::regnamespace
        and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
    order by 1
"""
SHA = "ab" * 32
HUGE = "repeat('oak table ', 100000)"
MANY = "array_fill({}, array[10001])"
# by the type of an argument: SQL of what nobody should give
HOSTILE: dict[str, list[str]] = {
    "text": ["null", "''", "' '", "'no such thing'", "e'\\n\\t'", "'\"\\\\''%'", HUGE],
    "integer": ["null", "-1", "0", "-2147483648", "2147483647"],
    "bigint": ["null", "-1", "0", "-9223372036854775808", "9223372036854775807"],
    "real": ["null", "-1", "2", "'NaN'", "'Infinity'", "'-Infinity'"],
    "numeric": ["null", "-1", "0", "1e300", "'NaN'", "'Infinity'", "'-Infinity'"],
    "boolean": ["null", "true", "false"],
    "jsonb": ["null", "'[]'", "'1'", "'\"x\"'", "'null'", "'{\"a\":1}'", "'[1]'", "'[{}]'", "'[null]'",
              "'[[]]'", "'{\"price\":{\"gte\":\"x\"}}'", "'{\"price\":{\"gte\":null}}'",
              "'{\"text\":\"x\"}'", "'{\"text\":1e300}'",
              "'[{\"external_id\":\"x\",\"title\":[1],\"product_id\":\"x\",\"sha256\":\"zz\","
              "\"stage\":\"tag\",\"input_hash\":\"zz\",\"terms\":1,\"attributes\":1,\"keyword\":2}]'",
              f"'[{{\"external_id\":\"x\",\"title\":\"t\",\"product_id\":1e300,\"sha256\":\"{SHA}\","
              f"\"terms\":[1],\"keywords\":[1],\"dhash\":\"2\",\"cost\":\"x\"}}]'"],
    "jsonpath": ["null", "'$.a[last]'", "'strict $.x'", "'$.a.double()'", "'$.price[last+1] > 2'",
                 "'strict $.price.size() > 1'", "'$x > 1'", "'$[1000000000000]'",
                 "'$.price / 0 > 1'", "'$.tags[*] ? (@ == $x) == 1'", "'strict $.tags[9] == 1'",
                 "'$.since.datetime() < \"2020-01-01T00:00:00+00:00\".datetime()'",
                 "'$.price.size() ? (@ > 1) like_regex \"x\"'"],
    "timestamp with time zone": ["null", "'infinity'", "'-infinity'", "'294276-12-31'"],
    "text[]": ["null", "'{}'", "'{{a,b},{c,d}}'", "'{null}'", "'{\"\"}'", "'{oak,null}'", f"array[{HUGE}]",
               MANY.format("'oak'::text"), "'{no such thing}'"],
    "bigint[]": ["null", "'{}'", "'{{1,2},{3,4}}'", "'{null}'", "'{1,null}'", "'{-1,0}'", "'{1,1,2}'",
                 MANY.format("1::bigint")],
    "integer[]": ["null", "'{}'", "'{{1,2},{3,4}}'", "'{null}'", "'{-1,0}'"],
    "double precision": ["null", "-1", "'NaN'", "'Infinity'", "1e300"],
    "bytea[]": ["null", "'{}'", "'{null}'", "'{{a},{b}}'", "'{a,b,c}'"],
    "interval": ["null", "'-1 day'", "'0'", "'100000000 years'"],
    "bit": ["null", "b''", "b'1'", "repeat('1', 100)::bit(100)"],
    "halfvec": ["null", "'[0]'", "'[1,2]'", "array_fill(0::real, array[256])::halfvec",
                "array_fill(65504::real, array[256])::halfvec",
                "array_fill(0::real, array[512])::halfvec"],
    "halfvec[]": ["null", "'{}'", "'{null}'", "array['[1]'::halfvec]",
                  "array[array_fill(0::real, array[256])::halfvec]"],
}  # fmt: skip
# by the name of an argument, or that of the function and it: a value that is meant
SANE: dict[str, str] = {
    "query": "'oak table'", "term": "'oak'", "a": "'sofa'", "b": "'side table'", "name": "'local-text'",
    "words": "'oak'", "prefix": "'o'", "title": "'Oak table'", "source": "'shop'", "space": "'local-text'",
    "worker": "'w'", "host": "'h'", "pid": "1", "liked": "'{1,2}'", "of_product": "1", "by": "'model'",
    "said": "'{oak,zebra}'", "terms": "'{oak}'", "texts": "'{oak}'", "into_keyword": "'bamboo'",
    "product_ids": "'{1,2}'", "versions": "'{1,1}'", "errors": "'{x,y}'", "error": "'x'", "period": "'day'",
    "usd": "1", "run": "'r'", "touched": "false", "candidates": "'[]'", "token": "'t'", "settings": "'{}'",
    "base_url": "'http://m'", "model": "'m'", "batch": "1", "requests": "'[]'", "facts": "'{}'",
    "answers": "'[]'", "state": "'failed'", "products": "'[{\"external_id\": \"x\", \"title\": \"X\"}]'",
    "provider": "'p'", "dimensions": "3", "modality": "'text'", "threshold": "0.5", "facet": "'type'",
    "rows": "'[{\"keyword\": \"ottoman\", \"facet\": \"type\", \"line\": 1}]'", "images": "'[]'",
    "enrichments": "'[]'", "generations": "'[]'", "stage": "'enrich'", "prompt_version": "'1'",
    "input_hashes": "'{a,b}'", "keywords": "'{oak}'", "caption": "'Oak.'", "keyword_ids": "'{1}'",
    "address": "'http://a'", "workers": "'{w}'", "relation": "'public.product'", "mode": "'strict'",
    "positions": "'{1,2}'", "pictures": "'[]'", "layouts": "'[]'",
    "embedding": "vitrina.embed_text('oak')", "rules": "'[]'", "similarity": "0.5", "vetoed": "false",
    "embeddings": "array[vitrina.embed_text('oak'), vitrina.embed_text('tin')]",
    "put_keyword_embeddings.embeddings": "array[vitrina.embed_text('oak')]",
    "put_source.name": "'other'", "remove_source.name": "'shop'", "create_space.name": "'new'",
    "import_space.name": "'new'", "rename_keyword.name": "'oaken'", "attach_query.name": "'q'",
    "detach.name": "'q'", "attach_query.query": "'select p.id, p.title from public.product as p'",
    "search.mode": "'hybrid'", "attach_table.title": "'title'", "drop_space.name": "'other'",
}  # fmt: skip

# one good row of what takes many: each of its values is replaced by each of WRONG, and left out
PRODUCT = {
    "external_id": "x",
    "title": "X",
    "image": "x.jpg",
    "image_stamp": "1",
    "url": "http://x",
    "attributes": {"color": "red"},
    "text": "x",
    "sku": "x",
    "codes": ["x"],
    "images": [{"image": "x.jpg", "role": "main"}],
    "variants": [{"sku": "x", "codes": ["y"], "attributes": {"size": "m", "price": 1}}],
}
ENRICHED = {
    "product_id": 1,
    "image_sha256": SHA,
    "image_error": "x",
    "description": "x",
    "caption": "x",
    "terms": [{"term": "oak", "facet": "material"}],
}
ASKED = {"stage": "tag", "input_hash": SHA, "model": "m", "prompt_version": "1"}
PAID = {
    "provider": "p",
    "output": {},
    "input_tokens": 1,
    "cached_tokens": 0,
    "output_tokens": 1,
    "cost": "0.5",
}
PICTURE = {
    "sha256": SHA,
    "mime": "image/png",
    "width": 1,
    "height": 1,
    "bytes": 1,
    "thumbnail": "AAAA",
    "dhash": "01" * 32,
}
ROWS: dict[str, dict[str, object]] = {
    "put_products.products": PRODUCT,
    "import_products.products": {
        **PRODUCT,
        "keywords": ["oak"],
        "description": "x",
        "caption": "x",
    },
    "put_enrichments.enrichments": ENRICHED,
    "store_enrichments.enrichments": ENRICHED,
    "put_images.images": PICTURE,
    "store_enrichments.images": PICTURE,
    "put_generations.generations": {**ASKED, **PAID, "seconds": 1.5},
    "find_requests.candidates": {**ASKED, "product_id": 1, "version": 1},
    "add_requests.requests": {
        **ASKED,
        "custom_id": "c",
        "product_id": 1,
        "version": 1,
        "attempts": 0,
        "tokens": 1,
        "estimate": 0.5,
    },
    "put_batch_answers.answers": {**PAID, "custom_id": "c", "state": "done", "error": None},
    "note_batch.facts": {"state": "failed", "remote_id": "r", "status": "s", "error": "x"},
    "put_rules.rules": {
        "query": "sofa",
        "action": "boost",
        "external_id": "rack-1",
        "source": "shop",
        "weight": 1.5,
        "valid_from": "2020-01-01",
        "valid_to": "2999-01-01",
    },
    "seed_keywords.rows": {"keyword": "ottoman", "facet": "type", "aliases": ["pouf"], "line": 1},
    "check_seed.rows": {"keyword": "ottoman", "facet": "type", "aliases": ["pouf"], "line": 1},
}
WRONG = [
    None,
    0,
    -1,
    1.5,
    10**300,
    True,
    "",
    "x",
    "zz",
    "NaN",
    "1e9",
    "\u00e9" * 3000,
    [],
    [None],
    [[1]],
    ["x"],
    [{}],
    [{"term": None}],
    [{"term": "oak", "facet": "no such"}],
    {},
    {"a": 1},
]
WORDS = "(select string_agg('w' || i, ' ') from generate_series(1, 140000) as i)"


class Function(NamedTuple):
    signature: str
    name: str
    arguments: list[str]
    types: list[str]
    required: int


def calls(function: Function, step: int) -> Iterator[str]:
    """Calls of a function with one hostile argument each, and wrong values in rows; one in `step`."""
    types = [kind.removeprefix("vitrina.").removeprefix("public.") for kind in function.types]

    def value(place: int) -> str:
        name = function.arguments[place]
        return SANE.get(f"{function.name}.{name}") or SANE.get(name) or HOSTILE[types[place]][0]

    for place, _name in enumerate(function.arguments):
        for hostile in HOSTILE.get(types[place], ["null"])[place % step :: step]:
            given = [
                f'"{other}" => ({hostile if at == place else value(at)})::{types[at]}'
                for at, other in enumerate(function.arguments)
                if at == place or at < function.required
            ]
            yield f"select * from vitrina.{function.name}({', '.join(given)})"
    for place, name in enumerate(function.arguments):
        if row := ROWS.get(f"{function.name}.{name}"):
            others = [
                f'"{other}" => {value(at)}::{types[at]}'
                for at, other in enumerate(function.arguments)
                if at != place and at < function.required
            ]
            for rows in wrong_rows(row, step):
                if name == "facts" and rows.endswith(("'null'", quoted(row) + ", " + quoted(row))):
                    continue
                given = rows if name == "facts" else f"jsonb_build_array({rows})"
                others_and_rows = ", ".join([*others, f'"{name}" => {given}'])
                yield f"select * from vitrina.{function.name}({others_and_rows})"
    if not function.arguments:
        yield f"select * from vitrina.{function.name}()"


def wrong_rows(row: dict[str, object], step: int) -> Iterator[str]:
    """The row as it is and twice, then with each of its values wrong, as SQL."""
    good = quoted(row)
    yield good
    yield f"{good}, {good}"
    yield f"{good}, 'null'"
    for number, key in enumerate(row):
        yield quoted({other: value for other, value in row.items() if other != key})
        for wrong in WRONG[number % step :: step]:
            yield quoted({**row, key: wrong})
        yield f"{good} || jsonb_build_object('{key}', {WORDS})"


def quoted(value: object) -> str:
    return f"{sql.Literal(json.dumps(value)).as_string()}::jsonb"


def put(db: psycopg.Connection) -> list[Function]:
    small_shop.put(db, small_shop.CATALOGUE)
    db.execute(
        'update vitrina.products set attributes = attributes || \'{"since": "2021-05-01"}\' where id = 1'
    )
    picture = f"decode('{SHA}', 'hex')"
    db.execute(
        "insert into vitrina.batches (token, run, settings, base_url, model)"
        " values ('b', 'r', '{}', 'http://m', 'm')"
    )
    db.execute(
        "insert into vitrina.batch_requests (batch_id, custom_id, product_id, version, stage,"
        f" input_hash, model, prompt_version, attempts) values (1, 'c', 1, 1, 'tag', {picture}, 'm', '1', 0)"
    )
    db.execute("select vitrina.queue_products('{1,2}')")
    db.execute("select vitrina.claim_jobs('w')")
    db.execute("create table public.product (id int primary key, title text)")
    db.execute("set statement_timeout = '1min'")
    return [Function(*row) for row in db.execute(FUNCTIONS).fetchall()]
