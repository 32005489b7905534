-- Judgements: how well products answer queries, as people see it; searches are measured against them.

-- ---------------------------------------------------------------------------------------------
-- judged_query(query) → the query as judgements are stored under it: in lower case, with single spaces.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.judged_query(query text) returns text
language sql immutable parallel safe
return lower(btrim(regexp_replace(left(query, 2000), '\s+', ' ', 'g')));

-- ---------------------------------------------------------------------------------------------
-- put_judgements(rows) → how many judgements are stored or removed: each row of the JSON array has query,
-- product_id (or source and external_id) and grade, 0 (wrong) to 3 (perfect), or to 10 as files may have it; null removes the
-- judgement. Instead of a grade, doubt says why nobody can tell: such a product counts as not judged, see list_doubts. Raises VT003 for an unknown product, VT004 for a row that cannot be a judgement.
-- ---------------------------------------------------------------------------------------------
create or replace function put_judgements(rows jsonb) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _wrong record;
    _queries text[];
    _ids bigint[];
    _grades real[];
    _doubts text[];
    _count int;
begin
    if jsonb_typeof(rows) <> 'array' or jsonb_array_length(rows) > 100000 then
        raise exception 'judgements are a JSON array of at most 100000 rows' using errcode = 'VT004',
            hint = 'like [{"query": "grey sofa", "source": "shop", "external_id": "S1", "grade": 3}]';
    end if;
    select r.place, r.row into _wrong
    from jsonb_array_elements(rows) with ordinality as r (row, place)
    where jsonb_typeof(r.row) <> 'object'
        or coalesce(judged_query(r.row ->> 'query'), '') = ''
        or case jsonb_typeof(r.row -> 'grade') when 'number' then not (r.row ->> 'grade')::numeric between 0 and 10
           else coalesce(jsonb_typeof(r.row -> 'grade'), 'null') <> 'null' end
        or coalesce(jsonb_typeof(r.row -> 'doubt'), 'null') not in ('null', 'string')
        or r.row ->> 'doubt' is not null and (r.row ->> 'grade' is not null or btrim(r.row ->> 'doubt') = '')
    order by r.place
    limit 1;
    if found then
        raise exception 'row % is no judgement: %', _wrong.place, left(_wrong.row::text, 100) using errcode = 'VT004',
            hint = 'give query, product_id or source and external_id, and grade, 0 to 10 or null; or doubt, a reason';
    end if;
    select array_agg(judged_query(r.row ->> 'query') order by r.place),
           array_agg((r.row ->> 'grade')::real order by r.place),
           array_agg(left(btrim(r.row ->> 'doubt'), 500) order by r.place), array_agg(p.id order by r.place)
    into _queries, _grades, _doubts, _ids
    from jsonb_array_elements(rows) with ordinality as r (row, place)
    left join lateral (
        select o.id from products as o
        where case when r.row ->> 'product_id' ~ '^\d{1,18}$' then o.id = (r.row ->> 'product_id')::bigint end
        union all
        select o.id from products as o
        join vitrina.sources as s on s.id = o.source_id
        where r.row ->> 'product_id' is null and s.name = r.row ->> 'source' and o.external_id = r.row ->> 'external_id'
        limit 1
    ) as p on true;
    if array_position(_ids, null) is not null then
        raise exception 'product not found: %', left((rows -> array_position(_ids, null) - 1)::text, 200)
            using errcode = 'VT003', hint = 'give its product_id, or its source and external_id';
    end if;
    with latest as (
        select distinct on (u.query, u.id) u.query, u.id, u.grade, u.doubt
        from unnest(_queries, _ids, _grades, _doubts) with ordinality as u (query, id, grade, doubt, place)
        order by u.query, u.id, u.place desc
    ),
    removed as (
        delete from judgements as j using latest as l
        where j.query = l.query and j.product_id = l.id and l.grade is null
        returning 1
    ),
    stored as (
        insert into judgements as j (query, product_id, grade)
        select l.query, l.id, l.grade from latest as l where l.grade is not null
        order by l.query, l.id
        on conflict (query, product_id) do update set grade = excluded.grade, graded_at = now()
        returning 1
    ),
    settled as (
        delete from judgement_doubts as d using latest as l
        where d.query = l.query and d.product_id = l.id and l.doubt is null
        returning l.grade
    ),
    doubted as (
        insert into judgement_doubts as d (query, product_id, reason)
        select l.query, l.id, l.doubt from latest as l where l.doubt is not null
        order by l.query, l.id
        on conflict (query, product_id) do update set reason = excluded.reason, doubted_at = now()
        returning 1
    )
    -- of those that had neither, only what was stored counts
    select (select count(*) from stored) + (select count(*) from doubted)
           + (select count(*) from latest as l where l.grade is null and l.doubt is null and exists (
                  select from judgements as j where j.query = l.query and j.product_id = l.id
                  union all
                  select from judgement_doubts as d where d.query = l.query and d.product_id = l.id))
    into _count;
    return _count;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- list_judgements(query) → the judgements of a query, best first; of all queries for null.
-- ---------------------------------------------------------------------------------------------
create or replace function list_judgements(query text default null) returns table (
    query text, product_id bigint, source text, external_id text, title text, grade real, graded_at timestamptz
)
language sql stable security invoker
set search_path from current
as $func$
    select j.query, p.id, s.name, p.external_id, p.title, j.grade, j.graded_at
    from judgements as j
    join products as p on p.id = j.product_id
    join vitrina.sources as s on s.id = p.source_id
    where list_judgements.query is null or j.query = judged_query(list_judgements.query)
    order by j.query, j.grade desc, p.id;
$func$;

-- ---------------------------------------------------------------------------------------------
-- list_doubts(query) → the products of which people could not tell how well they answer a query, with the reason,
-- the latest first; of all queries for null. A grade settles a doubt.
-- ---------------------------------------------------------------------------------------------
create or replace function list_doubts(query text default null) returns table (
    query text, product_id bigint, source text, external_id text, title text, reason text, doubted_at timestamptz
)
language sql stable security invoker
set search_path from current
as $func$
    select d.query, p.id, s.name, p.external_id, p.title, d.reason, d.doubted_at
    from judgement_doubts as d
    join products as p on p.id = d.product_id
    join vitrina.sources as s on s.id = p.source_id
    where list_doubts.query is null or d.query = judged_query(list_doubts.query)
    order by d.doubted_at desc, d.query, p.id;
$func$;

-- ---------------------------------------------------------------------------------------------
-- judged_queries(k) → the k queries with judgements, the latest first: how many products are judged, and how
-- many of them are relevant (a grade above 0).
-- ---------------------------------------------------------------------------------------------
create or replace function judged_queries(k int default 1000) returns table (
    query text, judged bigint, relevant bigint, graded_at timestamptz
)
language sql stable security invoker
set search_path from current
as $func$
    select j.query, count(*), count(*) filter (where j.grade > 0), max(j.graded_at)
    from judgements as j
    group by j.query
    order by max(j.graded_at) desc, j.query
    limit check_k(k);
$func$;
