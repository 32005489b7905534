-- Keywords that a product may have, as the products that look most like it have them. Suggestions only:
-- nothing is stored until a person accepts one.

-- ---------------------------------------------------------------------------------------------
-- suggest_keywords(product_ids, k, min_confidence, facets, sources, neighbours, known, among) → keywords that these
-- products may have, the surest first: of each facet the one that most of the nearest products by picture
-- have. confidence: the share of them that have it, each weighted by how like it is (cosine⁴); agree: how
-- many of the `compared` ones; like_products: their ids, the nearest first. product_ids: null for products that lack a
-- keyword of one of the facets: of the first `among` of them, by id. facets: type and audience by default, for which
-- this was measured; a colour is not to be had from neighbours. A product that has a type gets keywords of facets
-- only that half of the other products of its type have, at least one of them: a cushion is for no audience, though
-- girls' dresses look like it. known: also for facets of which the
-- product has keywords. Products without a picture's vector give no rows. Raises VT004 for a wrong
-- argument.
-- ---------------------------------------------------------------------------------------------
create or replace function suggest_keywords(
    product_ids bigint[] default null, k int default 100, min_confidence real default 0.8,
    facets text[] default '{type,audience}', sources text[] default null, neighbours int default 8,
    known boolean default false, among int default 500
) returns table (
    product_id bigint, source text, external_id text, title text, keyword text, facet text,
    confidence real, agree int, compared int, like_products bigint[]
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces := active_space('image');
    _filters filters := filters_of('{}', null, '{}', '{}', sources);
    _none filters := filters_of('{}', null, '{}', '{}', null);
    _neighbours int := suggest_keywords.neighbours;
begin
    perform check_k(k);
    if among between 1 and 10000 is not true then
        raise exception 'among must be 1 to 10000, not %', coalesce(among::text, 'null')
            using errcode = 'VT004', hint = 'so many products are looked at';
    end if;
    perform check_list('product_ids', array(select u.id::text from unnest(product_ids) as u (id))),
            check_list('facets', facets);
    if min_confidence between 0 and 1 is not true then
        raise exception 'min_confidence must be 0 to 1, not %', coalesce(min_confidence::text, 'null')
            using errcode = 'VT004', hint = 'it is the share of the nearest products that agree';
    end if;
    if _neighbours between 2 and 50 is not true then
        raise exception 'neighbours must be 2 to 50, not %', coalesce(_neighbours::text, 'null')
            using errcode = 'VT004', hint = 'the measured number is 8';
    end if;
    return query
    with asked as materialized (
        select p.id, e.embedding
        from products as p
        join product_embeddings as e on e.product_id = p.id and e.space_id = _space.id
        where (_filters.source_ids is null or p.source_id = any (_filters.source_ids))
            and case when suggest_keywords.product_ids is not null then p.id = any (suggest_keywords.product_ids)
                     else exists (
                         select from unnest(suggest_keywords.facets) as f (facet)
                         where not exists (
                             select from product_keywords as pk
                             join keywords as w on w.id = pk.keyword_id and w.facet = f.facet
                             where pk.product_id = p.id)) end
        order by p.id
        limit coalesce(cardinality(suggest_keywords.product_ids), suggest_keywords.among)
    ),
    near as materialized (
        select a.id, n.other, greatest(1 - n.distance, 0) ^ 4 as weight, n.place
        from asked as a
        cross join lateral nearest_products(_space, a.embedding, _neighbours + 1, null, _none) as x
        cross join lateral (
            select u.other, u.distance, row_number() over (order by u.place) as place
            from unnest(x.ids, x.distances) with ordinality as u (other, distance, place)
            where u.other <> a.id
            order by u.place
            limit _neighbours) as n
    ),
    totals as (
        select n.id, sum(n.weight) as weight, count(*)::int as count from near as n group by n.id
    ),
    votes as (
        select n.id, pk.keyword_id, w.facet, sum(n.weight) as weight, count(*)::int as agree,
               array_agg(n.other order by n.place) as others
        from near as n
        join product_keywords as pk on pk.product_id = n.other
        join keywords as w on w.id = pk.keyword_id
        where w.facet = any (suggest_keywords.facets)
        group by n.id, pk.keyword_id, w.facet
    ),
    typed as materialized (
        select a.id, pk.keyword_id as type
        from asked as a
        join product_keywords as pk on pk.product_id = a.id
        join keywords as w on w.id = pk.keyword_id and w.facet = 'type'
    ),
    usual as materialized ( -- how many products of a type have a keyword of a facet
        select t.type, f.facet, count(*) as products, count(h.product_id) as have
        from (select distinct t.type from typed as t) as t
        join product_keywords as pk on pk.keyword_id = t.type
        cross join unnest(suggest_keywords.facets) as f (facet)
        left join (
            select distinct pk.product_id, w.facet
            from product_keywords as pk
            join keywords as w on w.id = pk.keyword_id and w.facet = any (suggest_keywords.facets)
        ) as h on h.product_id = pk.product_id and h.facet = f.facet
        where f.facet <> 'type'
        group by t.type, f.facet
    ),
    best as (
        select distinct on (v.id, v.facet)
               v.*, (v.weight / nullif(t.weight, 0))::real as confidence, t.count
        from votes as v
        join totals as t on t.id = v.id
        cross join lateral (
            select count(*)::int as own -- 1 if the product has a keyword of the facet itself
            from (select from product_keywords as pk
                  join keywords as w on w.id = pk.keyword_id and w.facet = v.facet
                  where pk.product_id = v.id
                  limit 1) as o) as o
        where (suggest_keywords.known or o.own = 0)
            and (v.facet = 'type'
                 or not exists (select from typed as d where d.id = v.id)
                 or exists (
                     select from typed as d
                     join usual as u on u.type = d.type and u.facet = v.facet
                     where d.id = v.id and u.have - o.own >= greatest((u.products - 1) / 2.0, 1)))
        order by v.id, v.facet, v.weight desc, v.agree desc, v.keyword_id
    )
    select p.id, o.name, p.external_id, p.title, w.name, b.facet, b.confidence, b.agree, b.count, b.others
    from best as b
    join keywords as w on w.id = b.keyword_id
    join products as p on p.id = b.id
    join vitrina.sources as o on o.id = p.source_id
    where b.confidence >= min_confidence
    order by b.confidence desc, b.agree desc, p.id, b.facet
    limit suggest_keywords.k;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- add_keyword(source, external_id, keyword) → its effect, as set_keywords gives it: the product keeps the
-- keywords that it has, and gets one more, by hand: what a person accepts is said by a person, and can be
-- undone. No rows if it has that one: of two people who accept the same, the first changes something. Raises VT003 for an unknown source, product or keyword, and names the nearest.
-- ---------------------------------------------------------------------------------------------
create or replace function add_keyword(source text, external_id text, keyword text)
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _id bigint;
    _keywords text[];
begin
    perform hold_keywords(true);
    _id := (products_named(add_keyword.source, array[add_keyword.external_id]))[1];
    if exists (
        select from meet_term(add_keyword.keyword) as m
        cross join lateral known_key(m.form) as k
        join product_keywords as pk
            on pk.keyword_id = case when m.met then m.keyword_id else k.keyword_id end
        where pk.product_id = _id) then
        return;
    end if;
    select coalesce(g.terms, p.keywords) into _keywords
    from vitrina.products as p
    left join given_keywords as g on g.product_id = p.id
    where p.id = _id;
    return query select s.* from set_keywords(
        add_keyword.source, array[add_keyword.external_id], _keywords || add_keyword.keyword) as s;
end
$func$;
