-- What a search is narrowed to.

-- ---------------------------------------------------------------------------------------------
-- _filter_predicate(…, one_by_one) → a condition over `products as p` on the values that are given,
-- or null. Its parameters: $3 filter, $4 where_path, $5 wanted and $6 unwanted keyword ids, $7 source
-- ids, $8 operators of the query. The text is made of constants; every value stays a parameter.
-- one_by_one: for a few products that are looked at one after the other, not for all at once.
-- ---------------------------------------------------------------------------------------------
create or replace function _filter_predicate(
    filter jsonb, where_path jsonpath, wanted bigint[], unwanted bigint[], source_ids int[],
    operators text, one_by_one boolean default false
) returns text
language sql immutable parallel safe
return nullif(concat_ws(' and ',
    case when filter <> '{}' then 'p.attributes @> $3' end,
    -- times with and without a zone are compared as well, then, in that of the session
    case when where_path::text ~ '\.(date|time|timestamp)[a-z_]*\('
         then 'jsonb_path_match_tz(p.attributes, $4, ''{}'', true)'
         when where_path is not null then 'p.attributes @@ $4' end,
    case when cardinality(wanted) > 0 then case when one_by_one then
        '(select count(*) from product_keywords as pk'
        ' where pk.product_id = p.id and pk.keyword_id = any ($5)) = cardinality($5)'
    else
        'p.id in (select pk.product_id from product_keywords as pk where pk.keyword_id = any ($5)'
        ' group by pk.product_id having count(*) = cardinality($5))' end end,
    case when cardinality(unwanted) > 0 then case when one_by_one then
        'not exists (select from product_keywords as pk'
        ' where pk.product_id = p.id and pk.keyword_id = any ($6))'
    else
        'p.id not in (select pk.product_id from product_keywords as pk'
        ' where pk.keyword_id = any ($6))' end end,
    case when source_ids is not null then 'p.source_id = any ($7)' end,
    case when operators is not null then
        'exists (select from product_text as t join vitrina.sources as s on s.id = p.source_id'
        ' where t.product_id = p.id'
        ' and t.tsv @@ websearch_to_tsquery(s.text_config::regconfig, $8))' end), '');

-- ---------------------------------------------------------------------------------------------
-- _keyword_ids(terms) → the keywords these terms are, by their aliases; -1 for a term that is none.
-- ---------------------------------------------------------------------------------------------
create or replace function _keyword_ids(terms text[]) returns bigint[]
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select coalesce(array_agg(distinct coalesce(a.keyword_id, -1)), '{}')
    from unnest(terms) as u (term)
    left join keyword_aliases as a on a.alias = normal_form(u.term);
$func$;

-- ---------------------------------------------------------------------------------------------
-- _filters_of(filters, one_by_one) → the condition of _filter_predicate for these.
-- ---------------------------------------------------------------------------------------------
create or replace function _filters_of(filters query_filters, one_by_one boolean default false)
returns text
language sql immutable parallel safe
return _filter_predicate(filters.filter, filters.where_path, filters.wanted, filters.unwanted,
                         filters.source_ids, filters.operators, one_by_one);

-- ---------------------------------------------------------------------------------------------
-- _filtered_ids(filters, at_most) → the ids of the products that the filters leave, in no order; null
-- where there are more than `at_most`, or no filters at all.
-- ---------------------------------------------------------------------------------------------
create or replace function _filtered_ids(filters query_filters, at_most int default null)
returns bigint[]
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    -- products with the wanted keywords are looked up first, and the rest only of them
    _wanted text := 'select pk.product_id as id from product_keywords as pk'
                    ' where pk.keyword_id = any ($5)'
                    ' group by pk.product_id having count(*) = cardinality($5)';
    _rest text := _filter_predicate(filters.filter, filters.where_path, '{}', filters.unwanted,
                                    filters.source_ids, filters.operators);
    _ids bigint[];
begin
    if _filters_of(filters) is null then
        return null;
    end if;
    execute format(
        'select coalesce(array_agg(f.id), ''{}'') from (%s limit $9) as f',
        case when filters.wanted = '{}' then 'select p.id from products as p where ' || _rest
             when _rest is null then _wanted
             else format('select p.id from (%s) as w join products as p on p.id = w.id where %s',
                         _wanted, _rest) end)
    into _ids
    using null, null, filters.filter, filters.where_path, filters.wanted, filters.unwanted,
          filters.source_ids, filters.operators, at_most + 1;
    return case when cardinality(_ids) > at_most then null else _ids end;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _check_narrowing(…): raises VT004 for what a search cannot be narrowed to, with the way out.
-- ---------------------------------------------------------------------------------------------
create or replace function _check_narrowing(
    filter jsonb, where_path jsonpath, with_keywords text[], without_keywords text[], sources text[]
) returns void
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _bare text;
begin
    if jsonb_typeof(filter) <> 'object' then
        raise exception 'filter must be a JSON object, not %', left(filter::text, 100)
            using errcode = 'VT004', hint = 'like ''{"brand": "Linden"}''';
    end if;
    if greatest(cardinality(with_keywords), cardinality(without_keywords), cardinality(sources)) > 10000
    then
        raise exception 'with_keywords, without_keywords and sources take 10000 items at most, each'
            using errcode = 'VT004', hint = 'name fewer of them';
    end if;
    if where_path is not null then
        -- what raises, silent or not, where a product has the attribute; texts and keys aside
        _bare := regexp_replace(where_path::text, '"(\\.|[^"\\])*"', '""', 'g');
        if _bare ~ '\$""|\.decimal\((0|[^)]*\d{4})' then
            raise exception 'where_path cannot use variables, nor .decimal() of over 999 digits: %',
                left(where_path::text, 100)
                using errcode = 'VT004', hint = 'a predicate over attributes, like ''$.price < 50''';
        end if;
    end if;
end
$func$;
