-- Products: written if changed, queued if an enrichment would change.

-- ---------------------------------------------------------------------------------------------
-- queue_products(product_ids, stage) → how many. Queues them for enrichment, or again if a worker has
-- them. stage: 'enrich'; 'embed' if only the text to embed has changed: then no picture is fetched and no
-- model asked; 'picture' to fetch the picture again, for its thumbnail and its vectors, where no model is
-- asked either. A product that waits for an earlier one of these, or failed at it, stays as it is; unknown
-- products are skipped.
-- ---------------------------------------------------------------------------------------------
create or replace function queue_products(product_ids bigint[], stage text default 'enrich')
returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _order constant text[] := array['picture', 'embed', 'enrich'];
    _count int;
begin
    perform check_word('stage', queue_products.stage, 'enrich', 'embed', 'picture');
    with queued as (
        insert into jobs as j (product_id, stage)
        select distinct u.id, queue_products.stage
        from unnest(product_ids) as u (id)
        where u.id is not null
        order by u.id
        on conflict (product_id) do update set
            version = j.version + 1,
            stage = _order[greatest(array_position(_order, j.stage),
                                    array_position(_order, excluded.stage))],
            attempts = 0,
            deaths = '{}',
            error = null,
            reply = null,
            -- a leased job stays with its worker, whose finish will see the new version
            state = case when j.state = 'leased' then 'leased' else 'queued' end,
            run_after = case when j.state = 'leased' then j.run_after else now() end
        -- a queued enrichment also embeds, and looks; one at work may already have read the text.
        -- a picture that waits is queued again by and by: see queue_pictures
        where array_position(_order, excluded.stage) >= array_position(_order, j.stage)
            or j.state = 'leased'
        returning 1
    ),
    -- a hint for idle workers; they also check every second
    told as materialized (
        select pg_notify('vitrina_jobs', '') from queued limit 1
    )
    select count(*) into _count from queued cross join (select count(*) from told) as t;
    return _count;
exception when foreign_key_violation then
    -- some are not there; looked up only now, as each new job's key is looked up by itself
    return queue_products(
        array(select p.id from products as p where p.id = any (product_ids)), stage);
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_products(source, products) → counts of rows inserted, updated, unchanged, and queued.
-- products: a jsonb array of {external_id, title, image, image_stamp, url, attributes, text, sku, codes,
-- images, variants}, each external id once. text: what the shop wrote. codes: texts, such as EAN and
-- part number. images: all pictures, [{image, role}], role: main, further or variant. variants: the
-- forms that are sold, [{sku, title, codes, image, attributes}]; their attributes are what they differ
-- in, and price, was_price, currency and in_stock: the product has these too, see attributes_of. A
-- product is queued for enrichment when the input of an enrichment has changed; a new price is stored
-- and costs nothing. Raises VT003 for an unknown source, VT004 for an attached one.
-- ---------------------------------------------------------------------------------------------
create or replace function put_products(source text, products jsonb)
returns table (inserted int, updated int, unchanged int, queued int)
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    perform refuse_attached(source);
    return query select w.* from write_products(source, products) as w;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- write_products(source, products) → put_products, of an attached source too: as its sync does.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.write_products(source text, products jsonb)
returns table (inserted int, updated int, unchanged int, queued int)
language plpgsql volatile security invoker
set search_path from current
as $func$
#variable_conflict use_column
declare
    _source int;
    _given int;
    _twice text;
    _changed bigint[];
    _to_queue bigint[];
    _parts bigint[];
    _back bigint[];
begin
    select s.id into _source from sources as s where s.name = write_products.source;
    if not found then
        raise exception 'source % not found', quote_literal(left(write_products.source, 100))
            using errcode = 'VT003', hint = 'create it: select vitrina.put_source(name)';
    end if;
    perform check_rows('products', write_products.products, product_keys());
    _given := jsonb_array_length(write_products.products);
    _back := take_back(_source, write_products.products);
    with given as (
        select g.* from read_products(write_products.products) as g
    ),
    before as materialized (
        select p.id, p.external_id, p.input_hash, p.parts_hash
        from products as p
        join given as g on g.external_id = p.external_id
        where p.source_id = _source and p.id <> all (_back)
    ),
    written as (
        insert into products as p
            (source_id, external_id, title, text, image, image_stamp, url, attributes, sku, codes,
             input_hash, parts_hash)
        select _source, g.external_id, g.title, g.text, g.image, g.image_stamp, g.url, g.attributes,
               g.sku, g.codes, g.input_hash, g.parts_hash
        from given as g
        order by g.external_id
        on conflict (source_id, external_id) do update set
            title = excluded.title, text = excluded.text, image = excluded.image,
            image_stamp = excluded.image_stamp, url = excluded.url,
            attributes = excluded.attributes, sku = excluded.sku, codes = excluded.codes,
            input_hash = excluded.input_hash, parts_hash = excluded.parts_hash, updated_at = now()
        where (p.title, p.text, p.image, p.image_stamp, p.url, p.attributes, p.sku, p.codes,
               p.parts_hash)
              is distinct from
              (excluded.title, excluded.text, excluded.image, excluded.image_stamp, excluded.url,
               excluded.attributes, excluded.sku, excluded.codes, excluded.parts_hash)
        returning p.id, p.external_id, p.input_hash, p.parts_hash
    )
    select count(*) filter (where b.id is null), count(*) filter (where b.id is not null),
           array_agg(w.id), array_agg(w.id) filter (where b.input_hash is distinct from w.input_hash),
           array_agg(w.id) filter (where b.parts_hash is distinct from w.parts_hash)
    into inserted, updated, _changed, _to_queue, _parts
    from written as w
    left join before as b on b.external_id = w.external_id;
    unchanged := _given - inserted - updated;
    if _parts <> '{}' then
        perform put_parts(_parts, write_products.products);
        -- the picture of a product that waits for a worker may be another one now
        perform name_pictures(array(select u.id from unnest(_parts) as u (id)
                                    where u.id <> all (coalesce(_to_queue, '{}'))));
    end if;
    perform refresh_text(_changed);
    queued := queue_products(coalesce(_to_queue, '{}'));
    return next;
exception when cardinality_violation then
    select r.external_id into _twice
    from jsonb_to_recordset(write_products.products) as r (external_id text)
    group by r.external_id having count(*) > 1 limit 1;
    if not found then
        raise;
    end if;
    raise exception 'products has external id % twice', quote_literal(_twice)
        using errcode = 'VT004', hint = 'give each external id once; nothing was written';
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- product_keys() → the keys of put_products' rows, as check_rows takes them.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.product_keys() returns jsonb
language sql immutable parallel safe
return '{"external_id": "name!", "title": "title!", "image": "text", "image_stamp": "text",
         "url": "text", "attributes": "object", "text": "text", "sku": "text", "codes": "texts",
         "images": "pictures", "variants": "variants"}'::jsonb;

-- ---------------------------------------------------------------------------------------------
-- enrichment_hash(title, image, image_stamp, attributes, text) → the hash of the input of an enrichment; numbers
-- and booleans among the attributes (price, stock) describe nothing: changing them costs nothing.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.enrichment_hash(
    title text, image text, image_stamp text, attributes jsonb, text text
) returns bytea
language sql immutable parallel safe
return sha256(convert_to(
    jsonb_build_array(title, image, image_stamp, (
        select jsonb_object_agg(a.key, a.value)
        from jsonb_each(attributes) as a
        where jsonb_typeof(a.value) not in ('number', 'boolean', 'null')
            and a.value <> '"$"'))::text -- the sign of a price, which earlier versions left out
    -- products without a text keep the hash of versions that knew no text
    || coalesce(text, ''), 'utf8'));

-- ---------------------------------------------------------------------------------------------
-- read_products(products) → put_products' rows as they are stored. Without an image the first of the
-- images is the product's own. input_hash: see enrichment_hash.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.read_products(products jsonb) returns table (
    external_id text, title text, text text, image text, image_stamp text, url text,
    attributes jsonb, sku text, codes text[], input_hash bytea, parts_hash bytea
)
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    select r.external_id, r.title, r.body, r.image, r.image_stamp, r.url, r.attributes, r.sku,
           r.codes, enrichment_hash(r.title, r.image, r.image_stamp, r.attributes, r.body),
           r.parts_hash
    from (
        select g.external_id, g.title, nullif(g.text, '') as body,
               coalesce(g.image, g.images #>> '{0,image}') as image, g.image_stamp, g.url,
               product_attributes(g.attributes, g.variants) as attributes,
               nullif(g.sku, '') as sku, coalesce(array_remove(g.codes, null), '{}') as codes,
               parts_hash(g.variants, g.images) as parts_hash
        from jsonb_to_recordset(products) as g (
            external_id text, title text, text text, image text, image_stamp text, url text,
            attributes jsonb, sku text, codes text[], images jsonb, variants jsonb)
        offset 0 -- what is made of a row is made once
    ) as r;
$func$;
