-- Finding duplicates without comparing all pairs: near products agree in some part (a band of bits), so
-- only products that agree in a band are compared.

-- ---------------------------------------------------------------------------------------------
-- bit_bands(distance) → masks over 64 bits: two numbers that differ in at most this many bits are equal
-- under one of them. The bits form distance + 3 parts, and the masks are every three of those, since at
-- least three parts have no difference. Each part is spread over the whole, as neighbouring bits of a
-- picture are often alike; three at once leave few pairs to compare even among flat backgrounds.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.bit_bands(distance int) returns table (band int, mask bit)
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    with parts as (
        select p.part, string_agg(case when i.place % (distance + 3) = p.part then '1' else '0' end, ''
                                  order by i.place)::bit(64) as mask
        from generate_series(0, distance + 2) as p (part)
        cross join generate_series(0, 63) as i (place)
        group by p.part
    )
    select row_number() over ()::int, a.mask | b.mask | c.mask
    from parts as a
    join parts as b on b.part > a.part
    join parts as c on c.part > b.part;
$func$;

-- ---------------------------------------------------------------------------------------------
-- like_pictures(max_distance, source_ids) → products whose picture is within max_distance bits of an
-- earlier product's, with the nearest of these. Exact; see bit_bands.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.like_pictures(max_distance int, source_ids int[])
returns table (product_id bigint, of_product bigint, distance int)
language sql stable security invoker
set search_path from current
as $func$
    with pictured as materialized (
        select p.id, i.dhash, min(p.id) over (partition by i.dhash) as first
        from products as p
        join images as i on i.sha256 = p.image_sha256
        where max_distance is not null and (source_ids is null or p.source_id = any (source_ids))
    ),
    banded as materialized (
        select p.id, p.dhash, b.band, (p.dhash & b.mask)::bigint as part
        from pictured as p
        cross join bit_bands(max_distance) as b
        where p.id = p.first and max_distance > 0
    )
    select p.id, p.first, 0
    from pictured as p
    where p.id <> p.first
    union all
    select n.id, n.of_product, n.distance
    from (
        select distinct on (l.id) l.id, e.id as of_product, d.distance
        from banded as l
        join banded as e on e.band = l.band and e.part = l.part and e.id < l.id
        cross join lateral (select bit_count(l.dhash # e.dhash)::int as distance) as d
        where d.distance <= max_distance
        order by l.id, d.distance, e.id
    ) as n;
$func$;

-- ---------------------------------------------------------------------------------------------
-- title_words(title) → the words of a title in normal form, each once, in order.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.title_words(title text) returns text[]
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select array_agg(distinct u.word order by u.word)
    from string_to_table(normal_form(title), ' ') as u (word)
    where u.word <> '';
$func$;

-- ---------------------------------------------------------------------------------------------
-- is_same_title(one, other) → whether two titles, as their words, may name one product: three of four words
-- are in both, and all words with a digit. Brands and models tell products with equal keywords apart.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_same_title(one text[], other text[]) returns boolean
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select count(*) filter (where w.times = 2) >= 0.75 * count(*)
        and not coalesce(bool_or(w.word ~ '\d') filter (where w.times = 1), false)
    from (select u.word, count(*) as times from unnest(one || other) as u (word) group by u.word) as w;
$func$;

-- ---------------------------------------------------------------------------------------------
-- like_texts(min_similarity, source_ids) → products whose text has a cosine of at least min_similarity
-- to an earlier product's, and nearly the same title (is_same_title), with the nearest of these, in the
-- active text space. Of equal texts each is compared with the ten before it in the order of their titles
-- (Hernández & Stolfo 1995). Near texts are compared if the signs of their vectors, less the mean of all,
-- agree in a band (Charikar 2002): finds 99 of 100 pairs at 0.97, and all pairs in small spaces.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.like_texts(min_similarity real, source_ids int[])
returns table (product_id bigint, of_product bigint, similarity real)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces := active_space('text');
    _signs int := least(_space.dimensions, 256);
    _width int; -- of a band, in signs; null: compare all pairs
    _mean @vector@.halfvec;
begin
    if min_similarity is null then
        return;
    end if;
    select case when _signs < 64 or count(*) < 300 then null when count(*) < 5000 then 8
                when count(*) < 30000 then 12 else 16 end,
           @vector@.avg(@vector@.subvector(e.embedding, 1, _signs))
    into _width, _mean
    from product_embeddings as e
    where e.space_id = _space.id;
    return query
    with texts as materialized (
        select e.product_id as id, min(e.product_id) over (partition by e.input_hash) as first,
               count(*) over (partition by e.input_hash) as equal, lower(p.title) as title,
               @vector@.binary_quantize(
                   @vector@.subvector(e.embedding, 1, _signs) operator(@vector@.-) _mean) as signs
        from product_embeddings as e
        join products as p on p.id = e.product_id
        where e.space_id = _space.id
            and (source_ids is null or p.source_id = any (source_ids))
    ),
    banded as materialized (
        select t.id, t.signs, b.band,
               substring(t.signs from _width * b.band + 1 for _width)::bit(16)::int as part
        from texts as t
        cross join generate_series(0, coalesce(_signs / _width, 0) - 1) as b (band)
        where t.id = t.first
    ),
    paired as materialized (
        select distinct l.id, e.id as earlier
        from banded as l
        join banded as e on e.band = l.band and e.part = l.part and e.id < l.id
        -- the angle is the share of signs that differ; four deviations more
        where bit_count(l.signs # e.signs)
              <= _signs * acos(min_similarity) / pi() + 4 * sqrt(_signs * acos(min_similarity) / pi())
        union all
        select l.id, e.id
        from texts as l
        join texts as e on e.id < l.id
        where _width is null and l.id = l.first and e.id = e.first
    ),
    equals as materialized (
        select t.id, t.first, title_words(t.title) as words,
               row_number() over (partition by t.first order by t.title, t.id) as place
        from texts as t
        where t.equal > 1
    )
    select distinct on (n.id) n.id, n.earlier, n.similarity
    from (
        select greatest(l.id, e.id) as id, least(l.id, e.id) as earlier, 1::real as similarity
        from equals as l
        join equals as e on e.first = l.first and e.place between l.place - 10 and l.place - 1
        where is_same_title(l.words, e.words)
        union all
        select p.id, p.earlier, c.similarity
        from paired as p
        join product_embeddings as l on l.space_id = _space.id and l.product_id = p.id
        join product_embeddings as e on e.space_id = _space.id and e.product_id = p.earlier
        join products as lp on lp.id = p.id
        join products as ep on ep.id = p.earlier
        cross join lateral (
            select (1 - (l.embedding operator(@vector@.<=>) e.embedding))::real as similarity) as c
        where c.similarity >= min_similarity and is_same_title(title_words(lp.title), title_words(ep.title))
    ) as n
    order by n.id, n.similarity desc, n.earlier;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- like_titles(source_ids) → products whose title has the same words as an earlier product's, in any
-- order, with the first of these. Titles of fewer than three words name a kind of thing: left out.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.like_titles(source_ids int[])
returns table (product_id bigint, of_product bigint)
language sql stable security invoker
set search_path from current
as $func$
    select t.id, t.first
    from (
        select p.id, min(p.id) over (partition by w.words) as first
        from products as p
        cross join lateral (select title_words(p.title) as words) as w
        where cardinality(w.words) >= 3 and (source_ids is null or p.source_id = any (source_ids))
    ) as t
    where t.id <> t.first;
$func$;

-- ---------------------------------------------------------------------------------------------
-- duplicates(k, max_distance, min_similarity, sources) → the k products most similar to an earlier
-- product: by picture (at most max_distance of the 64 bits of its difference hash differ), by text
-- (keywords and caption with a cosine of at least min_similarity and nearly the same title, or titles of
-- the same words), or both; `reasons` says which, picture or text. One
-- row per product and earlier product, most similar first. max_distance: 0 to 6; null for texts only;
-- min_similarity: null for pictures only. Raises VT004 for wrong arguments.
-- ---------------------------------------------------------------------------------------------
create or replace function duplicates(
    k int default 100, max_distance int default 4, min_similarity real default 0.97,
    sources text[] default null
) returns table (
    product_id bigint, source text, external_id text, title text, of_product bigint,
    of_source text, of_external_id text, of_title text, reasons text[], distance int,
    similarity real
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _source_ids int[];
begin
    perform check_k(k, 1, 100000);
    if max_distance not between 0 and 6 then
        raise exception 'max_distance must be 0 to 6, not %', max_distance using errcode = 'VT004',
            hint = 'pictures that differ in more bits are different pictures';
    end if;
    if not min_similarity between 0.8 and 1 then
        raise exception 'min_similarity must be 0.8 to 1, not %', min_similarity
            using errcode = 'VT004', hint = 'for less similar products, use similar_products';
    end if;
    _source_ids := (filters_of('{}', null, '{}', '{}', sources)).source_ids;
    return query
    select l.id, ls.name, l.external_id, l.title, e.id, es.name, e.external_id, e.title,
           array_remove(array[case when d.distance is not null then 'picture' end,
                              case when d.similarity is not null or d.titled then 'text' end], null),
           d.distance, d.similarity
    from (
        select product_id, of_product, x.distance, t.similarity, coalesce(h.titled, false) as titled
        from like_pictures(max_distance, _source_ids) as x
        full join like_texts(min_similarity, _source_ids) as t using (product_id, of_product)
        full join (
            select l.product_id, l.of_product, true as titled from like_titles(_source_ids) as l
            where min_similarity is not null) as h using (product_id, of_product)
        order by (x.distance is null)::int + (t.similarity is null and h.titled is null)::int,
                 coalesce(x.distance, max_distance, 0) / 64.0 + 1
                     - case when h.titled then 1 else coalesce(t.similarity, min_similarity, 1) end,
                 product_id, of_product
        limit k
    ) as d
    join products as l on l.id = d.product_id
    join vitrina.sources as ls on ls.id = l.source_id
    join products as e on e.id = d.of_product
    join vitrina.sources as es on es.id = e.source_id
    order by (d.distance is null)::int + (d.similarity is null and not d.titled)::int,
             coalesce(d.distance, max_distance, 0) / 64.0 + 1
                 - case when d.titled then 1 else coalesce(d.similarity, min_similarity, 1) end,
             l.id, e.id;
end
$func$;
