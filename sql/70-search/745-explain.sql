-- Why a product is where it is in a search, or is not there at all.

-- ---------------------------------------------------------------------------------------------
-- unmet_conditions(product, …) → each condition of a search that the product does not meet, and why, in
-- words. gate: filter, or excluded where the query itself says so.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.unmet_conditions(
    product products, filter jsonb, where_path jsonpath, with_keywords text[], without_keywords text[],
    sources text[], query text, any_keywords jsonb
) returns table (gate text, reason text)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    return query
    with condition as (
        select 'filter' as gate, format('%s is %s, not %s', e.key,
                   left(coalesce(product.attributes ->> e.key, 'not known'), 200), left(e.value #>> '{}', 200)) as reason,
               jsonb_build_object(e.key, e.value) as attribute, null::jsonpath as path,
               '{}'::text[] as wanted, '{}'::text[] as unwanted, null::text[] as of, null::text as said,
               '{}'::jsonb as any_of
        from jsonb_each(filter) as e
        union all
        select 'filter', 'its attributes do not meet ' || left(where_path::text, 200), '{}', where_path, '{}',
               '{}', null, null, '{}'
        where where_path is not null
        union all
        select 'filter', format('it does not have the keyword %s', quote_literal(left(u.term, 100))), '{}', null,
               array[u.term], '{}', null, null, '{}'
        from unnest(with_keywords) as u (term)
        union all
        select 'filter', format('it has the keyword %s', quote_literal(left(u.term, 100))), '{}', null, '{}',
               array[u.term], null, null, '{}'
        from unnest(without_keywords) as u (term)
        union all
        select 'filter', format('it has none of the keywords %s',
                                left(array_to_string(chosen_words(jsonb_build_object(a.key, a.value)), ', '), 200)),
               '{}', null, '{}', '{}', null, null, jsonb_build_object(a.key, a.value)
        from jsonb_each(any_keywords) as a
        union all
        select 'filter', 'it is of the source ' || quote_literal(s.name), '{}', null, '{}', '{}', sources, null, '{}'
        from vitrina.sources as s
        where s.id = product.source_id and sources is not null
        union all
        select 'excluded', format('it does not have the words "%s"', left(u.phrase, 200)), '{}', null, '{}', '{}',
               null, format('"%s"', u.phrase), '{}'
        from read_query(query) as r cross join unnest(r.required) as u (phrase)
        union all
        select 'excluded', format('it has the excluded words "%s"', left(u.phrase, 200)), '{}', null, '{}', '{}',
               null, format('-"%s"', u.phrase), '{}'
        from read_query(query) as r cross join unnest(r.excluded) as u (phrase)
        union all
        select 'excluded', format('it does not meet "%s": %s', left(u.said, 200), u.meaning), '{}', null, '{}',
               '{}', null, u.said, '{}'
        from read_query(query) as r cross join unnest(r.conditions, r.meanings) as u (said, meaning)
        where u.meaning like 'without %'
        union all
        select 'excluded', 'its price does not meet the query: ' || price_meaning(r.price_min, r.price_max), '{}',
               price_path(r.price_min, r.price_max), '{}', '{}', null, null, '{}'
        from read_query(query) as r
        where coalesce(r.price_min, r.price_max) is not null
    )
    select c.gate, c.reason
    from condition as c
    where not meets(product.id, filters_of(
        filter => c.attribute, where_path => c.path, with_keywords => c.wanted,
        without_keywords => c.unwanted, sources => c.of, query => c.said,
        any_keywords => c.any_of, aloud => false));
    if not found and not meets(product.id, filters_of(
        filter => filter, where_path => where_path, with_keywords => with_keywords,
        without_keywords => without_keywords, sources => sources, query => query,
        any_keywords => any_keywords, aloud => false)) then
        return query select 'filter', 'none of its variants has all of these attributes at once';
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- places_of_words(product, units) → where a product has each unit of a query, by its place in `units`:
-- title, keyword, caption, description, attribute or text; name: of the keyword or attribute; body: what
-- is written there, in parts, with ⟦ and ⟧ around the words. At most 20 places a unit.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.places_of_words(product products, units tsquery[])
returns table (unit int, place text, name text, body text)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _config regconfig := (select s.text_config::regconfig from sources as s where s.id = product.source_id);
begin
    return query
    with body as materialized (
        select b.*, text_lexemes(_config, b.body) || case when b.place = 'keyword' then
                   array_to_tsvector(array['#' || b.body]) else '' end as tsv
        from (
            select 1 as n, 'title' as place, null as name, product.title as body
            union all
            select 2, 'keyword', u.keyword, u.keyword from unnest(product.keywords[:100]) as u (keyword)
            union all
            select 3, 'caption', null, left(product.caption, 10000)
            union all
            select 4, 'attribute', a.name, a.body
            from (select e.key as name, e.value #>> '{}' as body from jsonb_each(product.attributes) as e
                  order by e.key limit 100) as a
            where char_length(a.body) <= 500
            union all
            select 5, 'description', null, left(product.description, 30000)
            union all
            select 6, 'text', null, left(product.text, 30000)
        ) as b
        where b.body <> ''
    )
    select f.unit, f.place, f.name, f.shown
    from (
        select u.unit::int, b.place, b.name, b.n,
               ts_headline(_config, translate(b.body, '⟦⟧', ''), u.words,
                           'StartSel=⟦, StopSel=⟧, ' || case when b.n in (1, 2, 4) then 'HighlightAll=true'
                                                             else 'MaxWords=24, MinWords=8, MaxFragments=2' end) as shown,
               row_number() over (partition by u.unit order by b.n, b.name) as nth
        from unnest(units) with ordinality as u (words, unit)
        join body as b on b.tsv @@ u.words
    ) as f
    where f.nth <= 20
    order by f.unit, f.n, f.name;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- explained_words(product, query, reading, lacks) → the units of a query, in its order, as JSON: said, as
-- it was typed; words, as they are searched for; keyword and facet, if they are one; share: how much
-- of the query the unit is, by its rarity; missing: whether the product lacks it; found: where it has the
-- words, see places_of_words. A product of another type may have the words for a type, and lack it.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.explained_words(
    product products, query text, reading reading, lacks int
) returns jsonb
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _demand demand := reading.demand;
    _n int := cardinality(_demand.labels);
    _shares real[];
    _share real;
    _words jsonb;
begin
    for _i in 1 .. coalesce(_n, 0) loop
        -- what a product covers that has this unit alone
        execute format('select %s from (select $1 as lacks) as m', _demand.covered)
        into _share
        using ((1 << _n) - 1) & ~(1 << (_i - 1));
        _shares := _shares || _share;
    end loop;
    select jsonb_agg(jsonb_build_object(
               'said', w.said, 'words', u.label, 'keyword', k.name, 'facet', k.facet, 'share', _shares[u.place],
               'missing', lacks >> (u.place::int - 1) & 1 = 1, 'found', f.found) order by u.place)
    into _words
    from unnest(_demand.labels) with ordinality as u (label, place)
    cross join lateral (
        select string_agg(coalesce(c.said, t.word), ' ' order by t.place) as said
        from regexp_split_to_table(u.label, ' ') with ordinality as t (word, place)
        left join lateral (
            select r.said from corrected_words((read_conditions(query)).rest) as r
            where r.said <> r.words and lower(t.word) = any (string_to_array(lower(r.words), ' '))
            limit 1) as c on true) as w
    left join lateral (
        select v.name, v.facet
        from (
            select min(n.name) as name, string_agg(n.word, ' ' order by n.place) as label
            from query_parts(asked_words(query)) as p
            cross join unnest(p.said, p.names, p.units) with ordinality as n (word, name, unit, place)
            group by n.unit) as n
        join vitrina.keywords as v on v.name = n.name
        where n.label = u.label
        limit 1) as k on true
    cross join lateral (
        select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                   'place', o.place, 'name', o.name, 'text', o.body))), '[]') as found
        from places_of_words(product, (_demand.texts)[:_n]) as o
        where o.unit = u.place) as f;
    return coalesce(_words, '[]');
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- explained_channels(product_id, …) → what each channel that takes part says of a product, as JSON: channel
-- (code, text, vector, image); value: a share of the query, or a cosine; rank: how many of the products
-- that the filters leave are as near or nearer, null if the channel did not find it; weight; contribution to the
-- score; by: whether words or a picture were compared with its picture; counts: what counts instead of a cosine of
-- words and a picture, see fusion_query. "all words": what a product is given besides for having all of the query, or much of it; boost: what
-- a rule adds. score: as search has it, null for a product that it does not find.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.explained_channels(
    product_id bigint, score float8, text_rank real, reading reading, code text,
    embedding @vector@.halfvec, image_embedding @vector@.halfvec, weights jsonb, filters filters,
    by_words boolean
) returns jsonb
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _spaces spaces[] := array[active_space('text'), active_space('image')];
    _vectors @vector@.halfvec[] := array[embedding, image_embedding];
    _names constant text[] := array['vector', 'image'];
    _among bigint[];
    _near record;
    _channels jsonb := '[]';
    _value float8;
    _complete real := weight_of_all(reading.demand, weights);
    _coded boolean := product_id = any (coded_products(code, filters));
    _boost float8 := 1;
    _mean float8;
begin
    if reading.rank is not null then
        select m.ids, m.ranks into _near from text_matches(reading, null, null, filters) as m;
        _channels := jsonb_build_object(
            'channel', 'text', 'value', coalesce(text_rank, 0),
            'rank', case when product_id = any (_near.ids) then
                (select count(*) + 1 from unnest(_near.ranks) as u (rank)
                 where u.rank > _near.ranks[array_position(_near.ids, product_id)]) end,
            'weight', coalesce((weights ->> 'text')::real, 1));
        _channels := jsonb_build_array(_channels);
    end if;
    for _i in 1 .. 2 loop
        continue when _vectors[_i] is null;
        _value := null;
        select max(1 - (e.embedding operator(@vector@.<=>) _vectors[_i])) into _value
        from (
            select e.embedding from product_embeddings as e
            where e.space_id = (_spaces[_i]).id and e.product_id = explained_channels.product_id
            union all
            select e.embedding from picture_embeddings as e
            where e.space_id = (_spaces[_i]).id and e.product_id = explained_channels.product_id) as e;
        select n.ids, n.distances, n.among into _near
        from nearest_products(_spaces[_i], _vectors[_i], null, _among, filters) as n;
        _among := _near.among;
        _channels := _channels || (jsonb_build_object(
            'channel', _names[_i], 'value', _value,
            'rank', case when product_id = any (_near.ids) then
                (select count(*) + 1 from unnest(_near.distances) as u (distance)
                 where u.distance < _near.distances[array_position(_near.ids, product_id)]) end,
            'weight', coalesce((weights ->> _names[_i])::real, (_spaces[_i]).weight))
            || case when _i = 1 then '{}'
                    when not by_words then '{"by": "picture"}'
                    else jsonb_build_object('by', 'words', 'counts', above_chance(
                        _value, coalesce((_spaces[_i]).background_mean, 0), clear_similarity(_spaces[_i]), text_rank))
                    end);
    end loop;
    if boost_factor(filters.rules) is not null then
        execute format('select %s from products as p where p.id = $1', boost_factor(filters.rules))
        into _boost
        using product_id;
    end if;
    select coalesce(jsonb_agg(c.channel || jsonb_build_object('contribution', case when score is not null then c.part end)
                              order by c.place), '[]'), coalesce(sum(c.part), 0)
    into _channels, _mean
    from (
        select u.channel, u.place,
               coalesce((u.channel ->> 'weight')::float8 * greatest(coalesce(u.channel ->> 'counts', u.channel ->> 'value')::float8, 0)
                        / nullif(sum((u.channel ->> 'weight')::float8) over (), 0), 0) / (1 + _complete) as part
        from jsonb_array_elements(_channels) with ordinality as u (channel, place)
    ) as c;
    if _complete > 0 then
        -- the rest of the score
        _value := score / _boost - _mean - _coded::int;
        _channels := _channels || jsonb_build_object(
            'channel', 'all words', 'value', round((_value / _complete * (1 + _complete))::numeric, 4),
            'contribution', _value);
    end if;
    if _coded then
        _channels := jsonb_build_array(jsonb_build_object(
            'channel', 'code', 'value', 1, 'rank', 1, 'contribution', case when score is not null then 1 end)) || _channels;
    end if;
    if _boost <> 1 then
        _channels := _channels || jsonb_build_object(
            'channel', 'boost', 'value', _boost, 'contribution', score - score / _boost);
    end if;
    return _channels;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- explain_search(query, product, …) → why a product is where it is in a search with these arguments, or
-- is not there. rank: its place among all `results`, null if it is not one. gate: null for a row of this page, else
-- the first that it fell at, with the reason in words: filter; excluded (a word or phrase in the
-- query); rule (it is hidden); no match (no channel finds it); floor (its relevance is below `floor`); group (another product
-- of its group_by is better); page (it comes behind these k rows). score … missing: as in search, as if it
-- had passed. channels: what each says of it, see explained_channels. words: what the
-- query asks for, and where the product has it, see explained_words. Raises VT003 if the product is
-- not found, VT004 as search does.
-- ---------------------------------------------------------------------------------------------
create or replace function explain_search(
    query text, product bigint, k int default 10, "offset" int default 0, filter jsonb default '{}',
    where_path jsonpath default null, with_keywords text[] default '{}',
    without_keywords text[] default '{}', sources text[] default null, mode text default 'hybrid',
    embedding @vector@.halfvec default null, image_embedding @vector@.halfvec default null,
    weights jsonb default '{}', min_relevance real default null, sort text default 'relevance',
    group_by text default null, any_keywords jsonb default '{}'
) returns table (
    product_id bigint, source text, external_id text, title text, rank int, results int, gate text, reason text,
    relevance real, floor real, score real, similarity real, text_rank real, matched text[],
    missing text[], channels jsonb, words jsonb
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _product products;
    _filters filters;
    _open filters;
    _search record;
    _found hits;
    _at int;
    _rank int;
    _results int;
    _floor real;
    _unmet record;
    _lacks int;
begin
    select p.* into _product from products as p where p.id = explain_search.product;
    if not found then
        raise exception 'product % not found', coalesce(product::text, 'null') using errcode = 'VT003',
            hint = 'see: select product_id, title from vitrina.catalog';
    end if;
    mode := coalesce(mode, 'hybrid');
    "offset" := coalesce("offset", 0);
    perform check_page(k, "offset");
    _filters := filters_of(filter, where_path, with_keywords, without_keywords, sources, query, any_keywords);
    _search := searched(query, 2000000000, _filters, mode, embedding, image_embedding, weights,
                        min_relevance, group_by, sort);
    _found := _search.matches;
    _results := coalesce(cardinality(_found.ids), 0);
    _rank := array_position(_found.ids, product);
    _floor := case when mode = 'vector' or _search.words = '' then min_relevance
                   else coalesce(min_relevance, (select p.min_relevance from search_policy as p)) end;
    if _rank > "offset" + k or _rank <= "offset" then
        gate := 'page';
        reason := format('it is number %s of %s, and the page shows %s to %s', _rank, _results,
                         "offset" + 1, "offset" + k);
    elsif _rank is null then
        select u.* into _unmet
        from unmet_conditions(_product, filter, where_path, with_keywords, without_keywords, sources, query,
                              any_keywords) as u
        limit 1;
        -- its figures, as if it had passed
        _open := case when _unmet.gate is null then _filters
                      else filters_of('{}', null, '{}', '{}', sources => case
                          when meets(product, filters_of('{}', null, '{}', '{}', sources, aloud => false)) then sources end) end;
        _found := (searched(query, 2000000000, _open, mode, embedding, image_embedding, weights, 0, null)).matches;
        if _unmet.gate is null and not meets(product, with_rules(null, query)) then
            gate := 'rule';
            reason := 'a rule hides it from this search';
        elsif _unmet.gate is not null then
            gate := _unmet.gate;
            reason := _unmet.reason;
        elsif array_position(_found.ids, product) is null then
            gate := 'no match';
            reason := 'it has no word of the query, and no vector near it';
        elsif _found.relevances[array_position(_found.ids, product)] < _floor then
            gate := 'floor';
            reason := format('its relevance is %s, and the least is %s',
                             round(_found.relevances[array_position(_found.ids, product)]::numeric, 2), _floor);
        elsif group_by is not null then
            gate := 'group';
            reason := format('of the products with the same %s, another is better', quote_literal(left(group_by, 100)));
        else
            gate := 'no match';
            reason := 'the words of the query say nothing that could be looked for';
        end if;
    end if;
    _at := array_position(_found.ids, product);
    -- what no channel finds, has no word
    _lacks := coalesce(_found.lacks[_at], (1 << cardinality(_search.labels)) - 1);
    _open := coalesce(_open, _filters);
    _open.rules := _search.rules;
    return query
    select product, s.name, _product.external_id, _product.title, _rank, _results, explain_search.gate, explain_search.reason,
           _found.relevances[_at], _floor, _found.scores[_at]::real, _found.similarities[_at]::real, _found.ranks[_at],
           string_to_array(_found.channels[_at], ','),
           array(select l.label from unnest(_search.labels) with ordinality as l (label, place)
                 where _lacks >> (l.place::int - 1) & 1 = 1 order by l.place),
           explained_channels(product, _found.scores[_at], _found.ranks[_at], _search.reading,
                              _search.code, _search.text_vector, _search.image_vector, coalesce(weights, '{}'),
                              _open, image_embedding is null),
           explained_words(_product, query, _search.reading, _lacks)
    from vitrina.sources as s
    where s.id = _product.source_id;
end
$func$;
