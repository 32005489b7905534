-- The work as people watch it: how far it is, why jobs failed, what has what.

-- ---------------------------------------------------------------------------------------------
-- work_progress() → one row: jobs that are queued, running (a worker has them) and failed, products that
-- are done (enriched, with no job left), the USD spent so far, and the budget nearest to its end, with what its
-- period has spent and open batches may cost; nulls without a budget, or for a role that may not read the spend.
-- ---------------------------------------------------------------------------------------------
create or replace function work_progress() returns table (
    queued bigint, running bigint, failed bigint, done bigint, spent numeric, budget numeric,
    budget_period text, budget_spent numeric
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _budget record;
begin
    if has_table_privilege('generations', 'select') and has_table_privilege('budgets', 'select') then
        select b.* into _budget from standing_budgets() as b order by b.spent / nullif(b.usd, 0) desc nulls first limit 1;
        select coalesce(sum(g.cost), 0) into spent from generations as g;
        budget := _budget.usd;
        budget_period := _budget.period;
        budget_spent := _budget.spent;
    end if;
    select count(*) filter (where j.state = 'queued'), count(*) filter (where j.state = 'leased'),
           count(*) filter (where j.state = 'failed')
    into queued, running, failed
    from jobs as j;
    select count(*) into done
    from products as p
    where p.enriched_at is not null and not exists (select from jobs as j where j.product_id = p.id);
    return next;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- job_failures(k) → the k commonest reasons of jobs with an error, most first: how many jobs, and how many of
-- them will be tried again by themselves; the stage; an example (its error and product) with the latest time
-- that it is due; matching: a pattern for list_jobs, retry_jobs and drop_jobs that finds the group. Errors
-- are one reason if they differ only in numbers, quoted names and addresses.
-- ---------------------------------------------------------------------------------------------
create or replace function job_failures(k int default 50) returns table (
    matching text, jobs bigint, retrying bigint, stage text, error text, source text, external_id text,
    title text, run_after timestamptz
)
language sql stable security invoker
set search_path from current
as $func$
    select g.matching, g.jobs, g.retrying, e.stage, e.error, s.name, p.external_id, p.title, e.run_after
    from (
        select f.matching, count(*) as jobs, count(*) filter (where f.state <> 'failed') as retrying,
               (array_agg(f.product_id order by f.run_after desc, f.product_id))[1] as example
        from (
            select j.product_id, j.state, j.run_after,
                   left(regexp_replace(regexp_replace(
                       replace(replace(replace(left(j.error, 1000), '\', '\\'), '%', '\%'), '_', '\_'),
                       '[a-z][a-z0-9+.-]*://\S+|''[^'']*''|"[^"]*"|[0-9]+', '%', 'gi'),
                       '%[% ]*%', '%', 'g'), 500) || '%' as matching
            from vitrina.jobs as j
            where j.error is not null
        ) as f
        group by f.matching
        order by jobs desc, f.matching
        limit check_k(k)
    ) as g
    join vitrina.jobs as e on e.product_id = g.example
    join products as p on p.id = e.product_id
    join vitrina.sources as s on s.id = p.source_id
    order by g.jobs desc, g.matching;
$func$;

-- ---------------------------------------------------------------------------------------------
-- coverage() → how many products have what: a picture, keywords, a caption, and a vector in each space; `of`:
-- how many should have it.
-- ---------------------------------------------------------------------------------------------
create or replace function coverage() returns table (what text, products bigint, of bigint)
language sql stable security invoker
set search_path from current
as $func$
    select c.what, c.products, c.of
    from (
        select 1 as place, v.place as second, v.what, v.products, v.of
        from (
            select count(*) as of, count(p.image_sha256) as pictures,
                   count(*) filter (where p.keywords <> '{}') as keywords, count(p.caption) as captions
            from products as p
        ) as n
        cross join lateral (values (1, 'picture', n.pictures, n.of), (2, 'keywords', n.keywords, n.of),
                                   (3, 'caption', n.captions, n.of)) as v (place, what, products, of)
        union all
        select 2, row_number() over (), 'vector in ' || s.name, s.products, s.products + s.missing_products
        from space_status() as s
        where s.state <> 'retired'
    ) as c
    order by c.place, c.second;
$func$;
