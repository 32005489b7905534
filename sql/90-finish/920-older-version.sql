-- Drops functions and types of an older version that this version lacks, in both schemas.

do $older$
declare
    _gone text;
begin
    select string_agg(p.oid::regprocedure::text, ', ') into _gone
    from pg_proc as p
    where p.prokind = 'f'
        -- older than this transaction, which has replaced each present function
        and age(p.xmin) > 0
        and case p.pronamespace
            -- a shop's own function may be here; vitrina's begin like this, or pin this path
            when 'vitrina'::regnamespace
            then p.proname ~ '^_' or array_to_string(p.proconfig, ' ') ~ '\msearch_path=vitrina,'
            -- these are made for attached sources, see build_source
            when 'vitrina_internal'::regnamespace then p.proname !~ '^(rows|wake)_\d'
            else false end;
    -- all at once, as they may depend on each other; any other dependent object stops the upgrade
    if _gone is not null then
        execute format('drop function %s', _gone);
    end if;
end
$older$;

-- vitrina_internal has its own of them
drop type if exists vitrina.query_filters, vitrina.query_reading;
