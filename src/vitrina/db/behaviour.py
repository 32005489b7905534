"""The functions and views of sql/: their files, their comments, and how they are replaced."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from vitrina.db.folders import data_dir
from vitrina.db.preamble import PREAMBLE
from vitrina.errors import SchemaError

# A function or view of the schema vitrina in sql/, with the comment between the rulers above it;
# names in vitrina_internal have a dot.
PUBLIC = re.compile(
    r"-- -{20,}\n(?P<comment>(?:--(?! -{20})[^\n]*\n)+)-- -{20,}\n"
    r"create or replace (?P<kind>function|view) \"?(?P<name>\w+)\b\"?(?!\.)"
    r"(?P<signature>.*?)(?=\nlanguage|\s+as\n)",
    re.DOTALL,
)

# The mark for the schema of the extension in sql/ and in migrations.
VECTOR = "@vector@"
_QUALIFIED = """\
do $install$
begin
    execute pg_catalog.replace($file$
%s
$file$, '@vector@', (
        select pg_catalog.quote_ident(n.nspname::text)
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'vector'));
end
$install$;
"""

# Functions of an older version that lack a column of their rows, or a parameter: create or replace
# cannot add the one, and for the other makes a second function.
DROP_CHANGED = """\
do $changed$
declare
    _function regprocedure;
begin
    for _function in
        -- once, however many of its columns are new
        select distinct p.oid
        from (values ('check_budget', 'usd_left'),
                     ('claim_jobs', 'asked'), ('products_to_batch', 'asked'),
                     ('claim_products', 'asked'), ('query_parts', 'keys'),
                     ('rank_of_unit', 'tags'), ('units_of_query', 'tags'),
                     ('head_of_query', 'keys'), ('read_demand', 'keys'), ('is_sold', 'gone'),
                     ('similar_products', 'weights'), ('recommend', 'attributes'),
                     ('read_query', 'price_max'), ('set_search_policy', 'log'),
                     ('nearest_by_image', 'attributes'), ('nearest_by_dhash', 'attributes'),
                     ('search', 'in_spaces'), ('query_to_embed', 'in_spaces'),
                     ('count_matches', 'any_keywords'),
                     ('facets', 'estimated'), ('recommend', 'any_keywords'),
                     ('nearest_by_image', 'any_keywords'), ('nearest_by_dhash', 'any_keywords'),
                     ('filters_of', 'aloud'), ('searched', 'rules'), ('searched', 'in_spaces'),
                     ('searched', 'asked'),
                     ('searched', 'part'), ('found_ids', 'part'), ('near_answers', 'part'),
                     ('worded_answers', 'part'),
                     ('fusion_query', 'by_words'), ('background_pairs', 'of_pictures'),
                     ('create_space', 'settings'), ('explained_channels', 'by_words'),
                     ('query_to_embed', 'modality'), ('missing_pictures', 'position'),
                     ('above_chance', 'text_rank'), ('fused_products', 'part'),
                     ('judged_texts', 'unless'), ('text_answers', 'part'), ('answers', 'part'),
                     ('found_products', 'part'), ('first_products', 'sort'),
                     ('first_in_order', 'demand'),
                     ('hash_lines', 'bundle'),
                     ('explain_search', 'any_keywords'), ('unmet_conditions', 'any_keywords'),
                     ('count_keywords', 'group_by'), ('count_attributes', 'group_by'),
                     ('claim_pictures', 'after_id'), ('duplicates', 'confidence'),
                     ('like_pictures', 'min_picture'), ('like_texts', 'min_picture'),
                     ('like_titles', 'min_picture'), ('language_hints', 'heads'),
                     ('put_rules', 'remark'),
                     ('sweep_source', 'most'), ('note_differences', 'gone'),
                     ('changed_query', 'columns'))
            as c (name, result)
        join pg_proc as p on p.proname = c.name
        where p.pronamespace in ('vitrina'::regnamespace, 'vitrina_internal'::regnamespace)
            and c.result <> all (p.proargnames)
    loop
        execute format('drop function %s', _function);
    end loop;
end
$changed$;
"""

DROP_BEHAVIOUR = """\
do $behaviour$
declare
    _object record;
begin
    for _object in
        select c.oid::regclass::text as name
        from pg_class as c
        where c.relnamespace = 'vitrina'::regnamespace and c.relkind = 'v'
    loop
        execute format('drop view if exists %s cascade', _object.name);
    end loop;
    for _object in
        -- collect all names before the first drop: a function dropped with another has no name left
        select unnest(array_agg(p.oid::regprocedure::text)) as name
        from pg_proc as p
        where p.pronamespace in ('vitrina'::regnamespace, 'vitrina_internal'::regnamespace)
            and p.prokind = 'f'
    loop
        execute format('drop function if exists %s cascade', _object.name);
    end loop;
end
$behaviour$;
"""


def sql_files() -> list[tuple[str, Path]]:
    """The behaviour files in the order of installation, each with its path below sql/."""
    root = data_dir("sql")
    return sorted((path.relative_to(root).as_posix(), path) for path in root.glob("*/*.sql"))


def sql_digest() -> str:
    """sha256 over the behaviour files, to check whether a database has them."""
    digest = hashlib.sha256(PREAMBLE.encode())
    for name, path in sql_files():
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def public_objects() -> Iterator[re.Match[str]]:
    """The public functions and views, in the order of the files; see PUBLIC."""
    for _, found in placed_objects():
        yield found


def placed_objects() -> Iterator[tuple[str, re.Match[str]]]:
    """The public functions and views, each with its file below sql/."""
    for name, path in sql_files():
        for found in PUBLIC.finditer(path.read_text("utf-8").replace(f"{VECTOR}.", "")):
            yield name, found


def comment_of(found: re.Match[str]) -> str:
    """The comment above a function or view, without its dashes."""
    return "\n".join(line[2:].strip() for line in found["comment"].splitlines())


def comments() -> str:
    """Statements that store the comments above functions and views in the database."""
    found = list(public_objects())
    names = [one["name"] for one in found]
    statements = "".join(
        "comment on {} vitrina.{}{} is '{}';\n".format(
            one["kind"],
            one["name"],
            _arguments(one["signature"]) if names.count(one["name"]) > 1 else "",
            comment_of(one).replace("'", "''"),
        )
        for one in found
    )
    return qualified(statements)


def _arguments(signature: str) -> str:
    """The arguments of a function without their defaults, which tell it from others of its name."""
    given = re.split(r"\)\s+returns\b", signature.strip())[0].removeprefix("(")
    parts = [one.partition(" default ")[0] for one in " ".join(given.split()).split(", ")]
    types = re.sub(r"\bhalfvec\b", f"{VECTOR}.halfvec", ", ".join(parts))
    return f"({types})"


def qualified(body: str) -> str:
    """A statement that runs `body` with the name of the extension's schema in place of `@vector@`.

    The statement looks up the schema when it runs: printed SQL works for any schema.
    """
    if "$install$" in body or "$file$" in body:
        raise SchemaError("the installer uses the tags $install$ and $file$: use other tags")
    return _QUALIFIED.replace("%s", body.strip())
