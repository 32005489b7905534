-- Relevance: whether a row is an answer at all. By its text: it is the type of thing that was asked for,
-- and has the rest of the query, rare words more than common ones. By its vector: it is more similar
-- than the most similar of so many unrelated things would be.

-- ---------------------------------------------------------------------------------------------
-- in_title(query) → the tsquery, over titles only: weight A of the full text.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.in_title(query tsquery) returns tsquery
language sql immutable parallel safe
return regexp_replace(query::text, '(''(?:[^'']|'''')*'')', '\1:A', 'g')::tsquery;

-- ---------------------------------------------------------------------------------------------
-- head_of_query(said, units, names, keys) → the unit that says what kind of thing is wanted, the keyword it
-- is or would be, and its domain; no row if no unit does. It is the last type before "for" or "with". One that no
-- keyword is, is the head only if no word of an unknown kind follows: a "hand towel holder" is no towel.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.head_of_query(
    said text[], units int[], names text[], keys text[], out head int, out name text, out domain text
)
language sql stable security invoker
set search_path from current
as $func$
    with unit as (
        select u.unit, coalesce(w.name, t.canonical, u.form) as name, coalesce(w.facet, t.facet, r.facet) as facet,
               t.domain, w.id is not null as known,
               coalesce(w.facet, t.facet, r.facet) is null and u.form <> '' as strange
        from (
            select g.unit, min(g.name) as name,
                   normal_form(string_agg(g.word, ' ' order by g.place)) as form
            from unnest(said, units, names) with ordinality as g (word, unit, name, place)
            group by g.unit
        ) as u
        left join keywords as w on w.name = u.name
        left join lateral (
            select h.canonical, h.facet, h.domain from thesaurus as h
            where h.term = u.form and h.language in ('', (select shop_language()))
            order by h.language limit 1) as t on true
        left join lateral (
            select o.facet from related_terms as o where o.key = keys[u.unit]
            union all
            select o.facet from related_terms as o where o.related_key = keys[u.unit]
            limit 1) as r on true
        where u.unit < coalesce((
            select min(b.place)
            from unnest(said) with ordinality as b (word, place)
            where b.place > 1 and lower(b.word) in
                ('for', 'with', 'für', 'mit', 'pour', 'avec', 'para', 'con', 'per')), 100)
    )
    select u.unit, u.name, u.domain
    from unit as u
    where u.facet = 'type'
        and (u.known or not exists (select from unit as o where o.unit > u.unit and o.strange))
        and not exists (select from unit as o where o.unit > u.unit and o.facet = 'type')
$func$;

-- ---------------------------------------------------------------------------------------------
-- read_demand(said, units, names, keys, configs, places, shares, texts, tag_units, …) → what a query asks
-- for, from its words (see query_parts), its units: their places, their shares of the query and what has them;
-- and their related_keywords.
-- labels: what each unit was said as. texts: what has each unit; then, of the head: the types it is, the
-- types that end in the same word, and more, see there. lacks, head, covered: expressions
-- over `product_text as t` or over each other, with these texts as parameter $17: the units that are
-- missing, as bits; 3 for a product that is the head, 6 to 4 for one that stands in for it, better or worse,
-- 2 for one that ends in the same word, 1 for one that mentions it, else -1 or 0; the share of the query
-- that is there. kinds: the keywords of the head and of its kinds ("desk", "computer desk"); null without
-- a head.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.read_demand(
    said text[], units int[], names text[], keys text[], configs text[], places int[], shares numeric[],
    texts tsquery[], tag_units int[], tag_ids bigint[], tag_names text[], tag_weights real[]
) returns demand
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _demand demand;
    _head record;
    _place int;
    _lasts text[];
    _of record;
    _said record;
    _n int := cardinality(places);
    -- what no product has, and nobody means
    _nothing constant text[] := array[
        'something', 'anything', 'some', 'any', 'thing', 'things', 'stuff', 'item', 'items', 'product',
        'products', 'want', 'need', 'looking', 'find', 'show', 'buy', 'get', 'best', 'good', 'nice',
        'gift', 'gifts', 'present', 'presents', 'idea', 'ideas', 'geschenk', 'geschenke', 'geschenkidee',
        'cadeau', 'cadeaux', 'regalo', 'regalos', 'regali', 'etwas', 'irgendwas', 'suche', 'kaufen', 'quelque', 'chose', 'cherche', 'acheter', 'algo',
        'busco', 'comprar', 'qualcosa', 'cerco', 'comprare'];
begin
    if _n is null then
        return null;
    end if;
    select h.* into _head from head_of_query(said, units, names, keys) as h;
    _place := array_position(places, _head.head);
    _demand.texts := texts;
    select array_agg(p.label order by p.place),
           string_agg(case when p.share is null then '0'
                           when p.place = _place then format('case m.head when 3 then 0 else %s end', p.bit)
                           else format('case when t.tsv @@ $17[%s] then 0 else %s end', p.place, p.bit) end,
                      ' + ' order by p.place),
           string_agg(format('%s * (1 - (m.lacks >> %s & 1))', round(p.share, 4), p.place - 1),
                      ' + ' order by p.place) filter (where p.share is not null)
    into _demand.labels, _demand.lacks, _demand.covered
    from (
        select u.place, w.label, 1 << (u.place::int - 1) as bit,
               case when not w.says_nothing then
                   u.share / sum(u.share) filter (where not w.says_nothing) over ()
                    -- a query of nothing else means what it says
                    when bool_and(w.says_nothing) over () then u.share end as share
        from unnest(places, shares) with ordinality as u (unit, share, place)
        cross join lateral (
            select string_agg(o.word, ' ' order by o.place) as label,
                   bool_and(lower(o.word) = any (_nothing)) as says_nothing
            from unnest(said, units) with ordinality as o (word, unit, place)
            where o.unit = u.unit) as w
    ) as p;
    if _demand.covered is null then
        return null;
    end if;
    if _place is null then
        return _demand;
    end if;
    _lasts := array[nullif(split_part(translate(_head.name, '-', ' '), ' ', -1), ''),
                    nullif(split_part(normal_form(_demand.labels[_place]), ' ', -1), ''),
                    nullif(split_part(translate(lower(_demand.labels[_place]), '-', ' '), ' ', -1), '')];
    select array_agg(t.id) filter (where t.weight > 0.75) as kinds,
           string_agg(quoted_lexeme('#' || t.name), ' | ') filter (where t.weight > 0.75)::tsquery as kind,
           string_agg(quoted_lexeme('#' || t.name), ' | ') filter (where t.weight between 0.6 and 0.75)::tsquery as near,
           string_agg(quoted_lexeme('#' || t.name), ' | ') filter (where t.weight between 0.5 and 0.6)::tsquery as kind_of_near,
           string_agg(quoted_lexeme('#' || t.name), ' | ') filter (where t.weight < 0.5)::tsquery as other,
           (select string_agg(quoted_lexeme('#' || w.name), ' | ')::tsquery
            from keywords as w
            where w.kinds && (select array_agg(squashed(normal_form(l.word))) from unnest(_lasts) as l (word))
                and w.facet = 'type') as kin,
           (select string_agg(quoted_lexeme('#' || w.name), ' | ')::tsquery
            from keywords as w
            where w.name = any (string_to_array(_head.name, ' ')) and w.facet = 'type') as part
    into _of
    from unnest(tag_units, tag_ids, tag_names, tag_weights) as t (unit, id, name, weight)
    where t.unit = _head.head;
    if _of.kind is null or not is_written(_of.kind) then
        select nullif(concat_ws(' | ', _of.kind::text, max(p.text)), '')::tsquery into _of.kind
        from parted_units(said, units) as p where p.unit = _head.head;
    end if;
    select string_agg('(' || q.words::text || ')', ' | ')::tsquery as words,
           string_agg('(' || q.phrase::text || ')', ' | ')::tsquery as phrase,
           replace(string_agg(q.words::text, ' | '), '&', '|')::tsquery as any_word
    into _said
    from (select distinct plainto_tsquery(c.config::regconfig, phrase_text(s.body)) as words,
                 phraseto_tsquery(c.config::regconfig, phrase_text(s.body)) as phrase
          from unnest(configs) as c (config)
          cross join (values (_head.name), (_demand.labels[_place])) as s (body)) as q
    where numnode(q.words) > 0;
    _demand.kinds := coalesce(_of.kinds, '{}');
    _demand.domain := _head.domain;
    -- with other spellings and compounds: a Bürostuhl is a Stuhl
    _demand.texts := texts || _of.kind || _of.kin || in_title(_said.words || texts[_place])
                     || _of.part || in_title(_said.phrase) || _said.any_word || _of.near || _of.kind_of_near || _of.other;
    -- a mention in the title of a product whose type is not known, is its type
    _demand.head := format(
        'case when t.tsv @@ $17[%1$s] or t.tsv @@ $17[%3$s] and (not exists ('
        'select from product_keywords as k join keywords as w on w.id = k.keyword_id'
        ' where k.product_id = t.product_id and w.facet = ''type''))'
        ' or t.tsv @@ $17[%5$s] and (t.tsv @@ $17[%2$s] or t.tsv @@ $17[%4$s]) then 3'
        ' when t.tsv @@ $17[%7$s] then 6 when t.tsv @@ $17[%8$s] then 5 when t.tsv @@ $17[%9$s] then 4'
        ' when t.tsv @@ $17[%2$s] then 2 when t.tsv @@ $17[%3$s] then 1 when t.tsv @@ $17[%6$s] then -1'
        ' else 0 end', _n + 1, _n + 2, _n + 3, _n + 4, _n + 5, _n + 6, _n + 7, _n + 8, _n + 9);
    return _demand;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- number_sold(kinds, filters) → how many products of the searched sources are of one of these types, up to ten.
-- number_named(demand, filters) → the same for products that are the head by their title: their own type may
-- not be known. Looks at no more than 200 titles.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.number_sold(kinds bigint[], filters filters) returns bigint
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select count(*)
    from (
        select
        from product_keywords as pk
        where pk.keyword_id = any (kinds) and (filters.source_ids is null or exists (
            select from products as p
            where p.id = pk.product_id and p.source_id = any (filters.source_ids)))
        limit 10) as s;
$func$;

create or replace function vitrina_internal.number_named(demand demand, filters filters) returns bigint
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _count bigint;
begin
    if demand.head is null then
        return 0;
    end if;
    execute format(
        'select least(count(*), 10)
         from (select t.tsv, t.product_id from product_text as t where t.tsv @@ $2 and ($1 is null or exists (
                   select from products as p where p.id = t.product_id and p.source_id = any ($1)))
               limit 200) as t
         where %s = 3', replace(demand.head, '$17', '$3'))
    into _count
    using filters.source_ids, demand.texts[cardinality(demand.labels) + 3], demand.texts;
    return _count;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- is_own_trade(domain) → whether a good part of the types of the catalogue are of this domain.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_own_trade(domain text) returns boolean
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select coalesce(is_own_trade.domain is not null
                    and count(*) filter (where t.domain = is_own_trade.domain) >= 0.2 * count(*), false)
    from keywords as w
    join thesaurus as t on t.term = w.form and t.language = ''
    where w.facet = 'type' and t.domain is not null
        and exists (select from product_keywords as pk where pk.keyword_id = w.id);
$func$;

-- ---------------------------------------------------------------------------------------------
-- by_similarity(similarity, mean, clear, strictness) → how surely a row is an answer by its vector alone:
-- half at a clear similarity. strictness: 1, or more where the words say that it is not one.
-- above_chance(similarity, mean, clear, text_rank) → how far the similarity of words and a picture is above what
-- chance gives, 0 to 1: half at a clear one, and always more for more; where the text has the words too, a
-- quarter of it: there a model that knows less than texts do would only disturb. Of fashion with its titles
-- one that knows colours only took .012 of nDCG in full, .005 so.
-- by_text(demand) → the same by its text, as an expression over `m`: its head, what it lacks and covers.
-- What is the type asked for, is an answer, the surer the more of the rest it has. A mention in a title
-- is one only if the shop may have the type ($18), else it is a bag for it; or if all other words of the
-- query are there too: who types a title finds it. Without a type, most of the query must be there.
-- strictness(demand) → as an expression: $22 for what is not the type; words in common make vectors
-- similar, even of other things.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.by_similarity(
    similarity float8, mean float8, clear float8, strictness float8
) returns float8
language sql immutable parallel safe
return coalesce(least(greatest((similarity - mean) / (clear - mean) / strictness / 2, 0), 1), 0);

create or replace function vitrina_internal.above_chance(
    similarity float8, mean float8, clear float8, text_rank real
) returns float8
language sql immutable parallel safe
return coalesce(greatest(similarity - mean, 0) / (greatest(similarity - mean, 0) + clear - mean), 0)
    * (1 - 0.75 * coalesce(text_rank, 0));

create or replace function vitrina_internal.by_text(demand demand) returns text
language sql immutable parallel safe
return case when demand.labels is null then '0'
    when demand.head is null then 'power(least(m.covered, 1), 1.6)'
    else 'case when m.head = 3 then 0.5 + 0.5 * m.covered'
         -- what stands in for it, as long as there is hardly any
         ' when m.head >= 5 and $23 < 10 then 0.5 + 0.3 * m.covered'
         ' when m.head = 4 and $23 = 0 then 0.5 + 0.2 * m.covered'
         ' when m.head = 1 and ($18'
         || case when cardinality(demand.labels) > 1 then ' or m.lacks & (m.lacks - 1) = 0' else '' end
         || ') then 0.5 + 0.2 * m.covered'
         ' else 0.4 * m.covered end' end;

create or replace function vitrina_internal.strictness(demand demand) returns text
language sql immutable parallel safe
return case when demand.head is null then 'case when m.covered > 0 then 1.3 else 1 end'
    else 'case m.head when 2 then least($22, 1) when -1 then greatest($22, 1) else $22 end' end;

-- ---------------------------------------------------------------------------------------------
-- weight_of_all(demand, weights) → how much it counts, beside the mean of the channels, that a product has
-- all of the query. Words that count for nothing ask for nothing.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.weight_of_all(demand demand, weights jsonb) returns real
language sql immutable parallel safe
return case when demand.labels is null or (weights ->> 'text')::real = 0 then 0
    else coalesce((weights ->> 'complete')::real, 1) end;
