-- Rows that an earlier version stored follow what this one makes of them.

-- Products whose text is not there: an upgrade has changed what it is made of.
select refresh_text(array_agg(p.id))
from products as p
where not exists (select from product_text as t where t.product_id = p.id);

-- What an upgrade has changed in the functions made for attached sources; a source that cannot be
-- read does not stop it.
do $build$
declare
    _source record;
begin
    for _source in
        select s.id, s.name from attachments as a join sources as s on s.id = a.source_id order by s.id
    loop
        begin
            perform build_source(_source.id);
        exception when others then
            raise notice 'the source % cannot be read: %', _source.name, sqlerrm;
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
