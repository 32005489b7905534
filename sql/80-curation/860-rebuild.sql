-- Deciding the vocabulary anew from the terms said.

-- ---------------------------------------------------------------------------------------------
-- decided_by_hand() → the aliases that a rebuild leaves: those given by hand or by a judge, and the own
-- names of keywords that are pinned or have such an alias.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.decided_by_hand() returns setof text
language sql stable security invoker
set search_path from current
as $func$
    select a.alias
    from keyword_aliases as a
    left join keywords as w on w.id = a.keyword_id
    where a.method in ('manual', 'judge')
        or (a.alias = normal_form(w.name)
            and (w.pinned or exists (select from keyword_aliases as o
                                     where o.keyword_id = w.id and o.method in ('manual', 'judge'))));
$func$;

-- ---------------------------------------------------------------------------------------------
-- terms_to_decide(space) → the terms that no person decided, in the order in which they were first
-- said, then those that no product says any more; each with its vector in this text space, if stored or
-- makeable here. `left_alone`: it was decided by a vector that is not stored.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.terms_to_decide(space spaces) returns table (
    place int, form text, term text, facet text, embedding @vector@.halfvec, left_alone boolean
)
language sql stable security invoker
set search_path from current
as $func$
    with first as (
        select distinct on (t.form) t.form, t.term, t.facet, t.product_id, t.place
        from product_terms as t
        order by t.form, t.product_id, t.place
    ),
    terms as materialized (
        select (row_number() over (order by f.product_id, f.place, a.decided_at, a.alias))::int as place,
               a.alias as form, n.own, coalesce(f.term, case when n.own then w.name else a.alias end) as term,
               f.facet, a.method, w.id
        from keyword_aliases as a
        join keywords as w on w.id = a.keyword_id
        cross join lateral (select a.alias = normal_form(w.name) as own) as n
        left join first as f on f.form = a.alias
        where a.alias not in (select d.alias from decided_by_hand() as d (alias))
    )
    select t.place, t.form, t.term, t.facet, coalesce(e.embedding, l.embedding),
           space.provider <> 'local' and t.method = 'embedding'
    from terms as t
    left join keyword_embeddings as e
        on e.space_id = space.id and e.keyword_id = t.id and t.own and space.provider <> 'local'
    left join embed_texts(case when space.provider = 'local'
                               then (select array_agg(o.term order by o.place) from terms as o) end) as l
        on l.ordinal = t.place
    order by t.place;
$func$;

-- ---------------------------------------------------------------------------------------------
-- decide_anew() → the decisions of the chain about all these terms now: the normal form, name and facet
-- of the keyword each would get. Done as a trial, rolled back before this returns.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.decide_anew() returns table (
    form text, target text, name text, facet text, method text, similarity real, veto text
)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces := active_space('text');
    _terms text[];
    _forms text[];
    _facets text[];
    _embeddings @vector@.halfvec[];
    _vetoes jsonb;
    _decided jsonb;
begin
    select array_agg(t.term order by t.place), array_agg(t.form order by t.place),
           array_agg(t.facet order by t.place), array_agg(t.embedding order by t.place)
    into _terms, _forms, _facets, _embeddings
    from terms_to_decide(_space) as t
    where not t.left_alone;
    begin
        -- hide the keywords: they are found by aliases, vectors and names
        with hidden as (
            update keywords as w set name = 'was: ' || w.id
            from (select o.id, normal_form(o.name) as form from keywords as o) as o
            where o.id = w.id and o.form = any (_forms)
            returning w.id
        )
        delete from keyword_embeddings as e using hidden as h
        where e.space_id = _space.id and e.keyword_id = h.id;
        delete from keyword_aliases as a where a.alias = any (_forms);
        select jsonb_object_agg(l.alias, l.veto) into _vetoes
        from learn_keywords(_terms, _forms, _embeddings, _facets) as l;
        select jsonb_agg(jsonb_build_array(
            a.alias, normal_form(w.name), w.name, w.facet, a.method, a.similarity, _vetoes ->> a.alias))
        into _decided
        from keyword_aliases as a
        join keywords as w on w.id = a.keyword_id
        where a.alias = any (_forms);
        raise exception using errcode = 'VT999';
    exception when sqlstate 'VT999' then
        null;  -- variables outlive what is rolled back
    end;
    return query
    select d.row ->> 0, d.row ->> 1, d.row ->> 2, d.row ->> 3, d.row ->> 4, (d.row ->> 5)::real,
           d.row ->> 6
    from jsonb_array_elements(_decided) as d (row);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- rebuild_keywords(dry_run) → the differences, term by term: the keyword before and after, the method,
-- and how many products say the term. Decides again, from the terms said and in their order, everything
-- that no person pinned, decided or judged; asks no model. If the active text space is not local, terms
-- decided by a vector that is not stored keep their keyword (`note`). dry_run: false makes the changes;
-- workers wait meanwhile, and they can be undone.
-- ---------------------------------------------------------------------------------------------
create or replace function rebuild_keywords(dry_run boolean default true) returns table (
    term text, before text, after text, method text, similarity real, veto text, products bigint,
    note text
)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _plan jsonb;
    _forms text[];
    _ids bigint[];
    _snapshot jsonb;
    _made bigint[] := '{}';
    _one record;
begin
    perform hold_keywords(true);
    with decided as materialized (select d.* from decide_anew() as d),
    moved as (
        select d.form, w.id, w.name as before, d.target, d.name, d.facet, d.method, d.similarity, d.veto,
               null as note
        from decided as d
        join keyword_aliases as a on a.alias = d.form
        join keywords as w on w.id = a.keyword_id
        where d.target <> normal_form(w.name)
        union all
        -- they follow their keyword
        select t.form, w.id, w.name, d.target, d.name, d.facet, a.method, a.similarity, null,
               'its vector is not stored: it keeps its keyword'
        from terms_to_decide(active_space('text')) as t
        join keyword_aliases as a on a.alias = t.form
        join keywords as w on w.id = a.keyword_id
        join decided as d on d.form = normal_form(w.name) and d.target <> d.form
        where t.left_alone
    )
    select jsonb_agg(to_jsonb(m)), array_agg(m.form), array_agg(distinct m.id)
    into _plan, _forms, _ids
    from moved as m;
    if _plan is null then
        return;
    end if;
    if not dry_run then
        _ids := _ids || array(
            select a.keyword_id from keyword_aliases as a
            where a.alias in (select p.target from jsonb_to_recordset(_plan) as p (target text)));
        _snapshot := take_snapshot(_ids, _forms);
        for _one in
            select distinct on (p.target) p.target, p.name, p.facet
            from jsonb_to_recordset(_plan) as p (target text, name text, facet text)
            where keywords_named(array[p.target]) = '{}'
        loop
            _made := _made || make_keyword(_one.name, _one.facet);
        end loop;
        perform apply_plan(_plan, _ids || _made);
        perform record_change(_snapshot, 'rebuild', '{}', _made);
    end if;
    return query
    select p.form, p.before, p.name, p.method, p.similarity, p.veto,
           (select count(distinct t.product_id) from product_terms as t where t.form = p.form),
           p.note
    from jsonb_to_recordset(_plan) as p (
        form text, before text, name text, method text, similarity real, veto text, note text)
    order by 7 desc, 1;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- apply_plan(plan, ids): gives the terms of a rebuild's plan their new keywords, with these ids;
-- deletes keywords whose own names now belong to others.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.apply_plan(plan jsonb, ids bigint[]) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    update keyword_aliases as a set
        keyword_id = w.id, method = p.method, similarity = p.similarity, decided_at = now()
    from jsonb_to_recordset(plan) as p (form text, target text, method text, similarity real)
    join (select k.id, normal_form(k.name) as form from keywords as k where k.id = any (ids)) as w
        on w.form = p.target
    where a.alias = p.form;
    delete from keywords as w
    where w.id = any (ids) and not exists (
        select from keyword_aliases as a where a.alias = normal_form(w.name) and a.keyword_id = w.id);
end
$func$;
