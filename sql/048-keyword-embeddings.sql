-- ---------------------------------------------------------------------------------------------
-- missing_keyword_embeddings(space, k) → up to k keywords without a vector in this space.
-- ---------------------------------------------------------------------------------------------
create or replace function missing_keyword_embeddings(space text, k int default 500)
returns table (id bigint, name text)
language sql stable security invoker
set search_path from current
as $func$
    select w.id, w.name
    from keywords as w
    join spaces as s on s.name = space
    where not exists (
        select from keyword_embeddings as e where e.space_id = s.id and e.keyword_id = w.id)
    order by w.id
    limit k;
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
