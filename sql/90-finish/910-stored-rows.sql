-- Brings rows and attached sources' functions of an earlier version up to date.

-- An early version took the rows of any table with the key of a product for products.
do $products$
declare
    _wake record;
    _view regclass;
begin
    for _wake in
        select w.source_id, w.place, w.relation, w.key, a.query
        from wakes as w
        join attachments as a on a.source_id = w.source_id
        where w.is_product and a.relation is distinct from w.relation
    loop
        begin
            _view := probe_view(_wake.query, 'pg_catalog');
            update wakes as w set is_product = false
            where w.source_id = _wake.source_id and w.place = _wake.place
                and not gives_ids(_view, named_table(_wake.relation), _wake.key);
            execute format('drop view %s', full_name(_view));
        exception when sqlstate 'VT002' or sqlstate 'VT004' then
            null; -- a sync of this source reports the same, and what to do
        end;
    end loop;
end
$products$;

-- An early version did not keep in which language the keys of words were made.
do $keys$
begin
    perform renew_language_keys();
end
$keys$;

do $build$
declare
    _made record;
    _attachment attachments;
begin
    -- an older version had them in this schema; the shop's triggers keep calling them
    for _made in
        select p.oid::regprocedure as function, p.proname as name
        from pg_proc as p
        where p.pronamespace = 'vitrina'::regnamespace and p.proname ~ '^_(rows|wake)_\d'
    loop
        execute format('alter function %s rename to %I', _made.function, ltrim(_made.name, '_'));
        execute format('alter function %s set schema vitrina_internal', _made.function);
    end loop;
    for _attachment in select a.* from attachments as a order by a.source_id loop
        -- separately: it must call today's functions even if the shop's tables cannot be read
        perform make_rows(_attachment);
        -- what changed while a trigger was missing was not noted
        update attachments as a set swept_at = null
        where a.source_id = _attachment.source_id and a.triggers and exists (
            select from wakes as w
            cross join unnest(array['insert', 'update', 'delete', 'truncate']) as e (event)
            where w.source_id = a.source_id and not exists (
                select from pg_trigger as t
                where t.tgrelid = named_table(w.relation)
                    and t.tgname = format('vitrina_%s_%s_%s', w.source_id, w.place, e.event)));
        begin
            perform build_source(_attachment.source_id);
        exception when others then
            -- does not stop an upgrade
            raise notice 'source % cannot be read: %',
                (select s.name from sources as s where s.id = _attachment.source_id), sqlerrm;
        end;
    end loop;
end
$build$;

-- Terms whose normal form has changed.
select refresh_forms();

-- Keywords that were there before kinds.
update keywords as w set kinds = kinds_of(w.form, w.facet) where w.kinds = '{}';

-- Words that were there before spellings.
select note_vocabulary();

-- Early versions did not store which tables a source reads; row_secured needs them.
do $reads$
declare
    _attachment attachments;
    _view regclass;
begin
    for _attachment in select a.* from attachments as a where a.reads = '{}' loop
        begin
            _view := probe_view(_attachment.query, 'pg_catalog');
            update attachments as a
            set reads = array(select full_name(r.relation) from read_columns(_view) as r order by 1)
            where a.source_id = _attachment.source_id;
            execute format('drop view %s', full_name(_view));
        exception when sqlstate 'VT002' or sqlstate 'VT004' then
            null; -- a sync of this source reports the same, and what to do
        end;
    end loop;
end
$reads$;
