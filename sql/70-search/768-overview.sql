-- All that stands beside the products of a search, from one search.

-- ---------------------------------------------------------------------------------------------
-- overview(query, k, …, any_keywords, bins_of, bins, milliseconds) → what facets, count_matches and histogram give
-- for the same arguments, for the price of one search. kind: 'total', with the number of products;
-- 'keyword' and 'attribute', as in facets; 'bin', with the histogram of the attribute bins_of: its number is the
-- value. milliseconds: after so long, no further part is counted; null for no limit. A part that is left out, or
-- that statement_timeout cuts short, is named: 'late', with the facet or attribute; its other rows, if there are
-- any, are not all. Raises VT004 for wrong arguments.
-- ---------------------------------------------------------------------------------------------
create or replace function overview(
    query text default null, k int default 10, filter jsonb default '{}',
    where_path jsonpath default null, with_keywords text[] default '{}',
    without_keywords text[] default '{}', sources text[] default null,
    attributes text[] default null, mode text default 'hybrid',
    embedding @vector@.halfvec default null, image_embedding @vector@.halfvec default null,
    min_relevance real default null, group_by text default null, any_keywords jsonb default '{}',
    bins_of text default null, bins int default 24, milliseconds int default null
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
    _until timestamptz;
    _part text;
begin
    perform check_k(k, 1, 1000);
    perform check_k(bins, 1, 1000);
    perform check_k(milliseconds);
    if bins_of is not null then
        perform check_text('bins_of', bins_of);
    end if;
    if group_by is not null then
        perform check_text('group_by', group_by);
    end if;
    filter := coalesce(filter, '{}');
    any_keywords := coalesce(any_keywords, '{}');
    _found := found_unchosen(
        query, filter, where_path, with_keywords, without_keywords, sources, mode, embedding, image_embedding,
        min_relevance, group_by, any_keywords,
        case when attributes is not null then array(select unnest(attributes)) || bins_of end);
    return query
    select 'total', null::text, null::text,
           case when group_by is not null then (
                    select count(distinct group_of(p.id, p.attributes, group_by)) from products as p
                    where _found.ids is null or p.id = any (_found.ids))
                when _found.ids is null then (select count(*) from products)
                else cardinality(_found.ids) * _found.part::bigint end,
           null::numeric, null::numeric, false, _found.part > 1;

    _until := clock_timestamp() + milliseconds * interval '1 millisecond';
    foreach _part in array array['keyword', 'attribute', 'bin'] loop
        continue when _part = 'attribute' and cardinality(attributes) = 0 or _part = 'bin' and bins_of is null;
        if coalesce(clock_timestamp() < _until, true) then
            begin
                if _part = 'keyword' then
                    return query
                    select c.* from counted_keywords(_found.unchosen, _found.ids, filter, where_path, any_keywords, k,
                                                     group_by, _found.part) as c;
                elsif _part = 'attribute' then
                    return query
                    select c.* from counted_attributes(
                        _found.unchosen, _found.ids, filter, where_path, any_keywords, attributes,
                        array(select u.name from unnest(_found.choices) as u (name)
                              where attributes is null or u.name = any (attributes)),
                        (_found.filters).options, k, group_by, _found.part) as c;
                else
                    return query
                    select 'bin', bins_of, b.bin::text, b.products * _found.part, b.low, b.high, false,
                           b.estimated or _found.part > 1
                    from bins_of(
                        narrowed_ids(_found.unchosen, filters_of(
                            filter - bins_of, path_without(where_path, array[bins_of]), '{}', '{}', null, null,
                            any_keywords, aloud => false)), bins_of, bins, group_by) as b;
                end if;
                continue;
            exception when query_canceled then
                _until := '-infinity'; -- statement_timeout does not come twice
            end;
        end if;
        return query
        select 'late', n.name, null::text, null::bigint, null::numeric, null::numeric, false, false
        from unnest(case _part
            when 'keyword' then array(select f.facet from unnest(known_facets()) with ordinality as f (facet, place)
                                      where exists (select from keywords as w where w.facet = f.facet) order by f.place)
            when 'attribute' then coalesce(attributes, '{attributes}')
            else array[bins_of] end) as n (name);
    end loop;
end
$func$;
