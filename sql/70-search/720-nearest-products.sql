-- The products nearest to a vector. The first n are the same for every k, so that pages follow each
-- other without gaps: the hits of the index come first, the others behind them.

-- ---------------------------------------------------------------------------------------------
-- nearest_products(space, embedding, k, among, filters) → the k products nearest by cosine distance
-- that match the filters, all of them for a null k: always k if k match; a product is as near as the
-- nearest of its pictures. among: the ids that match the filters, if known; if they had to be
-- collected, they are returned.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.nearest_products(
    space spaces, embedding @vector@.halfvec, k int, inout among bigint[], filters filters,
    out ids bigint[], out distances float8[]
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _own record;
    _further record;
begin
    select n.* into _own from nearest_own(space, embedding, k, among, filters) as n;
    among := _own.among;
    ids := _own.ids;
    distances := _own.distances;
    if embedding is null or not has_further(space.id) then
        return;
    end if;
    select f.* into _further from nearest_further(space, embedding, k, among, filters) as f;
    select array_agg(m.id order by m.distance, m.id), array_agg(m.distance order by m.distance, m.id)
    into ids, distances
    from (
        select u.id, min(u.distance) as distance
        from unnest(_own.ids || _further.ids, _own.distances || _further.distances) as u (id, distance)
        group by u.id
        order by 2, 1
        limit k) as m;
    ids := coalesce(ids, '{}');
    distances := coalesce(distances, '{}');
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- has_further(space_id) → whether any product has vectors of further pictures in this space.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.has_further(space_id int) returns boolean
language sql stable security invoker
set search_path from current
as $func$
    select exists (select from picture_embeddings as e where e.space_id = has_further.space_id);
$func$;

-- ---------------------------------------------------------------------------------------------
-- nearest_further(space, embedding, k, among, filters) → like nearest_own, by the further pictures of the
-- products: each product once. The index gives pictures, so more of them are read until there are k
-- products, at most 4,000; behind these all are compared.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.nearest_further(
    space spaces, embedding @vector@.halfvec, k int, among bigint[], filters filters,
    out ids bigint[], out distances float8[]
)
language plpgsql stable security invoker
set search_path from current
set hnsw.ef_search = 100
set hnsw.iterative_scan = 'relaxed_order'
as $func$
declare
    _part text := 'picture_embeddings_' || space.id;
    _fits text := case when among is not null then 'e.product_id = any ($4)' else coalesce(
        '(select true from products as p where p.id = e.product_id and ' || filter_predicate(filters, true) || ')',
        'true') end;
    _pictures int := 2 * least(k, 100) + 20;
    _read bigint;
begin
    -- of few products all pictures are compared: the index would pass most of its own by
    if (among is null or cardinality(among) > 10000) and k <= 100 and to_regclass(_part || '_hnsw') is not null
       and index_pays((select c.reltuples from pg_class as c where c.oid = _part::regclass), space.dimensions)
    then
        loop
            execute format(
                'select array_agg(n.id order by n.distance, n.id), array_agg(n.distance order by n.distance, n.id),
                        max(n.pictures)
                 from (select e.product_id as id, min(e.distance) as distance, sum(count(*)) over () as pictures
                       from (select e.product_id, e.embedding::@vector@.halfvec(%1$s) operator(@vector@.<=>) $2 as distance
                             from picture_embeddings as e where e.space_id = %2$s and %3$s
                             order by e.embedding::@vector@.halfvec(%1$s) operator(@vector@.<=>) $2 limit $3) as e
                       group by e.product_id) as n', space.dimensions, space.id, _fits)
            into ids, distances, _read
            using filters, embedding, _pictures, among;
            if cardinality(ids) >= k or coalesce(_read, 0) < _pictures then
                return;
            end if;
            exit when _pictures >= 4000;
            _pictures := 4 * _pictures;
        end loop;
    end if;
    -- the bare operator cannot use the index: exact
    execute format(
        'select array_agg(n.id order by n.distance, n.id), array_agg(n.distance order by n.distance, n.id)
         from (select e.product_id as id, min(e.embedding operator(@vector@.<=>) $2) as distance
               from picture_embeddings as e
               where e.space_id = %1$s and %2$s
               group by e.product_id order by 2, 1 limit $3) as n', space.id, _fits)
    into ids, distances
    using filters, embedding, k, among;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- nearest_own(space, embedding, k, among, filters) → nearest_products by the vectors of the products
-- themselves: of their texts, or of their own pictures.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.nearest_own(
    space spaces, embedding @vector@.halfvec, k int, inout among bigint[], filters filters,
    out ids bigint[], out distances float8[]
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _more record;
begin
    ids := '{}';
    distances := '{}';
    if embedding is null then
        return;
    end if;
    if among is null and k is not null then
        select w.ids, w.distances into ids, distances
        from walk_index(space, embedding, least(k, 100), filters) as w;
        if cardinality(ids) >= k then
            return;
        end if;
    end if;
    if among is null and k is not null then
        select b.* into _more
        from nearest_broad(space, embedding, k - cardinality(ids), nearest_own.ids, filters) as b;
        if cardinality(ids) + cardinality(_more.ids) >= k then
            ids := ids || _more.ids;
            distances := distances || _more.distances;
            return;
        end if;
    end if;
    if among is null then
        among := filtered_ids(filters);
    end if;
    -- the bare operator cannot use the index: exact
    if among is null then
        select array_agg(n.product_id order by n.distance, n.product_id) as ids,
               array_agg(n.distance order by n.distance, n.product_id) as distances
        into _more
        from (
            select e.product_id, e.embedding operator(@vector@.<=>) nearest_own.embedding as distance
            from product_embeddings as e
            where e.space_id = space.id and e.product_id <> all (nearest_own.ids)
            order by distance, e.product_id
            limit k - cardinality(nearest_own.ids)) as n;
    else
        select array_agg(n.product_id order by n.distance, n.product_id) as ids,
               array_agg(n.distance order by n.distance, n.product_id) as distances
        into _more
        from (
            select e.product_id, e.embedding operator(@vector@.<=>) nearest_own.embedding as distance
            from product_embeddings as e
            where e.space_id = space.id and e.product_id = any (among)
                and e.product_id <> all (nearest_own.ids)
            order by distance, e.product_id
            limit k - cardinality(nearest_own.ids)) as n;
    end if;
    ids := ids || _more.ids;
    distances := distances || _more.distances;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- nearest_broad(space, embedding, k, without, filters) → the k products nearest by cosine distance that
-- match the filters, exactly, without those in `without`; fewer or none where that is no faster than
-- to collect all that match. It is where many match, far from the query: all vectors are compared, and
-- of the products the attributes of the nearest only are read, at most of a tenth.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.nearest_broad(
    space spaces, embedding @vector@.halfvec, k int, without bigint[], filters filters,
    out ids bigint[], out distances float8[]
)
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _predicate constant text := filter_predicate(filters, true);
    _rows real;
    _share float8;
begin
    ids := '{}';
    distances := '{}';
    if _predicate is null or space.quantized then
        return;
    end if;
    select c.reltuples into _rows from pg_class as c where c.oid = to_regclass('product_embeddings_' || space.id);
    if index_pays(_rows, space.dimensions) is not true then
        return;
    end if;
    -- of some pages
    execute format('select avg(p.fits) from (select (%s is true)::int as fits
                    from products as p tablesample system ($2) repeatable (1) limit 2000) as p', _predicate)
    into _share
    using filters, (select least(100, 100000 / greatest(c.reltuples, 1))
                    from pg_class as c where c.oid = 'products'::regclass);
    if coalesce(_share, 0) < 0.2 then
        return;
    end if;
    -- the bare operator cannot use the index: exact
    execute format(
        'select coalesce(array_agg(m.product_id order by m.distance, m.product_id), ''{}''),
                coalesce(array_agg(m.distance order by m.distance, m.product_id), ''{}'')
         from (select n.product_id, n.distance
               from (select e.product_id, e.embedding operator(@vector@.<=>) $2 as distance
                     from product_embeddings as e where e.space_id = %s
                     order by distance, e.product_id limit $3) as n
               where n.product_id <> all ($4)
                   and (select true from products as p where p.id = n.product_id and %s)
               order by n.distance, n.product_id limit $5) as m', space.id, _predicate)
    into ids, distances
    using filters, embedding, (_rows / 10)::int, without, k;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- first_of_index(distance, space_id, embedding, k) → the first k products that the HNSW index finds,
-- the first 20 of them before the others. distance: to $2, the embedding, as an expression.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.first_of_index(
    distance text, space_id int, embedding @vector@.halfvec, k int,
    out ids bigint[], out distances float8[]
)
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    execute format(
        'select array_agg(n.product_id order by n.place > 20, n.distance, n.product_id),
                array_agg(n.distance order by n.place > 20, n.distance, n.product_id)
         from (select e.product_id, %1$s as distance, row_number() over () as place
               from product_embeddings as e where e.space_id = %2$s
               order by %1$s limit $1) as n', distance, space_id)
    into ids, distances
    using k, embedding;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- walk_index(space, embedding, k, filters) → up to k products, at most 100, as found by the HNSW index
-- of the space, nearest first; no rows without an index, or if reading all vectors is as fast. With
-- filters it stops early, with fewer than k, once so few products on the way match that its hits may
-- not be the nearest: the products that match are rare, or far from the query.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.walk_index(
    space spaces, embedding @vector@.halfvec, k int, filters filters,
    out ids bigint[], out distances float8[]
)
language plpgsql stable security invoker
set search_path from current
set hnsw.ef_search = 400 -- at a million products 100 finds .94 of the ten nearest, 400 .99, for a millisecond more
set hnsw.iterative_scan = 'relaxed_order'
as $func$
declare
    _part text := 'product_embeddings_' || space.id;
    _rows real := (select c.reltuples from pg_class as c where c.oid = _part::regclass);
    _predicate text := filter_predicate(filters, true);
    -- the same order for one page and for ten: see above
    _tier int := case when k <= 20 then 20 else 100 end;
    _distance text := format('e.embedding::@vector@.halfvec(%s) operator(@vector@.<=>) $2', space.dimensions);
    _row record;
    _seen int := 0;
    _hits int := 0;
    _sure int := 0;
begin
    ids := '{}';
    distances := '{}';
    if not index_pays(_rows, space.dimensions) then
        return;
    end if;
    if space.quantized then
        -- the order by signs is too rough to count on the way how many match a filter
        if _predicate is null and to_regclass(_part || '_hnsw_bits') is not null then
            select array_agg(n.product_id order by n.distance, n.product_id),
                   array_agg(n.distance order by n.distance, n.product_id)
            into ids, distances
            from nearest_quantized(space, embedding, _tier) as n;
        end if;
        return;
    end if;
    if to_regclass(_part || '_hnsw') is null then
        return;
    end if;
    if _predicate is null then
        select n.ids, n.distances into ids, distances
        from first_of_index(_distance, space.id, embedding, _tier) as n;
        return;
    end if;
    for _row in execute format(
        'select e.product_id, %1$s as distance,
                (select true from products as p where p.id = e.product_id and %3$s) as fits
         from product_embeddings as e where e.space_id = %2$s order by %1$s limit 2200',
        _distance, space.id, _predicate)
        using filters, embedding
    loop
        _seen := _seen + 1;
        if _row.fits then
            _hits := _hits + 1;
            ids[_hits] := _row.product_id;
            distances[_hits] := _row.distance;
            exit when _hits = _tier;
            if _hits = 20 and _seen <= 600 then
                _sure := 20;
            end if;
        end if;
        -- too rare for 20 of them among 600 products, or for 100 among 2,200
        exit when _seen >= 200 and _seen % 50 = 0
            and _hits * (case when _sure = 0 then 30 else 22 end) < _seen;
    end loop;
    if _hits = _tier then
        _sure := _hits;
    end if;
    select array_agg(n.id order by n.place > 20, n.distance, n.id),
           array_agg(n.distance order by n.place > 20, n.distance, n.id)
    into ids, distances
    from unnest(ids[:_sure], distances[:_sure]) with ordinality as n (id, distance, place);
    ids := coalesce(ids, '{}');
    distances := coalesce(distances, '{}');
end
$func$;
