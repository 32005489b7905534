-- Products that are in the catalogue twice: by their pictures, and by their texts.

-- ---------------------------------------------------------------------------------------------
-- sure_of_picture(similarity) → how surely two pictures of this similarity of their layouts are one,
-- 0 to 1: as measured where every fourth of 600 photographs has twelve copies.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.sure_of_picture(similarity real) returns real
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select (1 / (1 + exp((1 - similarity - 0.0275) / 0.005)))::real;
$func$;

-- ---------------------------------------------------------------------------------------------
-- like_pictures(max_distance, min_picture, source_ids) → products whose picture is that of an earlier
-- product: the same bytes (similarity 1), or a copy: layouts with a cosine of at least min_picture, and
-- hashes that differ in at most max_distance bits. With the nearest of these.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.like_pictures(
    max_distance int, min_picture real, source_ids int[]
) returns table (product_id bigint, of_product bigint, distance int, similarity real)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _ids bigint[];
    _layouts @vector@.halfvec[];
begin
    if max_distance is null then
        return;
    end if;
    select array_agg(l.id), array_agg(l.layout) into _ids, _layouts
    from (
        select min(p.id) as id, i.layout
        from products as p
        join images as i on i.sha256 = p.image_sha256
        where (source_ids is null or p.source_id = any (source_ids))
            and i.layout is not null and @vector@.l2_norm(i.layout) > 0
        group by i.sha256
    ) as l;
    return query
    select p.id, p.first, 0, 1::real
    from (
        select p.id, min(p.id) over (partition by p.image_sha256) as first
        from products as p
        where p.image_sha256 is not null and (source_ids is null or p.source_id = any (source_ids))
    ) as p
    where p.id <> p.first
    union all
    select n.id, n.earlier, n.distance, n.similarity
    from (
        select distinct on (c.id) c.id, c.earlier, d.distance, c.similarity
        from close_pairs(_ids, _layouts, min_picture) as c
        join products as l on l.id = c.id
        join images as li on li.sha256 = l.image_sha256
        join products as e on e.id = c.earlier
        join images as ei on ei.sha256 = e.image_sha256
        cross join lateral (select bit_count(li.dhash # ei.dhash)::int as distance) as d
        where d.distance <= max_distance
        order by c.id, c.similarity desc, c.earlier
    ) as n;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- like_looks(min_looks, source_ids) → products whose picture has a cosine of at least min_looks to that
-- of an earlier product in the active image space, with the nearest of these: another picture, maybe of
-- the same product.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.like_looks(min_looks real, source_ids int[])
returns table (product_id bigint, of_product bigint, similarity real)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _ids bigint[];
    _vectors @vector@.halfvec[];
begin
    if min_looks is null then
        return;
    end if;
    select array_agg(e.product_id), array_agg(e.embedding) into _ids, _vectors
    from product_embeddings as e
    join products as p on p.id = e.product_id
    where e.space_id = (active_space('image')).id
        and (source_ids is null or p.source_id = any (source_ids));
    return query
    select distinct on (c.id) c.id, c.earlier, c.similarity
    from close_pairs(_ids, _vectors, min_looks) as c
    order by c.id, c.similarity desc, c.earlier;
end
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
-- shows_another(one, other, min_picture) → whether the pictures of two products can be compared, and are no
-- copies of each other: their layouts have a cosine below min_picture. Products whose pictures differ are
-- two, whatever their texts say. False if one has no picture, or a plain one; and for null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.shows_another(one bigint, other bigint, min_picture real) returns boolean
language sql stable security invoker
set search_path from current
as $func$
    select coalesce((
        -- NaN, of a layout of zeros, is above all numbers
        select a.sha256 <> b.sha256 and 1 - (a.layout operator(@vector@.<=>) b.layout) < min_picture
        from products as p
        join images as a on a.sha256 = p.image_sha256
        join products as q on q.id = other
        join images as b on b.sha256 = q.image_sha256
        where p.id = one and min_picture is not null), false);
$func$;

-- ---------------------------------------------------------------------------------------------
-- like_texts(min_similarity, min_picture, source_ids) → products whose text has a cosine of at least
-- min_similarity to an earlier product's, and nearly the same title (is_same_title), and whose picture is not
-- another (shows_another), with the nearest of these, in the active text space. Of equal texts each is compared with the ten before it in the order of their titles
-- (Hernández & Stolfo 1995). Near texts are compared if the signs of their vectors, less the mean of all,
-- agree in a band (Charikar 2002): finds 99 of 100 pairs at 0.97, and all pairs in small spaces.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.like_texts(min_similarity real, min_picture real, source_ids int[])
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
        where is_same_title(l.words, e.words) and not shows_another(l.id, e.id, min_picture)
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
            and not shows_another(p.id, p.earlier, min_picture)
    ) as n
    order by n.id, n.similarity desc, n.earlier;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- like_titles(min_picture, source_ids) → products whose title has the same words as an earlier product's, in
-- any order, with the first of these, less those whose picture is another (shows_another). Titles of fewer than
-- three words name a kind of thing: left out.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.like_titles(min_picture real, source_ids int[])
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
    where t.id <> t.first and not shows_another(t.id, t.first, min_picture);
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_cosine(name, value, hint): raises VT004 if an argument is not null, and not 0.8 to 1.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_cosine(name text, value real, hint text) returns void
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    if not value between 0.8 and 1 then
        raise exception '% must be 0.8 to 1, not %', name, value using errcode = 'VT004', hint = hint;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- duplicates(k, max_distance, min_similarity, sources, min_picture, min_looks) → the k products most
-- surely the same as an earlier product; `reasons` says by what. picture: the same picture, or a copy
-- of it (saved again, resized, cropped a little, on more ground): their layouts have a cosine of at
-- least min_picture, and at most max_distance of the 64 bits of their hashes differ. text: keywords and
-- caption with a cosine of at least min_similarity and nearly the same title, or titles of the same
-- words; it says nothing of products whose pictures are no copies of each other, unless max_distance is null.
-- looks, if min_looks is given: another picture that looks much like it, a cosine of at least
-- min_looks in the active image space; most of these are other products, so see for yourself.
-- One row per product and earlier product; `picture_similarity`, `similarity` and `looks` are the
-- cosines, `confidence` is 0 to 1. Two reasons come first, then the surest. max_distance: 0 to 64; null
-- for texts alone; min_similarity: null for no texts. Raises VT004 for wrong arguments.
-- ---------------------------------------------------------------------------------------------
create or replace function duplicates(
    k int default 100, max_distance int default 20, min_similarity real default 0.97,
    sources text[] default null, min_picture real default 0.99, min_looks real default null
) returns table (
    product_id bigint, source text, external_id text, title text, of_product bigint,
    of_source text, of_external_id text, of_title text, reasons text[], distance int,
    similarity real, picture_similarity real, looks real, confidence real
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _source_ids int[];
    _copies_from real := case when max_distance is not null then min_picture end; -- null: texts alone
begin
    perform check_k(k, 1, 100000);
    if max_distance not between 0 and 64 then
        raise exception 'max_distance must be 0 to 64, not %', max_distance using errcode = 'VT004',
            hint = 'it is a number of bits of 64; null compares no pictures';
    end if;
    perform check_cosine('min_similarity', min_similarity, 'for less similar products, use similar_products');
    perform check_cosine('min_picture', coalesce(min_picture, 'NaN'), 'pictures below are other pictures');
    perform check_cosine('min_looks', min_looks, 'for products that look less alike, use similar_products');
    _source_ids := (filters_of('{}', null, '{}', '{}', sources)).source_ids;
    return query
    select l.id, ls.name, l.external_id, l.title, e.id, es.name, e.external_id, e.title,
           array_remove(array[case when d.picture is not null then 'picture' end,
                              case when d.text is not null then 'text' end,
                              case when d.looks is not null then 'looks' end], null),
           d.distance, d.similarity, d.picture, d.looks, d.confidence
    from (
        select product_id, of_product, x.distance, t.similarity, x.similarity as picture,
               g.similarity as looks, w.text, w.confidence,
               num_nonnulls(x.similarity, w.text) as reasons
        from like_pictures(max_distance, min_picture, _source_ids) as x
        full join like_texts(min_similarity, _copies_from, _source_ids) as t using (product_id, of_product)
        full join (
            select l.product_id, l.of_product, 1::real as similarity from like_titles(_copies_from, _source_ids) as l
            where min_similarity is not null) as h using (product_id, of_product)
        full join like_looks(min_looks, _source_ids) as g using (product_id, of_product)
        cross join lateral (
            select greatest(h.similarity, t.similarity) as text,
                   -- each of three signs that fail together
                   (1 - (1 - case when x.distance = 0 and x.similarity = 1 then 1
                                  else coalesce(sure_of_picture(x.similarity), 0) end)
                      * (1 - 0.9 * coalesce(greatest(h.similarity, t.similarity), 0))
                      * (1 - 0.3 * coalesce(g.similarity, 0)))::real as confidence) as w
        order by reasons desc, w.confidence desc, product_id, of_product
        limit k
    ) as d
    join products as l on l.id = d.product_id
    join vitrina.sources as ls on ls.id = l.source_id
    join products as e on e.id = d.of_product
    join vitrina.sources as es on es.id = e.source_id
    order by d.reasons desc, d.confidence desc, l.id, e.id;
end
$func$;
