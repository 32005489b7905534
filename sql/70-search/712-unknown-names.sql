-- Notices about names that no product has: the answer stays empty, and says why.

-- ---------------------------------------------------------------------------------------------
-- say_unknown(what, name, nearest): the notice about one unknown name, with the nearest as its hint.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.say_unknown(what text, name text, nearest text[]) returns void
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    raise notice '% % not found', what, quote_literal(left(name, 100))
        using hint = case when nearest <> '{}' then 'nearest: ' || array_to_string(nearest, ', ')
                          else 'see: select * from vitrina.' || case what
                              when 'source' then 'source_status' when 'keyword' then 'list_keywords()'
                              else 'facets()' end end;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- say_unknown_names(sources, keywords, any_keywords): a notice for each unknown one, at most five, and
-- for keywords that are in another facet than any_keywords says.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.say_unknown_names(
    sources text[], keywords text[], any_keywords jsonb
) returns void
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _one record;
begin
    perform say_unknown(u.kind, u.name, u.nearest)
    from unknown_names(sources[:1000], (keywords || chosen_words(any_keywords))[:1000]) as u
    limit 5;
    for _one in
        select c.key as facet, t.term, w.facet as own
        from jsonb_each(any_keywords) as c
        cross join jsonb_array_elements_text(c.value) as t (term)
        cross join lateral keyword_ids(array[t.term]) as k (ids)
        join keywords as w on w.id = k.ids[1] and w.facet <> c.key
        limit 5
    loop
        raise notice 'no % is named %', _one.facet, quote_literal(left(_one.term, 100))
            using hint = format('it is in the facet %s', _one.own);
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- say_unknown_attributes(filters): a notice for each attribute that these filters name and no product
-- has, at most five. Call it where nothing was found: it may look at all products.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.say_unknown_attributes(filters filters) returns void
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _names text[] := array(
        select jsonb_object_keys(filters.filter || filters.options)
        union
        select unnest(c.attributes) from path_conditions(filters.where_path) as c);
begin
    if _names <> '{}' then
        perform say_unknown('attribute', u.name, u.nearest)
        from unknown_names(attributes => _names[:1000]) as u
        limit 5;
    end if;
end
$func$;
