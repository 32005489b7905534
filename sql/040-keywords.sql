-- ---------------------------------------------------------------------------------------------
-- _content_words(form) → its words, without those that only join others.
-- ---------------------------------------------------------------------------------------------
create or replace function _content_words(form text) returns text[]
language sql immutable parallel safe
return array(
    select w.word
    from string_to_table(form, ' ') as w (word)
    where w.word not in ('a', 'an', 'and', 'for', 'in', 'of', 'on', 'the', 'to', 'with')
);

-- ---------------------------------------------------------------------------------------------
-- _veto(a, b) → why two terms in normal form may never be one keyword, or null.
-- Numbers that differ ("3 drawer", "4 drawer") and terms of one contrast group ("black", "white")
-- stay apart however near their vectors are, and so does a term from one with more words to it
-- ("table", "side table").
-- ---------------------------------------------------------------------------------------------
create or replace function _veto(a text, b text) returns text
language sql stable parallel safe security invoker
set search_path from current
as $func$
    select case
        when (select array_agg(m.found[1] order by m.found[1])
              from regexp_matches(a, '\d+(?:[.,]\d+)?', 'g') as m (found))
             is distinct from
             (select array_agg(m.found[1] order by m.found[1])
              from regexp_matches(b, '\d+(?:[.,]\d+)?', 'g') as m (found))
            then 'numbers'
        -- one term has a word of the group that the other term has another word of
        when exists (
            select
            from contrasts as l
            join contrasts as r using (contrast_group)
            where l.term <> r.term
              and position(' ' || l.term || ' ' in ' ' || a || ' ') > 0
              and position(' ' || r.term || ' ' in ' ' || b || ' ') > 0
              and position(' ' || r.term || ' ' in ' ' || a || ' ') = 0
              and position(' ' || l.term || ' ' in ' ' || b || ' ') = 0)
            then 'contrast'
        -- "table" and "side table", "metal" and "metal leg": one says more than the other
        when _content_words(a) <@ _content_words(b) <> (_content_words(b) <@ _content_words(a))
            then 'narrower'
    end;
$func$;

-- ---------------------------------------------------------------------------------------------
-- _facets_differ(a, b): both are known and they are not the same; 'other' says nothing.
-- ---------------------------------------------------------------------------------------------
create or replace function _facets_differ(a text, b text) returns boolean
language sql immutable parallel safe
return coalesce(nullif(a, 'other') <> nullif(b, 'other'), false);

-- ---------------------------------------------------------------------------------------------
-- _nearest_keywords(space, embedding, k) → the k keywords nearest by cosine, from the HNSW index.
-- ---------------------------------------------------------------------------------------------
create or replace function _nearest_keywords(space spaces, embedding halfvec, k int)
returns table (keyword_id bigint, similarity real)
language plpgsql stable parallel safe security invoker
set search_path from current
set hnsw.ef_search = 100
set hnsw.iterative_scan = 'relaxed_order'
as $func$
begin
    return query execute format(
        'select n.keyword_id, (1 - n.distance)::real
         from (select e.keyword_id, e.embedding::halfvec(%1$s) <=> $1 as distance
               from keyword_embeddings as e
               where e.space_id = %2$s
               order by e.embedding::halfvec(%1$s) <=> $1
               limit $2) as n
         order by n.distance, n.keyword_id', space.dimensions, space.id)
    using embedding, k;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _nearest_same_keyword(space, form, facet, embedding, above) → the nearest keyword that the term
-- may be one with: over the space's threshold and not vetoed; and, where the very nearest one
-- over the threshold was vetoed, why. Exact, over the keywords with an id greater than `above`.
-- ---------------------------------------------------------------------------------------------
create or replace function _nearest_same_keyword(
    space spaces, form text, facet text, embedding halfvec, above bigint default 0,
    out keyword_id bigint, out similarity real, out veto text
)
language sql stable parallel safe security invoker
set search_path from current
as $func$
    with near as (
        select
            w.id,
            (1 - n.distance)::real as similarity,
            case when _facets_differ(w.facet, _nearest_same_keyword.facet) then 'facet'
                 else _veto(_nearest_same_keyword.form, normal_form(w.name)) end as veto
        from (
            -- the bare operator: an exact scan, never the index, which may miss the nearest
            select e.keyword_id, e.embedding <=> _nearest_same_keyword.embedding as distance
            from keyword_embeddings as e
            where e.space_id = space.id and e.keyword_id > above
            order by distance, e.keyword_id
            limit 10
        ) as n
        join keywords as w on w.id = n.keyword_id
        where 1 - n.distance > space.threshold
    )
    select o.id, o.similarity, f.veto
    from (select 1) as one
    left join (select n.* from near as n where n.veto is null
               order by n.similarity desc, n.id limit 1) as o on true
    left join (select n.* from near as n order by n.similarity desc, n.id limit 1) as f on true;
$func$;

-- ---------------------------------------------------------------------------------------------
-- _learn_keywords(said, forms, embeddings, facets) → the aliases it decided, with vetoes.
-- Decides for terms that have no alias yet, in the order they were said: thesaurus (a term that
-- stands for itself there is a keyword of its own), then the nearest keyword over the threshold,
-- else a new keyword. Race-free: decisions are made under a
-- lock held to the end of the transaction, and look again at keywords that came meanwhile. Ids
-- are given under that lock, so their order is the order of commits.
-- ---------------------------------------------------------------------------------------------
create or replace function _learn_keywords(
    said text[], forms text[], embeddings halfvec[], facets text[]
) returns table (alias text, veto text)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces := _active_space('text');
    _seen bigint;
    _near record;
    _newer record;
    _keyword bigint;
    _method text;
    _similarity real;
    _name text;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'keywords are learned in READ COMMITTED transactions only'
            using errcode = 'VT004', hint = 'a snapshot could not see what another one has learned';
    end if;
    select coalesce(max(w.id), 0) into _seen from keywords as w;
    for _near in
        select u.said, u.form, u.embedding, t.canonical,
               coalesce(nullif(u.facet, 'other'), t.facet, 'other') as facet,
               n.keyword_id, n.similarity, n.veto
        from (
            select distinct on (v.form) v.*
            from unnest(said, forms, embeddings, facets) with ordinality
                as v (said, form, embedding, facet, place)
            where v.form <> '' and not exists (
                select from keyword_aliases as a where a.alias = v.form)
            order by v.form, v.place
        ) as u
        left join thesaurus as t on t.term = u.form
        left join lateral _nearest_same_keyword(_space, u.form, u.facet, u.embedding) as n
            on u.embedding is not null and t.term is null
        order by u.place
    loop
        perform pg_advisory_xact_lock(hashtext('vitrina.keywords'));
        continue when exists (select from keyword_aliases as a where a.alias = _near.form);
        _keyword := null;
        veto := null;
        if _near.canonical is not null then
            select a.keyword_id into _keyword
            from keyword_aliases as a where a.alias = normal_form(_near.canonical);
            _method := 'thesaurus';
            _similarity := null;
        elsif _near.embedding is not null then
            select n.* into _newer from _nearest_same_keyword(
                _space, _near.form, _near.facet, _near.embedding, _seen) as n;
            veto := coalesce(_near.veto, _newer.veto);
            if _newer.similarity > coalesce(_near.similarity, -1) then
                _keyword := _newer.keyword_id;
                _similarity := _newer.similarity;
            else
                _keyword := _near.keyword_id;
                _similarity := _near.similarity;
            end if;
            _method := 'nearest';
        end if;
        if _keyword is null then
            insert into keywords as w (name, facet)
            values (coalesce(_near.canonical,
                             regexp_replace(lower(btrim(_near.said)), '\s+', ' ', 'g')),
                    _near.facet)
            on conflict (name) do update set name = excluded.name
            returning w.id, w.name into _keyword, _name;
            -- of its name, not of what was said: another space's provider embeds that later
            insert into keyword_embeddings (space_id, keyword_id, embedding)
            select _space.id, _keyword, e.embedding
            from (select case when _name = regexp_replace(lower(btrim(_near.said)), '\s+', ' ', 'g')
                              then _near.embedding
                              when _space.provider = 'local' then embed_text(_name)
                         end as embedding) as e
            where e.embedding is not null
            on conflict do nothing;
            if _near.canonical is not null and normal_form(_near.canonical) <> _near.form then
                insert into keyword_aliases (alias, keyword_id, method)
                values (normal_form(_near.canonical), _keyword, 'new')
                on conflict do nothing;
            else
                _method := 'new';
                _similarity := null;
            end if;
        end if;
        insert into keyword_aliases (alias, keyword_id, similarity, method)
        values (_near.form, _keyword, _similarity, _method)
        on conflict do nothing;
        alias := _near.form;
        return next;
    end loop;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- resolve_keywords(said, embeddings, facets) → one row a term said, in the order of `said`:
-- the keyword it is, that keyword's facet, and how it was decided. `method`: exact (a spelling of
-- the keyword), thesaurus, nearest (`similarity`, over the space's threshold), judge, manual, or
-- new: the term became a keyword. `veto`: why the nearest keyword was refused
-- (numbers, contrast, narrower, facet). Terms without a letter or digit come back with no keyword.
-- embeddings: one per term in the active text space; null where that space is the local one.
-- facets: one per term, or null; unknown ones are null or 'other'.
-- Raises VT004 where the arrays differ in length, or vectors are needed and not given.
-- ---------------------------------------------------------------------------------------------
create or replace function resolve_keywords(
    said text[], embeddings halfvec[] default null, facets text[] default null
) returns table (
    ordinal int, term text, keyword text, facet text, method text, similarity real, veto text
)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _forms text[];
    _learned jsonb := '{}';
begin
    if cardinality(embeddings) <> cardinality(said) or cardinality(facets) <> cardinality(said) then
        raise exception 'said, embeddings and facets must be of one length' using errcode = 'VT004';
    end if;
    select array_agg(normal_form(u.term) order by u.place) into _forms
    from unnest(said) with ordinality as u (term, place);
    if exists (
        select from unnest(_forms) as f (form)
        where f.form <> '' and not exists (
            select from keyword_aliases as a where a.alias = f.form))
    then
        if embeddings is null then
            if (_active_space('text')).provider is distinct from 'local' then
                raise exception 'the active text space is not the local one: give one embedding per term'
                    using errcode = 'VT004';
            end if;
            select array_agg(e.embedding order by e.ordinal) into embeddings
            from embed_texts(said) as e;
        end if;
        select coalesce(jsonb_object_agg(l.alias, l.veto), '{}') into _learned
        from _learn_keywords(said, _forms, embeddings, facets) as l;
    end if;
    return query
    select u.place::int, u.term, w.name, w.facet,
           case
               when a.method = 'new' and (not _learned ? u.form or u.again > 1) then 'exact'
               else a.method
           end,
           case when a.method = 'new' then null else a.similarity end,
           _learned ->> u.form
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
-- unknown_terms(said) → the terms that no alias decides yet, one spelling of each, in their order.
-- Terms of the thesaurus are among them.
-- ---------------------------------------------------------------------------------------------
create or replace function unknown_terms(said text[]) returns setof text
language sql stable security invoker
set search_path from current
as $func$
    select u.term
    from (
        select distinct on (n.form) n.form, v.term, v.place
        from unnest(said) with ordinality as v (term, place)
        cross join lateral (select normal_form(v.term) as form) as n
        where n.form <> ''
        order by n.form, v.place
    ) as u
    where not exists (select from keyword_aliases as a where a.alias = u.form)
    order by u.place;
$func$;

-- ---------------------------------------------------------------------------------------------
-- keyword_hints(title, k) → up to k keywords that a product with this title may have, best first:
-- those with words of the title, then the nearest where the active text space is the local one,
-- then the most used.
-- ---------------------------------------------------------------------------------------------
create or replace function keyword_hints(title text, k int default 40)
returns table (keyword text, facet text)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces := _active_space('text');
    _words text[] := _content_words(normal_form(title));
    _near bigint[] := '{}';
begin
    if _space.provider = 'local' then
        select coalesce(array_agg(n.keyword_id order by n.similarity desc), '{}') into _near
        from _nearest_keywords(_space, embed_text(title), k) as n;
    end if;
    return query
    select w.name, w.facet
    from keywords as w
    cross join lateral (
        select count(*) as products from product_keywords as pk where pk.keyword_id = w.id) as u
    order by _content_words(normal_form(w.name)) <@ _words desc,
             array_position(_near, w.id) nulls last, u.products desc, w.id
    limit k;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_keyword_embeddings(space, keyword_ids, embeddings) → how many were new.
-- Parallel arrays; space: a name.
-- ---------------------------------------------------------------------------------------------
create or replace function put_keyword_embeddings(
    space text, keyword_ids bigint[], embeddings halfvec[]
) returns int
language sql volatile security invoker
set search_path from current
as $func$
    with put as (
        insert into keyword_embeddings (space_id, keyword_id, embedding)
        select s.id, u.id, u.embedding
        from unnest(keyword_ids, embeddings) as u (id, embedding)
        join spaces as s on s.name = space
        order by u.id
        on conflict (space_id, keyword_id) do nothing
        returning 1
    )
    select count(*)::int from put;
$func$;

-- ---------------------------------------------------------------------------------------------
-- similar_keywords(term, k) → the k keywords nearest to a term, which need not be one itself.
-- `similarity` is the cosine in the active text space. Raises VT004 where the term is no keyword
-- and its vector cannot be made in the database (the active text space is not the local one).
-- ---------------------------------------------------------------------------------------------
create or replace function similar_keywords(term text, k int default 10)
returns table (keyword text, facet text, similarity real)
language plpgsql stable security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _space spaces := _active_space('text');
    _embedding halfvec;
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
        raise exception 'the term % is no keyword, and the space % is not local',
            quote_literal(term), _space.name
            using errcode = 'VT004', hint = 'ask for a keyword, or use `vitrina keywords`';
    end if;
    return query
    select w.name, w.facet, n.similarity
    from _nearest_keywords(_space, _embedding, k + 1) as n
    join keywords as w on w.id = n.keyword_id
    where n.keyword_id is distinct from _self
    order by n.similarity desc, w.id
    limit k;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- _normalize_term(): terms of the thesaurus and of contrasts are kept in normal form, however they
-- are inserted.
-- ---------------------------------------------------------------------------------------------
create or replace function _normalize_term() returns trigger
language plpgsql security invoker
set search_path from current
as $func$
begin
    new.term := normal_form(new.term);
    return new;
end
$func$;

create or replace trigger normalize_term before insert or update of term on thesaurus
    for each row execute function _normalize_term();
create or replace trigger normalize_term before insert or update of term on contrasts
    for each row execute function _normalize_term();
