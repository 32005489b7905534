-- Checks of the queue, of batches, and of what was paid for.

-- ---------------------------------------------------------------------------------------------
-- checked_work() → the checks of jobs and of batches.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.checked_work()
returns table (name text, looked bigint, wrong bigint, waiting bigint, example text, remedy text)
language sql stable security invoker
set search_path from current
as $func$
    select 'jobs', count(*), count(*) filter (where c.wrong), count(*) filter (where not c.wrong),
           'product ' || min(j.product_id) filter (where c.wrong),
           'vitrina jobs list; then for each: select vitrina.queue_products(array[PRODUCT]);'
    from jobs as j
    cross join lateral (
        select (j.state = 'leased') <> (j.worker is not null and j.lease_until is not null)
            or j.state <> 'leased' and j.begun_at is not null
            or j.state = 'failed' and j.error is null
            or j.version < 1 or j.attempts < 0) as c (wrong)
    union all
    -- a worker that claims ends the leases that have run out
    select 'leases', count(*) filter (where j.state = 'leased'),
           count(*) filter (where j.lease_until < now() - interval '1 hour'),
           count(*) filter (where j.lease_until between now() - interval '1 hour' and now()),
           'product ' || min(j.product_id) filter (where j.lease_until < now() - interval '1 hour'),
           'vitrina work: no worker has looked for an hour'
    from jobs as j
    union all
    -- a product with an open request is in no further batch
    select 'requests of batches', count(*),
           count(*) filter (where r.state = 'open' and b.state in ('collected', 'failed', 'abandoned')),
           count(*) filter (where r.state = 'open' and b.state not in ('collected', 'failed', 'abandoned')),
           'batch ' || min(r.batch_id) filter (where r.state = 'open'
                                               and b.state in ('collected', 'failed', 'abandoned')),
           'update vitrina.batch_requests as r set state = ''released'' from vitrina.batches as b'
           ' where b.id = r.batch_id and r.state = ''open'' and b.state in (''collected'', ''failed'', ''abandoned'');'
    from batch_requests as r
    join batches as b on b.id = r.batch_id
    union all
    -- dropped answers have another key: see drop_answers
    select 'answers of batches', count(*), count(*) filter (where c.wrong), 0,
           'batch ' || min(r.batch_id) filter (where c.wrong), 'vitrina jobs again: these answers are lost'
    from batch_requests as r
    cross join lateral (
        select not exists (
            select from generations as g
            where (g.stage, g.input_hash, g.model, g.prompt_version)
                  = (r.stage, r.input_hash, r.model, r.prompt_version))
            and not exists (
                select from generations as g
                where g.output = 'null' and (g.stage, g.model, g.prompt_version) = (r.stage, r.model, r.prompt_version)
                    and g.input_hash = sha256(r.input_hash || convert_to('dropped ' || g.id, 'utf8')))) as c (wrong)
    where r.state = 'done';
$func$;

-- ---------------------------------------------------------------------------------------------
-- checked_answers() → the checks of the answers of models and of the budgets. Waiting are answers that no
-- product is made of: they are found again by the same input. An answer that was dropped, or that was of no
-- use and is kept for its price, is not counted.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.checked_answers()
returns table (name text, looked bigint, wrong bigint, waiting bigint, example text, remedy text)
language sql stable security invoker
set search_path from current
as $func$
    with answer as materialized (
        select g.id, g.output ? 'error' and g.output ? 'reason' as is_failure,
               u.times, u.late
        from generations as g
        left join (
            select u.generation_id, count(*) as times,
                   count(*) filter (where u.used_at > coalesce(p.enriched_at, '-infinity')) as late
            from generation_uses as u
            join products as p on p.id = u.product_id
            group by u.generation_id) as u on u.generation_id = g.id
        where g.output <> 'null'
    )
    select 'answers of models', count(*),
           count(*) filter (where a.times > 0 and (a.is_failure or a.late > 0)),
           count(*) filter (where a.times is null and not a.is_failure),
           'answer ' || min(a.id) filter (where a.times > 0 and (a.is_failure or a.late > 0)),
           'vitrina jobs again: the products of this answer are not made of it'
    from answer as a
    union all
    -- paid answers that were asked for after the budget of the present period was spent; those that were under
    -- way may go beyond it, and what waits for its commit is not seen by others for a moment
    select 'spend and budgets', count(*), count(*) filter (where c.late > 0), 0,
           'budget a ' || min(b.period) filter (where c.late > 0) || ': ' || sum(c.late) || ' answers beyond it',
           'unless the budget was lowered since: stop the workers that ignore it (an older vitrina?)'
    from budgets as b
    cross join lateral (
        select count(*) filter (where s.cost > 0 and s.begun_at > e.at + interval '10 seconds') as late
        from (
            select g.cost, g.created_at - make_interval(secs => coalesce(g.seconds, 0)) as begun_at
            from generations as g
            where (b.period = 'total' or g.created_at >= date_trunc(b.period, now()))
                -- a batch is asked for hours before its answers are stored
                and coalesce(g.seconds, 0) > 0
        ) as s
        cross join (
            select min(w.created_at) as at
            from (select g.created_at, sum(g.cost) over (order by g.created_at, g.id) as spent
                  from generations as g
                  where b.period = 'total' or g.created_at >= date_trunc(b.period, now())) as w
            where w.spent >= b.usd) as e
    ) as c;
$func$;
