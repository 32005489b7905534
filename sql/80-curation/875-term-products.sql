-- Products that show what a term means.

-- ---------------------------------------------------------------------------------------------
-- term_products(terms, k) → of each term up to k products, those with a stored picture first: for the name of
-- a keyword, products that have it; for an alias, products of which it was said. `term` is as given. At
-- most 1000 terms.
-- ---------------------------------------------------------------------------------------------
create or replace function term_products(terms text[], k int default 4) returns table (
    term text, product_id bigint, source text, external_id text, title text, image_sha256 text
)
language sql stable security invoker
set search_path from current
as $func$
    select t.term, p.id, s.name, p.external_id, p.title, encode(p.image_sha256, 'hex')
    from (select distinct u.term, normal_form(u.term) as form from unnest(terms[:1000]) as u (term)) as t
    left join keyword_aliases as a on a.alias = t.form
    left join vitrina.keywords as w on w.id = a.keyword_id and normal_form(w.name) = t.form
    cross join lateral (
        select o.id
        from (
            -- the lookups stop early: a keyword of half the catalogue is not read whole
            (select p.id, 0 as rest from product_keywords as pk join products as p on p.id = pk.product_id
             where pk.keyword_id = w.id and p.image_sha256 is not null limit check_k(k, 1, 100))
            union all
            (select pk.product_id, 1 from product_keywords as pk where pk.keyword_id = w.id limit check_k(k, 1, 100))
            union all
            (select p.id, 0 from product_terms as pt join products as p on p.id = pt.product_id
             where w.id is null and pt.form = t.form and p.image_sha256 is not null limit check_k(k, 1, 100))
            union all
            (select pt.product_id, 1 from product_terms as pt
             where w.id is null and pt.form = t.form limit check_k(k, 1, 100))
        ) as o
        group by o.id
        order by min(o.rest), o.id
        limit check_k(k, 1, 100)
    ) as f
    join products as p on p.id = f.id
    join vitrina.sources as s on s.id = p.source_id
    order by t.term, p.image_sha256 is null, p.id;
$func$;
