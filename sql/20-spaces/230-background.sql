-- The background of a space: how similar things are in it that have nothing to do with each other.

-- ---------------------------------------------------------------------------------------------
-- background_pairs(space) → the cosines of up to 60,000 seeded pairs of unrelated things in a space: of
-- a product and a keyword that it does not have, as a query is like a keyword; without vectors of
-- keywords, of two products.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.background_pairs(space spaces) returns setof float8
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _products bigint[] := array(
        select e.product_id from product_embeddings as e where e.space_id = space.id
        order by md5(e.product_id::text), e.product_id limit 300);
    _keywords bigint[] := array(
        select e.keyword_id from keyword_embeddings as e where e.space_id = space.id
        order by md5(e.keyword_id::text), e.keyword_id limit 200);
begin
    if cardinality(_keywords) >= 20 then
        return query
        select 1 - (p.embedding operator(@vector@.<=>) w.embedding)
        from product_embeddings as p
        cross join keyword_embeddings as w
        where p.space_id = space.id and p.product_id = any (_products)
            and w.space_id = space.id and w.keyword_id = any (_keywords)
            and not exists (select from product_keywords as pk
                            where pk.product_id = p.product_id and pk.keyword_id = w.keyword_id);
    else
        return query
        select 1 - (p.embedding operator(@vector@.<=>) o.embedding)
        from product_embeddings as p
        join product_embeddings as o on o.product_id > p.product_id
        where p.space_id = space.id and p.product_id = any (_products)
            and o.space_id = space.id and o.product_id = any (_products);
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- measure_background(space, only_if_grown) → whether the background of this space is known: measures
-- how similar unrelated things are in it, which makes relevance comparable between models. Chance
-- pairs of one shop are often related: so the mean is their median, and the deviation is measured below
-- it, between the median and the 16th percentile, where related pairs are not. Too few pairs say
-- nothing. only_if_grown: only if it is unknown, or there are twice as many products as then. Raises
-- VT003 if the space is not found.
-- ---------------------------------------------------------------------------------------------
create or replace function measure_background(space text, only_if_grown boolean default false)
returns boolean
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _space spaces;
    _products bigint;
    _pairs bigint;
    _levels float8[];
begin
    select s.* into _space from spaces as s where s.name = measure_background.space;
    if not found then
        raise exception 'space % not found', quote_nullable(left(space, 100)) using errcode = 'VT003',
            hint = 'see: select * from vitrina.space_status()';
    end if;
    select count(*) into _products from product_embeddings as e where e.space_id = _space.id;
    if only_if_grown and _products < 2 * _space.background_products then
        return true;
    end if;
    select count(*), percentile_cont(array[0.5, 0.16]) within group (order by p.cosine)
    into _pairs, _levels
    from background_pairs(_space) as p (cosine);
    if _pairs < 300 then
        return _space.background_products is not null;
    end if;
    update spaces as s set
        background_mean = _levels[1],
        -- of vectors that are all alike there is none
        background_deviation = greatest(_levels[1] - _levels[2], 0.01),
        background_products = _products
    where s.id = _space.id;
    return true;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- measure_backgrounds() → how many spaces have a known background: measures those that are new or have
-- doubled.
-- ---------------------------------------------------------------------------------------------
create or replace function measure_backgrounds() returns int
language sql volatile security invoker
set search_path from current
as $func$
    select count(*)::int from spaces as s where measure_background(s.name, true);
$func$;

-- ---------------------------------------------------------------------------------------------
-- clear_similarity(space) → the cosine from which a similarity alone is an answer. The most similar of
-- n unrelated things lies about sqrt(2 ln n) deviations above their mean, by chance alone: an answer
-- must lie above that. One half, as in many models, where the background is not known.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.clear_similarity(space spaces) returns float8
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select case
        when space.background_mean is null then 0.5
        else least(space.background_mean + space.background_deviation
                   * (0.1 + sqrt(2 * ln(greatest(space.background_products, 2)))), 1) end;
$func$;
