-- Explaining a search of a product that is named as the shop names it.

-- ---------------------------------------------------------------------------------------------
-- explain_search(query, source, external_id, …) → the same, for the product with this external id in that
-- source. Raises VT003 for an unknown source or product, and names the nearest.
-- ---------------------------------------------------------------------------------------------
create or replace function explain_search(
    query text, source text, external_id text, k int default 10, "offset" int default 0,
    filter jsonb default '{}', where_path jsonpath default null, with_keywords text[] default '{}',
    without_keywords text[] default '{}', sources text[] default null, mode text default 'hybrid',
    embedding @vector@.halfvec default null, image_embedding @vector@.halfvec default null,
    weights jsonb default '{}', min_relevance real default null, sort text default 'relevance',
    group_by text default null, any_keywords jsonb default '{}'
) returns table (
    product_id bigint, source text, external_id text, title text, rank int, results int, gate text, reason text,
    relevance real, floor real, score real, similarity real, text_rank real, matched text[],
    missing text[], channels jsonb, words jsonb
)
language sql stable security invoker
set search_path from current
as $func$
    select x.*
    from products_named(explain_search.source, array[explain_search.external_id]) as p (ids)
    cross join lateral explain_search(
        query, p.ids[1], k => k, "offset" => "offset",
        filter => filter, where_path => where_path, with_keywords => with_keywords,
        without_keywords => without_keywords, sources => sources, mode => mode, embedding => embedding,
        image_embedding => image_embedding, weights => weights,
        min_relevance => min_relevance, sort => sort, group_by => group_by, any_keywords => any_keywords) as x;
$func$;
