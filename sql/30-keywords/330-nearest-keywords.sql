-- The keywords nearest to a vector, and the keyword that a term may join.

-- ---------------------------------------------------------------------------------------------
-- nearest_keywords(space, embedding, k) → the k keywords nearest by cosine, from the HNSW index.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.nearest_keywords(space spaces, embedding @vector@.halfvec, k int)
returns table (keyword_id bigint, similarity real)
language plpgsql stable parallel safe security invoker
set search_path from current
set hnsw.ef_search = 40
set hnsw.iterative_scan = 'relaxed_order'
as $func$
begin
    return query execute format(
        'select n.keyword_id, (1 - n.distance)::real
         from (select e.keyword_id, e.embedding::@vector@.halfvec(%1$s) operator(@vector@.<=>) $1 as distance
               from keyword_embeddings as e
               where e.space_id = %2$s
               order by e.embedding::@vector@.halfvec(%1$s) operator(@vector@.<=>) $1
               limit $2) as n
         order by n.distance, n.keyword_id', space.dimensions, space.id)
    using embedding, k;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- near_keywords(space, embeddings, at_least, above) → for each embedding, by its place in the array,
-- the keywords with a cosine over `at_least`. Exact, in one pass over the keywords with an id above
-- `above`.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.near_keywords(
    space spaces, embeddings @vector@.halfvec[], at_least real, above bigint default 0
) returns table (place int, keyword_id bigint, similarity real)
language plpgsql stable parallel safe security invoker
set search_path from current
as $func$
begin
    if coalesce(cardinality(embeddings), 0) = 0 then
        return; -- else the keywords would be read in vain
    end if;
    -- the bare operator: an exact scan, never the HNSW index, which may miss the nearest; numbers
    -- in the text tell the planner whether few or all keywords are above `above`
    return query execute format(
        'select u.place::int, e.keyword_id, (1 - (e.embedding operator(@vector@.<=>) u.embedding))::real
         from keyword_embeddings as e
         cross join unnest($1) with ordinality as u (embedding, place)
         where e.space_id = %s and e.keyword_id > %s
             and (e.embedding operator(@vector@.<=>) u.embedding) < 1 - $2',
        space.id, above)
    using embeddings, at_least;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- choose_keyword(space, form, facet, ids, similarities) → from some keywords, nearest first, the first
-- that a term in normal form may join: over the threshold and without a veto. `veto`: why the very
-- nearest keyword over the threshold was refused. likely_facet: the facet of the nearest keyword with
-- a facet, over 0.7.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.choose_keyword(
    space spaces, form text, facet text, ids bigint[], similarities real[],
    out keyword_id bigint, out similarity real, out veto text, out likely_facet text
)
language plpgsql stable parallel safe security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _policy keyword_policy;
    _canonical text;
    _marks text[];
    _one record;
    _why text;
begin
    select p.* into _policy from keyword_policy as p;
    select c.canonical, contrast_marks(c.canonical) into _canonical, _marks
    from canonical_form(choose_keyword.form) as c;
    for _one in
        select w.id, w.name, w.facet, w.form, w.marks, u.similarity
        from unnest(ids, similarities) as u (id, similarity)
        join keywords as w on w.id = u.id
        order by u.similarity desc, w.id
    loop
        if likely_facet is null and _one.similarity > 0.7 then
            likely_facet := nullif(_one.facet, 'other');
        end if;
        continue when _one.similarity <= keyword_threshold(
            space, coalesce(nullif(choose_keyword.facet, 'other'), _one.facet));
        if _policy.mode = 'plain' then
            _why := null;
        else
            _why := coalesce(
                decided_distinct(choose_keyword.form, normal_form(_one.name)),
                form_veto(_canonical, _marks, _one.form, _one.marks, not _policy.merge_narrower),
                facet_veto(choose_keyword.facet, _one.facet));
        end if;
        if _why is null then
            keyword_id := _one.id;
            similarity := _one.similarity;
            return;
        end if;
        veto := coalesce(veto, _why);
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- keyword_candidates(space, form, facet, embedding, k) → the k keywords nearest to a term in normal
-- form, by cosine; each with its threshold and its vetoes.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.keyword_candidates(
    space spaces, form text, facet text, embedding @vector@.halfvec, k int default 10
) returns table (
    keyword_id bigint, keyword text, facet text, similarity real, threshold real, veto text
)
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select w.id, w.name, w.facet, n.similarity,
           keyword_threshold(space, coalesce(nullif(keyword_candidates.facet, 'other'), w.facet)),
           coalesce(term_veto(keyword_candidates.form, normal_form(w.name)),
                    facet_veto(keyword_candidates.facet, w.facet))
    from nearest_keywords(space, keyword_candidates.embedding, keyword_candidates.k) as n
    join keywords as w on w.id = n.keyword_id
    order by n.similarity desc, w.id;
$func$;
