-- The vectors of products: which are missing, and those that come.

-- ---------------------------------------------------------------------------------------------
-- missing_embeddings(product_ids, space) → (product_id, input, input_hash) of the products whose text
-- is not embedded in this text space, or has changed since. space: a name; null for the active one.
-- ---------------------------------------------------------------------------------------------
create or replace function missing_embeddings(product_ids bigint[], space text default null)
returns table (product_id bigint, input text, input_hash bytea)
language sql stable security invoker
set search_path from current
as $func$
    select p.id, i.input, sha256(convert_to(i.input, 'utf8'))
    from products as p
    cross join lateral (select embedding_input(p.keywords, p.caption) as input) as i
    join spaces as s on s.modality = 'text'
        and case when space is null then s.state = 'active' else s.name = space end
    left join product_embeddings as e on e.product_id = p.id and e.space_id = s.id
    where p.id = any (product_ids)
        and p.enriched_at is not null
        and e.input_hash is distinct from sha256(convert_to(i.input, 'utf8'))
    order by p.id;
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_embeddings(space, product_ids, input_hashes, embeddings) → how many were new or changed.
-- Parallel arrays; space: a name. In a text space it skips a vector whose hash is not that of the
-- product's present text (see missing_embeddings): it was made of an older text. Raises VT003 for an
-- unknown space, VT004 for a vector of other dimensions, or of zeros only.
-- ---------------------------------------------------------------------------------------------
create or replace function put_embeddings(
    space text, product_ids bigint[], input_hashes bytea[], embeddings @vector@.halfvec[]
) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _space spaces := named_space(space);
    _count int;
begin
    perform check_embeddings('product', _space, product_ids, embeddings);
    insert into product_embeddings as e (space_id, product_id, input_hash, embedding)
    select _space.id, u.id, coalesce(u.hash, ''), u.embedding
    from (
        select distinct on (g.id) g.id, g.hash, g.embedding
        from unnest(product_ids, input_hashes, embeddings) with ordinality
            as g (id, hash, embedding, place)
        where g.embedding is not null
        order by g.id, g.place desc
    ) as u
    -- products that are gone are skipped, the others stay as they are until this commits: a
    -- vector of an older text never replaces a newer one
    join products as p on p.id = u.id
    where _space.modality <> 'text' or p.enriched_at is null
        or u.hash = sha256(convert_to(embedding_input(p.keywords, p.caption), 'utf8'))
    order by u.id
    for share of p
    on conflict (space_id, product_id) do update set
        input_hash = excluded.input_hash, embedding = excluded.embedding
    where e.input_hash <> excluded.input_hash or e.embedding operator(@vector@.<>) excluded.embedding;
    get diagnostics _count = row_count;
    return _count;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- embed_products(product_ids, space) → how many missing embeddings it made in this text space; null for
-- the active one. Its model must be the local one (VT004 otherwise).
-- ---------------------------------------------------------------------------------------------
create or replace function embed_products(product_ids bigint[], space text default null) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _space spaces := active_space('text');
    _ids bigint[];
    _inputs text[];
    _hashes bytea[];
begin
    if space is not null then
        select s.* into _space from spaces as s where s.name = space and s.modality = 'text';
    end if;
    if _space.provider is distinct from 'local' then
        raise exception '%', case when space is null then 'the active text space is not local'
                                  else quote_literal(left(space, 100)) || ' is not a space of the local text model' end
            using errcode = 'VT004',
            hint = 'its embeddings come from its provider: `vitrina work`, `vitrina spaces build`';
    end if;
    -- else a vector of the old keywords could overwrite that of newly changed ones
    perform hold_keywords();
    select array_agg(m.product_id), array_agg(m.input), array_agg(m.input_hash)
    into _ids, _inputs, _hashes
    from missing_embeddings(product_ids, _space.name) as m;
    if _ids is null then
        return 0;
    end if;
    return put_embeddings(_space.name, _ids, _hashes, (
        select array_agg(e.embedding order by e.ordinal) from embed_all(_inputs) as e));
end
$func$;
