-- How the numbers of an attribute are spread, to draw them.

-- ---------------------------------------------------------------------------------------------
-- bin_edges(low, high, bins) → the edges of equal bins from low to high, rounded to what can be read.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.bin_edges(low numeric, high numeric, bins int) returns numeric[]
language sql immutable parallel safe
return case when high > low then array[low] || (
    select array_agg(trim_scale(round(low + (high - low) * u.i / bins, greatest(4 - floor(log(high - low))::int, 0)))
                     order by u.i)
    from generate_series(1, bins - 1) as u (i)) || high else array[low, high] end;

-- ---------------------------------------------------------------------------------------------
-- numbers_of(ids, attribute, group_by) → the numbers of an attribute of these products, of all for null. one: the
-- group; else null for the only number of a product, and the product for the numbers of a list.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.numbers_of(ids bigint[], attribute text, group_by text)
returns table (one text, number numeric)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    return query execute format(
        'with given as materialized (
             select p.id, %s as one, p.attributes -> $2 as value from products as p where %s
         )
         select g.one, g.value::numeric from given as g where jsonb_typeof(g.value) = ''number''
         union all
         select coalesce(g.one, g.id::text), e.value::numeric
         from given as g
         cross join lateral jsonb_array_elements(
             case jsonb_typeof(g.value) when ''array'' then g.value else ''[]'' end) as e
         where jsonb_typeof(g.value) = ''array'' and jsonb_typeof(e.value) = ''number''',
        case when group_by is null then 'null::text' else 'group_of(p.id, p.attributes, $3)' end,
        case when ids is null then 'true' else 'p.id = any ($1)' end)
    using ids, attribute, group_by;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- bins_of(ids, attribute, bins, group_by) → the rows of histogram for these products, all of them for null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.bins_of(ids bigint[], attribute text, bins int, group_by text)
returns table (bin int, low numeric, high numeric, products bigint, estimated boolean)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _sample record;
begin
    _sample := sample_of(ids, group_by);
    return query
    with number as materialized (
        select n.one, n.number from numbers_of(_sample.sample, attribute, group_by) as n
    ),
    spread as materialized (
        select s.*, bin_edges(s.low, s.high, bins) as edges
        from (select percentile_disc(0.01) within group (order by n.number) as low,
                     percentile_disc(0.99) within group (order by n.number) as high,
                     min(n.number) as least, max(n.number) as most
              from number as n) as s
        where s.low is not null
    )
    select b.bin, coalesce(s.edges[b.bin], s.least), coalesce(s.edges[b.bin + 1], s.most),
           coalesce(c.products, 0) * _sample.part, _sample.part > 1
    from spread as s
    cross join lateral generate_series(0, cardinality(s.edges)) as b (bin)
    left join (
        select n.bin, count(*) filter (where n.one is null) + count(distinct n.one) as products
        from (select case when n.number = s.high then cardinality(s.edges) - 1
                          else width_bucket(n.number, s.edges) end as bin, n.one
              from spread as s cross join number as n) as n
        group by n.bin
    ) as c on c.bin = b.bin
    where c.products > 0 or b.bin between 1 and cardinality(s.edges) - 1
    order by b.bin;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- histogram(attribute, bins, query, …) → the numbers of an attribute of the products that search finds with
-- these arguments, counted in equal bins between those that 1 % of them are below and above. A bin has the
-- numbers from low to below high, the last also high itself; bin 0 has those below, the one after the last those
-- above, if there are any. Conditions on the attribute itself do not count, as in facets. A product with a list of
-- numbers is in each of their bins; with group_by groups are counted. No rows without numbers. Raises VT004
-- for wrong arguments.
-- ---------------------------------------------------------------------------------------------
create or replace function histogram(
    attribute text, bins int default 24, query text default null, filter jsonb default '{}',
    where_path jsonpath default null, with_keywords text[] default '{}',
    without_keywords text[] default '{}', sources text[] default null, mode text default 'hybrid',
    embedding @vector@.halfvec default null, image_embedding @vector@.halfvec default null,
    min_relevance real default null, group_by text default null, any_keywords jsonb default '{}'
) returns table (bin int, low numeric, high numeric, products bigint, estimated boolean)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    perform check_text('attribute', attribute);
    perform check_k(bins, 1, 1000);
    if group_by is not null then
        perform check_text('group_by', group_by);
    end if;
    return query
    select b.bin, b.low, b.high, b.products * f.part, b.estimated or f.part > 1
    from found_ids(
        query, filters_of(coalesce(filter, '{}') - attribute, path_without(where_path, array[attribute]), with_keywords,
                          without_keywords, sources, null, any_keywords),
        mode, embedding, image_embedding, min_relevance, group_by) as f
    cross join lateral bins_of(f.ids, attribute, bins, group_by) as b;
end
$func$;
