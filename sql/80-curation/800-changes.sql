-- The history of changes to the vocabulary: the rows before and after each change, so that it can be
-- undone exactly.

-- ---------------------------------------------------------------------------------------------
-- vocabulary_rows(ids, forms, products) → by table, the rows of these keywords and forms: keywords with
-- their vectors and aliases, aliases, distinctions; and what a person set for these products, of which
-- some may have left (see keep_decisions). Reads vectors first: a new space locks these tables in that order.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.vocabulary_rows(
    ids bigint[], forms text[], products bigint[] default '{}'
) returns jsonb
language sql stable security invoker
set search_path from current
as $func$
    select jsonb_build_object(
        'keyword_embeddings', (
            select coalesce(jsonb_agg(to_jsonb(e)), '[]')
            from keyword_embeddings as e where e.keyword_id = any (ids)),
        'keywords', (
            select coalesce(jsonb_agg(to_jsonb(w)), '[]') from keywords as w where w.id = any (ids)),
        'keyword_aliases', (
            select coalesce(jsonb_agg(to_jsonb(a)), '[]')
            from keyword_aliases as a where a.alias = any (forms) or a.keyword_id = any (ids)),
        'keyword_distinctions', (
            select coalesce(jsonb_agg(to_jsonb(d)), '[]')
            from keyword_distinctions as d where d.term_a = any (forms) or d.term_b = any (forms)),
        'given_keywords', (
            select coalesce(jsonb_agg(g.content), '[]')
            from (
                select to_jsonb(g) as content from given_keywords as g where g.product_id = any (products)
                union all
                select l.given_keywords from left_products as l
                where l.product_id = any (products) and l.given_keywords is not null
            ) as g));
$func$;

-- ---------------------------------------------------------------------------------------------
-- rows_of(tables) → the rows from vocabulary_rows, each with its table and its key.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.rows_of(tables jsonb)
returns table (in_table text, key text, content jsonb)
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select t.key,
           t.key || ' ' || case t.key
               when 'keywords' then r.value ->> 'id'
               when 'keyword_aliases' then r.value ->> 'alias'
               when 'keyword_embeddings' then concat_ws(' ', r.value ->> 'space_id', r.value ->> 'keyword_id')
               when 'keyword_distinctions' then concat_ws(' | ', r.value ->> 'term_a', r.value ->> 'term_b')
               when 'given_keywords' then r.value ->> 'product_id'
           end,
           r.value
    from jsonb_each(tables) as t
    cross join lateral jsonb_array_elements(t.value) as r;
$func$;

-- ---------------------------------------------------------------------------------------------
-- rows_without(tables, others) → the rows of `tables` that have no equal row in `others`.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.rows_without(tables jsonb, others jsonb) returns jsonb
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select coalesce(jsonb_object_agg(d.in_table, d.contents), '{}')
    from (
        select r.in_table, jsonb_agg(r.content order by r.key) as contents
        from rows_of(tables) as r
        left join rows_of(others) as o on o.key = r.key
        where o.content is distinct from r.content
        group by r.in_table
    ) as d;
$func$;

-- ---------------------------------------------------------------------------------------------
-- take_snapshot(ids, forms, products) → the present rows of these keywords, their aliases, these forms
-- and products. A change takes it first, and gives it to record_change when it is done.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.take_snapshot(
    ids bigint[], forms text[], products bigint[] default '{}'
) returns jsonb
language sql stable security invoker
set search_path from current
as $func$
    select jsonb_build_object('ids', ids, 'forms', f.forms, 'products', products,
                              'rows', vocabulary_rows(ids, f.forms, products))
    from (select forms || array(
              select a.alias from keyword_aliases as a where a.keyword_id = any (ids)) as forms) as f;
$func$;

-- ---------------------------------------------------------------------------------------------
-- record_change(snapshot, action, arguments, made, undoes) → the effect of a change, see change_rows:
-- the difference between the snapshot and the present rows, including those of the keywords it made.
-- Adds the change to the history; products follow. No rows if nothing differs; an undo is then added all
-- the same, for the change that it undoes is undone.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.record_change(
    snapshot jsonb, action text, arguments jsonb, made bigint[] default '{}',
    undoes bigint default null
) returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _rows jsonb := vocabulary_rows(
        made || array(select i.id::bigint from jsonb_array_elements_text(snapshot -> 'ids') as i (id)),
        array(select f.form from jsonb_array_elements_text(snapshot -> 'forms') as f (form)),
        array(select p.id::bigint from jsonb_array_elements_text(snapshot -> 'products') as p (id)));
    _old jsonb := rows_without(snapshot -> 'rows', _rows);
    _new jsonb := rows_without(_rows, snapshot -> 'rows');
    _change bigint;
begin
    if _old = '{}' and _new = '{}' and record_change.undoes is null then
        return;
    end if;
    insert into keyword_changes as c (action, arguments, before, after, touched, undoes)
    select record_change.action, record_change.arguments, _old, _new,
           array(select r.key from rows_of(_old) as r
                 union select r.key from rows_of(_new) as r),
           record_change.undoes
    returning c.id into _change;
    perform follow_change(_old, _new);
    return query select r.* from change_rows(_change) as r;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- follow_change(old, new): renews the keywords of products that said a term with another keyword
-- now, whose keyword has another name, or whose keywords a person set.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.follow_change(old jsonb, new jsonb) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _products bigint[];
begin
    select array_agg(distinct t.product_id) || array(
               select (r.content ->> 'product_id')::bigint
               from (select r.* from rows_of(old) as r union all select r.* from rows_of(new) as r) as r
               where r.in_table = 'given_keywords')
    into _products
    from (
        select coalesce(o.content, n.content) ->> 'alias' as form
        from (select r.* from rows_of(old) as r where r.in_table = 'keyword_aliases') as o
        full join (select r.* from rows_of(new) as r where r.in_table = 'keyword_aliases') as n
            on n.key = o.key
        where o.content -> 'keyword_id' is distinct from n.content -> 'keyword_id'
        union
        select a.alias
        from rows_of(old) as o
        join rows_of(new) as n on n.key = o.key
        join keyword_aliases as a on a.keyword_id = (n.content ->> 'id')::bigint
        where o.in_table = 'keywords' and o.content -> 'name' <> n.content -> 'name'
    ) as f
    join product_terms as t on t.form = f.form;
    if _products <> '{}' then
        perform refresh_keywords(_products);
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- said_of(product) → the terms that models said of it, as [{term, facet}].
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.said_of(product bigint) returns jsonb
language sql stable security invoker
set search_path from current
as $func$
    select coalesce(
        (select g.said from given_keywords as g where g.product_id = said_of.product),
        (select jsonb_agg(jsonb_build_object('term', t.term, 'facet', t.facet) order by t.place)
         from product_terms as t where t.product_id = said_of.product),
        '[]');
$func$;

-- ---------------------------------------------------------------------------------------------
-- given_terms(terms) → keywords that a person gave, as [{term}].
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.given_terms(terms text[]) returns jsonb
language sql immutable parallel safe
return case when terms is not null then array_to_json(array(
    select jsonb_build_object('term', t.term) from unnest(terms) with ordinality as t (term, place)
    order by t.place))::jsonb end;
