"""The schema of a database as text: what people call, what is stored, who may, what is said of it.

The text is the same for each major version of Postgres, each owner and each place of the extension.
Bodies of functions are not in it: they change often, and sql/ holds them.
"""

from __future__ import annotations

import psycopg

# lines of one object are kept together by their first two columns
LINES = r"""
with ours as (
    select n.oid, n.nspname, n.nspowner, n.nspacl
    from pg_namespace as n where n.nspname in ('vitrina', 'vitrina_internal')
),
relations as (
    -- partitions belong to the spaces of a database
    select c.oid, format('%s %I.%I', case c.relkind when 'v' then 'view' when 'S' then 'sequence'
               when 'c' then 'type' else 'table' end, o.nspname, c.relname) as name,
           c.relkind, c.relowner, c.relacl, c.reltype
    from pg_class as c join ours as o on o.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'S', 'c') and not c.relispartition
),
functions as (
    select p.*, format('function %I.%I(%s)', o.nspname, p.proname,
                       pg_get_function_identity_arguments(p.oid)) as name
    from pg_proc as p join ours as o on o.oid = p.pronamespace
),
lines (name, rank, line) as (
    select format('schema %I', o.nspname), '7 grant', a.grantee || ' ' || a.privilege_type
    from ours as o cross join aclexplode(o.nspacl) as x
    cross join lateral (select coalesce(r.rolname, 'public')::text, x.privilege_type::text
                        from (select) as one left join pg_roles as r on r.oid = x.grantee)
        as a (grantee, privilege_type)
    where x.grantee <> o.nspowner
    union all
    select r.name, '1 column ' || lpad(row_number() over (partition by r.oid order by a.attnum)::text, 3, '0'),
           concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
               case when a.attnotnull then 'not null' end, nullif(a.attidentity::text, ''),
               nullif(a.attgenerated::text, ''), 'default ' || pg_get_expr(d.adbin, d.adrelid),
               '-- ' || col_description(r.oid, a.attnum))
    from relations as r
    join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef as d on d.adrelid = r.oid and d.adnum = a.attnum
    where r.relkind <> 'S'
    union all
    -- Postgres 18 has a constraint for each not null, too
    select r.name, '2 constraint', c.conname || ' ' || pg_get_constraintdef(c.oid)
    from relations as r join pg_constraint as c on c.conrelid = r.oid
    where c.contype not in ('n', 't')
    union all
    select r.name, '3 index', pg_get_indexdef(i.indexrelid)
    from relations as r join pg_index as i on i.indrelid = r.oid
    union all
    select r.name, '4 trigger', pg_get_triggerdef(t.oid)
    from relations as r join pg_trigger as t on t.tgrelid = r.oid where not t.tgisinternal
    union all
    select r.name, '8 comment', c.said
    from relations as r
    cross join lateral (select case r.relkind
        when 'c' then obj_description(r.reltype, 'pg_type')
        else obj_description(r.oid, 'pg_class') end) as c (said)
    union all
    select r.name, '7 grant', coalesce(g.rolname, 'public') || ' ' || x.privilege_type
    from relations as r cross join aclexplode(r.relacl) as x
    left join pg_roles as g on g.oid = x.grantee where x.grantee <> r.relowner
    union all
    select r.name, '7 grant', coalesce(g.rolname, 'public') || ' ' || x.privilege_type || ' ' || a.attname
    from relations as r join pg_attribute as a on a.attrelid = r.oid
    cross join aclexplode(a.attacl) as x
    left join pg_roles as g on g.oid = x.grantee where x.grantee <> r.relowner
    union all
    select format('domain %I.%I', o.nspname, t.typname), '1 is', format_type(t.typbasetype, t.typtypmod)
    from pg_type as t join ours as o on o.oid = t.typnamespace where t.typtype = 'd'
    union all
    select format('enum %I.%I', o.nspname, t.typname), '1 label ' || e.enumsortorder, e.enumlabel
    from pg_type as t join ours as o on o.oid = t.typnamespace
    join pg_enum as e on e.enumtypid = t.oid
    union all
    select f.name, '1 is', concat_ws(' ',
               case f.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
               case when f.prosecdef then 'definer' else 'invoker' end,
               'parallel ' || f.proparallel::text, case when f.proisstrict then 'strict' end, l.lanname)
    from functions as f join pg_language as l on l.oid = f.prolang
    union all
    select f.name, '2 arguments', pg_get_function_arguments(f.oid) from functions as f
    union all
    select f.name, '3 returns', pg_get_function_result(f.oid) from functions as f
    union all
    select f.name, '4 set', c from functions as f cross join unnest(f.proconfig) as c
    union all
    -- the first line, and a digest of all: the whole of it stands in docs/sql.md
    select f.name, '8 comment', split_part(c.said, E'\n', 1) || ' ' || left(md5(c.said), 8)
    from functions as f
    cross join lateral (select obj_description(f.oid, 'pg_proc')) as c (said)
    union all
    -- without a list, everybody may call it
    select f.name, '7 grant', coalesce(g.rolname, 'public') || ' ' || x.privilege_type
    from functions as f
    cross join aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) as x
    left join pg_roles as g on g.oid = x.grantee where x.grantee <> f.proowner
)
select l.name collate "C", split_part(l.rank, ' ', 2), l.line
from lines as l where l.line is not null
order by l.name collate "C", l.rank collate "C", l.line collate "C"
"""

EXTENSION = """
select quote_ident(n.nspname) || '.' from pg_extension as e
join pg_namespace as n on n.oid = e.extnamespace where e.extname = 'vector'
"""


def of(url: str) -> str:
    """The schema of the database at this address, one object a paragraph."""
    with psycopg.connect(url) as conn:
        # so that each name is printed with its schema
        conn.execute("set search_path = pg_catalog")
        row = conn.execute(EXTENSION).fetchone()
        assert row is not None, "no extension vector"
        rows = conn.execute(LINES).fetchall()
    parts: list[str] = []
    last = None
    for name, kind, line in rows:
        if name != last:
            parts.append(f"\n{name.replace(row[0], '')}")
            last = name
        said = line.replace(row[0], "").replace("\n", "\n        ")
        parts.append(f"    {kind} {said}")
    return "\n".join(line.rstrip() for line in parts).lstrip("\n") + "\n"
