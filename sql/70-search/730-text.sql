-- Ranked full text: how much of a query a product's text covers, weighted by the rarity of words.

-- ---------------------------------------------------------------------------------------------
-- rank_of_unit(first, parts, places, shares, phrased, tags) → an expression over `product_text as t`:
-- how much of a unit the text of a product has, 0 to 1. Its parts are in parameter $2 from `first` on.
-- Fully where the product has the keyword it is, almost so where it has a kind of it, else by the place
-- the words stand in and somewhat less: a title may name what the product is not ("lamp for side
-- table"); or by a keyword that stands in for it.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.rank_of_unit(
    first int, parts int, places int[], shares numeric[], phrased numeric, tags real[]
) returns text
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
declare
    _whole text := '';
    _words text := '';
    _one text;
    _tags int := first + parts - cardinality(tags);
    _is text := '';
    _near text := '';
begin
    for _i in 1 .. coalesce(cardinality(places), 0) loop
        -- 1.6449: ts_rank divides by the sum of 1/n², so one hit in a title is 1 again
        _one := format('least(1, 1.6449 * ts_rank(''{0.6, 0.8, 1, 1}'', t.tsv, $2[%s]))', first + _i - 1);
        if places[_i] = 0 then
            _whole := _whole || _one || ', ';
        else
            _words := _words || case when places[_i] = places[_i - 1] then ', '
                                     else format('%s%s * greatest(', case when _words <> '' then ') + ' end,
                                                 shares[_i]) end || _one;
        end if;
    end loop;
    for _i in 1 .. cardinality(tags) loop
        _one := format(' when t.tsv @@ $2[%s] then %s', _tags + _i - 1, tags[_i]);
        if tags[_i] > 0.75 then
            _is := _is || _one;
        else
            _near := _near || _one;
        end if;
    end loop;
    return format('case%s%s when true then greatest(%s%s%s) end', _is,
                  case when phrased is not null then
                      format(' when t.tsv @@ $2[%s] then greatest(%s%s)', _tags - 1, _whole, phrased) end,
                  _whole, 'case' || nullif(_near, '') || ' end, ', coalesce(nullif(_words, '') || ')', '0'));
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- read_words(words) → a query's words, read for full text; nulls if there is nothing to find.
-- keywords, weights: its keywords, and the share of each in the query. rank: an expression over
-- `product_text as t`, 0 to 1, of parameter $2 = parts. whole, most, rare, every: matches texts with
-- all units, all but the rarest, any rare lexeme, any lexeme. A unit counts by its rarity, idf as in
-- BM25 (Robertson and Zaragoza 2009, eq. 3.3): fully if the product has its keyword, else less, by the
-- place of the words: a title may name another product ("lamp for side table").
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.read_words(words text) returns reading
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
    _places int[];
    _own text[];
    _lexemes text[];
    _compounded text[];
    _compounds text[];
    _category text;
    _tagged record;
begin
    select * into _read from query_parts(words);
    if _read.said = '{}' then
        return null;
    end if;
    select array_agg(w.place), array_agg(w.lexeme) into _places, _own
    from (
        select distinct u.place, l.lexeme
        from (select u.word, u.place::int from unnest(_read.said) with ordinality as u (word, place)
              union all
              select u.word, -u.place from unnest(_read.joined) with ordinality as u (word, place)
              where u.word is not null) as u
        cross join unnest(_configs) as c (config)
        cross join unnest(word_lexemes(c.config::regconfig, u.word)) as l (lexeme)) as w;
    select array_agg(r.unit) as units, array_agg(r.id) as ids, array_agg(r.name) as names,
           array_agg(r.weight) as weights
    into _tagged
    from related_keywords(_read.units, _read.keys) as r;
    _lexemes := array(
        select u.lexeme from unnest(_own) as u (lexeme)
        union
        select '#' || n.name from unnest(_tagged.names || _read.names) as n (name) where n.name is not null);
    select * into _counted from lexeme_counts(_lexemes);
    if _configs <> '{english}' then
        select array_agg(c.lexeme), array_agg(c.text) into _compounded, _compounds
        from compounds_of(_configs, _own || array(
                 select lower(folded_text(u.word)) from unnest(_read.said) as u (word))) as c;
    end if;

    with unit as materialized (
        select u.*, u.idf / sum(u.idf) over () as share,
               row_number() over (order by u.idf desc, u.unit) as place,
               (sum(cardinality(u.parts)) over (order by u.unit) - cardinality(u.parts))::int + 1 as first
        from units_of_query(_read.said, _read.units, _read.names, _configs, _places, _own, _lexemes,
                            _counted.counts, _counted.products, _compounded, _compounds,
                            _tagged.units, _tagged.names, _tagged.weights) as u
    )
    select array_agg(u.name order by u.unit) filter (where u.name is not null),
           array_agg(u.share::real order by u.unit) filter (where u.name is not null),
           string_agg(format('%s * %s', round(u.share, 4),
                             rank_of_unit(u.first, cardinality(u.parts), u.spots, u.shares,
                                          u.phrased, u.tags)), ' + ' order by u.unit),
           (select array_agg(p.part::tsquery order by o.unit, p.place)
            from unit as o
            cross join unnest(o.parts) with ordinality as p (part, place)),
           string_agg('(' || u.text || ')', ' & ' order by u.place)::tsquery,
           nullif(concat_ws(' | ', case when count(*) > 2
                then '(' || string_agg('(' || u.text || ')', ' & ' order by u.place)
                                filter (where u.place > 1) || ')' end,
                -- what stands in for a unit, with all others
                (select string_agg(concat_ws(' & ', '(' || p.part || ')', (
                            select string_agg('(' || o.text || ')', ' & ')
                            from unit as o where o.unit <> n.unit)), ' | ')
                 from unit as n
                 cross join lateral (
                     select string_agg(n.parts[cardinality(n.parts) - cardinality(n.tags) + t.place], ' | ') as part
                     from unnest(n.tags) with ordinality as t (weight, place)
                     where t.weight < 0.75) as p
                 where p.part is not null)), '')::tsquery,
           (select string_agg(quoted_lexeme(c.lexeme), ' | ')::tsquery
            from (select c.lexeme, sum(c.products) over (order by c.products, c.lexeme) as so_far,
                         row_number() over (order by c.products, c.lexeme) as place
                  from unnest(_lexemes, _counted.counts) as c (lexeme, products)) as c
            where c.so_far <= 2000 or c.place = 1),
           (select string_agg(distinct p.part, ' | ')::tsquery
            from unit as o
            cross join unnest(o.parts) as p (part)),
           read_demand(_read.said, _read.units, _read.names, _read.keys, _configs, array_agg(u.unit order by u.unit),
                       array_agg(u.share order by u.unit), array_agg(u.text::tsquery order by u.unit),
                       _tagged.units, _tagged.ids, _tagged.names, _tagged.weights)
    into _reading
    from unit as u;
    -- a query that is a category's name means this category first
    select string_agg(distinct quoted_lexeme(category_lexeme(c.config::regconfig, words)), ' | ')
    into _category
    from unnest(_configs) as c (config);
    if _reading.rank is not null and is_written(_category::tsquery) then
        _reading.parts := _reading.parts || _category::tsquery;
        _reading.rank := format('0.6 * (%s) + case when t.tsv @@ $2[%s] then 0.4 else 0 end',
                                _reading.rank, cardinality(_reading.parts));
        _reading.every := _reading.every || _category::tsquery;
        _reading.whole := _reading.whole || _category::tsquery;
        -- and what is in it, is all that was asked for
        _reading.demand.texts := array(
            select coalesce(u.part || _category::tsquery, _category::tsquery)
            from unnest((_reading.demand).texts) with ordinality as u (part, place) order by u.place);
    end if;
    return _reading;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- code_holders(code) → the products with this code, in any of its forms; by a value that only looks like
-- one, if it is rare.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.code_holders(code text) returns bigint[]
language sql stable parallel safe security invoker
set search_path from current
set enable_seqscan = off -- most queries are no code: then it would read all products
as $func$
    -- found by the index of full text first: in their order all products would be read
    with named as (
        select m.product_id
        from (select t.product_id from product_text as t
              where t.tsv @@ (select string_agg(quoted_lexeme('=' || f), '|')
                              from unnest(code_forms(code)) as f)::tsquery offset 0) as m
        order by m.product_id limit 1000
    ),
    guessed as (
        select t.product_id from product_text as t
        where t.tsv @@ quoted_lexeme('=?' || code)::tsquery limit 6
    )
    select array(
        select n.product_id from named as n
        union
        select g.product_id from guessed as g where (select count(*) from guessed) <= 5
        order by 1);
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
                   _from || ' and t.tsv @@ $6 and not t.tsv @@ $5 limit 2000'] end
    loop
        -- with those found before, which are fewer than k, so that none was cut off
        execute format(
            'select array_agg(r.product_id), array_agg(r.rank)
             from (select r.* from (
                       select t.product_id, (%s)::real as rank from (%s) as t
                       union all
                       select u.product_id, u.rank from unnest($8, $9) as u (product_id, rank)) as r
                   order by rank desc, r.product_id limit $4) as r', reading.rank, _source)
        into ids, ranks
        using filters, reading.parts, among, k, reading.whole,
              case when reading.most is null then reading.rare
                   else reading.most || reading.rare end, reading.every, ids, ranks;
        exit when cardinality(ids) >= k;
    end loop;
end
$func$;
