-- Checks of the schema: references, numbers of new rows, what is switched off, and what is installed.

-- ---------------------------------------------------------------------------------------------
-- checked_references() → rows that refer to a row that is not there, in each table with a foreign key (which a
-- restore, or session_replication_role, may have passed by), and in those that cannot have one.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.checked_references()
returns table (name text, looked bigint, wrong bigint, waiting bigint, example text, remedy text)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _key record;
    _rows bigint;
begin
    name := 'references between tables';
    looked := 0;
    wrong := 0;
    waiting := 0;
    remedy := 'delete the rows of that table whose product, source, keyword or space is gone';
    for _key in
        select t.relname as from_table, o.relname as to_table,
               string_agg(format('r.%I is not null', a.attname), ' and ' order by k.place) as is_set,
               string_agg(format('o.%I = r.%I', b.attname, a.attname), ' and ' order by k.place) as is_met
        from pg_constraint as c
        join pg_class as t on t.oid = c.conrelid
        join pg_class as o on o.oid = c.confrelid
        cross join unnest(c.conkey, c.confkey) with ordinality as k (here, there, place)
        join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.here
        join pg_attribute as b on b.attrelid = c.confrelid and b.attnum = k.there
        where c.contype = 'f' and c.conparentid = 0 and c.connamespace = 'vitrina'::regnamespace
        group by c.oid, t.relname, o.relname
        union all
        select v.* from (values
            ('picture_embeddings', 'spaces', 'true', 'o.id = r.space_id'),
            ('changes', 'attachments', 'true', 'o.source_id = r.source_id')) as v
        order by 1, 2
    loop
        looked := looked + 1;
        execute format('select count(*) from vitrina.%I as r where %s and not exists'
                       ' (select from vitrina.%I as o where %s)',
                       _key.from_table, _key.is_set, _key.to_table, _key.is_met) into _rows;
        wrong := wrong + _rows;
        if _rows > 0 then
            example := coalesce(example, format('%s without its row in %s', _key.from_table, _key.to_table));
        end if;
    end loop;
    return next;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- checked_numbers() → the columns of ids whose next number a row has already, so that an insert would fail. A
-- role that may not read a sequence leaves it out.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.checked_numbers()
returns table (name text, looked bigint, wrong bigint, waiting bigint, example text, remedy text)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _column record;
    _is_behind boolean;
begin
    name := 'numbers of new rows';
    looked := 0;
    wrong := 0;
    waiting := 0;
    for _column in
        select c.relname as in_table, a.attname as name,
               pg_get_serial_sequence(format('vitrina.%I', c.relname), a.attname)::regclass as numbers
        from pg_attribute as a
        join pg_class as c on c.oid = a.attrelid
        where c.relnamespace = 'vitrina'::regnamespace and c.relkind = 'r' and a.attidentity <> ''
        order by 1
    loop
        continue when not has_sequence_privilege(_column.numbers, 'select');
        looked := looked + 1;
        execute format('select coalesce((select max(r.%I) from vitrina.%I as r)'
                       ' > (select case when q.is_called then q.last_value else q.last_value - 1 end from %s as q), false)',
                       _column.name, _column.in_table, _column.numbers) into _is_behind;
        if _is_behind then
            wrong := wrong + 1;
            example := coalesce(example, _column.in_table::text);
            remedy := coalesce(remedy, format('select setval(%L, (select max(r.%I) from vitrina.%I as r));',
                                              _column.numbers::text, _column.name, _column.in_table));
        end if;
    end loop;
    remedy := coalesce(remedy, 'select setval(…)');
    return next;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- checked_schema() → the checks of what keeps the rest right: constraints, indexes and triggers that are
-- switched off, and parts of spaces and attached tables that are missing or left over; what is installed.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.checked_schema()
returns table (name text, looked bigint, wrong bigint, waiting bigint, example text, remedy text)
language sql stable security invoker
set search_path from current
as $func$
    select 'constraints, indexes and triggers', count(*), count(*) filter (where t.is_off), 0,
           min(t.what) filter (where t.is_off),
           'alter table … enable trigger …, validate constraint …, or reindex index …'
    from (
        select format('constraint %s of %s', c.conname, c.conrelid::regclass) as what, not c.convalidated as is_off
        from pg_constraint as c where c.connamespace = 'vitrina'::regnamespace
        union all
        -- while an index is built beside the running shop it is not valid yet
        select format('index %s', i.indexrelid::regclass), not i.indisvalid and not exists (
                   select from pg_stat_progress_create_index as b where b.index_relid = i.indexrelid)
        from pg_index as i
        join pg_class as c on c.oid = i.indrelid
        where c.relnamespace = 'vitrina'::regnamespace
        union all
        select format('trigger %s of %s', t.tgname, t.tgrelid::regclass), t.tgenabled in ('D', 'R')
        from pg_trigger as t
        join pg_class as c on c.oid = t.tgrelid
        where c.relnamespace = 'vitrina'::regnamespace
            or not t.tgisinternal and t.tgname ~ '^vitrina_[0-9]+_[0-9]+_[a-z]+$'
    ) as t
    union all
    select 'parts of spaces', count(*), count(*) filter (where c.wrong), 0,
           min(c.part) filter (where c.wrong), 'drop the table that is left over; a space that lacks one: drop and build it anew'
    from (
        select coalesce(w.part, i.part) as part, w.part is null or i.part is null as wrong
        from (
            select p.parent || '_' || s.id as part
            from spaces as s
            cross join unnest(array['product_embeddings', 'keyword_embeddings', 'picture_embeddings']) as p (parent)
            where not (s.modality = 'text' and p.parent = 'picture_embeddings'
                       or s.modality = 'image' and p.parent = 'keyword_embeddings')
        ) as w
        full join (
            select c.relname::text as part
            from pg_inherits as h
            join pg_class as c on c.oid = h.inhrelid
            where h.inhparent in ('product_embeddings'::regclass, 'keyword_embeddings'::regclass,
                                  'picture_embeddings'::regclass)
        ) as i on i.part = w.part
    ) as c
    union all
    select 'parts of attached tables', count(*), count(*) filter (where c.wrong), 0,
           min(c.part) filter (where c.wrong), 'vitrina attach … again; what is left over: drop function …'
    from (
        select coalesce(w.part, o.part) as part, w.part is null or o.part is null as wrong
        from (
            select 'rows_' || a.source_id as part from attachments as a
            union all
            select 'changes_' || a.source_id from attachments as a
            union all
            select format('vitrina_%s_%s_%s', w.source_id, w.place, e.event)
            from wakes as w
            join attachments as a on a.source_id = w.source_id and a.triggers
            cross join unnest(array['insert', 'update', 'delete', 'truncate']) as e (event)
        ) as w
        full join (
            select p.proname::text as part from pg_proc as p
            where p.pronamespace = 'vitrina_internal'::regnamespace and p.proname ~ '^rows_[0-9]+$'
            union
            select c.relname::text from pg_inherits as h
            join pg_class as c on c.oid = h.inhrelid
            where h.inhparent = 'changes'::regclass
            union
            select t.tgname::text from pg_trigger as t
            where not t.tgisinternal and t.tgparentid = 0 and t.tgname ~ '^vitrina_[0-9]+_[0-9]+_[a-z]+$'
        ) as o on o.part = w.part
    ) as c
    union all
    -- that they are those of this vitrina is for its files to say: `vitrina db check`
    select 'what is installed', count(*), count(*) filter (where c.wrong), 0, min(n.name) filter (where c.wrong),
           'vitrina db upgrade'
    from unnest(array['sql', 'word_pieces', 'retail_words', 'condition_words', 'local_spaces', 'full text', 'postgres']) as n (name)
    left join installed as i on i.name = n.name
    cross join lateral (
        select i.name is null or case n.name
            when 'full text' then i.sha256 <> text_version()::text
            when 'postgres' then i.sha256 <> postgres_major()::text
            when 'word_pieces' then not exists (select from word_pieces)
            when 'retail_words' then not exists (select from seeded_words)
            when 'condition_words' then not exists (select from condition_words as w where w.built_in)
            when 'local_spaces' then not exists (select from spaces)
            else false end) as c (wrong);
$func$;
