-- The further pictures of products: fetched and embedded when nothing else is due. No model is asked.

-- ---------------------------------------------------------------------------------------------
-- claim_pictures(k, seconds, sources, after_id) → up to k further pictures of products that lack a vector in
-- a local image space, or are not stored while a joint space is filled, taken for so many seconds, so that
-- other workers leave them: their address or path and its folder, and the stored thumbnail, if there is
-- one: then nothing is to be fetched. The first picture is the product's own, see claim_jobs. sources:
-- names, null for all. after_id: of products with this id or a greater one only, so that a run does not
-- read again what it has done.
-- ---------------------------------------------------------------------------------------------
create or replace function claim_pictures(
    k int default 50, seconds float8 default 120, sources text[] default null,
    after_id bigint default 0
) returns table (
    product_id bigint, "position" int, image text, image_root text, sha256 text, thumbnail bytea
)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
begin
    perform check_k(k);
    if seconds between 0 and 86400 is not true then
        raise exception 'seconds must be 0 to 86400, not %', coalesce(seconds::text, 'null')
            using errcode = 'VT004', hint = 'pictures are taken for a day at most';
    end if;
    return query
    with due as (
        select m.product_id, m.position, o.config ->> 'image_root' as root
        from product_images as m
        join products as p on p.id = m.product_id
        join vitrina.sources as o on o.id = p.source_id
        where m.product_id >= coalesce(after_id, 0) and m.image is distinct from p.image and (m.fetch_after is null or m.fetch_after <= now())
            and (claim_pictures.sources is null or o.name = any (claim_pictures.sources))
            and exists (
                select from spaces as s
                where s.state in ('active', 'building')
                    and (s.modality = 'joint' and m.image_sha256 is null
                         or s.modality = 'image' and s.provider = 'local' and not exists (
                            select from picture_embeddings as e
                            where e.space_id = s.id and e.product_id = m.product_id
                                and e.position = m.position and e.input_hash = m.image_sha256)))
        order by m.product_id, m.position
        limit k
        for update of m skip locked
    ),
    taken as (
        update product_images as m set fetch_after = now() + make_interval(secs => seconds)
        from due as d
        where m.product_id = d.product_id and m.position = d.position
        returning m.product_id, m.position, m.image, d.root, m.image_sha256
    )
    select t.product_id, t.position, t.image, t.root, encode(t.image_sha256, 'hex'), i.thumbnail
    from taken as t
    left join images as i on i.sha256 = t.image_sha256
    order by t.product_id, t.position;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- store_further_pictures(pictures, images): says of claimed pictures which stored picture they are, or why they
-- cannot be had; those are tried again after a day. pictures: a jsonb array of {product_id, position,
-- image, image_sha256 (hex), error}; rows whose address has changed since, or that are gone, are
-- skipped. images: see put_images.
-- ---------------------------------------------------------------------------------------------
create or replace function store_further_pictures(pictures jsonb, images jsonb) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    perform check_rows('pictures', pictures, '{"product_id": "id!", "position": "count!",
        "image": "text!", "image_sha256": "sha256", "error": "text"}');
    perform put_images(store_further_pictures.images);
    update product_images as m
    set image_sha256 = case when g.error is null then decode(g.image_sha256, 'hex') else m.image_sha256 end,
        image_error = g.error,
        fetch_after = case when g.error is not null then now() + interval '1 day' end
    from jsonb_to_recordset(store_further_pictures.pictures) as g (
        product_id bigint, "position" int, image text, image_sha256 text, error text)
    where m.product_id = g.product_id and m.position = g.position and m.image = g.image;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_picture_embeddings(space, product_ids, positions, input_hashes, embeddings) → how many vectors of further
-- pictures were new or changed. Parallel arrays; input_hashes: the sha256 of each picture; a picture that
-- is another one by now, or gone, is skipped. Raises VT003 for an unknown space, VT004 for a vector of
-- other dimensions, or of zeros only, or a space of texts.
-- ---------------------------------------------------------------------------------------------
create or replace function put_picture_embeddings(
    space text, product_ids bigint[], positions int[], input_hashes bytea[],
    embeddings @vector@.halfvec[]
) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _space spaces := named_space(space);
    _count int;
begin
    if _space.modality = 'text' then
        raise exception 'space % is of texts', quote_literal(_space.name) using errcode = 'VT004',
            hint = 'pictures have vectors in an image space, or a joint one';
    end if;
    perform check_embeddings('product', _space, product_ids, embeddings);
    insert into picture_embeddings as e (space_id, product_id, position, input_hash, embedding)
    select distinct on (m.product_id, m.position)
        _space.id, m.product_id, m.position, m.image_sha256, u.embedding
    from unnest(product_ids, positions, input_hashes, embeddings) as u (id, position, hash, embedding)
    join product_images as m
        on m.product_id = u.id and m.position = u.position and m.image_sha256 = u.hash
    where u.embedding is not null
    order by m.product_id, m.position
    on conflict (space_id, product_id, position) do update set
        input_hash = excluded.input_hash, embedding = excluded.embedding
    where e.input_hash <> excluded.input_hash or e.embedding operator(@vector@.<>) excluded.embedding;
    get diagnostics _count = row_count;
    return _count;
end
$func$;
