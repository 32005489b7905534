-- Detaching a source.

-- ---------------------------------------------------------------------------------------------
-- detach(name, keep_products) → how many products it removed: the source stops following the shop, and
-- nothing of vitrina stays in the shop's schema. keep_products: they stay, like those of an imported
-- file. Raises VT003 if the source is not attached.
-- ---------------------------------------------------------------------------------------------
create or replace function detach(name text, keep_products boolean default false) returns int
language plpgsql volatile security invoker
set search_path from current
set lock_timeout = '10s'
as $func$
declare
    _source int;
begin
    select a.source_id into _source
    from attachments as a
    join sources as s on s.id = a.source_id
    where s.name = detach.name
    for update of a;
    if not found then
        raise exception 'source % is not attached', quote_literal(detach.name)
            using errcode = 'VT003', hint = 'see the view vitrina.source_status';
    end if;
    perform unbuild_source(_source);
    delete from attachments as a where a.source_id = _source;
    delete from rejects as r where r.source_id = _source;
    if keep_products then
        update sources as s set kind = 'file' where s.id = _source;
        return 0;
    end if;
    return remove_source(detach.name);
exception when lock_not_available then
    raise exception 'the shop''s tables were busy for ten seconds' using errcode = 'VT004',
        hint = 'detach again; it waits for transactions that write to them';
end
$func$;
