-- After an upgrade that gives terms another normal form, what is stored follows.
select _refresh_forms();

-- Which tables a source reads was not kept at first: row_secured looks at them.
do $reads$
declare
    _attachment attachments;
    _view regclass;
begin
    for _attachment in select a.* from attachments as a where a.reads = '{}' loop
        begin
            _view := _probe(_attachment.query, 'pg_catalog');
            update attachments as a
            set reads = array(select _full_name(r.relation) from _read_columns(_view) as r order by 1)
            where a.source_id = _attachment.source_id;
            execute format('drop view %s', _full_name(_view));
        exception when sqlstate 'VT002' or sqlstate 'VT004' then
            null; -- a sync of this source says the same, and what to do
        end;
    end loop;
end
$reads$;
