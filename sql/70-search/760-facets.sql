-- Counts of the keywords and attributes of the products found.

-- ---------------------------------------------------------------------------------------------
-- facets(query, k, …, attributes) → the keywords and attributes of products, counted over all products
-- that match the filters of search and, with a query, have all its words (any, if no product has all).
-- kind: 'keyword', with the facet and its k most used keywords, or 'attribute', with its name and its k
-- commonest values, including elements of lists. Numbers with more than k values are given as up to
-- five ranges of about as many products each; low and high are real values of their products.
-- attributes: only these ('{}' for no attributes, and faster); null: all but those whose values hardly
-- repeat. Ignores texts over 100 characters. Raises VT004 for wrong arguments.
-- ---------------------------------------------------------------------------------------------
create or replace function facets(
    query text default null, k int default 10, filter jsonb default '{}',
    where_path jsonpath default null, with_keywords text[] default '{}',
    without_keywords text[] default '{}', sources text[] default null,
    attributes text[] default null
) returns table (
    kind text, facet text, value text, products bigint, low numeric, high numeric
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _words text := asked_words(query);
    _filters filters;
    _predicate text;
    _reading reading;
    _tsquery tsquery;
    _ids bigint[];
begin
    perform check_k(k, 1, 1000);
    _filters := filters_of(filter, where_path, with_keywords, without_keywords, sources, query);
    if _words <> '' then
        _reading := read_words(_words);
        _tsquery := _reading.whole;
        if not exists (select from product_text as t where t.tsv @@ _tsquery) then
            _tsquery := _reading.every;
        end if;
    end if;
    _predicate := concat_ws(' and ',
        filter_predicate(_filters),
        case when _tsquery is not null then
            'p.id in (select t.product_id from product_text as t where t.tsv @@ $2)' end);
    if _predicate <> '' then
        execute 'select coalesce(array_agg(p.id), ''{}'') from products as p where ' || _predicate
        into _ids
        using _filters, _tsquery;
    end if;

    return query
    select 'keyword', r.facet, r.name, r.products, null::numeric, null::numeric
    from (
        select w.facet, w.name, c.products,
               row_number() over (partition by w.facet order by c.products desc, w.name) as place
        from count_keywords(_ids) as c
        join keywords as w on w.id = c.keyword_id
    ) as r
    where r.place <= k
    order by array_position(
        array['type', 'material', 'style', 'color', 'feature', 'size', 'audience', 'other'], r.facet), r.place;

    if attributes is null or cardinality(attributes) > 0 then
        return query
        select 'attribute', a.attribute, a.value, a.products, a.low, a.high
        from count_attributes(_ids, attributes, k) as a;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- count_keywords(ids) → how many of these products have each keyword; of all products for null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.count_keywords(ids bigint[])
returns table (keyword_id bigint, products bigint)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    if ids is null then
        return query
        select pk.keyword_id, count(*) from product_keywords as pk group by pk.keyword_id;
    else
        -- executed as text for its own plan: the number of ids decides between the index and a hash
        return query execute
            'select pk.keyword_id, count(*)
             from unnest($1) as u (id)
             join product_keywords as pk on pk.product_id = u.id
             group by pk.keyword_id'
        using ids;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- count_attributes(ids, names, k) → the attributes' part of facets.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.count_attributes(ids bigint[], names text[], k int)
returns table (attribute text, value text, products bigint, low numeric, high numeric)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _each text := case when names is null then 'jsonb_each(p.attributes)'
        else '(select n.key, p.attributes -> n.key as value from unnest($2) as n (key))' end;
begin
    return query execute format(
        'with counted as materialized (
             select a.key collate "C" as key, a.value, count(*) as products
             from products as p
             cross join lateral %s as a
             where %s and a.value is not null
             group by 1, 2
         ),
         spread as (
             -- a list counts once for each of its elements
             select c.key, e.value, c.products
             from counted as c
             cross join lateral (
                 select distinct u.value from jsonb_array_elements(c.value) as u (value)) as e
             where jsonb_typeof(c.value) = ''array''
             union all
             select c.key, c.value, c.products from counted as c
             where jsonb_typeof(c.value) <> ''array''
         ),
         typed as (
             select c.key, sum(c.products)::bigint as products,
                    case when jsonb_typeof(c.value) = ''number'' then c.value::numeric end as number,
                    (c.value #>> ''{}'') collate "C" as text
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
         )
         select n.key, n.text, n.products, n.number, n.number
         from known as n
         where not n.ranged and n.place <= $3
         union all
         select r.key, concat_ws('' to '', min(r.number), nullif(max(r.number), min(r.number))),
                sum(r.products)::bigint,
                min(r.number), max(r.number)
         from known as r
         where r.ranged
         group by r.key, ceil(5 * r.middle / r.total)
         order by 1, 4 nulls first, 3 desc, 2',
        _each, case when ids is null then 'true' else 'p.id = any ($1)' end)
    using ids, names, k;
end
$func$;
