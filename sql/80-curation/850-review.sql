-- Doubtful parts of the vocabulary, to be reviewed by its owner or a model.

-- ---------------------------------------------------------------------------------------------
-- is_soft_veto(veto): whether a judge may overrule a veto: one term says more than the other, or they
-- are in different facets. Numbers, contrasts and decisions stand.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.is_soft_veto(veto text) returns boolean
language sql immutable parallel safe
return veto ~ '^(narrower|words|facet)';

-- ---------------------------------------------------------------------------------------------
-- grey_bound(space, above) → the least similarity at which two keywords may be the same, though the
-- chain would not say so: `above`, or 0.15 below the space's threshold.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.grey_bound(space spaces, above real) returns real
language sql immutable parallel safe
return coalesce(above, (space).threshold - 0.15)::real;

-- ---------------------------------------------------------------------------------------------
-- judged_pairs() → the pairs, in normal form, that a judge has decided, also if undone since.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.judged_pairs() returns table (term_a text, term_b text)
language sql stable security invoker
set search_path from current
as $func$
    select least(p.pair ->> 'a', p.pair ->> 'b'), greatest(p.pair ->> 'a', p.pair ->> 'b')
    from keyword_changes as c
    cross join lateral jsonb_array_elements(c.arguments -> 'pairs') as p (pair)
    where c.action = 'judge';
$func$;

-- ---------------------------------------------------------------------------------------------
-- judge_pairs(k, above) → the k pairs of keywords to be judged, most products first: near each other in
-- the active text space, with no veto but a soft one, not judged before, not decided by hand, not both
-- pinned. `products`: how many have either keyword.
-- ---------------------------------------------------------------------------------------------
create or replace function judge_pairs(k int default 1000, above real default null)
returns table (
    keyword text, facet text, other text, other_facet text, similarity real, veto text, products bigint
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces := active_space('text');
begin
    return query
    with judged as materialized (select j.* from judged_pairs() as j),
    used as materialized (
        select w.id, w.name, w.facet, w.pinned, normal_form(w.name) as form,
               coalesce(u.products, 0) as products
        from keywords as w
        left join (select pk.keyword_id, count(*) as products
                   from product_keywords as pk group by pk.keyword_id) as u on u.keyword_id = w.id
    ),
    near as materialized (
        select least(e.keyword_id, n.keyword_id) as a, greatest(e.keyword_id, n.keyword_id) as b,
               max(n.similarity) as similarity
        from keyword_embeddings as e
        cross join lateral nearest_keywords(_space, e.embedding, 4) as n
        where e.space_id = _space.id and n.keyword_id <> e.keyword_id
            and n.similarity >= grey_bound(_space, judge_pairs.above)
        group by 1, 2
    ),
    pairs as materialized (
        select a.name, a.facet, a.form, b.name as other, b.facet as other_facet, b.form as other_form,
               n.similarity, a.products + b.products as products, n.a, n.b,
               coalesce(term_veto(a.form, b.form),
                        case when facets_differ(a.facet, b.facet)
                             then format('facet: %s / %s', a.facet, b.facet) end) as veto
        from near as n
        join used as a on a.id = n.a
        join used as b on b.id = n.b
        where not (a.pinned and b.pinned)
    )
    select p.name, p.facet, p.other, p.other_facet, p.similarity, p.veto, p.products
    from pairs as p
    where (p.veto is null or is_soft_veto(p.veto))
        and not exists (select from judged as j
                        where j.term_a = least(p.form, p.other_form)
                            and j.term_b = greatest(p.form, p.other_form))
        and not keywords_distinct(p.a, p.b)
    order by p.products desc, p.similarity desc, p.a, p.b
    limit check_k(k);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- keywords_distinct(a, b): whether some terms of these two keywords were decided to be different.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.keywords_distinct(a bigint, b bigint) returns boolean
language sql stable security invoker
set search_path from current
as $func$
    select exists (
        select
        from keyword_aliases as l
        join keyword_distinctions as d on l.alias in (d.term_a, d.term_b)
        join keyword_aliases as r on r.alias in (d.term_a, d.term_b) and r.alias <> l.alias
        where l.keyword_id = a and r.keyword_id = b);
$func$;

-- ---------------------------------------------------------------------------------------------
-- audit_keywords(k, above) → the k problems most worth a look, most products first, each with a command
-- that mends it, and another that settles it as it is (keep). problem: 'merge' (a term that may not
-- belong to its keyword: it was barely similar, a veto now holds between them, or it was mostly said in
-- another facet), or 'duplicate' (two keywords that may be the same: pairs of judge_pairs that no rule
-- refuses). `products`: how many say the term, or have either keyword.
-- ---------------------------------------------------------------------------------------------
create or replace function audit_keywords(k int default 50, above real default null)
returns table (
    problem text, keyword text, term text, similarity real, products bigint, reason text,
    command text, keep text
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces := active_space('text');
begin
    return query
    with said as materialized (
        select t.form, count(distinct t.product_id) as products,
               mode() within group (order by t.facet) filter (where t.facet <> 'other') as facet
        from product_terms as t
        group by t.form
    ),
    merged as materialized (
        select w.name, w.facet, a.alias, a.method, a.similarity, s.facet as said_facet,
               coalesce(s.products, 0) as products, term_veto(a.alias, normal_form(w.name)) as veto,
               keyword_threshold(_space, w.facet) as threshold
        from keyword_aliases as a
        join keywords as w on w.id = a.keyword_id
        left join said as s on s.form = a.alias
        where a.method in ('embedding', 'judge') and a.alias <> normal_form(w.name)
    ),
    found as (
        select 'merge' as problem, m.name as keyword, m.alias as term, m.similarity, m.products,
               case
                   when m.veto is not null and (m.method = 'embedding' or not is_soft_veto(m.veto))
                       then m.veto
                   when facets_differ(m.said_facet, m.facet)
                       then format('facet: said as %s, the keyword is %s', m.said_facet, m.facet)
                   when m.method = 'embedding' and m.similarity < m.threshold + (1 - m.threshold) / 4
                       then format('barely similar: %s', round(m.similarity::numeric, 3))
               end as reason,
               'vitrina keywords split ' || shell_quoted(m.alias) as command,
               format('vitrina keywords merge %s --into %s', shell_quoted(m.alias), shell_quoted(m.name)) as keep
        from merged as m
        union all
        select 'duplicate', p.keyword, p.other, p.similarity, p.products,
               format('similar: %s', round(p.similarity::numeric, 3)),
               format('vitrina keywords merge %s --into %s', shell_quoted(p.other), shell_quoted(p.keyword)),
               format('vitrina keywords distinct %s %s', shell_quoted(p.keyword), shell_quoted(p.other))
        from judge_pairs(null, audit_keywords.above) as p
        where p.veto is null
    )
    select f.problem, f.keyword, f.term, f.similarity, f.products, f.reason, f.command, f.keep
    from found as f
    where f.reason is not null
    order by f.products desc, f.problem desc, f.similarity, f.term
    limit check_k(audit_keywords.k);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- apply_judgements() → its effect, as merge_keywords gives it. Applies every new stored answer of a
-- judge: the same → the pinned or more used keyword takes the other in; different → they stay distinct
-- and are not judged again. Safe to repeat: skips answers that were applied once, or undone since, and
-- terms decided by hand.
-- ---------------------------------------------------------------------------------------------
create or replace function apply_judgements()
returns table (change bigint, alias text, before text, after text, products bigint)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _pair record;
    _different jsonb;
    _forms text[];
    _ids bigint[];
    _snapshot jsonb;
begin
    perform hold_keywords(true);
    -- the different pairs first: they block merges that would follow from the others
    select jsonb_agg(jsonb_build_object('a', p.a, 'b', p.b, 'same', false)),
           array_agg(p.a) || array_agg(p.b)
    into _different, _forms
    from open_judgements() as p
    where not p.same;
    if _different is not null then
        _snapshot := take_snapshot('{}', _forms);
        perform distinguish(p.pair ->> 'a', p.pair ->> 'b', 'judge')
        from jsonb_array_elements(_different) as p (pair);
        return query select r.* from record_change(
            _snapshot, 'judge', jsonb_build_object('pairs', _different)) as r;
    end if;
    for _pair in select p.* from open_judgements() as p where p.same loop
        select array_agg(w.id order by w.pinned desc, u.products desc, w.id),
               array_agg(normal_form(w.name) order by w.pinned desc, u.products desc, w.id)
        into _ids, _forms
        from keyword_aliases as a
        join keywords as w on w.id = a.keyword_id
        cross join lateral (select count(*) as products from product_keywords as pk
                            where pk.keyword_id = w.id) as u
        where a.alias in (_pair.a, _pair.b);
        -- an earlier answer may have settled it
        continue when _ids[1] = _ids[2] or cardinality(_ids) < 2 or keywords_distinct(_ids[1], _ids[2])
            or (select bool_and(w.pinned) from keywords as w where w.id = any (_ids));
        _snapshot := take_snapshot(_ids, _forms);
        perform merge_terms(_forms[2:2], _ids[1], 'judge');
        return query select r.* from record_change(
            _snapshot, 'judge', jsonb_build_object('pairs', jsonb_build_array(
                jsonb_build_object('a', _pair.a, 'b', _pair.b, 'same', true)))) as r;
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- open_judgements() → the stored answers, not applied yet, about two terms in normal form that are two
-- keywords; the latest for each.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.open_judgements() returns table (a text, b text, same boolean)
language sql stable security invoker
set search_path from current
as $func$
    with judged as materialized (select j.* from judged_pairs() as j)
    select v.a, v.b, v.same
    from (
        select distinct on (least(f.a, f.b), greatest(f.a, f.b)) f.*
        from (
            select g.id, p.place, normal_form(p.pair ->> 'a') as a, normal_form(p.pair ->> 'b') as b,
                   (p.pair ->> 'same')::boolean as same
            from generations as g
            cross join lateral jsonb_array_elements(
                case when jsonb_typeof(g.output -> 'pairs') = 'array'
                     then g.output -> 'pairs' else '[]' end) with ordinality as p (pair, place)
            where g.stage = 'judge'
        ) as f
        order by least(f.a, f.b), greatest(f.a, f.b), f.id desc
    ) as v
    join keyword_aliases as l on l.alias = v.a
    join keyword_aliases as r on r.alias = v.b
    where l.keyword_id <> r.keyword_id
        and not exists (select from judged as j
                        where j.term_a = least(v.a, v.b) and j.term_b = greatest(v.a, v.b))
        and not keywords_distinct(l.keyword_id, r.keyword_id)
    order by v.id, v.place;
$func$;
