-- The words of a query in units, each with its other forms and how rare it is.

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
-- query_parts(words) → its words, at most 32, each with its unit and the unit's keyword: words in a
-- row that make up an alias or a term of the thesaurus ("side table", "tshirt" for "T-shirt") are one
-- unit, the longest first; else the parts of a code or of words with a hyphen ("gsr12v-15", "wi-fi");
-- any other word is a unit of its own. joined: with the first part, such a word without its signs. keys:
-- the key of each unit, as in related_terms, at its first word.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.query_parts(
    words text, out said text[], out units int[], out names text[], out joined text[], out keys text[]
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _forms text[];
    _tokens int[];
    _found record;
    _place int := 1;
begin
    select array_agg(p.part order by t.place, p.place), array_agg(t.place::int order by t.place, p.place),
           array_agg(case when p.place = 1 then joined_words(t.token) end order by t.place, p.place)
    into said, _tokens, joined
    from regexp_split_to_table(with_pairs(clean_text(words)), '[\s,;|]+') with ordinality as t (token, place)
    cross join lateral regexp_split_to_table(btrim(parted_text(t.token)), '\s+')
        with ordinality as p (part, place)
    where p.part <> '';
    said := coalesce(said[:32], '{}');
    units := array(select i from generate_series(1, cardinality(said)) as i);
    names := array_fill(null::text, array[cardinality(said)]);
    select array_agg(n.form order by u.place),
           array_agg(coalesce(t.key, squashed(n.form)) order by u.place)
    into _forms, keys
    from unnest(said) with ordinality as u (word, place)
    cross join lateral (select normal_form(u.word) as form) as n
    left join lateral (
        select squashed(t.becomes) as key from thesaurus as t
        where t.term = n.form and (t.language = '' or t.language = (select shop_language()))
        order by t.language limit 1) as t on true;
    for _found in
        select p.place, p.place + s.size - 1 as last, k.name, coalesce(k.key, squashed(f.form)) as key
        from generate_series(1, cardinality(said)) as p (place)
        cross join generate_series(1, 5) as s (size)
        cross join lateral (
            select array_to_string(_forms[p.place:p.place + s.size - 1], ' ') as form) as f
        cross join lateral (
            select w.name, coalesce(w.kinds[1], a.key) as key
            from (
                select a.keyword_id, a.alias, (a.alias <> f.form)::int as unlike, a.key
                from keyword_aliases as a
                where replace(a.alias, ' ', '') = replace(f.form, ' ', '') and a.alias <> ''
                union all
                select a.keyword_id, a.alias, 1, a.key
                from thesaurus as t
                join keyword_aliases as a on a.alias = normal_form(t.canonical)
                where t.term = f.form and (t.language = '' or t.language = (select shop_language()))
                union all
                -- the shop's name for it, in any language: "grau" for "grey"
                select a.keyword_id, a.alias, 2, a.key
                from thesaurus as t
                join keyword_aliases as a on a.key = squashed(t.becomes)
                where t.key = replace(f.form, ' ', '') and f.form <> ''
                    and (t.language = '' or t.language = (select shop_language()))
                union all
                -- a type of which there is no product: "coffee beans" are no coffee
                select null, null, 3, squashed(t.becomes) from thesaurus as t
                where t.term = f.form and t.facet = 'type'
                    and (t.language = '' or t.language = (select shop_language()))
                union all
                select null, null, 4, r.key
                from (select squashed(f.form) as key) as r
                where f.form <> '' and (exists (select from related_terms as o where o.key = r.key)
                                        or exists (select from related_terms as o where o.related_key = r.key))
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
        keys[_found.place] := _found.key;
        for _i in _found.place.._found.last loop
            units[_i] := _found.place;
        end loop;
        _place := _found.last + 1;
    end loop;
    -- the parts of a word are one unit, and it has a joined form, unless a unit has only some of them
    for _found in
        select min(u.place) as first, max(u.place) as last,
               count(distinct u.unit) as units, min(u.unit) as unit, bool_or(u.name is not null) as named,
               (select max(o.i) from unnest(units) with ordinality as o (unit, i) where o.unit = min(u.unit)) as ends
        from unnest(units, _tokens[:32], names) with ordinality as u (unit, token, name, place)
        group by u.token
        having count(*) > 1
    loop
        if _found.units = _found.last - _found.first + 1 and not _found.named then
            units[_found.first:_found.last] := array_fill(_found.first::int, array[_found.units::int]);
        elsif _found.units > 1 or _found.unit <> _found.first or _found.ends <> _found.last then
            joined[_found.first] := null;
        end if;
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- related_keywords(units, keys) → the keywords that a unit of a query finds, and how well each answers it: 1 is
-- what was said, 0.85 a kind of it; below are those that stand in for it, as in related_terms. At most
-- 150 a unit.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.related_keywords(
    units int[], keys text[], out unit int, out id bigint, out name text, out weight real
) returns setof record
language sql stable parallel safe rows 20 security invoker
set search_path from current
as $func$
    select u.unit, w.*
    from (select distinct on (u.unit) u.unit, keys[u.unit] as key from unnest(units) as u (unit)) as u
    cross join lateral (
        select f.id, f.name, max(f.weight) as weight
        from (
            select w.id, w.name, case when w.kinds[1] = u.key then 1 else 0.85 end::real as weight
            from keywords as w
            where w.kinds @> array[u.key]
            union all
            select w.id, w.name, case when r.weight > 0.92 then 0.9 when r.facet <> 'type' then r.weight * 0.4
                                      when w.kinds[1] = r.key then r.weight * 0.7 else r.weight * 0.6 end::real
            from (
                select r.related_key as key, r.weight, r.facet from related_terms as r
                where r.key = u.key and r.weight > 0 and r.weight < 1
                union all
                select r.key, r.weight, r.facet from related_terms as r
                where r.related_key = u.key and r.weight > 0 and r.weight < 1) as r
            join keywords as w on w.kinds @> array[r.key] and w.facet = r.facet
            union all
            -- what is only called a shoe may be a sneaker
            select w.id, w.name, case r.facet when 'type' then 0.4 else 0.2 end::real
            from related_terms as r
            join keywords as w on w.kinds @> array[r.key] and w.kinds[1] = r.key and w.facet = r.facet
            where r.related_key = u.key and r.weight = 1
        ) as f
        group by f.id, f.name
        order by weight desc, f.id
        limit 150) as w;
$func$;

-- ---------------------------------------------------------------------------------------------
-- parted_units(said, units) → of units of several words that are a thing and how it is ("leather jacket",
-- "checked shirt"), a tsquery for the products that are both by their keywords: a jacket, or a kind of it, of
-- leather. It is asked where no product is called that thing. Colours and sizes say how no thing is made: a
-- coffee table is no table in the colour of coffee.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.parted_units(
    said text[], units int[], out unit int, out text text
) returns setof record
language plpgsql stable rows 2 security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    -- most queries have no such unit
    if not exists (select from unnest(units) with ordinality as w (unit, place) where w.unit <> w.place) then
        return;
    end if;
    return query
    select p.unit, string_agg('(' || p.how || ' & (' || p.thing || '))', ' | ')
    from (
        select u.unit, quoted_lexeme('#' || h.name) as how, (
                   select string_agg(quoted_lexeme('#' || k.name), ' | ')
                   from (select k.name from keywords as k where k.kinds @> array[t.kinds[1]] and k.facet = 'type'
                         order by k.id limit 100) as k) as thing
        from (
            select w.unit, array_agg(w.word order by w.place) as words
            from unnest(said, units) with ordinality as w (word, unit, place)
            group by w.unit having count(*) between 2 and 5) as u
        cross join lateral generate_series(1, cardinality(u.words) - 1) as s (size)
        join keyword_aliases as a on a.alias = normal_form(array_to_string(u.words[:s.size], ' '))
        join keywords as h on h.id = a.keyword_id and h.facet in ('material', 'style', 'feature', 'audience')
        join keyword_aliases as b on b.alias = normal_form(array_to_string(u.words[s.size + 1:], ' '))
        join keywords as t on t.id = b.keyword_id and t.facet = 'type') as p
    where p.thing is not null
    group by p.unit;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- units_of_query(said, units, names, configs, places, forms, …, compounded, compounds) → the units of a
-- query, at most 24 of those that say most. tag_units, tag_names, tag_weights: see related_keywords. places,
-- forms: the lexemes of each word, and with a negative
-- place those of its joined form. `idf`: how much a unit counts, by its rarity, idf as in BM25 (Robertson
-- and Zaragoza 2009, eq. 3.3); name: the keyword it is; text: what has it; parts: its lexemes, then
-- a phrase (the keyword's own words, the parts of a code, compounds), where `phrased` says how much it counts,
-- and the tags of keywords, one tsquery for each of the weights in `tags`; spots: the words that the lexemes are of, 0 for a
-- joined form; shares: how much of the unit each of these words is.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.units_of_query(
    said text[], units int[], names text[], configs text[], places int[], forms text[],
    lexemes text[], counts bigint[], products bigint, compounded text[], compounds text[],
    tag_units int[], tag_names text[], tag_weights real[]
) returns table (
    unit int, name text, idf numeric, text text, parts text[], spots int[],
    shares numeric[], phrased numeric, tags real[]
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
    glued as materialized (
        select u.unit, count(*) as words, bool_or(u.word ~ '[0-9]') as is_code,
               count(*) filter (where u.place = any (places)) as known,
               string_agg(folded_text(u.word), ' ' order by u.place) as body
        from unnest(said, units) with ordinality as u (word, unit, place)
        where names[u.unit] is null
        group by u.unit
        having count(*) > 1
    ),
    own as materialized (
        select units[u.place] as unit, u.place, u.lexeme, c.idf,
               case when names[units[u.place]] is not null then 0.7
                    -- parts of a code say little, and without its stop words they say less
                    when g.is_code then 0.25
                    when g.known < g.words then 0.5
                    else 1 end as factor
        from unnest(places, forms) as u (place, lexeme)
        join counted as c on c.lexeme = u.lexeme
        left join glued as g on g.unit = units[u.place]
        -- "a4" is not 4: where only one part of a code is no stop word, it stands for nothing
        where u.place > 0 and (g.is_code and g.known < 2) is not true
    ),
    whole as materialized (
        select -u.place as unit, min(c.idf) as idf, array_agg(quoted_lexeme(u.lexeme)) as lexemes
        from unnest(places, forms) as u (place, lexeme)
        join counted as c on c.lexeme = u.lexeme
        where u.place < 0
        group by u.place
    ),
    code as materialized (
        select p.unit, string_agg('(' || p.phrase::text || ')', ' | ') as phrase
        from (select distinct g.unit, phraseto_tsquery(c.config::regconfig, g.body) as phrase
              from glued as g
              cross join unnest(configs) as c (config)
              where g.is_code) as p
        where numnode(p.phrase) > 1
        group by p.unit
    ),
    compound as materialized (
        select o.unit, string_agg(distinct '(' || u.compound || ')', ' | ') as phrase
        from unnest(compounded, compounds) as u (lexeme, compound)
        join (select distinct o.unit, o.place, o.lexeme from own as o
              union select o.unit, o.place, lower(folded_text(said[o.place])) from own as o) as o
            on o.lexeme = u.lexeme
        -- of a unit of one word
        where not exists (select from unnest(units) with ordinality as w (unit, place)
                          where w.unit = o.unit and w.place <> o.unit)
        group by o.unit
    ),
    word as materialized (
        select o.unit, o.place, string_agg(quoted_lexeme(o.lexeme), ' | ' order by o.lexeme) as text,
               min(o.idf) as idf, min(o.factor) as factor
        from own as o
        group by o.unit, o.place
    ),
    tag as materialized (
        select t.unit, t.weight, string_agg(quoted_lexeme('#' || t.name), ' | ') as text, sum(c.products) as products
        from unnest(tag_units, tag_names, tag_weights) as t (unit, name, weight)
        join counted as c on c.lexeme = '#' || t.name
        where c.products > 0 -- a keyword that no product has says nothing
        group by t.unit, t.weight
    ),
    parted as materialized (
        select p.unit, 0.95::real as weight, p.text, 1 as products
        from parted_units(said, units) as p
        where not exists (select from tag as t where t.unit = p.unit and t.weight > 0.75)
    ),
    tagged as materialized (
        select t.unit, array_agg(t.text order by t.weight desc) as texts,
               array_agg(t.weight order by t.weight desc) as weights,
               -- what is one
               string_agg(t.text, ' | ') filter (where t.weight > 0.75) as text,
               ln(1 + (units_of_query.products - least(sum(t.products) filter (where t.weight > 0.75),
                                                       units_of_query.products) + 0.5)
                      / (sum(t.products) filter (where t.weight > 0.75) + 0.5)) as idf
        from (select * from tag union all select * from parted) as t
        group by t.unit
    ),
    named as materialized (
        select n.unit::int as unit, n.name, k.facet,
               -- the keyword's own words, where others were said: "sofa" for "couch"
               (select string_agg('(' || p.phrase::text || ')', ' | ')
                from (select distinct case when n.joined is null or numnode(f.phrase) > 1 then f.phrase
                                           -- of "t-shirt" only shirt is left
                                           else phraseto_tsquery(g.config::regconfig, n.joined) end as phrase,
                             text_lexemes(g.config::regconfig, n.name) as said
                      from unnest(configs) as g (config)
                      cross join lateral (
                          select phraseto_tsquery(g.config::regconfig, phrase_text(n.name)) as phrase) as f) as p
                where numnode(p.phrase) > 0 and not tsvector_to_array(p.said) <@ array(
                    select u.lexeme
                    from unnest(places, forms) as u (place, lexeme)
                    where units[abs(u.place)] = n.unit)) as phrase
        from (select u.name, u.unit, folded_text(joined_words(clean_text(u.name))) as joined
              from unnest(names) with ordinality as u (name, unit)) as n
        join keywords as k on k.name = n.name
        where exists (select from counted as c where c.lexeme = '#' || n.name and c.products > 0)
    )
    select u.unit, n.name,
           -- as common as the commoner of the keyword and the words for it
           case when g.idf is null then coalesce(w.idf, j.idf, 1) else least(g.idf, coalesce(w.rarest, g.idf)) end
               -- and what a product is counts more than how it is: pink shoes are shoes first
               * case n.facet when 'type' then 1.5 else 1 end as idf,
           concat_ws(' | ', g.text, f.phrase, array_to_string(j.lexemes, ' | '), w.text),
           array_remove(j.lexemes || o.lexemes || f.phrase || g.texts, null),
           array_fill(0, array[coalesce(cardinality(j.lexemes), 0)]) || o.places,
           array_fill(1::numeric, array[coalesce(cardinality(j.lexemes), 0)]) || o.shares,
           case when p.phrase is not null then 0.9 when f.phrase is not null then 0.7 end, coalesce(g.weights, '{}')
    from (select w.unit from word as w union select n.unit from named as n
          union select g.unit from tagged as g where g.text is not null union select j.unit from whole as j) as u
    left join named as n on n.unit = u.unit
    left join tagged as g on g.unit = u.unit
    left join code as p on p.unit = u.unit and n.name is null
    left join compound as c on c.unit = u.unit
    cross join lateral (
        select nullif(concat_ws(' | ', n.phrase, p.phrase, c.phrase), '') as phrase) as f
    left join (
        select w.unit, sum(w.idf) as idf, max(w.idf) as rarest,
               '(' || string_agg('(' || w.text || ')', ' & ' order by w.place) || ')' as text
        from word as w
        group by w.unit
    ) as w on w.unit = u.unit
    left join whole as j on j.unit = u.unit
    left join lateral (
        select array_agg(quoted_lexeme(o.lexeme) order by o.place, quoted_lexeme(o.lexeme)) as lexemes,
               array_agg(o.place order by o.place, quoted_lexeme(o.lexeme)) as places,
               array_agg(round(coalesce(d.idf / nullif(w.idf, 0), 1) * d.factor, 4)
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
