-- Read-only questions to the vocabulary: which keywords are near a term, and why it has its keyword.

-- ---------------------------------------------------------------------------------------------
-- similar_keywords(term, k) → the k keywords nearest to a term, which may be any text. `similarity`:
-- the cosine in the active text space. Raises VT004 if the term is not a keyword and the database
-- cannot make its vector (the active text space is not local).
-- ---------------------------------------------------------------------------------------------
create or replace function similar_keywords(term text, k int default 10)
returns table (keyword text, facet text, similarity real)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces := active_space('text');
    _embedding @vector@.halfvec;
    _self bigint;
begin
    select e.embedding, a.keyword_id into _embedding, _self
    from keyword_aliases as a
    left join keyword_embeddings as e on e.keyword_id = a.keyword_id and e.space_id = _space.id
    where a.alias = normal_form(term);
    if _embedding is null then
        _embedding := query_embedding(term);
    end if;
    if _embedding is null and _space.provider <> 'local' then
        raise exception '% is not a keyword, and the database cannot embed it: space % is not local',
            quote_literal(term), _space.name
            using errcode = 'VT004', hint = 'give a keyword, or use `vitrina keywords similar`';
    end if;
    return query
    select w.name, w.facet, n.similarity
    from nearest_keywords(_space, _embedding, least(check_k(k), 1000000) + 1) as n
    join keywords as w on w.id = n.keyword_id
    where n.keyword_id is distinct from _self
    order by n.similarity desc, w.id
    limit check_k(k);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- explain_keyword(term, of_facet) → which keyword the chain would give a term, and why; writes
-- nothing. First the row of the decision: step is its rule (exact, form, thesaurus, embedding, judge,
-- manual, new, or none if the term cannot be a keyword). Then the ten nearest keywords, best first,
-- each with its similarity, the threshold, and any `veto`; `verdict` is same, vetoed or far. Raises
-- VT004 if the term has no vector and the active text space is not local.
-- ---------------------------------------------------------------------------------------------
create or replace function explain_keyword(term text, of_facet text default null)
returns table (
    step text, keyword text, facet text, similarity real, threshold real, verdict text, veto text
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces := active_space('text');
    _form text := normal_form(term);
    _plain boolean := (select p.mode = 'plain' from keyword_policy as p);
    _alias keyword_aliases;
    _embedding @vector@.halfvec;
    _known record;
    _one record;
begin
    veto := no_keyword(term, _form);
    if veto is not null then
        step := 'none';
        return next;
        return;
    end if;
    select a.* into _alias from keyword_aliases as a where a.alias = _form;
    select e.embedding into _embedding
    from keyword_embeddings as e
    join keywords as w on w.id = e.keyword_id
    where e.space_id = _space.id and w.name = keyword_name(term);
    _embedding := coalesce(_embedding, query_embedding(term));
    select k.* into _known from known_key(_form) as k;
    facet := coalesce(nullif(of_facet, 'other'), _known.facet);
    if _alias.alias is not null then
        select case when w.name = keyword_name(term) then 'exact'
                    when _alias.method = 'new' then 'form' else _alias.method end,
               w.name, w.facet, _alias.similarity, case when w.name is null then 'dropped' else 'same' end
        into step, keyword, facet, similarity, verdict
        from (select 1) as one left join keywords as w on w.id = _alias.keyword_id;
        return next;
    elsif _known.keyword_id is not null and not _plain then
        select _known.method, w.name, w.facet, null, 'same'
        into step, keyword, facet, similarity, verdict
        from keywords as w where w.id = _known.keyword_id;
        return next;
    elsif _embedding is null and _space.provider <> 'local' then
        raise exception '% is not a keyword, and the database cannot embed it: space % is not local',
            quote_literal(term), _space.name
            using errcode = 'VT004', hint = 'use `vitrina keywords explain`, which embeds it';
    else
        select c.* into _one
        from look_up_terms(_space, array[explain_keyword.term], array[_form], array[_embedding], array[facet], 0.7) as c;
        step := coalesce(_one.method, 'new');
        similarity := _one.similarity;
        veto := case when _one.keyword_id is null then _one.veto end;
        select w.name, w.facet into keyword, facet from keywords as w where w.id = _one.keyword_id;
        if not found then
            keyword := new_name(term, _one.canonical);
            facet := coalesce(_one.facet, _one.likely_facet, 'other');
        end if;
        verdict := case when _one.keyword_id is null then 'new' else 'same' end;
        return next;
    end if;
    if _embedding is not null then
        return query
        select null::text, c.keyword, c.facet, c.similarity, c.threshold,
               case when c.similarity <= c.threshold then 'far'
                    when c.veto is not null then 'vetoed' else 'same' end,
               c.veto
        from keyword_candidates(_space, _form, coalesce(of_facet, _known.facet),
                                 _embedding, 10) as c;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- look_up_keywords(said, facets) → what resolve_keywords would give, in its columns, without learning:
-- for the method new, the keyword that the term would become. facets: one per term, or null. Raises
-- VT004 for over 1000 terms, and where explain_keyword does.
-- ---------------------------------------------------------------------------------------------
create or replace function look_up_keywords(said text[], facets text[] default null)
returns table (
    ordinal int, term text, keyword text, facet text, method text, similarity real, veto text
)
language sql stable security invoker
set search_path from current
as $func$
    select u.place::int, u.term, e.keyword, case when e.keyword is not null then e.facet end,
           nullif(e.step, 'none'), e.similarity, e.veto
    from unnest(case when cardinality(said) > 1000 then too_many('said', cardinality(said), 1000)
                     else said end, facets) with ordinality as u (term, facet, place)
    cross join lateral (
        select x.* from explain_keyword(u.term, u.facet) as x limit 1) as e
    where u.term is not null
    order by u.place;
$func$;

-- ---------------------------------------------------------------------------------------------
-- content_words(form) → its words, without words that only join others.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.content_words(form text) returns text[]
language sql immutable parallel safe
return array(
    select w.word
    from string_to_table(form, ' ') as w (word)
    where w.word not in ('a', 'an', 'and', 'for', 'in', 'of', 'on', 'the', 'to', 'with')
);

-- ---------------------------------------------------------------------------------------------
-- keyword_hints(title, k) → up to k keywords that a product with this title may have, best first:
-- keywords with words of the title, then the nearest if the active text space is local, then the
-- most used.
-- ---------------------------------------------------------------------------------------------
create or replace function keyword_hints(title text, k int default 40)
returns table (keyword text, facet text)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces := active_space('text');
    _words text[] := content_words(normal_form(title));
    _near bigint[] := '{}';
begin
    if _space.provider = 'local' then
        select coalesce(array_agg(n.keyword_id order by n.similarity desc), '{}') into _near
        from nearest_keywords(_space, embed_text(title), check_k(k)) as n;
    end if;
    return query
    select w.name, w.facet
    from keywords as w
    cross join lateral (
        select count(*) as products from product_keywords as pk where pk.keyword_id = w.id) as u
    order by content_words(normal_form(w.name)) <@ _words desc,
             array_position(_near, w.id) nulls last, u.products desc, w.id
    limit check_k(k);
end
$func$;
