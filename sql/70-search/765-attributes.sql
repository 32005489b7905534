-- Counts of the attributes of products, by value and by range.

-- ---------------------------------------------------------------------------------------------
-- variant_values(product_id, name, value, options) → those of an attribute's values that a variant has
-- which also has these others: of a product in small black and large white, in small only black. All of
-- them for a product without variants, and without options.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.variant_values(
    product_id bigint, name text, value jsonb, options jsonb
) returns jsonb
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select case
        when not exists (select from variants as v where v.product_id = variant_values.product_id) then value
        else (
            select jsonb_agg(e.value)
            from jsonb_array_elements(case jsonb_typeof(value) when 'array' then value
                                      else jsonb_build_array(value) end) as e
            where exists (
                select
                from variants as v
                where v.product_id = variant_values.product_id and not exists (
                    select
                    from jsonb_each(options || jsonb_build_object(variant_values.name, e.value)) as o
                    where not v.attributes -> o.key @> o.value))) end;
$func$;

-- ---------------------------------------------------------------------------------------------
-- count_attributes(ids, names, without, picked, options, k, group_by) → the attributes' part of facets,
-- for these products, all of them for null: the attributes of these names, all that are fit for null,
-- but those in `without`. picked: values to give in any case. options: see variant_values.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.count_attributes(
    ids bigint[], names text[], without text[], picked jsonb, options jsonb, k int, group_by text
) returns table (attribute text, value text, products bigint, low numeric, high numeric, chosen boolean)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _each text := case when names is null then 'jsonb_each(p.attributes)'
        else '(select n.key, p.attributes -> n.key as value from unnest($2) as n (key))' end;
    _value text := case when coalesce(options, '{}') = '{}' then 'a.value'
        else 'variant_values(p.id, a.key, a.value, $6)' end;
    _group text := case when group_by is null then 'null::bigint' else 'group_of(p.id, p.attributes, $7)' end;
    -- a value is in a list once, so the products of its lists add up
    _count text := case when group_by is null then 'sum(c.products)::bigint' else 'count(distinct c.one)' end;
begin
    return query execute format(
        'with counted as materialized (
             select a.key collate "C" as key, %2$s as value, %3$s as one, %6$s as whole, count(*) as products
             from products as p
             cross join lateral %1$s as a
             where %5$s and a.value is not null and a.key <> all ($4)
             group by 1, 2, 3, 4
         ),
         spread as materialized (
             select c.key, c.value, c.one, c.products from counted as c where jsonb_typeof(c.value) <> ''array''
             union all
             -- a list counts once for each of its elements
             select c.key, e.value, c.one, c.products
             from counted as c
             cross join lateral (
                 select distinct u.value from jsonb_array_elements(c.value) as u (value)) as e
             where jsonb_typeof(c.value) = ''array''
         ),
         typed as (
             select c.key, c.value, %4$s as products,
                    case when jsonb_typeof(c.value) = ''number'' then c.value::numeric end as number,
                    (c.value #>> ''{}'') collate "C" as text, $5 @> c.value as chosen
             from spread as c
             where jsonb_typeof(c.value) in (''string'', ''number'', ''boolean'')
             group by c.key, c.value
         ),
         kinds as (
             select t.key, t.number is null as textual, count(*) as values, sum(t.products) as total
             from typed as t
             where t.number is not null or length(t.text) <= 100
             group by 1, 2
         ),
         known as (
             select t.*, d.total, not d.textual and d.values > $3 as ranged,
                    row_number() over (w order by t.products desc, t.text) as place,
                    sum(t.products) over (w order by t.number, t.text) - t.products / 2.0 as middle
             from typed as t
             join kinds as d on d.key = t.key and d.textual = (t.number is null)
             where t.number is not null or length(t.text) <= 100 and (
                 $2 is not null or d.values <= $3 or d.values * 2 <= d.total)
             window w as (partition by t.key, t.number is null)
         ),
         ranges as materialized (
             select r.key, min(r.number) as low, max(r.number) as high
             from known as r
             where r.ranged
             group by r.key, ceil(5 * r.middle / r.total)
         )
         select n.key, coalesce(trim_scale(n.number)::text, n.text), n.products, n.number, n.number, n.chosen
         from known as n
         where not n.ranged and n.place <= $3 or n.chosen
         union all
         select $2[1], c.value #>> ''{}'', 0, case when jsonb_typeof(c.value) = ''number'' then c.value::numeric end,
                case when jsonb_typeof(c.value) = ''number'' then c.value::numeric end, true
         from jsonb_array_elements($5) as c
         where not exists (select from known as n where n.value = c.value)
         union all
         select r.key, concat_ws('' to '', trim_scale(r.low), trim_scale(nullif(r.high, r.low))), %4$s, r.low, r.high, false
         from ranges as r
         join lateral (
             -- a list with two numbers of a range is one product; a range is of no variant
             select t.products, t.one
             from counted as t
             where t.key = r.key and case jsonb_typeof(coalesce(t.whole, t.value))
                 when ''number'' then coalesce(t.whole, t.value) between to_jsonb(r.low) and to_jsonb(r.high)
                 when ''array'' then exists (
                     select from jsonb_array_elements(coalesce(t.whole, t.value)) as e
                     where jsonb_typeof(e.value) = ''number'' and e.value between to_jsonb(r.low) and to_jsonb(r.high)) end
         ) as c on true
         group by r.key, r.low, r.high',
        _each, _value, _group, _count, case when ids is null then 'true' else 'p.id = any ($1)' end,
        case when _value = 'a.value' then 'null::jsonb' else 'a.value' end)
    using ids, names, k, without, picked, options, group_by;
end
$func$;
