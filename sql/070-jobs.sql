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
begin
    if paid then
        perform check_budget();
    end if;
    return query
    with due as materialized (
        select j.product_id
        from jobs as j
        where ((j.state = 'queued' and j.run_after <= now())
               or (j.state = 'leased' and j.lease_until < now()))
            and (claim_jobs.sources is null or exists (
                select
                from products as p
                join vitrina.sources as s on s.id = p.source_id
                where p.id = j.product_id and s.name = any (claim_jobs.sources)))
        order by j.run_after, j.product_id
        limit k
        for update skip locked
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
-- fail_jobs(worker, product_ids, errors, max_attempts) → how many have failed for good. The rest
-- wait for another try: twice as long after each, up to an hour.
-- ---------------------------------------------------------------------------------------------
create or replace function fail_jobs(
    worker text, product_ids bigint[], errors text[], max_attempts int default 3
) returns int
language sql volatile security invoker
set search_path from current
as $func$
    with failed as (
        update jobs as j set
            state = case when j.attempts >= max_attempts then 'failed' else 'queued' end,
            run_after = now() + least(interval '1 hour', interval '15 seconds' * 2 ^ j.attempts),
            lease_until = null,
            worker = null,
            error = u.error
        from unnest(product_ids, errors) as u (product_id, error)
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
