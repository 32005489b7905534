-- The history of changes, as people read it.

-- ---------------------------------------------------------------------------------------------
-- keyword_label(content) → a row of keywords in a few words.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.keyword_label(content jsonb) returns text
language sql immutable parallel safe
return (content ->> 'name') || ' (' || (content ->> 'facet')
    || case when (content ->> 'pinned')::boolean then ', pinned' else '' end || ')';

-- ---------------------------------------------------------------------------------------------
-- words_of(terms) → an array of texts, or of {term}, as one text.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.words_of(terms jsonb) returns text
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select string_agg(coalesce(t.value ->> 'term', t.value #>> '{}'), ', ' order by t.place)
    from jsonb_array_elements(terms) with ordinality as t (value, place);
$func$;

-- ---------------------------------------------------------------------------------------------
-- change_rows(change) → its effect, one row per term: the keyword before and after, and how many
-- products say the term. Also for keywords with another name, facet or pin, for distinctions, and for
-- products whose keywords were set: then alias is the product's id in its source.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.change_rows(change bigint)
returns table (change bigint, alias text, before text, after text, products bigint)
language sql stable security invoker
set search_path from current
as $func$
    with old as (
        select r.* from keyword_changes as c cross join lateral rows_of(c.before) as r
        where c.id = change_rows.change
    ),
    new as (
        select r.* from keyword_changes as c cross join lateral rows_of(c.after) as r
        where c.id = change_rows.change
    ),
    pairs as (
        select coalesce(o.in_table, n.in_table) as in_table, o.content as o, n.content as n
        from old as o full join new as n on n.key = o.key
    )
    select change_rows.change, x.*
    from (
        select coalesce(b.o, b.n) ->> 'alias' as alias,
               coalesce(ow.content ->> 'name', ok.name) as before,
               coalesce(nw.content ->> 'name', nk.name) as after,
               (select count(distinct t.product_id) from product_terms as t
                where t.form = coalesce(b.o, b.n) ->> 'alias') as products
        from pairs as b
        left join old as ow on ow.key = 'keywords ' || (b.o ->> 'keyword_id')
        left join keywords as ok on ok.id = (b.o ->> 'keyword_id')::bigint
        left join new as nw on nw.key = 'keywords ' || (b.n ->> 'keyword_id')
        left join keywords as nk on nk.id = (b.n ->> 'keyword_id')::bigint
        where b.in_table = 'keyword_aliases'
        union all
        select b.o ->> 'name', keyword_label(b.o), keyword_label(b.n),
               (select count(*) from product_keywords as pk
                where pk.keyword_id = (b.n ->> 'id')::bigint)
        from pairs as b
        where b.in_table = 'keywords' and b.o is not null and b.n is not null
        union all
        select concat_ws(' | ', coalesce(b.o, b.n) ->> 'term_a', coalesce(b.o, b.n) ->> 'term_b'),
               'distinct (' || (b.o ->> 'method') || ')', 'distinct (' || (b.n ->> 'method') || ')', 0
        from pairs as b
        where b.in_table = 'keyword_distinctions'
        union all
        select p.external_id, words_of(coalesce(b.o -> 'terms', b.n -> 'said')),
               words_of(coalesce(b.n -> 'terms', b.o -> 'said')), 1
        from pairs as b
        join (select o.id, o.external_id from products as o
              union all
              select l.product_id, l.external_id from left_products as l) as p
            on p.id = (coalesce(b.o, b.n) ->> 'product_id')::bigint
        where b.in_table = 'given_keywords'
    ) as x
    order by x.products desc, x.alias;
$func$;

-- ---------------------------------------------------------------------------------------------
-- keyword_history(k) → the latest k changes of the vocabulary, newest first: the author, the action,
-- and whether it was undone. terms: how many terms got another keyword.
-- ---------------------------------------------------------------------------------------------
create or replace function keyword_history(k int default 20) returns table (
    id bigint, at timestamptz, role text, action text, arguments jsonb, terms int, state text
)
language sql stable security invoker
set search_path from current
as $func$
    select c.id, c.at, c.role, c.action, c.arguments,
           (select count(*)::int from unnest(c.touched) as t (key) where t.key like 'keyword\_aliases %'),
           case when c.undone_at is not null then 'undone'
                when c.undoes is not null then 'undid ' || c.undoes
                else 'holds' end
    from keyword_changes as c
    order by c.id desc
    limit check_k(k);
$func$;
