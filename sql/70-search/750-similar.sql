-- The products most similar to a product.

-- ---------------------------------------------------------------------------------------------
-- similar_products(of_product, k, sources, weights) → the k products most similar to this one, without
-- itself: by its own text and image vectors; sources: only of these; weights: as for search, so that
-- '{"image": 0}' is by meaning alone, '{"vector": 0}' by looks. The columns of search, without
-- query_vector. Raises VT003 if the product is not found.
-- ---------------------------------------------------------------------------------------------
create or replace function similar_products(
    of_product bigint, k int default 10, sources text[] default null, weights jsonb default '{}'
)
returns table (
    product_id bigint, source text, external_id text, title text, caption text, keywords text[],
    url text, image text, score real, similarity real, text_rank real, matched text[],
    attributes jsonb, sku text
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _embedding @vector@.halfvec;
    _image_embedding @vector@.halfvec;
begin
    perform check_k(k, 1, 1000);
    if not exists (select from products as p where p.id = of_product) then
        raise exception 'product % not found', of_product using errcode = 'VT003',
            hint = 'see: select product_id, title from vitrina.catalog';
    end if;
    -- what counts for nothing is not compared either
    select e.embedding into _embedding from product_embeddings as e
    where e.product_id = of_product and e.space_id = (active_space('text')).id
        and weights -> 'vector' is distinct from '0';
    select e.embedding into _image_embedding from product_embeddings as e
    where e.product_id = of_product and e.space_id = (active_space('image')).id
        and weights -> 'image' is distinct from '0';
    if _embedding is null and _image_embedding is null then
        return;
    end if;
    return query
    select s.product_id, s.source, s.external_id, s.title, s.caption, s.keywords, s.url, s.image,
           s.score, s.similarity, s.text_rank, s.matched, s.attributes, s.sku
    from search(mode => 'vector', k => similar_products.k + 1,
                sources => similar_products.sources, weights => similar_products.weights,
                embedding => _embedding, image_embedding => _image_embedding) as s
    where s.product_id <> of_product
    order by s.score desc, s.similarity desc, s.product_id
    limit similar_products.k;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- similar_products(source, external_id, k, sources, weights) → the same, for the product with this external id
-- in that source. Raises VT003 for an unknown source or product, and names the nearest.
-- ---------------------------------------------------------------------------------------------
create or replace function similar_products(
    source text, external_id text, k int default 10, sources text[] default null,
    weights jsonb default '{}'
)
returns table (
    product_id bigint, source text, external_id text, title text, caption text, keywords text[],
    url text, image text, score real, similarity real, text_rank real, matched text[],
    attributes jsonb, sku text
)
language sql stable security invoker
set search_path from current
as $func$
    select s.*
    from products_named(similar_products.source, array[similar_products.external_id]) as p (ids)
    cross join lateral similar_products(p.ids[1], k, sources, similar_products.weights) as s;
$func$;

-- ---------------------------------------------------------------------------------------------
-- similar_products(external_id, k, sources) → the same, for the product with this external id. Raises
-- VT003 if it is not found, and names the nearest; VT004 if several sources have it.
-- ---------------------------------------------------------------------------------------------
create or replace function similar_products(external_id text, k int default 10, sources text[] default null)
returns table (
    product_id bigint, source text, external_id text, title text, caption text, keywords text[],
    url text, image text, score real, similarity real, text_rank real, matched text[],
    attributes jsonb, sku text
)
language sql stable security invoker
set search_path from current
as $func$
    select s.*
    from product_named(similar_products.external_id) as p (id)
    cross join lateral similar_products(p.id, k, sources) as s;
$func$;
