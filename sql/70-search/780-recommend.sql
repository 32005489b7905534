-- Recommendations from liked and disliked products; search by picture.

-- ---------------------------------------------------------------------------------------------
-- taste_direction(space_id, liked, disliked) → the direction towards the liked products, away from the
-- disliked ones, of length 1: the mean of the liked less half the mean of the disliked, as Rocchio
-- (1971) moves a query. Null if no liked product has a vector in the space.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.taste_direction(space_id int, liked bigint[], disliked bigint[]) returns @vector@.halfvec
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select case when @vector@.l2_norm(t.taste) > 0 then @vector@.l2_normalize(t.taste) end
    from (
        select case when n.embedding is null then y.embedding
                    -- operators with a schema name all have the same precedence
                    else y.embedding operator(@vector@.-) (n.embedding operator(@vector@.*) array_fill(
                             0.5::real, array[@vector@.vector_dims(n.embedding)])::@vector@.halfvec)
               end as taste
        from (select @vector@.avg(@vector@.l2_normalize(e.embedding)) as embedding
              from product_embeddings as e
              where e.space_id = taste_direction.space_id and e.product_id = any (liked)) as y
        cross join (
              select @vector@.avg(@vector@.l2_normalize(e.embedding)) as embedding
              from product_embeddings as e
              where e.space_id = taste_direction.space_id and e.product_id = any (disliked)) as n
    ) as t;
$func$;

-- ---------------------------------------------------------------------------------------------
-- check_products(ids): raises VT003 for the first id that is not found.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.check_products(ids bigint[]) returns void
language plpgsql stable security invoker
set search_path from current
as $func$
declare
    _id bigint;
begin
    select u.id into _id
    from unnest(ids) with ordinality as u (id, place)
    where u.id is null or not exists (select from products as p where p.id = u.id)
    order by u.place
    limit 1;
    if found then
        raise exception 'product % not found', coalesce(_id::text, 'null') using errcode = 'VT003',
            hint = 'see: select product_id, title from vitrina.catalog';
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- recommend(liked, disliked, k, …) → the k products nearest to the liked ones together, and away from
-- the disliked; without both. By text and by picture, with the filters and columns of search. Products
-- without a vector are ignored. Raises VT003 for an id that is not found, VT004 if no product is liked,
-- or more than a thousand are named.
-- ---------------------------------------------------------------------------------------------
create or replace function recommend(
    liked bigint[], disliked bigint[] default '{}', k int default 10, filter jsonb default '{}',
    where_path jsonpath default null, with_keywords text[] default '{}',
    without_keywords text[] default '{}', sources text[] default null, any_keywords jsonb default '{}'
) returns table (
    product_id bigint, source text, external_id text, title text, caption text, keywords text[],
    url text, image text, score real, similarity real, text_rank real, matched text[],
    attributes jsonb, sku text
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _named bigint[] := array(select distinct u.id from unnest(liked || coalesce(disliked, '{}'))
                             as u (id));
    _embedding @vector@.halfvec;
    _image_embedding @vector@.halfvec;
begin
    if coalesce(cardinality(liked), 0) = 0 or cardinality(_named) > 1000 then
        raise exception 'name 1 to 1000 products, at least one of them liked'
            using errcode = 'VT004', hint = 'like recommend(''{1,2}'')';
    end if;
    perform check_k(k, 1, 1000);
    perform check_products(liked || coalesce(disliked, '{}'));
    _embedding := taste_direction((active_space('text')).id, liked, disliked);
    _image_embedding := taste_direction((active_space('image')).id, liked, disliked);
    if _embedding is null and _image_embedding is null then
        return;
    end if;
    return query
    select s.product_id, s.source, s.external_id, s.title, s.caption, s.keywords, s.url, s.image,
           s.score, s.similarity, s.text_rank, s.matched, s.attributes, s.sku
    from search(
        mode => 'vector', k => recommend.k + cardinality(_named), embedding => _embedding,
        image_embedding => _image_embedding,
        filter => recommend.filter, where_path => recommend.where_path,
        with_keywords => recommend.with_keywords, without_keywords => recommend.without_keywords,
        sources => recommend.sources, any_keywords => recommend.any_keywords) as s
    where s.product_id <> all (_named)
    order by s.score desc, s.similarity desc, s.product_id
    limit recommend.k;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- recommend(source, liked, disliked, k, …) → the same, for products with these external ids in that source.
-- Raises VT003 for an unknown source or product, and names the nearest.
-- ---------------------------------------------------------------------------------------------
create or replace function recommend(
    source text, liked text[], disliked text[] default '{}', k int default 10, filter jsonb default '{}',
    where_path jsonpath default null, with_keywords text[] default '{}',
    without_keywords text[] default '{}', sources text[] default null, any_keywords jsonb default '{}'
) returns table (
    product_id bigint, source text, external_id text, title text, caption text, keywords text[],
    url text, image text, score real, similarity real, text_rank real, matched text[],
    attributes jsonb, sku text
)
language sql stable security invoker
set search_path from current
as $func$
    select r.*
    from recommend(
        -- recommend('{1,2}', '{3}') comes here: for two literals Postgres prefers text
        case when recommend.source ~ '^\{[0-9, ]*\}$' then recommend.source::bigint[]
             else products_named(recommend.source, recommend.liked) end,
        case when recommend.source ~ '^\{[0-9, ]*\}$' then recommend.liked::bigint[]
             else products_named(recommend.source, recommend.disliked) end,
        recommend.k, recommend.filter, recommend.where_path, recommend.with_keywords,
        recommend.without_keywords, recommend.sources, recommend.any_keywords) as r;
$func$;

-- ---------------------------------------------------------------------------------------------
-- nearest_by_image(embedding, sha256, dhash, k, …) → the k products whose picture is nearest to a
-- picture, given in one way: its vector in the active image space; the sha256 (hex) of a stored
-- picture; or its difference hash, then score is the share of bits that agree. The filters and columns
-- of search, without query_vector. Raises VT003 if no product has the picture, VT004 for no way or
-- several.
-- ---------------------------------------------------------------------------------------------
create or replace function nearest_by_image(
    embedding @vector@.halfvec default null, sha256 text default null, dhash bit default null,
    k int default 10, filter jsonb default '{}', where_path jsonpath default null,
    with_keywords text[] default '{}', without_keywords text[] default '{}',
    sources text[] default null, any_keywords jsonb default '{}'
) returns table (
    product_id bigint, source text, external_id text, title text, caption text, keywords text[],
    url text, image text, score real, similarity real, text_rank real, matched text[],
    attributes jsonb, sku text
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _embedding @vector@.halfvec := nearest_by_image.embedding;
begin
    if num_nonnulls(embedding, sha256, dhash) <> 1 then
        raise exception 'give exactly one of embedding, sha256 and dhash' using errcode = 'VT004',
            hint = 'leave out the other two';
    end if;
    if dhash is not null then
        return query select * from nearest_by_dhash(
            dhash, k, filter, where_path, with_keywords, without_keywords, sources, any_keywords);
        return;
    end if;
    if sha256 is not null then
        if lower(sha256) !~ '^[0-9a-f]{64}$' then
            raise exception 'sha256 must be 64 hexadecimal digits' using errcode = 'VT004',
                hint = 'like encode(image_sha256, ''hex'') of a product';
        end if;
        select e.embedding into _embedding
        from (
            select e.embedding
            from products as p
            join product_embeddings as e on e.product_id = p.id
            where p.image_sha256 = decode(nearest_by_image.sha256, 'hex')
                and e.space_id = (active_space('image')).id
            union all
            select e.embedding
            from product_images as i
            join picture_embeddings as e on e.product_id = i.product_id and e.position = i.position
            where i.image_sha256 = decode(nearest_by_image.sha256, 'hex')
                and e.space_id = (active_space('image')).id) as e
        limit 1;
        if not found then
            raise exception 'no product has the picture %', left(sha256, 12) using errcode = 'VT003',
                hint = 'search by its vector instead: vitrina search --image FILE';
        end if;
    end if;
    return query
    select s.product_id, s.source, s.external_id, s.title, s.caption, s.keywords, s.url, s.image,
           s.score, s.similarity, s.text_rank, s.matched, s.attributes, s.sku
    from search(
        mode => 'vector', k => nearest_by_image.k, image_embedding => _embedding,
        filter => nearest_by_image.filter, where_path => nearest_by_image.where_path,
        with_keywords => nearest_by_image.with_keywords,
        without_keywords => nearest_by_image.without_keywords,
        sources => nearest_by_image.sources, any_keywords => nearest_by_image.any_keywords) as s;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- nearest_by_dhash(…) → nearest_by_image for a dhash: exact, by the index of the hashes.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.nearest_by_dhash(
    dhash bit, k int, filter jsonb, where_path jsonpath, with_keywords text[],
    without_keywords text[], sources text[], any_keywords jsonb
) returns table (
    product_id bigint, source text, external_id text, title text, caption text, keywords text[],
    url text, image text, score real, similarity real, text_rank real, matched text[],
    attributes jsonb, sku text
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _filters filters;
begin
    if length(dhash) <> 64 then
        raise exception 'dhash must have 64 bits, not %', length(dhash) using errcode = 'VT004',
            hint = 'give the difference hash of 8 by 8 pixels';
    end if;
    perform check_k(k, 1, 1000);
    _filters := with_rules(filters_of(filter, where_path, with_keywords, without_keywords, sources,
                                      any_keywords => any_keywords), null, true);
    return query execute format(
        'select p.id, s.name, p.external_id, p.title, p.caption, p.keywords, shown_address(p.url), shown_address(p.image),
                (1 - n.distance / 64.0)::real, null::real, null::real, array[''image''],
                p.attributes, p.sku
         from (select p.id, bit_count(i.dhash # $2) as distance
               from images as i
               join products as p on p.image_sha256 = i.sha256
               where %s
               order by distance, p.id
               limit $3) as n
         join products as p on p.id = n.id
         join vitrina.sources as s on s.id = p.source_id
         order by n.distance, p.id',
        coalesce(filter_predicate(_filters), 'true'))
    using _filters, dhash, k;
end
$func$;
