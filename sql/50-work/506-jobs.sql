-- The queue: one job per product, leased to one worker at a time, within a budget.

-- ---------------------------------------------------------------------------------------------
-- claim_jobs(worker, k, lease, sources, paid, in_hand, stages) → up to k jobs, now leased to this worker,
-- with the input of an enrichment. Takes queued jobs that are due, also those with an expired lease,
-- oldest first; concurrent claims never share a job. sources: names, null for all. image_root: the
-- folder of the source's relative pictures; image_embedded: sha256 of the picture that is embedded in
-- every local space. deaths: how many workers died with it; from two on, work on it alone. paid: the
-- work costs money: raises VT005 if a standing budget is spent. in_hand: products that the worker is
-- still working on, even if another now leases them; it gets none of these. Without it, its own expired
-- leases are left to others. stages: enrich, embed or picture, see queue_products; null for all.
-- ---------------------------------------------------------------------------------------------
create or replace function claim_jobs(
    worker text, k int default 32, lease interval default '10 minutes',
    sources text[] default null, paid boolean default false, in_hand bigint[] default null,
    stages text[] default null
) returns table (
    product_id bigint, version bigint, stage text, attempts int, source text, external_id text, title text,
    attributes jsonb, image text, image_root text, image_embedded text, deaths int,
    text text, asked int
)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _sources int[];
begin
    perform check_lease(lease);
    perform check_text('worker', worker);
    perform check_k(k);
    if paid then
        perform check_budget();
    end if;
    if claim_jobs.sources is not null then
        select coalesce(array_agg(s.id), '{}') into _sources
        from vitrina.sources as s where s.name = any (claim_jobs.sources);
    end if;
    -- two queries, so that each reads its index in order: the cost does not grow with the queue
    perform end_leases(array(
        select j.product_id
        from jobs as j
        where j.state = 'leased' and j.lease_until < now()
            and case when in_hand is null then j.worker <> claim_jobs.worker
                     else j.product_id <> all (in_hand) end
            and (_sources is null or exists (
                select from products as p where p.id = j.product_id and p.source_id = any (_sources)))
        order by j.lease_until, j.product_id
        limit k
        for update skip locked), false);
    return query
    with due as materialized (
        select j.product_id
        from jobs as j
        where j.state = 'queued' and j.run_after <= now()
            and (stages is null or j.stage = any (stages))
            and (in_hand is null or j.product_id <> all (in_hand))
            and (_sources is null or exists (
                select from products as p where p.id = j.product_id and p.source_id = any (_sources)))
        order by j.run_after, j.product_id
        limit k
        for update skip locked
    ),
    leased as (
        update jobs as j set
            state = 'leased',
            attempts = j.attempts + 1,
            begun_at = null,
            lease_until = now() + lease,
            worker = claim_jobs.worker
        from due as d
        where j.product_id = d.product_id
        returning j.product_id, j.version, j.stage, j.attempts, cardinality(j.deaths) as deaths
    )
    select l.product_id, l.version, l.stage, l.attempts, s.name, p.external_id, p.title, p.attributes,
           p.image, s.config ->> 'image_root', embedded_picture(p.id), l.deaths,
           left(p.text, 10000), p.asked
    from leased as l
    join products as p on p.id = l.product_id
    join vitrina.sources as s on s.id = p.source_id
    order by l.product_id;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- leased_jobs(worker, product_ids, versions) → the jobs that this worker leases, locked, each once;
-- current: whether still in the version it claimed. If a product changed meanwhile, its lease ends and
-- it is due again, like a new one.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.leased_jobs(worker text, product_ids bigint[], versions bigint[])
returns table (product_id bigint, current boolean)
language sql volatile security invoker
set search_path from current
as $func$
    with mine as materialized (
        select j.product_id, j.version = u.version as current
        from (
            select g.product_id, max(g.version) as version
            from unnest(product_ids, versions) as g (product_id, version)
            group by g.product_id
        ) as u
        join jobs as j on j.product_id = u.product_id
        where j.state = 'leased' and j.worker = leased_jobs.worker
        order by j.product_id
        for update of j
    ),
    again as (
        update jobs as j set
            state = 'queued', attempts = 0, begun_at = null, lease_until = null, worker = null,
            run_after = now()
        from mine as m
        where j.product_id = m.product_id and not m.current
    )
    select m.product_id, m.current from mine as m;
$func$;

-- ---------------------------------------------------------------------------------------------
-- begin_jobs(worker, product_ids, versions) → the leased products that this worker may begin with: it
-- now has them in hand, and they are charged if it dies. It must leave the others: it lost the lease,
-- or the product has changed.
-- ---------------------------------------------------------------------------------------------
create or replace function begin_jobs(worker text, product_ids bigint[], versions bigint[])
returns setof bigint
language sql volatile security invoker
set search_path from current
as $func$
    update jobs as j set begun_at = now()
    from leased_jobs(begin_jobs.worker, product_ids, versions) as l
    where j.product_id = l.product_id and l.current
    returning j.product_id;
$func$;

-- ---------------------------------------------------------------------------------------------
-- hold_jobs(worker, product_ids, versions) → the products that this worker still leases in the version
-- it claimed, locked with their jobs until the transaction ends: it may store only these. A product
-- that changed meanwhile is queued again.
-- ---------------------------------------------------------------------------------------------
create or replace function hold_jobs(worker text, product_ids bigint[], versions bigint[])
returns setof bigint
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    -- in the lock order of those who change a product and then queue it
    perform from products as p where p.id = any (hold_jobs.product_ids) order by p.id
    for no key update;
    return query
    select l.product_id
    from leased_jobs(hold_jobs.worker, hold_jobs.product_ids, hold_jobs.versions) as l
    where l.current;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- finish_jobs(worker, product_ids, versions) → how many are done. Skips a job that another worker now
-- holds; a product that changed meanwhile is queued again.
-- ---------------------------------------------------------------------------------------------
create or replace function finish_jobs(worker text, product_ids bigint[], versions bigint[])
returns int
language sql volatile security invoker
set search_path from current
as $func$
    with done as (
        delete from jobs as j
        using leased_jobs(finish_jobs.worker, product_ids, versions) as l
        where j.product_id = l.product_id and l.current
        returning 1
    )
    select count(*)::int from done;
$func$;

-- ---------------------------------------------------------------------------------------------
-- defer_embeddings(worker, product_ids, versions, error) → how many jobs now wait only for their
-- vector, uncharged, with the reason; due within a minute, or five after a second try. Skips a job that
-- another worker holds, or whose product changed.
-- ---------------------------------------------------------------------------------------------
create or replace function defer_embeddings(
    worker text, product_ids bigint[], versions bigint[], error text
) returns int
language sql volatile security invoker
set search_path from current
as $func$
    with deferred as (
        update jobs as j set
            state = 'queued', stage = 'embed', begun_at = null, deaths = '{}',
            lease_until = null, worker = null,
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
-- fail_jobs(worker, product_ids, errors, max_attempts, replies, versions) → how many failed
-- permanently. Others are tried again at a random time within half a minute, doubled after each try, up
-- to an hour, so that failures of the same cause do not return together. replies: the model's answers,
-- if they are the reason. versions: the claimed ones; a product that changed meanwhile has not failed,
-- and is due again.
-- ---------------------------------------------------------------------------------------------
create or replace function fail_jobs(
    worker text, product_ids bigint[], errors text[], max_attempts int default 3,
    replies text[] default null, versions bigint[] default null
) returns int
language sql volatile security invoker
set search_path from current
as $func$
    with failed as (
        update jobs as j set
            state = case when j.attempts >= max_attempts then 'failed' else 'queued' end,
            run_after = now() + case when j.attempts >= max_attempts then interval '0'
                else random() * least(interval '1 hour', interval '15 seconds' * 2 ^ least(j.attempts, 10)) end,
            begun_at = null,
            lease_until = null,
            worker = null,
            error = u.error,
            reply = u.reply
        from (
            select distinct on (g.product_id) g.product_id, g.error, g.reply
            from unnest(product_ids, errors, replies) with ordinality
                as g (product_id, error, reply, place)
            order by g.product_id, g.place
        ) as u
        left join leased_jobs(fail_jobs.worker, product_ids, versions) as l
            on l.product_id = u.product_id
        where j.product_id = u.product_id and j.state = 'leased' and j.worker = fail_jobs.worker
            and (versions is null or l.current)
        returning j.state
    )
    select count(*) filter (where f.state = 'failed')::int from failed as f;
$func$;

-- ---------------------------------------------------------------------------------------------
-- retry_images(sources) → how many products without a usable picture it queued again.
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
-- null for all), of these sources, with an error like `matching` ('%timed out%'); the latest failures
-- first. worker: its host and process number. reply: the model's answer, if it is why the job failed.
-- deaths: how many workers died with it in hand.
-- ---------------------------------------------------------------------------------------------
create or replace function list_jobs(
    states text[] default null, sources text[] default null, matching text default null,
    product_ids bigint[] default null, k int default 1000
) returns table (
    product_id bigint, source text, external_id text, title text, state text, stage text,
    attempts int, run_after timestamptz, lease_until timestamptz, worker text, error text, reply text,
    deaths int
)
language sql stable security invoker
set search_path from current
as $func$
    select j.product_id, s.name, p.external_id, p.title, j.state, j.stage, j.attempts, j.run_after,
           j.lease_until, coalesce(w.host || ':' || w.pid, j.worker), j.error, j.reply,
           cardinality(j.deaths)
    from jobs as j
    left join workers as w on w.id = j.worker
    join products as p on p.id = j.product_id
    join vitrina.sources as s on s.id = p.source_id
    where (states is null or j.state = any (states))
        and (list_jobs.sources is null or s.name = any (list_jobs.sources))
        and (matching is null or j.error ilike matching)
        and (list_jobs.product_ids is null or j.product_id = any (list_jobs.product_ids))
    order by j.state = 'failed' desc, j.run_after desc, j.product_id
    limit check_k(k);
$func$;

-- ---------------------------------------------------------------------------------------------
-- retry_jobs(sources, matching, product_ids) → how many failed jobs, permanent or not, are due again
-- like new ones. For the filters see list_jobs.
-- ---------------------------------------------------------------------------------------------
create or replace function retry_jobs(
    sources text[] default null, matching text default null, product_ids bigint[] default null
) returns int
language sql volatile security invoker
set search_path from current
as $func$
    with retried as (
        update jobs as j set
            state = 'queued', attempts = 0, run_after = now(), error = null, reply = null,
            deaths = '{}'
        from list_jobs('{failed,queued}', retry_jobs.sources, matching, product_ids, null) as l
        where j.product_id = l.product_id and j.state <> 'leased' and j.error is not null
        returning 1
    )
    select count(*)::int from retried;
$func$;

-- ---------------------------------------------------------------------------------------------
-- drop_jobs(states, sources, matching, product_ids) → how many jobs it deleted; their products stay as
-- they are until they change. A job in a worker's hands stays. For the filters see list_jobs.
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
