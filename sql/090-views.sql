-- ---------------------------------------------------------------------------------------------
-- catalog: one row a product, for joins on (source, external_id).
-- ---------------------------------------------------------------------------------------------
create or replace view catalog as
select
    p.id as product_id,
    s.name as source,
    p.external_id,
    p.title,
    p.description,
    p.caption,
    p.keywords,
    p.url,
    p.image,
    p.image_error,
    encode(p.image_sha256, 'hex') as image_sha256,
    p.attributes,
    case when j.state is not null then j.state
         when p.enriched_at is not null then 'enriched'
         else 'new' end as state,
    p.enriched_at,
    p.created_at,
    p.updated_at
from products as p
join sources as s on s.id = p.source_id
left join jobs as j on j.product_id = p.id;

-- ---------------------------------------------------------------------------------------------
-- cost(by) → calls, tokens and USD of all generations, by day, stage and model; or added up by one
-- of 'day', 'stage' and 'model', the others null. unpriced: calls whose price is not known. Raises
-- VT004 for another `by`.
-- ---------------------------------------------------------------------------------------------
create or replace function cost(by text default null) returns table (
    day date, stage text, model text, calls bigint, input_tokens bigint, cached_tokens bigint,
    output_tokens bigint, usd numeric, unpriced bigint
)
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    if by not in ('day', 'stage', 'model') then
        raise exception 'costs are added up by day, stage or model, not %', quote_literal(by)
            using errcode = 'VT004';
    end if;
    return query
    select
        case when coalesce(by, 'day') = 'day' then g.created_at::date end,
        case when coalesce(by, 'stage') = 'stage' then g.stage end,
        case when coalesce(by, 'model') = 'model' then g.model end,
        count(*), sum(g.input_tokens), sum(g.cached_tokens), sum(g.output_tokens), sum(g.cost),
        count(*) filter (where g.cost is null)
    from generations as g
    group by 1, 2, 3
    order by 1, 2, 3;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- status: one row. queued counts leased jobs too; spend is in USD, of what had a known price.
-- ---------------------------------------------------------------------------------------------
create or replace view status as
select
    p.products,
    p.enriched,
    p.without_picture,
    j.queued,
    j.leased,
    j.failed,
    j.oldest_lease,
    (select count(*) from keywords) as keywords,
    (select count(*) from keyword_aliases) as aliases,
    (select s.name from spaces as s where s.modality = 'text' and s.state = 'active') as text_space,
    (select s.name from spaces as s where s.modality = 'image' and s.state = 'active') as image_space,
    g.generations,
    g.spend
from (
    select count(*) as products, count(p.enriched_at) as enriched,
           count(*) filter (where p.image_sha256 is null) as without_picture
    from products as p
) as p
cross join (
    select count(*) filter (where j.state in ('queued', 'leased')) as queued,
           count(*) filter (where j.state = 'leased') as leased,
           count(*) filter (where j.state = 'failed') as failed,
           min(j.lease_until) as oldest_lease
    from jobs as j
) as j
cross join (
    select count(*) as generations, coalesce(sum(g.cost), 0) as spend
    from generations as g
) as g;
