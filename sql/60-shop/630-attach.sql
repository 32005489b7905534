-- Attaching a shop's table or query as a source.

-- ---------------------------------------------------------------------------------------------
-- check_triggers(relation): raises VT002 or VT004 if this role cannot create triggers on it.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_triggers(relation regclass) returns void
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    if (select c.relkind from pg_class as c where c.oid = relation) not in ('r', 'p') then
        raise exception '% is not a table, so it cannot have triggers', full_name(relation)
            using errcode = 'VT004', hint = 'name the tables that it reads as wakes, or attach it '
                'without triggers';
    end if;
    if not has_table_privilege(relation, 'trigger') then
        raise exception 'role % may not create triggers on %', current_user, full_name(relation)
            using errcode = 'VT002', hint = format(
                'as its owner: grant select, trigger on %s to %I; or attach it without triggers',
                full_name(relation), current_user);
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- row_secured(source) → the tables under an attached source, or under all, that now have row-level
-- security. Search ignores it: whoever may search finds every row that the owner of vitrina may read.
-- Looks through views.
-- ---------------------------------------------------------------------------------------------
create or replace function row_secured(source text default null)
returns table (source text, relation text)
language sql stable security invoker
set search_path from current
as $func$
    select distinct s.name, format('%I.%I', n.nspname, c.relname)
    from attachments as a
    join sources as s on s.id = a.source_id
    cross join lateral (
        select named_table(u.name)
        from unnest(a.reads || a.relation || array(select w.relation from wakes as w
                                                   where w.source_id = a.source_id)) as u (name)
    ) as named (oid)
    cross join lateral (
        select named.oid
        union all
        select r.relation from read_columns(named.oid) as r
    ) as t (oid)
    join pg_class as c on c.oid = t.oid and c.relrowsecurity
    join pg_namespace as n on n.oid = c.relnamespace
    where row_secured.source is null or s.name = row_secured.source
    order by 1, 2;
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_attach(…): raises VT004 for arguments that attach_table and attach_query cannot use.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_attach(
    title text, id text[], attributes text[], wake text[], media_root text, sweep_every interval
) returns void
language plpgsql immutable security invoker
set search_path from current
as $func$
begin
    perform check_text('title', title), check_list('id', id), check_list('wake', wake),
            check_list('attributes', attributes);
    if cardinality(id) = 0 then
        raise exception 'id names no column' using errcode = 'VT004',
            hint = 'name the columns that identify a product (id, --id)';
    end if;
    if media_root is not null then
        perform check_text('media_root', media_root, 2000);
    end if;
    if sweep_every <= '0' then
        raise exception 'sweep_every must be more than 0, not %', sweep_every
            using errcode = 'VT004', hint = 'like ''1 hour''';
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_parts(view): raises VT004 for a query whose codes, images or variants have another type.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_parts(view regclass) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _bad record;
begin
    select p.part, t.type, case when p.part = 'codes' then 'text[] or jsonb' else 'jsonb' end as wanted into _bad
    from part_types() as p
    join pg_attribute as a on a.attrelid = view and a.attname = p.part and not a.attisdropped
    cross join lateral (select type_name(a.atttypid) as type) as t
    where p.type = 'jsonb' and not (t.type in ('jsonb', 'json') or p.part = 'codes' and t.type like '%[]')
    limit 1;
    if found then
        raise exception 'the column % of the query has type %, not %', _bad.part, _bad.type, _bad.wanted
            using errcode = 'VT004', hint = 'cast it, or give it another name: then it is an attribute';
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- say_row_secured(source) → the same id; a notice names the tables under it with row-level security.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.say_row_secured(source int) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _name text := (select s.name from sources as s where s.id = source);
    _relations text := (select string_agg(r.relation, ', ' order by r.relation)
                        from row_secured(_name) as r);
begin
    if _relations is not null then
        raise notice 'search ignores the row-level security of %: whoever may search finds '
            'every product of %', _relations, _name
            using hint = 'to search per tenant, give each a source of its own, with a predicate, '
                'and name it: search(…, sources => ''{…}'')';
    end if;
    return source;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- say_partitioned(source) → the same id; a notice names the tables that wake it and have partitions or
-- children: their own triggers fire only for what is written to the table itself.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.say_partitioned(source int) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _relations text := (select string_agg(distinct w.relation, ', ' order by w.relation)
                        from wakes as w
                        join pg_inherits as i on i.inhparent = named_table(w.relation)
                        where w.source_id = source);
begin
    if _relations is not null then
        raise notice 'what is written to a partition of % by its own name is found by sweeps only, every %',
            _relations, (select a.sweep_every from attachments as a where a.source_id = source)
            using hint = 'write to the table itself: its triggers note that at once';
    end if;
    return source;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- attach_source(name, relation, query, ids, wake, …) → the source's id. The common part of attach_table
-- and attach_query: inspects the query, stores the settings, and creates functions and triggers.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.attach_source(
    name text, relation text, query text, ids int, wake text[], text_config text, media_root text,
    triggers boolean, watermark text, sweep_every interval, path text
) returns int
language plpgsql volatile security invoker
set search_path from current
set client_min_messages = warning
set lock_timeout = '10s'
as $func$
#variable_conflict use_variable
declare
    _view regclass;
    _attachment attachments;
    _wakes wakes[];
    _moment text;
    _before attachments;
begin
    if exists (select from sources as s where s.name = attach_source.name and s.kind <> 'table') then
        raise exception 'source % is an imported file', quote_ident(name)
            using errcode = 'VT004', hint = 'give the attached source another name';
    end if;
    _view := probe_view(query, path);
    _attachment.query := view_query(_view);
    _attachment.reads := array(select full_name(r.relation) from read_columns(_view) as r order by 1);
    select array_agg(type_name(a.atttypid) order by a.attnum) filter (where a.attnum <= ids),
           max(type_name(a.atttypid)) filter (where a.attname = 'watermark'),
           coalesce(array_agg(a.attname::text order by a.attnum)
                        filter (where a.attname in (select p.part from part_types() as p)), '{}')
    into _attachment.id_types, _moment, _attachment.parts
    from pg_attribute as a where a.attrelid = _view and a.attnum > 0;
    if watermark is not null then
        if _moment not in ('timestamp with time zone', 'timestamp without time zone') then
            raise exception 'watermark % has type %, not timestamp', quote_ident(watermark), _moment
                using errcode = 'VT004', hint = 'name a timestamp column that every change '
                    'of a row sets';
        end if;
        _attachment.watermark := _moment;
    end if;
    select array_agg(parse_wake(w.spec, path, _view, ids) order by w.place) into _wakes
    from unnest(case when triggers then wake end) with ordinality as w (spec, place);
    perform check_triggers(w.relation::regclass) from unnest(_wakes) as w;
    execute format('drop view %s', full_name(_view));

    _attachment.source_id := put_source(name, 'table', '{}', text_config);
    update sources as s set
        config = case when f.folder is not null then jsonb_build_object('image_root', f.folder)
                      else '{}' end,
        trusted_root = f.folder
    from (select case when media_root !~ '^[a-z][a-z0-9+.-]*://' then media_root end as folder) as f
    where s.id = _attachment.source_id;
    perform unbuild_source(_attachment.source_id);
    delete from attachments as a where a.source_id = _attachment.source_id returning a.* into _before;
    if (_before.query, _before.id_types) is not distinct from (_attachment.query, _attachment.id_types) then
        -- a sweep must not remove most products only because the same query is attached again
        _attachment.synced_at := _before.synced_at;
    end if;
    insert into attachments (
        source_id, relation, query, reads, id_types, parts, triggers, watermark, synced_at, sweep_every)
    values (_attachment.source_id, relation, _attachment.query, _attachment.reads,
            _attachment.id_types, _attachment.parts,
            coalesce(cardinality(_wakes) > 0, false), _attachment.watermark, _attachment.synced_at,
            coalesce(sweep_every, case when _wakes is null then interval '5 minutes'
                                       else interval '1 hour' end));
    insert into wakes
    select _attachment.source_id, w.place, w.relation, w.key, w.query, w.columns, w.is_product
    from unnest(_wakes) with ordinality as w (
        source_id, number, relation, key, query, columns, is_product, place);
    perform build_source(_attachment.source_id);
    return _attachment.source_id;
exception when lock_not_available then
    raise exception 'the shop''s tables were busy for ten seconds' using errcode = 'VT004',
        hint = 'attach again; it waits for transactions that write to them';
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- attach_table(relation, title, …) → the source's id. Makes a table or view of the shop a source of
-- products that vitrina follows; call it again to change the settings. The next sync brings the
-- products in. relation: its name. title: the column of titles. id: the columns that identify a
-- product; default: the primary key. image, url: columns. attributes: columns to filter by and to tag
-- from. predicate: SQL that is true for the rows to find, like 'deleted_at is null'. name: of the
-- source; default: the table's. text_config: like 'english'. media_root: folder or URL in front of
-- pictures without a URL. triggers: the table gets triggers that note changes at once and never raise;
-- without them, `watermark` (a timestamp column) shows which rows changed, and all rows are compared
-- every sweep_every. wake: more tables, see attach_query. text: the column of descriptions, as text or
-- HTML. sku: a column; codes: columns of other codes by which a product is found (EAN, part number),
-- also lists. Write column names exactly. Raises VT002, VT003 or VT004, saying what to do.
-- ---------------------------------------------------------------------------------------------
create or replace function attach_table(
    relation text, title text, id text[] default null, image text default null,
    url text default null, attributes text[] default '{}', predicate text default null,
    name text default null, text_config text default null, media_root text default null,
    triggers boolean default true, watermark text default null, wake text[] default '{}',
    sweep_every interval default null, path text default current_setting('search_path'),
    text text default null, sku text default null, codes text[] default '{}'
) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _table regclass := find_table(relation, path);
    _full text := full_name(_table);
    _kind "char";
    _alias text;
    _schema text;
    _id text[] := coalesce(id, primary_key(_table));
    _name text := name;
begin
    perform check_attach(title, id, attributes, wake, media_root, sweep_every), check_list('codes', codes);
    select c.relkind, c.relname, n.nspname into _kind, _alias, _schema
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = _table;
    if _id is null then
        raise exception '% %', _full, case when _kind in ('r', 'p') then 'has no primary key'
                                           else 'is not a table, so it has no primary key' end
            using errcode = 'VT004', hint = 'name the columns that identify a product (id, --id)';
    end if;
    perform check_columns(_full, array_remove(
        _id || title || image || url || watermark || text || sku || attributes || codes, null),
        columns_of(_table));
    if _name is null then
        _name := case when _schema = 'public' then _alias else _schema || '.' || _alias end;
        if exists (select from sources as s join attachments as a on a.source_id = s.id
                   where s.name = _name and a.relation is distinct from _full) then
            raise exception 'source % exists already, and it is not %', quote_ident(_name), _full
                using errcode = 'VT004', hint = 'give this source another name (name, --name)';
        end if;
    end if;
    return say_partitioned(say_row_secured(attach_source(
        _name, _full,
        source_query(_full, _alias, _id, title, image, null, url, attributes, null, watermark,
                      predicate, media_root, text, sku, nullif(codes, '{}')),
        cardinality(_id),
        case when triggers and (_kind in ('r', 'p') or cardinality(wake) = 0) then
            array[format('%s=%s', _full, array_to_string(_id, ','))] end || wake,
        text_config, media_root, triggers, watermark, sweep_every, path)));
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- attach_query(name, query, wake, …) → the source's id. Makes a query of the shop a source of products
-- that vitrina follows; call it again to change the settings. query: its columns are id, title and, if
-- present, image, image_stamp (changes when the picture behind the same address changes), url,
-- attributes (jsonb), text (a description, as text or HTML), sku, codes (text[] or jsonb), images and
-- variants (jsonb, as put_products has them); all other columns become attributes. id: the columns that
-- identify a product, if not `id`. Select key columns unchanged, so that a few products can be read without reading all.
-- wake: the tables whose changes wake products, each 'table=column' if the column holds the product's
-- id ('table=a,b' for an id of two columns), 'table(columns)=column' to name the relevant columns
-- (default: those the query reads), or 'table=select … from changed …', which gives the ids for the
-- rows of `changed`. Without wakes, all rows are compared every sweep_every. For the other arguments
-- see attach_table. Raises VT002, VT003 or VT004, saying what to do.
-- ---------------------------------------------------------------------------------------------
create or replace function attach_query(
    name text, query text, wake text[] default '{}', id text[] default '{id}',
    predicate text default null, text_config text default null, media_root text default null,
    triggers boolean default true, watermark text default null, sweep_every interval default null,
    path text default current_setting('search_path')
) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _view regclass;
    _query text;
    _has text[];
    _known text[];
begin
    perform check_attach('title', id, null, wake, media_root, sweep_every);
    _view := probe_view(query, path);
    _query := view_query(_view);
    _has := columns_of(_view);
    _known := id || array['title', 'image', 'image_stamp', 'url', 'attributes']
        || array(select p.part from part_types() as p);
    perform check_columns('the query', array_remove(id || array['title', watermark], null), _has),
            check_parts(_view);
    execute format('drop view %s', full_name(_view));
    return say_partitioned(say_row_secured(attach_source(
        name, null,
        source_query(
            format('(%s)', _query), 'source', id, 'title',
            case when 'image' = any (_has) then 'image' end,
            case when 'image_stamp' = any (_has) then 'image_stamp' end,
            case when 'url' = any (_has) then 'url' end,
            (select array_agg(h order by h) from unnest(_has) as h
             where h <> all (_known) and h is distinct from watermark),
            case when 'attributes' = any (_has) then 'attributes' end, watermark, predicate,
            media_root, case when 'text' = any (_has) then 'text' end,
            case when 'sku' = any (_has) then 'sku' end,
            case when 'codes' = any (_has) then '{codes}'::text[] end,
            case when 'images' = any (_has) then 'images' end,
            case when 'variants' = any (_has) then 'variants' end),
        cardinality(id), wake, text_config, media_root, triggers, watermark, sweep_every, path)));
end
$func$;
