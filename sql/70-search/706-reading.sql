-- How a query is read.

-- ---------------------------------------------------------------------------------------------
-- read_query(query) → how search understands a query. words: those it ranks by, with misspelt ones
-- corrected and without conditions. said and corrected: what was typed, and what it is read as, in the
-- same order. keywords, facets: the keywords of the words, in the same order. required and excluded: "a
-- phrase" and -word, which are never corrected. audience: for whom, of the keywords. conditions and
-- meanings: the words that are conditions, and what each means, in the same order. without_keywords:
-- products with one of these are left out; without_words: so are those with such words in the title, where
-- the words are no keyword of their own. price_min, price_max: the price range; null for no bound. One row.
-- ---------------------------------------------------------------------------------------------
create or replace function read_query(query text) returns table (
    words text, said text[], corrected text[], keywords text[], facets text[],
    required text[], excluded text[], audience text[], conditions text[], meanings text[],
    without_keywords text[], without_words text[], price_min numeric, price_max numeric
)
language plpgsql stable security invoker
set search_path from current
set plan_cache_mode = force_generic_plan
as $func$
#variable_conflict use_column
declare
    _read record := read_conditions(read_query.query);
begin
    return query
    with part as materialized (
        select c.said, c.words, c.place from corrected_words(_read.rest) with ordinality as c (said, words, place)
    ),
    literal as materialized (
        select p.said, p.place, btrim(translate(p.said, '"', '')) as body from part as p
        where p.said ~ '^-?"[^"]*[^"[:space:]][^"]*"$|^-[[:alpha:]]'
    )
    select btrim(regexp_replace(w.words, '\s+', ' ', 'g')),
           array(select p.said from part as p where p.said <> p.words order by p.place),
           array(select p.words from part as p where p.said <> p.words order by p.place),
           coalesce(k.names, '{}'), coalesce(k.facets, '{}'),
           array(select l.body from literal as l where l.said !~ '^-' order by l.place),
           array(select substr(l.body, 2) from literal as l where l.said ~ '^-' order by l.place),
           array(select u.name from unnest(k.names, k.facets) with ordinality as u (name, facet, place)
                 where u.facet = 'audience' order by u.place),
           _read.said, _read.meanings,
           array(select distinct e.name from unnest(_read.things, _read.names, _read.words) as u (thing, name, word)
                 cross join unnest(excluded_keywords(u.thing, u.name, u.word)) as e (name) order by e.name),
           array(select distinct u.thing
                 from unnest(_read.things, _read.names) as u (thing, name) where u.name is null order by u.thing),
           trim_scale(_read.low), trim_scale(_read.high)
    from (select coalesce(query_words((select string_agg(p.words, ' ' order by p.place) from part as p)), '')
              as words) as w
    cross join lateral (
        select array_agg(n.name order by n.place) as names, array_agg(n.facet order by n.place) as facets
        from (
            select q.name, min(q.place) as place, k.facet
            from query_parts(w.words) as r
            cross join unnest(r.names) with ordinality as q (name, place)
            join vitrina.keywords as k on k.name = q.name
            group by q.name, k.facet
        ) as n
    ) as k;
end
$func$;
