-- Figures for monitoring: what the page gives at /metrics, and any exporter of SQL may ask for.

-- ---------------------------------------------------------------------------------------------
-- failure_reason(stage, error) → the kind of a job's error, one of eight words that never become more:
-- vector, picture, limit, server, connection, refused, answer, worker; or other.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.failure_reason(stage text, error text) returns text
language sql immutable
set search_path from current
as $func$
    select case
        when error like 'no vector yet%' then 'vector'
        when error ~* 'workers? (that )?died|died with it' then 'worker'
        when error ~* 'rate limit|no credit|too many requests' then 'limit'
        when error ~* 'content filter|refused|does not accept the picture|forbids' then 'refused'
        when stage = 'picture' or error ~* '\m(picture|image)\M' then 'picture'
        when error ~* 'error 5[0-9][0-9]' then 'server'
        when error ~* 'did not answer|broke the connection|cannot be reached' then 'connection'
        when error ~* 'answer|cut off|too long' then 'answer'
        else 'other' end;
$func$;

-- ---------------------------------------------------------------------------------------------
-- metrics() → figures for monitoring: name, labels and value, each name with few labels. What this role may
-- not read is left out (the queue, workers and changes for a reader; the spend too). jobs: by state and stage; job_failures: jobs
-- with an error, by reason; oldest_due_seconds: since when the oldest due job waits, 0 without any;
-- workers: with a heartbeat within two minutes; changes_seconds: since when the oldest noted change of
-- an attached table waits; products and coverage as in coverage(); spend_usd: of this day, of this
-- month and in total, by the server's clock; budget_usd and budget_spent_usd: by period.
-- ---------------------------------------------------------------------------------------------
create or replace function metrics() returns table (name text, labels jsonb, value double precision)
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    if has_table_privilege('jobs', 'select') then
        return query
        select 'jobs', jsonb_build_object('state', s.state, 'stage', g.stage), count(j.product_id)::float8
        from unnest('{queued,leased,failed}'::text[]) as s (state)
        cross join unnest('{enrich,embed,picture}'::text[]) as g (stage)
        left join vitrina.jobs as j on j.state = s.state and j.stage = g.stage
        group by s.state, g.stage
        order by s.state, g.stage;
        return query
        select 'oldest_due_seconds', '{}'::jsonb,
               coalesce(extract(epoch from now() - min(j.run_after)), 0)::float8
        from vitrina.jobs as j
        where j.state = 'queued' and j.run_after <= now();
        return query
        select 'job_failures', jsonb_build_object('reason', f.reason), count(*)::float8
        from (select failure_reason(j.stage, j.error) as reason
              from vitrina.jobs as j where j.error is not null) as f
        group by f.reason
        order by f.reason;
    end if;
    if has_table_privilege('workers', 'select') then
        return query
        select 'workers', '{}'::jsonb, count(*)::float8
        from vitrina.workers as w where w.heartbeat_at > now() - interval '2 minutes';
    end if;
    if has_table_privilege('changes', 'select') then
        return query
        select 'changes_seconds', '{}'::jsonb,
               coalesce(extract(epoch from now() - min(c.noted_at)), 0)::float8
        from changes as c;
    end if;
    return query
    select v.name, '{}'::jsonb, v.value::float8
    from (select count(*) as products, count(p.enriched_at) as enriched from products as p) as n
    cross join lateral (values ('products', n.products), ('products_enriched', n.enriched)) as v (name, value);
    return query
    select v.name, jsonb_build_object('what', c.what), v.value::float8
    from coverage() as c
    cross join lateral (values ('coverage_products', c.products), ('coverage_of', c.of)) as v (name, value)
    order by v.name, c.what;
    if has_table_privilege('generations', 'select') and has_table_privilege('budgets', 'select') then
        return query
        select 'spend_usd', jsonb_build_object('period', v.period), coalesce(v.value, 0)::float8
        from (select sum(g.cost) filter (where g.created_at >= date_trunc('day', now())) as day,
                     sum(g.cost) filter (where g.created_at >= date_trunc('month', now())) as month,
                     sum(g.cost) as total
              from generations as g) as s
        cross join lateral (values ('day', s.day), ('month', s.month), ('total', s.total)) as v (period, value);
        return query
        select v.name, jsonb_build_object('period', b.period), v.value::float8
        from standing_budgets() as b
        cross join lateral (values ('budget_usd', b.usd), ('budget_spent_usd', b.spent)) as v (name, value)
        order by v.name, b.period;
    end if;
end
$func$;
