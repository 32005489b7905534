-- ---------------------------------------------------------------------------------------------
-- check_budget(): raises VT005 where what a period may cost has been spent in it (see budgets).
-- ---------------------------------------------------------------------------------------------
create or replace function check_budget() returns void
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _budget record;
begin
    for _budget in
        select b.period, b.usd, coalesce(sum(g.cost), 0) as spent
        from budgets as b
        left join generations as g on b.period = 'total'
            or g.created_at >= date_trunc(b.period, now())
        group by b.period, b.usd
    loop
        if _budget.spent >= _budget.usd then
            raise exception 'the budget of % USD (%) is spent: % USD',
                _budget.usd, _budget.period, round(_budget.spent, 4) using errcode = 'VT005',
                hint = 'raise it: vitrina cost --budget USD --period ' || _budget.period;
        end if;
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- set_budget(usd, period): what may be spent a day, a month, or in total; null takes it away.
-- ---------------------------------------------------------------------------------------------
create or replace function set_budget(usd numeric, period text default 'total') returns void
language sql volatile security invoker
set search_path from current
as $func$
    delete from budgets as b where b.period = set_budget.period;
    insert into budgets (period, usd)
    select set_budget.period, set_budget.usd where set_budget.usd is not null;
$func$;

-- ---------------------------------------------------------------------------------------------
-- claim_jobs(worker, k, lease, sources, paid) → up to k jobs, now leased to this worker, with what
-- an enrichment reads. Takes queued jobs that are due and jobs whose lease has expired, oldest
-- first; concurrent claims never share one. sources: names, null for all. image_root: the folder
-- that relative pictures of the source are under; image_embedded: sha256 of the picture that is
-- embedded already. paid: the work costs money: raises VT005 where a standing budget is spent.
-- ---------------------------------------------------------------------------------------------
create or replace function claim_jobs(
    worker text, k int default 32, lease interval default '10 minutes',
    sources text[] default null, paid boolean default false
) returns table (
    product_id bigint, version bigint, stage text, attempts int, source text, external_id text, title text,
    attributes jsonb, image text, image_root text, image_embedded text
)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _sources int[];
begin
    if paid then
        perform check_budget();
    end if;
    if claim_jobs.sources is not null then
        select coalesce(array_agg(s.id), '{}') into _sources
        from vitrina.sources as s where s.name = any (claim_jobs.sources);
    end if;
    return query
    -- apart, so that each reads its index in order: a claim costs the same however many jobs wait
    with expired as materialized (
        select j.product_id
        from jobs as j
        where j.state = 'leased' and j.lease_until < now()
            and (_sources is null or exists (
                select from products as p where p.id = j.product_id and p.source_id = any (_sources)))
        order by j.lease_until, j.product_id
        limit k
        for update skip locked
    ),
    queued as materialized (
        select j.product_id
        from jobs as j
        where j.state = 'queued' and j.run_after <= now()
            and (_sources is null or exists (
                select from products as p where p.id = j.product_id and p.source_id = any (_sources)))
        order by j.run_after, j.product_id
        limit (select k - count(*) from expired)
        for update skip locked
    ),
    due as (
        select e.product_id from expired as e
        union all
        select q.product_id from queued as q
    ),
    leased as (
        update jobs as j set
            state = 'leased',
            attempts = j.attempts + 1,
            lease_until = now() + lease,
            worker = claim_jobs.worker
        from due as d
        where j.product_id = d.product_id
        returning j.product_id, j.version, j.stage, j.attempts
    )
    select l.product_id, l.version, l.stage, l.attempts, s.name, p.external_id, p.title, p.attributes,
           p.image, s.config ->> 'image_root', encode(e.input_hash, 'hex')
    from leased as l
    join products as p on p.id = l.product_id
    join vitrina.sources as s on s.id = p.source_id
    left join product_embeddings as e
        on e.product_id = p.id and e.space_id = (_active_space('image')).id
    order by l.product_id;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- finish_jobs(worker, product_ids, versions) → how many are done. A job that another worker holds
-- by now is left alone; one whose product changed meanwhile is queued again.
-- ---------------------------------------------------------------------------------------------
create or replace function finish_jobs(worker text, product_ids bigint[], versions bigint[])
returns int
language sql volatile security invoker
set search_path from current
as $func$
    with mine as materialized (
        select j.product_id, j.version = u.version as done
        from unnest(product_ids, versions) as u (product_id, version)
        join jobs as j on j.product_id = u.product_id
        where j.state = 'leased' and j.worker = finish_jobs.worker
        order by j.product_id
        for update of j
    ),
    again as (
        update jobs as j set
            state = 'queued', attempts = 0, lease_until = null, worker = null, run_after = now()
        from mine as m
        where j.product_id = m.product_id and not m.done
    ),
    done as (
        delete from jobs as j using mine as m
        where j.product_id = m.product_id and m.done
        returning 1
    )
    select count(*)::int from done;
$func$;

-- ---------------------------------------------------------------------------------------------
-- defer_embeddings(worker, product_ids, versions, error) → how many jobs now wait for their vector
-- alone, uncharged, with the reason; they come due within a minute, or five after a second try.
-- A job that another worker holds, or whose product changed, is left alone.
-- ---------------------------------------------------------------------------------------------
create or replace function defer_embeddings(
    worker text, product_ids bigint[], versions bigint[], error text
) returns int
language sql volatile security invoker
set search_path from current
as $func$
    with deferred as (
        update jobs as j set
            state = 'queued', stage = 'embed', lease_until = null, worker = null,
            attempts = j.attempts - 1, error = defer_embeddings.error,
            run_after = now() + case when j.stage = 'embed' then interval '1 minute'
                else interval '10 seconds' end * (1 + 4 * random())
        from unnest(defer_embeddings.product_ids, defer_embeddings.versions) as u (product_id, version)
        where j.product_id = u.product_id and j.version = u.version
            and j.state = 'leased' and j.worker = defer_embeddings.worker
        returning 1
    )
    select count(*)::int from deferred;
$func$;

-- ---------------------------------------------------------------------------------------------
-- fail_jobs(worker, product_ids, errors, max_attempts, replies) → how many have failed for good. The
-- rest are tried again, at a random time within half a minute, and twice as long after each try, up
-- to an hour: failures of one cause do not come back all at once. replies: what the model answered,
-- where that is the reason.
-- ---------------------------------------------------------------------------------------------
create or replace function fail_jobs(
    worker text, product_ids bigint[], errors text[], max_attempts int default 3,
    replies text[] default null
) returns int
language sql volatile security invoker
set search_path from current
as $func$
    with failed as (
        update jobs as j set
            state = case when j.attempts >= max_attempts then 'failed' else 'queued' end,
            run_after = now() + case when j.attempts >= max_attempts then interval '0'
                else random() * least(interval '1 hour', interval '15 seconds' * 2 ^ j.attempts) end,
            lease_until = null,
            worker = null,
            error = u.error,
            reply = u.reply
        from unnest(product_ids, errors, replies) as u (product_id, error, reply)
        where j.product_id = u.product_id and j.state = 'leased' and j.worker = fail_jobs.worker
        returning j.state
    )
    select count(*) filter (where f.state = 'failed')::int from failed as f;
$func$;

-- ---------------------------------------------------------------------------------------------
-- extend_jobs(worker, lease) → how many leases this worker holds, now longer by the clock.
-- ---------------------------------------------------------------------------------------------
create or replace function extend_jobs(worker text, lease interval default '10 minutes')
returns int
language sql volatile security invoker
set search_path from current
as $func$
    with extended as (
        update jobs as j set lease_until = now() + lease
        where j.state = 'leased' and j.worker = extend_jobs.worker
        returning 1
    )
    select count(*)::int from extended;
$func$;

-- ---------------------------------------------------------------------------------------------
-- leasing_workers() → the workers that hold leases.
-- ---------------------------------------------------------------------------------------------
create or replace function leasing_workers() returns setof text
language sql stable security invoker
set search_path from current
as $func$
    select distinct j.worker from jobs as j where j.state = 'leased';
$func$;

-- ---------------------------------------------------------------------------------------------
-- release_jobs(worker) → how many leases it gave back, untouched and uncharged.
-- ---------------------------------------------------------------------------------------------
create or replace function release_jobs(worker text) returns int
language sql volatile security invoker
set search_path from current
as $func$
    with released as (
        update jobs as j set
            state = 'queued', attempts = j.attempts - 1, lease_until = null, worker = null
        where j.state = 'leased' and j.worker = release_jobs.worker
        returning 1
    )
    select count(*)::int from released;
$func$;

-- ---------------------------------------------------------------------------------------------
-- retry_images(sources) → how many products without a usable picture were queued again.
-- ---------------------------------------------------------------------------------------------
create or replace function retry_images(sources text[] default null) returns int
language sql volatile security invoker
set search_path from current
as $func$
    select queue_products(coalesce(array_agg(p.id), '{}'))
    from products as p
    join vitrina.sources as s on s.id = p.source_id
    where p.image_error is not null
        and (retry_images.sources is null or s.name = any (retry_images.sources));
$func$;

-- ---------------------------------------------------------------------------------------------
-- list_jobs(states, sources, matching, product_ids, k) → jobs in these states (queued, leased, failed;
-- null for all), of these sources, whose error is like `matching` ('%timed out%'), those that failed
-- last first. reply: what the model answered, where that is why it failed.
-- ---------------------------------------------------------------------------------------------
create or replace function list_jobs(
    states text[] default null, sources text[] default null, matching text default null,
    product_ids bigint[] default null, k int default 1000
) returns table (
    product_id bigint, source text, external_id text, title text, state text, stage text,
    attempts int, run_after timestamptz, lease_until timestamptz, worker text, error text, reply text
)
language sql stable security invoker
set search_path from current
as $func$
    select j.product_id, s.name, p.external_id, p.title, j.state, j.stage, j.attempts, j.run_after,
           j.lease_until, j.worker, j.error, j.reply
    from jobs as j
    join products as p on p.id = j.product_id
    join vitrina.sources as s on s.id = p.source_id
    where (states is null or j.state = any (states))
        and (list_jobs.sources is null or s.name = any (list_jobs.sources))
        and (matching is null or j.error ilike matching)
        and (list_jobs.product_ids is null or j.product_id = any (list_jobs.product_ids))
    order by j.state = 'failed' desc, j.run_after desc, j.product_id
    limit k;
$func$;

-- ---------------------------------------------------------------------------------------------
-- retry_jobs(sources, matching, product_ids) → how many jobs that failed, for good or for now, are
-- due again as if they were new. The filters are those of list_jobs.
-- ---------------------------------------------------------------------------------------------
create or replace function retry_jobs(
    sources text[] default null, matching text default null, product_ids bigint[] default null
) returns int
language sql volatile security invoker
set search_path from current
as $func$
    with retried as (
        update jobs as j set
            state = 'queued', attempts = 0, run_after = now(), error = null, reply = null
        from list_jobs('{failed,queued}', retry_jobs.sources, matching, product_ids, null) as l
        where j.product_id = l.product_id and j.state <> 'leased' and j.error is not null
        returning 1
    )
    select count(*)::int from retried;
$func$;

-- ---------------------------------------------------------------------------------------------
-- drop_jobs(states, sources, matching, product_ids) → how many jobs are gone: their products stay as
-- they are, until they change. A job at work stays. The filters are those of list_jobs.
-- ---------------------------------------------------------------------------------------------
create or replace function drop_jobs(
    states text[] default '{failed}', sources text[] default null, matching text default null,
    product_ids bigint[] default null
) returns int
language sql volatile security invoker
set search_path from current
as $func$
    with dropped as (
        delete from jobs as j
        using list_jobs(states, drop_jobs.sources, matching, drop_jobs.product_ids, null) as l
        where j.product_id = l.product_id and j.state <> 'leased'
        returning 1
    )
    select count(*)::int from dropped;
$func$;
