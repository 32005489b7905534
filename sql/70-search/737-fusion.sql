-- Fusion: what the channels find, words and vectors, in a single order.

-- ---------------------------------------------------------------------------------------------
-- coded_products(code, filters) → the products with this code that match the filters.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.coded_products(code text, filters filters) returns bigint[]
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _ids bigint[];
begin
    if code = '' or char_length(code) > 100 then
        return '{}';
    end if;
    _ids := code_holders(code);
    if _ids <> '{}' and filter_predicate(filters) is not null then
        execute format('select coalesce(array_agg(p.id), ''{}'') from products as p'
                       ' where p.id = any ($2) and %s', filter_predicate(filters, true))
        into _ids
        using filters, _ids;
    end if;
    return _ids;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- fusion_query(reading, text_space_id, image_space_id, complete, boost, by_words) → the query by which fused_products
-- orders what the channels found: parameters $1 (products with the code) and $3 to $8 (vector, image,
-- text; each with its distances or ranks), without $9, at most $14. $10 to $13: weights of text, vector
-- and image, and their sum. What a channel has not said of a product is looked up: by the reading's rank
-- of the parts $2, in these spaces by the vectors $15 and $16; null for a channel that takes no part.
-- complete: the text channel has said all it can. boost: see boost_factor. by_words:
-- pictures are found by words, whose cosines are low in every model, so they count as above_chance has them,
-- and are told of from a clear similarity; and a picture is as suspect as a text where the words say that it is something else. $17, $18: see read_demand and
-- by_text. $19: the least relevance, $20 and $21: mean and clear similarity of the spaces, $22: see
-- strictness, $23: how many products are of the type, up to ten. $24: how much it counts, beside the mean,
-- that a product has all of the query; what is at least the type has half of it.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.fusion_query(
    reading reading, text_space_id int, image_space_id int, complete boolean, boost text, by_words boolean
) returns text
language sql immutable parallel safe
return format(
    'with found as (
        select u.id, u.distance, null::float8 as image_distance, null::real as rank,
               ''vector'' as channel
        from unnest($3, $4) as u (id, distance)
        union all
        select u.id, null, u.distance, null, ''image'' from unnest($5, $6) as u (id, distance)
        union all
        select u.id, null, null, u.rank, ''text'' from unnest($7, $8) as u (id, rank)
        union all
        select u.id, null, null, null, ''code'' from unnest($1) as u (id)
    ),
    pool as (
        select f.id, max(f.distance) as distance, max(f.image_distance) as image_distance,
               max(f.rank) as rank, string_agg(f.channel, '','' order by f.channel) as channels
        from found as f
        where f.id <> all ($9)
        group by f.id
    ),
    measured as materialized ( -- else each mention of lacks computes it again
        select f.id, f.channels, d.rank, coalesce(d.head, 0) as head, coalesce(d.lacks, %7$s) as lacks,
               1 - coalesce(f.distance, (%2$s)) as similarity,
               1 - coalesce(f.image_distance, (%3$s)) as image_similarity
        from pool as f
        left join lateral (
            select coalesce(f.rank, %1$s) as rank, m.head, %5$s as lacks
            from product_text as t
            cross join lateral (select %4$s as head offset 0) as m
            where t.product_id = f.id
        ) as d on true
    ),
    judged as (
        select m.*,
               coalesce((coalesce($10 * m.rank, 0)
                         + coalesce($11 * greatest(m.similarity, 0), 0)
                         + coalesce($12 * %11$s, 0)) / $13, 0) as mean,
               case when m.id = any ($1) then 1
                    else greatest(%8$s, by_similarity(m.similarity, $20[1], $20[2], %9$s),
                                  by_similarity(m.image_similarity, $21[1], $21[2], %12$s)) end as relevance
        from (select m.*, %6$s as covered from measured as m offset 0) as m
    ),
    scored as (
        select j.*, (j.mean + $24 * case when j.lacks = 0 then 1
                                     else coalesce((array[0.1, 0.1, 0.5, 0.2, 0.3, 0.4])[j.head], 0) end) / (1 + $24)
                    + (j.id = any ($1))::int as score
        from judged as j
        where j.relevance >= $19 or $19 is null
    ),
    ordered as (
        select s.*, s.score * %10$s as boosted
        from scored as s
        order by boosted desc, s.similarity desc nulls last, s.image_similarity desc nulls last, s.id
        limit $14
    )
    select array_agg(c.id) as ids, array_agg(c.boosted) as scores,
           array_agg(coalesce(c.similarity, c.image_similarity)) as similarities,
           array_agg(c.rank) as ranks, array_agg(%13$s) as channels,
           array_agg(c.relevance)::real[] as relevances, array_agg(c.lacks) as lacks
    from ordered as c',
    case when reading.rank is null then 'null::real'
         when complete then '0'
         else '(' || reading.rank || ')::real' end,
    case when text_space_id is null then 'null::float8'
         else 'select e.embedding operator(@vector@.<=>) $15 from product_embeddings as e'
              ' where e.space_id = ' || text_space_id || ' and e.product_id = f.id' end,
    case when image_space_id is null then 'null::float8'
         else format('least((select e.embedding operator(@vector@.<=>) $16 from product_embeddings as e'
                     ' where e.space_id = %1$s and e.product_id = f.id),'
                     ' (select min(e.embedding operator(@vector@.<=>) $16) from picture_embeddings as e'
                     ' where e.space_id = %1$s and e.product_id = f.id))', image_space_id) end,
    coalesce((reading.demand).head, '0'), coalesce((reading.demand).lacks, '0'),
    coalesce((reading.demand).covered, '0'),
    coalesce((1::bigint << cardinality((reading.demand).labels)) - 1, 0),
    by_text(reading.demand),
    strictness(reading.demand),
    coalesce('(select ' || boost || ' from products as p where p.id = s.id)', '1'),
    case when by_words then 'above_chance(m.image_similarity, $21[1], $21[2], m.rank)'
         else 'greatest(m.image_similarity, 0)' end,
    case when by_words then strictness(reading.demand) else '1' end,
    -- the nearest picture may show nothing of the words
    case when by_words then 'case when c.image_similarity >= $21[2] then c.channels'
                            ' else array_to_string(array_remove(string_to_array(c.channels, '',''), ''image''), '','') end'
         else 'c.channels' end);

-- ---------------------------------------------------------------------------------------------
-- fused_products(k, …, min_relevance) → at least k products that any channel finds, or all of them, best
-- first: those with all of the query, then the others, each by the weighted mean over the channels. The
-- hundred best of each channel's first hits come first, all others behind them: so the first n are the
-- same for every k. Of at most 500 products all come in one order. Null for k: all answers, in no order,
-- if there is a floor.
-- among: of these products only. part: for a null k, see answers.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.fused_products(
    k int, code text, reading reading, text_space spaces, embedding @vector@.halfvec,
    image_space spaces, image_embedding @vector@.halfvec, weights jsonb, filters filters,
    min_relevance real, among bigint[] default null, part int default 1
) returns hits
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _text_weight real := case when reading.rank is null then 0
                              else coalesce((weights ->> 'text')::real, 1) end;
    _vector_weight real := case when embedding is null then 0
                                else coalesce((weights ->> 'vector')::real, text_space.weight) end;
    _image_weight real := case when image_embedding is null then 0
                               else coalesce((weights ->> 'image')::real, image_space.weight) end;
    _complete real := weight_of_all(reading.demand, weights);
    _total real := nullif(_text_weight + _vector_weight + _image_weight, 0);
    _codes bigint[] := coded_products(code, filters);
    _count bigint := number_sold((reading.demand).kinds, filters);
    _sold boolean := _count > 0;
    _own boolean := not _sold and is_own_trade((reading.demand).domain);
    _strictness float8 := case when _sold then 0.8 when _own then 0.85 else 1.3 end;
    _boost text := boost_factor(filters.rules);
    _depth int;
    _among bigint[] := among;
    _vector record;
    _image record;
    _text record;
    _found hits;
    _more hits;
begin
    if _count < 10 then
        _count := greatest(_count, number_named(reading.demand, filters));
    end if;
    -- of so few products all are judged sooner than the first, and then those behind them
    if among is null and k is not null and (select count(*) <= 500 from (select from products limit 501) as p) then
        among := coalesce(filtered_ids(filters), array(select p.id from products as p));
        _among := among;
    end if;
    _found.ids := '{}';
    select null::bigint[] as ids, null::float8[] as distances, null::bigint[] as among into _vector;
    _image := _vector;
    -- the hundred best first, then all; all at once if a boost may lift any of not so many
    foreach _depth in array case
        when among is not null or _boost is not null and k is not null
            and (select c.reltuples from pg_class as c where c.oid = 'products'::regclass) < 20000
        then array[null::int] else array[100, null] end
    loop
        if _depth is null and among is null and min_relevance is not null then
            _among := answers(_codes, reading, text_space, embedding, _vector.ids, _vector.distances, image_space,
                              image_embedding, _image.ids, _image.distances, filters, min_relevance, _sold,
                              _strictness, _count, case when k is null then part else 1 end);
            if k is null then
                _found.ids := _among;
                return _found;
            end if;
        end if;
        _vector := nearest_products(text_space, embedding, _depth, _among, filters);
        _image := nearest_products(image_space, image_embedding, _depth, _vector.among, filters);
        continue when k is null and min_relevance is not null;
        _among := _image.among;
        if _among is null and embedding is null and image_embedding is null then
            _among := filtered_ids(filters, 5000);
        end if;
        if cardinality(_among) <= 100 then
            _depth := null; -- the hundred best are all
        end if;
        _text := text_matches(reading, _depth, _among, filters);
        execute fusion_query(
            reading, case when embedding is not null then text_space.id end,
            case when image_embedding is not null then image_space.id end, _depth is null, _boost,
            coalesce(image_space.modality = 'joint', false))
        into _more
        using _codes, reading.parts, _vector.ids, _vector.distances, _image.ids, _image.distances,
              _text.ids, _text.ranks, _found.ids, _text_weight, _vector_weight, _image_weight, _total,
              _depth, embedding, image_embedding, (reading.demand).texts, _sold, min_relevance,
              array[coalesce(text_space.background_mean, 0), clear_similarity(text_space)],
              array[coalesce(image_space.background_mean, 0), clear_similarity(image_space)],
              _strictness, _count, _complete;
        _found.ids := _found.ids || _more.ids;
        _found.scores := _found.scores || _more.scores;
        _found.similarities := _found.similarities || _more.similarities;
        _found.ranks := _found.ranks || _more.ranks;
        _found.channels := _found.channels || _more.channels;
        _found.relevances := _found.relevances || _more.relevances;
        _found.lacks := _found.lacks || _more.lacks;
        exit when _depth is null or cardinality(_found.ids) >= k;
    end loop;
    return _found;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- near_products(k, space, embedding, channel, filters, min_relevance) → like fused_products, for a
-- single channel of vectors.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.near_products(
    k int, space spaces, embedding @vector@.halfvec, channel text, filters filters,
    min_relevance real
) returns hits
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _near record;
    _found hits;
begin
    _near := nearest_products(space, embedding, k, null, filters);
    select coalesce(array_agg(u.id order by u.place), '{}'),
           array_agg(greatest(1 - u.distance, 0) order by u.place),
           array_agg(1 - u.distance order by u.place), array_agg(u.relevance order by u.place)
    into _found.ids, _found.scores, _found.similarities, _found.relevances
    from (
        select n.*, by_similarity(1 - n.distance, coalesce(space.background_mean, 0),
                                  clear_similarity(space), 1)::real as relevance
        from unnest(_near.ids, _near.distances) with ordinality as n (id, distance, place)
    ) as u
    where u.relevance >= min_relevance or min_relevance is null;
    _found.channels := array_fill(channel, array[cardinality(_found.ids)]);
    return _found;
end
$func$;
