-- The background of a space: how similar things are in it that have nothing to do with each other.

-- ---------------------------------------------------------------------------------------------
-- background_pairs(space, of_pictures) → the cosines of up to 60,000 seeded pairs of unrelated things in a
-- space: of a product and a keyword that it does not have, as a query is like a keyword; without vectors
-- of keywords, or of_pictures, of two products. In a joint space, words lie elsewhere than pictures: there
-- two pictures say nothing of a word and a picture.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.background_pairs(
    space spaces, of_pictures boolean default false
) returns setof float8
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
    if not of_pictures and cardinality(_keywords) >= 20 then
        return query
        select 1 - (p.embedding operator(@vector@.<=>) w.embedding)
        from product_embeddings as p
        cross join keyword_embeddings as w
        where p.space_id = space.id and p.product_id = any (_products)
            and w.space_id = space.id and w.keyword_id = any (_keywords)
            and not exists (select from product_keywords as pk
                            where pk.product_id = p.product_id and pk.keyword_id = w.keyword_id);
    elsif of_pictures or space.modality <> 'joint' then
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
-- background_of(space, of_pictures) → how many of those pairs there are; their mean and deviation, see
-- measure_background; nulls for too few.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.background_of(
    space spaces, of_pictures boolean, out mean float8, out deviation float8
)
language sql stable security invoker
set search_path from current
as $func$
    -- of vectors that are all alike there is no deviation
    select l.levels[1], greatest(l.levels[1] - l.levels[2], 0.01)
    from (
        select percentile_cont(array[0.5, 0.16]) within group (order by p.cosine) as levels
        from background_pairs(space, of_pictures) as p (cosine)
        having count(*) >= 300) as l
    right join (values (true)) as one (row) on true;
$func$;

-- ---------------------------------------------------------------------------------------------
-- is_other_catalogue(space, products) → whether the catalogue, of now so many products with a vector in
-- the space, is another than its background was measured of: there are twice as many, or half of them
-- have come or gone; of a small one, any.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_other_catalogue(space spaces, products bigint) returns boolean
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _kept bigint;
begin
    if space.background_last is null or products >= 2 * space.background_products
        or products <= 300 and products <> space.background_products
    then
        return true;
    end if;
    select count(*) into _kept from product_embeddings as e
    where e.space_id = space.id and e.product_id <= space.background_last;
    return _kept < space.background_products / 2 or products - _kept > products / 2;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- measure_background(space, only_if_grown) → whether the background of this space is known: measures
-- how similar unrelated things are in it, which makes relevance comparable between models. Chance
-- pairs of one shop are often related: so the mean is their median, and the deviation is measured below
-- it, between the median and the 16th percentile, where related pairs are not. Too few pairs say
-- nothing. A joint space has two, see background_pairs. only_if_grown: only if it is unknown, or of another
-- catalogue than today's (twice the products, half of them new or gone; of 300 and fewer, all of which are
-- looked at, any): what a catalogue answers must not hang on when it was measured. Raises VT003 if the
-- space is not found.
-- ---------------------------------------------------------------------------------------------
create or replace function measure_background(space text, only_if_grown boolean default false)
returns boolean
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _space spaces := named_space(space);
    _products bigint;
    _last bigint;
    _words record;
    _pictures record;
begin
    select count(*), max(e.product_id) into _products, _last
    from product_embeddings as e where e.space_id = _space.id;
    if only_if_grown and not is_other_catalogue(_space, _products) then
        return true;
    end if;
    select b.* into _words from background_of(_space, false) as b;
    if _space.modality = 'joint' then
        select b.* into _pictures from background_of(_space, true) as b;
        update spaces as s set picture_mean = _pictures.mean, picture_deviation = _pictures.deviation
        where s.id = _space.id and _pictures.mean is not null;
    end if;
    if _words.mean is null then
        -- what was measured of products that are gone says nothing of the few that are left
        update spaces as s
        set background_mean = null, background_deviation = null, background_products = null, background_last = null
        where s.id = _space.id and 2 * _products < _space.background_products;
        return 2 * _products >= _space.background_products is true;
    end if;
    update spaces as s set
        background_mean = _words.mean,
        background_deviation = _words.deviation,
        background_products = _products,
        background_last = _last
    where s.id = _space.id;
    return true;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- measure_backgrounds() → how many spaces have a known background: measures those that are new or have
-- grown, see measure_background.
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

-- ---------------------------------------------------------------------------------------------
-- by_picture(space) → the space as it is for a query by picture: of a joint space, what two pictures have
-- in common by chance is its background, and its modality is image; words find pictures where it is joint.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.by_picture(space spaces) returns spaces
language plpgsql immutable parallel safe security invoker
set search_path from current
as $func$
begin
    if space.modality = 'joint' then
        space.modality := 'image';
        space.background_mean := space.picture_mean;
        space.background_deviation := space.picture_deviation;
    end if;
    return space;
end
$func$;
