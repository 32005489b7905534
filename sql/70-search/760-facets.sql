-- Counts of the keywords and attributes of the products that a search finds.

-- ---------------------------------------------------------------------------------------------
-- exact_limit() → so many products are counted one by one; of more, a part is counted.
-- part_of(count) → those of so many products whose id it divides are counted: 1 up to the limit, else so great
-- that half of the limit or less remain. A prime: no order in which a shop puts its rows follows it.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.exact_limit() returns int
language sql immutable parallel safe
return 100000;

create or replace function vitrina_internal.part_of(count bigint) returns int
language sql immutable parallel safe
return case when count <= exact_limit() then 1
            else coalesce((select min(u.prime) from unnest('{3,5,7,11,17,23,37,53,79,127,197,307,499}'::int[]) as u (prime)
                           where u.prime * exact_limit()::bigint >= 2 * count), 997) end;

-- ---------------------------------------------------------------------------------------------
-- found_part(query, asked, filters, …) → if search finds over exact_limit() products on all its pages, by a part of
-- them: those whose id `part` divides; else null, and 1. asked, filters: see with_query. Looks at a part only,
-- where the catalogue is so large; groups are not estimated.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.found_part(
    query text, asked text, filters filters, mode text, embedding @vector@.halfvec,
    image_embedding @vector@.halfvec, weights jsonb, min_relevance real, group_by text,
    out ids bigint[], out part int
)
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    part := case when asked = '' or group_by is not null then 1
                 else part_of((select c.reltuples::bigint from pg_class as c where c.oid = 'products'::regclass)) end;
    if part > 1 then
        select array(select u.id from unnest((s.matches).ids) as u (id) where u.id % part = 0) into ids
        from searched(query, null, filters, mode, embedding, image_embedding, weights, min_relevance, null,
                      asked => asked, part => part) as s;
        if cardinality(ids)::bigint * part <= exact_limit() then
            ids := null;
            part := 1;
        end if;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- found_ids(query, filters, mode, embedding, image_embedding, min_relevance, group_by) → the products that search
-- finds on all its pages, null if these are all there are, and 1; of very many a part, see found_part. filters:
-- without those that the query says.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.found_ids(
    query text, filters filters, mode text, embedding @vector@.halfvec, image_embedding @vector@.halfvec,
    min_relevance real, group_by text, out ids bigint[], out part int
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _asked record := with_query(filters, query);
begin
    part := 1;
    if _asked.asked = '' and embedding is null and image_embedding is null then
        ids := filtered_ids(with_rules(_asked.filters, query, true));
        return;
    end if;
    select f.ids, f.part into ids, part
    from found_part(query, _asked.asked, _asked.filters, mode, embedding, image_embedding, '{}', min_relevance,
                    group_by) as f;
    if part = 1 then
        select coalesce((s.matches).ids, '{}') into ids
        from searched(query, null, _asked.filters, mode, embedding, image_embedding, '{}', min_relevance,
                      null, asked => _asked.asked) as s;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- narrowed_ids(ids, filters) → those of these products that match the filters; ids: null for all products.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.narrowed_ids(ids bigint[], filters filters) returns bigint[]
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _ids bigint[];
begin
    if ids is null or filter_predicate(filters) is null then
        return coalesce(ids, filtered_ids(filters));
    end if;
    execute 'select coalesce(array_agg(p.id), ''{}'') from products as p where p.id = any ($2) and '
            || filter_predicate(filters)
    into _ids
    using filters, ids;
    return _ids;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- sample_of(ids, group_by) → of more products than exact_limit(), every n-th, and n; else all of them, and 1. ids:
-- null for all products. Groups are always counted.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.sample_of(ids bigint[], group_by text, out sample bigint[], out part int)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _count bigint := coalesce(cardinality(ids), (select c.reltuples from pg_class as c where c.oid = 'products'::regclass));
begin
    sample := ids;
    part := 1;
    if group_by is null and _count > exact_limit() then
        part := part_of(_count);
        sample := case when ids is null then array(select p.id from products as p where p.id % part = 0)
                       else array(select u.id from unnest(ids) with ordinality as u (id, place) where u.place % part = 0) end;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- count_keywords(ids, group_by) → how many of these products have each keyword, or how many groups of
-- them; of all products for null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.count_keywords(ids bigint[], group_by text)
returns table (keyword_id bigint, products bigint)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    if group_by is not null then
        return query execute format(
            'select pk.keyword_id, count(distinct group_of(p.id, p.attributes, $2))
             from products as p
             join product_keywords as pk on pk.product_id = p.id
             where %s
             group by pk.keyword_id', case when ids is null then 'true' else 'p.id = any ($1)' end)
        using ids, group_by;
    elsif ids is null then
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
-- rank_keywords(ids, facets, picked, k, group_by) → the keywords' part of facets: of each of these facets
-- the picked keywords, and then the k most used ones; see count_keywords.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.rank_keywords(
    ids bigint[], facets text[], picked bigint[], k int, group_by text
) returns table (facet text, name text, products bigint, chosen boolean, place bigint)
language sql stable security invoker
set search_path from current
as $func$
    select r.*
    from (
        select w.facet, w.name, coalesce(c.products, 0) as products, w.id = any (picked) as chosen,
               row_number() over (partition by w.facet order by w.id = any (picked) desc,
                                                                c.products desc nulls last, w.name) as place
        from keywords as w
        left join count_keywords(ids, group_by) as c on c.keyword_id = w.id
        where w.facet = any (facets) and (c.products > 0 or w.id = any (picked))
    ) as r
    where r.chosen or r.place <= k;
$func$;

-- ---------------------------------------------------------------------------------------------
-- found_unchosen(query, filter, where_path, …, any_keywords, attributes) → all that is counted, from one search.
-- choices: those of these attributes (null: of all) that filter and where_path narrow; unchosen: the products found
-- without these choices and any_keywords; ids: those of them that all choices leave; null for all products; part:
-- see found_part; filters: of all choices.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.found_unchosen(
    query text, filter jsonb, where_path jsonpath, with_keywords text[], without_keywords text[], sources text[],
    mode text, embedding @vector@.halfvec, image_embedding @vector@.halfvec, min_relevance real, group_by text,
    any_keywords jsonb, attributes text[],
    out choices text[], out unchosen bigint[], out ids bigint[], out part int, out filters filters
)
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    filters := filters_of(filter, where_path, '{}', '{}', null, null, any_keywords);
    choices := array(select c.attribute from chosen_attributes(filter, where_path) as c
                     where attributes is null or c.attribute = any (attributes));
    select f.ids, f.part into unchosen, part
    from found_ids(
        query, filters_of(filter - choices, path_without(where_path, choices), with_keywords, without_keywords,
                          sources), mode, embedding, image_embedding, min_relevance, group_by) as f;
    ids := narrowed_ids(unchosen, filters);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- counted_keywords(unchosen, ids, filter, where_path, any_keywords, k, group_by, part) → the rows of facets for
-- keywords; counted_attributes(…, attributes, choices, options, k, group_by, part) → those for attributes. What has no
-- choice is counted among ids, each choice among those of `unchosen` that the other choices leave; see
-- found_unchosen. choices: the chosen attributes that do not count for themselves.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.counted_keywords(
    unchosen bigint[], ids bigint[], filter jsonb, where_path jsonpath, any_keywords jsonb, k int, group_by text,
    part int
) returns table (
    kind text, facet text, value text, products bigint, low numeric, high numeric, chosen boolean, estimated boolean
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    return query
    select 'keyword', c.facet, c.name, c.products * c.part, null::numeric, null::numeric, c.chosen, c.part > 1
    from (
        select r.*, s.part * counted_keywords.part as part
        from sample_of(ids, group_by) as s
        cross join lateral rank_keywords(s.sample, array(
                 select f.facet from unnest(known_facets()) as f (facet)
                 where coalesce(any_keywords -> f.facet, '[]') = '[]'), '{}', k, group_by) as r
        union all
        select r.*, s.part * counted_keywords.part
        from jsonb_each(any_keywords) as a
        cross join lateral sample_of(
            narrowed_ids(unchosen, filters_of(filter, where_path, '{}', '{}', null, null, any_keywords - a.key,
                                           aloud => false)), group_by) as s
        cross join lateral rank_keywords(
            s.sample, array[a.key], chosen_ids(a.key, chosen_words(jsonb_build_object(a.key, a.value))), k, group_by) as r
        where a.value <> '[]'
    ) as c
    order by array_position(known_facets(), c.facet), c.place;
end
$func$;

create or replace function vitrina_internal.counted_attributes(
    unchosen bigint[], ids bigint[], filter jsonb, where_path jsonpath, any_keywords jsonb, attributes text[],
    choices text[], options jsonb, k int, group_by text, part int
) returns table (
    kind text, facet text, value text, products bigint, low numeric, high numeric, chosen boolean, estimated boolean
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    return query
    select 'attribute', c.attribute, c.value, c.products * c.part, c.low, c.high, c.chosen, c.part > 1
    from (
        select r.*, s.part * counted_attributes.part as part
        from sample_of(ids, group_by) as s
        cross join lateral count_attributes(s.sample, attributes, choices, '[]', options, k, group_by) as r
        union all
        select r.*, s.part * counted_attributes.part
        from chosen_attributes(filter, where_path) as a
        cross join lateral filters_of(filter - a.attribute, path_without(where_path, array[a.attribute]),
                                      '{}', '{}', null, null, any_keywords, aloud => false) as f
        cross join lateral sample_of(narrowed_ids(unchosen, f), group_by) as s
        cross join lateral count_attributes(s.sample, array[a.attribute], '{}', a.chosen,
                                            f.options, k, group_by) as r
        where a.attribute = any (choices)
    ) as c
    order by c.attribute, c.chosen desc, c.low nulls first, c.products desc, c.value;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- facets(query, k, …, attributes, …, any_keywords) → the keywords and attributes of the products that
-- search finds on all its pages with the same arguments, counted: a count is that of the rows that search
-- finds when the value is chosen. kind: 'keyword', with the facet and its k most used keywords, or
-- 'attribute', with its name and its k commonest values, including elements of lists. A facet that has
-- a choice (any_keywords; an attribute in filter, or in a condition of where_path) is counted without
-- this choice, and with all others; the chosen values come first, even those that no product has.
-- Numbers with more than k values are given as up to five ranges of about as many products each; low
-- and high are real values of their products. attributes: only these ('{}' for no attributes, and
-- faster); null: all but those whose values hardly repeat. Ignores texts over 100 characters. With
-- group_by it counts groups. estimated: of over 100,000 products a part was counted. Raises VT004 for
-- wrong arguments.
-- ---------------------------------------------------------------------------------------------
create or replace function facets(
    query text default null, k int default 10, filter jsonb default '{}',
    where_path jsonpath default null, with_keywords text[] default '{}',
    without_keywords text[] default '{}', sources text[] default null,
    attributes text[] default null, mode text default 'hybrid',
    embedding @vector@.halfvec default null, image_embedding @vector@.halfvec default null,
    min_relevance real default null, group_by text default null, any_keywords jsonb default '{}'
) returns table (
    kind text, facet text, value text, products bigint, low numeric, high numeric, chosen boolean,
    estimated boolean
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _found record;
begin
    perform check_k(k, 1, 1000);
    filter := coalesce(filter, '{}');
    any_keywords := coalesce(any_keywords, '{}');
    if group_by is not null then
        perform check_text('group_by', group_by);
    end if;
    _found := found_unchosen(query, filter, where_path, with_keywords, without_keywords, sources, mode, embedding,
                             image_embedding, min_relevance, group_by, any_keywords, attributes);
    if _found.ids = '{}' then
        perform say_unknown_attributes(_found.filters);
    end if;
    perform say_unknown('attribute', u.name, u.nearest)
    from unknown_names(attributes => array(
        -- those that the first products found lack
        select a.name from unnest(attributes) as a (name)
        where not exists (
            select from (select p.attributes from products as p
                         where _found.ids is null or p.id = any (_found.ids[:100]) limit 100) as p
            where jsonb_exists(p.attributes, a.name))
        limit 100)) as u;

    return query
    select c.* from counted_keywords(_found.unchosen, _found.ids, filter, where_path, any_keywords, k, group_by,
                                     _found.part) as c;

    if attributes is null or cardinality(attributes) > 0 then
        return query
        select c.* from counted_attributes(_found.unchosen, _found.ids, filter, where_path, any_keywords, attributes,
                                           _found.choices, (_found.filters).options, k, group_by, _found.part) as c;
    end if;
end
$func$;
