-- The policy of searches, and their log: what shoppers look for, and what finds nothing.

-- ---------------------------------------------------------------------------------------------
-- set_search_policy(min_relevance, log, keep_days): sets how search behaves; null keeps a setting.
-- min_relevance: the relevance, 0 to 1, below which search leaves a product out if its own min_relevance
-- is null; 0 leaves nothing out. log: whether log_searches keeps what it is given. keep_days: for how
-- many days, 1 to 3650. Raises VT004 for a value out of range.
-- ---------------------------------------------------------------------------------------------
create or replace function set_search_policy(
    min_relevance real default null, log boolean default null, keep_days int default null
) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    if set_search_policy.min_relevance not between 0 and 1 then
        raise exception 'min_relevance must be 0 to 1, not %', set_search_policy.min_relevance
            using errcode = 'VT004', hint = '0.5 is the usual value; 0 leaves nothing out';
    end if;
    if keep_days not between 1 and 3650 then
        raise exception 'keep_days must be 1 to 3650, not %', keep_days
            using errcode = 'VT004', hint = '90 is the usual value';
    end if;
    update search_policy as p set
        min_relevance = coalesce(set_search_policy.min_relevance, p.min_relevance),
        log_searches = coalesce(set_search_policy.log, p.log_searches),
        keep_searches = coalesce(keep_days, p.keep_searches);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- is_private(query) → whether a query looks like an e-mail address, a telephone number or the number of
-- a card or an account, which is never logged.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_private(query text) returns boolean
language sql immutable parallel safe
return query ~ '\S[@＠]\S'
    -- nine digits and more, however they are grouped; an account: two letters and over ten characters with digits
    or query ~ '(?:\d[\s().+/-]*){9,}'
    or query ~* '\m[a-z]{2}\d{2}(?:\s?[a-z0-9]{2,4}){3,}\M';

-- ---------------------------------------------------------------------------------------------
-- log_searches(rows) → how many of these searches are kept, null where the policy keeps none. rows: an
-- array of at most 1000 objects with `query` and `results`, how many rows the search returned. Kept are
-- the query, at most 200 characters, the words it is read as if some are misspelt, the day and how
-- often: no user, no address and no time. A query that looks like an e-mail address, a telephone number
-- or the number of a card is not kept. Removes what is older than the policy says. Runs as its owner, so
-- that a role that only searches may log. Raises VT004 for wrong rows.
-- ---------------------------------------------------------------------------------------------
create or replace function log_searches(rows jsonb) returns int
language plpgsql volatile security definer
set search_path from current
as $func$
declare
    _policy search_policy;
    _kept int;
begin
    select p.* into _policy from search_policy as p;
    if _policy.log_searches is not true then
        return null;
    end if;
    if jsonb_typeof(rows) is distinct from 'array' then
        raise exception 'rows must be an array of objects, not %', coalesce(left(rows::text, 100), 'null')
            using errcode = 'VT004', hint = 'like ''[{"query": "oak table", "results": 3}]''';
    end if;
    if jsonb_array_length(rows) > 1000 then
        raise exception 'rows takes at most 1000 searches, not %', jsonb_array_length(rows)
            using errcode = 'VT004', hint = 'log them in several calls';
    end if;
    if exists (
        select from jsonb_array_elements(rows) as r (search)
        where jsonb_typeof(r.search -> 'query') is distinct from 'string'
            or jsonb_typeof(r.search -> 'results') is distinct from 'number'
            or not (r.search ->> 'results')::numeric between 0 and 2147483647) then
        raise exception 'each search has a query, a text, and results, a number of 0 or more'
            using errcode = 'VT004', hint = 'like ''[{"query": "oak table", "results": 3}]''';
    end if;
    -- strangers may type anything: the table stays bounded
    if (select c.reltuples from pg_class as c where c.oid = 'searches'::regclass) < 2000000 then
        insert into searches as s (day, asked, query, corrected, results, searches)
        select current_date, r.asked, r.query, (
                   select case when q.said <> '{}' then left(q.words, 200) else '' end from read_query(r.query) as q),
               (array_agg(r.results order by r.place desc))[1], count(*)
        from (
            select q.query, normal_form(q.query) as asked, (r.search ->> 'results')::numeric::int as results, r.place
            from jsonb_array_elements(rows) with ordinality as r (search, place)
            cross join lateral (
                select left(btrim(regexp_replace(lower(r.search ->> 'query'), '\s+', ' ', 'g')), 200) as query) as q
            where not is_private(left(r.search ->> 'query', 10000))
        ) as r
        where r.asked <> ''
        group by r.query, r.asked
        order by r.query -- so that two writers never wait for each other
        on conflict (day, query) do update set
            searches = s.searches + excluded.searches, results = excluded.results,
            corrected = excluded.corrected;
        get diagnostics _kept = row_count;
    end if;
    delete from searches as s
    where (s.day, s.query) in (
        select o.day, o.query from searches as o
        where o.day <= current_date - _policy.keep_searches
        order by o.day limit 5000
        for update skip locked);
    return coalesce(_kept, 0);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- top_searches(k, days) → what was searched for most in the last days, the k first: query, as it is
-- typed most; searches: how often, in all its wordings; results: how many rows it last returned;
-- corrected: what it was last read as, '' as it is; last_day: when it was last searched for.
-- ---------------------------------------------------------------------------------------------
create or replace function top_searches(k int default 20, days int default 30)
returns table (query text, searches bigint, results int, corrected text, last_day date)
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    return query select l.* from logged_searches(k, days, null) as l;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- empty_searches(k, days) → what was searched for most in the last days and last found nothing; see
-- top_searches.
-- ---------------------------------------------------------------------------------------------
create or replace function empty_searches(k int default 20, days int default 30)
returns table (query text, searches bigint, results int, corrected text, last_day date)
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    return query select l.* from logged_searches(k, days, 'empty') as l;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- corrected_searches(k, days) → what was searched for most in the last days and read as other words;
-- see top_searches.
-- ---------------------------------------------------------------------------------------------
create or replace function corrected_searches(k int default 20, days int default 30)
returns table (query text, searches bigint, results int, corrected text, last_day date)
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    return query select l.* from logged_searches(k, days, 'corrected') as l;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- logged_searches(k, days, which) → the searches of the log, by their normal form; which: 'empty',
-- 'corrected', or null for all.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.logged_searches(k int, days int, which text)
returns table (query text, searches bigint, results int, corrected text, last_day date)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    perform check_k(logged_searches.k, 0, 10000);
    perform check_k(logged_searches.days, 1, 3650);
    return query
    select g.query, g.searches, g.results, g.corrected, g.last_day
    from (
        select (array_agg(s.query order by s.searches desc, s.query))[1] as query,
               sum(s.searches)::bigint as searches,
               (array_agg(s.results order by s.day desc, s.searches desc, s.query))[1] as results,
               (array_agg(s.corrected order by s.day desc, s.searches desc, s.query))[1] as corrected,
               max(s.day) as last_day
        from vitrina.searches as s
        where s.day > current_date - logged_searches.days
        group by s.asked
    ) as g
    where case which when 'empty' then g.results = 0 when 'corrected' then g.corrected <> '' else true end
    order by g.searches desc, g.query
    limit logged_searches.k;
end
$func$;
