-- The variants and pictures of products, and the attributes that variants give them.

-- ---------------------------------------------------------------------------------------------
-- parts_hash(variants, images) → the hash of a product's variants and pictures as they were given; null
-- for a product with neither.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.parts_hash(variants jsonb, images jsonb) returns bytea
language sql immutable parallel safe
return case when variants <> '[]' or images <> '[]' then sha256(convert_to(
    jsonb_build_array(nullif(variants, '[]'), nullif(images, '[]'))::text, 'utf8')) end;

-- ---------------------------------------------------------------------------------------------
-- attributes_of(given, variants) → the attributes of a product: those given, and of its variants what
-- was not given. Of an option (color, size) its values, of prices the least and, where it differs, the
-- greatest; in stock is a product with a variant in stock.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.attributes_of(given jsonb, variants jsonb) returns jsonb
language sql immutable parallel safe security invoker
set search_path from current
as $func$
    with forms as materialized (
        select v.place, v.variant -> 'attributes' as attributes,
               case when jsonb_typeof(v.variant #> '{attributes,price}') = 'number'
                    then (v.variant #> '{attributes,price}')::numeric end as price
        from jsonb_array_elements(variants) with ordinality as v (variant, place)
        where jsonb_typeof(v.variant -> 'attributes') = 'object'
    ),
    sold as (
        select min(f.price) as least, max(f.price) as greatest,
               (array_agg(f.attributes -> 'was_price' order by f.price, f.place))[1] as was_price,
               (array_agg(f.attributes -> 'currency' order by f.place)
                    filter (where f.attributes ? 'currency'))[1] as currency,
               bool_or((f.attributes -> 'in_stock') = 'true')
                   filter (where jsonb_typeof(f.attributes -> 'in_stock') = 'boolean') as in_stock
        from forms as f
    ),
    options as (
        select o.key, case when count(*) = 1 then (array_agg(o.value))[1]
                           else jsonb_agg(o.value order by o.place) end as value
        from (
            select a.key, e.value, min(array[f.place, e.place]) as place
            from forms as f
            cross join lateral jsonb_each(f.attributes) as a
            cross join lateral jsonb_array_elements(
                case when jsonb_typeof(a.value) = 'array' then a.value
                     else jsonb_build_array(a.value) end) with ordinality as e (value, place)
            where a.key not in ('price', 'price_max', 'was_price', 'currency', 'in_stock')
                and jsonb_typeof(e.value) in ('string', 'number', 'boolean')
                and length(e.value #>> '{}') between 1 and 100
            group by a.key, e.value
        ) as o
        group by o.key
        having count(*) <= 200
    )
    select coalesce((select jsonb_object_agg(o.key, o.value) from options as o), '{}')
        || jsonb_strip_nulls(jsonb_build_object(
               'price', s.least,
               'price_max', case when s.greatest > s.least then s.greatest end,
               'was_price', s.was_price, 'currency', s.currency, 'in_stock', s.in_stock))
        || given
    from sold as s;
$func$;

-- ---------------------------------------------------------------------------------------------
-- product_attributes(given, variants) → the same for any row of put_products: given and variants may be
-- null.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.product_attributes(given jsonb, variants jsonb) returns jsonb
language sql immutable parallel safe
return case when variants <> '[]' then attributes_of(coalesce(given, '{}'), variants)
            else coalesce(given, '{}') end;

-- ---------------------------------------------------------------------------------------------
-- put_parts(product_ids, products): makes the variants and pictures of these products, which are among
-- those rows of put_products, the given ones.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.put_parts(product_ids bigint[], products jsonb) returns void
language sql volatile security invoker
set search_path from current
as $func$
    with given as (
        select p.id, v.*
        from jsonb_to_recordset(put_parts.products) as g (external_id text, variants jsonb)
        join products as p on p.external_id = g.external_id and p.id = any (product_ids)
        cross join lateral rows from (
            jsonb_to_recordset(coalesce(g.variants, '[]')) as (
                sku text, title text, codes text[], image text, attributes jsonb))
            with ordinality as v (sku, title, codes, image, attributes, position)
    ),
    gone as (
        delete from variants as v
        where v.product_id = any (product_ids) and not exists (
            select from given as g where g.id = v.product_id and g.position = v.position)
    )
    insert into variants as v (product_id, position, sku, title, codes, image, attributes)
    select g.id, g.position, nullif(g.sku, ''), g.title, coalesce(array_remove(g.codes, null), '{}'),
           g.image, coalesce(g.attributes, '{}')
    from given as g
    on conflict (product_id, position) do update set
        sku = excluded.sku, title = excluded.title, codes = excluded.codes, image = excluded.image,
        attributes = excluded.attributes
    where (v.sku, v.title, v.codes, v.image, v.attributes) is distinct from
          (excluded.sku, excluded.title, excluded.codes, excluded.image, excluded.attributes);

    with given as (
        select p.id, i.image, i.role, i.position
        from jsonb_to_recordset(put_parts.products) as g (external_id text, images jsonb)
        join products as p on p.external_id = g.external_id and p.id = any (product_ids)
        cross join lateral rows from (
            jsonb_to_recordset(coalesce(g.images, '[]')) as (image text, role text))
            with ordinality as i (image, role, position)
    ),
    -- the vector of another picture at this place
    replaced as (
        delete from picture_embeddings as e
        using given as g, product_images as i
        where e.product_id = g.id and e.position = g.position
            and i.product_id = g.id and i.position = g.position and i.image <> g.image
    ),
    gone as (
        delete from product_images as i
        where i.product_id = any (product_ids) and not exists (
            select from given as g where g.id = i.product_id and g.position = i.position)
    )
    insert into product_images as i (product_id, position, image, role)
    select g.id, g.position, g.image,
           coalesce(g.role, case when g.position = 1 then 'main' else 'further' end)
    from given as g
    on conflict (product_id, position) do update set
        image = excluded.image, role = excluded.role,
        image_sha256 = case when i.image = excluded.image then i.image_sha256 end,
        image_error = case when i.image = excluded.image then i.image_error end,
        fetch_after = case when i.image = excluded.image then i.fetch_after end
    where (i.image, i.role) is distinct from (excluded.image, excluded.role);
$func$;

-- ---------------------------------------------------------------------------------------------
-- name_pictures(product_ids): says of these products' own pictures, as far as they were fetched, which
-- stored picture they are.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.name_pictures(product_ids bigint[]) returns void
language sql volatile security invoker
set search_path from current
as $func$
    update product_images as i set image_sha256 = p.image_sha256
    from products as p
    where p.id = any (product_ids) and i.product_id = p.id and i.image = p.image
        and i.image_sha256 is distinct from p.image_sha256;
$func$;
