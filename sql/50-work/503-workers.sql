-- Workers: who leases jobs, who has died, and what becomes of the jobs in their hands.

-- ---------------------------------------------------------------------------------------------
-- register_worker(worker, host, pid, boot_id, namespaces, process_start): adds a row for a process that
-- will lease jobs under this random id. boot_id, namespaces and process_start identify the process;
-- null if unknown: its leases then expire, and are never freed early. Deletes rows of workers without
-- leases that sent no heartbeat for a day.
-- ---------------------------------------------------------------------------------------------
create or replace function register_worker(
    worker text, host text, pid int, boot_id text default null, namespaces text default null,
    process_start bigint default null
) returns void
language sql volatile security invoker
set search_path from current
as $func$
    select check_text('worker', worker);
    select check_text('host', host);
    select check_word('pid', case when pid >= 0 then 'a number' else pid::text end, 'a number');
    delete from workers as w
    where w.heartbeat_at < now() - interval '1 day' and w.id <> register_worker.worker
        and not exists (select from jobs as j where j.state = 'leased' and j.worker = w.id);
    insert into workers as w (id, host, pid, boot_id, namespaces, process_start)
    values (worker, host, pid, boot_id, namespaces, process_start)
    on conflict (id) do update set heartbeat_at = now();
$func$;

-- ---------------------------------------------------------------------------------------------
-- is_set_aside(deaths) → whether so many workers died with a product that it is set aside; after one
-- death less it is worked on alone, so that no other product is charged with the last death.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_set_aside(deaths text[]) returns boolean
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select cardinality(deaths) >= 3;
$func$;

-- ---------------------------------------------------------------------------------------------
-- beat_worker(worker, product_ids, lease) → how many of these jobs it still leases, after renewing the
-- leases; null product_ids: all. A worker that was taken for dead and returns is removed from the
-- deaths of the products it had in hand: a product set aside for that is due again.
-- ---------------------------------------------------------------------------------------------
create or replace function beat_worker(
    worker text, product_ids bigint[] default null, lease interval default '10 minutes'
) returns int
language sql volatile security invoker
set search_path from current
as $func$
    select check_lease(lease);
    update workers as w set heartbeat_at = now() where w.id = beat_worker.worker;
    with wronged as materialized (
        select j.product_id, array_remove(j.deaths, beat_worker.worker) as deaths
        from jobs as j
        where j.deaths <> '{}' and beat_worker.worker = any (j.deaths)
        order by j.product_id
        for update skip locked
    )
    update jobs as j set
        deaths = w.deaths,
        state = case when is_set_aside(j.deaths) and j.state = 'failed' then 'queued' else j.state end,
        error = case when is_set_aside(j.deaths) and j.state = 'failed' then null else j.error end
    from wronged as w
    where j.product_id = w.product_id;
    -- the same worker is storing the locked ones
    with mine as materialized (
        select j.product_id
        from jobs as j
        where j.state = 'leased' and j.worker = beat_worker.worker
            and (beat_worker.product_ids is null or j.product_id = any (beat_worker.product_ids))
        order by j.product_id
        for update skip locked
    ),
    extended as (
        update jobs as j set lease_until = now() + lease
        from mine as m
        where j.product_id = m.product_id
        returning 1
    )
    select count(*)::int from extended;
$func$;

-- ---------------------------------------------------------------------------------------------
-- leasing_workers() → the workers with leases and a row, to find out which are gone.
-- ---------------------------------------------------------------------------------------------
create or replace function leasing_workers() returns setof workers
language sql stable security invoker
set search_path from current
as $func$
    select w.*
    from workers as w
    where exists (select from jobs as j where j.state = 'leased' and j.worker = w.id)
    order by w.started_at, w.id;
$func$;

-- ---------------------------------------------------------------------------------------------
-- end_leases(product_ids, proved) → how many leases it ended of workers that do not answer; their
-- products are due again. It is not counted as an attempt. The products in hand, not the waiting ones,
-- may have killed the worker: each is charged with a death if the worker is proved gone, or sent no
-- heartbeat since the lease ran out. A worker that returns (a laptop that slept, a cut network) takes
-- the charge back, see beat_worker. After the third death a product is set aside.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.end_leases(product_ids bigint[], proved boolean) returns int
language sql volatile security invoker
set search_path from current
as $func$
    with ended as materialized (
        select j.product_id,
               case when j.begun_at is not null and j.worker <> all (j.deaths)
                         and (proved or not exists (
                             select from workers as w
                             where w.id = j.worker and w.heartbeat_at > j.lease_until))
                    then j.deaths || j.worker else j.deaths end as deaths
        from jobs as j
        where j.product_id = any (product_ids) and j.state = 'leased'
        order by j.product_id
        for update
    ),
    queued as (
        update jobs as j set
            state = case when is_set_aside(e.deaths) then 'failed' else 'queued' end,
            run_after = case when is_set_aside(e.deaths) then now() else j.run_after end,
            error = case when is_set_aside(e.deaths) then 'three workers died while they worked on'
                || ' this product, the last time on this one alone (out of memory?); mend that,'
                || ' then: vitrina jobs retry ' || j.product_id else j.error end,
            attempts = greatest(j.attempts - 1, 0),
            deaths = e.deaths,
            begun_at = null,
            lease_until = null,
            worker = null
        from ended as e
        where j.product_id = e.product_id
        returning 1
    )
    select count(*)::int from queued;
$func$;

-- ---------------------------------------------------------------------------------------------
-- bury_workers(workers) → how many leases it freed of workers that are proved gone. The products in
-- their hands are charged with a death.
-- ---------------------------------------------------------------------------------------------
create or replace function bury_workers(workers text[]) returns int
language sql volatile security invoker
set search_path from current
as $func$
    delete from vitrina.workers as w where w.id = any (bury_workers.workers);
    select end_leases(array(
        select j.product_id from jobs as j
        where j.state = 'leased' and j.worker = any (bury_workers.workers)), true);
$func$;

-- ---------------------------------------------------------------------------------------------
-- release_jobs(worker) → how many leases it gave back, as untouched and uncharged.
-- ---------------------------------------------------------------------------------------------
create or replace function release_jobs(worker text) returns int
language sql volatile security invoker
set search_path from current
as $func$
    with released as (
        update jobs as j set
            state = 'queued', attempts = greatest(j.attempts - 1, 0), begun_at = null,
            lease_until = null, worker = null
        where j.state = 'leased' and j.worker = release_jobs.worker
        returning 1
    )
    select count(*)::int from released;
$func$;

-- ---------------------------------------------------------------------------------------------
-- retire_worker(worker) → how many leases it gave back, as release_jobs does; deletes its row.
-- ---------------------------------------------------------------------------------------------
create or replace function retire_worker(worker text) returns int
language sql volatile security invoker
set search_path from current
as $func$
    delete from workers as w where w.id = retire_worker.worker;
    select release_jobs(retire_worker.worker);
$func$;
