-- Orders other than by relevance: by an attribute, or by when a product came in.

-- ---------------------------------------------------------------------------------------------
-- sort_number(value, most), sort_text(value, most) → what a product is sorted by, by an attribute: its
-- number, or its text without case and accents; of a list the least, or the most. Null for any other
-- value.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.sort_number(value jsonb, most boolean) returns numeric
language sql immutable parallel safe
return case jsonb_typeof(value)
    when 'number' then value::numeric
    when 'array' then (
        select case when most then max(e.value::numeric) else min(e.value::numeric) end
        from jsonb_array_elements(value) as e where jsonb_typeof(e.value) = 'number') end;

create or replace function vitrina_internal.sort_text(value jsonb, most boolean) returns text
language sql immutable parallel safe
return case
    when jsonb_typeof(value) in ('string', 'boolean') then lower(folded_text(left(value #>> '{}', 200)))
    when jsonb_typeof(value) = 'array' then (
        select case when most then max(e.value collate "C") else min(e.value collate "C") end
        from (select lower(folded_text(left(e.value #>> '{}', 200))) as value
              from jsonb_array_elements(value) as e where jsonb_typeof(e.value) = 'string') as e) end;

-- ---------------------------------------------------------------------------------------------
-- sort_order(sort) → what follows `order by` over `products as p` for a sort of search, with a comma at
-- its end; '' for relevance. Numbers come before texts, and products without the attribute last.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.sort_order(sort text) returns text
language sql immutable parallel safe
return case
    when sort = 'relevance' then ''
    when sort = 'newest' then 'p.created_at desc, '
    when sort = 'oldest' then 'p.created_at, '
    when left(sort, 1) = '-' then format(
        'sort_number(p.attributes -> %1$L, true) desc nulls last,'
        ' sort_text(p.attributes -> %1$L, true) collate "C" desc nulls last, ', substr(sort, 2))
    else format(
        'sort_number(p.attributes -> %1$L, false) nulls last,'
        ' sort_text(p.attributes -> %1$L, false) collate "C" nulls last, ', sort) end;

-- ---------------------------------------------------------------------------------------------
-- first_in_order(ids, demand, sort, k) → the first k of these products in the order of a sort, and those that
-- are equal to the last of them. Those that have all of what was asked for come first: the least price of all
-- that is near to a sofa is the price of no sofa.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.first_in_order(ids bigint[], demand demand, sort text, k int)
returns bigint[]
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _first bigint[];
    _whole bigint[] := '{}';
begin
    if demand.lacks is not null then
        execute format('select coalesce(array_agg(m.id), ''{}'') from (%s) as m where m.lacks = 0',
                       format(judged_texts(demand), 't.product_id = any ($1)'))
        into _whole
        using ids, null::int, null::int, null::int, null::int, null::int, null::int, null::int, null::int,
              null::int, null::int, null::int, null::int, null::int, null::int, null::int, demand.texts;
    end if;
    execute format(
        'select coalesce(array_agg(n.id), ''{}'')
         from (select p.id, rank() over (order by p.id = any ($3) desc, %s) as place
               from products as p where p.id = any ($1)) as n
         where n.place <= $2', rtrim(sort_order(sort), ', '))
    into _first
    using ids, k, _whole;
    return _first;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- sorted_hits(found, sort) → the same products in the order of a sort, those that lack nothing first; equal ones
-- as they were.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.sorted_hits(found hits, sort text) returns hits
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _sorted hits;
begin
    execute format(
        'select array_agg(f.id order by f.place), array_agg(f.score order by f.place),
                array_agg(f.similarity order by f.place), array_agg(f.rank order by f.place),
                array_agg(f.channels order by f.place), array_agg(f.relevance order by f.place),
                array_agg(f.lacks order by f.place)
         from (select f.id, f.score, f.similarity, f.rank, f.channels, f.relevance, f.lacks,
                      row_number() over (order by coalesce(f.lacks, 0) = 0 desc, %s
                                         f.relevance desc nulls last, f.place) as place
               from unnest($1, $2, $3, $4, $5, $6, $7) with ordinality
                   as f (id, score, similarity, rank, channels, relevance, lacks, place)
               join products as p on p.id = f.id) as f', sort_order(sort))
    into _sorted
    using found.ids, found.scores, found.similarities, found.ranks, found.channels, found.relevances,
          found.lacks;
    return _sorted;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- say_unknown_name(task, name, ids): a notice names the nearest attributes if no product has the one to
-- group or sort by; looks there only if these products, which were found, lack it. task: what is not done.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.say_unknown_name(task text, name text, ids bigint[]) returns void
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _unknown record;
begin
    if name is null
        or exists (select from products as p where p.id = any (ids) and jsonb_exists(p.attributes, name)) then
        return;
    end if;
    select u.nearest into _unknown from unknown_names(attributes => array[name]) as u;
    if found then
        raise notice 'attribute % not found: nothing is %', quote_literal(left(name, 100)), task
            using hint = case when _unknown.nearest <> '{}'
                then 'nearest: ' || array_to_string(_unknown.nearest, ', ')
                else 'name an attribute of products' end;
    end if;
end
$func$;
