-- ---------------------------------------------------------------------------------------------
-- put_keyword_embeddings(space, keyword_ids, embeddings) → how many were new.
-- Parallel arrays; space: a name.
-- ---------------------------------------------------------------------------------------------
create or replace function put_keyword_embeddings(
    space text, keyword_ids bigint[], embeddings @vector@.halfvec[]
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
