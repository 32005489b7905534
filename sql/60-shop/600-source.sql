-- A shop's table as a source: its columns, and whether they may be read.

-- ---------------------------------------------------------------------------------------------
-- media_address(root, image) → the address or path of a picture: `root`, a URL, in front of an address
-- without a scheme; or the path below `root`, a folder, which the path may already start with.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.media_address(root text, image text) returns text
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select case
        when btrim(image) = '' then null
        when root is null or image ~* '^[a-z][a-z0-9+.-]*:' then image
        when root !~ '^[a-z][a-z0-9+.-]*://' then ltrim(
            case when starts_with(image, rtrim(root, '/') || '/')
                 then substr(image, length(rtrim(root, '/')) + 1) else image end, '/')
        else rtrim(root, '/') || '/' || ltrim(image, '/')
    end;
$func$;

-- ---------------------------------------------------------------------------------------------
-- find_table(relation, path) → the table of this name, as seen by the search_path `path`. Raises VT003
-- if it is not found, VT004 for one of vitrina's own.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.find_table(relation text, path text) returns regclass
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _own text := current_setting('search_path');
    _exactly text := (select string_agg(quote_ident(p), '.')
                      from unnest(string_to_array(relation, '.')) as p);
    _table regclass;
    _schema text;
begin
    begin
        -- no other name is looked up in a path where others may create objects
        perform pg_catalog.set_config('search_path', path, true);
        -- as SQL reads the name, else exactly as written: "Product" needs no quotes
        _table := coalesce(pg_catalog.to_regclass(relation), pg_catalog.to_regclass(_exactly));
        perform pg_catalog.set_config('search_path', _own, true);
    exception
        when invalid_name or syntax_error then
            _table := null;
        when invalid_parameter_value then
            raise exception 'path cannot be %', quote_nullable(left(path, 100))
                using errcode = 'VT004', hint = 'give a search_path, like ''shop, public''';
        when insufficient_privilege then
            raise exception '%', sqlerrm using errcode = 'VT002',
                hint = format('as its owner: grant usage on schema … to %I', current_user);
    end;
    select n.nspname into _schema
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = _table and c.relkind in ('r', 'p', 'v', 'm', 'f');
    if _schema is null then
        raise exception 'table % not found', relation using errcode = 'VT003',
            hint = 'name it with its schema, like public.product';
    end if;
    if _schema = 'vitrina' then
        raise exception '% is one of vitrina''s own tables', relation using errcode = 'VT004',
            hint = 'name a table or view of the shop''s';
    end if;
    return _table;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- full_name(relation) → schema and name, quoted as needed, whatever the search_path.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.full_name(relation regclass) returns text
language sql stable security invoker
set search_path from current
as $func$
    select format('%I.%I', n.nspname, c.relname)
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = relation;
$func$;

-- ---------------------------------------------------------------------------------------------
-- columns_of(relation) → the names of the table's columns, in order.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.columns_of(relation regclass) returns text[]
language sql stable security invoker
set search_path from current
as $func$
    select array_agg(a.attname::text order by a.attnum)
    from pg_attribute as a
    where a.attrelid = relation and a.attnum > 0 and not a.attisdropped;
$func$;

-- ---------------------------------------------------------------------------------------------
-- primary_key(relation) → the columns of the table's primary key, or null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.primary_key(relation regclass) returns text[]
language sql stable security invoker
set search_path from current
as $func$
    select array_agg(a.attname::text order by k.place)
    from pg_index as i
    cross join unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
    where i.indrelid = relation and i.indisprimary;
$func$;

-- ---------------------------------------------------------------------------------------------
-- probe_view(query, path) → a view of the query, to inspect its columns; the caller drops it, as it
-- would keep the shop from changing its tables. Raises VT004 for an invalid query.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.probe_view(query text, path text) returns regclass
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _own text := current_setting('search_path');
    _view text := format('vitrina.%I', '_probe_' || gen_random_uuid());
    _create text := format('create view %s as %s', _view, query);
begin
    -- only the query is looked up in a path where others may create objects
    perform pg_catalog.set_config('search_path', path, true);
    execute _create;
    perform pg_catalog.set_config('search_path', _own, true);
    return _view::regclass;
exception
    when insufficient_privilege then
        raise exception '%', sqlerrm using errcode = 'VT002',
            hint = format('as its owner, grant usage and select to %I', current_user);
    when syntax_error_or_access_rule_violation or feature_not_supported or invalid_parameter_value then
        raise exception 'source cannot be read: %', sqlerrm using errcode = 'VT004',
            hint = 'use names of tables and columns that exist in this database';
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_columns(what, wanted, has): raises VT004 if a wanted column is missing.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_columns(what text, wanted text[], has text[]) returns void
language plpgsql immutable security invoker
set search_path from current
as $func$
declare
    _missing text := (select min(w) from unnest(wanted) as w where w <> all (has));
begin
    if _missing is not null then
        raise exception '% has no column %', what, quote_ident(_missing) using errcode = 'VT004',
            hint = 'it has: ' || array_to_string(has, ', ');
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- source_query(from_clause, alias, …) → the query that gives a source's products, for
-- attachments.query. attributes: each of these columns becomes an attribute. extra: a jsonb column
-- whose members become attributes.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.source_query(
    from_clause text, alias text, id text[], title text, image text, image_stamp text, url text,
    attributes text[], extra text, watermark text, predicate text, media_root text
) returns text
language sql immutable security invoker
set search_path from current
as $func$
    with columns (q) as (select quote_ident(alias) || '.')
    select 'select '
        || (select string_agg(format('%s%I as id_%s', c.q, i.name, i.place), ', ' order by i.place)
            from unnest(id) with ordinality as i (name, place))
        || format(', %s%I::pg_catalog.text as title', c.q, title)
        || format(', vitrina_internal.media_address(%L, ', media_root)
        || coalesce(c.q || quote_ident(image), 'null') || '::pg_catalog.text) as image, '
        || coalesce(c.q || quote_ident(image_stamp), 'null') || '::pg_catalog.text as image_stamp, '
        || coalesce(c.q || quote_ident(url), 'null') || '::pg_catalog.text as url, '
        || 'pg_catalog.jsonb_strip_nulls('
        || concat_ws(' || ',
               $sql$'{}'::pg_catalog.jsonb$sql$,
               'coalesce(' || c.q || quote_ident(extra) || $sql$::pg_catalog.jsonb, '{}')$sql$,
               -- a function takes at most a hundred arguments
               (select string_agg(format('pg_catalog.jsonb_build_object(%s)', p.pairs), ' || ')
                from (select string_agg(format('%L, %s%I', a.name, c.q, a.name), ', '
                                        order by a.place) as pairs
                      from unnest(attributes) with ordinality as a (name, place)
                      group by a.place / 40) as p))
        || ') as attributes, '
        || coalesce(c.q || quote_ident(watermark), 'null::pg_catalog.timestamptz')
        || format(' as watermark from %s as %I', from_clause, alias)
        || coalesce(e' where (' || predicate || e'\n)', '')
    from columns as c;
$func$;

-- ---------------------------------------------------------------------------------------------
-- read_columns(probe) → (relation, columns): the tables and views that a view reads, directly or
-- through other views, with the columns it reads; null if it takes a whole row.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.read_columns(probe regclass)
returns table (relation regclass, columns text[])
language sql stable security invoker
set search_path from current
as $func$
    with recursive reads as (
        select d.refobjid as relation, d.refobjsubid as attnum,
               w.ev_action::text ~ ':varattno 0 ' as whole
        from pg_rewrite as w
        join pg_depend as d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
            and d.refclassid = 'pg_class'::regclass and d.refobjid <> w.ev_class
        where w.ev_class = probe
        union
        select d.refobjid, d.refobjsubid, w.ev_action::text ~ ':varattno 0 '
        from reads as r
        join pg_rewrite as w on w.ev_class = r.relation
        join pg_depend as d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
            and d.refclassid = 'pg_class'::regclass and d.refobjid <> w.ev_class
    )
    select r.relation::regclass,
           case when not bool_or(r.whole) then
               coalesce(array_agg(distinct a.attname::text) filter (where a.attname is not null), '{}')
           end
    from reads as r
    left join pg_attribute as a on a.attrelid = r.relation and a.attnum = r.attnum and r.attnum > 0
    group by r.relation;
$func$;

-- ---------------------------------------------------------------------------------------------
-- type_name(type) → the name of a type, for a domain that of its base type, whatever the search_path.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.type_name(type oid) returns text
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    perform pg_catalog.set_config('search_path', 'pg_catalog', true);
    return (select pg_catalog.format_type(coalesce(nullif(t.typbasetype, 0), t.oid), -1)
            from pg_catalog.pg_type as t where t.oid = type);
end
$func$;
