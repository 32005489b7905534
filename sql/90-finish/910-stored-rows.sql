-- Rows that an earlier version stored, and the functions it made for attached sources, follow this one.

-- Products whose text is not there: an upgrade has changed what it is made of.
select refresh_text(array_agg(p.id))
from products as p
where not exists (select from product_text as t where t.product_id = p.id);

do $build$
declare
    _made record;
    _attachment attachments;
begin
    -- where an older version kept them; the shop's triggers stay with what they call
    for _made in
        select p.oid::regprocedure as function, p.proname as name
        from pg_proc as p
        where p.pronamespace = 'vitrina'::regnamespace and p.proname ~ '^_(rows|wake)_\d'
    loop
        execute format('alter function %s rename to %I', _made.function, ltrim(_made.name, '_'));
        execute format('alter function %s set schema vitrina_internal', _made.function);
    end loop;
    for _attachment in select a.* from attachments as a order by a.source_id loop
        -- apart: whether the shop's tables can be read or not, it has to call what there is now
        perform make_rows(_attachment);
        begin
            perform build_source(_attachment.source_id);
        exception when others then
            -- does not stop an upgrade
            raise notice 'the source % cannot be read: %',
                (select s.name from sources as s where s.id = _attachment.source_id), sqlerrm;
        end;
    end loop;
end
$build$;

-- Terms whose normal form is another now.
select refresh_forms();

-- Which tables a source reads was not kept at first: row_secured looks at them.
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
            null; -- a sync of this source says the same, and what to do
        end;
    end loop;
end
$reads$;
