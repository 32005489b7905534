-- Checks of the vocabulary: the forms and keys of its terms, and the keywords that products have from it.
-- `offset 0`: what is checked is worked out once a row, however often it is named.

-- ---------------------------------------------------------------------------------------------
-- checked_words() → the checks of what is derived from the words themselves: normal forms, keys, marks, kinds,
-- and the forms by which rules and judgements are found.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.checked_words()
returns table (name text, looked bigint, wrong bigint, waiting bigint, example text, remedy text)
language sql stable security invoker
set search_path from current
as $func$
    select 'forms, marks and kinds of keywords', count(*), count(*) filter (where c.wrong), 0,
           min(w.name) filter (where c.wrong), 'select vitrina_internal.renew_keys(null);'
    from keywords as w
    cross join lateral canonical_form(normal_form(w.name)) as k
    cross join lateral (
        select (w.form, w.marks, w.kinds)
               is distinct from (k.canonical, contrast_marks(k.canonical), kinds_of(k.canonical, w.facet))
        offset 0) as c (wrong)
    union all
    select 'keys of aliases', count(*), count(*) filter (where c.wrong), 0,
           min(a.alias) filter (where c.wrong), 'select vitrina_internal.renew_forms();'
    from keyword_aliases as a
    cross join lateral (
        select a.alias <> normal_form(a.alias) or a.key is distinct from term_key(a.alias) offset 0) as c (wrong)
    union all
    select 'keywords without an alias', count(*), count(*) filter (where c.wrong), 0,
           min(w.name) filter (where c.wrong),
           'insert into vitrina.keyword_aliases (alias, keyword_id, method)'
           ' select vitrina.normal_form(w.name), w.id, ''new'' from vitrina.keywords as w'
           ' where not exists (select from vitrina.keyword_aliases as a where a.keyword_id = w.id);'
    from keywords as w
    cross join lateral (
        select not exists (select from keyword_aliases as a where a.keyword_id = w.id) offset 0) as c (wrong)
    union all
    select 'keys of the thesaurus', count(*), count(*) filter (where c.wrong), 0,
           min(t.term) filter (where c.wrong), 'update vitrina.thesaurus as t set term = t.term;'
    from thesaurus as t
    cross join lateral (
        select t.term <> normal_form(t.term) or t.key is distinct from squashed(t.term)
            or t.becomes is distinct from normal_form(t.canonical) offset 0) as c (wrong)
    union all
    select 'keys of contrasts', count(*), count(*) filter (where c.wrong), 0,
           min(t.term) filter (where c.wrong), 'update vitrina.contrasts as c set term = c.term;'
    from contrasts as t
    cross join lateral (
        select t.term <> normal_form(t.term) or t.key is distinct from term_key(t.term) offset 0) as c (wrong)
    union all
    (with key as materialized ( -- a term is in many rows
        select n.term, normal_form(n.term) as form, term_key(n.term) as key
        from (select r.term from related_terms as r union select r.related from related_terms as r) as n
    )
    select 'keys of related terms', count(*),
           count(*) filter (where c.wrong), 0, min(r.term) filter (where c.wrong),
           'update vitrina.related_terms as r set term = r.term;'
    from related_terms as r
    join key as k on k.term = r.term
    join key as o on o.term = r.related
    cross join lateral (
        select (k.form, k.key, o.form, o.key) is distinct from (r.term, r.key, r.related, r.related_key)
        offset 0) as c (wrong))
    union all
    select 'terms told apart', count(*), count(*) filter (where c.wrong), 0,
           min(d.term_a) filter (where c.wrong), 'select vitrina_internal.renew_forms();'
    from keyword_distinctions as d
    cross join lateral (
        select (normal_form(d.term_a), normal_form(d.term_b)) <> (d.term_a, d.term_b) offset 0) as c (wrong)
    union all
    select 'words of conditions', count(*), count(*) filter (where c.phrase <> condition_form(c.phrase)), 0,
           min(c.phrase) filter (where c.phrase <> condition_form(c.phrase)),
           'update vitrina.condition_words as c set phrase = vitrina_internal.condition_form(c.phrase);'
    from condition_words as c
    union all
    select 'forms of rules', count(*), count(*) filter (where c.wrong), 0,
           'rule ' || min(r.id) filter (where c.wrong), 'select vitrina_internal.renew_rules();'
    from rules as r
    cross join lateral (
        select r.removed_at is null
            and r.forms is distinct from coalesce(rule_forms(r.query), '{}') offset 0) as c (wrong)
    union all
    select 'queries of judgements', count(*), count(*) filter (where c.wrong), 0,
           min(j.query) filter (where c.wrong),
           'update vitrina.judgements as j set query = vitrina_internal.judged_query(j.query);'
    from (select o.query, o.product_id from judgements as o
          union all select d.query, d.product_id from judgement_doubts as d) as j
    cross join lateral (select j.query is distinct from judged_query(j.query) offset 0) as c (wrong);
$func$;

-- ---------------------------------------------------------------------------------------------
-- checked_keywords() → the checks of what products have from the vocabulary.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.checked_keywords()
returns table (name text, looked bigint, wrong bigint, waiting bigint, example text, remedy text)
language sql stable security invoker
set search_path from current
as $func$
    -- a term that has no alias gives its products no keyword, not even the one of a dropped term
    select 'terms of products', count(*), count(*) filter (where c.wrong), 0,
           min(t.term) filter (where c.wrong), 'select vitrina_internal.refresh_forms();'
    from (select distinct o.term, o.form from product_terms as o) as t
    cross join lateral (
        select t.form <> normal_form(t.term)
            or not exists (select from keyword_aliases as a where a.alias = t.form) offset 0) as c (wrong)
    union all
    (with said as materialized (
        select distinct on (t.product_id, w.id) t.product_id, w.id, w.name, t.term, t.place
        from product_terms as t
        join keyword_aliases as a on a.alias = t.form
        join vitrina.keywords as w on w.id = a.keyword_id
        order by t.product_id, w.id, t.place
    ),
    derived as materialized (
        select s.product_id, array_agg(s.name order by s.place) as keywords from said as s group by s.product_id
    ),
    wrong as (
        select p.id from products as p
        left join derived as d on d.product_id = p.id
        where p.keywords <> coalesce(d.keywords, '{}')
        union
        select coalesce(s.product_id, pk.product_id)
        from said as s
        full join product_keywords as pk on pk.product_id = s.product_id and pk.keyword_id = s.id
        where pk.said is distinct from s.term
    )
    select 'keywords of products', (select count(*) from products as p), count(*), 0, 'product ' || min(w.id),
           'select vitrina_internal.refresh_keywords(array(select p.id from vitrina.products as p));'
    from wrong as w)
    union all
    select 'keywords set by a person', count(*), count(*) filter (where c.wrong), 0,
           'product ' || min(g.product_id) filter (where c.wrong),
           'select vitrina_internal.write_terms(jsonb_agg(jsonb_build_object(''product_id'', g.product_id, ''terms'','
           ' vitrina_internal.given_terms(g.terms)))) from vitrina.given_keywords as g;'
    from given_keywords as g
    cross join lateral (
        select array(select u.term from unnest(g.terms) with ordinality as u (term, place) order by u.place)
               <> array(select t.term from product_terms as t
                        where t.product_id = g.product_id order by t.place) offset 0) as c (wrong)
    union all
    select 'history of the vocabulary', count(*), count(*) filter (where c.wrong), 0,
           'change ' || min(h.id) filter (where c.wrong), 'report this: an undo was half done'
    from keyword_changes as h
    cross join lateral (
        select (h.undone_at is not null)
               <> exists (select from keyword_changes as u
                       where u.undoes = h.id and u.undone_at is null) offset 0) as c (wrong);
$func$;
