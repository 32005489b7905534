-- Ranked full text: how much of a query a product's text covers, weighted by the rarity of words.

-- ---------------------------------------------------------------------------------------------
-- lexeme_counts(lexemes) → how many products have each lexeme, and how many products there are. Exact
-- in small catalogues; in others from the planner's statistics (an unlisted lexeme is rare), without a
-- scan.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.lexeme_counts(
    lexemes text[], out counts bigint[], out products bigint
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _elements text[];
    _shares real[];
begin
    products := (select c.reltuples from pg_class as c where c.oid = 'product_text'::regclass);
    if products >= 1000 then
        select s.most_common_elems::text::text[], s.most_common_elem_freqs
        into _elements, _shares
        from pg_stats as s
        where s.schemaname = 'vitrina' and s.tablename = 'product_text' and s.attname = 'tsv';
    end if;
    if _elements is null then
        select count(*) into products from product_text;
        select array_agg((select count(*) from product_text as t
                          where t.tsv @@ quoted_lexeme(u.lexeme)::tsquery) order by u.place)
        into counts
        from unnest(lexemes) with ordinality as u (lexeme, place);
    else
        -- the last but one of the shares is the least listed share
        select array_agg((products * coalesce(
                   _shares[array_position(_elements, u.lexeme)],
                   _shares[cardinality(_elements) + 1] / 2))::bigint order by u.place)
        into counts
        from unnest(lexemes) with ordinality as u (lexeme, place);
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- words_of_query(words) → its words, at most 32, each with its unit and the unit's keyword: words in a
-- row that make up an alias or a term of the thesaurus ("side table", "tshirt" for "T-shirt") are one
-- unit, the longest first; any other word is a unit of its own.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.words_of_query(
    words text, out said text[], out units int[], out names text[]
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _forms text[];
    _found record;
    _place int := 1;
begin
    said := (array_remove(regexp_split_to_array(with_pairs(words), '[\s/_,;|–—-]+'), ''))[:32];
    units := array(select i from generate_series(1, cardinality(said)) as i);
    names := array_fill(null::text, array[cardinality(said)]);
    select array_agg(normal_form(u.word) order by u.place) into _forms
    from unnest(said) with ordinality as u (word, place);
    for _found in
        select p.place, p.place + s.size - 1 as last, k.name
        from generate_series(1, cardinality(said)) as p (place)
        cross join generate_series(1, 5) as s (size)
        cross join lateral (
            select array_to_string(_forms[p.place:p.place + s.size - 1], ' ') as form) as f
        cross join lateral (
            select w.name
            from (
                select a.keyword_id, a.alias, a.alias <> f.form as unlike
                from keyword_aliases as a
                where replace(a.alias, ' ', '') = replace(f.form, ' ', '') and a.alias <> ''
                union all
                select a.keyword_id, a.alias, true
                from thesaurus as t
                join keyword_aliases as a on a.alias = normal_form(t.canonical)
                where t.term = f.form
                union all
                -- a type of which there is no product: "coffee beans" are no coffee
                select null, null, null from thesaurus as t where t.term = f.form and t.facet = 'type'
            ) as a
            left join keywords as w on w.id = a.keyword_id
            order by w.id is null, a.unlike, a.alias
            limit 1
        ) as k
        where p.place + s.size - 1 <= cardinality(said)
        order by p.place, s.size desc
    loop
        continue when _found.place < _place;
        names[_found.place] := _found.name;
        for _i in _found.place.._found.last loop
            units[_i] := _found.place;
        end loop;
        _place := _found.last + 1;
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- units_of_query(said, units, names, configs, lexemes, counts, products) → the units of a query, at
-- most 24 of those that say most. `idf`: how much it counts, by its rarity, idf as in BM25 (Robertson
-- and Zaragoza 2009, eq. 3.3); name: the keyword it is; text: what has it; parts: its lexemes, then
-- the keyword's own phrase and its tag, where `phrased` and `tagged` say so; places: those of the
-- words that the lexemes are of; shares: how much of the unit each of these words is.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.units_of_query(
    said text[], units int[], names text[], configs text[], lexemes text[], counts bigint[],
    products bigint
) returns table (
    unit int, name text, idf numeric, text text, parts text[], places int[],
    shares numeric[], phrased boolean, tagged boolean
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    return query
    with counted as materialized (
        select u.lexeme, u.products,
               ln(1 + (units_of_query.products - least(u.products, units_of_query.products) + 0.5)
                      / (u.products + 0.5)) as idf
        from unnest(lexemes, counts) as u (lexeme, products)
    ),
    own as materialized (
        select u.unit, u.place::int as place, l.lexeme, c.idf
        from unnest(said, units) with ordinality as u (word, unit, place)
        cross join lateral (
            select distinct l.lexeme
            from unnest(configs) as g (config)
            cross join unnest(tsvector_to_array(to_tsvector(g.config::regconfig, u.word)))
                as l (lexeme)) as l
        join counted as c on c.lexeme = l.lexeme
    ),
    word as materialized (
        select o.unit, o.place, string_agg(quoted_lexeme(o.lexeme), ' | ' order by o.lexeme) as text,
               min(o.idf) as idf
        from own as o
        group by o.unit, o.place
    ),
    named as materialized (
        select n.unit::int as unit, n.name, quoted_lexeme(c.lexeme) as tag, c.idf, k.facet,
               -- the keyword's own words, where others were said: "sofa" for "couch"
               (select string_agg('(' || p.phrase::text || ')', ' | ')
                from (select distinct phraseto_tsquery(g.config::regconfig, n.name) as phrase,
                             to_tsvector(g.config::regconfig, n.name) as said
                      from unnest(configs) as g (config)) as p
                where numnode(p.phrase) > 0 and not tsvector_to_array(p.said) <@ array(
                    select o.lexeme from own as o where o.unit = n.unit)) as phrase
        from unnest(names) with ordinality as n (name, unit)
        join counted as c on c.lexeme = '#' || n.name
        join keywords as k on k.name = n.name
        where c.products > 0 -- a keyword that no product has says nothing
    )
    select u.unit, n.name,
           -- as common as the commoner of the keyword and the words for it
           case when n.name is null then w.idf else least(n.idf, coalesce(w.rarest, n.idf)) end
               -- and what a product is counts more than how it is: pink shoes are shoes first
               * case n.facet when 'type' then 1.5 else 1 end as idf,
           concat_ws(' | ', n.tag, n.phrase, w.text),
           array_remove(o.lexemes || n.phrase || n.tag, null), o.places, o.shares,
           n.phrase is not null, n.name is not null
    from (select w.unit from word as w union select n.unit from named as n) as u
    left join named as n on n.unit = u.unit
    left join (
        select w.unit, sum(w.idf) as idf, max(w.idf) as rarest,
               '(' || string_agg('(' || w.text || ')', ' & ' order by w.place) || ')' as text
        from word as w
        group by w.unit
    ) as w on w.unit = u.unit
    left join lateral (
        select array_agg(quoted_lexeme(o.lexeme) order by o.place, quoted_lexeme(o.lexeme)) as lexemes,
               array_agg(o.place order by o.place, quoted_lexeme(o.lexeme)) as places,
               array_agg(round(d.idf / coalesce(w.idf, 1)
                               * case when n.name is null then 1 else 0.7 end, 4)
                         order by o.place, quoted_lexeme(o.lexeme)) as shares
        from own as o
        join word as d on d.unit = o.unit and d.place = o.place
        where o.unit = u.unit
    ) as o on true
    -- a long query is cut to the units that say most
    order by idf desc, u.unit
    limit 24;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- rank_of_unit(first, parts, places, shares, phrased, tagged) → an expression over `product_text as t`:
-- how much of a unit the text of a product has, 0 to 1. Its parts are in parameter $2 from `first` on.
-- Fully where the product has the keyword it is, else by the place the words stand in and somewhat
-- less: a title may name what the product is not ("lamp for side table").
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.rank_of_unit(
    first int, parts int, places int[], shares numeric[], phrased boolean, tagged boolean
) returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _words text := '';
    _last int := first + parts - 1;
begin
    for _i in 1 .. coalesce(cardinality(places), 0) loop
        -- 1.6449: ts_rank divides by the sum of 1/n², so one hit in a title is 1 again
        _words := _words || case when places[_i] = places[_i - 1] then ', '
                                 else format('%s%s * greatest(', case when _i > 1 then ') + ' end,
                                             shares[_i]) end
            || format('least(1, 1.6449 * ts_rank(''{0.6, 0.8, 1, 1}'', t.tsv, $2[%s]))', first + _i - 1);
    end loop;
    return format('case%s%s when true then %s end',
                  case when tagged then format(' when t.tsv @@ $2[%s] then 1', _last) end,
                  case when phrased then format(' when t.tsv @@ $2[%s] then 0.7', _last - tagged::int) end,
                  coalesce(nullif(_words, '') || ')', '0'));
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- read_query(words) → a query's words, read for full text; nulls if there is nothing to find.
-- keywords, weights: its keywords, and the share of each in the query. rank: an expression over
-- `product_text as t`, 0 to 1, of parameter $2 = parts. whole, most, rare, every: matches texts with
-- all units, all but the rarest, any rare lexeme, any lexeme. A unit counts by its rarity, idf as in
-- BM25 (Robertson and Zaragoza 2009, eq. 3.3): fully if the product has its keyword, else less, by the
-- place of the words: a title may name another product ("lamp for side table").
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.read_query(words text) returns reading
language plpgsql stable security invoker
set search_path from current
set plan_cache_mode = force_generic_plan -- of so few words, a plan costs more than it can gain
as $func$
#variable_conflict use_column
declare
    _read record;
    _counted record;
    _reading reading;
    _configs text[] := array(select distinct s.text_config from sources as s order by 1);
    _lexemes text[];
begin
    select * into _read from words_of_query(words);
    if _read.said = '{}' then
        return null;
    end if;
    _lexemes := array(
        select l.lexeme
        from unnest(_read.said) as u (word)
        cross join unnest(_configs) as c (config)
        cross join unnest(tsvector_to_array(to_tsvector(c.config::regconfig, u.word))) as l (lexeme)
        union
        select '#' || n.name from unnest(_read.names) as n (name) where n.name is not null);
    select * into _counted from lexeme_counts(_lexemes);

    with unit as materialized (
        select u.*, u.idf / sum(u.idf) over () as share,
               row_number() over (order by u.idf desc, u.unit) as place,
               (sum(cardinality(u.parts)) over (order by u.unit) - cardinality(u.parts))::int + 1 as first
        from units_of_query(_read.said, _read.units, _read.names, _configs, _lexemes,
                            _counted.counts, _counted.products) as u
    )
    select array_agg(u.name order by u.unit) filter (where u.name is not null),
           array_agg(u.share::real order by u.unit) filter (where u.name is not null),
           string_agg(format('%s * %s', round(u.share, 4),
                             rank_of_unit(u.first, cardinality(u.parts), u.places, u.shares,
                                          u.phrased, u.tagged)), ' + ' order by u.unit),
           (select array_agg(p.part::tsquery order by o.unit, p.place)
            from unit as o
            cross join unnest(o.parts) with ordinality as p (part, place)),
           string_agg('(' || u.text || ')', ' & ' order by u.place)::tsquery,
           case when count(*) > 2
                then string_agg('(' || u.text || ')', ' & ' order by u.place)
                         filter (where u.place > 1) end::tsquery,
           (select string_agg(quoted_lexeme(c.lexeme), ' | ')::tsquery
            from (select c.lexeme, sum(c.products) over (order by c.products, c.lexeme) as so_far,
                         row_number() over (order by c.products, c.lexeme) as place
                  from unnest(_lexemes, _counted.counts) as c (lexeme, products)) as c
            where c.so_far <= 2000 or c.place = 1),
           (select string_agg(distinct p.part, ' | ')::tsquery
            from unit as o
            cross join unnest(o.parts) as p (part)),
           read_demand(_read.said, _read.units, _read.names, _configs, array_agg(u.unit order by u.unit),
                       array_agg(u.share order by u.unit), array_agg(u.text::tsquery order by u.unit))
    into _reading
    from unit as u;
    return _reading;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- text_matches(reading, k, among, filters) → the k products whose text covers the query best, with
-- their ranks; all that match any of it for a null k; filters as in nearest_products. With a k, and
-- without `among`, it reads at most a thousand products that have the whole query and, if these are
-- fewer than k, two thousand that have all but its rarest unit, or a rare lexeme.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.text_matches(
    reading reading, k int, among bigint[], filters filters,
    out ids bigint[], out ranks real[]
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _from text := 'select t.product_id, t.tsv from product_text as t where ' || case
        when among is not null then 't.product_id = any ($3)'
        else coalesce('(select true from products as p where p.id = t.product_id and '
                      || filter_predicate(filters, true) || ')', 'true') end;
    _source text;
begin
    if reading.rank is null then
        return;
    end if;
    foreach _source in array case
        when among is not null or k is null then array[_from || ' and t.tsv @@ $7']
        else array[_from || ' and t.tsv @@ $5 limit 1000',
                   format('(%1$s and t.tsv @@ $5 limit 1000) union all'
                          ' (%1$s and t.tsv @@ $6 and not t.tsv @@ $5 limit 2000)', _from)] end
    loop
        execute format(
            'select array_agg(r.product_id), array_agg(r.rank)
             from (select t.product_id, (%s)::real as rank from (%s) as t
                   order by rank desc, t.product_id limit $4) as r', reading.rank, _source)
        into ids, ranks
        using filters, reading.parts, among, k, reading.whole,
              case when reading.most is null then reading.rare
                   else reading.most || reading.rare end, reading.every;
        exit when cardinality(ids) >= k;
    end loop;
end
$func$;
