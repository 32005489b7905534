-- The decision chain that gives a term its keyword: normal form, thesaurus, the nearest keyword
-- without a veto, else a new keyword.

-- ---------------------------------------------------------------------------------------------
-- lock_vocabulary(): whoever makes keywords holds this lock until the transaction ends. Take it before
-- any row of keywords or products, and never for a known term.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.lock_vocabulary() returns void
language sql volatile security invoker
set search_path from current
as $func$
    select pg_advisory_xact_lock(hashtext('vitrina.keywords'));
$func$;

-- ---------------------------------------------------------------------------------------------
-- keyword_name(said) → a term as the name of a keyword: lower case, one space between words, no
-- control characters or marks of direction.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.keyword_name(said text) returns text
language sql immutable parallel safe
return btrim(regexp_replace(
    regexp_replace(
        case when octet_length(said) = char_length(said) then lower(said collate "C")
             else lower(normalize(said, nfc)) end collate "C",
        '[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]', '', 'g'),
    '[\x01-\x20\x7f-\u00a0\u2028\u2029\u3000]+', ' ', 'g'));

-- ---------------------------------------------------------------------------------------------
-- no_keyword(said, form) → why a term cannot be a keyword, or null if it can.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.no_keyword(said text, form text) returns text
language sql immutable parallel safe
return case
    when form = '' then 'empty: no letter or digit'
    when length(said) > 10000
        then format('too long: %s characters, a keyword has at most 200', length(said))
    when length(keyword_name(said)) > 200
        then format('too long: %s characters, a keyword has at most 200', length(keyword_name(said)))
end;

-- ---------------------------------------------------------------------------------------------
-- new_name(term, canonical) → the name of a new keyword: in English the canonical term, if the thesaurus
-- has one; in another language the term as it was said first.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.new_name(term text, canonical text) returns text
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select case when canonical is not null and shown_language() = 'english' then canonical
                else keyword_name(term) end;
$func$;

-- ---------------------------------------------------------------------------------------------
-- known_key(form) → the keyword that a term in normal form has by its key, without any vector, and the
-- method: form (the same words) or thesaurus; null if there is no such keyword. `canonical`: the
-- thesaurus term for the whole form, `facet`: its facet in the thesaurus.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.known_key(
    form text, out keyword_id bigint, out method text, out canonical text, out facet text
)
language plpgsql stable parallel safe security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _key text;
    _alias text;
begin
    select squashed(c.canonical), c.facet into _key, facet from canonical_form(known_key.form) as c;
    -- the term itself if it is canonical; else its canonical term
    select t.canonical into canonical
    from thesaurus as t
    where t.key in (_key, squashed(known_key.form))
        and (t.language = '' or t.language = (select shop_language()))
    order by t.key = _key and squashed(t.becomes) = _key desc, t.key = _key, t.term
    limit 1;
    select a.keyword_id, a.alias into keyword_id, _alias
    from keyword_aliases as a
    join keywords as w on w.id = a.keyword_id
    where (a.key = _key or replace(a.alias, ' ', '') = replace(known_key.form, ' ', '')
                           and squashed(a.alias) = squashed(known_key.form))
        and decided_distinct(known_key.form, normal_form(w.name)) is null
    order by squashed(a.alias) = squashed(known_key.form) desc, a.alias = normal_form(w.name) desc,
             a.keyword_id
    limit 1;
    if keyword_id is not null then
        method := case when squashed(_alias) = squashed(known_key.form) then 'form' else 'thesaurus' end;
    end if;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- look_up_terms(space, said, forms, embeddings, facets, at_least) → the terms without an alias, one row
-- per form, in their order; with their present keyword and the method, or null. Writes nothing and
-- takes no lock. `embedding` is null if the term is not compared by vector.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.look_up_terms(
    space spaces, said text[], forms text[], embeddings @vector@.halfvec[], facets text[], at_least real
) returns table (
    place int, term text, form text, facet text, canonical text,
    own_embedding @vector@.halfvec, embedding @vector@.halfvec, keyword_id bigint, method text, similarity real, veto text, likely_facet text
)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _plain boolean := (select p.mode = 'plain' from keyword_policy as p);
    _indexed boolean := to_regclass(format('keyword_embeddings_%s_hnsw', space.id)) is not null;
begin
    return query
    with term as materialized (
        select (row_number() over (order by u.place))::int as place, u.said, u.form, u.embedding,
               coalesce(nullif(u.facet, 'other'), k.facet) as facet, k.canonical, k.keyword_id, k.method,
               -- the local model was made from English: of other scripts it knows only letters
               k.keyword_id is null and u.embedding is not null
                   and not (space.provider = 'local' and u.form ~ '[^\u0001-\u024f]') as compared
        from (
            select distinct on (v.form) v.*
            from unnest(said, forms, embeddings, facets) with ordinality
                as v (said, form, embedding, facet, place)
            where no_keyword(v.said, v.form) is null
                and not exists (select from keyword_aliases as a where a.alias = v.form)
            order by v.form, v.place
        ) as u
        left join lateral known_key(u.form) as k on not _plain
    ), hit as materialized (
        select t.place, c.*
        from term as t
        cross join lateral (
            select array_agg(n.keyword_id) as ids, array_agg(n.similarity) as similarities
            from nearest_keywords(space, t.embedding, 20) as n) as n
        cross join lateral choose_keyword(space, t.form, t.facet, n.ids, n.similarities) as c
        where t.compared and _indexed
    ), missed as materialized (
        select row_number() over (order by t.place) as at, t.place, t.form, t.facet, t.embedding
        from term as t
        left join hit as h on h.place = t.place
        where t.compared and h.keyword_id is null
    ), exact as materialized (
        select m.place, c.*
        from (
            select n.place, array_agg(n.keyword_id) as ids, array_agg(n.similarity) as similarities
            from near_keywords(space, (select array_agg(m.embedding order by m.at) from missed as m),
                                at_least) as n
            group by n.place
        ) as n
        join missed as m on m.at = n.place
        cross join lateral choose_keyword(space, m.form, m.facet, n.ids, n.similarities) as c
    )
    select t.place, t.said, t.form, t.facet, t.canonical, t.embedding,
           case when t.compared then t.embedding end,
           coalesce(t.keyword_id, h.keyword_id, e.keyword_id),
           coalesce(t.method, case when coalesce(h.keyword_id, e.keyword_id) is not null
                                   then 'embedding' end),
           coalesce(h.similarity, e.similarity), coalesce(h.veto, e.veto),
           coalesce(h.likely_facet, e.likely_facet)
    from term as t
    left join hit as h on h.place = t.place
    left join exact as e on e.place = t.place
    order by t.place;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- learn_keyword(space_id, name, facet, embedding) → the id of the keyword of this name, new or not, with
-- its vector in that space, where one is given, and its name as an alias.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.learn_keyword(
    space_id int, name text, facet text, embedding @vector@.halfvec
) returns bigint
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _id bigint;
begin
    insert into keywords as w (name, facet)
    values (learn_keyword.name, learn_keyword.facet)
    on conflict (name) do update set name = excluded.name
    returning w.id into _id;
    insert into keyword_embeddings (space_id, keyword_id, embedding)
    select learn_keyword.space_id, _id, learn_keyword.embedding
    where learn_keyword.embedding is not null
    on conflict do nothing;
    insert into keyword_aliases (alias, keyword_id, method)
    values (normal_form(learn_keyword.name), _id, 'new')
    on conflict do nothing;
    return _id;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- learn_keywords(said, forms, embeddings, facets) → the aliases it decided, with vetoes.
-- Decides for terms without an alias, in the order they were said: by the known words, then the
-- nearest keyword over the threshold without a veto, else a new keyword. Finds the nearest with the
-- HNSW index if there is one; before it makes a keyword, exactly. Race-free: keywords are made under
-- a lock held until the transaction ends, after another look at keywords made meanwhile. Ids are
-- given under that lock, so their order is the order of commits.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.learn_keywords(
    said text[], forms text[], embeddings @vector@.halfvec[], facets text[]
) returns table (alias text, veto text)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces := active_space('text');
    _plain boolean := (select p.mode = 'plain' from keyword_policy as p);
    _least real := least(0.7, _space.threshold, (select min(t.threshold) from keyword_thresholds as t
                                                 where t.space_id = _space.id));
    _seen bigint;
    _locked boolean := false;
    _term record;
    _known record;
    _near record;
    _likely text;
    _keyword bigint;
    _method text;
    _similarity real;
    _name text;
begin
    -- so that no keyword found here is merged away before its alias is stored
    perform hold_keywords();
    select coalesce(max(w.id), 0) into _seen from keywords as w;
    for _term in select t.* from look_up_terms(_space, said, forms, embeddings, facets, _least) as t loop
        _keyword := _term.keyword_id;
        _method := _term.method;
        _similarity := _term.similarity;
        veto := _term.veto;
        _likely := null;
        if _keyword is null and not _locked then
            perform lock_vocabulary();
            _locked := true;
        end if;
        if _locked then
            -- keywords that others, or earlier terms, made since the look-up
            continue when exists (select from keyword_aliases as a where a.alias = _term.form);
            if _keyword is null and not _plain then
                select k.* into _known from known_key(_term.form) as k;
                _keyword := _known.keyword_id;
                _method := _known.method;
            end if;
            if _term.embedding is not null and coalesce(_method, 'embedding') = 'embedding' then
                select c.* into _near
                from (select array_agg(n.keyword_id) as ids, array_agg(n.similarity) as similarities
                      from near_keywords(_space, array[_term.embedding], _least, _seen) as n) as n
                cross join lateral choose_keyword(
                    _space, _term.form, _term.facet, n.ids, n.similarities) as c;
                if _near.similarity > coalesce(_similarity, -1) then
                    _keyword := _near.keyword_id;
                    _similarity := _near.similarity;
                end if;
                veto := coalesce(veto, _near.veto);
                _likely := _near.likely_facet;
                _method := 'embedding';
            end if;
        end if;
        if _keyword is null then
            _name := new_name(_term.term, _term.canonical);
            _keyword := learn_keyword(
                _space.id, _name, coalesce(_term.facet, _term.likely_facet, _likely, 'other'),
                -- of its name, not of what was said: another space's provider embeds that later
                case when _name = keyword_name(_term.term) then _term.own_embedding
                     when _space.provider = 'local' then embed_text(_name) end);
            _method := case when normal_form(_name) = _term.form then 'new' else 'thesaurus' end;
        end if;
        insert into keyword_aliases (alias, keyword_id, similarity, method)
        values (_term.form, _keyword, case when _method = 'embedding' then _similarity end, _method)
        on conflict do nothing;
        alias := _term.form;
        return next;
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- resolve_keywords(said, embeddings, facets) → one row per term said, in the order of `said`: its
-- keyword, the keyword's facet, and the method of the decision: exact (the keyword's own name), form
-- (another spelling of its words), thesaurus (a known synonym), embedding (its `similarity` is over
-- the threshold), judge, manual, or new: the term became a keyword. `veto`: why the nearest keyword
-- was refused (numbers, negation, contrast, known, narrower, words, order, facet, distinct, with the
-- difference), or why the term has no keyword: it has no letter or digit, or more than 200
-- characters. A term dropped by hand has the method manual and no keyword. embeddings: one per term
-- in the active text space; of the local one they are made here, and none need be given. facets: one per
-- term, or null; an unknown facet is null or 'other'. Raises VT004 if the arrays differ in length, or needed vectors
-- are missing.
-- ---------------------------------------------------------------------------------------------
create or replace function resolve_keywords(
    said text[], embeddings @vector@.halfvec[] default null, facets text[] default null
) returns table (
    ordinal int, term text, keyword text, facet text, method text, similarity real, veto text
)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _forms text[];
    _unknown text[];
    _learned jsonb := '{}';
begin
    if cardinality(embeddings) <> cardinality(said) or cardinality(facets) <> cardinality(said) then
        raise exception 'said, embeddings and facets must have the same length' using errcode = 'VT004',
            hint = 'give one of each per term; an item may be null';
    end if;
    if cardinality(said) > 100000 then
        raise exception 'said takes at most 100,000 terms, not %', cardinality(said)
            using errcode = 'VT004', hint = 'give them in parts: other learners wait meanwhile';
    end if;
    select array_agg(normal_form(u.term) order by u.place) into _forms
    from unnest(said) with ordinality as u (term, place);
    if exists (
        select from unnest(said, _forms) as f (term, form)
        where not exists (select from keyword_aliases as a where a.alias = f.form)
            and no_keyword(f.term, f.form) is null)
    then
        if (active_space('text')).provider = 'local' then
            -- of the name, whatever is given or however it was typed: a keyword has the vector of no other text
            select array_agg(e.embedding order by e.ordinal) into embeddings
            from embed_all(array(select keyword_name(u.term)
                                 from unnest(said) with ordinality as u (term, place) order by u.place)) as e;
        elsif embeddings is null and exists (
            select from generate_series(1, cardinality(said), 10000) as s (start)
            cross join lateral unknown_terms(said[s.start:s.start + 9999]))
        then
            raise exception 'the active text space is not local: give one embedding per term'
                using errcode = 'VT004', hint = 'unknown_terms(said) lists the terms that need an embedding';
        end if;
        select coalesce(jsonb_object_agg(l.alias, l.veto), '{}') into _learned
        from learn_keywords(said, _forms, embeddings, facets) as l;
    end if;
    return query
    select u.place::int, u.term, w.name, w.facet,
           case
               when a.method = 'new' and _learned ? u.form and u.again = 1 then 'new'
               when keyword_name(u.term) = w.name then 'exact'
               when a.method = 'new' then 'form'
               else a.method
           end,
           a.similarity,
           case when a.alias is null then coalesce(no_keyword(u.term, u.form), 'empty: null')
                else _learned ->> u.form end
    from (
        select v.*, row_number() over (partition by v.form order by v.place) as again
        from unnest(said, _forms) with ordinality as v (term, form, place)
    ) as u
    left join keyword_aliases as a on a.alias = u.form
    left join keywords as w on w.id = a.keyword_id
    order by u.place;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- unknown_terms(said) → the terms that need a vector to be decided: those without an alias that their
-- known words do not decide. One spelling of each, in their order. Raises VT004 for more than 10,000
-- terms.
-- ---------------------------------------------------------------------------------------------
create or replace function unknown_terms(said text[]) returns setof text
language sql stable security invoker
set search_path from current
as $func$
    select u.term
    from (
        select distinct on (n.form) n.form, v.term, v.place
        from unnest(case when cardinality(said) > 10000 then too_many('said', cardinality(said), 10000)
                         else said end) with ordinality as v (term, place)
        cross join lateral (select normal_form(v.term) as form) as n
        where no_keyword(v.term, n.form) is null
        order by n.form, v.place
    ) as u
    where not exists (select from keyword_aliases as a where a.alias = u.form)
        and ((select p.mode = 'plain' from keyword_policy as p)
             or (select k.keyword_id from known_key(u.form) as k) is null)
    order by u.place;
$func$;
