-- Syncing: products follow the rows of the shop.

-- ---------------------------------------------------------------------------------------------
-- reject_reason(external_id, title, attributes, text, codes, images, variants, count) → why a row of the
-- shop cannot be a product, or null. count: how many rows have this id.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.reject_reason(
    external_id text, title text, attributes jsonb, text text, codes jsonb, images jsonb, variants jsonb,
    count bigint
) returns text
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select case
        when external_id is null or external_id = '' then 'it has no id'
        when length(external_id) > 500 then 'its id is longer than 500 characters'
        when count > 1 then 'several rows have this id'
        when title is null or btrim(title, e' \t\r\n') = '' then 'it has no title'
        when length(title) > 2000 then 'its title is longer than 2,000 characters'
        when jsonb_typeof(attributes) <> 'object' then 'its attributes are not a JSON object'
        when not is_readable(attributes) then 'its attributes nest 500 deep, or have a number beyond 1e308'
        when octet_length(text) > 1048576 then 'its text is longer than 1 MB'
        when jsonb_path_exists(codes, 'lax $[*] ? (@.type() != "string")') then 'its codes are not a list of texts'
        when images is not null and not is_pictures(images)
            then 'its images are not a list of objects with an image and its role: main, further or variant'
        when variants is not null and not is_variants(variants)
            then 'its variants are not a list of objects with sku, title, codes, image and attributes'
    end;
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_rejects(source_id, external_ids, reasons): stores why these rows are set aside.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.put_rejects(source_id int, external_ids text[], reasons text[])
returns void
language sql volatile security invoker
set search_path from current
as $func$
    insert into rejects as r (source_id, external_id, reason)
    select distinct on (1, 2) put_rejects.source_id, left(coalesce(u.id, ''), 500), u.reason
    from unnest(external_ids, reasons) as u (id, reason)
    order by 1, 2
    on conflict (source_id, external_id) do update
        set reason = excluded.reason, rejected_at = now()
        where r.reason <> excluded.reason;
$func$;

-- ---------------------------------------------------------------------------------------------
-- sync_ids(source, source_id, ids) → counts: makes these products equal to the shop's rows. Deletes
-- products whose row is gone; sets aside, with the reason, a row that cannot be a product, and
-- deletes its product too.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.sync_ids(source text, source_id int, ids text[])
returns table (inserted int, updated int, unchanged int, queued int, removed int, rejected int)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _products jsonb;
    _good text[];
    _bad text[];
    _reasons text[];
begin
    execute format($sql$
        select jsonb_agg(to_jsonb(g) - 'reason') filter (where g.reason is null),
               coalesce(array_agg(g.external_id) filter (where g.reason is null), '{}'),
               coalesce(array_agg(g.external_id) filter (where g.reason is not null), '{}'),
               array_agg(g.reason) filter (where g.reason is not null)
        from (
            select distinct on (r.external_id)
                r.external_id, r.title, r.image, r.image_stamp, r.url, r.attributes, r.text, r.sku, r.codes,
                r.images, r.variants,
                reject_reason(r.external_id, r.title, r.attributes, r.text, r.codes, r.images, r.variants,
                        count(*) over (partition by r.external_id)) as reason
            from vitrina_internal.%I($1) as r
            order by r.external_id
        ) as g
    $sql$, 'rows_' || sync_ids.source_id)
    into _products, _good, _bad, _reasons using ids;
    select p.inserted, p.updated, p.unchanged, p.queued
    into inserted, updated, unchanged, queued
    from write_products(source, coalesce(_products, '[]')) as p;
    delete from products as p
    where p.source_id = sync_ids.source_id and p.external_id = any (ids)
        and p.external_id <> all (_good);
    get diagnostics removed = row_count;
    delete from rejects as r
    where r.source_id = sync_ids.source_id and r.external_id = any (ids)
        and r.external_id <> all (_bad);
    perform put_rejects(sync_ids.source_id, _bad, _reasons);
    rejected := cardinality(_bad);
    return next;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- note_differences(source_id, since) → (noted, gone, seen): notes the ids of rows that differ from their
-- product or have none and, without `since`, of products without a row. gone: how many of these products
-- the next syncs would remove. seen: the newest watermark read that is not in the future.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.note_differences(source_id int, since timestamptz default null)
returns table (noted int, gone int, seen timestamptz)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    return query execute format($sql$
        with given as materialized (
            select r.*, left(coalesce(r.external_id, ''), 500) as reject_id,
                   reject_reason(r.external_id, r.title, r.attributes, r.text, r.codes, r.images, r.variants,
                           count(*) over (partition by r.external_id)) as reason
            from vitrina_internal.%I(null, $2) as r
        ),
        -- rows without an id to note
        nameless as materialized (
            select put_rejects($1, array_agg(g.external_id), array_agg(g.reason))
            from given as g
            where coalesce(g.external_id, '') = '' or g.external_id <> g.reject_id
            having count(*) > 0
        ),
        cleared as (
            delete from rejects as j
            where $2 is null and j.source_id = $1
                and not exists (select from given as g where g.reject_id = j.external_id)
        ),
        different as materialized (
            select coalesce(g.external_id, p.external_id) as external_id,
                   bool_or(p.id is not null and (g.external_id is null or g.reason is not null)) as is_gone
            from (select g.* from given as g where g.external_id = nullif(g.reject_id, '')) as g
            full join (
                select p.* from products as p
                where p.source_id = $1
                    and ($2 is null or p.external_id in (select g.external_id from given as g))
            ) as p on p.external_id = g.external_id
            left join rejects as j on j.source_id = $1 and j.external_id = g.external_id
            where case
                when g.external_id is null then true
                when g.reason is not null then p.id is not null or j.reason is null
                else j.reason is not null
                    or (g.title, coalesce(g.image, g.images #>> '{0,image}'), g.image_stamp, g.url,
                        product_attributes(g.attributes, g.variants), nullif(g.text, ''), nullif(g.sku, ''),
                        coalesce(g.codes, '[]'), parts_hash(g.variants, g.images)) is distinct from
                       (p.title, p.image, p.image_stamp, p.url, p.attributes, p.text, p.sku,
                        to_jsonb(p.codes), p.parts_hash) end
            group by 1
        ),
        noted as (
            insert into changes (source_id, external_id) select $1, d.external_id from different as d
        )
        select (select count(*)::int from different),
               (select count(*)::int from different as d where d.is_gone), (
                   select max(g.watermark) from given as g
                   join attachments as a on a.source_id = $1
                   -- what is written later would not be looked at; times without a zone may be those of
                   -- the east, up to 14 hours ahead
                   where g.watermark <= now() + case a.watermark when 'timestamp with time zone'
                                                     then interval '0' else interval '14 hours' end)
        from (select count(*) from nameless) as n
    $sql$, 'rows_' || note_differences.source_id)
    using note_differences.source_id, since;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- sync_source(name, k) → counts: takes up to k noted changes of an attached source and makes its
-- products equal to the shop's rows; queues only products whose enrichment input has changed. taken: 0
-- when no change was left. Sets aside, with the reason, a row that cannot be read or stored. Does
-- nothing if another session syncs this source. Raises VT003 if the source is not attached, and the
-- error of a query that fails.
-- ---------------------------------------------------------------------------------------------
create or replace function sync_source(name text, k int default 500) returns table (
    taken int, inserted int, updated int, unchanged int, queued int, removed int, rejected int
)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _source int := attached_source(name);
    _ids text[];
    _id text;
    _done record;
begin
    taken := 0; inserted := 0; updated := 0; unchanged := 0; queued := 0; removed := 0; rejected := 0;
    -- one sync at a time: of two, the first reader could write last
    perform from attachments as a where a.source_id = _source for no key update skip locked;
    if not found then
        return next;
        return;
    end if;
    with gone as (
        delete from changes as c
        where c.source_id = _source and c.ctid = any (array(
            select d.ctid from changes as d where d.source_id = _source limit k))
        returning c.external_id
    )
    select coalesce(array_agg(distinct g.external_id), '{}') into _ids from gone as g;
    taken := cardinality(_ids);
    if '' = any (_ids) then
        update attachments as a set swept_at = null where a.source_id = _source;
        _ids := array_remove(_ids, '');
    end if;
    if cardinality(_ids) > 0 then
        begin
            select s.* into inserted, updated, unchanged, queued, removed, rejected
            from sync_ids(name, _source, _ids) as s;
        exception when data_exception or integrity_constraint_violation or sqlstate 'VT004' then
            foreach _id in array _ids loop
                begin
                    select s.* into _done from sync_ids(name, _source, array[_id]) as s;
                    inserted := inserted + _done.inserted;
                    updated := updated + _done.updated;
                    unchanged := unchanged + _done.unchanged;
                    queued := queued + _done.queued;
                    removed := removed + _done.removed;
                    rejected := rejected + _done.rejected;
                exception when data_exception or integrity_constraint_violation or sqlstate 'VT004' then
                    perform put_rejects(_source, array[_id], array[regexp_replace(
                        sqlerrm, '^row 1 of products( \(.{1,60}?\))?: ', '')]);
                    rejected := rejected + 1;
                end;
            end loop;
        end;
    end if;
    update attachments as a set synced_at = now()
    where a.source_id = _source
        and (taken > 0 or coalesce(a.synced_at < now() - interval '1 minute', true));
    return next;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- attached_source(name) → the id of an attached source. Raises VT003 if it is not attached.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.attached_source(name text) returns int
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _source int;
begin
    select a.source_id into _source
    from attachments as a
    join sources as s on s.id = a.source_id
    where s.name = attached_source.name;
    if not found then
        raise exception 'source % is not attached', quote_literal(left(attached_source.name, 100))
            using errcode = 'VT003', hint = 'see the view vitrina.source_status';
    end if;
    return _source;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- sweep_source(name, most) → how many ids it noted for the next syncs. Compares all rows of the shop with
-- all products, both ways, and finds changes that triggers missed. 0 if another session is sweeping.
-- Raises VT003 if the source is not attached, the error of a query that fails, and VT004, noting nothing,
-- if more than ten products and more than the share `most` of all would be removed: 0.3 is 30 %, 1 allows
-- any number. Sweeps that come by themselves do this too.
-- ---------------------------------------------------------------------------------------------
create or replace function sweep_source(name text, most real default 0.3) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _source int := attached_source(name);
    _found record;
    _all int;
begin
    if sweep_source.most not between 0 and 1 or sweep_source.most is null then
        raise exception 'most is %, which is not a share between 0 and 1', coalesce(most::text, 'null')
            using errcode = 'VT004', hint = 'give 0.3 for 30 % of the products';
    end if;
    perform from attachments as a where a.source_id = _source for no key update skip locked;
    if not found then
        return 0;
    end if;
    select d.* into _found from note_differences(_source) as d;
    if _found.gone > 10 then
        -- an empty table of the same name is more probable than a shop that sells nothing any more
        select count(*) into _all from products as p where p.source_id = _source;
        if _found.gone > _all * most then
            raise exception '% of the % products of source % would be removed, more than % %%',
                _found.gone, _all, quote_ident(name), round(most::numeric * 100)
                using errcode = 'VT004', hint = format(
                    'if that is right, run vitrina sources --sweep %s --yes, or sweep_source(%L, 1)',
                    quote_ident(name), name);
        end if;
    end if;
    update attachments as a
    set swept_at = now(), seen = _found.seen, problem = null,
        problem_at = case when a.problem is null then a.problem_at else now() end
    where a.source_id = _source;
    return _found.noted;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- poll_source(name) → how many ids it noted for the next syncs: by a sweep if it is due; else, if the
-- source has a watermark, from rows changed since the last poll or in the five minutes before it, as
-- their transactions may have been open then. Null if there was nothing to read.
-- ---------------------------------------------------------------------------------------------
create or replace function poll_source(name text) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _source int := attached_source(name);
    _attachment attachments;
    _seen timestamptz;
    _count int;
begin
    select a.* into _attachment from attachments as a
    where a.source_id = _source for no key update skip locked;
    if not found then
        return null;
    end if;
    if coalesce(_attachment.swept_at + _attachment.sweep_every <= now(), true) then
        -- the first sweep of another query may find any other products
        return sweep_source(name, case when _attachment.synced_at is null then 1 else 0.3 end::real);
    end if;
    if _attachment.watermark is not null then
        select d.noted, greatest(d.seen, _attachment.seen) into _count, _seen
        from note_differences(
            _source, coalesce(_attachment.seen, '-infinity') - interval '5 minutes') as d;
        if _seen is distinct from _attachment.seen then
            update attachments as a set seen = _seen where a.source_id = _source;
        end if;
    end if;
    return _count;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- moved_table(source_id) → a line about a table of an attached source that has moved or is gone, saying
-- what to do; null if there is none.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.moved_table(source_id int) returns text
language sql stable security invoker
set search_path from current
as $func$
    select coalesce(
        w.relation || ' is ' || full_name(t.tgrelid) || ' now: attach it again by that name',
        w.relation || ' is gone: attach the source again, or detach it')
    from wakes as w
    left join pg_trigger as t on t.tgname = format('vitrina_%s_%s_insert', w.source_id, w.place)
        and not t.tgisinternal
    where w.source_id = moved_table.source_id and named_table(w.relation) is null
    order by w.place
    limit 1;
$func$;

-- ---------------------------------------------------------------------------------------------
-- wake_problem(source_id) → a line about why changes in a table of an attached source are not noted,
-- saying what to do; null if they are.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.wake_problem(source_id int) returns text
language sql stable security invoker
set search_path from current
as $func$
    select coalesce(moved_table(wake_problem.source_id), (
        select format('triggers on %s are missing or disabled: attach the source again', w.relation)
        from wakes as w
        where w.source_id = wake_problem.source_id and (
            -- of the table that has this name now: it may have taken the place of another
            select count(*) from pg_trigger as t
            where t.tgrelid = named_table(w.relation) and t.tgenabled in ('O', 'A')
                and starts_with(t.tgname, format('vitrina_%s_%s_', w.source_id, w.place))) < 4
        order by w.place
        limit 1), (
        select format('%s has no column %I any more: attach the source again', w.relation, u.name)
        from wakes as w
        cross join unnest(w.key || w.columns) as u (name)
        where w.source_id = wake_problem.source_id and not exists (
            select from pg_attribute as a
            where a.attrelid = named_table(w.relation) and a.attname = u.name and not a.attisdropped)
        order by w.place
        limit 1));
$func$;

-- ---------------------------------------------------------------------------------------------
-- sync_sources(k, sources) → counts for each attached source, as from sync_source, after poll_source. A
-- source that cannot be read does not stop the others: its problem is returned, and stored for
-- source_status until a sweep, within a minute, has compared all its rows. sources: names, null for all.
-- ---------------------------------------------------------------------------------------------
create or replace function sync_sources(k int default 500, sources text[] default null)
returns table (
    source text, taken int, inserted int, updated int, unchanged int, queued int, removed int,
    rejected int, problem text
)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _source int;
    _hint text;
begin
    for source, _source in
        select s.name, s.id
        from attachments as a
        join vitrina.sources as s on s.id = a.source_id
        where sync_sources.sources is null or s.name = any (sync_sources.sources)
        order by s.id
    loop
        problem := null;
        begin
            perform poll_source(source);
        exception when others then
            get stacked diagnostics _hint = pg_exception_hint;
            problem := coalesce(moved_table(_source), sqlerrm || ': ' || case
                when sqlstate = 'VT004' and _hint <> '' then _hint
                else 'correct that, or attach the source again' end);
            -- do not try every second to read all of an unreadable source
            update attachments as a set swept_at = now() - a.sweep_every + interval '1 minute'
            where a.source_id = _source;
        end;
        begin
            select s.taken, s.inserted, s.updated, s.unchanged, s.queued, s.removed, s.rejected
            into taken, inserted, updated, unchanged, queued, removed, rejected
            from sync_source(source, k) as s;
        exception when others then
            problem := coalesce(moved_table(_source), sqlerrm || ': correct that, or attach the source again');
            taken := 0; inserted := 0; updated := 0; unchanged := 0; queued := 0;
            removed := 0; rejected := 0;
            update attachments as a set swept_at = now() - a.sweep_every + interval '1 minute'
            where a.source_id = _source and a.swept_at > now() - a.sweep_every + interval '1 minute';
        end;
        if problem is not null then
            update attachments as a set problem = sync_sources.problem, problem_at = now()
            where a.source_id = _source and a.problem is distinct from sync_sources.problem;
        else
            -- what is noted may be stored although not all rows can be read: a sweep clears the problem
            select a.problem into problem from attachments as a where a.source_id = _source;
        end if;
        return next;
    end loop;
end
$func$;
