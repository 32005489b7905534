-- The views, and the cost so far.

-- ---------------------------------------------------------------------------------------------
-- catalog: one row per product, for joins on (source, external_id). url and image are shown as
-- by shown_address; the table products has them whole. images, variants: as put_products takes them.
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
    shown_address(p.url) as url,
    shown_address(p.image) as image,
    p.image_error,
    encode(p.image_sha256, 'hex') as image_sha256,
    p.attributes,
    case when j.state is not null then j.state
         when p.enriched_at is not null then 'enriched'
         else 'new' end as state,
    p.enriched_at,
    p.created_at,
    p.updated_at,
    p.text,
    p.sku,
    p.codes,
    (select coalesce(jsonb_agg(jsonb_build_object('image', shown_address(i.image), 'role', i.role)
                               order by i.position), '[]')
     from product_images as i where i.product_id = p.id) as images,
    (select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
         'sku', v.sku, 'title', v.title, 'codes', v.codes, 'image', shown_address(v.image),
         'attributes', v.attributes)) order by v.position), '[]')
     from variants as v where v.product_id = p.id) as variants
from products as p
join sources as s on s.id = p.source_id
left join jobs as j on j.product_id = p.id;

-- ---------------------------------------------------------------------------------------------
-- source_status: one row per source. state: file, in step, behind (noted changes are not synced yet),
-- waiting (its first sync is to come), broken (problem says why and what to do). noted: noted changes;
-- rejects: rows of the shop that cannot be products (see the table rejects); changed_at: the latest change of
-- one of its products.
-- ---------------------------------------------------------------------------------------------
create or replace view source_status as
select
    s.name as source,
    case
        when a.source_id is null then 'file'
        when m.problem is not null then 'broken'
        when a.swept_at is null then 'waiting'
        when n.noted > 0 then 'behind'
        else 'in step'
    end as state,
    coalesce(a.relation, case when a.source_id is not null then 'a query' end) as follows,
    a.triggers,
    p.products,
    p.enriched,
    j.queued,
    j.failed,
    n.noted,
    n.oldest as noted_since,
    (select count(*) from rejects as r where r.source_id = s.id) as rejects,
    m.problem,
    a.synced_at,
    a.swept_at,
    p.changed_at
from sources as s
left join attachments as a on a.source_id = s.id
cross join lateral (
    select count(*) as products, count(p.enriched_at) as enriched, max(p.updated_at) as changed_at
    from products as p where p.source_id = s.id
) as p
cross join lateral (
    select count(*) filter (where j.state <> 'failed') as queued,
           count(*) filter (where j.state = 'failed') as failed
    from jobs as j join products as p on p.id = j.product_id
    where p.source_id = s.id
) as j
cross join lateral (
    select count(*) as noted, min(c.noted_at) as oldest from changes as c where c.source_id = s.id
) as n
cross join lateral (select coalesce(a.problem, wake_problem(s.id)) as problem) as m;

-- ---------------------------------------------------------------------------------------------
-- cost(by) → calls, tokens and USD of all generations, by day, stage and model; or summed by one of
-- 'day', 'stage' and 'model', the others null. unpriced: calls at an unknown price. Raises VT004 for
-- another `by`.
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
        raise exception 'costs can be summed by day, stage or model, not by %', quote_literal(left(by, 100))
            using errcode = 'VT004', hint = 'leave it out for all three';
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
-- status: one row. queued includes leased jobs; spend: the USD of calls at a known price,
-- null for a role that may not read generations.
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
    (select s.name from spaces as s where s.modality <> 'text' and s.state = 'active') as image_space,
    g.generations,
    case when has_table_privilege('vitrina.generations', 'select') then g.spend end as spend,
    (select string_agg(s.name, ', ' order by s.id) from spaces as s
     where s.modality = 'image' and s.provider = 'local' and s.state = 'building') as next_image_space
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
