-- The functions and triggers of each attached source.

-- ---------------------------------------------------------------------------------------------
-- part_types() → (part, type): the columns that a source's query may give beside title, image, url and
-- attributes, in the order of make_rows.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.part_types() returns table (part text, type text)
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    values ('text', 'text'), ('sku', 'text'), ('codes', 'jsonb'), ('images', 'jsonb'), ('variants', 'jsonb');
$func$;

-- ---------------------------------------------------------------------------------------------
-- make_rows(attachment): creates the function that gives an attached source's products: of these ids,
-- else of rows whose watermark is not before `since`, else all. It reads with the rights of its owner,
-- and writes times alike in every session's time zone. A part that the query does not give is null.
-- Whole numbers are looked up as bigint: an index of an int column serves that too, and a shop that runs
-- out of numbers widens its column without a word.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.make_rows(attachment attachments) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _types text[] := (select array_agg(case when t.name in ('smallint', 'integer') then 'bigint' else t.name end
                                       order by t.place)
                      from unnest(attachment.id_types) with ordinality as t (name, place));
    _names text[] := (select array_agg('id_' || n order by n)
                      from generate_subscripts(_types, 1) as n);
    _select text := format(
        'select %s, r.title, r.image, r.image_stamp, r.url, r.attributes, r.watermark::timestamptz, %s'
        ' from (%s) as r', id_expression('r', _names),
        (select string_agg(case when p.part = any (attachment.parts) then 'r.' || p.part
                                else 'null::' || p.type end, ', ' order by p.place)
         from part_types() with ordinality as p (part, type, place)), attachment.query);
    _wanted text := case
        when cardinality(_types) = 1 then format(' where r.id_1 = any ($1::%s[])', _types[1])
        else format(
            ' join (select distinct %s from unnest($1) as i (id)'
            ' cross join lateral (select vitrina_internal.split_id(i.id)) as s (parts)) as k (%s) on (%s)',
            (select string_agg(format('s.parts[%s]::%s', t.place, t.name), ', ' order by t.place)
             from unnest(_types) with ordinality as t (name, place)),
            array_to_string(_names, ', '),
            (select string_agg(format('k.%1$s = r.%1$s', n), ' and ') from unnest(_names) as n))
    end;
begin
    -- that of an earlier version has other columns
    execute format('drop function if exists vitrina_internal.%I(text[], timestamptz)',
                   'rows_' || attachment.source_id);
    execute format(
        'create function vitrina_internal.%I('
        'ids text[] default null, since timestamptz default null)'
        ' returns table (external_id text, title text, image text, image_stamp text, url text,'
        ' attributes jsonb, watermark timestamptz, text text, sku text, codes jsonb, images jsonb,'
        ' variants jsonb)'
        ' language plpgsql volatile security definer set search_path = pg_catalog, pg_temp'
        ' set timezone = ''UTC'' set datestyle = ''ISO, MDY'' set intervalstyle = ''postgres'''
        -- where row-level security would hide rows, raise: they are not gone
        ' set bytea_output = ''hex'' set extra_float_digits = 1 set row_security = off as %L',
        'rows_' || attachment.source_id,
        -- executed as text: else a dropped column could be taken for a variable of this name
        format(e'\nbegin\n'
               'if ids is not null then\nreturn query execute %L using ids;\n'
               'elsif since is not null then\nreturn query execute %L using since;\n'
               'else\nreturn query execute %L;\nend if;\nend\n',
               _select || _wanted,
               _select || coalesce(' where r.watermark >= $1::' || attachment.watermark, ''),
               _select));
    perform keep_private('rows_' || attachment.source_id);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- keep_private(function): forbids PUBLIC to call a function made here; writers may read rows.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.keep_private(function text) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _function regprocedure := (
        select p.oid from pg_proc as p
        where p.pronamespace = 'vitrina_internal'::regnamespace and p.proname = function);
begin
    execute format('revoke all on function %s from public', _function);
    -- triggers fire without this right; a role that had it could use it on a table of its own
    if function !~ '^wake_' and to_regrole('vitrina_writer') is not null then
        execute format('grant execute on function %s to vitrina_writer', _function);
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- make_wake(wake): creates the trigger function of a table that wakes products. It runs in the shop's
-- own transaction, for every writer, so it never raises, waits at most 50 ms for a lock, and needs no
-- right of the writer; the next sweep finds the changes it could not note. Where the table has another
-- name now it does nothing: the rows of a source are those of the table of that name.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.make_wake(wake wakes) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _source int := wake.source_id;
    _note text := format('insert into vitrina.changes_%s (source_id, external_id)', _source);
    _new text;
    _old text;
    _changed text;
    _gone text := '';
begin
    if wake.key is not null then
        _new := format('select %s from new_rows as n', id_expression('n', wake.key));
        _old := format('select %s from old_rows as o', id_expression('o', wake.key));
        _changed := changed_ids(wake);
    else
        _new := mapped_ids(wake, 'select n.* from new_rows as n');
        _old := mapped_ids(wake, 'select o.* from old_rows as o');
        _changed := mapped_ids(wake, changed_rows(wake));
    end if;
    if wake.is_product then
        -- in a block of its own: if the product cannot be deleted now, the next sync deletes it
        _gone := format(
            -- reading products would make serializable writers fail each other: the next sync does it;
            -- an array is looked up in the index, whatever joins are allowed
            e'if tg_op in (''DELETE'', ''TRUNCATE'')'
            ' and current_setting(''transaction_isolation'') <> ''serializable'' then\nbegin\n'
            'if tg_op = ''DELETE'' then\ndelete from vitrina.products as p'
            ' where p.source_id = %1$s and p.external_id = any (array(select %2$s from old_rows as o));\n'
            'else\ndelete from vitrina.products as p where p.source_id = %1$s;\nend if;\n'
            'exception when others then\n'
            'raise log ''vitrina: what left %% is left to the next sync: %%'','
            ' tg_relid::regclass, sqlerrm;\n'
            'end;\nend if;\n', _source, id_expression('o', wake.key));
    end if;
    execute format(
        'create or replace function vitrina_internal.%I() returns trigger'
        ' language plpgsql volatile security definer set search_path = pg_catalog, pg_temp'
        ' set lock_timeout = ''50ms'' set datestyle = ''ISO, MDY'' set timezone = ''UTC'''
        ' set intervalstyle = ''postgres'' set bytea_output = ''hex'' set extra_float_digits = 1'
        ' set enable_nestloop = off set enable_mergejoin = off as %L',
        format('wake_%s_%s', _source, wake.place),
        format(e'\nbegin\n'
               'if format(''%%I.%%I'', tg_table_schema, tg_table_name) <> %7$L then\nreturn null;\nend if;\n'
               'begin\n'
               'if tg_op = ''UPDATE'' then\n%1$s select %2$s, c.id from (%3$s) as c (id)'
               ' where c.id is not null;\n'
               'elsif tg_op = ''INSERT'' then\n%1$s select distinct %2$s, c.id from (%4$s) as c (id)'
               ' where c.id is not null;\n'
               'elsif tg_op = ''DELETE'' then\n%1$s select distinct %2$s, c.id from (%5$s) as c (id)'
               ' where c.id is not null;\n'
               'else\n%1$s values (%2$s, '''');\n'
               'end if;\n'
               'exception when others then\n'
               'raise log ''vitrina: a change of %% is left to the next sweep: %%'','
               ' tg_relid::regclass, sqlerrm;\n'
               'end;\n%6$s'
               'return null;\nend\n',
               _note, _source, _changed, _new, _old, _gone, wake.relation));
    perform keep_private(format('wake_%s_%s', _source, wake.place));
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- mapped_ids(wake, changed) → SQL for the ids that the wake's query gives for these rows.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.mapped_ids(wake wakes, changed text) returns text
language sql stable security invoker
set search_path from current
as $func$
    select format('with changed as materialized (%s) select distinct %s from (%s) as m (%s)',
                  changed, id_expression('m', n.names), wake.query, array_to_string(n.names, ', '))
    from (select array_agg('id_' || i order by i) as names
          from attachments as a
          cross join generate_subscripts(a.id_types, 1) as i
          where a.source_id = wake.source_id) as n;
$func$;

-- ---------------------------------------------------------------------------------------------
-- run_patiently(statement): runs a statement whose lock would make the shop's writers queue: tries for
-- a tenth of a second at a time, for ten seconds, so that writers get through in between.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.run_patiently(statement text) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _begun timestamptz := clock_timestamp();
    _timeout text := current_setting('lock_timeout');
begin
    loop
        begin
            perform set_config('lock_timeout', '100ms', true);
            execute statement;
            perform set_config('lock_timeout', _timeout, true);
            return;
        exception when lock_not_available then
            if clock_timestamp() > _begun + interval '10 seconds' then
                raise;
            end if;
            perform pg_sleep(0.2);
        end;
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- make_triggers(wake): creates the missing triggers of a table that wakes products.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.make_triggers(wake wakes) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _event record;
begin
    for _event in
        select e.name, e.tables, format('vitrina_%s_%s_%s', wake.source_id, wake.place, e.name) as trigger
        from (values ('insert', 'referencing new table as new_rows'),
                     ('update', 'referencing old table as old_rows new table as new_rows'),
                     ('delete', 'referencing old table as old_rows'),
                     ('truncate', '')) as e (name, tables)
        where not exists (
            select from pg_trigger as t
            where t.tgrelid = wake.relation::regclass
                and t.tgname = format('vitrina_%s_%s_%s', wake.source_id, wake.place, e.name))
    loop
        perform run_patiently(format(
            'create trigger %I after %s on %s %s for each statement'
            ' execute function vitrina_internal.%I()',
            _event.trigger, _event.name, wake.relation, _event.tables,
            format('wake_%s_%s', wake.source_id, wake.place)));
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- build_source(source_id): creates what an attached source needs beside its rows: the partition of
-- changes, functions and triggers. Raises VT002 if the shop's tables may not be read.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.build_source(source_id int) returns void
language plpgsql volatile security invoker
set search_path from current
set client_min_messages = warning
as $func$
declare
    _attachment attachments;
    _wake wakes;
begin
    select a.* into strict _attachment
    from attachments as a where a.source_id = build_source.source_id;
    execute format('create table if not exists %I partition of changes for values in (%s)',
                   'changes_' || source_id, source_id);
    perform describe_partition(to_regclass('changes_' || source_id));
    perform make_rows(_attachment);
    for _wake in
        select w.* from wakes as w where w.source_id = build_source.source_id order by w.place
    loop
        perform make_wake(_wake);
        perform make_triggers(_wake);
    end loop;
    execute format('select from vitrina_internal.%I(''{}'')', 'rows_' || source_id);
exception when insufficient_privilege then
    raise exception 'role % may not read the tables it attaches: %', current_user, sqlerrm
        using errcode = 'VT002', hint = case
            when exists (select from sources as s cross join row_secured(s.name) as r
                         where s.id = build_source.source_id)
            then format('row-level security would hide rows: as a DBA, alter role %I bypassrls', current_user)
            else format('as its owner: grant select on … to %I', current_user) end;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- unbuild_source(source_id): drops what build_source created, with the triggers on the shop's tables.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.unbuild_source(source_id int) returns void
language plpgsql volatile security invoker
set search_path from current
set client_min_messages = warning
as $func$
declare
    _function regprocedure;
begin
    for _function in
        select p.oid from pg_proc as p
        where p.pronamespace = 'vitrina_internal'::regnamespace
            and p.proname ~ format('^(rows|wake)_%s(_|$)', source_id)
    loop
        perform run_patiently(format('drop function %s cascade', _function));
    end loop;
    execute format('drop table if exists %I', 'changes_' || source_id);
end
$func$;
