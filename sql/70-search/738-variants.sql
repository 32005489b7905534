-- Groups and variants: one product for each value of an attribute, and the variant that was asked
-- for.

-- ---------------------------------------------------------------------------------------------
-- group_of(id, attributes, attribute) → the group that a product is in by an attribute: its value, of a
-- list the first item; a product without the attribute is a group of its own.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.group_of(id bigint, attributes jsonb, attribute text) returns text
language sql immutable parallel safe
return coalesce(
    '=' || nullif(case jsonb_typeof(attributes -> attribute)
        when 'array' then attributes -> attribute ->> 0
        when 'object' then null
        else attributes ->> attribute end, ''), id::text);

-- ---------------------------------------------------------------------------------------------
-- first_of_groups(found, attribute) → of the products found, the first of each group; see group_of.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.first_of_groups(found hits, attribute text) returns hits
language sql stable security invoker
set search_path from current
as $func$
    select row(array_agg(g.id order by g.place), array_agg(g.score order by g.place),
               array_agg(g.similarity order by g.place), array_agg(g.rank order by g.place),
               array_agg(g.channels order by g.place), array_agg(g.relevance order by g.place),
               array_agg(g.lacks order by g.place))::hits
    from (
        select distinct on (group_of(f.id, p.attributes, attribute)) f.*
        from unnest(found.ids, found.scores, found.similarities, found.ranks, found.channels,
                    found.relevances, found.lacks)
            with ordinality as f (id, score, similarity, rank, channels, relevance, lacks, place)
        join products as p on p.id = f.id
        order by group_of(f.id, p.attributes, attribute), f.place
    ) as g;
$func$;

-- ---------------------------------------------------------------------------------------------
-- asked_variants(ids, code, words, options) → of each of these products the variant that was asked for: by
-- its code; else by attributes that the filter names, or words of the query say, and that not all of
-- its variants have. Of a product with a single variant, that one. image: its picture, null if it was
-- not asked for.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.asked_variants(
    ids bigint[], code text, words text, options jsonb
) returns table (product_id bigint, sku text, image text)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    if not exists (select from variants as v where v.product_id = any (ids)) then
        return;
    end if;
    return query
    select distinct on (r.id) r.id, r.sku, case when r.asked then r.image end
    from (
        select v.*, v.place > min(v.place) over w or v.coded as asked, count(*) over w as variants
        from (
            select v.product_id as id, v.position, v.sku, v.image, c.coded,
                   o.count * 1000 + coalesce(l.said, 0) as place, l.unsaid
            from variants as v
            join products as p on p.id = v.product_id
            join sources as s on s.id = p.source_id
            cross join lateral (
                select asked_variants.code <> '' and code_forms(asked_variants.code) && array(
                    select bare_code(u.code) from unnest(v.sku || v.codes) as u (code)) as coded) as c
            cross join lateral (
                select count(*) from jsonb_each(options) as o
                where v.attributes -> o.key @> o.value) as o
            cross join lateral (
                -- "red" says more of red than of dark red
                select sum(w.said) as said, sum(w.size - w.said) as unsaid
                from (select tsvector_to_array(to_tsvector(s.text_config::regconfig, words)) as lexemes) as q
                cross join lateral (
                    select v.title
                    union all
                    select e.value #>> '{}' from jsonb_each(v.attributes) as e
                    where jsonb_typeof(e.value) = 'string'
                ) as a (value)
                cross join lateral (
                    select count(*) as size,
                           count(*) filter (where t.lexeme = any (q.lexemes)) as said
                    from unnest(to_tsvector(s.text_config::regconfig, left(a.value, 100))) as t
                ) as w
                where words <> '' and w.said > 0) as l
            where v.product_id = any (ids)
        ) as v
        window w as (partition by v.id)
    ) as r
    where r.asked or r.variants = 1
    order by r.id, r.coded desc, r.place desc, r.unsaid, r.image is null, r.position;
end
$func$;
