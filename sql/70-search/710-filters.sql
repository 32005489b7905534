-- The filters of a search.

-- ---------------------------------------------------------------------------------------------
-- filter_predicate(filters, one_by_one) → a condition over `products as p` for the filters, or null if
-- they are empty. The filters are its parameter $1: the text is made of constants. one_by_one: for a
-- few products that are checked singly, not for all at once. An attribute is the wanted value, or a
-- list that has it; several wanted values are those of one variant. Hidden products match no filters.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.filter_predicate(
    filters filters, one_by_one boolean default false
) returns text
language sql immutable parallel safe
return nullif(concat_ws(' and ',
    case when filters.filter <> '{}' then 'p.attributes @> ($1).filter' end,
    (select string_agg(format('(p.attributes @> ($1).alone[%1$s] or p.attributes @> ($1).listed[%1$s])', u.i),
                       ' and ' order by u.i)
     from generate_subscripts(filters.alone, 1) as u (i)),
    case when cardinality(filters.alone) > 1 then
        '(not exists (select from variants as v where v.product_id = p.id)'
        ' or exists (select from variants as v where v.product_id = p.id and not exists ('
        'select from jsonb_each(($1).options) as o where not v.attributes -> o.key @> o.value)))' end,
    -- then times with and without a zone compare too, in the session's zone
    case when filters.where_path::text ~ '\.(date|time|timestamp)[a-z_]*\('
         then 'jsonb_path_match_tz(p.attributes, ($1).where_path, ''{}'', true)'
         when filters.where_path is not null then 'p.attributes @@ ($1).where_path' end,
    case when cardinality(filters.wanted) > 0 then case when one_by_one then
        '(select count(*) from product_keywords as pk'
        ' where pk.product_id = p.id and pk.keyword_id = any (($1).wanted)) = cardinality(($1).wanted)'
    else
        'p.id in (select pk.product_id from product_keywords as pk'
        ' where pk.keyword_id = any (($1).wanted)'
        ' group by pk.product_id having count(*) = cardinality(($1).wanted))' end end,
    case when cardinality(filters.unwanted) > 0 then case when one_by_one then
        'not exists (select from product_keywords as pk'
        ' where pk.product_id = p.id and pk.keyword_id = any (($1).unwanted))'
    else
        'p.id not in (select pk.product_id from product_keywords as pk'
        ' where pk.keyword_id = any (($1).unwanted))' end end,
    case when filters.price_path is not null then 'p.attributes @@ ($1).price_path' end,
    without_predicate(filters, one_by_one),
    (select string_agg(case when one_by_one then
        format('exists (select from product_keywords as pk where pk.product_id = p.id'
               ' and pk.keyword_id = any (($1).chosen[%s:%s]))', c.first, c.last)
    else
        format('p.id in (select pk.product_id from product_keywords as pk'
               ' where pk.keyword_id = any (($1).chosen[%s:%s]))', c.first, c.last) end,
        ' and ' order by c.last)
     from (select coalesce(lag(u.last) over (order by u.last), 0) + 1 as first, u.last
           from unnest(filters.chosen_ends) as u (last)) as c),
    hidden_condition(filters.rules),
    case when filters.source_ids is not null then 'p.source_id = any (($1).source_ids)' end,
    case when filters.operators is not null then
        'exists (select from product_text as t join vitrina.sources as s on s.id = p.source_id'
        ' where t.product_id = p.id'
        ' and t.tsv @@ websearch_to_tsquery(s.text_config::regconfig, ($1).operators))' end), '');

-- ---------------------------------------------------------------------------------------------
-- filtered_ids(filters, at_most) → the ids of the products that match the filters, unordered; null if
-- there are more than `at_most`, or no filters.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.filtered_ids(filters filters, at_most int default null)
returns bigint[]
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    -- look up the products with the wanted keywords first, and check the other filters only on them
    _wanted constant text := 'select pk.product_id as id from product_keywords as pk'
                             ' where pk.keyword_id = any (($1).wanted)'
                             ' group by pk.product_id having count(*) = cardinality(($1).wanted)';
    _others filters := filters;
    _rest text;
    _ids bigint[];
begin
    if filter_predicate(filters) is null then
        return null;
    end if;
    _others.wanted := '{}';
    _rest := filter_predicate(_others);
    execute format(
        'select coalesce(array_agg(f.id), ''{}'') from (%s limit $2) as f',
        case when filters.wanted = '{}' then 'select p.id from products as p where ' || _rest
             when _rest is null then _wanted
             else format('select p.id from (%s) as w join products as p on p.id = w.id where %s',
                         _wanted, _rest) end)
    into _ids
    using filters, at_most + 1;
    return case when cardinality(_ids) > at_most then null else _ids end;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- meets(product_id, filters) → whether a product is among those that the filters leave.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.meets(product_id bigint, filters filters) returns boolean
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _meets boolean;
begin
    execute format('select exists (select from products as p where p.id = $2 and %s)',
                   coalesce(filter_predicate(filters, true), 'true'))
    into _meets
    using filters, product_id;
    return _meets;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- keyword_ids(terms) → the keywords of these terms, by their aliases or by the thesaurus; -1 for an unknown
-- term.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.keyword_ids(terms text[]) returns bigint[]
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select coalesce(array_agg(distinct coalesce(a.keyword_id, k.keyword_id, -1)), '{}')
    from unnest(terms) as u (term)
    left join keyword_aliases as a on a.alias = normal_form(u.term)
    -- of a dropped keyword the alias is known
    left join lateral known_key(normal_form(u.term)) as k on a.alias is null;
$func$;

-- ---------------------------------------------------------------------------------------------
-- chosen_ids(facet, terms) → the keywords of these terms in this facet, by their aliases; -1 for terms
-- that are none there.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.chosen_ids(facet text, terms text[]) returns bigint[]
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select array_agg(distinct coalesce(w.id, -1))
    from unnest(keyword_ids(terms)) as u (id)
    left join keywords as w on w.id = u.id and w.facet = chosen_ids.facet;
$func$;

-- ---------------------------------------------------------------------------------------------
-- chosen_words(any_keywords) → all keywords that it names.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.chosen_words(any_keywords jsonb) returns text[]
language sql immutable parallel safe
return array(select t.word from jsonb_each(any_keywords) as c
             cross join jsonb_array_elements_text(c.value) as t (word));

-- ---------------------------------------------------------------------------------------------
-- check_narrowing(…): raises VT004 for filters that a search cannot use, saying what to do.
-- check_choices(any_keywords): the same.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_choices(any_keywords jsonb) returns void
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _wrong text;
begin
    if any_keywords is null or any_keywords = '{}' then
        return;
    end if;
    if jsonb_typeof(any_keywords) <> 'object' then
        raise exception 'any_keywords must be a JSON object, not %', left(any_keywords::text, 100)
            using errcode = 'VT004', hint = 'like ''{"color": ["black", "white"]}''';
    end if;
    select c.key into _wrong from jsonb_object_keys(any_keywords) as c (key)
    where c.key <> all (known_facets()) limit 1;
    if found then
        raise exception 'facet % not found', quote_literal(left(_wrong, 100)) using errcode = 'VT004',
            hint = 'use one of ' || array_to_string(known_facets(), ', ');
    end if;
    select c.key into _wrong from jsonb_each(any_keywords) as c
    where jsonb_typeof(c.value) <> 'array' or jsonb_array_length(c.value) > 1000
        or jsonb_path_exists(c.value, '$[*] ? (@.type() != "string")') limit 1;
    if found then
        raise exception 'any_keywords must give a list of at most 1000 keywords for %', _wrong
            using errcode = 'VT004', hint = 'like ''{"color": ["black", "white"]}''';
    end if;
end
$func$;

create or replace function vitrina_internal.check_narrowing(
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
    if (select count(*) from jsonb_object_keys(filter)) > 100 then
        raise exception 'filter takes at most 100 attributes' using errcode = 'VT004',
            hint = 'give fewer attributes';
    end if;
    if greatest(cardinality(with_keywords), cardinality(without_keywords), cardinality(sources)) > 10000
    then
        raise exception 'with_keywords, without_keywords and sources take at most 10000 items each'
            using errcode = 'VT004', hint = 'give fewer items';
    end if;
    if where_path is not null then
        -- constructs that raise, even in silent mode, if a product has the attribute; not in texts and
        -- keys
        _bare := regexp_replace(where_path::text, '"(\\.|[^"\\])*"', '""', 'g');
        if _bare ~ '\$""|\.decimal\((0|[^)]*\d{4})' then
            raise exception 'where_path cannot use variables, nor .decimal() of over 999 digits: %',
                left(where_path::text, 100)
                using errcode = 'VT004', hint = 'give a predicate over attributes, like ''$.price < 50''';
        end if;
        -- a predicate always gives true, false or null, also of an empty object
        if jsonb_path_query_array_tz('{}', where_path, '{}', true) <> all (
            array['[true]', '[false]', '[null]']::jsonb[])
        then
            raise exception 'where_path is no condition: %', left(where_path::text, 100)
                using errcode = 'VT004', hint = 'compare the attribute, like ''$.price < 50'', or exists($.price)';
        end if;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- filters_of(filter, where_path, with_keywords, without_keywords, sources, query, any_keywords, aloud) → the
-- filters of a search, from its arguments. query: its "phrases", -words and conditions are filters too.
-- aloud: notices say which names are unknown. Raises VT004 as check_narrowing and check_choices do.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.filters_of(
    filter jsonb, where_path jsonpath, with_keywords text[], without_keywords text[],
    sources text[], query text default null, any_keywords jsonb default '{}',
    aloud boolean default true
) returns filters
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _filters filters;
begin
    perform check_narrowing(filter, where_path, with_keywords, without_keywords, sources);
    perform check_choices(any_keywords);
    if filter <> '{}' then
        select coalesce(jsonb_object_agg(f.key, f.value) filter (where not f.single), '{}'),
               coalesce(jsonb_object_agg(f.key, f.value) filter (where f.single), '{}'),
               coalesce(array_agg(jsonb_build_object(f.key, f.value)) filter (where f.single), '{}'),
               coalesce(array_agg(jsonb_build_object(f.key, jsonb_build_array(f.value)))
                            filter (where f.single), '{}')
        into _filters.filter, _filters.options, _filters.alone, _filters.listed
        from (
            select e.key, e.value, jsonb_typeof(e.value) not in ('array', 'object') as single
            from jsonb_each(filter) as e
        ) as f;
    end if;
    _filters.where_path := where_path;
    _filters.wanted := case when with_keywords <> '{}' then keyword_ids(with_keywords) else '{}' end;
    _filters.unwanted := case when without_keywords <> '{}' then keyword_ids(without_keywords)
                              else '{}' end;
    if any_keywords <> '{}' then
        select array_agg(k.id order by c.place, k.id), array_agg(distinct c.size) into _filters.chosen, _filters.chosen_ends
        from (select c.place, c.ids, sum(cardinality(c.ids)) over (order by c.place)::int as size
              from (select c.place, chosen_ids(c.key, array(
                               select t.term from jsonb_array_elements_text(c.value) as t (term))) as ids
                    from jsonb_each(any_keywords) with ordinality as c (key, value, place)
                    -- a list with nothing in it asks for nothing
                    where c.value <> '[]') as c) as c
        cross join unnest(c.ids) as k (id);
    end if;
    if sources is not null then
        _filters.source_ids := array(
            select s.id from vitrina.sources as s where s.name = any (filters_of.sources));
    end if;
    if aloud and (-1 = any (_filters.wanted || _filters.unwanted || _filters.chosen)
                  or cardinality(_filters.source_ids) < cardinality(sources)) then
        perform say_unknown_names(sources, with_keywords || without_keywords, any_keywords);
    end if;
    return case when query is null then _filters else (with_query(_filters, query)).filters end;
end
$func$;
