-- Filling an image space beside the one in use: pictures are fetched once more, and no model is asked.

-- ---------------------------------------------------------------------------------------------
-- embedded_picture(product_id) → the sha256 (hex) of the picture whose vector this product has in every
-- image space that vitrina fills; null if any of them lacks it, or has that of another picture.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.embedded_picture(product_id bigint) returns text
language sql stable security invoker
set search_path from current
as $func$
    select case when count(*) = count(e.input_hash) and count(distinct e.input_hash) = 1
                then encode((array_agg(e.input_hash))[1], 'hex') end
    from spaces as s
    left join product_embeddings as e
        on e.space_id = s.id and e.product_id = embedded_picture.product_id
    where s.modality = 'image' and s.provider = 'local' and s.state in ('active', 'building');
$func$;

-- ---------------------------------------------------------------------------------------------
-- space_filling() → the local image spaces that are filled beside one in use, `before`: how many
-- products have a vector in either; how many wait for one, how many of these were tried in vain so far;
-- and of how many the picture cannot be had again (their job failed). ready: it can be switched to:
-- nothing waits, and at least half as many products have a vector as before; or all were tried, and
-- nine of ten have one. `vitrina work` fills it and switches.
-- ---------------------------------------------------------------------------------------------
create or replace function space_filling()
returns table (
    space text, before text, products bigint, before_products bigint, waiting bigint, tried bigint,
    failed bigint, ready boolean
)
language sql stable security invoker
set search_path from current
as $func$
    select s.name, b.name, t.products, u.products, m.waiting, m.tried, m.failed,
           t.index not in ('missing', 'invalid')
           and (m.waiting = 0 and 2 * t.products >= u.products
                or m.waiting = m.tried
                   and 10 * t.products >= 9 * (t.products + m.waiting + m.failed))
    from spaces as s
    join spaces as b on b.modality = 'image' and b.state = 'active' and b.provider = 'local'
    cross join lateral space_status(s.name) as t
    cross join lateral (
        select count(*) as products from product_embeddings as e where e.space_id = b.id) as u
    cross join lateral (
        select count(*) filter (where j.state is distinct from 'failed') as waiting,
               count(*) filter (where j.state = 'queued' and j.error is not null) as tried,
               count(*) filter (where j.state = 'failed') as failed
        from products as p
        left join jobs as j on j.product_id = p.id
        where p.image_sha256 is not null and not exists (
            select from product_embeddings as e
            where e.space_id = s.id and e.product_id = p.id)
    ) as m
    where s.modality = 'image' and s.provider = 'local' and s.state = 'building'
    order by s.id;
$func$;

-- ---------------------------------------------------------------------------------------------
-- queue_pictures(k, space, sources) → of up to k products it queued, by id, that their picture be
-- fetched again: those without a vector in this image space, or in one of space_filling. Products with
-- a job are left to that job. sources: names, null for all. Raises VT003 if the space is not found,
-- VT004 if vitrina does not make its vectors.
-- ---------------------------------------------------------------------------------------------
create or replace function queue_pictures(
    k int default 200, space text default null, sources text[] default null
) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _spaces int[];
    _space spaces;
    _count int;
begin
    perform check_k(k);
    if space is null then
        _spaces := array(
            select s.id from spaces as s
            where s.modality = 'image' and s.provider = 'local' and s.state = 'building'
                and (active_space('image')).provider = 'local');
    else
        _space := named_space(space);
        if (_space.modality, _space.provider) <> ('image', 'local') then
            raise exception '% is not a space of a local image model', quote_literal(left(space, 100))
                using errcode = 'VT004', hint = 'put its vectors in: vitrina.put_embeddings';
        end if;
        _spaces := array[_space.id];
    end if;
    if cardinality(_spaces) = 0 then
        return 0;
    end if;
    insert into jobs (product_id, stage)
    select p.id, 'picture'
    from products as p
    where p.image_sha256 is not null and p.image is not null
        and exists (
            select from unnest(_spaces) as s (id)
            where not exists (select from product_embeddings as e
                              where e.space_id = s.id and e.product_id = p.id))
        and not exists (select from jobs as j where j.product_id = p.id)
        and (queue_pictures.sources is null or exists (
            select from vitrina.sources as o
            where o.id = p.source_id and o.name = any (queue_pictures.sources)))
    order by p.id
    limit k
    on conflict (product_id) do nothing;
    get diagnostics _count = row_count;
    return _count;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- store_pictures(worker, product_ids, versions, pictures, images) → the products that this worker
-- leases in these versions (see hold_jobs), now with these pictures: a jsonb array of {product_id,
-- image_sha256 (hex)}. Thumbnails are renewed; what was said of the products stays. images: see
-- put_images. The products and their jobs stay locked until the transaction ends.
-- ---------------------------------------------------------------------------------------------
create or replace function store_pictures(
    worker text, product_ids bigint[], versions bigint[], pictures jsonb, images jsonb
) returns setof bigint
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _held bigint[];
begin
    perform check_rows('images', images, '{"sha256": "sha256!"}');
    perform check_rows('pictures', pictures, '{"product_id": "id!", "image_sha256": "sha256!"}');
    _held := array(select h.product_id
                   from hold_jobs(store_pictures.worker, store_pictures.product_ids,
                                  store_pictures.versions) as h (product_id));
    perform put_images((
        select coalesce(jsonb_agg(i.value), '[]')
        from jsonb_array_elements(images) as i (value)
        where exists (select from jsonb_array_elements(pictures) as g (value)
                      where (g.value ->> 'product_id')::bigint = any (_held)
                          and g.value ->> 'image_sha256' = i.value ->> 'sha256')));
    update products as p set image_sha256 = i.sha256, updated_at = now()
    from jsonb_to_recordset(pictures) as g (product_id bigint, image_sha256 text)
    join images as i on i.sha256 = decode(g.image_sha256, 'hex')
    where p.id = g.product_id and p.id = any (_held) and p.image_sha256 <> i.sha256;
    perform name_pictures(_held);
    return query select u.id from unnest(_held) as u (id);
end
$func$;
