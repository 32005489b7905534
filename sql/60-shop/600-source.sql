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
-- pictures_at(root, images), variants_at(root, variants) → a row's pictures, each a text or {image,
-- role}, or its variants, with the addresses of their pictures; what is no list stays as it is. Pictures
-- without an address are left out.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.pictures_at(root text, images jsonb) returns jsonb
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select case when jsonb_typeof(images) <> 'array' then nullif(images, 'null') else (
        select coalesce(jsonb_agg(g.item || case when jsonb_typeof(g.item -> 'image') = 'string' then
                   jsonb_build_object('image', media_address(root, g.item ->> 'image'))
                   else '{}' end order by p.place), '[]')
        from jsonb_array_elements(images) with ordinality as p (picture, place)
        cross join lateral (
            select case when jsonb_typeof(p.picture) = 'string'
                        then jsonb_build_object('image', p.picture) else p.picture end as item) as g
        where p.picture <> 'null' and coalesce(btrim(g.item ->> 'image') <> '', not g.item ? 'image'))
    end;
$func$;

create or replace function vitrina_internal.variants_at(root text, variants jsonb) returns jsonb
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select case when jsonb_typeof(variants) <> 'array' then nullif(variants, 'null') else (
        select coalesce(jsonb_agg(v.variant || case when jsonb_typeof(v.variant -> 'image') = 'string' then
                   jsonb_build_object('image', media_address(root, v.variant ->> 'image'))
                   else '{}' end order by v.place), '[]')
        from jsonb_array_elements(variants) with ordinality as v (variant, place)
        where v.variant <> 'null')
    end;
$func$;

-- ---------------------------------------------------------------------------------------------
-- flat_codes(codes) → the texts and numbers of a list of codes, or of a list of such lists, as a list;
-- what holds anything else stays as it is.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.flat_codes(codes jsonb) returns jsonb
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select case when bool_or(jsonb_typeof(c.code) in ('object', 'array')) then codes
    else coalesce(jsonb_agg(btrim(c.code #>> '{}') order by c.place)
                      filter (where btrim(c.code #>> '{}') <> ''), '[]') end
    from jsonb_path_query(codes, 'lax $[*][*]') with ordinality as c (code, place);
$func$;

-- ---------------------------------------------------------------------------------------------
-- readable_text(body) → a description as a reader sees it: of HTML the text, with each block on a line,
-- without scripts, styles and comments, entities decoded. Another text stays as it is.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.readable_text(body text) returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _unseen constant text[] := '{script,style,template,noscript,iframe,svg,title}';
    _blocks constant text[] := '{address,article,aside,blockquote,br,dd,div,dl,dt,figcaption,footer,h1,h2,h3,h4,h5,h6,'
        'header,hr,li,main,nav,ol,p,pre,section,table,td,th,tr,ul}';
begin
    if body !~ '<[a-zA-Z!/]|&[#\w]{2,10};' is not false then
        return body;
    end if;
    -- cut at each "<": a tag, and the text behind it; so the time grows with the length, whatever it holds
    with pieces as (
        select p.place, p.piece,
               lower(substring(p.piece from '^/?([a-zA-Z][a-zA-Z0-9]*)')) as tag,
               starts_with(p.piece, '/') as closes, strpos(p.piece, '-->') as remark_end
        from string_to_table(body, '<') with ordinality as p (piece, place)
    ),
    placed as (
        select p.*,
               coalesce(max(p.place) filter (where p.tag = any (_unseen) and not p.closes) over w, 0)
               > coalesce(max(p.place) filter (where p.tag = any (_unseen) and p.closes) over w, 0) as is_unseen,
               coalesce(max(p.place) filter (where starts_with(p.piece, '!--')) over w, 0)
               > coalesce(max(p.place) filter (where p.remark_end > 0) over w, 0) as is_remark
        from pieces as p
        window w as (order by p.place)
    )
    select string_agg(case
        when p.place = 1 then p.piece
        when p.is_unseen or p.is_remark then ''
        when p.remark_end > 0 then substr(p.piece, p.remark_end + 3)
        when p.tag is null and p.piece !~ '^[!?/]' then '<' || p.piece
        else case when p.tag = any (_blocks) then e'\x01' else '' end
            || case when strpos(p.piece, '>') > 0 then substr(p.piece, strpos(p.piece, '>') + 1) else '' end
        end, '' order by p.place)
    into body
    from placed as p;
    body := translate(regexp_replace(body, '\s+', ' ', 'g'), e'\x01', e'\n');
    return btrim(regexp_replace(regexp_replace(
        decoded_entities(body), '[^\S\n]+', ' ', 'g'), '(?: ?\n ?)+', e'\n', 'g'), e' \n');
end
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
        raise exception 'table % not found', left(relation, 200) using errcode = 'VT003',
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
-- named_table(name) → the table with this name, as full_name wrote it, or null. Also for a role that may
-- not use its schema, to which to_regclass would raise.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.named_table(name text) returns oid
language sql stable security invoker
set search_path from current
as $func$
    select c.oid
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = (parse_ident(named_table.name))[1] and c.relname = (parse_ident(named_table.name))[2];
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
-- would keep the shop from changing its tables. Raises VT004 for an invalid query, and for more than one
-- statement: none of them is run.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.probe_view(query text, path text) returns regclass
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _own text := current_setting('search_path');
    _view text := format('vitrina.%I', '_probe_' || gen_random_uuid());
    _create text := format('create view %s as %s', _view, query);
    _rows refcursor;
begin
    -- only the query is looked up in a path where others may create objects
    perform pg_catalog.set_config('search_path', path, true);
    open _rows for execute query; -- of one statement only, and no row is read
    close _rows;
    execute _create;
    perform pg_catalog.set_config('search_path', _own, true);
    return _view::regclass;
exception
    when insufficient_privilege then
        raise exception '%', sqlerrm using errcode = 'VT002',
            hint = format('as its owner, grant usage and select to %I', current_user);
    when invalid_cursor_definition then
        raise exception 'source cannot be read: it must be a single query' using errcode = 'VT004',
            hint = 'give one select, without a semicolon after which more follows';
    when syntax_error_or_access_rule_violation or feature_not_supported or invalid_parameter_value then
        raise exception 'source cannot be read: %', left(sqlerrm, 500) using errcode = 'VT004',
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
        raise exception '% has no column %', what, quote_ident(left(_missing, 100)) using errcode = 'VT004',
            hint = 'it has: ' || array_to_string(has, ', ');
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- source_query(from_clause, alias, …) → the query that gives a source's products, for
-- attachments.query. attributes: each of these columns becomes an attribute. extra: a jsonb column
-- whose members become attributes. text, sku, codes, images, variants: columns of these parts.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.source_query(
    from_clause text, alias text, id text[], title text, image text, image_stamp text, url text,
    attributes text[], extra text, watermark text, predicate text, media_root text,
    text text default null, sku text default null, codes text[] default null, images text default null,
    variants text default null
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
        || ' as watermark'
        || coalesce(', vitrina_internal.readable_text(' || c.q || quote_ident(text) || '::pg_catalog.text) as text', '')
        || coalesce(', pg_catalog.btrim(' || c.q || quote_ident(sku) || '::pg_catalog.text) as sku', '')
        || coalesce(', vitrina_internal.flat_codes(pg_catalog.jsonb_build_array('
                    || (select string_agg(format('%s%I', c.q, k.name), ', ' order by k.place)
                        from unnest(codes) with ordinality as k (name, place)) || ')) as codes', '')
        || coalesce(format(', vitrina_internal.pictures_at(%L, ', media_root)
                    || c.q || quote_ident(images) || '::pg_catalog.jsonb) as images', '')
        || coalesce(format(', vitrina_internal.variants_at(%L, ', media_root)
                    || c.q || quote_ident(variants) || '::pg_catalog.jsonb) as variants', '')
        || format(' from %s as %I', from_clause, alias)
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
