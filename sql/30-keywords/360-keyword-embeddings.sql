-- Vectors of keywords, made outside the database.

-- ---------------------------------------------------------------------------------------------
-- put_keyword_embeddings(space, keyword_ids, embeddings) → how many were new.
-- Parallel arrays; space: a name. Skips keywords that are gone or have no vector. Raises VT003 for an
-- unknown space, VT004 for a vector of other dimensions or of zeros only.
-- ---------------------------------------------------------------------------------------------
create or replace function put_keyword_embeddings(
    space text, keyword_ids bigint[], embeddings @vector@.halfvec[]
) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _space spaces := named_space(space);
    _count int;
begin
    perform check_embeddings('keyword', _space, keyword_ids, embeddings);
    insert into keyword_embeddings (space_id, keyword_id, embedding)
    select _space.id, u.id, u.embedding
    from unnest(keyword_ids, embeddings) as u (id, embedding)
    join keywords as w on w.id = u.id
    where u.embedding is not null
    order by u.id
    on conflict (space_id, keyword_id) do nothing;
    get diagnostics _count = row_count;
    return _count;
end
$func$;
