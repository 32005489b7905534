-- The steps of changes to the vocabulary. A step alone is not in the history.

-- ---------------------------------------------------------------------------------------------
-- given_name(term) → a term as the name of a keyword given by hand: like keyword_name, but in its own
-- case.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.given_name(term text) returns text
language sql immutable parallel safe
return btrim(regexp_replace(
    regexp_replace(normalize(term, nfc) collate "C",
                   '[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]', '', 'g'),
    '[\x01-\x20\x7f-\u00a0\u2028\u2029\u3000]+', ' ', 'g'));

-- ---------------------------------------------------------------------------------------------
-- make_keyword(name, facet, pinned) → its id: creates a keyword with its vectors in local spaces. The
-- next work makes those of other spaces, as for any keyword without a vector.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.make_keyword(name text, facet text, pinned boolean default false)
returns bigint
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _id bigint;
begin
    insert into keywords as w (name, facet, pinned)
    values (make_keyword.name, coalesce(make_keyword.facet, 'other'), make_keyword.pinned)
    returning w.id into _id;
    perform embed_keyword(_id);
    return _id;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- embed_keyword(id): makes the vectors of a keyword's name in the local text spaces.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.embed_keyword(id bigint) returns void
language sql volatile security invoker
set search_path from current
as $func$
    insert into keyword_embeddings (space_id, keyword_id, embedding)
    select s.id, w.id, e.embedding
    from keywords as w
    cross join spaces as s
    cross join lateral embed_text(w.name) as e (embedding)
    where w.id = embed_keyword.id
        and s.modality = 'text' and s.provider = 'local' and e.embedding is not null
    on conflict (space_id, keyword_id) do nothing;
$func$;

-- ---------------------------------------------------------------------------------------------
-- point_terms(forms, keyword_id, method): these terms get this keyword; null: no keyword.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.point_terms(forms text[], keyword_id bigint, method text default 'manual')
returns void
language sql volatile security invoker
set search_path from current
as $func$
    insert into keyword_aliases as a (alias, keyword_id, method)
    select distinct u.form, point_terms.keyword_id, point_terms.method
    from unnest(forms) as u (form)
    order by u.form
    on conflict (alias) do update set
        keyword_id = excluded.keyword_id, method = excluded.method, similarity = null,
        decided_at = now()
    where (a.keyword_id, a.method) is distinct from (excluded.keyword_id, excluded.method);
$func$;

-- ---------------------------------------------------------------------------------------------
-- distinguish(a, b, method): marks two terms in normal form as different things; a judge does not
-- overwrite a decision by hand.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.distinguish(a text, b text, method text default 'manual') returns void
language sql volatile security invoker
set search_path from current
as $func$
    insert into keyword_distinctions as d (term_a, term_b, method)
    select least(a, b), greatest(a, b), distinguish.method where a <> b
    on conflict (term_a, term_b) do update set method = excluded.method, decided_at = now()
    where d.method <> 'manual' and excluded.method = 'manual';
$func$;

-- ---------------------------------------------------------------------------------------------
-- merge_terms(forms, keyword_id, method): these terms get this keyword. A keyword's own name brings its
-- aliases along, and its keyword is deleted. Deletes distinctions within the keyword.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.merge_terms(forms text[], keyword_id bigint, method text) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _gone bigint[] := keywords_named(forms, keyword_id);
begin
    perform point_terms(
        forms || array(select a.alias from keyword_aliases as a where a.keyword_id = any (_gone)),
        merge_terms.keyword_id, merge_terms.method);
    delete from keyword_distinctions as d
    using keyword_aliases as a, keyword_aliases as b
    where a.alias = d.term_a and b.alias = d.term_b
        and a.keyword_id = merge_terms.keyword_id and b.keyword_id = merge_terms.keyword_id;
    delete from keywords as w where w.id = any (_gone);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- name_keyword(id, name): renames a keyword, with new vectors; the next work makes those of spaces that
-- are not local.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.name_keyword(id bigint, name text) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _old text;
begin
    select w.name into _old from keywords as w where w.id = name_keyword.id;
    if _old = name_keyword.name then
        return;
    end if;
    update keywords as w set name = name_keyword.name where w.id = name_keyword.id;
    if normal_form(_old) <> normal_form(name_keyword.name) then
        perform point_terms(array[normal_form(_old), normal_form(name_keyword.name)], name_keyword.id);
        delete from keyword_embeddings as e where e.keyword_id = name_keyword.id;
        perform embed_keyword(name_keyword.id);
    end if;
end
$func$;
