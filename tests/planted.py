"""Functions and operators in the schema of the extension that would win over those of Postgres.

Postgres prefers a function that takes exactly the types at hand to one that takes anything or that
needs a cast, whatever comes first in the search_path. So for every function whose name stands in
vitrina's SQL or Python, and for every operator, this makes those for the types that there are. Each
counts its calls, in a sequence as that is not rolled back, and raises.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import psycopg

from vitrina.db import behaviour
from vitrina.db.folders import data_dir

TYPES = [
    "text", "varchar", "name", '"char"', "int2", "int4", "int8", "float4", "float8", "numeric",
    "boolean", "jsonb", "json", "bytea", "oid", "regclass", "regtype", "regprocedure",
    "regnamespace", "regrole", "timestamptz", "interval", "tsvector", "tsquery", "jsonpath", "uuid",
    "bit", "halfvec",
]  # fmt: skip
ARRAYS = ["text[]", "varchar[]", "name[]", "int2[]", "int4[]", "int8[]", "float4[]", "float8[]",
          "jsonb[]", "bytea[]", "tsquery[]", "halfvec[]", "regclass[]", "oid[]"]  # fmt: skip
# what may be given where another type is declared
GIVEN = {
    "text": ['"char"', "varchar", "name"],
    "int8": ["int2", "int4"],
    "int4": ["int2"],
    "numeric": ["int2", "int4", "int8"],
    "float8": ["int4", "int8", "float4", "numeric"],
    "float4": ["int4", "int8", "numeric"],
    "oid": ["int4", "int8", "regclass", "regtype", "regprocedure", "regnamespace", "regrole"],
    "regclass": ["oid"],
    "name": ["text", "varchar"],
    "timestamptz": ["timestamp", "date"],
    "varbit": ["bit"],
}
FAMILIES = [
    ["text", "varchar", "name", '"char"'],
    ["int2", "int4", "int8", "float4", "float8", "numeric"],
    ["oid", "regclass", "regtype", "regprocedure", "regnamespace", "regrole", "int4", "int8"],
    ["jsonb", "text", "int4", "text[]", "jsonpath"],
    ["timestamptz", "interval", "timestamp", "date"],
    ["tsvector", "tsquery"],
]

FUNCTIONS = r"""
select p.proname, array(select format_type(t, null) from unnest(p.proargtypes) as t), p.provariadic
from pg_proc as p
where p.pronamespace in ('pg_catalog'::regnamespace, 'public'::regnamespace)
    and p.prokind in ('f', 'a', 'w') and p.proname = any (%s)
    and not exists (select from unnest(p.proargtypes) as t
                    where t in ('internal'::regtype, 'cstring'::regtype))
"""
LONG = {"character varying": "varchar", "smallint": "int2", "integer": "int4", "bigint": "int8",
        "real": "float4", "double precision": "float8", "timestamp with time zone": "timestamptz",
        "timestamp without time zone": "timestamp", "bit varying": "varbit"}  # fmt: skip

PREPARE = """
create sequence public.planted;
grant usage on sequence public.planted to public;
"""
PLANT = """
do $plant$
declare
    _one text;
begin
    for _one in select pg_catalog.unnest(pg_catalog.current_setting('planted.statements')::text[]) loop
        begin
            execute _one;
        exception when duplicate_function or undefined_object or invalid_function_definition
            or datatype_mismatch or ambiguous_function or invalid_column_definition then
            null;  -- it is there, or cannot be
        end;
    end loop;
end
$plant$
"""
BODY = (
    "'begin perform pg_catalog.nextval(''public.planted''); raise exception ''planted: %s''; end'"
)


def words() -> set[str]:
    """Every word in vitrina's SQL, and in its Python, which runs statements of its own."""
    package = data_dir("sql").parent / "src" / "vitrina"
    migrations = data_dir("migrations")
    files = [path for _, path in behaviour.sql_files()]
    files += [*migrations.rglob("*.py"), *package.rglob("*.py")]
    return set(re.findall(r"[a-z_0-9]+", " ".join(file.read_text("utf-8") for file in files)))


def _shapes(declared: list[str], variadic: bool) -> Iterator[tuple[str, ...]]:
    """Argument types that match better than the declared ones."""
    declared = [LONG.get(name, name) for name in declared]
    if any(name.lstrip('"').startswith("any") or name == "record" for name in declared):
        for one in [*TYPES, *ARRAYS]:
            array = f"{one}[]"
            exact = tuple(
                (array if one in TYPES else None)
                if name in ("anyarray", "anycompatiblearray")
                else one
                if name.strip('"').startswith("any") or name == "record"
                else name
                for name in declared
            )
            if None not in exact:
                yield from _given(exact)
        if variadic:
            some = ["text", "varchar", "name", "int4", "int8", "regclass", "jsonb", "text[]"]
            head = [name for name in declared[:-1] if not name.strip('"').startswith("any")]
            for count in (1, 2):
                for rest in itertools.product(some, repeat=count):
                    yield (*head, *rest)
            for count in (3, 4, 5, 6):
                yield (*head, *["text"] * count)
    else:
        yield from _given(tuple(declared))


def _given(exact: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield exact
    for place, name in enumerate(exact):
        for other in GIVEN.get(name, ()):
            yield (*exact[:place], other, *exact[place + 1 :])
    for swap in range(3):  # all at once
        yield tuple(GIVEN.get(name, [name] * 3)[swap % len(GIVEN.get(name, [0]))] for name in exact)


def _pairs() -> set[tuple[str, str]]:
    pairs = {(one, one) for one in [*TYPES, *ARRAYS]}
    for family in FAMILIES:
        pairs |= set(itertools.product(family, repeat=2))
    for one in TYPES:
        pairs |= {(one, "text"), ("text", one), (f"{one}[]", f"{one}[]"), (f"{one}[]", one),
                  (one, f"{one}[]")}  # fmt: skip
    pairs |= set(itertools.product(["text[]", "varchar[]", "name[]"], repeat=2))
    pairs |= set(itertools.product(["int2[]", "int4[]", "int8[]"], repeat=2))
    pairs |= set(itertools.product(["halfvec", "float4", "float8", "int4", "numeric"], repeat=2))
    return pairs


def plant(url: str, as_role: str) -> int:
    """Plant it all in `public`, which the role may create in; returns how much there is of it."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("create extension if not exists vector schema public")
        conn.execute(f"grant create, usage on schema public to {as_role}")
        conn.execute(f"set role {as_role}")
        conn.execute("set search_path = public, pg_catalog")
        conn.execute(PREPARE)
        functions, operators = set(), set()
        for name, declared, variadic in conn.execute(FUNCTIONS, [list(words())]).fetchall():
            functions |= {(name, shape) for shape in _shapes(declared, bool(variadic))}
        names = conn.execute("select distinct oprname from pg_operator").fetchall()
        operators = set(itertools.product([name for (name,) in names], _pairs()))
        statements = [
            f'create function public."{name}"({", ".join(shape)}) returns text'
            f" language plpgsql as {BODY % name}"
            for name, shape in sorted(functions)
        ]
        for left, right in sorted(_pairs()):
            statements.append(
                f"create function public.planted({left}, {right}) returns boolean"
                f" language plpgsql as {BODY % 'an operator'}"
            )
        for one in TYPES:
            statements.append(
                f"create function public.planted({one}) returns boolean"
                f" language plpgsql as {BODY % 'an operator'}"
            )
            statements += [
                f"create operator public.{name} (rightarg = {one}, function = public.planted)"
                for name in ("-", "+", "~", "@", "!!", "|")
            ]
        for name, (left, right) in sorted(operators):
            statements.append(
                f"create operator public.{name} (leftarg = {left}, rightarg = {right},"
                " function = public.planted)"
            )
        for start in range(0, len(statements), 2000):
            conn.execute(
                "select pg_catalog.set_config('planted.statements', %s::text[]::text, false)",
                [statements[start : start + 2000]],
            )
            conn.execute(PLANT)
        conn.execute("reset role")
        conn.execute("set search_path = pg_catalog")
        row = conn.execute(
            "select (select count(*) from pg_catalog.pg_proc as p"
            "        where p.proowner = r.oid) + (select count(*) from pg_catalog.pg_operator as o"
            "        where o.oprowner = r.oid)"
            " from pg_catalog.pg_roles as r where r.rolname = %s",
            [as_role],
        ).fetchone()
        assert row is not None
        return int(row[0])
