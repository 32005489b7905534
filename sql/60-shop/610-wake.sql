-- Finding the products that a change in one of the shop's tables concerns.

-- ---------------------------------------------------------------------------------------------
-- listed_names(list) → the column names of a comma-separated list, exactly as written, without quotes.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.listed_names(list text) returns text[]
language sql immutable security invoker
set search_path from current
as $func$
    select array_agg(btrim(btrim(n.name, e' \t\r\n'), '"') order by n.place)
    from string_to_table(list, ',') with ordinality as n (name, place)
    where btrim(n.name, e' \t\r\n') <> '';
$func$;

-- ---------------------------------------------------------------------------------------------
-- is_comparable(type) → whether `=` of pg_catalog compares two of its values without ever raising.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_comparable(type oid) returns boolean
language sql stable security invoker
set search_path from current
as $func$
    with recursive base as (
        select t.* from pg_type as t where t.oid = type
        union all
        select t.*
        from base as b
        join pg_type as t on t.oid = case when b.typtype = 'd' then b.typbasetype
                                          when b.typcategory = 'A' then b.typelem end
    )
    select coalesce(bool_and(
        b.typtype in ('e', 'd') or b.typcategory = 'A' or b.oid in ('varchar'::regtype)
        or exists (select from pg_operator as o
                   where o.oprname = '=' and o.oprnamespace = 'pg_catalog'::regnamespace
                       and o.oprleft = b.oid and o.oprright = b.oid and o.oprcanhash)), false)
    from base as b;
$func$;

-- ---------------------------------------------------------------------------------------------
-- value_expression(relation, alias, name) → SQL for a column's value in a comparable form.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.value_expression(relation regclass, alias text, name text) returns text
language sql stable security invoker
set search_path from current
as $func$
    select format('%s.%I', alias, a.attname)
        || case when is_comparable(a.atttypid) then '' else '::pg_catalog.text' end
    from pg_attribute as a
    where a.attrelid = relation and a.attname = name and not a.attisdropped;
$func$;

-- ---------------------------------------------------------------------------------------------
-- values_expression(relation, alias, names) → the same for several columns, in brackets.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.values_expression(relation regclass, alias text, names text[]) returns text
language sql stable security invoker
set search_path from current
as $func$
    select format('(%s)', string_agg(value_expression(relation, alias, n.name), ', ' order by n.place))
    from unnest(names) with ordinality as n (name, place);
$func$;

-- ---------------------------------------------------------------------------------------------
-- id_expression(alias, names) → SQL for the external id made of these columns: the text of a single
-- column; several are joined by ":", with "\" before each ":" or "\" in them.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.id_expression(alias text, names text[]) returns text
language sql immutable security invoker
set search_path from current
as $func$
    select case
        when cardinality(names) = 1 then format('%s.%I::pg_catalog.text', alias, names[1])
        else (select string_agg(
                  -- chr(92) is the backslash, which a shop's session may read differently
                  format($sql$replace(replace(%s.%I::pg_catalog.text, chr(92), chr(92) || chr(92)),
                                      ':', chr(92) || ':')$sql$, alias, n.name), $sql$ || ':' || $sql$ order by n.place)
              from unnest(names) with ordinality as n (name, place))
    end;
$func$;

-- ---------------------------------------------------------------------------------------------
-- split_id(external_id) → the parts that id_expression joined.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.split_id(external_id text) returns text[]
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select array_agg(regexp_replace(m.part[1], '\\(.)', '\1', 'g') order by m.place)
    from regexp_matches(external_id, '((?:\\.|[^:\\])*)(?::|$)', 'g')
        with ordinality as m (part, place);
$func$;

-- ---------------------------------------------------------------------------------------------
-- parse_wake(spec, path, probe, ids) → the parsed wake: "table=column" or "table(columns)=column" if
-- the column holds the product's id (several columns for a composite id), or "table=select …" that
-- gives ids for the rows of `changed`. Without columns: those that the source reads of the table.
-- probe: the view of the source; ids: how many columns an id has. Raises VT003, VT004.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.parse_wake(spec text, path text, probe regclass, ids int)
returns wakes
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _part text[] := regexp_match(spec, '^\s*((?:"[^"]*"|[^"(=])+?)\s*(?:\(([^)]*)\))?\s*=\s*(.+?)[\s;]*$');
    _wake wakes;
    _table regclass;
    _has text[];
    _mapped text[];
begin
    if _part is null then
        raise exception 'cannot read the wake %', left(spec, 200) using errcode = 'VT004',
            hint = 'write TABLE=COLUMN, TABLE(COLUMNS)=COLUMN or TABLE=select … from changed …';
    end if;
    _table := find_table(_part[1], path);
    _has := columns_of(_table);
    _wake.relation := full_name(_table);
    _wake.columns := listed_names(_part[2]);
    if _part[3] ~* '^(select|with|values)\M' then
        select c.sql, c.columns into _wake.query, _mapped
        from changed_query(_table, _part[3], path, ids) as c;
    else
        _wake.key := listed_names(_part[3]);
        if cardinality(_wake.key) <> ids then
            raise exception 'an id has % columns, but the wake of % names %',
                ids, _wake.relation, cardinality(_wake.key) using errcode = 'VT004',
                    hint = 'name all columns that identify a product';
        end if;
    end if;
    perform check_columns(_wake.relation, _wake.columns || _wake.key, _has);
    if _wake.columns is null then
        select r.columns into _wake.columns from read_columns(probe) as r where r.relation = _table;
    end if;
    if _wake.columns is not null then
        -- a row that goes over to another product concerns both
        _wake.columns := _wake.columns || _mapped;
    end if;
    -- a row of a side table may go and leave the product, whatever its key: only the table that the ids
    -- come from takes products along
    _wake.is_product := coalesce(
        _wake.key @> primary_key(_table) and _wake.key <@ primary_key(_table)
        and gives_ids(probe, _table, _wake.key), false);
    return _wake;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- gives_ids(probe, relation, key) → whether the columns id_1 … of a source's view are these columns of
-- the table, unchanged: then no id outlives its row there. False if that cannot be told, as for a union.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.gives_ids(probe regclass, relation regclass, key text[])
returns boolean
language sql stable security invoker
set search_path from current
as $func$
    -- the parser writes from which column it takes each column of a query; a query within may give a
    -- column of the same name, so all must be the same
    select coalesce(bool_and(exists (
        select from regexp_matches(w.ev_action::text, o.origin, 'g')) and not exists (
        select from regexp_matches(w.ev_action::text, o.origin, 'g') as m (found)
        left join pg_attribute as a on a.attrelid = relation and a.attname = o.name
            and not a.attisdropped
        where (m.found[1]::oid, m.found[2]::int) is distinct from (relation::oid, a.attnum::int))), false)
    from (select k.name, format(':resname id_%s :ressortgroupref \d+ :resorigtbl (\d+) :resorigcol (\d+) ',
                                k.place) as origin
          from unnest(key) with ordinality as k (name, place)) as o
    join pg_rewrite as w on w.ev_class = probe;
$func$;

-- ---------------------------------------------------------------------------------------------
-- changed_query(relation, query, path, ids) → (sql, columns): the query of a wake, with every name but
-- `changed` qualified, and the columns that it reads of `changed`, null if it takes a whole row. Raises
-- VT004 if it does not give as many columns as an id has.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.changed_query(
    relation regclass, query text, path text, ids int, out sql text, out columns text[]
)
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _view regclass;
    _count int;
begin
    execute format('create table vitrina.changed (like %s)', full_name(relation));
    _view := probe_view(query, path || ', vitrina');
    _count := cardinality(columns_of(_view));
    sql := view_query(_view, 'pg_catalog, vitrina');
    select r.columns into columns
    from read_columns(_view) as r where r.relation = to_regclass('vitrina.changed');
    execute format('drop view %s', full_name(_view));
    drop table vitrina.changed;
    if _count <> ids then
        raise exception 'an id has % columns, but the wake of % gives %',
            ids, full_name(relation), _count using errcode = 'VT004',
                hint = 'select all columns that identify a product';
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- view_query(view, path) → the query of a view, qualifying every name that is not on `path`.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.view_query(view regclass, path text default 'pg_catalog') returns text
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    perform pg_catalog.set_config('search_path', path, true);
    return rtrim(pg_catalog.pg_get_viewdef(view), '; ');
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- changed_ids(wake) → SQL for the ids, old and new, of the rows that an update changed in relevant
-- columns. Pairs rows by the primary key. Its plan is made once, for one row or a million; the trigger
-- function restricts it to hash joins.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.changed_ids(wake wakes) returns text
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _table regclass := wake.relation::regclass;
    _primary text[] := primary_key(_table);
    _matter text[] := coalesce(wake.columns, columns_of(_table));
begin
    if _primary is null then
        return format('select distinct %s from (%s) as c', id_expression('c', wake.key), changed_rows(wake));
    end if;
    return format(
        'with pairs as materialized (select %s as new_id, %s as old_id'
        ' from new_rows as n full join old_rows as o on %s = %s where %s)'
        ' select p.new_id as id from pairs as p'
        ' union all select p.old_id from pairs as p where p.old_id is distinct from p.new_id',
        id_expression('n', wake.key), id_expression('o', wake.key),
        values_expression(_table, 'n', _primary), values_expression(_table, 'o', _primary),
        (select string_agg(format('%s is distinct from %s', value_expression(_table, 'n', m.name),
                                  value_expression(_table, 'o', m.name)), ' or ' order by m.name)
         from (select distinct unnest(_matter || wake.key || _primary) as name) as m));
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- changed_rows(wake) → SQL for the rows, old and new, that an update changed in columns relevant to a
-- wake. Pairs rows by the primary key; without one, tells them apart by what is on one side more often
-- than on the other. Both read each side once or twice, however many rows: `not in` would compare each
-- row with each other as soon as they outgrow work_mem.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.changed_rows(wake wakes) returns text
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _table regclass := wake.relation::regclass;
    _primary text[] := primary_key(_table);
    _names text[] := (select array_agg(distinct u.name)
                      from unnest(coalesce(wake.columns, columns_of(_table)) || wake.key || _primary)
                          as u (name));
begin
    if _primary is null then
        return format(
            'select n.* from new_rows as n where row%1$s::text in'
            ' (select row%1$s::text from new_rows as n except all select row%2$s::text from old_rows as o)'
            ' union all select o.* from old_rows as o where row%2$s::text in'
            ' (select row%2$s::text from old_rows as o except all select row%1$s::text from new_rows as n)',
            values_expression(_table, 'n', _names), values_expression(_table, 'o', _names));
    end if;
    return format(
        'select n.* from new_rows as n left join old_rows as o on %1$s = %2$s where %3$s'
        ' union all select o.* from old_rows as o left join new_rows as n on %1$s = %2$s where %3$s',
        values_expression(_table, 'n', _primary), values_expression(_table, 'o', _primary),
        (select string_agg(format('%s is distinct from %s', value_expression(_table, 'n', u.name),
                                  value_expression(_table, 'o', u.name)), ' or ' order by u.name)
         from unnest(_names) as u (name)));
end
$func$;
