-- The choices of a shopper: what they say of each attribute, and the filters without one of them.

-- ---------------------------------------------------------------------------------------------
-- path_conditions(where_path) → the conditions that where_path joins by &&, each with the attributes of
-- products that it names; null if it names anything else of a product.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.path_conditions(where_path jsonpath)
returns table (condition text, attributes text[])
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _token constant text := '"(?:[^"\\]|\\.)*"|&&|\|\||[()]|[^"&|()]+|.';
    _left text[] := array[regexp_replace(where_path::text, '^strict ', '')];
    _one text;
    _parts text[];
    _part text;
    _depth int;
    _joined text[];
    _closed boolean;
    _next text;
begin
    while _left <> '{}' loop
        _one := btrim(_left[1]);
        _left := _left[2:];
        _depth := 0;
        _part := '';
        _parts := '{}';
        _joined := '{}';
        _closed := left(_one, 1) = '(';
        for _next in select m.found[1] from regexp_matches(_one, _token, 'g') as m (found) loop
            _depth := _depth + case _next when '(' then 1 when ')' then -1 else 0 end;
            if _depth = 0 and _next in ('&&', '||') then
                _joined := _joined || _next;
                _parts := _parts || _part;
                _part := '';
            else
                _part := _part || _next;
            end if;
            _closed := _closed and (_depth > 0 or _next = ')' and _joined = '{}' and _part = _one);
        end loop;
        if _closed then
            _left := substr(_one, 2, length(_one) - 2) || _left;
        elsif '&&' = all (_joined) and _joined <> '{}' then
            _left := _parts || _part || _left;
        else
            condition := _one;
            select array_agg(distinct ('"' || m.found[1] || '"')::jsonb #>> '{}') into attributes
            from regexp_matches(_one, '\$\."((?:[^"\\]|\\.)*)"', 'g') as m (found);
            if regexp_replace(_one, '\$\."(?:[^"\\]|\\.)*"|"(?:[^"\\]|\\.)*"', '', 'g') ~ '\$' then
                attributes := null;
            end if;
            return next;
        end if;
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- is_about(attributes, attribute) → whether a condition over these attributes is about this one: a
-- condition on price_max is about the price.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_about(attributes text[], attribute text) returns boolean
language sql immutable parallel safe
return coalesce(attributes <@ array[attribute, attribute || '_min', attribute || '_max'], false);

-- ---------------------------------------------------------------------------------------------
-- path_without(where_path, attributes) → where_path without its conditions about one of these attributes;
-- null if it has no others.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.path_without(where_path jsonpath, attributes text[]) returns jsonpath
language sql immutable parallel safe
return (select case when where_path::text ~ '^strict ' then 'strict ' else '' end
               || string_agg('(' || c.condition || ')', ' && ')
        from path_conditions(where_path) as c
        where not exists (select from unnest(path_without.attributes) as u (name)
                          where is_about(c.attributes, u.name)))::jsonpath;

-- ---------------------------------------------------------------------------------------------
-- chosen_attributes(filter, where_path) → the attributes that a search is narrowed to values of, each with
-- those values that are named one by one, as a list.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.chosen_attributes(filter jsonb, where_path jsonpath)
returns table (attribute text, chosen jsonb)
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    with condition as materialized (
        select c.condition, c.attributes from path_conditions(where_path) as c
        where c.attributes is not null
    )
    select n.name, coalesce(jsonb_agg(distinct v.value) filter (where v.value is not null), '[]')
    from (
        select f.key from jsonb_object_keys(filter) as f (key)
        union
        select u.name from condition as c cross join unnest(c.attributes) as u (name)
        where is_about(c.attributes, u.name)
    ) as n (name)
    left join lateral (
        select e.value
        from jsonb_array_elements(case jsonb_typeof(filter -> n.name)
            when 'array' then filter -> n.name when 'object' then '[]' else jsonb_build_array(filter -> n.name) end) as e
        where filter ? n.name and jsonb_typeof(e.value) in ('string', 'number', 'boolean')
        union all
        select m.found[1]::jsonb
        from condition as c
        cross join regexp_matches(
            c.condition, '\$\."(?:[^"\\]|\\.)*" == ("(?:[^"\\]|\\.)*"|-?\d[\d.]*|true|false)', 'g') as m (found)
        where c.attributes = array[n.name]
    ) as v on true
    group by n.name;
$func$;
